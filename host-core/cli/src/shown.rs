//! Text from modules, made fit for a terminal.

use std::fmt;

/// Text from outside: control characters and the like are escaped, so that it cannot write to the terminal.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shown<'a>(pub(crate) &'a str);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for c in self.0.chars() {
            match c {
                '"' | '\'' | '\\' => fmt::Write::write_char(f, c)?,
                _ => write!(f, "{}", c.escape_debug())?,
            }
        }
        Ok(())
    }
}

/// Text of several lines that has text from outside in it: as [`Shown`], but lines stay lines.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Lines<'a>(pub(crate) &'a str);

impl fmt::Display for Lines<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, line) in self.0.split('\n').enumerate() {
            let between = if index == 0 { "" } else { "\n" };
            write!(f, "{between}{}", Shown(line))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::Shown;

    #[test]
    fn text_cannot_write_to_the_terminal() {
        assert_eq!(Shown("a\u{1b}[2Jb\nc\u{202e}d").to_string(), "a\\u{1b}[2Jb\\nc\\u{202e}d");
        assert_eq!(Shown(r#"Käse "1" C:\x"#).to_string(), r#"Käse "1" C:\x"#);
    }
}
