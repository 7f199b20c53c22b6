//! Lists everything that this crate refuses, with the words for it.

use untrusted_text::Shown;

use super::{OwnershipError, PolicyError, RotationError, TokenPart};
use crate::{
    chain::Link,
    clock::Moment,
    keys::{KeyKind, PublicKey, nkeys::Malformed},
    modules::ModuleHash,
    tokens::Label,
};

/// Why a key, a token or a module was refused.
///
/// The variants tell apart what a caller may want to tell apart; the text is for people and says
/// what to do next. Names come from tokens, which anybody can write, so the text shows them escaped
/// and cut. What is refused for its file, for its chain or for a key does not name the module by
/// itself; [`Label::refusal`](crate::Label::refusal) does. No variant ever holds a secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ClaimsError {
    // --- The module and its token ----------------------------------------------------------------------------------
    /// The module has no token.
    #[error("the module is not signed: it carries no token; sign it with an account key before it is loaded")]
    NotSigned,
    /// The bytes are not a WebAssembly module, or are cut short.
    #[error(
        "not a whole WebAssembly module, at byte {offset}: {reason}; build it anew or get an undamaged copy"
    )]
    MalformedModule {
        /// Where in the file, in bytes from its start.
        offset: usize,
        /// What is wrong there.
        reason: &'static str,
    },
    /// More than one section of the module holds a token, so which one counts would be a guess.
    #[error("the module carries {count} tokens where one is allowed; sign it anew, which replaces them all")]
    MultipleTokens {
        /// The number of tokens.
        count: usize,
    },
    /// The token is not at the module's end, where signing puts it: sections were moved afterwards.
    #[error(
        "the token's section at byte {offset} is not the module's last: sections were moved after signing; get the original file or sign it anew"
    )]
    MisplacedToken {
        /// Where the token's section begins, in bytes from the start of the file.
        offset: usize,
    },
    /// The token is larger than any honest one.
    #[error("the token has {size} bytes where {limit} are allowed; grant and tag less in one token")]
    TokenTooLarge {
        /// The token's size in bytes.
        size: usize,
        /// The largest size in bytes.
        limit: usize,
    },
    /// The token is not in the form of one.
    #[error("the token's {part} cannot be read: {reason}; get the original file or sign it anew")]
    MalformedToken {
        /// The part that is wrong.
        part: TokenPart,
        /// What is wrong with it, fit to be shown.
        reason: String,
    },
    /// The token names a way of signing that is not accepted.
    #[error(
        "the token is signed with the algorithm \"{}\" where only Ed25519 is accepted; sign the module anew",
        Shown::new(.algorithm)
    )]
    UnsupportedAlgorithm {
        /// The algorithm as the token names it.
        algorithm: String,
    },
    /// The signature is not the issuer's: somebody without the issuer's key wrote or changed this token.
    #[error(
        "the token of {subject} is forged: its signature is not that of {issuer}, who is said to have issued it; do not use it, get it from its issuer"
    )]
    Forged {
        /// Whom the token is about.
        subject: Label,
        /// Who is said to have signed it.
        issuer: PublicKey,
    },
    /// The module is not the one that was signed.
    #[error(
        "{subject} was altered after it was signed: the token says SHA-256 {expected}, the module has {actual}; get the original file or have this one signed"
    )]
    Altered {
        /// The module.
        subject: Label,
        /// The hash that was signed.
        expected: ModuleHash,
        /// The hash of what is there.
        actual: ModuleHash,
    },
    // --- Its time, and who signed it -------------------------------------------------------------------------------
    /// The module's token is past its end.
    #[error(
        "the token of {subject} expired at {}, it is {} now; have the module signed anew",
        Moment(*.expired_at), Moment(*.now)
    )]
    Expired {
        /// The module.
        subject: Label,
        /// The second from which on the token is refused, since 1970.
        expired_at: u64,
        /// The time of the check, in seconds since 1970.
        now: u64,
    },
    /// The module's token is not valid yet.
    #[error(
        "the token of {subject} is not valid before {}, it is {} now; wait, or have the module signed anew",
        Moment(*.not_before), Moment(*.now)
    )]
    NotYetValid {
        /// The module.
        subject: Label,
        /// The first second in which the token will be good, since 1970.
        not_before: u64,
        /// The time of the check, in seconds since 1970.
        now: u64,
    },
    /// The policy trusts neither the account that signed the module nor an operator that vouches
    /// for this account.
    #[error(
        "nobody here trusts {issuer}, who signed {subject}; if you do, add this account or its operator to the trust policy"
    )]
    NotTrusted {
        /// The module.
        subject: Label,
        /// Who signed it.
        issuer: PublicKey,
    },
    // --- Accounts, operators and the chain between them ------------------------------------------------------------
    /// The account that signed the module is trusted through an operator only, and the account's
    /// token is past its end.
    #[error(
        "the token by which the operator {operator} vouches for {account} expired at {}, it is {} now; get a new account token from the operator",
        Moment(*.expired_at), Moment(*.now)
    )]
    AccountExpired {
        /// The account.
        account: Label,
        /// Who vouched for it.
        operator: PublicKey,
        /// The second from which on the account's token is refused, since 1970.
        expired_at: u64,
        /// The time of the check, in seconds since 1970.
        now: u64,
    },
    /// The account that signed the module is trusted through an operator only, and the account's
    /// token is not valid yet.
    #[error(
        "the token by which the operator {operator} vouches for {account} is not valid before {}, it is {} now; wait, or get a new account token from the operator",
        Moment(*.not_before), Moment(*.now)
    )]
    AccountNotYetValid {
        /// The account.
        account: Label,
        /// Who vouches for it.
        operator: PublicKey,
        /// The first second in which the account's token will be good, since 1970.
        not_before: u64,
        /// The time of the check, in seconds since 1970.
        now: u64,
    },
    /// A link of the chain does not hold.
    #[error("link {link} of the chain of tokens does not hold: {source}")]
    BrokenChain {
        /// Which link, counted from 1 at the root; the module's token comes after the last token of
        /// the chain.
        link: usize,
        /// The links before it, which hold.
        established: Box<[Link]>,
        /// What is wrong with it.
        #[source]
        source: Box<ClaimsError>,
    },
    /// A token of a chain is not issued by the one before it.
    #[error(
        "it is issued by {actual}, and the link before it is about {expected}; give the tokens in order from the operator to the account, or get the one that is missing"
    )]
    ChainGap {
        /// Whom the link before is about.
        expected: PublicKey,
        /// Who issued this one.
        actual: PublicKey,
    },
    /// A chain with no token or with too many.
    #[error(
        "a chain has an account's token and at most an operator's before it, {limit} in all, and not {count}; leave the module's own token out"
    )]
    ChainLength {
        /// The number of tokens.
        count: usize,
        /// The most that there can be.
        limit: usize,
    },
    /// More than one section of the module holds a chain.
    #[error(
        "the module carries {count} chains of tokens where one is allowed; embed the right one anew, which replaces them all, and sign the module"
    )]
    MultipleChains {
        /// The number of chains.
        count: usize,
    },
    /// The chain is not at the end of the module, where embedding puts it.
    #[error(
        "the chain's section at byte {offset} is not the last before the token: sections were moved after it was embedded; embed it anew and sign the module"
    )]
    MisplacedChain {
        /// Where the chain's section begins, in bytes from the start of the file.
        offset: usize,
    },
    /// An operator's token that somebody else issued.
    #[error(
        "the token of the operator {subject} was issued by {issuer}; an operator issues its own, get that"
    )]
    NotSelfIssued {
        /// The operator that the token is about.
        subject: Label,
        /// Who signed it.
        issuer: PublicKey,
    },
    /// The module's account is trusted through an operator whose own token is past its end.
    #[error(
        "the token of the operator {operator} expired at {}, it is {} now; get a new operator token",
        Moment(*.expired_at), Moment(*.now)
    )]
    OperatorExpired {
        /// The operator.
        operator: Label,
        /// The second from which on the token is refused, since 1970.
        expired_at: u64,
        /// The time of the check, in seconds since 1970.
        now: u64,
    },
    /// The module's account is trusted through an operator whose own token is not valid yet.
    #[error(
        "the token of the operator {operator} is not valid before {}, it is {} now; wait, or get a new operator token",
        Moment(*.not_before), Moment(*.now)
    )]
    OperatorNotYetValid {
        /// The operator.
        operator: Label,
        /// The first second in which the token will be good, since 1970.
        not_before: u64,
        /// The time of the check, in seconds since 1970.
        now: u64,
    },
    // --- What the policy denies ---------------------------------------------------------------------------
    /// A key on which the trust in the module depends is revoked.
    #[error(
        "the key {key} is revoked here, and {subject} depends on it; have the module signed anew with keys that are not"
    )]
    KeyRevoked {
        /// The module.
        subject: Label,
        /// The key that is revoked: the module's own, its account's or the operator's.
        key: PublicKey,
    },
    /// A token on which the trust in the module depends is revoked.
    #[error(
        "the token \"{}\" is revoked here, and {subject} depends on it; get a new token from its issuer", Shown::new(.id)
    )]
    TokenRevoked {
        /// The module.
        subject: Label,
        /// The token's id.
        id: Box<str>,
    },
    /// The policy denies this actor.
    #[error("the policy denies {subject}; if it should run here, take its key from the denied actors")]
    ActorDenied {
        /// The module.
        subject: Label,
    },
    /// The policy names the actors that may run, and this is not one of them.
    #[error("the policy does not allow {subject}; if it should run here, add its key to the allowed actors")]
    ActorNotAllowed {
        /// The module.
        subject: Label,
    },
    /// The module's revision is lower than the policy asks for.
    #[error(
        "{subject} has {}, and the policy asks for {minimum} at least; load a newer version",
        .revision.map_or("no revision".to_owned(), |revision| format!("the revision {revision}"))
    )]
    RevisionTooLow {
        /// The module.
        subject: Label,
        /// The revision in the token.
        revision: Option<i32>,
        /// The lowest that is allowed.
        minimum: i32,
    },
    /// The module's token never expires, and the policy requires that it does.
    #[error(
        "the token of {subject} never expires, and the policy allows {limit} seconds; have the module signed with an end"
    )]
    NeverExpires {
        /// The module.
        subject: Label,
        /// The longest life that is allowed, in seconds.
        limit: u64,
    },
    /// The module's token is good for longer than the policy allows.
    #[error(
        "the token of {subject} is good for {life} seconds, and the policy allows {limit}; have the module signed for a shorter time"
    )]
    LivesTooLong {
        /// The module.
        subject: Label,
        /// From issue to end, in seconds.
        life: u64,
        /// The longest life that is allowed, in seconds.
        limit: u64,
    },
    // --- What a module may not use ---------------------------------------------------------------------------------
    /// The module's token does not grant the capability.
    #[error(
        "{subject} is not granted {}; have the module signed with this capability if it should have it", Shown::new(.capability)
    )]
    NotGranted {
        /// The module.
        subject: Label,
        /// The capability's id, or the key of the module that was to be called.
        capability: Box<str>,
    },
    /// The token grants the capability, which its issuer may not grant here.
    #[error(
        "{subject} may not use {}: the policy does not let {issuer} grant it; if it should, add the capability to the limit of this issuer",
        Shown::new(.capability)
    )]
    CapabilityBeyondLimit {
        /// The module.
        subject: Label,
        /// Whose limit it is: the account's or the operator's.
        issuer: PublicKey,
        /// The capability's id, or the key of the module that was to be called.
        capability: Box<str>,
    },
    /// The token grants the capability, which its issuer may not grant here over this link.
    #[error(
        "{subject} may not use {} over the link \"{}\": the policy does not let {issuer} grant it there; if it should, add the link to the limit of this issuer",
        Shown::new(.capability), Shown::new(.link)
    )]
    LinkBeyondLimit {
        /// The module.
        subject: Label,
        /// Whose limit it is: the account's or the operator's.
        issuer: PublicKey,
        /// The capability's id, or the key of the module that was to be called.
        capability: Box<str>,
        /// The link's name.
        link: Box<str>,
    },
    /// The token grants the capability, which its issuer may not grant here for this operation.
    #[error(
        "{subject} may not use {} of {}: the policy does not let {issuer} grant it; if it should, add the operation to the limit of this issuer",
        Shown::new(.operation), Shown::new(.capability)
    )]
    OperationBeyondLimit {
        /// The module.
        subject: Label,
        /// Whose limit it is: the account's or the operator's.
        issuer: PublicKey,
        /// The capability's id, or the key of the module that was to be called.
        capability: Box<str>,
        /// The operation.
        operation: Box<str>,
    },
    // --- Concepts with errors of their own -------------------------------------------------------------------------
    /// It belongs to somebody else.
    #[error(transparent)]
    Ownership(#[from] OwnershipError),
    /// A rotation is not what it should be, or a key has handed over.
    #[error(transparent)]
    Rotation(#[from] RotationError),
    /// A policy as a whole is not what it should be.
    #[error(transparent)]
    Policy(#[from] PolicyError),
    // --- Policies and keys as they are written ---------------------------------------------------------------------
    /// More of something than any honest token or policy has.
    #[error("there are {count} {what} where {limit} are allowed; leave some out")]
    TooMany {
        /// What there are too many of.
        what: &'static str,
        /// How many there are.
        count: usize,
        /// The most that are allowed.
        limit: usize,
    },
    /// A policy's text does not say what a policy can say.
    #[error(
        "the policy cannot be read, line {line}, \"{}\": {}; correct it there", Shown::new(.field), Shown::new(.reason)
    )]
    MalformedPolicy {
        /// The line, counted from 1.
        line: usize,
        /// The name of the field, or nothing where none was found.
        field: Box<str>,
        /// What is wrong.
        reason: Box<str>,
    },
    /// A key of one kind where another is needed, for example an account's where a module's belongs.
    #[error(
        "{role} must be of the kind {expected} ({}...), and {key} is of the kind {}; give a key of the right kind",
        .expected.letter(), .key.kind()
    )]
    WrongKeyKind {
        /// What the key was to be.
        role: &'static str,
        /// The kind that is needed.
        expected: KeyKind,
        /// The key that was given, or the public one of the seed that was.
        key: PublicKey,
    },
    /// A text or bytes that are not a key. The text is not repeated, for it may be a secret.
    #[error("this is not a key: {reason}")]
    MalformedKey {
        /// What is wrong with it, and what to do.
        reason: &'static str,
    },
    /// A text that is not the hash of a module.
    #[error("a module's hash is written as 64 upper-case hexadecimal digits; copy all of it")]
    MalformedHash,
    // --- Making keys and tokens ------------------------------------------------------------------------------------
    /// A key of this kind cannot make signatures.
    #[error("a key of the kind {kind} cannot sign; generate an account, module or operator key")]
    CannotSign {
        /// The kind that was asked for.
        kind: KeyKind,
    },
    /// A token was to be issued that could never be valid.
    #[error(
        "the token would expire at {} and become valid only at {}; let it expire later or begin earlier",
        Moment(*.expires), Moment(*.not_before)
    )]
    NeverValid {
        /// The first second in which it would be good, since 1970.
        not_before: u64,
        /// The second from which on it would be refused, since 1970.
        expires: u64,
    },
    /// The operating system has no randomness to make a key or a token's id from.
    #[error(
        "the operating system gave no randomness, which keys and tokens are made from; try again, or on another system"
    )]
    NoRandomness {
        /// What the system said.
        #[source]
        source: getrandom::Error,
    },
}

impl From<Malformed> for ClaimsError {
    fn from(Malformed(reason): Malformed) -> Self {
        Self::MalformedKey { reason }
    }
}

#[cfg(test)]
mod tests {
    use super::ClaimsError;

    #[test]
    fn an_error_fits_in_two_cache_lines() {
        assert!(size_of::<ClaimsError>() <= 128, "{}", size_of::<ClaimsError>());
    }
}
