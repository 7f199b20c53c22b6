//! Splits into lines what a guest writes to its standard streams.

/// The longest line, in bytes; what is longer becomes several.
const LINE: usize = 4096;

/// The line that is being written to one stream.
#[derive(Debug, Default)]
pub(crate) struct Console {
    line: Vec<u8>,
}

impl Console {
    /// Takes bytes and hands every line that they complete to `print`.
    pub(crate) fn write(&mut self, bytes: &[u8], mut print: impl FnMut(&[u8])) {
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            let (text, ends) = match piece.strip_suffix(b"\n") {
                Some(text) => (text, true),
                None => (piece, false),
            };
            self.append(text, &mut print);
            if ends {
                print(&self.line);
                self.line.clear();
            }
        }
    }

    /// Hands out a line that was begun and not ended.
    pub(crate) fn flush(&mut self, mut print: impl FnMut(&[u8])) {
        if !self.line.is_empty() {
            print(&std::mem::take(&mut self.line));
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.line.is_empty()
    }

    fn append(&mut self, mut text: &[u8], print: &mut impl FnMut(&[u8])) {
        while self.line.len() + text.len() > LINE {
            let (fits, rest) = text.split_at(LINE - self.line.len());
            self.line.extend_from_slice(fits);
            print(&self.line);
            self.line.clear();
            text = rest;
        }
        self.line.extend_from_slice(text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn printed(writes: &[&[u8]]) -> (Vec<Vec<u8>>, Vec<u8>) {
        let mut console = Console::default();
        let mut lines = Vec::new();
        for bytes in writes {
            console.write(bytes, |line| lines.push(line.to_vec()));
            assert!(console.line.len() <= LINE);
        }
        (lines, console.line)
    }

    #[test]
    fn lines_are_put_together_and_taken_apart() {
        assert_eq!(
            printed(&[b"a", b"b\nc", b"\n\nd"]),
            (vec![b"ab".to_vec(), b"c".to_vec(), vec![]], b"d".to_vec())
        );
        assert_eq!(printed(&[b"", b""]), (vec![], vec![]));
    }

    #[test]
    fn a_line_without_end_becomes_several() {
        let (lines, rest) = printed(&[&[b'x'; LINE], &[b'y'; 2 * LINE], b"\n"]);
        assert_eq!(lines.iter().map(Vec::len).collect::<Vec<_>>(), [LINE, LINE, LINE]);
        assert_eq!(rest, b"");
    }
}
