//! Converts wasmer's types of imports, exports and functions to ours.

use wasmer::{ExternType, Type};

use crate::{
    error::Error,
    types::{ExternKind, Signature},
    value::ValueType,
};

/// The type of a function of a module.
#[derive(Debug, Clone)]
pub(crate) struct FunctionType(wasmer::FunctionType);

impl From<wasmer::FunctionType> for FunctionType {
    #[inline]
    fn from(ty: wasmer::FunctionType) -> Self {
        Self(ty)
    }
}

impl FunctionType {
    pub(crate) fn signature(&self) -> Signature {
        signature(&self.0)
    }

    /// The types of the parameters, when all of them are numbers.
    pub(crate) fn parameters(&self) -> Option<Vec<ValueType>> {
        self.0.params().iter().map(number).collect()
    }

    /// The types of the results, when all of them are numbers.
    #[inline]
    pub(super) fn results(&self) -> Option<Vec<ValueType>> {
        self.0.results().iter().map(number).collect()
    }

    /// The types of the parameters one by one; `None` for each that is no number.
    #[inline]
    pub(super) fn each_parameter(&self) -> impl ExactSizeIterator<Item = Option<ValueType>> + '_ {
        self.0.params().iter().map(number)
    }

    /// Refuses a function that [`Instance::enter`](crate::Instance::enter) cannot enter.
    pub(crate) fn check_entry(&self, export: &str) -> Result<(), Error> {
        if (self.0.params(), self.0.results()) == (&[Type::I32, Type::I32], &[Type::I32]) {
            return Ok(());
        }
        Err(Error::ExportType {
            export: export.to_owned(),
            expected: "function (i32, i32) -> (i32)".to_owned(),
            found: ExternKind::Function(self.signature()).to_string(),
        })
    }
}

/// The error for an export that is no function.
pub(super) fn not_a_function(export: &str, ty: &ExternType) -> Error {
    Error::ExportType {
        export: export.to_owned(),
        expected: "a function".to_owned(),
        found: kind(ty).to_string(),
    }
}

pub(super) fn signature(ty: &wasmer::FunctionType) -> Signature {
    let names = |types: &[Type]| types.iter().map(name).collect();
    Signature { params: names(ty.params()), results: names(ty.results()) }
}

pub(super) fn kind(ty: &ExternType) -> ExternKind {
    match ty {
        ExternType::Function(ty) => ExternKind::Function(signature(ty)),
        ExternType::Memory(ty) => {
            ExternKind::Memory { minimum: ty.minimum.0, maximum: ty.maximum.map(|pages| pages.0) }
        }
        ExternType::Table(ty) => ExternKind::Table { minimum: ty.minimum, maximum: ty.maximum },
        ExternType::Global(ty) => ExternKind::Global(name(&ty.ty)),
        ExternType::Tag(_) => ExternKind::Tag,
    }
}

/// A type's name in the text format.
fn name(ty: &Type) -> String {
    ty.to_string().to_lowercase()
}

#[inline]
fn number(ty: &Type) -> Option<ValueType> {
    match ty {
        Type::I32 => Some(ValueType::I32),
        Type::I64 => Some(ValueType::I64),
        Type::F32 => Some(ValueType::F32),
        Type::F64 => Some(ValueType::F64),
        _ => None,
    }
}
