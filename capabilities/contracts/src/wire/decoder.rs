//! Decodes MessagePack for serde.

use serde::de::{Deserializer, Visitor};

use super::{
    elements::{Elements, Variant},
    fault::{DEPTH_LIMIT, Fault},
    reader::{Head, Reader},
};

#[derive(Debug)]
pub(super) struct Decoder<'de> {
    pub(super) reader: Reader<'de>,
    depth: usize,
}

impl<'de> Decoder<'de> {
    pub(super) fn new(payload: &'de [u8]) -> Self {
        Self { reader: Reader::new(payload), depth: 0 }
    }

    /// How many bytes were read.
    pub(super) fn offset(&self) -> usize {
        self.reader.offset()
    }

    /// Lets the visitor see `len` elements, then reads over those that it did not ask for.
    fn array<V: Visitor<'de>>(&mut self, len: u32, visitor: V) -> Result<V::Value, Fault> {
        self.nested(len, |elements| {
            let value = visitor.visit_seq(&mut *elements)?;
            elements.skip_rest(1)?;
            Ok(value)
        })
    }

    /// Lets the visitor see `len` keys and values, then reads over those that it did not ask for.
    fn map<V: Visitor<'de>>(&mut self, len: u32, visitor: V) -> Result<V::Value, Fault> {
        self.nested(len, |elements| {
            let value = visitor.visit_map(&mut *elements)?;
            elements.skip_rest(2)?;
            Ok(value)
        })
    }

    fn nested<T>(
        &mut self,
        len: u32,
        read: impl FnOnce(&mut Elements<'_, 'de>) -> Result<T, Fault>,
    ) -> Result<T, Fault> {
        if self.depth == DEPTH_LIMIT {
            return Err(Fault::TooDeep);
        }
        self.depth += 1;
        let value = read(&mut Elements::new(self, len))?;
        self.depth -= 1;
        Ok(value)
    }

    fn text(&mut self, len: u32) -> Result<&'de str, Fault> {
        let bytes = self.reader.take(u64::from(len))?;
        core::str::from_utf8(bytes).map_err(|_| Fault::other("the text is not UTF-8"))
    }

    fn str(&mut self) -> Result<&'de str, Fault> {
        match self.reader.head()? {
            Head::Str(len) => self.text(len),
            other => Err(Fault::expected("text", other.name())),
        }
    }

    fn integer<T: TryFrom<u64> + TryFrom<i64>>(&mut self, expected: &'static str) -> Result<T, Fault> {
        let (number, head) = match self.reader.head()? {
            head @ Head::Unsigned(number) => (T::try_from(number).ok(), head),
            head @ Head::Negative(number) => (T::try_from(number).ok(), head),
            other => return Err(Fault::expected(expected, other.name())),
        };
        number.ok_or_else(|| Fault::out_of_range(head, expected))
    }

    fn float(&mut self) -> Result<f64, Fault> {
        match self.reader.head()? {
            Head::F32(number) => Ok(f64::from(number)),
            Head::F64(number) => Ok(number),
            Head::Unsigned(number) => Ok(number as f64),
            Head::Negative(number) => Ok(number as f64),
            other => Err(Fault::expected("a number", other.name())),
        }
    }
}

macro_rules! integers {
    ($($method:ident, $visit:ident, $type:ty;)+) => {
        $(fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
            visitor.$visit(self.integer::<$type>(stringify!($type))?)
        })+
    };
}

impl<'de> Deserializer<'de> for &mut Decoder<'de> {
    type Error = Fault;

    fn is_human_readable(&self) -> bool {
        false
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match self.reader.head()? {
            Head::Nil => visitor.visit_unit(),
            Head::Bool(value) => visitor.visit_bool(value),
            Head::Unsigned(number) => visitor.visit_u64(number),
            Head::Negative(number) => visitor.visit_i64(number),
            Head::F32(number) => visitor.visit_f32(number),
            Head::F64(number) => visitor.visit_f64(number),
            Head::Str(len) => visitor.visit_borrowed_str(self.text(len)?),
            Head::Bin(len) => visitor.visit_borrowed_bytes(self.reader.take(u64::from(len))?),
            Head::Array(len) => self.array(len, visitor),
            Head::Map(len) => self.map(len, visitor),
            other @ Head::Ext(_) => Err(Fault::expected("a value without extensions", other.name())),
        }
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match self.reader.head()? {
            Head::Bool(value) => visitor.visit_bool(value),
            other => Err(Fault::expected("a boolean", other.name())),
        }
    }

    integers! {
        deserialize_i8, visit_i8, i8;
        deserialize_i16, visit_i16, i16;
        deserialize_i32, visit_i32, i32;
        deserialize_i64, visit_i64, i64;
        deserialize_u8, visit_u8, u8;
        deserialize_u16, visit_u16, u16;
        deserialize_u32, visit_u32, u32;
        deserialize_u64, visit_u64, u64;
    }

    fn deserialize_f32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_f64(self.float()?)
    }

    fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_f64(self.float()?)
    }

    fn deserialize_char<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_borrowed_str(self.str()?)
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_borrowed_str(self.str()?)
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_borrowed_str(self.str()?)
    }

    fn deserialize_bytes<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match self.reader.head()? {
            Head::Bin(len) | Head::Str(len) => {
                visitor.visit_borrowed_bytes(self.reader.take(u64::from(len))?)
            }
            Head::Nil => visitor.visit_unit(),
            Head::Array(len) => self.array(len, visitor),
            other => Err(Fault::expected("bytes", other.name())),
        }
    }

    fn deserialize_byte_buf<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        self.deserialize_bytes(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        if self.reader.at_nil() {
            self.reader.skip(1)?;
            visitor.visit_none()
        } else {
            visitor.visit_some(self)
        }
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match self.reader.head()? {
            Head::Nil => visitor.visit_unit(),
            other => Err(Fault::expected("nil", other.name())),
        }
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Fault> {
        self.deserialize_unit(visitor)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Fault> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match self.reader.head()? {
            Head::Array(len) => self.array(len, visitor),
            other => Err(Fault::expected("an array", other.name())),
        }
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, _len: usize, visitor: V) -> Result<V::Value, Fault> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _len: usize,
        visitor: V,
    ) -> Result<V::Value, Fault> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match self.reader.head()? {
            Head::Map(len) => self.map(len, visitor),
            other => Err(Fault::expected("a map", other.name())),
        }
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        match self.reader.head()? {
            Head::Map(len) => self.map(len, visitor),
            Head::Array(len) => self.array(len, visitor),
            other => Err(Fault::expected("a map or an array of fields", other.name())),
        }
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        match self.reader.head()? {
            Head::Str(len) => visitor.visit_enum(Variant::Unit(self.text(len)?)),
            Head::Map(1) => {
                self.nested(1, |elements| visitor.visit_enum(Variant::Content(elements.decoder())))
            }
            other => Err(Fault::expected("a variant's name, or a map of it to its content", other.name())),
        }
    }

    fn deserialize_identifier<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_borrowed_str(self.str()?)
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        self.reader.skip(1)?;
        visitor.visit_unit()
    }
}
