//! Writes the guest, in the text format: it reads its payload as a program and does what it says.

use std::fmt::Write;

use crate::{
    Function,
    program::{Extra, OPERATION, PROGRAM, RESULTS, WIDE, WIDE_TEXT, WORDS, WORDS_AT},
};

/// What a guest does at the end of its program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Closing {
    /// Says that it succeeded.
    Success,
    /// Replies with the first page of its memory, and says that it succeeded.
    Memory,
}

/// A guest that imports these functions, and can call each of them with any arguments.
///
/// # Panics
/// Never: a string takes all that is written to it.
#[must_use]
pub fn text(functions: &[Function], closing: Closing) -> String {
    let mut text = String::from("(module\n");
    for (index, function) in functions.iter().enumerate() {
        let Function { module, name, parameters, result } = function;
        let parameters: Vec<_> = parameters.iter().map(|kind| kind.name()).collect();
        let result = result.map_or(String::new(), |kind| format!("(result {})", kind.name()));
        let signature = format!("(param {}) {result}", parameters.join(" "));
        writeln!(text, "(import {module:?} {name:?} (func $f{index} {signature}))")
            .expect("a string takes it");
    }
    text += r#"
        (import "wapc" "__guest_request" (func $request (param i32 i32)))
        (import "wapc" "__guest_response" (func $reply (param i32 i32)))
        (memory (export "memory") 1)"#;
    for (address, bytes) in [(WORDS_AT, WORDS), (WIDE_TEXT - 4, WIDE)] {
        let escaped: String = bytes.iter().map(|byte| format!("\\{byte:02x}")).collect();
        writeln!(text, "(data (i32.const {address}) \"{escaped}\")").expect("a string takes it");
    }
    text + &call(functions, closing)
}

fn call(functions: &[Function], closing: Closing) -> String {
    let closing = match closing {
        Closing::Success => "",
        Closing::Memory => "(call $reply (i32.const 0) (i32.const 65536))",
    };
    let imports = functions.iter().enumerate().map(|(index, function)| (index, import(index, function)));
    let extras = Extra::ALL.into_iter().zip(functions.len()..).map(|(extra, index)| (index, own(extra)));
    let branches: String = imports
        .chain(extras)
        .map(|(index, body)| {
            format!("(if (i32.eq (local.get $opcode) (i32.const {index})) (then {body} (br $next)))\n")
        })
        .collect();
    format!(
        r#"
        (func (export "__guest_call") (param $operation_length i32) (param $length i32) (result i32)
            (local $at i32) (local $pc i32) (local $end i32) (local $results i32) (local $opcode i32)
            (call $request (i32.const {OPERATION}) (i32.const {PROGRAM}))
            (local.set $pc (i32.const {PROGRAM}))
            (local.set $end (i32.add (local.get $pc) (local.get $length)))
            (local.set $results (i32.const {RESULTS}))
            (loop $next
                (local.set $at (local.get $pc))
                (if (i32.ge_u (local.get $at) (local.get $end)) (then {closing} (return (i32.const 1))))
                (local.set $opcode (i32.rem_u (i32.load8_u (local.get $at)) (i32.const {count})))
                {branches})
            unreachable))"#,
        count = functions.len() + Extra::ALL.len(),
    )
}

/// Calls an import with what follows the opcode, and keeps its result.
fn import(index: usize, function: &Function) -> String {
    let arguments: String = function
        .parameters
        .iter()
        .enumerate()
        .map(|(place, kind)| format!("({}.load offset={} (local.get $at))", kind.name(), 1 + 8 * place))
        .collect();
    let call = format!("(call $f{index} {arguments})");
    let call = match function.result {
        Some(kind) => format!(
            "({}.store (local.get $results) {call}) {}",
            kind.name(),
            after("$results", "$results", kind.size())
        ),
        None => call,
    };
    format!("{} {call}", after("$pc", "$at", 1 + 8 * function.parameters.len() as u64))
}

fn own(extra: Extra) -> String {
    let argument = |place: usize| format!("(i32.load offset={} (local.get $at))", 1 + 8 * place);
    let (first, second, third) = (argument(0), argument(1), argument(2));
    let body = match extra {
        Extra::Grow => format!(
            "(i32.store (local.get $results) (memory.grow {first})) {}",
            after("$results", "$results", 4)
        ),
        Extra::Fill => format!("(memory.fill {first} {second} {third})"),
        Extra::Return => format!("(return {first})"),
        Extra::Trap => "unreachable".to_owned(),
    };
    format!("{} {body}", after("$pc", "$at", 1 + 8 * extra.parameters() as u64))
}

/// Sets one local to so many bytes after another.
fn after(local: &str, other: &str, bytes: u64) -> String {
    format!("(local.set {local} (i32.add (local.get {other}) (i32.const {bytes})))")
}
