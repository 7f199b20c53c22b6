//! An instance that is put back after a run is what a fresh one is: its memory, its globals and its
//! tables are compared after each of many random runs. `RESTORED_RUNS` sets how many.

use std::{
    collections::BTreeMap,
    env,
    fs::File,
    sync::{Arc, Mutex, atomic::AtomicBool},
    thread,
    time::Duration,
};

use wapc_engine::{
    Deadline, Engine, Error, Imports, Instance, Limits, Module, TrapKind, Unrestorable, Value,
};

/// Each export changes the state in one way, and `look` has the host look at all of it.
const GUEST: &str = r#"(module
    (import "host" "look" (func $look))
    (import "host" "write" (func $write (param i32 i32)))
    (import "host" "nested" (func $nested (param i32 i32)))
    (memory (export "memory") 3 30)
    (data (i32.const 70) "something") (data (i32.const 131000) "something else")
    (table $functions 8 32 funcref) (elem (table $functions) (i32.const 1) func $one $two)
    (table $fixed 4 4 funcref) (elem (table $fixed) (i32.const 0) func $two $one)
    (table $externs 4 8 externref)
    (global $int (mut i32) (i32.const 1)) (global $long (mut i64) (i64.const 2))
    (global $float (mut f32) (f32.const 3)) (global $double (mut f64) (f64.const 4))
    (global $vector (mut v128) (v128.const i64x2 5 6)) (global $function (mut funcref) (ref.func $one))
    (global $constant i32 (i32.const 9)) (global $started (mut i32) (i32.const 0))
    (type $number (func (result i32)))
    (func $one (result i32) (i32.const 1)) (func $two (result i32) (i32.const 2))
    (func $start (i32.store (i32.const 1000) (i32.const 77)) (global.set $started (i32.const 1))
        (table.set $functions (i32.const 5) (ref.func $two)))
    (start $start)
    (func (export "store8") (param i32 i32) (i32.store8 (local.get 0) (local.get 1)))
    (func (export "store16") (param i32 i32) (i32.store16 (local.get 0) (local.get 1)))
    (func (export "store32") (param i32 i32) (i32.store (local.get 0) (local.get 1)))
    (func (export "store64") (param i32 i32) (i64.store (local.get 0) (i64.extend_i32_s (local.get 1))))
    (func (export "store128") (param i32 i32) (v128.store (local.get 0) (i32x4.splat (local.get 1))))
    (func (export "fill") (param i32 i32) (memory.fill (local.get 0) (local.get 1) (local.get 1)))
    (func (export "copy") (param i32 i32) (memory.copy (local.get 0) (local.get 1) (i32.const 5000)))
    (func (export "grow") (param i32 i32)
        (if (i32.ne (memory.grow (i32.and (local.get 1) (i32.const 3))) (i32.const -1))
            (then (i32.store8 (i32.sub (i32.mul (memory.size) (i32.const 65536)) (i32.const 1)) (local.get 0)))))
    (func (export "write") (param i32 i32) (call $write (local.get 0) (local.get 1)))
    (func (export "nested") (param i32 i32) (call $nested (local.get 0) (local.get 1)))
    (func (export "globals") (param i32 i32)
        (global.set $int (local.get 0)) (global.set $long (i64.extend_i32_u (local.get 1)))
        (global.set $float (f32.convert_i32_s (local.get 0))) (global.set $double (f64.convert_i32_s (local.get 1)))
        (global.set $vector (i32x4.splat (local.get 1))) (global.set $started (local.get 1))
        (global.set $function (table.get $functions (i32.and (local.get 0) (i32.const 7)))))
    (func (export "table_set") (param i32 i32)
        (table.set $functions (i32.and (local.get 0) (i32.const 7)) (global.get $function))
        (table.set $fixed (i32.and (local.get 0) (i32.const 3)) (ref.func $one)))
    (func (export "table_fill") (param i32 i32)
        (table.fill $functions (i32.and (local.get 0) (i32.const 7)) (ref.func $two) (i32.and (local.get 1) (i32.const 3)))
        (table.fill $fixed (i32.and (local.get 0) (i32.const 3)) (ref.null func) (i32.const 1))
        (table.fill $externs (i32.const 0) (ref.null extern) (i32.const 2)))
    (func (export "table_copy") (param i32 i32)
        (table.copy $functions $fixed (i32.and (local.get 0) (i32.const 7)) (i32.and (local.get 1) (i32.const 3)) (i32.const 1))
        (table.copy $fixed $functions (i32.const 0) (i32.and (local.get 0) (i32.const 3)) (i32.const 2)))
    (func (export "table_grow") (param i32 i32)
        (drop (table.grow $functions (ref.func $one) (i32.and (local.get 1) (i32.const 3))))
        (drop (table.grow $externs (ref.null extern) (i32.and (local.get 1) (i32.const 1)))))
    (func (export "trap") (param i32 i32) (i32.store (i32.const 8) (local.get 1)) unreachable)
    (func (export "deep") (param i32 i32) (call $deep (local.get 0)))
    (func $deep (param i32) (call $deep (local.get 0)))
    (func (export "spin") (param i32 i32) (i32.store (i32.const 16) (local.get 1)) (loop br 0))
    (func (export "look") (call $look))
    (func (export "int") (result i32) (global.get $int)) (func (export "long") (result i64) (global.get $long))
    (func (export "float") (result f32) (global.get $float)) (func (export "double") (result f64) (global.get $double))
    (func (export "low") (result i64) (i64x2.extract_lane 0 (global.get $vector)))
    (func (export "high") (result i64) (i64x2.extract_lane 1 (global.get $vector)))
    (func (export "constant") (result i32) (global.get $constant))
    (func (export "started") (result i32) (global.get $started))
    (func (export "pages") (result i32) (memory.size))
    (func (export "sizes") (result i32)
        (i32.add (table.size $externs) (i32.add (i32.shl (table.size $functions) (i32.const 16)) (i32.shl (table.size $fixed) (i32.const 8)))))
    (func (export "function") (param i32) (result i32)
        (if (result i32) (ref.is_null (table.get $functions (local.get 0))) (then (i32.const 0))
            (else (call_indirect $functions (type $number) (local.get 0)))))
    (func (export "fixed") (param i32) (result i32)
        (if (result i32) (ref.is_null (table.get $fixed (local.get 0))) (then (i32.const 0))
            (else (call_indirect $fixed (type $number) (local.get 0)))))
    (func (export "global_function") (result i32)
        (table.set $functions (i32.const 0) (global.get $function))
        (if (result i32) (ref.is_null (global.get $function)) (then (i32.const 0))
            (else (call_indirect $functions (type $number) (i32.const 0))))))"#;

const CHANGES: [&str; 18] = [
    "store8",
    "store16",
    "store32",
    "store64",
    "store128",
    "fill",
    "copy",
    "grow",
    "write",
    "nested",
    "globals",
    "table_set",
    "table_fill",
    "table_copy",
    "table_grow",
    "trap",
    "deep",
    "spin",
];

/// The guest's pages of memory.
const PAGES: u32 = 3;

/// What a run of the guest leaves.
#[derive(Debug, Default, PartialEq)]
struct State {
    memory: Vec<u8>,
    values: BTreeMap<String, Vec<Value>>,
}

type Seen = Arc<Mutex<Vec<u8>>>;

struct World {
    module: Module,
    imports: Imports<Seen>,
    expected: State,
    pages: u32,
}

impl World {
    fn new(fuel: bool) -> Self {
        Self::of(fuel, PAGES)
    }

    /// With a guest that has so many pages of memory, and may grow to ten times as many.
    fn of(fuel: bool, pages: u32) -> Self {
        let size = format!("{pages} {}", 10 * pages);
        let text = GUEST.replace("3 30", &size);
        assert_eq!(text != GUEST, pages != PAGES);
        let module = Engine::builder().fuel(fuel).build().unwrap().compile(text.as_bytes()).unwrap();
        let other = module.clone();
        let imports = Imports::new()
            .function("host", "look", |caller: wapc_engine::Caller<'_, Seen>, []: [u32; 0]| {
                let size = u32::try_from(caller.memory.size()).unwrap();
                *caller.data.lock().unwrap() = caller.memory.read(0, size)?.to_vec();
                Ok(())
            })
            .function("host", "write", |mut caller: wapc_engine::Caller<'_, Seen>, [at, length]: [u32; 2]| {
                Ok(caller.memory.write(at, &vec![0xA5; (length % 9000) as usize])?)
            })
            .function(
                "host",
                "nested",
                move |mut caller: wapc_engine::Caller<'_, Seen>, [at, value]: [u32; 2]| {
                    let mut inner = instance(&other, &stubs());
                    inner.keep_state().unwrap();
                    drop(inner.invoke("store32", &arguments(at, value), None));
                    assert_eq!(inner.restore().is_err(), inner.is_poisoned());
                    Ok(caller.memory.write(at, &value.to_le_bytes())?)
                },
            );
        let expected = state(&mut instance(&module, &imports));
        Self { module, imports, expected, pages }
    }

    fn kept(&self) -> Instance<Seen> {
        let mut instance = instance(&self.module, &self.imports);
        instance.keep_state().unwrap();
        instance
    }
}

fn stubs() -> Imports<Seen> {
    Imports::new()
        .function("host", "look", |_, []: [u32; 0]| Ok(()))
        .function("host", "write", |_, [_, _]: [u32; 2]| Ok(()))
        .function("host", "nested", |_, [_, _]: [u32; 2]| Ok(()))
}

fn instance(module: &Module, imports: &Imports<Seen>) -> Instance<Seen> {
    Instance::new(module, imports, Seen::default(), &Limits::new(), None).unwrap()
}

fn arguments(one: u32, two: u32) -> [Value; 2] {
    [Value::I32(one.cast_signed()), Value::I32(two.cast_signed())]
}

/// All that can be seen of an instance. `global_function` is asked last, as it changes a table.
fn state(instance: &mut Instance<Seen>) -> State {
    let mut values = BTreeMap::new();
    let mut ask = |instance: &mut Instance<Seen>, export: &str, arguments: &[Value]| {
        let answer = instance.invoke(export, arguments, None).unwrap();
        values.insert(format!("{export} {arguments:?}"), answer);
    };
    for export in ["int", "long", "float", "double", "low", "high", "constant", "started", "pages", "sizes"] {
        ask(instance, export, &[]);
    }
    (0..8).for_each(|index| ask(instance, "function", &[Value::I32(index)]));
    (0..4).for_each(|index| ask(instance, "fixed", &[Value::I32(index)]));
    ask(instance, "look", &[]);
    ask(instance, "global_function", &[]);
    State { memory: std::mem::take(&mut instance.data().lock().unwrap()), values }
}

/// Numbers that are the same in each run of the test (xorshift).
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 16) as u32
    }

    /// An address in so many pages that is often just inside, around a page's end, or outside.
    fn address(&mut self, pages: u32) -> u32 {
        match self.next() % 4 {
            0 => (self.next() % (17 * pages) * 4096).wrapping_sub(self.next() % 9),
            1 => pages * 65_536 - self.next() % 40,
            _ => self.next() % (pages * 65_536),
        }
    }
}

fn runs() -> usize {
    env::var("RESTORED_RUNS").map_or(2_000, |runs| runs.parse().expect("RESTORED_RUNS is a number"))
}

/// Does random things to one instance after the other, and compares it with a fresh one each time
/// that it was put back. Tells how often it was.
fn differ(world: &World, seed: u64, fuel: bool, runs: usize) -> usize {
    let (mut numbers, mut restored) = (Numbers(seed), 0);
    let mut instance = world.kept();
    for _ in 0..runs {
        if fuel {
            instance.set_fuel(Some(u64::from(numbers.next() % 200))).unwrap();
        }
        for _ in 0..numbers.next() % 4 {
            let change = match numbers.next() % 64 {
                // What ends an instance is rare, so that most are put back.
                0 => CHANGES[15 + numbers.next() as usize % 3],
                _ => CHANGES[numbers.next() as usize % 15],
            };
            let deadline = (change == "spin").then(|| Deadline::after(Duration::from_millis(1)));
            let most = if numbers.next() % 16 == 0 { world.pages * 65_536 } else { 20_000 };
            let arguments = arguments(numbers.address(world.pages), numbers.next() % most);
            if numbers.next() % 16 == 0 {
                let cancelled = AtomicBool::new(true);
                let outcome = instance.start_unless(&cancelled, "look", None);
                assert!(
                    matches!(outcome, Err(Error::Cancelled { .. } | Error::Poisoned { .. })),
                    "{outcome:?}"
                );
            }
            let mut run = || drop(instance.invoke(change, &arguments, deadline));
            match numbers.next() % 64 {
                // What it writes on another thread is put back from this one.
                0 => thread::scope(|scope| scope.spawn(run).join().unwrap()),
                _ => run(),
            }
        }
        match instance.restore() {
            Ok(()) => {
                restored += 1;
                assert_eq!(instance.memory_size(), u64::from(world.pages) * 65_536);
                assert!(state(&mut instance) == world.expected, "seed {seed}, after {restored}");
                instance.restore().unwrap();
                if numbers.next() % 64 == 0 {
                    instance.keep_state().unwrap();
                }
            }
            Err(reason) => {
                assert_eq!(reason == Unrestorable::Poisoned, instance.is_poisoned(), "{reason}");
                let is_unknown = reason == Unrestorable::Grown && !cfg!(target_os = "linux");
                assert!(reason == Unrestorable::Poisoned || is_unknown, "{reason}");
                instance = world.kept();
            }
        }
    }
    restored
}

#[test]
fn an_instance_that_is_put_back_is_like_a_fresh_one() {
    let world = World::new(false);
    let restored: usize = thread::scope(|scope| {
        let threads = [0x9E37_79B9_7F4A_7C15, 0xD1B5_4A32_D192_ED03].map(|seed| {
            let world = &world;
            scope.spawn(move || differ(world, seed, false, runs()))
        });
        threads.into_iter().map(|thread| thread.join().unwrap()).sum()
    });
    println!("{restored} of {} were put back", 2 * runs());
    assert!(restored > runs(), "most are put back: {restored}");
}

#[test]
fn an_instance_that_counts_fuel_is_put_back_too() {
    let restored = differ(&World::new(true), 0xA076_1D64_78BD_642F, true, runs());
    assert!(restored > 0, "some do not use all of their fuel");
}

#[test]
fn an_instance_that_writes_to_most_of_a_large_memory_is_put_back_too() {
    let restored = differ(&World::of(false, 120), 0xE703_7ED1_A0B4_28DB, false, runs() / 20);
    assert!(restored > runs() / 40, "most are put back: {restored}");
}

/// Without the file that tells which pages were written to, all of the memory is put back.
#[test]
#[cfg(target_os = "linux")]
fn without_the_system_s_help_an_instance_is_put_back_too() {
    const NAME: &str = "without_the_system_s_help_an_instance_is_put_back_too";
    const SCARCE: &str = "WAPC_TEST_WITHOUT_FILES";
    if env::var_os(SCARCE).is_some() {
        let _all_there_is: Vec<_> = (0..64).map_while(|_| File::open("/dev/null").ok()).collect();
        assert!(File::open("/proc/self/pagemap").is_err(), "there is no room for another file");
        let restored = differ(&World::new(false), 0x8EBC_6AF0_9C88_C6E3, false, runs() / 2);
        assert!(restored > runs() / 4, "most are put back: {restored}");
        return;
    }
    let program = env::current_exe().unwrap();
    let mut shell = std::process::Command::new("sh");
    shell.args(["-c", "ulimit -n 64; exec \"$0\" --exact \"$1\""]).arg(program).arg(NAME).env(SCARCE, "1");
    let output = shell.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}

#[test]
fn what_was_kept_last_is_put_back() {
    let world = World::new(false);
    let mut instance = world.kept();
    for (value, high) in [(11, true), (22, false), (33, true)] {
        let at = if high { 2 * 65_536 + 500 } else { 100 };
        instance.restore().unwrap();
        // All that was kept before is zeros now.
        instance.invoke("fill", &arguments(0, 3 * 65_536), None).unwrap();
        instance.invoke("store32", &arguments(at, value), None).unwrap();
        let expected = look(&mut instance);
        instance.keep_state().unwrap();
        assert!(look(&mut instance) == expected, "keeping it changes nothing");
        for _ in 0..3 {
            instance.invoke("fill", &arguments(0, 150_000), None).unwrap();
            assert_ne!(look(&mut instance), expected);
            instance.restore().unwrap();
            assert!(look(&mut instance) == expected, "{value}");
        }
    }
}

fn look(instance: &mut Instance<Seen>) -> Vec<u8> {
    instance.invoke("look", &[], None).unwrap();
    std::mem::take(&mut instance.data().lock().unwrap())
}

#[test]
#[cfg(target_os = "linux")]
fn growth_is_undone() {
    let world = World::new(false);
    let mut instance = world.kept();
    for _ in 0..3 {
        let behind = arguments(3 * 65_536 + 8, 7);
        instance.invoke("grow", &arguments(7, 3), None).unwrap();
        instance.invoke("store32", &behind, None).unwrap();
        assert_eq!(look(&mut instance).len(), 6 * 65_536);
        instance.restore().unwrap();
        assert_eq!(instance.memory_size(), 3 * 65_536);
        instance.invoke("grow", &arguments(0, 1), None).unwrap();
        assert_eq!(look(&mut instance)[3 * 65_536..], [0; 65_536]);
        let beyond = instance.invoke("store32", &arguments(4 * 65_536 + 8, 7), None);
        assert!(matches!(beyond, Err(Error::Trap { kind: TrapKind::MemoryOutOfBounds, .. })), "{beyond:?}");
        instance = world.kept();
    }
    let grows =
        r#"(module (memory 1) (func (export "grow") (param i32) (result i32) (memory.grow (local.get 0))))"#;
    let module = Engine::new().compile(grows.as_bytes()).unwrap();
    let limits = Limits::new().memory(8 << 16);
    let mut instance = Instance::new(&module, &Imports::new(), (), &limits, None).unwrap();
    instance.keep_state().unwrap();
    let grow = |instance: &mut Instance, pages| instance.invoke("grow", &[Value::I32(pages)], None).unwrap();
    for _ in 0..3 {
        assert_eq!(grow(&mut instance, 2), [Value::I32(1)]);
        assert_eq!(grow(&mut instance, 8), [Value::I32(-1)], "the limit is the same");
        assert_eq!(grow(&mut instance, 5), [Value::I32(3)]);
        assert_eq!(grow(&mut instance, 0), [Value::I32(8)]);
        instance.restore().unwrap();
        assert_eq!(grow(&mut instance, 0), [Value::I32(1)]);
    }
}

#[test]
fn what_cannot_be_put_back_is_told() {
    let kept = |text: &str| {
        let module = Engine::new().compile(text.as_bytes()).unwrap();
        let mut instance = Instance::new(&module, &Imports::new(), (), &Limits::new(), None).unwrap();
        assert_eq!(instance.restore(), Err(Unrestorable::NotKept));
        instance.keep_state().map(|()| instance)
    };
    let data = kept(r#"(module (memory 1) (data "x") (func (export "drop") (data.drop 0)))"#);
    assert_eq!(data.unwrap_err(), Unrestorable::PassiveSegments);
    let elements = kept("(module (table 1 funcref) (func $f) (elem func $f))");
    assert_eq!(elements.unwrap_err(), Unrestorable::PassiveSegments);
    if cfg!(target_os = "linux") {
        assert!(kept("(module (memory 4000))").unwrap().restore().is_ok(), "most of it was never written to");
        let large = kept("(module (memory 1100) (data (i32.const 67108864) \"x\"))").unwrap_err();
        assert_eq!(large, Unrestorable::LargeMemory { size: (64 << 20) + (1 << 16), limit: 64 << 20 });
    }
    let mut trapped = kept(r#"(module (func (export "trap") unreachable))"#).unwrap();
    assert!(trapped.restore().is_ok());
    trapped.invoke("trap", &[], None).unwrap_err();
    assert_eq!(trapped.restore(), Err(Unrestorable::Poisoned));
    assert_eq!(trapped.keep_state(), Err(Unrestorable::Poisoned));
}
