use wasmer::wasmparser::{self, Parser, Payload};

use super::*;

/// The proposals whose instructions a module may have.
const ACCEPTED: [&str; 6] =
    ["mvp", "sign_extension", "saturating_float_to_int", "bulk_memory", "reference_types", "simd"];
/// An instruction of each of the others, which are refused.
const REFUSED: [(&str, &str); 14] = [
    ("exceptions", "(tag $t) (func (throw $t))"),
    ("legacy_exceptions", "(func (try (do) (catch_all)))"),
    ("tail_call", "(func $f (return_call $f))"),
    ("threads", "(memory 1) (func (drop (i32.atomic.load (i32.const 0))))"),
    ("gc", "(type $s (struct)) (func (drop (struct.new $s)))"),
    ("function_references", "(type $t (func)) (func (param (ref $t)) (call_ref $t (local.get 0)))"),
    ("memory_control", "(memory 1) (func (memory.discard (i32.const 0) (i32.const 0)))"),
    (
        "shared_everything_threads",
        "(global $g (mut i32) (i32.const 0)) (func (drop (global.atomic.get seq_cst $g)))",
    ),
    (
        "stack_switching",
        "(type $f (func)) (type $c (cont $f)) (func (param (ref $f)) (drop (cont.new $c (local.get 0))))",
    ),
    (
        "wide_arithmetic",
        "(func (param i64 i64 i64 i64) (result i64 i64) local.get 0 local.get 1 local.get 2 local.get 3 i64.add128)",
    ),
    (
        "custom_descriptors",
        "(rec (type $a (descriptor $b) (struct)) (type $b (describes $a) (struct))) (func (param (ref $a)) (drop (ref.get_desc $a (local.get 0))))",
    ),
    ("relaxed_simd", "(func (param v128 v128) (result v128) local.get 0 local.get 1 i8x16.relaxed_swizzle)"),
    ("threads", "(func (atomic.fence))"),
    ("gc", "(func (drop (ref.i31 (i32.const 0))))"),
];
/// What calls a runtime function.
const RUNTIME: [&str; 15] = [
    "MemoryGrow",
    "MemorySize",
    "MemoryFill",
    "MemoryCopy",
    "MemoryInit",
    "DataDrop",
    "TableGet",
    "TableSet",
    "TableGrow",
    "TableSize",
    "TableFill",
    "TableCopy",
    "TableInit",
    "ElemDrop",
    "RefFunc",
];
/// What is compiled to instructions of the processor, besides arithmetic, loads and stores;
/// `Unreachable` calls a runtime function that does not return.
const OWN: [&str; 24] = [
    "Unreachable",
    "Nop",
    "Block",
    "Loop",
    "If",
    "Else",
    "End",
    "Br",
    "BrIf",
    "BrTable",
    "Return",
    "Call",
    "CallIndirect",
    "Drop",
    "Select",
    "TypedSelect",
    "TypedSelectMulti",
    "LocalGet",
    "LocalSet",
    "LocalTee",
    "GlobalGet",
    "GlobalSet",
    "RefNull",
    "RefIsNull",
];
/// What arithmetic, loads and stores begin with.
const NUMBERS: [&str; 11] =
    ["I32", "I64", "F32", "F64", "V128", "I8x16", "I16x8", "I32x4", "I64x2", "F32x4", "F64x2"];
const ROUNDING: [&str; 4] = ["Ceil", "Floor", "Trunc", "Nearest"];

macro_rules! names {
    ($( @$proposal:ident $name:ident $({ $($field:ident : $ty:ty),* })? => $visit:ident ($($types:tt)*) )*) => {
        &[$((stringify!($proposal), stringify!($name))),*]
    };
}

/// Every instruction that the parser knows, with the proposal that it comes from.
const ALL: &[(&str, &str)] = wasmparser::for_each_operator!(names);

fn rounds(name: &str) -> bool {
    let operation = ["F32x4", "F64x2", "F32", "F64"].iter().find_map(|number| name.strip_prefix(number));
    operation.is_some_and(|operation| ROUNDING.contains(&operation))
}

/// A new instruction has to be put into one of the lists before this passes.
#[test]
fn every_instruction_is_the_engines_or_the_guests_own_or_refused() {
    assert!(ALL.len() > 600, "{}", ALL.len());
    for (proposal, name) in ALL {
        if !ACCEPTED.contains(proposal) {
            assert!(REFUSED.iter().any(|(refused, _)| refused == proposal), "{name} of {proposal}");
            continue;
        }
        let own = OWN.contains(name) || NUMBERS.iter().any(|number| name.starts_with(number));
        assert!(own != RUNTIME.contains(name), "{name} of {proposal}");
    }
    for name in RUNTIME {
        assert!(ALL.iter().any(|(proposal, all)| *all == name && ACCEPTED.contains(proposal)), "{name}");
    }
}

#[test]
fn modules_with_other_instructions_are_refused() {
    let engine = crate::Engine::new();
    for (proposal, text) in REFUSED {
        let outcome = engine.compile(format!("(module {text})").as_bytes());
        assert!(outcome.is_err(), "{proposal}: {text}");
    }
}

/// The one list and the other say the same of real instructions.
#[test]
fn what_the_engine_carries_out_is_told_from_the_rest() {
    let text = r#"(module (memory 1) (data $d "x") (table $t 1 funcref) (elem $e func $f)
        (func $f
            (drop (memory.grow (i32.const 0))) (drop (memory.size)) (drop (ref.func $f))
            (memory.fill (i32.const 0) (i32.const 0) (i32.const 0))
            (memory.copy (i32.const 0) (i32.const 0) (i32.const 0))
            (memory.init $d (i32.const 0) (i32.const 0) (i32.const 0)) (data.drop $d)
            (drop (table.get $t (i32.const 0))) (table.set $t (i32.const 0) (ref.null func))
            (drop (table.grow $t (ref.null func) (i32.const 0))) (drop (table.size $t))
            (table.fill $t (i32.const 0) (ref.null func) (i32.const 0))
            (table.copy $t $t (i32.const 0) (i32.const 0) (i32.const 0))
            (table.init $t $e (i32.const 0) (i32.const 0) (i32.const 0)) (elem.drop $e)
            (drop (f32.ceil (f32.const 0))) (drop (f32.floor (f32.const 0)))
            (drop (f32.trunc (f32.const 0))) (drop (f32.nearest (f32.const 0)))
            (drop (f64.ceil (f64.const 0))) (drop (f64.floor (f64.const 0)))
            (drop (f64.trunc (f64.const 0))) (drop (f64.nearest (f64.const 0)))
            (drop (f32x4.ceil (v128.const i64x2 0 0))) (drop (f32x4.floor (v128.const i64x2 0 0)))
            (drop (f32x4.trunc (v128.const i64x2 0 0))) (drop (f32x4.nearest (v128.const i64x2 0 0)))
            (drop (f64x2.ceil (v128.const i64x2 0 0))) (drop (f64x2.floor (v128.const i64x2 0 0)))
            (drop (f64x2.trunc (v128.const i64x2 0 0))) (drop (f64x2.nearest (v128.const i64x2 0 0)))
            (drop (i32.trunc_f32_s (f32.const 0))) (drop (i32.trunc_sat_f64_u (f64.const 0)))
            (if (i32.const 0) (then unreachable))))"#;
    let wasm = wat::parse_str(text).unwrap();
    let (mut runtime, mut rounding) = (0, 0);
    for payload in Parser::new(0).parse_all(&wasm) {
        let Payload::CodeSectionEntry(body) = payload.unwrap() else { continue };
        for operator in body.get_operators_reader().unwrap() {
            let operator = operator.unwrap();
            let debug = format!("{operator:?}");
            let name = debug.split([' ', '{']).next().unwrap();
            let (expected, rounds) = (RUNTIME.contains(&name), rounds(name));
            runtime += u32::from(expected);
            rounding += u32::from(rounds);
            assert_eq!(RuntimeOperators { rounding: false }.includes(&operator), expected, "{name}");
            assert_eq!(RuntimeOperators { rounding: true }.includes(&operator), expected || rounds, "{name}");
        }
    }
    assert_eq!((runtime, rounding), (15, 16));
}
