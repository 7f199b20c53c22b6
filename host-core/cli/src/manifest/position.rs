//! Tells where in a manifest something stands.

use std::{
    fmt,
    ops::Range,
    path::{Path, PathBuf},
};

use serde::de::DeserializeOwned;
use toml::de::{DeTable, DeValue};
use untrusted_text::{Shown, ShownOf};

use crate::{deciding::Deciding, error::CliError, file, manifest::Manifest};

/// A manifest's text, and where it came from.
#[derive(Debug)]
pub(crate) struct Source {
    path: PathBuf,
    text: String,
}

/// A position in a manifest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Position {
    file: PathBuf,
    /// Counted from 1.
    line: usize,
    /// In characters, counted from 1.
    column: usize,
    /// The path of the field, such as `link[0].config.port`; empty where the text is not TOML.
    field: String,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", ShownOf(self.file.display()), self.line, self.column)?;
        if self.field.is_empty() { Ok(()) } else { write!(f, ": {}", Shown::words(&self.field)) }
    }
}

impl Position {
    fn tells(self, source: CliError) -> CliError {
        CliError::At { position: self, source: Box::new(source) }
    }
}

fn is_bare_key(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-')
}

impl Source {
    pub(crate) fn read(path: &Path, files: Deciding) -> Result<Self, CliError> {
        let bytes = file::read_deciding(path, files)?;
        let text = String::from_utf8(bytes).map_err(|error| CliError::Manifest {
            reason: format!("{} is not text: {}", ShownOf(path.display()), error.utf8_error()),
        })?;
        Ok(Self { path: path.to_owned(), text })
    }

    /// What is written, if it has the shape of a manifest.
    pub(crate) fn manifest(&self) -> Result<Manifest, CliError> {
        self.as_written()
    }

    /// What is written, if it has the shape that is asked for.
    pub(crate) fn as_written<T: DeserializeOwned>(&self) -> Result<T, CliError> {
        toml::from_str(&self.text).map_err(|error| {
            let span = error.span().unwrap_or(0..0);
            let position = self.position(&span);
            let reason =
                match self.text.get(span).filter(|text| position.field.is_empty() && is_bare_key(text)) {
                    // Text that is not TOML has no fields to tell; the key at the position is the next best.
                    Some(key) => format!("{}: `{key}`", error.message()),
                    None => error.message().to_owned(),
                };
            position.tells(CliError::Manifest { reason })
        })
    }

    /// A path in the manifest: a relative one begins at the manifest's directory.
    pub(crate) fn resolve(&self, path: &Path) -> PathBuf {
        self.directory().join(path)
    }

    pub(crate) fn directory(&self) -> &Path {
        self.path.parent().unwrap_or(Path::new(""))
    }

    /// The error that what stands at `span` cannot be meant.
    pub(crate) fn wrong(&self, span: Range<usize>, reason: String) -> CliError {
        self.at(span)(CliError::Manifest { reason })
    }

    /// The error that a top-level table is not there.
    pub(crate) fn missing(&self, table: &str, reason: &str) -> CliError {
        let position = Position { field: table.to_owned(), ..self.position(&(0..0)) };
        position.tells(CliError::Manifest { reason: reason.to_owned() })
    }

    /// Adds to an error that what stands at `span` asked for what failed.
    pub(crate) fn at(&self, span: Range<usize>) -> impl FnOnce(CliError) -> CliError {
        let position = self.position(&span);
        move |source| position.tells(source)
    }

    fn position(&self, span: &Range<usize>) -> Position {
        let before = self.text.get(..span.start).unwrap_or(&self.text);
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        Position {
            file: self.path.clone(),
            line: before.matches('\n').count() + 1,
            column: before[line_start..].chars().count() + 1,
            field: self.field(span.start),
        }
    }

    /// The path of the innermost field that covers an offset of the text.
    fn field(&self, offset: usize) -> String {
        let Ok(document) = DeTable::parse(&self.text) else { return String::new() };
        let mut search = Search { offset, found: String::new(), size: usize::MAX };
        search.table("", document.get_ref());
        search.found
    }
}

/// Looks for the field with the shortest text that covers an offset.
struct Search {
    offset: usize,
    found: String,
    size: usize,
}

impl Search {
    fn table(&mut self, path: &str, table: &DeTable<'_>) {
        for (key, value) in table {
            let dot = if path.is_empty() { "" } else { "." };
            let path = format!("{path}{dot}{}", key.get_ref());
            self.look(&path, key.span());
            self.look(&path, value.span());
            self.value(&path, value.get_ref());
        }
    }

    fn value(&mut self, path: &str, value: &DeValue<'_>) {
        match value {
            DeValue::Table(table) => self.table(path, table),
            DeValue::Array(array) => {
                for (index, value) in array.iter().enumerate() {
                    let path = format!("{path}[{index}]");
                    self.look(&path, value.span());
                    self.value(&path, value.get_ref());
                }
            }
            _ => {}
        }
    }

    fn look(&mut self, path: &str, span: Range<usize>) {
        if span.contains(&self.offset) && span.len() <= self.size {
            self.size = span.len();
            path.clone_into(&mut self.found);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(text: &str) -> Source {
        Source { path: "host.toml".into(), text: text.to_owned() }
    }

    #[track_caller]
    fn position(text: &str, what: &str) -> String {
        source(text).position(&(text.find(what).unwrap()..text.len())).to_string()
    }

    #[test]
    fn a_place_names_line_column_and_field() {
        let text = "[trust]\naccounts = [\"ä\", \"B\"]\n\n[[link]]\nactor = 1\n[[link]]\nactor = 2\nconfig = { port = 3 }\n";
        assert_eq!(position(text, "\"B\""), "host.toml:2:18: trust.accounts[1]");
        assert_eq!(position(text, "actor = 2"), "host.toml:7:1: link[1].actor");
        assert_eq!(position(text, "2"), "host.toml:7:9: link[1].actor");
        assert_eq!(position(text, "3"), "host.toml:8:19: link[1].config.port");
    }

    #[test]
    fn text_that_is_no_toml_has_lines_all_the_same() {
        assert_eq!(position("a = 1\nb = = 2\n", "= 2"), "host.toml:2:5");
        assert_eq!(source("").position(&(7..9)).to_string(), "host.toml:1:1");
    }
}
