//! Signs WebAssembly modules with tokens inside them, verifies them, and decides whose signatures
//! count and for what.
//!
//! A module carries a token, in which an account says who the module is, what it may use, and which
//! bytes it has, and signs that. The token is a JSON web token in a custom section, so it travels
//! with the artifact and every engine skips it. Whoever runs the module verifies it first, against
//! a policy that trusts nobody until told to.
//!
//! ```text
//!   operator (O...) ──account token──▶ account (A...) ──module token──▶ module (M...)
//!                                          │                                 │
//!  wasm ──sign_module──▶ wasm + token      │          TrustPolicy ──verify───┤
//!                                          │                                 ▼
//!   frames? one token? signature? hash? chain? times? trusted? ──────▶ VerifiedModule
//!                                                                            │
//!   granted by the token? within every limit? still in time? ◀──Permit── each call
//! ```
//!
//! # Example
//!
//! ```
//! use bytes::Bytes;
//! use capability_claims::{ClaimsBuilder, ClaimsError, KeyKind, KeyPair, TrustPolicy, sign_module, strip};
//!
//! let account = KeyPair::generate(KeyKind::Account)?;
//! let module = KeyPair::generate(KeyKind::Module)?;
//! let wasm = b"\0asm\x01\0\0\0";
//!
//! let claims = ClaimsBuilder::new(module.public_key())
//!     .name("counter")
//!     .capability("wascc:keyvalue")
//!     .expires_at(1_900_000_000);
//! let signed = sign_module(wasm, &claims, &account)?;
//! assert_eq!(strip(&signed)?, wasm);
//!
//! // The host's owner decides whom to trust, and says what time it is.
//! let now = 1_800_000_000;
//! let policy = TrustPolicy::nobody().account(account.public_key());
//! let verified = policy.verify(Bytes::from(signed.clone()), now)?;
//! assert!(verified.claims().grants("wascc:keyvalue"));
//!
//! // Later, while the module runs, the question is cheap enough to be asked before each call.
//! policy.check(verified.claims(), now + 60)?;
//! let too_late = policy.check(verified.claims(), 1_900_000_001);
//! assert!(matches!(too_late, Err(ClaimsError::Expired { .. })));
//!
//! // A policy that does not name the account refuses the same module.
//! let stranger = TrustPolicy::nobody().verify(Bytes::from(signed), now);
//! assert!(matches!(stranger, Err(ClaimsError::NotTrusted { .. })));
//! # Ok::<(), ClaimsError>(())
//! ```
//!
//! # What is read and written
//!
//! | | |
//! |---|---|
//! | keys | NATS nkeys text: 56 characters for a public key, 58 for a seed |
//! | signature | Ed25519 (RFC 8032), checked strictly: no small-order points, no second spelling |
//! | token | JWT (RFC 7519) with the header `{"typ":"jwt","alg":"Ed25519"}`; `EdDSA` is read too, and nothing else |
//! | section | a custom section `jwt` at the module's end; `wasmcloud_jwt` is read too |
//! | chain | a custom section `wascc_chain` just before it: an operator's and an account's token, or the latter alone, one on each line |
//! | hash | SHA-256 of the module without the token's section, in upper-case hexadecimal; a chain is part of what is hashed |
//!
//! Modules that `wascap` 0.5 and 0.16 signed verify here, and 0.16 reads what is signed here. The
//! crate does no input or output beside asking for randomness and, where no time is given, for the
//! time.
//!
//! # Chains, policies, permits
//!
//! A [`Chain`] holds the tokens between an operator and the account that signed a module. It
//! travels in a custom section `wascc_chain`, put there before the module is signed and so covered
//! by its token, or is given beside it. Whoever trusts the operator needs to know nothing else, and
//! [`VerifiedModule::provenance`] tells what was established, link by link.
//!
//! A [`TrustPolicy`] names whom to trust and takes away from there: revoked keys and tokens, denied
//! actors, lowest revisions, longest lives, and the most that each issuer may grant. It is built in
//! code or read as a [`PolicyDocument`]. What an actor may do is what its token grants *and* the
//! policy leaves; [`TrustPolicy::allows`] decides it, and a [`Permit`] remembers that decision, so
//! that asking before every call is a look-up.
//!
//! # Features
//!
//! | feature | default | |
//! |---|---|---|
//! | `toml` | yes | `PolicyDocument::from_toml` and `TrustPolicy::from_toml` |
#![forbid(unsafe_code)]

mod chain;
mod clock;
mod error;
mod keys;
mod modules;
mod policy;
mod text;
mod tokens;

pub use crate::{
    chain::{Chain, Link},
    clock::{Clock, ManualClock, Moment, SystemClock},
    error::{Bound, ClaimsError, OwnershipError, PolicyError, RotationError, TokenPart},
    keys::{KeyKind, KeyPair, PublicKey},
    modules::{ClaimsBuilder, Inspection, ModuleHash, extract, inspect, sign_module, strip},
    policy::{
        Access, ActorRules, Allowed, Grant, GrantLimit, GrantRule, IssuerRules, Owner, OwnerRules, Permit,
        PolicyDocument, PolicyEnd, Provenance, Revoked, Takeover, TrustPolicy, VerifiedModule,
    },
    tokens::{
        AccountBuilder, AccountClaims, Label, ModuleClaims, OperatorBuilder, OperatorClaims, RotationBuilder,
        RotationClaims,
    },
};

#[cfg(feature = "toml")]
pub use crate::policy::{PolicyVersion, SignedPolicies, SignedPolicy};

/// The examples of the README are run like those here.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
