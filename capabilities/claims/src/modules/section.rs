//! Reads the frames of a module's sections one after the other, and never looks into their bodies.
//!
//! This is the only file that uses `parity-wasm`, and only for LEB128 numbers and for writing a
//! custom section. The library's parser knows the instructions of 2020 and refuses what today's
//! compilers emit, and it trusts sizes that a hostile file may lie about; so sizes are checked here
//! against the bytes that are there before anything is read.

use std::ops::Range;

use parity_wasm::elements::{CustomSection, Deserialize as _, Section as Element, Serialize as _, VarUint32};

use crate::error::ClaimsError;

/// What every module begins with: the magic number and the version of the binary format.
const PREAMBLE: [u8; 8] = *b"\0asm\x01\0\0\0";
/// The name under which tokens are written, and the one that later tools gave them.
const TOKEN_NAMES: [&[u8]; 2] = [TOKEN_NAME.as_bytes(), b"wasmcloud_jwt"];
const TOKEN_NAME: &str = "jwt";
/// The name of the section that carries the tokens of those who vouch for the signer.
const CHAIN_NAME: &str = "wascc_chain";
/// The id of custom sections.
const CUSTOM: u8 = 0;
/// The most bytes that a token's section takes beside the token: id, size, the name's length and the name.
pub(crate) const TOKEN_OVERHEAD: usize = 1 + LONGEST_SIZE + 1 + TOKEN_NAME.len();
/// The most bytes that a 32-bit number takes in LEB128.
const LONGEST_SIZE: usize = 5;

/// What this crate sees in a section.
pub(crate) enum Content<'a> {
    /// The text of a token.
    Token(&'a [u8]),
    /// The texts of a chain's tokens.
    Chain(&'a [u8]),
    /// Anything else, which is only copied and hashed.
    Other,
}

/// One section of a module.
pub(crate) struct Section<'a> {
    wasm: &'a [u8],
    id: u8,
    /// The section with its id and size, in bytes from the start of the module.
    pub(crate) frame: Range<usize>,
    /// Where the body begins; it ends where the frame ends.
    body: usize,
}

impl<'a> Section<'a> {
    pub(crate) fn body(&self) -> &'a [u8] {
        &self.wasm[self.body..self.frame.end]
    }

    /// What the section holds, told by its name.
    pub(crate) fn content(&self) -> Result<Content<'a>, ClaimsError> {
        if self.id != CUSTOM {
            return Ok(Content::Other);
        }
        let body = self.body();
        let malformed = |reason| ClaimsError::MalformedModule { offset: self.body, reason };
        let (length, start) =
            read_size(body).ok_or(malformed("the length of a custom section's name cannot be read"))?;
        let named = &body[start..];
        let (name, rest) = named
            .split_at_checked(length as usize)
            .ok_or(malformed("a custom section's name is longer than the section"))?;
        Ok(match name {
            name if TOKEN_NAMES.contains(&name) => Content::Token(rest),
            name if name == CHAIN_NAME.as_bytes() => Content::Chain(rest),
            _ => Content::Other,
        })
    }

    /// The id and size of this section as short as they can be written: the bytes and how many of them count.
    pub(crate) fn shortest_header(&self) -> ([u8; 1 + LONGEST_SIZE], usize) {
        let mut header = [self.id, 0, 0, 0, 0, 0];
        let mut rest = &mut header[1..];
        VarUint32::from(self.body().len())
            .serialize(&mut rest)
            .expect("the size was read from 32 bits, and five bytes hold any such number");
        let length = header_length(rest.len());
        (header, length)
    }

    /// Whether id and size take no more bytes than they need.
    pub(crate) fn is_shortest(&self) -> bool {
        self.body - self.frame.start == self.shortest_header().1
    }
}

fn header_length(unused: usize) -> usize {
    1 + LONGEST_SIZE - unused
}

/// Walks through the sections of a module and ends after the first error.
pub(crate) struct Sections<'a> {
    wasm: &'a [u8],
    offset: usize,
}

impl<'a> Sections<'a> {
    /// # Errors
    /// [`ClaimsError::MalformedModule`] when the bytes do not begin as a module does.
    pub(crate) fn of(wasm: &'a [u8]) -> Result<Self, ClaimsError> {
        let malformed = |offset, reason| Err(ClaimsError::MalformedModule { offset, reason });
        if !wasm.starts_with(&PREAMBLE[..4]) {
            return malformed(0, "it does not begin with \\0asm");
        }
        if !wasm.starts_with(&PREAMBLE) {
            return malformed(4, "only modules of version 1 can be signed, no components and no text format");
        }
        Ok(Self { wasm, offset: PREAMBLE.len() })
    }

    fn read(&self) -> Result<Section<'a>, ClaimsError> {
        let start = self.offset;
        let malformed = |offset, reason| ClaimsError::MalformedModule { offset, reason };
        let (size, length) = read_size(&self.wasm[start + 1..])
            .ok_or(malformed(start + 1, "a section's size is cut short or does not fit 32 bits"))?;
        let body = start + 1 + length;
        let size = size as usize;
        if size > self.wasm.len() - body {
            return Err(malformed(body, "a section is longer than the rest of the file"));
        }
        Ok(Section { wasm: self.wasm, id: self.wasm[start], frame: start..body + size, body })
    }
}

impl<'a> Iterator for Sections<'a> {
    type Item = Result<Section<'a>, ClaimsError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.offset >= self.wasm.len() {
            return None;
        }
        let section = self.read();
        self.offset = section.as_ref().map_or(self.wasm.len(), |section| section.frame.end);
        Some(section)
    }
}

/// Appends a section that holds the token.
pub(crate) fn append_token(wasm: &mut Vec<u8>, token: &str) {
    append(wasm, TOKEN_NAME, token);
}

/// Appends a section that holds a chain's tokens.
pub(crate) fn append_chain(wasm: &mut Vec<u8>, chain: &str) {
    append(wasm, CHAIN_NAME, chain);
}

fn append(wasm: &mut Vec<u8>, name: &str, text: &str) {
    Element::Custom(CustomSection::new(name.to_owned(), text.as_bytes().to_vec()))
        .serialize(wasm)
        .expect("a vector takes all that is written to it");
}

/// Reads a LEB128 number of 32 bits: its value, and how many bytes it took.
fn read_size(bytes: &[u8]) -> Option<(u32, usize)> {
    let window = &bytes[..bytes.len().min(LONGEST_SIZE)];
    let mut rest = window;
    let value = VarUint32::deserialize(&mut rest).ok()?;
    Some((value.into(), window.len() - rest.len()))
}

#[cfg(test)]
mod tests {
    use super::read_size;

    #[test]
    fn sizes_are_read_up_to_five_bytes_and_32_bits() {
        assert_eq!(read_size(&[0x05, 0xff]), Some((5, 1)));
        assert_eq!(read_size(&[0x85, 0x80, 0x80, 0x80, 0x00]), Some((5, 5)));
        assert_eq!(read_size(&[0xff, 0xff, 0xff, 0xff, 0x0f]), Some((u32::MAX, 5)));
        assert_eq!(read_size(&[0xff, 0xff, 0xff, 0xff, 0x1f]), None);
        assert_eq!(read_size(&[0x80, 0x80, 0x80, 0x80, 0x80, 0x00]), None);
        assert_eq!(read_size(&[0x80]), None);
        assert_eq!(read_size(&[]), None);
    }
}
