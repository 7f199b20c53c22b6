//! Modules are checked without making an instance of them.

use wapc_engine::{Engine, Error, Imports, Instance, Limits, Module};

fn module(text: &str) -> Module {
    Engine::new().compile(text.as_bytes()).unwrap()
}

/// What is told beforehand is what an instance is refused with.
#[test]
fn limits_refuse_a_module_as_they_refuse_its_instances() {
    let limits = Limits::new().memory(1 << 20).table(100);
    for (text, refused) in [
        ("(module (memory 16))", false),
        ("(module (memory 17))", true),
        ("(module (table 100 funcref))", false),
        ("(module (table 101 funcref))", true),
        // What it may grow to is only known when it does.
        ("(module (memory 1 1000))", false),
    ] {
        let module = module(text);
        let told = limits.admit(&module).map_err(|error| error.to_string());
        let made = Instance::new(&module, &Imports::new(), (), &limits, None);
        assert_eq!(told, made.map(drop).map_err(|error| error.to_string()), "{text}");
        assert_eq!(told.is_err(), refused, "{text}");
    }
}

#[test]
fn an_entry_is_refused_in_a_module_as_in_its_instances() {
    for (export, refused) in [
        ("(func (export \"go\") (param i32 i32) (result i32) (i32.const 0))", false),
        ("(func (export \"go\") (param i32) (result i32) (i32.const 0))", true),
        ("(func (export \"go\") (param i32 i64) (result i32) (i32.const 0))", true),
        ("(func (export \"go\") (param i32 i32))", true),
        ("(memory (export \"go\") 1)", true),
        ("(global (export \"go\") i32 (i32.const 1))", true),
        ("(func (export \"gone\") (param i32 i32) (result i32) (i32.const 0))", true),
        ("", true),
    ] {
        let module = module(&format!("(module {export})"));
        let told = module.check_entry("go").map_err(|error| error.to_string());
        let mut instance = Instance::new(&module, &Imports::new(), (), &Limits::new(), None).unwrap();
        assert_eq!(told, instance.entry("go").map(drop).map_err(|error| error.to_string()), "{export}");
        assert_eq!(told.is_err(), refused, "{export}");
    }
    let missing = module("(module)").check_entry("go").unwrap_err();
    assert!(matches!(&missing, Error::MissingExport { export, .. } if export == "go"), "{missing}");
}
