//! Checks that the arguments of a call fit its function, and converts numbers to what compiled code
//! takes and back.

use wasmer_types::RawValue;

use super::{host_function::Number, types::FunctionType};
use crate::{
    error::Error,
    value::{Value, ValueType},
};

/// Arguments of the types of one function, with room for its results.
pub(super) struct Arguments {
    values: Vec<RawValue>,
    results: Vec<ValueType>,
}

impl Arguments {
    /// Compares arguments with the type of the function that is exported as `export`.
    #[inline]
    pub(super) fn check(export: &str, ty: &FunctionType, arguments: &[Value]) -> Result<Self, Error> {
        let parameters = ty.each_parameter();
        let Some(results) = ty.results().filter(|_| ty.each_parameter().all(|ty| ty.is_some())) else {
            return Err(Error::NotANumber { export: export.to_owned(), signature: ty.signature() });
        };
        if parameters.len() != arguments.len() {
            return Err(Error::Arity {
                export: export.to_owned(),
                signature: ty.signature(),
                expected: parameters.len(),
                given: arguments.len(),
            });
        }
        for (position, (expected, argument)) in parameters.flatten().zip(arguments).enumerate() {
            if expected != argument.ty() {
                return Err(Error::ArgumentType {
                    export: export.to_owned(),
                    position: position + 1,
                    expected: expected.to_string(),
                    given: argument.ty(),
                });
            }
        }
        let mut values: Vec<_> = arguments.iter().map(|value| raw(*value)).collect();
        values.resize(arguments.len().max(results.len()), RawValue::default());
        Ok(Self { values, results })
    }

    /// What compiled code reads the arguments from, and writes the results to.
    #[inline]
    pub(super) fn values(&mut self) -> &mut [RawValue] {
        &mut self.values
    }

    /// The results, once the function has returned.
    #[inline]
    pub(super) fn results(self) -> Vec<Value> {
        self.results.iter().zip(self.values).map(|(ty, raw)| value(*ty, raw)).collect()
    }
}

/// Two numbers of 32 bits, with room for a result of that type.
pub(crate) struct Pair([RawValue; 2]);

impl Pair {
    #[inline]
    pub(crate) fn new(arguments: (u32, u32)) -> Self {
        Self([arguments.0.to_raw(), arguments.1.to_raw()])
    }

    #[inline]
    pub(super) fn values(&mut self) -> &mut [RawValue] {
        &mut self.0
    }

    /// The result, once the function has returned.
    #[inline]
    pub(crate) fn result(&self) -> u32 {
        u32::from_raw(self.0[0])
    }
}

#[inline]
fn raw(value: Value) -> RawValue {
    match value {
        Value::I32(n) => n.into(),
        Value::I64(n) => n.into(),
        Value::F32(n) => n.into(),
        Value::F64(n) => n.into(),
    }
}

#[inline]
fn value(ty: ValueType, raw: RawValue) -> Value {
    match ty {
        ValueType::I32 => Value::I32(u32::from_raw(raw).cast_signed()),
        ValueType::I64 => Value::I64(u64::from_raw(raw).cast_signed()),
        ValueType::F32 => Value::F32(f32::from_raw(raw)),
        ValueType::F64 => Value::F64(f64::from_raw(raw)),
    }
}
