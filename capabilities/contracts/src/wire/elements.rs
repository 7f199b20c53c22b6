//! Decodes the elements of arrays and maps, and the content of enumerations, one by one.

use serde::{
    Deserializer,
    de::{
        DeserializeSeed, EnumAccess, IntoDeserializer, MapAccess, SeqAccess, VariantAccess, Visitor,
        value::BorrowedStrDeserializer,
    },
};

use super::{decoder::Decoder, fault::Fault};

/// The elements of an array, or the keys and values of a map, that were not read yet.
pub(super) struct Elements<'a, 'de> {
    decoder: &'a mut Decoder<'de>,
    left: u32,
}

impl<'a, 'de> Elements<'a, 'de> {
    pub(super) fn new(decoder: &'a mut Decoder<'de>, left: u32) -> Self {
        Self { decoder, left }
    }

    pub(super) fn decoder(&mut self) -> &mut Decoder<'de> {
        self.decoder
    }

    /// Reads over what was not asked for: `each` values for each element.
    pub(super) fn skip_rest(&mut self, each: u64) -> Result<(), Fault> {
        self.decoder.reader.skip(each * u64::from(self.left))
    }

    fn next<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, Fault> {
        let Some(left) = self.left.checked_sub(1) else {
            return Ok(None);
        };
        self.left = left;
        seed.deserialize(&mut *self.decoder).map(Some)
    }

    /// Each element has at least one byte, so that no claim makes a visitor reserve more than there can be.
    fn hint(&self) -> usize {
        (self.left as usize).min(self.decoder.reader.left())
    }
}

impl<'de> SeqAccess<'de> for Elements<'_, 'de> {
    type Error = Fault;

    fn next_element_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, Fault> {
        self.next(seed)
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.hint())
    }
}

impl<'de> MapAccess<'de> for Elements<'_, 'de> {
    type Error = Fault;

    fn next_key_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, Fault> {
        self.next(seed)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, Fault> {
        seed.deserialize(&mut *self.decoder)
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.hint())
    }
}

/// An enumeration's variant: its name alone, or its name with content behind it.
pub(super) enum Variant<'a, 'de> {
    Unit(&'de str),
    Content(&'a mut Decoder<'de>),
}

impl<'a, 'de> EnumAccess<'de> for Variant<'a, 'de> {
    type Error = Fault;
    type Variant = Content<'a, 'de>;

    fn variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<(S::Value, Content<'a, 'de>), Fault> {
        match self {
            Self::Unit(name) => {
                let name: BorrowedStrDeserializer<'de, Fault> = BorrowedStrDeserializer::new(name);
                Ok((seed.deserialize(name.into_deserializer())?, Content(None)))
            }
            Self::Content(decoder) => {
                let name = seed.deserialize(&mut *decoder)?;
                Ok((name, Content(Some(decoder))))
            }
        }
    }
}

/// What stands behind a variant's name.
pub(super) struct Content<'a, 'de>(Option<&'a mut Decoder<'de>>);

impl<'a, 'de> Content<'a, 'de> {
    fn decoder(self) -> Result<&'a mut Decoder<'de>, Fault> {
        self.0.ok_or_else(|| Fault::other("the variant lacks its content"))
    }
}

impl<'de> VariantAccess<'de> for Content<'_, 'de> {
    type Error = Fault;

    fn unit_variant(self) -> Result<(), Fault> {
        self.0.map_or(Ok(()), |decoder| decoder.reader.skip(1))
    }

    fn newtype_variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<S::Value, Fault> {
        seed.deserialize(self.decoder()?)
    }

    fn tuple_variant<V: Visitor<'de>>(self, _len: usize, visitor: V) -> Result<V::Value, Fault> {
        self.decoder()?.deserialize_seq(visitor)
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        self.decoder()?.deserialize_struct("", fields, visitor)
    }
}
