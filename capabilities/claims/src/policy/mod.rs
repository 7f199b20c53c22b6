//! Decides whom to trust and what a module may do: the policy as the host's owner writes it, and
//! the questions that it answers.

mod allowed;
mod bindings;
mod canonical;
mod check;
mod decision;
mod document;
mod grants;
mod ownership;
mod pattern;
mod permit;
mod provenance;
mod rotations;
#[cfg(feature = "toml")]
mod signed;
mod standing;
mod summary;
#[cfg(feature = "toml")]
mod toml;
mod trust;
mod verify;

pub use allowed::Allowed;
pub use document::{ActorRules, GrantRule, IssuerRules, OwnerRules, PolicyDocument, PolicyEnd, Revoked};
pub use grants::{Access, Grant, GrantLimit};
pub use ownership::{Owner, Takeover};
pub use permit::Permit;
pub use provenance::Provenance;
#[cfg(feature = "toml")]
pub use signed::{PolicyVersion, SignedPolicies, SignedPolicy};
pub use trust::TrustPolicy;
pub use verify::VerifiedModule;
