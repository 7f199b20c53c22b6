//! Errors show strangers' names and texts in one line, bounded, without anything that a terminal
//! obeys.

use wapc_engine::{Deadline, Engine, Error, HostError, HostPanic, Imports, Instance, Limits, Module};

/// The longest error text: some names and sentences, of which each character may be spelt out in
/// ten.
const LONGEST: usize = 32 * 1024;

#[track_caller]
fn module(text: &str) -> Module {
    Engine::new().compile(text.as_bytes()).unwrap()
}

fn instance(module: &Module) -> Result<Instance, Error> {
    Instance::new(module, &Imports::new(), (), &Limits::new(), None)
}

#[track_caller]
fn is_fit_for_people(error: &Error) {
    let text = error.to_string();
    assert!(text.len() <= LONGEST, "{} bytes", text.len());
    assert!(!text.contains(|c: char| c.is_control() || c == '\u{202e}'), "{text:?}");
}

#[test]
fn a_mistake_in_the_text_format_is_told_with_its_place_and_without_its_line() {
    let line = format!("(module\n  (func $f (export \"{}\")) )) nonsense", "x".repeat(1_300_000));
    let error = Engine::new().compile(line.as_bytes()).unwrap_err();
    is_fit_for_people(&error);
    assert!(error.to_string().len() < 300, "{error}");
    assert!(error.to_string().contains("(line 2, column "), "{error}");
    let error = Engine::new().compile(b"(module (fun))").unwrap_err();
    assert!(error.to_string().ends_with("(line 1, column 10)"), "{error}");
}

#[test]
fn names_that_are_long_or_break_lines_are_cut_and_spelt_out() {
    let name = format!("a\\0aerror: your key was stolen\\1b[2J\\e2\\80\\ae{}", "x".repeat(90_000));
    let error = instance(&module(&format!("(module (import \"{name}\" \"{name}\" (func)))"))).unwrap_err();
    is_fit_for_people(&error);
    assert!(error.to_string().len() < 1000, "{}", error.to_string().len());
    let Error::MissingImport { module: imported, .. } = &error else { panic!("{error}") };
    assert!(imported.starts_with("a\nerror") && imported.len() > 90_000, "the field has the name as it is");

    let exported = module(&format!("(module (func (export \"{name}\")))"));
    is_fit_for_people(&instance(&exported).unwrap().invoke("nope", &[], None).unwrap_err());
    let doubled = format!("(module (func $f) (export \"{name}\" (func $f)) (export \"{name}\" (func $f)))");
    is_fit_for_people(&Engine::new().compile(doubled.as_bytes()).unwrap_err());
    for shown in exported.exports().map(|export| export.to_string()) {
        assert!(shown.len() < 300 && !shown.contains('\n'), "{shown}");
    }
}

#[test]
fn the_exports_of_a_module_are_named_up_to_sixteen_and_counted() {
    let exports: String =
        (0..10_000).map(|n| format!("(export \"{}{n}\" (func $f))", "x".repeat(130))).collect();
    let text = format!("(module (func $f) {exports})");
    assert!(text.len() > 1_300_000);
    let error = instance(&module(&text)).unwrap().invoke("nope", &[], None).unwrap_err();
    is_fit_for_people(&error);
    assert!(error.to_string().ends_with(" and 9984 more"), "{error}");
    let Error::MissingExport { available, count, .. } = &error else { panic!("{error}") };
    assert_eq!((available.len(), *count), (16, 10_000));
    let one = instance(&module("(module (func (export \"f\")))")).unwrap().invoke("nope", &[], None);
    assert_eq!(one.unwrap_err().to_string(), "the module has no export `nope`; it has: f");
}

#[test]
fn a_signature_of_a_thousand_types_is_cut() {
    let text = format!("(module (import \"a\" \"b\" (func (param {}))))", "i32 ".repeat(1000));
    let error = instance(&module(&text)).unwrap_err();
    assert!(error.to_string().len() < 400, "{error}");
    assert!(error.to_string().contains(", and 968 more) -> ()"), "{error}");
}

#[test]
fn functions_of_a_trace_are_cut_and_spelt_out() {
    let name = format!("f\\0aforged\\1b{}", "x".repeat(90_000));
    let text = format!("(module (func $\"{name}\" unreachable) (func (export \"run\") (call $\"{name}\")))");
    let error = instance(&module(&text)).unwrap().invoke("run", &[], None).unwrap_err();
    is_fit_for_people(&error);
    assert!(error.to_string().contains("f\\nforged\\u{1b}xxx"), "{error}");
    let Error::Trap { trace, .. } = &error else { panic!("{error}") };
    assert!(trace.iter().all(|function| function.len() < 200));
}

#[test]
fn what_the_embedding_program_says_of_a_guest_is_cut_and_spelt_out() {
    let text = r#"(module (import "host" "refuse" (func $refuse)) (import "host" "panic" (func $panic))
        (func (export "refuse") (call $refuse)) (func (export "panic") (call $panic)))"#;
    let long = || format!("no\nforged\u{1b}{}", "x".repeat(1_300_000));
    let imports = Imports::new()
        .function("host", "refuse", move |_, []: [u32; 0]| Err::<(), HostError>(long().into()))
        .function("host", "panic", move |_, []: [u32; 0]| -> Result<(), HostError> { panic!("{}", long()) });
    for export in ["refuse", "panic"] {
        let mut instance = Instance::new(&module(text), &imports, (), &Limits::new(), None).unwrap();
        let error = instance.invoke(export, &[], None::<Deadline>).unwrap_err();
        is_fit_for_people(&error);
        let Error::Host { source, .. } = &error else { panic!("{error}") };
        if let Some(panic) = source.downcast_ref::<HostPanic>() {
            assert_eq!(panic.message.chars().count(), 4096);
        }
    }
}
