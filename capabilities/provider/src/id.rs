//! Names actors, capabilities and links.

use std::{fmt, str::FromStr, sync::Arc};

use untrusted_text::Shown;

/// The longest capability id and link name, in bytes.
const MAX_NAME: usize = 128;
/// How much an error shows of a text that is not a name, in characters.
const LONGEST_SHOWN: usize = 80;
/// The length of an actor's public key in its text form, in characters.
const ACTOR_KEY: usize = 56;

/// A name that cannot stand for what it was meant to.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum IdError {
    /// The text is not the public key of a module.
    #[error(
        "`{text}` is not an actor's id: give the module's public key, 56 characters of A-Z and 2-7 that begin with M"
    )]
    NotAnActor {
        /// The text as given, made fit for a message.
        text: String,
    },
    /// A capability id or a link name that is empty, too long, or holds white space or control characters.
    #[error(
        "`{text}` ({length} bytes) is not a {kind}: give 1 to 128 bytes without white space or control characters"
    )]
    NotAName {
        /// What it was meant to be.
        kind: &'static str,
        /// The text as given, made fit for a message.
        text: String,
        /// Its whole length in bytes.
        length: usize,
    },
}

/// An actor's identity: the public key of its module, in the 56-character text form of NATS nkeys (`M...`).
///
/// The form is checked (length, alphabet, first letter); the checksum inside is the business of whoever verifies the module.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ActorId(Arc<str>);

impl ActorId {
    /// The actor whose module has this public key.
    ///
    /// # Errors
    /// [`IdError::NotAnActor`] when the text is not in the form of a module's public key.
    pub fn new(key: &str) -> Result<Self, IdError> {
        if Self::has_form_of(key) {
            Ok(Self(key.into()))
        } else {
            Err(IdError::NotAnActor { text: shortened(key) })
        }
    }

    /// Whether the text has the form of an actor's id. A host call to such a namespace is a call to that actor.
    #[must_use]
    pub fn has_form_of(text: &str) -> bool {
        text.len() == ACTOR_KEY
            && text.starts_with('M')
            && text.bytes().all(|b| matches!(b, b'A'..=b'Z' | b'2'..=b'7'))
    }

    /// The key's text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A capability's id, such as `wascc:keyvalue`: 1 to 128 bytes without white space, control characters or others without a picture of their own.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CapabilityId(Arc<str>);

impl CapabilityId {
    /// The capability of this id.
    ///
    /// # Errors
    /// [`IdError::NotAName`] when the text is empty, too long, or holds white space or control characters.
    pub fn new(id: &str) -> Result<Self, IdError> {
        name(id, "capability id").map(Self)
    }

    /// The id's text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A link's name, which tells several links of one actor to one capability apart: 1 to 128 bytes without white space or
/// control characters. Most links are called [`default`](LinkName::default).
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LinkName(Arc<str>);

impl LinkName {
    /// The text of the default link name.
    pub const DEFAULT: &'static str = "default";

    /// The link name with this text; an empty text stands for `default`, as it does on the wire.
    ///
    /// # Errors
    /// [`IdError::NotAName`] when the text is too long, or holds white space or control characters.
    pub fn new(text: &str) -> Result<Self, IdError> {
        if text.is_empty() {
            return Ok(Self::default());
        }
        name(text, "link name").map(Self)
    }

    /// The name's text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for LinkName {
    fn default() -> Self {
        Self(Self::DEFAULT.into())
    }
}

/// What names one link: the actor, the capability that it may use, and the link's name.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LinkKey {
    /// The actor that is linked.
    pub actor: ActorId,
    /// The capability that it is linked to.
    pub capability: CapabilityId,
    /// The link's name.
    pub link: LinkName,
}

impl LinkKey {
    /// The link of `actor` to `capability` under the name `link`.
    #[must_use]
    pub fn new(actor: ActorId, capability: CapabilityId, link: LinkName) -> Self {
        Self { actor, capability, link }
    }
}

impl fmt::Display for LinkKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "link `{}` of {} to {}", self.link, self.actor, self.capability)
    }
}

fn name(text: &str, kind: &'static str) -> Result<Arc<str>, IdError> {
    let fits = (1..=MAX_NAME).contains(&text.len());
    // A name that is shown otherwise than it is could be taken for another one.
    if fits && !text.contains(char::is_whitespace) && Shown::new(text).to_string() == text {
        Ok(text.into())
    } else {
        Err(IdError::NotAName { kind, text: shortened(text), length: text.len() })
    }
}

fn shortened(text: &str) -> String {
    Shown::new(text).up_to(LONGEST_SHOWN).to_string()
}

macro_rules! text_form {
    ($($name:ident),*) => {$(
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.0)
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                Self::new(text)
            }
        }

        impl std::borrow::Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }
    )*};
}

text_form!(ActorId, CapabilityId, LinkName);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_actor_id_is_a_module_key() {
        let key = format!("M{}", "A".repeat(55));
        assert_eq!(ActorId::new(&key).unwrap().as_str(), key);
        for wrong in
            ["", "M", &format!("A{}", "A".repeat(55)), &format!("M{}", "a".repeat(55)), &key.repeat(2)]
        {
            assert!(matches!(ActorId::new(wrong), Err(IdError::NotAnActor { .. })), "{wrong}");
        }
    }

    #[test]
    fn an_empty_link_name_is_the_default() {
        assert_eq!(LinkName::new("").unwrap(), LinkName::default());
        assert_eq!(LinkName::default().as_str(), "default");
    }

    #[test]
    fn a_name_cannot_forge_the_message_nor_look_like_another() {
        for wrong in ["a\u{1b}[2J", "a\n b", "a\u{202e}b", "a\u{200b}b", "a\u{9b}b", "\u{301}a"] {
            let error = LinkName::new(wrong).unwrap_err().to_string();
            assert!(!error.contains(['\u{1b}', '\n', '\u{202e}', '\u{200b}', '\u{9b}']), "{error:?}");
            assert!(!ActorId::new(wrong).unwrap_err().to_string().contains(char::is_control));
        }
        assert_eq!(LinkName::new("größer:更大").unwrap().as_str(), "größer:更大");
    }

    #[test]
    fn names_without_form_are_refused_with_their_length() {
        let long = "x".repeat(200);
        for (wrong, length) in [("", 0), ("a b", 3), ("a\n", 2), (long.as_str(), 200)] {
            let error = CapabilityId::new(wrong).unwrap_err();
            assert!(matches!(error, IdError::NotAName { length: l, .. } if l == length), "{error}");
        }
    }
}
