//! Describes what a module imports and exports.

use std::fmt;

use crate::text;

/// How many parameters or results a signature shows.
const TYPES: usize = 32;

/// The parameters and results of a function, as the text format writes their types.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signature {
    /// The types of the parameters.
    pub params: Vec<String>,
    /// The types of the results.
    pub results: Vec<String>,
}

impl fmt::Display for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "({}) -> ({})", list(&self.params), list(&self.results))
    }
}

/// What kind of thing an import or export is.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ExternKind {
    /// A function.
    Function(Signature),
    /// A linear memory; sizes in pages of 64 KiB.
    Memory {
        /// The size at the start.
        minimum: u32,
        /// The largest size, where the module says one.
        maximum: Option<u32>,
    },
    /// A table; sizes in elements.
    Table {
        /// The size at the start.
        minimum: u32,
        /// The largest size, where the module says one.
        maximum: Option<u32>,
    },
    /// A global variable, with the name of its type.
    Global(String),
    /// An exception tag.
    Tag,
}

impl fmt::Display for ExternKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let range = |f: &mut fmt::Formatter<'_>, what, minimum: &u32, maximum: &Option<u32>| match maximum {
            Some(maximum) => write!(f, "{what} {minimum}..{maximum}"),
            None => write!(f, "{what} {minimum}.."),
        };
        match self {
            Self::Function(signature) => write!(f, "function {signature}"),
            Self::Memory { minimum, maximum } => range(f, "memory of pages", minimum, maximum),
            Self::Table { minimum, maximum } => range(f, "table of elements", minimum, maximum),
            Self::Global(ty) => write!(f, "global {ty}"),
            Self::Tag => f.write_str("tag"),
        }
    }
}

/// One import of a module.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Import {
    /// The name of the module that it is to come from.
    pub module: String,
    /// Its name there.
    pub name: String,
    /// What it is.
    pub kind: ExternKind,
}

impl fmt::Display for Import {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}: {}", text::name(&self.module), text::name(&self.name), self.kind)
    }
}

/// One export of a module.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Export {
    /// Its name.
    pub name: String,
    /// What it is.
    pub kind: ExternKind,
}

impl fmt::Display for Export {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", text::name(&self.name), self.kind)
    }
}

/// The first types of a list, which may have a thousand, and how many more there are.
fn list(types: &[String]) -> String {
    match types.split_at_checked(TYPES) {
        Some((first, more)) if !more.is_empty() => format!("{}, and {} more", first.join(", "), more.len()),
        _ => types.join(", "),
    }
}
