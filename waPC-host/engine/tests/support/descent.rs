//! Guests that go down to the end of their stack and do something there.

use std::fmt::Write;

/// What is done at the end: a name, the instructions, and whether they come back where there is
/// room.
pub(crate) type Deed = (&'static str, &'static str, bool);

/// Every kind of instruction that can trap or that is a call of the engine or of the host.
pub(crate) const DEEDS: [Deed; 38] = [
    ("unreachable", "unreachable", false),
    ("a division by zero", "(drop (i32.div_s (i32.const 1) (local.get $zero)))", false),
    ("a remainder by zero", "(drop (i64.rem_u (i64.const 1) (i64.extend_i32_u (local.get $zero))))", false),
    (
        "a quotient that does not fit",
        "(drop (i32.div_s (i32.const 0x80000000) (i32.sub (local.get $zero) (i32.const 1))))",
        false,
    ),
    (
        "what is no number as an integer",
        "(drop (i32.trunc_f32_s (f32.div (f32.convert_i32_s (local.get $zero)) (f32.convert_i32_s (local.get $zero)))))",
        false,
    ),
    (
        "a float that does not fit",
        "(drop (i32.trunc_f64_u (f64.sub (f64.convert_i32_s (local.get $zero)) (f64.const 1e30))))",
        false,
    ),
    ("a load out of bounds", "(drop (i32.load (i32.sub (local.get $zero) (i32.const 4))))", false),
    ("a store out of bounds", "(i64.store (i32.sub (local.get $zero) (i32.const 8)) (i64.const 1))", false),
    ("a vector out of bounds", "(drop (v128.load (i32.sub (local.get $zero) (i32.const 16))))", false),
    ("an indirect call of nothing", "(call_indirect (local.get $zero))", false),
    ("an indirect call of another type", "(call_indirect (i32.add (local.get $zero) (i32.const 1)))", false),
    ("an indirect call out of bounds", "(call_indirect (i32.sub (local.get $zero) (i32.const 1)))", false),
    ("memory.grow", "(drop (memory.grow (local.get $zero)))", true),
    ("memory.grow by a page", "(drop (memory.grow (i32.const 1)))", true),
    ("memory.grow by too much", "(drop (memory.grow (i32.const 65535)))", true),
    ("memory.size", "(drop (memory.size))", true),
    ("memory.fill", "(memory.fill (local.get $zero) (i32.const 0) (i32.const 64))", true),
    ("memory.fill out of bounds", "(memory.fill (local.get $zero) (i32.const 0) (i32.const -1))", false),
    ("memory.copy", "(memory.copy (i32.const 8) (local.get $zero) (i32.const 64))", true),
    ("memory.copy out of bounds", "(memory.copy (i32.const -8) (local.get $zero) (i32.const 64))", false),
    ("memory.init", "(memory.init $data (local.get $zero) (i32.const 0) (i32.const 1))", true),
    (
        "memory.init out of bounds",
        "(memory.init $data (local.get $zero) (i32.const 0) (i32.const 64))",
        false,
    ),
    ("data.drop", "(data.drop $data)", true),
    ("table.get", "(drop (table.get $table (local.get $zero)))", true),
    ("table.get out of bounds", "(drop (table.get $table (i32.sub (local.get $zero) (i32.const 1))))", false),
    ("table.set", "(table.set $table (local.get $zero) (ref.null func))", true),
    ("table.set out of bounds", "(table.set $table (i32.const 99) (ref.null func))", false),
    ("table.size", "(drop (table.size $table))", true),
    ("table.grow", "(drop (table.grow $table (ref.null func) (i32.const 1)))", true),
    ("table.fill out of bounds", "(table.fill $table (i32.const 99) (ref.null func) (i32.const 1))", false),
    ("table.copy", "(table.copy $table $table (i32.const 0) (local.get $zero) (i32.const 1))", true),
    (
        "table.copy out of bounds",
        "(table.copy $table $table (i32.const 99) (local.get $zero) (i32.const 1))",
        false,
    ),
    ("table.init", "(table.init $table $elements (local.get $zero) (i32.const 0) (i32.const 1))", true),
    (
        "table.init out of bounds",
        "(table.init $table $elements (i32.const 99) (i32.const 0) (i32.const 1))",
        false,
    ),
    ("elem.drop", "(elem.drop $elements)", true),
    ("ref.func", "(drop (ref.func $other))", true),
    ("a host function", "(call $host)", true),
    ("a short host function", "(call $short)", true),
];

/// A module with the function `down(depth, deed)`, each frame of which holds `values` numbers of
/// eight bytes besides what it needs itself. It imports `host.host` and `host.short`, without
/// parameters or results.
pub(crate) fn module(values: usize) -> String {
    let mut text = String::from(HEAD);
    for value in 0..values {
        write!(text, " (local $v{value} i64)").unwrap();
    }
    for value in 0..values {
        write!(text, " (local.set $v{value} (i64.load offset={} (local.get $zero)))", 8 * value).unwrap();
    }
    text.push_str(" (block $done ");
    text.push_str(DOWN);
    text.push_str(&"(block ".repeat(DEEDS.len()));
    text.push_str("(br_table");
    for deed in 0..DEEDS.len() {
        write!(text, " {deed}").unwrap();
    }
    write!(text, " {} (local.get $deed))", DEEDS.len() - 1).unwrap();
    for (_, instructions, _) in DEEDS {
        writeln!(text, ") {instructions} (br $done)").unwrap();
    }
    text.push(')');
    for value in 0..values {
        write!(text, " (local.set $sum (i64.add (local.get $sum) (local.get $v{value})))").unwrap();
    }
    text.push_str(" (local.get $sum)))");
    text
}

const HEAD: &str = r#"(module
    (import "host" "host" (func $host))
    (import "host" "short" (func $short))
    (type $deed (func))
    (memory (export "memory") 1 64)
    (data (i32.const 0) "\01")
    (data $data "data")
    (table $table 4 32 funcref)
    (elem (i32.const 1) $other)
    (elem $elements func $other)
    (func $other (param i32) (result i32) (local.get 0))
    (func $down (export "down") (param $depth i32) (param $deed i32) (result i64)
        (local $zero i32) (local $sum i64)"#;
const DOWN: &str = "(if (local.get $depth) (then \
    (local.set $sum (call $down (i32.sub (local.get $depth) (i32.const 1)) (local.get $deed))) (br $done)))";
