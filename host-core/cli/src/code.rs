//! Gives each kind of failure one word, for programs that read `--json`.

use capability_claims::{ClaimsError, OwnershipError, PolicyError, RotationError};
use capability_provider::ProviderError;
use host_audit::{AuditError, VerifyError};
use host_core::LedgerError;
use trusted_files::FileError;

/// What later versions of the crates below may add.
const OTHER: &str = "other";

pub(crate) fn of_claims(error: &ClaimsError) -> &'static str {
    use ClaimsError as E;
    match error {
        E::NotSigned => "not_signed",
        E::TooMany { .. } => "too_many",
        E::Rotation(RotationError::KeyRotated { .. }) => "key_rotated",
        E::Rotation(RotationError::NotInForce { .. }) => "rotation_not_in_force",
        E::Rotation(_) => "rotation",
        E::Policy(PolicyError::NotWhole { .. } | PolicyError::NoEnd { .. }) => "policy_not_whole",
        E::Policy(PolicyError::Unsigned { .. }) => "policy_not_signed",
        E::Policy(PolicyError::OtherSigner { .. }) => "policy_signer",
        E::Policy(PolicyError::Changed { .. }) => "policy_altered",
        E::Policy(PolicyError::Replayed { .. }) => "policy_replayed",
        E::Ownership(OwnershipError::BoundToAnother { .. }) => "bound_to_another",
        E::Ownership(OwnershipError::NotTheOwner { .. }) => "not_the_owner",
        E::MalformedModule { .. } => "invalid_module",
        E::MultipleTokens { .. } => "multiple_tokens",
        E::MisplacedToken { .. } => "misplaced_token",
        E::TokenTooLarge { .. } => "token_too_large",
        E::MalformedToken { .. } => "malformed_token",
        E::UnsupportedAlgorithm { .. } => "unsupported_algorithm",
        E::Forged { .. } => "forged",
        E::Altered { .. } => "altered",
        E::Expired { .. } => "expired",
        E::NotYetValid { .. } => "not_yet_valid",
        E::NotTrusted { .. } => "not_trusted",
        E::AccountExpired { .. } => "account_expired",
        E::AccountNotYetValid { .. } => "account_not_yet_valid",
        E::OperatorExpired { .. } => "operator_expired",
        E::OperatorNotYetValid { .. } => "operator_not_yet_valid",
        E::BrokenChain { .. } => "broken_chain",
        E::ChainGap { .. } => "chain_gap",
        E::ChainLength { .. } => "chain_length",
        E::MultipleChains { .. } => "multiple_chains",
        E::MisplacedChain { .. } => "misplaced_chain",
        E::NotSelfIssued { .. } => "not_self_issued",
        E::KeyRevoked { .. } => "key_revoked",
        E::TokenRevoked { .. } => "token_revoked",
        E::ActorDenied { .. } => "actor_denied",
        E::ActorNotAllowed { .. } => "actor_not_allowed",
        E::RevisionTooLow { .. } => "revision_too_low",
        E::NeverExpires { .. } => "never_expires",
        E::LivesTooLong { .. } => "lives_too_long",
        E::NotGranted { .. } => "not_granted",
        E::CapabilityBeyondLimit { .. } => "capability_beyond_limit",
        E::LinkBeyondLimit { .. } => "link_beyond_limit",
        E::OperationBeyondLimit { .. } => "operation_beyond_limit",
        E::MalformedPolicy { .. } => "malformed_policy",
        E::WrongKeyKind { .. } => "wrong_key_kind",
        E::MalformedKey { .. } => "malformed_key",
        E::MalformedHash => "malformed_hash",
        E::CannotSign { .. } => "cannot_sign",
        E::NeverValid { .. } => "never_valid",
        E::NoRandomness { .. } => "no_randomness",
        _ => OTHER,
    }
}

pub(crate) fn of_audit(error: &VerifyError) -> &'static str {
    use VerifyError as E;
    match error {
        E::Read { .. } => "read_file",
        E::LineTooLong { .. } | E::Malformed { .. } => "audit_malformed",
        E::Altered { .. } => "audit_altered",
        E::Missing { .. } => "audit_missing",
        E::OutOfPlace { .. } => "audit_out_of_place",
        E::Unlinked { .. } => "audit_unlinked",
        E::Partial { .. } => "audit_partial",
        E::HeadMissing { .. } => "audit_head_missing",
        _ => OTHER,
    }
}

pub(crate) fn of_audit_log(error: &AuditError) -> &'static str {
    use AuditError as E;
    match error {
        E::Open { .. } | E::NotAFile { .. } => "audit_open",
        E::Untrusted { .. } => "untrusted_file",
        E::InUse { .. } => "audit_in_use",
        E::Broken { source, .. } => of_audit(source),
        E::Write { .. } => "audit_write",
        E::Changed { .. } => "audit_changed",
        E::Removed { .. } => "audit_removed",
        _ => OTHER,
    }
}

pub(crate) fn of_ledger(error: &LedgerError) -> &'static str {
    use LedgerError as E;
    match error {
        E::File(FileError::Open { .. }) | E::Disk { .. } => "ledger_open",
        E::File(_) => "untrusted_file",
        E::InUse { .. } => "ledger_in_use",
        E::NotALedger { .. } | E::Damaged { .. } | E::TooLarge { .. } => "ledger_malformed",
        E::Full { .. } => "ledger_full",
        _ => OTHER,
    }
}

pub(crate) fn of_engine(error: &wapc_engine::Error) -> &'static str {
    use wapc_engine::Error as E;
    match error {
        E::InvalidModule { .. } => "invalid_module",
        E::CompileLimit { .. } => "compile_limit",
        E::CompileTime { .. } => "compile_time",
        E::ReadFile { .. } => "read_file",
        E::CacheDirectory { .. } => "cache_directory",
        E::MissingImport { .. } => "missing_import",
        E::ImportType { .. } => "import_type",
        E::MissingExport { .. } => "missing_export",
        E::ExportType { .. } => "export_type",
        E::Arity { .. } => "arity",
        E::ArgumentType { .. } => "argument",
        E::NotANumber { .. } => "not_a_number",
        E::Trap { .. } => "trap",
        E::DeadlineExceeded { .. } => "deadline_exceeded",
        E::Cancelled { .. } => "cancelled",
        E::MemoryLimit { .. } => "memory_limit",
        E::TableLimit { .. } => "table_limit",
        E::SegmentLimit { .. } => "segment_limit",
        E::Resources { .. } => "resources",
        _ => OTHER,
    }
}

pub(crate) fn of_conversation(error: &wapc_host::Error) -> &'static str {
    use wapc_host::Error as E;
    match error {
        E::Engine(error) => of_engine(error),
        E::Guest { .. } => "guest",
        E::Trap { .. } => "trap",
        E::DeadlineExceeded { .. } => "deadline_exceeded",
        E::Cancelled { .. } => "cancelled",
        E::MemoryLimit { .. } => "memory_limit",
        E::Protocol { .. } => "protocol",
        E::PayloadTooLarge { .. } => "payload_too_large",
        E::ReplyTooLarge { .. } => "reply_too_large",
        E::HandlerPanicked { .. } => "handler_panicked",
        _ => OTHER,
    }
}

pub(crate) fn of_host(error: &host_core::Error) -> &'static str {
    use host_core::Error as E;
    match error {
        E::NoTrustPolicy => "no_trust_policy",
        E::Engine { source } => of_conversation(source),
        E::Thread { .. } => "resources",
        E::Refused { source, .. }
        | E::NoLongerValid { source, .. }
        | E::NotGranted { source, .. }
        | E::BeyondPolicy { source, .. } => of_claims(source),
        E::CannotRun { source, .. } => of_conversation(source),
        E::ActorExists { .. } => "actor_exists",
        E::ProviderExists { .. } => "provider_exists",
        E::UnknownProvider { .. } => "unknown_provider",
        E::UnknownActor { .. } => "unknown_actor",
        E::OtherActor { .. } => "other_actor",
        E::RevisionTooLow { .. } => "lower_revision",
        E::BelowHighestRevision { .. } => "below_highest_revision",
        E::NotRemembered { source, .. } => of_ledger(source),
        E::NotTheOwner { .. } => "not_the_owner",
        E::NotAdmitted { .. } | E::CallsWhileStarting { .. } => "not_admitted",
        E::LinkExists { .. } => "link_exists",
        E::UnknownLink { .. } => "unknown_link",
        E::NotLinked { .. } => "not_linked",
        E::ReservedOperation { .. } => "reserved_operation",
        E::CapabilityUnavailable { .. } => "unavailable",
        E::ShuttingDown => "shutting_down",
        E::LinkFailed { source, .. } => of_provider(source),
        E::ProviderPanicked { .. } => "provider_panicked",
        E::NotRecorded { source, .. } | E::PolicyWaits { source, .. } => of_audit_log(source),
        _ => OTHER,
    }
}

pub(crate) fn of_provider(error: &ProviderError) -> &'static str {
    match error {
        ProviderError::InvalidConfig { .. } => "invalid_config",
        ProviderError::Unavailable { .. } => "unavailable",
        ProviderError::DeadlineExceeded { .. } => "deadline_exceeded",
        _ => OTHER,
    }
}

#[cfg(test)]
mod tests {
    use capability_claims::{Label, PublicKey};
    use capability_provider::ActorId;
    use host_core::Error;

    use super::*;

    const MODULE: &str = "MAWTZOX6RYV2OCU46C3VC6CPCFXTLS3EHQFBB6X56LXL7C7IKHUSV4QW";

    #[test]
    fn what_a_host_refuses_has_a_word_of_its_own() {
        let actor = || ActorId::new(MODULE).unwrap();
        let issuer = PublicKey::parse(MODULE).unwrap();
        let subject = || Label::new(Some("counter"), issuer);
        let not_granted = ClaimsError::NotGranted { subject: subject(), capability: "a:b".into() };
        let beyond =
            ClaimsError::CapabilityBeyondLimit { subject: subject(), issuer, capability: "a:b".into() };
        let removed = AuditError::Removed { path: "audit.log".into() };
        for (error, word) in [
            (Error::Refused { module: None, source: Box::new(ClaimsError::NotSigned) }, "not_signed"),
            (Error::NotGranted { actor: actor(), source: Box::new(not_granted) }, "not_granted"),
            (Error::BeyondPolicy { actor: actor(), source: Box::new(beyond) }, "capability_beyond_limit"),
            (Error::NotRecorded { what: "a load".into(), source: Box::new(removed) }, "audit_removed"),
            (Error::OtherActor { actor: actor(), offered: actor(), name: "counter".into() }, "other_actor"),
            (
                Error::RevisionTooLow { actor: actor(), name: "counter".into(), current: 2, offered: 1 },
                "lower_revision",
            ),
        ] {
            assert_eq!(of_host(&error), word, "{error}");
        }
    }
}
