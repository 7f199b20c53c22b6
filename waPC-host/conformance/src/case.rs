//! Reads cases from their files.

use serde::Deserialize;

use crate::Bytes;

/// Why a case cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The file is not a case.
    #[error("the case `{name}` cannot be read: {source}")]
    Unreadable {
        /// The file's name, without its ending.
        name: String,
        /// What is wrong, with its place.
        #[source]
        source: toml::de::Error,
    },
    /// The guest of a case for hosts is not a module.
    #[error("the guest of the case `{name}` is no module: {reason}")]
    Guest {
        /// The file's name, without its ending.
        name: String,
        /// What is wrong.
        reason: String,
    },
}

/// Something that every host must do.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HostCase {
    /// The file's name, without its ending.
    #[serde(skip)]
    pub name: String,
    /// What must hold, as a sentence.
    pub title: String,
    /// The guest, in the text format of WebAssembly.
    pub guest: String,
    /// The same as a binary module.
    #[serde(skip)]
    pub wasm: Vec<u8>,
    /// Whether a host must take the module. If not, it must refuse to load it, or at the latest its first call.
    #[serde(default = "yes")]
    pub loads: bool,
    /// What the host's side answers when the guest calls it.
    #[serde(default, rename = "answer")]
    pub answers: Vec<Answer>,
    /// The calls of the guest, one after the other.
    #[serde(default, rename = "step")]
    pub steps: Vec<HostStep>,
    /// What the guest must have called, in this order; not looked at when it is left out.
    pub calls: Option<Vec<Call>>,
    /// What the guest must have written to the console, in this order; not looked at when it is left out.
    pub console: Option<Vec<String>>,
}

/// One call of a guest by its host.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HostStep {
    /// The operation.
    pub call: String,
    /// The payload.
    #[serde(default)]
    pub payload: Bytes,
    /// What must come of it.
    pub expect: Expected,
}

/// What must come of a call.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Expected {
    /// This reply.
    Reply(Bytes),
    /// A failure that tells this text.
    Error(String),
    /// A failure of any kind. The host lives on.
    Failure,
}

/// What the host's side answers to a call of the guest. The first that fits is taken; a call that none fits fails.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Answer {
    /// The operation that it is for; any, if it is left out.
    pub operation: Option<String>,
    /// The reply; the call's own payload by default.
    pub reply: Option<Bytes>,
    /// The text of the error that the call fails with.
    pub error: Option<String>,
    /// Calls the same guest with this operation and the payload, and replies with what comes back.
    pub reenter: Option<String>,
    /// For guests only: the number that `__host_call` returns, where it is not 1 for a reply and 0 for an error.
    pub status: Option<u32>,
    /// For guests only: tells the length of the error in characters, as some hosts do, and writes it in UTF-8.
    #[serde(default)]
    pub length_in_characters: bool,
}

/// A call of the guest to its host.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Call {
    /// The binding; empty where the guest's version of the protocol has none.
    #[serde(default)]
    pub binding: String,
    /// The namespace.
    #[serde(default)]
    pub namespace: String,
    /// The operation.
    pub operation: String,
    /// The payload.
    #[serde(default)]
    pub payload: Bytes,
}

/// Something that every guest must do that serves the suite's operations.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GuestCase {
    /// The file's name, without its ending.
    #[serde(skip)]
    pub name: String,
    /// What must hold, as a sentence.
    pub title: String,
    /// The only modules that it may import from; not looked at when it is left out.
    pub imports_from: Option<Vec<String>>,
    /// What the host's side answers when the guest calls it.
    #[serde(default, rename = "answer")]
    pub answers: Vec<Answer>,
    /// The calls, one after the other, in one instance.
    #[serde(default, rename = "step")]
    pub steps: Vec<GuestStep>,
    /// What the guest must have called, in this order; not looked at when it is left out.
    pub calls: Option<Vec<Call>>,
    /// What the guest must have written to the console, in this order; not looked at when it is left out.
    pub console: Option<Vec<String>>,
}

/// One call of a guest, or many that are the same.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GuestStep {
    /// The operation, which need not be text.
    pub call: Bytes,
    /// The payload.
    #[serde(default)]
    pub payload: Bytes,
    /// What must come of it. In each case the guest returns 1 and has replied once, or 0 and has failed once.
    pub expect: Expected,
    /// How often it is called.
    #[serde(default = "once")]
    pub times: u32,
    /// Whether its memory must have stopped growing after a tenth of these calls.
    #[serde(default)]
    pub memory_settles: bool,
}

fn yes() -> bool {
    true
}

fn once() -> u32 {
    1
}

impl HostCase {
    /// Reads a case for hosts from TOML. `name` tells it apart from others.
    ///
    /// # Errors
    /// [`Error::Unreadable`] and [`Error::Guest`].
    pub fn from_toml(name: &str, text: &str) -> Result<Self, Error> {
        let case: Self = read(name, text)?;
        let wasm = wat::parse_str(&case.guest)
            .map_err(|error| Error::Guest { name: name.to_owned(), reason: error.to_string() })?;
        Ok(Self { name: name.to_owned(), wasm, ..case })
    }
}

impl GuestCase {
    /// Reads a case for guests from TOML. `name` tells it apart from others.
    ///
    /// # Errors
    /// [`Error::Unreadable`].
    pub fn from_toml(name: &str, text: &str) -> Result<Self, Error> {
        Ok(Self { name: name.to_owned(), ..read(name, text)? })
    }
}

fn read<T: for<'a> Deserialize<'a>>(name: &str, text: &str) -> Result<T, Error> {
    toml::from_str(text).map_err(|source| Error::Unreadable { name: name.to_owned(), source })
}
