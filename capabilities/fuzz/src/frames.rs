//! Reads a module's frames by the letter of the specification and without any of the code that is tested.
//!
//! <https://webassembly.github.io/spec/core/binary/modules.html>

use std::ops::Range;

use sha2::{Digest, Sha256};

const PREAMBLE: &[u8] = b"\0asm\x01\0\0\0";

/// One section.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// The section's id.
    pub id: u8,
    /// The section with id and size, in bytes from the start of the module.
    pub whole: Range<usize>,
    /// Its body.
    pub body: Range<usize>,
    /// The name, where it is a custom section.
    pub name: Option<Range<usize>>,
}

/// The sections of a module that is whole.
#[derive(Debug, Clone)]
pub struct Frames<'a> {
    wasm: &'a [u8],
    /// In the module's order.
    pub all: Vec<Frame>,
}

impl<'a> Frames<'a> {
    /// The sections, unless the bytes are no module of version 1, a section is cut short, or a name is.
    #[must_use]
    pub fn read(wasm: &'a [u8]) -> Option<Self> {
        wasm.starts_with(PREAMBLE).then_some(())?;
        let (mut all, mut at) = (Vec::new(), PREAMBLE.len());
        while at < wasm.len() {
            let (size, body) = number(wasm, at + 1, wasm.len())?;
            let end = body.checked_add(size).filter(|end| *end <= wasm.len())?;
            let mut name = None;
            if wasm[at] == 0 {
                let (length, start) = number(wasm, body, end)?;
                name = Some(start..start.checked_add(length).filter(|last| *last <= end)?);
            }
            all.push(Frame { id: wasm[at], whole: at..end, body: body..end, name });
            at = end;
        }
        Some(Self { wasm, all })
    }

    /// Whether the section holds a token.
    #[must_use]
    pub fn is_token(&self, frame: &Frame) -> bool {
        self.is_named(frame, "jwt") || self.is_named(frame, "wasmcloud_jwt")
    }

    /// Whether the section holds a chain of tokens.
    #[must_use]
    pub fn is_chain(&self, frame: &Frame) -> bool {
        self.is_named(frame, "wascc_chain")
    }

    fn is_named(&self, frame: &Frame, name: &str) -> bool {
        frame.name.as_ref().is_some_and(|range| self.wasm[range.clone()] == *name.as_bytes())
    }

    /// The module without the sections that `out` names.
    #[must_use]
    pub fn without(&self, out: impl Fn(&Frame) -> bool) -> Vec<u8> {
        let kept = self.all.iter().filter(|frame| !out(frame));
        kept.fold(PREAMBLE.to_vec(), |mut wasm, frame| {
            wasm.extend(&self.wasm[frame.whole.clone()]);
            wasm
        })
    }

    /// The module without its tokens, every size written as short as possible.
    #[must_use]
    pub fn shortest(&self) -> Vec<u8> {
        let kept = self.all.iter().filter(|frame| !self.is_token(frame));
        kept.fold(PREAMBLE.to_vec(), |mut wasm, frame| {
            wasm.push(frame.id);
            write_number(&mut wasm, frame.body.len(), 0);
            wasm.extend(&self.wasm[frame.body.clone()]);
            wasm
        })
    }

    /// The SHA-256 of [`shortest`](Self::shortest).
    #[must_use]
    pub fn hash(&self) -> [u8; 32] {
        Sha256::digest(self.shortest()).into()
    }
}

/// A number of 32 bits in LEB128 at `at`, and where it ends, which is not past `end`.
fn number(wasm: &[u8], at: usize, end: usize) -> Option<(usize, usize)> {
    let mut value = 0_u64;
    for (index, byte) in wasm.get(at..end)?.iter().take(5).enumerate() {
        value |= u64::from(byte & 0x7f) << (7 * index);
        if byte & 0x80 == 0 {
            return Some((u32::try_from(value).ok()? as usize, at + index + 1));
        }
    }
    None
}

/// Writes a number of at most 32 bits in LEB128, with up to `padding` more bytes than it needs.
pub(crate) fn write_number(wasm: &mut Vec<u8>, mut value: usize, padding: usize) {
    let start = wasm.len();
    loop {
        wasm.push(value as u8 & 0x7f);
        value >>= 7;
        if value == 0 {
            break;
        }
    }
    let width = (wasm.len() - start + padding).min(5);
    wasm.resize(start + width.max(wasm.len() - start), 0);
    let last = wasm.len() - 1;
    wasm[start..last].iter_mut().for_each(|byte| *byte |= 0x80);
}
