//! Encodes what serde hands over as MessagePack, in its shortest form.

use alloc::vec::Vec;

use serde::ser::{
    Serialize, SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant, SerializeTuple,
    SerializeTupleStruct, SerializeTupleVariant, Serializer,
};

use super::fault::Fault;

/// Room for a message without a body, so that most are written without moving.
const TYPICAL_SIZE: usize = 128;

#[derive(Debug)]
pub(super) struct Encoder {
    bytes: Vec<u8>,
}

impl Encoder {
    pub(super) fn new() -> Self {
        Self { bytes: Vec::with_capacity(TYPICAL_SIZE) }
    }

    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    fn put(&mut self, first: u8, rest: &[u8]) {
        self.bytes.push(first);
        self.bytes.extend_from_slice(rest);
    }

    fn unsigned(&mut self, number: u64) {
        if number < 0x80 {
            self.bytes.push(number as u8);
        } else if let Ok(number) = u8::try_from(number) {
            self.put(0xcc, &[number]);
        } else if let Ok(number) = u16::try_from(number) {
            self.put(0xcd, &number.to_be_bytes());
        } else if let Ok(number) = u32::try_from(number) {
            self.put(0xce, &number.to_be_bytes());
        } else {
            self.put(0xcf, &number.to_be_bytes());
        }
    }

    fn signed(&mut self, number: i64) {
        if let Ok(number) = u64::try_from(number) {
            self.unsigned(number);
        } else if number >= -0x20 {
            self.bytes.push(number as u8);
        } else if let Ok(number) = i8::try_from(number) {
            self.put(0xd0, &number.to_be_bytes());
        } else if let Ok(number) = i16::try_from(number) {
            self.put(0xd1, &number.to_be_bytes());
        } else if let Ok(number) = i32::try_from(number) {
            self.put(0xd2, &number.to_be_bytes());
        } else {
            self.put(0xd3, &number.to_be_bytes());
        }
    }

    /// A length behind the first byte that fits: `short` for lengths below `short_end`, which it holds itself, or one of
    /// `firsts` for lengths of 8, 16 and 32 bits; 0 where there is none.
    fn length(&mut self, len: usize, short: u8, short_end: usize, firsts: [u8; 3]) -> Result<(), Fault> {
        if len < short_end {
            self.bytes.push(short | len as u8);
        } else if let (Ok(len), true) = (u8::try_from(len), firsts[0] != 0) {
            self.put(firsts[0], &[len]);
        } else if let Ok(len) = u16::try_from(len) {
            self.put(firsts[1], &len.to_be_bytes());
        } else if let Ok(len) = u32::try_from(len) {
            self.put(firsts[2], &len.to_be_bytes());
        } else {
            return Err(Fault::other("it is longer than 4 GiB"));
        }
        Ok(())
    }

    fn str(&mut self, text: &str) -> Result<(), Fault> {
        self.length(text.len(), 0xa0, 32, [0xd9, 0xda, 0xdb])?;
        self.bytes.extend_from_slice(text.as_bytes());
        Ok(())
    }

    fn array(&mut self, len: usize) -> Result<(), Fault> {
        self.length(len, 0x90, 16, [0, 0xdc, 0xdd])
    }

    fn map(&mut self, len: usize) -> Result<(), Fault> {
        self.length(len, 0x80, 16, [0, 0xde, 0xdf])
    }

    /// A variant with content: a map of its name to what follows.
    fn variant(&mut self, name: &str) -> Result<(), Fault> {
        self.map(1)?;
        self.str(name)
    }
}

/// An array or a map of which the elements are being written.
#[derive(Debug)]
pub(super) struct Open<'a> {
    encoder: &'a mut Encoder,
    /// Where the length is to be written, when it was not known at the start.
    unknown: Option<usize>,
    written: u32,
}

impl<'a> Open<'a> {
    fn known(encoder: &'a mut Encoder) -> Self {
        Self { encoder, unknown: None, written: 0 }
    }

    /// Leaves room for a length of 32 bits, to be written at the end.
    fn unknown(encoder: &'a mut Encoder, first: u8) -> Self {
        encoder.put(first, &[0; 4]);
        let unknown = Some(encoder.bytes.len() - 4);
        Self { encoder, unknown, written: 0 }
    }

    fn element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Fault> {
        self.written = self.written.checked_add(1).ok_or_else(|| Fault::other("it has too many elements"))?;
        value.serialize(&mut *self.encoder)
    }

    fn field<T: Serialize + ?Sized>(&mut self, name: &str, value: &T) -> Result<(), Fault> {
        self.encoder.str(name)?;
        value.serialize(&mut *self.encoder)
    }

    fn close(self) -> Result<(), Fault> {
        if let Some(room) = self.unknown.and_then(|at| self.encoder.bytes.get_mut(at..at + 4)) {
            room.copy_from_slice(&self.written.to_be_bytes());
        }
        Ok(())
    }
}

macro_rules! numbers {
    ($($method:ident, $type:ty, $write:ident;)+) => {
        $(fn $method(self, number: $type) -> Result<(), Fault> {
            self.$write(number.into());
            Ok(())
        })+
    };
}

impl<'a> Serializer for &'a mut Encoder {
    type Ok = ();
    type Error = Fault;
    type SerializeSeq = Open<'a>;
    type SerializeTuple = Open<'a>;
    type SerializeTupleStruct = Open<'a>;
    type SerializeTupleVariant = Open<'a>;
    type SerializeMap = Open<'a>;
    type SerializeStruct = Open<'a>;
    type SerializeStructVariant = Open<'a>;

    fn is_human_readable(&self) -> bool {
        false
    }

    numbers! {
        serialize_i8, i8, signed;
        serialize_i16, i16, signed;
        serialize_i32, i32, signed;
        serialize_i64, i64, signed;
        serialize_u8, u8, unsigned;
        serialize_u16, u16, unsigned;
        serialize_u32, u32, unsigned;
        serialize_u64, u64, unsigned;
    }

    fn serialize_bool(self, value: bool) -> Result<(), Fault> {
        self.bytes.push(if value { 0xc3 } else { 0xc2 });
        Ok(())
    }

    fn serialize_f32(self, number: f32) -> Result<(), Fault> {
        self.put(0xca, &number.to_be_bytes());
        Ok(())
    }

    fn serialize_f64(self, number: f64) -> Result<(), Fault> {
        self.put(0xcb, &number.to_be_bytes());
        Ok(())
    }

    fn serialize_char(self, character: char) -> Result<(), Fault> {
        self.str(character.encode_utf8(&mut [0; 4]))
    }

    fn serialize_str(self, text: &str) -> Result<(), Fault> {
        self.str(text)
    }

    fn serialize_bytes(self, bytes: &[u8]) -> Result<(), Fault> {
        self.length(bytes.len(), 0, 0, [0xc4, 0xc5, 0xc6])?;
        self.bytes.extend_from_slice(bytes);
        Ok(())
    }

    fn serialize_none(self) -> Result<(), Fault> {
        self.serialize_unit()
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), Fault> {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<(), Fault> {
        self.bytes.push(0xc0);
        Ok(())
    }

    fn serialize_unit_struct(self, _name: &'static str) -> Result<(), Fault> {
        self.serialize_unit()
    }

    fn serialize_unit_variant(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
    ) -> Result<(), Fault> {
        self.str(variant)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _name: &'static str,
        value: &T,
    ) -> Result<(), Fault> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<(), Fault> {
        self.variant(variant)?;
        value.serialize(self)
    }

    fn serialize_seq(self, len: Option<usize>) -> Result<Open<'a>, Fault> {
        let Some(len) = len else {
            return Ok(Open::unknown(self, 0xdd));
        };
        self.array(len)?;
        Ok(Open::known(self))
    }

    fn serialize_tuple(self, len: usize) -> Result<Open<'a>, Fault> {
        self.serialize_seq(Some(len))
    }

    fn serialize_tuple_struct(self, _name: &'static str, len: usize) -> Result<Open<'a>, Fault> {
        self.serialize_seq(Some(len))
    }

    fn serialize_tuple_variant(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        len: usize,
    ) -> Result<Open<'a>, Fault> {
        self.variant(variant)?;
        self.serialize_seq(Some(len))
    }

    fn serialize_map(self, len: Option<usize>) -> Result<Open<'a>, Fault> {
        let Some(len) = len else {
            return Ok(Open::unknown(self, 0xdf));
        };
        self.map(len)?;
        Ok(Open::known(self))
    }

    fn serialize_struct(self, _name: &'static str, len: usize) -> Result<Open<'a>, Fault> {
        self.serialize_map(Some(len))
    }

    fn serialize_struct_variant(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        len: usize,
    ) -> Result<Open<'a>, Fault> {
        self.variant(variant)?;
        self.serialize_map(Some(len))
    }
}

macro_rules! elements {
    ($($trait:ident, $method:ident;)+) => {
        $(impl $trait for Open<'_> {
            type Ok = ();
            type Error = Fault;

            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Fault> {
                self.element(value)
            }

            fn end(self) -> Result<(), Fault> {
                self.close()
            }
        })+
    };
}

elements! {
    SerializeSeq, serialize_element;
    SerializeTuple, serialize_element;
    SerializeTupleStruct, serialize_field;
    SerializeTupleVariant, serialize_field;
}

macro_rules! fields {
    ($($trait:ident;)+) => {
        $(impl $trait for Open<'_> {
            type Ok = ();
            type Error = Fault;

            fn serialize_field<T: Serialize + ?Sized>(&mut self, name: &'static str, value: &T) -> Result<(), Fault> {
                self.field(name, value)
            }

            fn end(self) -> Result<(), Fault> {
                self.close()
            }
        })+
    };
}

fields! {
    SerializeStruct;
    SerializeStructVariant;
}

impl SerializeMap for Open<'_> {
    type Ok = ();
    type Error = Fault;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), Fault> {
        self.element(key)
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Fault> {
        value.serialize(&mut *self.encoder)
    }

    fn end(self) -> Result<(), Fault> {
        self.close()
    }
}
