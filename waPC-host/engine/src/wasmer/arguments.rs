//! Whether the arguments of a call fit its export.

use wasmer::{FunctionType, Type};

use crate::{Error, Signature, Value, ValueType, types::type_name};

/// The types of a function's parameters, which must be numbers.
pub(crate) fn parameters(export: &str, ty: &FunctionType) -> Result<Vec<ValueType>, Error> {
    numbers(ty.params()).ok_or_else(|| not_a_number(export, ty))
}

/// Compares arguments with the function's type, and returns the types of its results.
pub(crate) fn check(export: &str, ty: &FunctionType, arguments: &[Value]) -> Result<Vec<ValueType>, Error> {
    let (Some(_), Some(results)) = (numbers(ty.params()), numbers(ty.results())) else {
        return Err(not_a_number(export, ty));
    };
    if ty.params().len() != arguments.len() {
        return Err(Error::Arity {
            export: export.to_owned(),
            signature: Signature::new(ty),
            expected: ty.params().len(),
            given: arguments.len(),
        });
    }
    for (position, (expected, argument)) in ty.params().iter().zip(arguments).enumerate() {
        if number(expected) != Some(argument.ty()) {
            return Err(Error::ArgumentType {
                export: export.to_owned(),
                position: position + 1,
                expected: type_name(expected),
                given: argument.ty(),
            });
        }
    }
    Ok(results)
}

fn not_a_number(export: &str, ty: &FunctionType) -> Error {
    Error::NotANumber { export: export.to_owned(), signature: Signature::new(ty) }
}

fn numbers(types: &[Type]) -> Option<Vec<ValueType>> {
    types.iter().map(number).collect()
}

fn number(ty: &Type) -> Option<ValueType> {
    match ty {
        Type::I32 => Some(ValueType::I32),
        Type::I64 => Some(ValueType::I64),
        Type::F32 => Some(ValueType::F32),
        Type::F64 => Some(ValueType::F64),
        _ => None,
    }
}
