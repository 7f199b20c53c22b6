//! A module as a file: where its token is, what is signed, and what is left without the token.

use sha2::{Digest, Sha256};

use crate::{
    error::ClaimsError,
    hash::ModuleHash,
    section::{Section, Sections},
};

/// A module whose frames were read and found whole.
///
/// What is kept does not grow with the number of sections, of which a hostile file may have millions.
pub(crate) struct ModuleFile<'a> {
    wasm: &'a [u8],
    token: Option<Found<'a>>,
    tokens: usize,
    /// Whether every section but the token's has its size written as short as possible.
    shortest: bool,
}

/// The first section that holds a token.
struct Found<'a> {
    section: Section<'a>,
    text: &'a [u8],
}

impl<'a> ModuleFile<'a> {
    pub(crate) fn read(wasm: &'a [u8]) -> Result<Self, ClaimsError> {
        let mut file = Self { wasm, token: None, tokens: 0, shortest: true };
        for section in Sections::of(wasm)? {
            let section = section?;
            match section.token()? {
                None => file.shortest &= section.is_shortest(),
                Some(text) => {
                    file.tokens += 1;
                    file.token.get_or_insert(Found { section, text });
                }
            }
        }
        Ok(file)
    }

    /// The token's bytes, wherever in the file its section is.
    pub(crate) fn token(&self) -> Result<&'a [u8], ClaimsError> {
        match &self.token {
            None => Err(ClaimsError::NotSigned),
            Some(_) if self.tokens > 1 => Err(ClaimsError::MultipleTokens { count: self.tokens }),
            Some(found) => Ok(found.text),
        }
    }

    /// The token's bytes when its section is the last one, as signing leaves it.
    pub(crate) fn token_at_the_end(&self) -> Result<&'a [u8], ClaimsError> {
        let text = self.token()?;
        match &self.token {
            Some(found) if found.section.frame.end != self.wasm.len() => {
                Err(ClaimsError::MisplacedToken { offset: found.section.frame.start })
            }
            _ => Ok(text),
        }
    }

    /// The module without any token, with room for what the caller wants to append. All other bytes stay as they are.
    pub(crate) fn stripped(&self, room: usize) -> Vec<u8> {
        let mut rest = Vec::with_capacity(self.wasm.len() + room);
        self.each_signed_range(|range| rest.extend_from_slice(range));
        rest
    }

    /// The hash of the module without any token, sizes written as short as possible.
    pub(crate) fn hash(&self) -> ModuleHash {
        if self.shortest {
            return self.hash_as_written();
        }
        let mut sha = Sha256::new_with_prefix(&self.wasm[..self.first_section()]);
        for section in self.signed_sections() {
            let (header, length) = section.shortest_header();
            sha.update(&header[..length]);
            sha.update(section.body());
        }
        ModuleHash::from_digest(sha.finalize())
    }

    /// Whether this is the module that the hash was taken of. Tools of 2020 hashed the file's bytes with the token's section cut out,
    /// longer sizes and all, so that counts too: either way every byte of every body is covered.
    pub(crate) fn has_hash(&self, expected: ModuleHash) -> Result<(), ModuleHash> {
        let actual = self.hash();
        if actual == expected || (!self.shortest && self.hash_as_written() == expected) {
            Ok(())
        } else {
            Err(actual)
        }
    }

    fn hash_as_written(&self) -> ModuleHash {
        let mut sha = Sha256::new();
        self.each_signed_range(|range| sha.update(range));
        ModuleHash::from_digest(sha.finalize())
    }

    /// Calls `take` with the bytes of the file around the tokens, in as few pieces as there can be.
    fn each_signed_range(&self, mut take: impl FnMut(&'a [u8])) {
        let mut start = 0;
        if self.tokens > 0 {
            for section in self.sections().filter(is_token) {
                take(&self.wasm[start..section.frame.start]);
                start = section.frame.end;
            }
        }
        take(&self.wasm[start..]);
    }

    fn signed_sections(&self) -> impl Iterator<Item = Section<'a>> {
        self.sections().filter(|section| !is_token(section))
    }

    /// The sections once more. They were all read when this value was made, so no error can come now.
    fn sections(&self) -> impl Iterator<Item = Section<'a>> + use<'a> {
        Sections::of(self.wasm).into_iter().flatten().map_while(Result::ok)
    }

    fn first_section(&self) -> usize {
        self.sections().next().map_or(self.wasm.len(), |section| section.frame.start)
    }
}

fn is_token(section: &Section<'_>) -> bool {
    matches!(section.token(), Ok(Some(_)))
}

/// The text of the token that a module carries, not judged in any way.
///
/// # Errors
/// [`ClaimsError::NotSigned`], [`ClaimsError::MultipleTokens`], [`ClaimsError::MalformedModule`], and
/// [`ClaimsError::MalformedToken`] when it is not text.
pub fn extract(wasm: &[u8]) -> Result<&str, ClaimsError> {
    crate::token::as_text(ModuleFile::read(wasm)?.token()?)
}

/// The module without its token, or without all of them where there are several. Every other byte stays as it is, so for a
/// module that was just signed this is what it was before, byte for byte. A module without a token comes back unchanged.
///
/// # Errors
/// [`ClaimsError::MalformedModule`].
pub fn strip(wasm: &[u8]) -> Result<Vec<u8>, ClaimsError> {
    Ok(ModuleFile::read(wasm)?.stripped(0))
}
