//! Reads MessagePack's heads: the byte that says what follows, and the length or number after it.

use super::fault::Fault;

/// What a value's first bytes say. Lengths are those that the sender claims.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Head {
    Nil,
    Bool(bool),
    Unsigned(u64),
    /// Below zero.
    Negative(i64),
    F32(f32),
    F64(f64),
    Str(u32),
    Bin(u32),
    /// An extension's bytes, with the byte of its type.
    Ext(u64),
    Array(u32),
    Map(u32),
}

impl Head {
    /// For error texts.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Nil => "nil",
            Self::Bool(_) => "a boolean",
            Self::Unsigned(_) | Self::Negative(_) => "an integer",
            Self::F32(_) | Self::F64(_) => "a float",
            Self::Str(_) => "text",
            Self::Bin(_) => "bytes",
            Self::Ext(_) => "an extension",
            Self::Array(_) => "an array",
            Self::Map(_) => "a map",
        }
    }
}

/// Reads from the front of a payload.
#[derive(Debug)]
pub(super) struct Reader<'de> {
    bytes: &'de [u8],
    offset: usize,
}

impl<'de> Reader<'de> {
    pub(super) fn new(bytes: &'de [u8]) -> Self {
        Self { bytes, offset: 0 }
    }

    /// How many bytes were read.
    pub(super) fn offset(&self) -> usize {
        self.offset
    }

    /// How many bytes are left.
    pub(super) fn left(&self) -> usize {
        self.bytes.len() - self.offset
    }

    /// The next `len` bytes.
    pub(super) fn take(&mut self, len: u64) -> Result<&'de [u8], Fault> {
        let rest = self.bytes.get(self.offset..).unwrap_or_default();
        let taken = usize::try_from(len).ok().and_then(|len| rest.get(..len)).ok_or(Fault::Truncated)?;
        self.offset += taken.len();
        Ok(taken)
    }

    /// Whether the next value is `nil`, without reading it.
    pub(super) fn at_nil(&self) -> bool {
        self.bytes.get(self.offset) == Some(&0xc0)
    }

    pub(super) fn head(&mut self) -> Result<Head, Fault> {
        let first = self.number::<1>()? as u8;
        Ok(match first {
            0x00..=0x7f => Head::Unsigned(u64::from(first)),
            0x80..=0x8f => Head::Map(u32::from(first & 0x0f)),
            0x90..=0x9f => Head::Array(u32::from(first & 0x0f)),
            0xa0..=0xbf => Head::Str(u32::from(first & 0x1f)),
            0xc0 => Head::Nil,
            0xc1 => return Err(Fault::other("the byte c1 starts no value")),
            0xc2 => Head::Bool(false),
            0xc3 => Head::Bool(true),
            0xc4 => Head::Bin(self.length::<1>()?),
            0xc5 => Head::Bin(self.length::<2>()?),
            0xc6 => Head::Bin(self.length::<4>()?),
            0xc7 => Head::Ext(self.number::<1>()? + 1),
            0xc8 => Head::Ext(self.number::<2>()? + 1),
            0xc9 => Head::Ext(self.number::<4>()? + 1),
            0xca => Head::F32(f32::from_bits(self.length::<4>()?)),
            0xcb => Head::F64(f64::from_bits(self.number::<8>()?)),
            0xcc => Head::Unsigned(self.number::<1>()?),
            0xcd => Head::Unsigned(self.number::<2>()?),
            0xce => Head::Unsigned(self.number::<4>()?),
            0xcf => Head::Unsigned(self.number::<8>()?),
            0xd0 => signed(self.number::<1>()? as i8),
            0xd1 => signed(self.number::<2>()? as i16),
            0xd2 => signed(self.number::<4>()? as i32),
            0xd3 => signed(self.number::<8>()? as i64),
            0xd4..=0xd8 => Head::Ext((1 << (first - 0xd4)) + 1),
            0xd9 => Head::Str(self.length::<1>()?),
            0xda => Head::Str(self.length::<2>()?),
            0xdb => Head::Str(self.length::<4>()?),
            0xdc => Head::Array(self.length::<2>()?),
            0xdd => Head::Array(self.length::<4>()?),
            0xde => Head::Map(self.length::<2>()?),
            0xdf => Head::Map(self.length::<4>()?),
            0xe0..=0xff => signed(first as i8),
        })
    }

    /// Reads over `values` values, whatever they are and however deep they nest: without recursion.
    pub(super) fn skip(&mut self, values: u64) -> Result<(), Fault> {
        let mut pending = values;
        while pending > 0 {
            pending -= 1;
            match self.head()? {
                Head::Str(len) | Head::Bin(len) => drop(self.take(u64::from(len))?),
                Head::Ext(len) => drop(self.take(len)?),
                Head::Array(len) => pending = pending.saturating_add(u64::from(len)),
                Head::Map(len) => pending = pending.saturating_add(2 * u64::from(len)),
                _ => {}
            }
        }
        Ok(())
    }

    /// A big-endian number of `N` bytes, at most 8.
    fn number<const N: usize>(&mut self) -> Result<u64, Fault> {
        let bytes = self.take(N as u64)?;
        Ok(bytes.iter().fold(0, |number, byte| (number << 8) | u64::from(*byte)))
    }

    /// A big-endian number of `N` bytes, at most 4.
    fn length<const N: usize>(&mut self) -> Result<u32, Fault> {
        self.number::<N>().map(|number| number as u32)
    }
}

fn signed(number: impl Into<i64>) -> Head {
    let number = number.into();
    u64::try_from(number).map_or(Head::Negative(number), Head::Unsigned)
}
