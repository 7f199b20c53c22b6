use super::*;

#[track_caller]
fn binary(text: &str) -> Vec<u8> {
    wat::parse_str(text).unwrap()
}

/// What one bound says of a module: the number that it was refused with where nothing is allowed.
#[track_caller]
fn number(bound: CompileBound, text: &str) -> u64 {
    let limits = CompileLimits::new().bound(bound, 0);
    match measure(&binary(text), &limits, false) {
        Ok(_) => 0,
        Err(Unfit::Over { bound: found, requested, .. }) if found == bound => requested,
        other => panic!("{bound:?}: {other:?}"),
    }
}

#[test]
fn values_that_meet_are_counted_for_each_branch() {
    for (body, joins) in [
        // Nothing changes inside.
        ("(block (br_if 0 (local.get 0)))", 0),
        // Changed in one branch, and read afterwards: two branches meet.
        ("(if (local.get 0) (then (local.set 1 (i32.const 1)))) (drop (local.get 1))", 2),
        // Not read afterwards.
        ("(if (local.get 0) (then (local.set 1 (i32.const 1))))", 0),
        // Read, but only after it was set anew.
        ("(if (local.get 0) (then (local.set 1 (i32.const 1)))) (local.set 1 (i32.const 2)) (drop (local.get 1))", 0),
        // Both branches of an `if`, and two locals.
        (
            "(if (local.get 0) (then (local.set 1 (i32.const 1))) (else (local.set 2 (i32.const 1))))
             (drop (i32.add (local.get 1) (local.get 2)))",
            4,
        ),
        // A loop that goes round once in a way, and changes what it reads.
        ("(loop (local.set 1 (i32.add (local.get 1) (i32.const 1))) (br_if 0 (local.get 0)))", 2),
        // Behind a loop nothing meets.
        ("(loop (local.set 1 (i32.const 1))) (drop (local.get 1))", 0),
        // Three ways out of a block.
        (
            "(block (local.set 1 (i32.const 1)) (br_if 0 (local.get 0)) (local.set 1 (i32.const 2)) (br_if 0 (local.get 0)))
             (drop (local.get 1))",
            3,
        ),
        // Each entry of a branch table is a branch.
        ("(block (local.set 1 (i32.const 1)) (br_table 0 0 0 0 (local.get 0))) (drop (local.get 1))", 4),
        // Results are handed on, too.
        ("(drop (block (result i32) (br_if 0 (i32.const 1) (local.get 0))))", 2),
        // What is not reached does not count.
        ("(block (br 0) (local.set 1 (i32.const 1)) (br_if 0 (local.get 0))) (drop (local.get 1))", 0),
    ] {
        let text = format!("(module (func (param i32) (local i32 i32) {body}))");
        assert_eq!(number(CompileBound::Joins, &text), joins, "{body}");
    }
}

#[test]
fn locals_are_changed_in_all_frames_around() {
    let nested = |loops: usize, locals: usize| {
        let changes: String = (1..=locals)
            .map(|local| format!("(local.set {local} (i32.add (local.get {local}) (local.get 0)))"))
            .collect();
        let (begin, end) = ("(loop ".repeat(loops), "(br_if 0 (local.get 0)))".repeat(loops));
        let text =
            format!("(module (func (param i32) (local {}) {begin}{changes}{end}))", "i32 ".repeat(locals));
        number(CompileBound::Joins, &text)
    };
    for (loops, locals) in [(1, 1), (3, 1), (1, 3), (4, 5), (20, 70)] {
        assert_eq!(nested(loops, locals), (loops * locals * 2) as u64, "{loops} loops, {locals} locals");
    }
}

#[test]
fn live_values_are_counted_in_each_block() {
    // At the beginning, at the head of the loop and behind its jump.
    let text = "(module (func (param i32 i32) (loop (br_if 0 (local.get 0))) (drop (local.get 1))))";
    assert_eq!(number(CompileBound::Live, text), 2 + 2 + 1);
    // A value that waits on the stack is one, too.
    let text = "(module (func (param i32) (drop (i32.const 1) (block (br_if 0 (local.get 0))))))";
    assert_eq!(number(CompileBound::Live, text), 1 + 1 + 1);
}

#[test]
fn a_metered_module_has_more_blocks() {
    let wasm = binary("(module (func (param i32) (block (br_if 0 (local.get 0)))))");
    let limits = CompileLimits::new().bound(CompileBound::Live, 1);
    assert!(measure(&wasm, &limits, false).is_ok());
    assert!(matches!(
        measure(&wasm, &limits, true),
        Err(Unfit::Over { bound: CompileBound::Live, requested: 2, .. })
    ));
}

#[test]
fn code_that_shares_or_moves_too_much_is_not_optimised() {
    // Computations that do not change in a loop of many blocks.
    let hoisted = |pieces: u32| {
        let piece = |k| {
            format!(
                "(if (local.get 0) (then (local.set 2 (i64.add (local.get 2) (i64.mul (local.get 1) (i64.const {k}))))))"
            )
        };
        let all: String = (0..pieces).map(piece).collect();
        let function = format!("(func (param i32 i64) (local i64) (loop {all} (br_if 0 (local.get 0))))");
        let wasm = binary(&format!("(module {})", function.repeat(10)));
        measure(&wasm, &CompileLimits::new(), false).unwrap().optimise
    };
    assert!(hoisted(100));
    assert!(!hoisted(2_000));
}

/// A section of a module.
fn section(module: &mut Vec<u8>, id: u8, content: &[u8]) {
    module.push(id);
    number_into(module, content.len());
    module.extend_from_slice(content);
}

fn number_into(bytes: &mut Vec<u8>, mut number: usize) {
    while number > 0x7f {
        bytes.push((number & 0x7f) as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
}

/// A module whose functions are those of a real one, over and over, until it has so many bytes.
fn repeated(real: &[u8], size: usize) -> Vec<u8> {
    let (mut module, mut types, mut bodies) = (b"\0asm\x01\0\0\0".to_vec(), Vec::new(), Vec::new());
    let mut times = 0;
    for payload in Parser::new(0).parse_all(real) {
        match payload.unwrap() {
            Payload::FunctionSection(section) => types.extend(section.into_iter().map(Result::unwrap)),
            Payload::CodeSectionStart { count, range, .. } => {
                times = size.div_ceil((range.end - range.start) as usize);
                let (mut functions, mut code) = (Vec::new(), Vec::new());
                number_into(&mut functions, types.len() * times);
                (0..times)
                    .for_each(|_| types.iter().for_each(|ty| number_into(&mut functions, *ty as usize)));
                bodies = std::mem::take(&mut code);
                number_into(&mut bodies, count as usize * times);
                let mut content = &real[range.start as usize..range.end as usize];
                while content[0] & 0x80 != 0 {
                    content = &content[1..];
                }
                (0..times).for_each(|_| bodies.extend_from_slice(&content[1..]));
                // The functions come before tables, memories, globals, exports and elements.
                insert_before(&mut module, &functions);
                section(&mut module, 10, &bodies);
            }
            other => {
                if let Some((id, range)) = other.as_section()
                    && id != 10
                    && id != 12
                    && id != 0
                {
                    section(&mut module, id, &real[range.start as usize..range.end as usize]);
                }
            }
        }
    }
    assert!(times > 0 && !bodies.is_empty());
    module
}

/// Puts the function section where it belongs.
fn insert_before(module: &mut Vec<u8>, functions: &[u8]) {
    let ends: Vec<_> = Parser::new(0)
        .parse_all(module)
        .map_while(Result::ok)
        .filter_map(|payload| payload.as_section())
        .filter(|(id, _)| *id <= 2)
        .map(|(_, range)| range.end as usize)
        .collect();
    let rest = module.split_off(ends.into_iter().max().unwrap_or(8));
    section(module, 3, functions);
    module.extend_from_slice(&rest);
}

#[test]
fn ten_megabytes_of_real_code_are_far_from_every_bound() {
    let real =
        std::fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/guests/sdk/modules/c-wasi.wasm"))
            .unwrap();
    let module = repeated(&real, 10 << 20);
    assert!(module.len() > 10 << 20);
    let limits = CompileBound::ALL.into_iter().fold(CompileLimits::new(), |limits, bound| {
        let limit = limits.get(bound) / 3;
        limits.bound(bound, limit)
    });
    let measured = measure(&module, &limits, true).unwrap();
    assert!(measured.optimise);
}
