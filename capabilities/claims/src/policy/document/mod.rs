//! Reads a policy as data and makes a policy of it.

mod apply;
mod form;
mod read;
mod whole;

pub use form::{ActorRules, GrantRule, IssuerRules, OwnerRules, PolicyDocument, PolicyEnd, Revoked};
