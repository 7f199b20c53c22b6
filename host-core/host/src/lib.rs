//! Runs signed actors: a capability host that gives each only what its token grants and its owner linked, and lets actors and
//! providers be swapped while requests flow.
//!
//! ```text
//!                         ┌───────────────────────── Host ─────────────────────────┐
//!  embedding program ────▶│ call ─▶ actor's current generation ─▶ may it still run? │
//!                         │                    │                                    │
//!  provider (HTTP, ...) ─▶│ handle ────────────┤            pool of instances       │
//!                         │                    ▼                  │                 │
//!                         │            guest runs ── host call ──▶ router           │
//!                         │                                granted? linked?         │
//!                         │                                   │         │           │
//!                         └───────────────────────────────────┼─────────┼───────────┘
//!                                                             ▼         ▼
//!                                                         provider    another actor
//! ```
//!
//! What always holds:
//!
//! - A module runs only after its token was verified against the owner's [`TrustPolicy`], as a new actor and as the
//!   replacement of one; and it is looked at again before every call, so that an expiry, a revoked key and
//!   [another policy](Host::replace_policy) hold while the actor runs.
//! - An actor reaches a capability only when its token grants it **and** the policy leaves it to the token's issuers to grant
//!   **and** the owner linked it. One function decides that before every call to a provider and to another actor.
//! - Changes of one actor, of one place or of one link take turns; those of different ones do not wait for each other, and calls wait for
//!   none. A call belongs to the version of the actor that it started on. A change that fails has changed nothing.
//! - A provider that hangs keeps up whoever asked it for something, until the [provider deadline](HostBuilder::provider_deadline), and nobody
//!   else.
//! - What is let in, refused, swapped, used first and denied stands in the audit log, when the owner
//!   [gives one](HostBuilder::audit); by default nothing happens that could not be recorded.
//! - Nothing that an actor or a provider does takes the host down. Errors are typed: match [`Error`]'s variants.
//!
//! # Example
//!
//! An actor that answers every call with the name of the operation, signed by an account that the host trusts:
//!
//! ```
//! use capability_claims::{ClaimsBuilder, KeyKind, KeyPair, TrustPolicy, sign_module};
//! use host_core::{Error, Host};
//!
//! let wasm = wat::parse_str(r#"
//!     (module
//!       (import "wapc" "__guest_request" (func $request (param i32 i32)))
//!       (import "wapc" "__guest_response" (func $response (param i32 i32)))
//!       (memory (export "memory") 1)
//!       (func (export "__guest_call") (param $operation i32) (param $payload i32) (result i32)
//!         (call $request (i32.const 0) (i32.const 1024))
//!         (call $response (i32.const 0) (local.get $operation))
//!         (i32.const 1)))
//! "#)?;
//! let account = KeyPair::generate(KeyKind::Account)?;
//! let key = KeyPair::generate(KeyKind::Module)?;
//! let claims = ClaimsBuilder::new(key.public_key()).name("parrot").revision(1);
//! let signed = sign_module(&wasm, &claims, &account)?;
//!
//! let host = Host::builder().trust(TrustPolicy::nobody().account(account.public_key())).build()?;
//! let parrot = host.add_actor(signed)?;
//! assert_eq!(&host.call(&parrot, "Hello", b"")?[..], b"Hello");
//!
//! // The same module without a token is refused.
//! assert!(matches!(host.add_actor(wasm), Err(Error::Refused { .. })));
//!
//! // Another policy decides from the next call on; the actor stays in place, for a policy that lets it run again.
//! let revoked = TrustPolicy::nobody().account(account.public_key()).revoke_key(key.public_key());
//! host.replace_policy(revoked)?;
//! let refused = host.call(&parrot, "Hello", b"").unwrap_err();
//! assert!(matches!(refused, Error::NoLongerValid { .. }));
//! assert!(refused.to_string().contains("is revoked here"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! | feature | what it adds |
//! |---|---|
//! | `host-interrupt` (on by default) | ends a guest that runs past its deadline wherever it is; takes the signal SIGUSR1 over. Without it such a guest is ended when it next calls the host |
//!
//! [`TrustPolicy`]: capability_claims::TrustPolicy
#![forbid(unsafe_code)]

mod actor_ref;
mod actors;
mod builder;
mod calls;
mod changes;
mod error;
mod failure;
mod host;
#[cfg(test)]
mod interleavings;
mod kind;
mod links;
mod options;
mod reports;
mod shared;
mod steps;
mod trust;

pub use bytes::Bytes;
pub use capability_claims::{self as claims, KeyKind, KeyPair, PublicKey, TrustPolicy};
pub use capability_contracts as contracts;
pub use capability_provider::{
    self as provider, ActorId, Blocking, CallContext, CallId, Caller, CallerKind, CancelToken,
    CapabilityCall, CapabilityId, ErrorKind, IdError, LinkConfig, LinkKey, LinkName, Provider, ProviderError,
    Reply, Trace,
};

pub use wapc_host::Isolation;

pub use crate::{
    actor_ref::{ActorRef, CallFuture, Link, NewActor, PendingCall},
    builder::HostBuilder,
    calls::call::{Call, Layer, Next, Target},
    error::Error,
    failure::Unavailable,
    host::{Host, WeakHost},
    options::{AddOptions, SwapOptions},
    reports::{
        health::{ActorHealth, Condition, HealthReport, LinkHealth},
        policy_report::{BarredActor, PolicyReport},
        status::{
            ActorStatus, HandoverStatus, LinkStatus, PoolStatus, ProvenanceStatus, ProviderStatus, Status,
        },
        swap_report::{ActorVersion, SwapReport},
    },
    trust::{
        audit::AuditHealth,
        ledger::{LedgerError, RevisionLedger},
        ownership::Handover,
    },
};

/// The README's examples run too.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
