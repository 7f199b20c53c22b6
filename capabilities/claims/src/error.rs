//! Everything that this crate refuses, and why.

use std::fmt;

use crate::{
    clock::Moment,
    hash::ModuleHash,
    keys::{KeyKind, PublicKey},
};

/// The part of a token that a [`ClaimsError::MalformedToken`] is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum TokenPart {
    /// The text as a whole, before it is taken apart.
    Text,
    /// The first part: type and algorithm.
    Header,
    /// The second part: who signed what.
    Claims,
    /// The third part: 64 bytes.
    Signature,
}

impl fmt::Display for TokenPart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Text => "text",
            Self::Header => "header",
            Self::Claims => "claims",
            Self::Signature => "signature",
        })
    }
}

/// Why a key, a token or a module was refused.
///
/// The variants tell apart what a caller may want to tell apart; the text is for people and says what to do next. Names come
/// from tokens, which anybody can write, so the text shows them escaped and cut. No variant ever holds a secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ClaimsError {
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
    /// The token has not the shape of a token.
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
        Shown(.algorithm)
    )]
    UnsupportedAlgorithm {
        /// The algorithm as the token names it.
        algorithm: String,
    },
    /// The signature is not the issuer's: somebody wrote or changed this token who has not the issuer's key.
    #[error(
        "the token of \"{}\" ({subject}) is forged: its signature is not that of {issuer}, who is said to have issued it; do not use it, get it from its issuer",
        Shown(.name)
    )]
    Forged {
        /// The name in the token.
        name: Box<str>,
        /// Whom the token is about.
        subject: PublicKey,
        /// Who is said to have signed it.
        issuer: PublicKey,
    },
    /// The module is not the one that was signed.
    #[error(
        "\"{}\" ({subject}) was altered after it was signed: the token says SHA-256 {expected}, the module has {actual}; get the original file or have this one signed",
        Shown(.name)
    )]
    Altered {
        /// The name in the token.
        name: Box<str>,
        /// The module's key.
        subject: PublicKey,
        /// The hash that was signed.
        expected: ModuleHash,
        /// The hash of what is there.
        actual: ModuleHash,
    },
    /// The module's token is past its end.
    #[error(
        "the token of \"{}\" ({subject}) expired at {}, it is {} now; have the module signed anew",
        Shown(.name), Moment(*.expired_at), Moment(*.now)
    )]
    Expired {
        /// The name in the token.
        name: Box<str>,
        /// The module's key.
        subject: PublicKey,
        /// The last second in which the token was good, since 1970.
        expired_at: u64,
        /// The time of the check, in seconds since 1970.
        now: u64,
    },
    /// The module's token has not begun.
    #[error(
        "the token of \"{}\" ({subject}) is not valid before {}, it is {} now; wait, or have the module signed anew",
        Shown(.name), Moment(*.not_before), Moment(*.now)
    )]
    NotYetValid {
        /// The name in the token.
        name: Box<str>,
        /// The module's key.
        subject: PublicKey,
        /// The first second in which the token will be good, since 1970.
        not_before: u64,
        /// The time of the check, in seconds since 1970.
        now: u64,
    },
    /// The policy trusts neither the account that signed the module nor an operator that vouches for this account.
    #[error(
        "nobody here trusts {issuer}, who signed \"{}\" ({subject}); if you do, add this account or its operator to the trust policy",
        Shown(.name)
    )]
    NotTrusted {
        /// The name in the token.
        name: Box<str>,
        /// The module's key.
        subject: PublicKey,
        /// Who signed it.
        issuer: PublicKey,
    },
    /// The account that signed the module is trusted through an operator only, and the operator's word for it is past its end.
    #[error(
        "the token by which the operator {operator} vouches for \"{}\" ({account}) expired at {}, it is {} now; get a new account token from the operator",
        Shown(.name), Moment(*.expired_at), Moment(*.now)
    )]
    AccountExpired {
        /// The account's name in its token.
        name: Box<str>,
        /// The account.
        account: PublicKey,
        /// Who vouched for it.
        operator: PublicKey,
        /// The last second in which the account's token was good, since 1970.
        expired_at: u64,
        /// The time of the check, in seconds since 1970.
        now: u64,
    },
    /// The account that signed the module is trusted through an operator only, and the operator's word for it has not begun.
    #[error(
        "the token by which the operator {operator} vouches for \"{}\" ({account}) is not valid before {}, it is {} now; wait, or get a new account token from the operator",
        Shown(.name), Moment(*.not_before), Moment(*.now)
    )]
    AccountNotYetValid {
        /// The account's name in its token.
        name: Box<str>,
        /// The account.
        account: PublicKey,
        /// Who vouches for it.
        operator: PublicKey,
        /// The first second in which the account's token will be good, since 1970.
        not_before: u64,
        /// The time of the check, in seconds since 1970.
        now: u64,
    },
    /// A key of one kind where another is needed, for example an account's where a module's belongs.
    #[error(
        "{role} must be of the kind {expected} ({}...), and this key is of the kind {actual} ({}...); give a key of the right kind",
        .expected.letter(), .actual.letter()
    )]
    WrongKeyKind {
        /// What the key was to be.
        role: &'static str,
        /// The kind that is needed.
        expected: KeyKind,
        /// The kind that was given.
        actual: KeyKind,
    },
    /// A text or bytes that are no key. The text is not repeated, for it may be a secret.
    #[error("this is not a key: {reason}")]
    MalformedKey {
        /// What is wrong with it.
        reason: &'static str,
    },
    /// A text that is no hash of a module.
    #[error("a module's hash is written as 64 upper-case hexadecimal digits")]
    MalformedHash,
    /// A key of this kind cannot make signatures.
    #[error("a key of the kind {kind} cannot sign; generate an account, module or operator key")]
    CannotSign {
        /// The kind that was asked for.
        kind: KeyKind,
    },
    /// A token was to be issued that could never be valid.
    #[error(
        "the token would expire at {}, before it becomes valid at {}; let it expire later or begin earlier",
        Moment(*.expires), Moment(*.not_before)
    )]
    NeverValid {
        /// The first second in which it would be good, since 1970.
        not_before: u64,
        /// The last second in which it would be good, since 1970.
        expires: u64,
    },
    /// The operating system has no randomness to make a key or a token's id from.
    #[error("the operating system gave no randomness; a key or a token's id cannot be made without it")]
    NoRandomness {
        /// What the system said.
        #[source]
        source: getrandom::Error,
    },
}

/// Text from a token, made fit for a terminal and a log: control characters escaped, and cut after some length.
pub(crate) struct Shown<'a>(pub(crate) &'a str);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const LONGEST: usize = 160;
        for c in self.0.chars().take(LONGEST) {
            match c {
                '"' | '\'' => fmt::Write::write_char(f, c)?,
                _ => write!(f, "{}", c.escape_debug())?,
            }
        }
        if self.0.chars().nth(LONGEST).is_some() { f.write_str("...") } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::{ClaimsError, Shown};

    #[test]
    fn what_a_token_says_cannot_write_to_the_terminal() {
        assert_eq!(Shown("a\u{1b}[2Jb\nc\u{202e}d").to_string(), "a\\u{1b}[2Jb\\nc\\u{202e}d");
        assert_eq!(Shown(&"x".repeat(1000)).to_string(), format!("{}...", "x".repeat(160)));
        assert_eq!(Shown("K\u{e4}se \"1\"").to_string(), "K\u{e4}se \"1\"");
    }

    #[test]
    fn an_error_fits_in_two_cache_lines() {
        assert!(size_of::<ClaimsError>() <= 128, "{}", size_of::<ClaimsError>());
    }
}
