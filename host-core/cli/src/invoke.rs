//! Runs `wascc invoke`: numbers in, numbers out.

use std::{borrow::Cow, ffi::OsString, fmt, path::PathBuf};

use clap::Args;
use serde::{Serialize, Serializer, ser::SerializeMap};
use wapc_engine::{Deadline, Imports, Instance, Value, ValueType};

use crate::{error::CliError, file, limits::Limits, output::Output};

/// Invoke an export of a module with numbers and print its results, one a line
///
/// The module may be in the binary format or in the text format. It is offered no imports. Numbers are decimal, integers also
/// hexadecimal with 0x. With --json a result of the type i64 is text, for a reader may have nothing but doubles.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The module, .wasm or .wat; - reads standard input
    module: PathBuf,

    /// The function that it exports
    export: String,

    /// What the function takes
    #[arg(allow_negative_numbers = true)]
    numbers: Vec<String>,

    #[command(flatten)]
    limits: Limits,
}

pub(crate) fn invoke(arguments: &Arguments, output: &Output) -> Result<(), CliError> {
    let Arguments { module, export, numbers, limits } = arguments;
    let module = limits.engine()?.compile(&file::read(module)?)?;
    let deadline = Some(Deadline::after(limits.deadline()));
    let allowed = wapc_engine::Limits::new().memory(limits.memory_limit.0);
    let mut instance = Instance::new(&module, &Imports::new(), (), &allowed, deadline)?;
    let numbers = parse(&instance, export, numbers)?;
    let results = instance.invoke(export, &numbers, deadline)?;
    output.show(&Results { results: results.into_iter().map(Number).collect() })
}

/// Reads the numbers in the types that the export takes.
fn parse(instance: &Instance, export: &str, texts: &[String]) -> Result<Vec<Value>, CliError> {
    let types = instance.parameters(export)?;
    if types.len() != texts.len() {
        // Too many or too few: the call itself says which, whatever the numbers are.
        return Ok(vec![Value::I32(0); texts.len()]);
    }
    let parse = |(index, (ty, text)): (usize, (&ValueType, &String))| {
        ty.parse(&plain(text)).map_err(|source| CliError::Argument {
            position: index + 1,
            export: export.to_owned(),
            source,
        })
    };
    types.iter().zip(texts).enumerate().map(parse).collect()
}

/// The minus sign proper, U+2212, stands for the hyphen of a number that would be taken for an option.
const MINUS: char = '\u{2212}';

/// The command line with the numbers for `invoke` so written that the parser does not take them for options: it knows `-1` and `-1.5`
/// as numbers, but neither `-.5` nor `-0x1f` nor `-inf`.
pub(crate) fn with_negative_numbers(
    arguments: impl Iterator<Item = OsString>,
) -> impl Iterator<Item = OsString> {
    let (mut command, mut ended) = (None, false);
    arguments.enumerate().map(move |(index, argument)| {
        let text = argument.to_str().unwrap_or_default();
        if index > 0 && command.is_none() && !text.starts_with('-') {
            command = Some(text == "invoke");
        }
        ended |= text == "--";
        match text.strip_prefix('-') {
            Some(rest) if command == Some(true) && !ended && is_number(text) => {
                format!("{MINUS}{rest}").into()
            }
            _ => argument,
        }
    })
}

fn is_number(text: &str) -> bool {
    [ValueType::I64, ValueType::F64].into_iter().any(|ty| ty.parse(text).is_ok())
        || text.strip_prefix("-0x").is_some_and(|digits| !digits.is_empty())
}

/// A number with a hyphen for its sign.
fn plain(text: &str) -> Cow<'_, str> {
    match text.strip_prefix(MINUS) {
        Some(rest) => format!("-{rest}").into(),
        None => text.into(),
    }
}

#[derive(Serialize)]
struct Results {
    results: Vec<Number>,
}

impl fmt::Display for Results {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, number) in self.results.iter().enumerate() {
            let between = if index == 0 { "" } else { "\n" };
            write!(f, "{between}{}", number.0)?;
        }
        Ok(())
    }
}

struct Number(Value);

/// A map of type and value. Infinities and what is not a number, for which JSON has no word, are written as text, and so is each
/// number of 64 bits, which a reader that has doubles only would change.
impl Serialize for Number {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(2))?;
        map.serialize_entry("type", &self.0.ty().to_string())?;
        match self.0 {
            Value::I32(number) => map.serialize_entry("value", &number)?,
            Value::F32(number) if number.is_finite() => map.serialize_entry("value", &number)?,
            Value::F64(number) if number.is_finite() => map.serialize_entry("value", &number)?,
            other => map.serialize_entry("value", &other.to_string())?,
        }
        map.end()
    }
}
