//! Bounds the texts of strangers in errors, and makes them fit for people.

use std::path::Path;

use untrusted_text::Shown;

/// The longest sentence of a stranger that an error keeps, in characters.
const KEPT: usize = 4096;
/// The longest that it shows, in characters.
const SHOWN: usize = 1024;

/// A name as it is shown.
pub(crate) fn name(text: &str) -> Shown<'_> {
    Shown::new(text)
}

/// A sentence or more as it is shown.
pub(crate) fn words(text: &str) -> Shown<'_> {
    Shown::new(text).up_to(SHOWN)
}

/// A path as it is shown.
pub(crate) fn path(path: &Path) -> String {
    words(&path.to_string_lossy()).to_string()
}

/// As much of a text as an error keeps.
pub(crate) fn cut(text: &str) -> &str {
    text.char_indices().nth(KEPT).map_or(text, |(end, _)| &text[..end])
}

/// What is wrong with a module in the text format, and where: without the line that is at fault,
/// which is the module's own and of any length.
pub(crate) fn of_text_format(error: &wat::Error) -> String {
    let text = error.to_string();
    let mut lines = text.lines();
    let what = cut(lines.next().unwrap_or_default());
    // The parser tells the place behind an arrow, as `--> <anon>:3:14`.
    let place = lines.next().and_then(|line| line.trim_start().strip_prefix("--> <anon>:"));
    match place.and_then(|place| place.split_once(':')) {
        Some((line, column)) => format!("{what} (line {line}, column {column})"),
        // For a line that is too long to be quoted, it is `... at <anon>:3:14`.
        None => match what
            .rsplit_once(" at <anon>:")
            .and_then(|(what, place)| Some((what, place.split_once(':')?)))
        {
            Some((what, (line, column))) => format!("{what} (line {line}, column {column})"),
            None => what.to_owned(),
        },
    }
}
