//! No module keeps the compiler busy, whatever it is made of, and real ones do not notice.

use std::{fs, path::Path, time::Duration};

use wapc_engine::{CompileBound, CompileLimits, Engine, Error};

#[track_caller]
fn refused(text: &str) -> CompileBound {
    refused_by(&Engine::new(), text)
}

#[track_caller]
fn refused_by(engine: &Engine, text: &str) -> CompileBound {
    match engine.compile(text.as_bytes()) {
        Err(error @ Error::CompileLimit { bound, requested, limit, .. }) => {
            assert!(requested > limit, "{error}");
            let text = error.to_string();
            assert!(text.contains(&requested.to_string()) && text.contains(&limit.to_string()), "{text}");
            assert!(text.contains(&format!("CompileBound::{bound:?}")), "{text}");
            bound
        }
        Err(other) => panic!("another error: {other}"),
        Ok(_) => panic!("{} bytes of text were compiled", text.len()),
    }
}

fn many<T: ToString>(count: usize, piece: impl Fn(usize) -> T) -> String {
    (0..count).map(|index| piece(index).to_string()).collect()
}

/// The body of a function with a parameter and so many locals.
fn function(locals: usize, body: &str) -> String {
    format!("(module (func (export \"f\") (param i32) (local {}) {body}))", "i32 ".repeat(locals))
}

fn changed(locals: usize) -> String {
    many(locals, |local| format!("(local.set {0} (i32.add (local.get {0}) (local.get 0)))", local + 1))
}

/// Locals that are all changed in the innermost of nested loops: each is a value of its own at each
/// loop.
fn nested_loops(locals: usize, loops: usize) -> String {
    let (begin, end) = ("(loop ".repeat(loops), "(br_if 0 (local.get 0)))".repeat(loops));
    function(locals, &format!("{begin}{}{end}", changed(locals)))
}

#[test]
fn locals_that_change_in_nested_loops() {
    assert_eq!(refused(&nested_loops(2_000, 200)), CompileBound::Joins);
    assert_eq!(refused(&nested_loops(3_000, 300)), CompileBound::Joins);
    assert_eq!(refused(&nested_loops(1, 400)), CompileBound::LoopNesting);
    Engine::new().compile(nested_loops(20, 20).as_bytes()).unwrap();
}

#[test]
fn locals_that_change_in_loops_one_after_the_other() {
    let text = function(300, &many(60, |_| format!("(loop {} (br_if 0 (local.get 0)))", changed(300))));
    refused(&text);
}

#[test]
fn what_one_function_may_have_all_together_may_not_have_over_and_over() {
    let (begin, end) = ("(loop ".repeat(60), "(br_if 0 (local.get 0)))".repeat(60));
    let one = format!("(func (param i32) (local {}) {begin}{}{end})", "i32 ".repeat(60), changed(60));
    Engine::new().compile(format!("(module {one})").as_bytes()).unwrap();
    assert_eq!(refused(&format!("(module {})", one.repeat(100))), CompileBound::Work);
}

#[test]
fn values_that_live_across_many_blocks() {
    let ifs = |locals: usize, count: usize| {
        let set = |k: usize| 1 + k * 7 % locals;
        let pieces =
            many(count, |k| format!("(if (local.get 0) (then (local.set {} (local.get 0))))", set(k)));
        let reads = many(locals, |local| format!("(drop (local.get {}))", local + 1));
        function(locals, &(pieces + &reads))
    };
    assert_eq!(refused(&ifs(200, 6_000)), CompileBound::Live);
    Engine::new().compile(ifs(20, 100).as_bytes()).unwrap();
}

#[test]
fn values_that_live_across_many_instructions() {
    let all = |count: usize, values: usize| {
        let push = many(values, |k| format!("local.get 0 i32.const {k} i32.mul "));
        let body = push + &"i32.xor ".repeat(values - 1) + "drop";
        format!("(module {})", many(count, |_| format!("(func (param i32) {body})")))
    };
    assert_eq!(refused(&all(8, 4_000)), CompileBound::Pressure);
    Engine::new().compile(all(1, 500).as_bytes()).unwrap();
}

#[test]
fn branch_tables() {
    // To many depths, with many locals that differ at each.
    let depths = 500;
    let tables = "(block ".repeat(depths)
        + "(br_table "
        + &many(depths, |depth| format!("{depth} "))
        + "(local.get 0))"
        + &many(depths, |k| format!(") (local.set {} (local.get 0))", k + 1))
        + &many(depths, |local| format!("(drop (local.get {}))", local + 1));
    assert_eq!(refused(&function(depths, &tables)), CompileBound::Joins);
    // Many entries.
    let wide = |entries: usize| format!("(block (br_table {} (local.get 0)))", "0 ".repeat(entries));
    Engine::new().compile(function(0, &wide(600)).as_bytes()).unwrap();
    let wide = wide(60_000);
    let three = format!("(module {})", many(3, |_| format!("(func (param i32) {wide})")));
    assert_eq!(refused(&three), CompileBound::BranchTargets);
}

#[test]
fn calls_that_pass_many_values() {
    let values = "i64 ".repeat(500);
    let text = format!(
        "(module (type $t (func (param {values}) (result {values}))) (func $g (type $t) unreachable)
            (func {} {} {}))",
        "(i64.const 1)".repeat(500),
        "call $g ".repeat(2_000),
        "drop ".repeat(500),
    );
    assert_eq!(refused(&text), CompileBound::Operands);
}

#[test]
fn instructions_that_become_much_code() {
    let text = format!("(module (memory 1) (func {}))", "memory.size drop ".repeat(10_000));
    assert_eq!(refused(&text), CompileBound::Code);
    let several = format!("(func {})", "memory.size drop ".repeat(5_000)).repeat(26);
    assert_eq!(refused(&format!("(module (memory 1) {several})")), CompileBound::AllCode);
}

#[test]
fn whatever_there_is_much_of() {
    for (bound, text) in [
        (CompileBound::Types, format!("(module {})", "(type (func))".repeat(50_001))),
        (CompileBound::Imports, format!("(module {})", "(import \"\" \"\" (func))".repeat(20_001))),
        (
            CompileBound::Exports,
            format!("(module (func) {})", many(20_001, |k| format!("(export \"{k}\" (func 0))"))),
        ),
        (CompileBound::Functions, format!("(module {})", "(func)".repeat(50_001))),
        (CompileBound::BodyBytes, format!("(module (func {}))", "nop ".repeat(100_000))),
        (CompileBound::Locals, function(20_001, "")),
        (CompileBound::Nesting, function(0, &("(block ".repeat(20_001) + &")".repeat(20_001)))),
        (
            CompileBound::AllLocals,
            // Hardly any bytes: locals of one type are written as their number.
            format!("(module {})", format!("(func (local {}))", "i64 ".repeat(19_999)).repeat(51)),
        ),
        (CompileBound::Steps, function(19_999, &"(br_if 0 (local.get 0))".repeat(20_000))),
    ] {
        assert_eq!(refused(&text), bound, "{bound:?}");
    }
}

#[test]
fn each_bound_can_be_set() {
    let text = "(module (import \"h\" \"f\" (func (param i32))) (func (export \"g\") (param i32 i32) (result i32) (local i32)
        (loop (block (br_table 0 1 (local.get 0))) (local.set 2 (i32.add (local.get 2) (local.get 1))) (br_if 0 (local.get 2))) (call 0 (local.get 0)) (local.get 2)))";
    for bound in CompileBound::ALL {
        let engine = |limit| {
            let limits = CompileLimits::new().bound(bound, limit);
            Engine::builder().compile_limits(limits).build().unwrap()
        };
        assert_eq!(refused_by(&engine(0), text), bound, "{bound:?}");
        engine(1_000_000).compile(text.as_bytes()).unwrap();
    }
}

#[test]
fn compiling_ends_when_its_time_is_over() {
    let limits = CompileLimits::new().time(Duration::ZERO);
    let engine = Engine::builder().compile_limits(limits).build().unwrap();
    let error = engine.compile(b"(module (func))").unwrap_err();
    assert!(matches!(error, Error::CompileTime { limit: Duration::ZERO, size: 15 }), "{error}");
    let limits = CompileLimits::new().time(Duration::MAX);
    let engine = Engine::builder().compile_limits(limits).build().unwrap();
    engine.compile(b"(module (func))").unwrap();
}

#[test]
fn text_that_is_too_long_is_not_even_read() {
    let limits = CompileLimits::new().bound(CompileBound::ModuleBytes, 100);
    let engine = Engine::builder().compile_limits(limits).build().unwrap();
    assert_eq!(refused_by(&engine, &"(".repeat(801)), CompileBound::ModuleBytes);
    engine.compile(format!("(module) ;; {}", "-".repeat(780)).as_bytes()).unwrap();
}

#[test]
fn the_modules_of_this_tree_are_far_from_every_bound() {
    let limits = CompileBound::ALL.into_iter().fold(CompileLimits::new(), |limits, bound| {
        let limit = limits.get(bound) / 8;
        limits.bound(bound, limit)
    });
    let engine = Engine::builder().compile_limits(limits).fuel(true).build().unwrap();
    let guests = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/guests");
    let mut count = 0;
    for folder in ["modules", "sdk/modules"] {
        for entry in fs::read_dir(guests.join(folder)).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|extension| extension == "wasm") {
                engine.load(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
                count += 1;
            }
        }
    }
    assert!(count >= 10, "{count} modules");
}
