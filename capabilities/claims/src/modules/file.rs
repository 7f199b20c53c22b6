//! Finds a module's token and chain, hashes what is signed, and takes them out again.

use sha2::{Digest, Sha256};

use crate::{
    error::ClaimsError,
    modules::{
        ModuleHash,
        section::{Content, Section, Sections},
    },
    tokens::token,
};

/// A module whose frames were read and found whole.
///
/// What is kept does not grow with the number of sections, of which a hostile file may have millions.
pub(crate) struct ModuleFile<'a> {
    wasm: &'a [u8],
    tokens: Kept<'a>,
    chains: Kept<'a>,
    /// Where the last section ends that is no token, in bytes: the end of what is signed.
    signed_end: usize,
    /// Whether every section but the token's has its size written as short as possible.
    shortest: bool,
}

/// The sections of one name: how many there are, and the first of them.
#[derive(Default)]
struct Kept<'a> {
    count: usize,
    first: Option<Found<'a>>,
}

struct Found<'a> {
    section: Section<'a>,
    text: &'a [u8],
}

impl<'a> Kept<'a> {
    fn keep(&mut self, section: Section<'a>, text: &'a [u8]) {
        self.count += 1;
        self.first.get_or_insert(Found { section, text });
    }
}

impl<'a> ModuleFile<'a> {
    pub(crate) fn read(wasm: &'a [u8]) -> Result<Self, ClaimsError> {
        let (tokens, chains) = (Kept::default(), Kept::default());
        let mut file = Self { wasm, tokens, chains, signed_end: 0, shortest: true };
        for section in Sections::of(wasm)? {
            let section = section?;
            let content = section.content()?;
            if let Content::Token(text) = content {
                file.tokens.keep(section, text);
                continue;
            }
            file.signed_end = section.frame.end;
            file.shortest &= section.is_shortest();
            if let Content::Chain(text) = content {
                file.chains.keep(section, text);
            }
        }
        Ok(file)
    }

    /// The token's bytes, wherever in the file its section is.
    pub(crate) fn token(&self) -> Result<&'a [u8], ClaimsError> {
        match &self.tokens.first {
            None => Err(ClaimsError::NotSigned),
            Some(_) if self.tokens.count > 1 => Err(ClaimsError::MultipleTokens { count: self.tokens.count }),
            Some(found) => Ok(found.text),
        }
    }

    /// The token's bytes when its section is the last one, as signing leaves it.
    pub(crate) fn token_at_the_end(&self) -> Result<&'a [u8], ClaimsError> {
        let text = self.token()?;
        match &self.tokens.first {
            Some(found) if found.section.frame.end != self.wasm.len() => {
                Err(ClaimsError::MisplacedToken { offset: found.section.frame.start })
            }
            _ => Ok(text),
        }
    }

    /// The bytes of the chain when there is one. It must be the last section but for tokens, or it
    /// would not be where it belongs once the module is signed.
    pub(crate) fn chain(&self) -> Result<Option<&'a [u8]>, ClaimsError> {
        let Some(found) = &self.chains.first else { return Ok(None) };
        if self.chains.count > 1 {
            return Err(ClaimsError::MultipleChains { count: self.chains.count });
        }
        if found.section.frame.end == self.signed_end {
            Ok(Some(found.text))
        } else {
            Err(ClaimsError::MisplacedChain { offset: found.section.frame.start })
        }
    }

    /// Where the code ends and what was added to it begins: the chain or else the token, which are
    /// where they belong.
    pub(crate) fn code_end(&self) -> usize {
        let added = self.chains.first.as_ref().or(self.tokens.first.as_ref());
        added.map_or(self.wasm.len(), |found| found.section.frame.start)
    }

    /// The module without any token and any chain.
    pub(crate) fn bare(&self) -> Vec<u8> {
        let mut rest = Vec::with_capacity(self.wasm.len());
        self.each_range_without(
            |section| is_token(section) || is_chain(section),
            |range| {
                rest.extend_from_slice(range);
            },
        );
        rest
    }

    /// The module without any token, with room for what the caller wants to append. All other bytes
    /// stay as they are.
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

    /// Whether this is the module that the hash was taken of. Tools of 2020 hashed the file's bytes
    /// with the token's section cut out, longer sizes and all, so that counts too: either way every
    /// byte of every body is covered.
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
    fn each_signed_range(&self, take: impl FnMut(&'a [u8])) {
        self.each_range_without(is_token, take);
    }

    fn each_range_without(&self, out: impl Fn(&Section<'_>) -> bool, mut take: impl FnMut(&'a [u8])) {
        let mut start = 0;
        if self.tokens.count + self.chains.count > 0 {
            for section in self.sections().filter(out) {
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

impl ModuleHash {
    /// The hash of a module, signed or not.
    ///
    /// # Errors
    /// [`ClaimsError::MalformedModule`].
    pub fn of(wasm: &[u8]) -> Result<Self, ClaimsError> {
        Ok(ModuleFile::read(wasm)?.hash())
    }
}

fn is_token(section: &Section<'_>) -> bool {
    matches!(section.content(), Ok(Content::Token(_)))
}

fn is_chain(section: &Section<'_>) -> bool {
    matches!(section.content(), Ok(Content::Chain(_)))
}

/// The text of the token that a module carries, not judged in any way.
///
/// # Errors
/// [`ClaimsError::NotSigned`], [`ClaimsError::MultipleTokens`], [`ClaimsError::MalformedModule`], and
/// [`ClaimsError::MalformedToken`] when it is not text.
pub fn extract(wasm: &[u8]) -> Result<&str, ClaimsError> {
    token::as_text(ModuleFile::read(wasm)?.token()?)
}

/// The module without its token, or without all of them where there are several. Every other byte
/// stays as it is, so for a module that was just signed this is what it was before, byte for byte.
/// A module without a token comes back unchanged. A [`Chain`](crate::Chain) that the module carries
/// was there before it was signed, so it stays.
///
/// # Errors
/// [`ClaimsError::MalformedModule`].
pub fn strip(wasm: &[u8]) -> Result<Vec<u8>, ClaimsError> {
    Ok(ModuleFile::read(wasm)?.stripped(0))
}
