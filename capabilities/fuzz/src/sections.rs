//! Puts modules together from pieces, most of which are whole sections.

use arbitrary::Arbitrary;

use crate::{cast, frames::write_number};

/// A module.
#[derive(Debug, Clone, Arbitrary)]
pub struct Pieces {
    /// Its sections.
    pub pieces: Vec<Piece>,
    /// Bytes behind them, of any kind.
    pub rest: Vec<u8>,
}

/// A section.
#[derive(Debug, Clone, Arbitrary)]
pub struct Piece {
    /// Its id; custom where there is a name.
    pub id: u8,
    /// The name of a custom section.
    pub name: Option<Name>,
    /// By how many bytes more than need be its size is written.
    pub padding: u8,
    /// What is in it.
    pub payload: Payload,
}

/// The name of a custom section.
#[derive(Debug, Clone, Arbitrary)]
pub enum Name {
    /// Tokens are read from here.
    Token,
    /// And from here.
    LaterToken,
    /// Chains are read from here.
    Chain,
    /// Any other.
    Other(Vec<u8>),
}

/// What is in a section.
#[derive(Debug, Clone, Arbitrary)]
pub enum Payload {
    /// These bytes.
    Bytes(Vec<u8>),
    /// The operator's and the account's token.
    WholeChain,
    /// The account's token.
    HalfChain,
}

impl Pieces {
    /// The module's bytes.
    #[must_use]
    pub fn write(&self) -> Vec<u8> {
        let mut wasm = b"\0asm\x01\0\0\0".to_vec();
        self.pieces.iter().for_each(|piece| piece.write(&mut wasm));
        wasm.extend(&self.rest);
        wasm
    }
}

impl Piece {
    /// A custom section of these bytes, its size as short as possible.
    #[must_use]
    pub fn custom(name: Name, payload: &[u8]) -> Self {
        Self { id: 0, name: Some(name), padding: 0, payload: Payload::Bytes(payload.to_vec()) }
    }

    /// Appends the section to a module.
    pub fn write(&self, wasm: &mut Vec<u8>) {
        let mut body = Vec::new();
        if let Some(name) = &self.name {
            let name = name.bytes();
            write_number(&mut body, name.len(), usize::from(self.padding >> 4 & 3));
            body.extend(name);
        }
        body.extend(self.payload.bytes());
        wasm.push(if self.name.is_some() { 0 } else { self.id });
        write_number(wasm, body.len(), usize::from(self.padding & 3));
        wasm.extend(body);
    }
}

impl Name {
    fn bytes(&self) -> &[u8] {
        match self {
            Self::Token => b"jwt",
            Self::LaterToken => b"wasmcloud_jwt",
            Self::Chain => b"wascc_chain",
            Self::Other(bytes) => bytes,
        }
    }
}

impl Payload {
    fn bytes(&self) -> &[u8] {
        match self {
            Self::Bytes(bytes) => bytes,
            Self::WholeChain => cast().chain.text().as_bytes(),
            Self::HalfChain => cast().account_token.as_bytes(),
        }
    }
}
