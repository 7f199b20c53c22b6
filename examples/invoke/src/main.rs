//! Invokes an export of a WebAssembly module, which is tier 1. Without arguments it adds 2 and 2; with them it invokes what they
//! name: `invoke FILE EXPORT NUMBER...`.
#![forbid(unsafe_code)]

use std::{env, error::Error, process::ExitCode, time::Duration};

use untrusted_text::Shown;
use wapc_engine::{Deadline, Engine, Imports, Instance, Limits, Module};

const ADD: &str = include_str!("../add.wat");

fn main() -> ExitCode {
    match run(&env::args().skip(1).collect::<Vec<_>>()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("invoke: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &[String]) -> Result<(), Box<dyn Error>> {
    let engine = Engine::new();
    let (module, export, numbers) = match arguments {
        [] => (engine.compile(ADD.as_bytes())?, "add", vec!["2".to_owned(), "2".to_owned()]),
        [file, export, numbers @ ..] => (engine.load(file)?, export.as_str(), numbers.to_vec()),
        [_] => return Err("usage: invoke [FILE EXPORT NUMBER...]".into()),
    };
    list(&module);
    let results = invoke(&module, export, &numbers)?;
    println!("{}({}) = {results}", Shown::new(export), numbers.join(", "));
    Ok(())
}

fn list(module: &Module) {
    module.imports().for_each(|import| println!("imports {import}"));
    module.exports().for_each(|export| println!("exports {export}"));
}

fn invoke(module: &Module, export: &str, numbers: &[String]) -> Result<String, Box<dyn Error>> {
    let deadline = Some(Deadline::after(Duration::from_secs(10)));
    let mut instance = Instance::new(module, &Imports::new(), (), &Limits::new(), deadline)?;
    let types = instance.parameters(export)?;
    if types.len() != numbers.len() {
        return Err(
            format!("`{}` takes {} numbers, not {}", Shown::new(export), types.len(), numbers.len()).into()
        );
    }
    let arguments: Vec<_> =
        types.iter().zip(numbers).map(|(ty, text)| ty.parse(text)).collect::<Result<_, _>>()?;
    let results = instance.invoke(export, &arguments, deadline)?;
    Ok(results.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "))
}
