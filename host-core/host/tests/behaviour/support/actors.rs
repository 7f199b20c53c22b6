//! Actors in the text format. All answer a health request with nothing unless they cannot.

/// The binary form.
#[track_caller]
pub(crate) fn wasm(wat: &str) -> Vec<u8> {
    wat::parse_str(wat).unwrap()
}

/// Answers every call with its payload.
pub(crate) fn echo() -> String {
    actor("", "(call $response (i32.const 4096) (local.get $len)) (i32.const 1)")
}

/// Answers every call with `text`.
pub(crate) fn saying(text: &str) -> String {
    let length = text.len();
    let data = format!("(data (i32.const 64) {text:?})");
    actor(&data, &format!("(call $response (i32.const 64) (i32.const {length})) (i32.const 1)"))
}

/// Answers every call with the error `text`, health requests too.
pub(crate) fn failing(text: &str) -> String {
    let length = text.len();
    format!(
        r#"(module {IMPORTS} (data (i32.const 64) {text:?})
            (func (export "__guest_call") (param i32 i32) (result i32)
              (call $error (i32.const 64) (i32.const {length})) (i32.const 0)))"#
    )
}

/// Runs for ever.
pub(crate) fn spinning() -> String {
    actor("", "(loop $again (br $again)) (unreachable)")
}

/// Traps.
pub(crate) fn trapping() -> String {
    actor("", "(unreachable)")
}

/// Answers `echo` with its payload. Sends the payload of anything else on by a host call, and answers with its result.
pub(crate) fn forwarder(namespace: &str, binding: &str, operation: &str) -> String {
    let [call, data] = host_call(namespace, binding, operation);
    let echo = u32::from_le_bytes(*b"echo");
    let body = format!(
        "(if (i32.eq (i32.load (i32.const 2048)) (i32.const {echo}))
           (then (call $response (i32.const 4096) (local.get $len)) (return (i32.const 1))))
         (if (result i32) {call}
           (then (call $host_response (i32.const 65536))
                 (call $response (i32.const 65536) (call $host_response_len)) (i32.const 1))
           (else (call $host_error (i32.const 65536))
                 (call $error (i32.const 65536) (call $host_error_len)) (i32.const 0)))"
    );
    actor(&data, &body)
}

/// Makes a host call with its payload, makes it again, and answers with the second one's result.
pub(crate) fn calls_twice(namespace: &str, operation: &str) -> String {
    let [call, data] = host_call(namespace, "", operation);
    let failed = "(call $host_error (i32.const 65536))
        (call $error (i32.const 65536) (call $host_error_len)) (return (i32.const 0))";
    let body = format!(
        "(if (i32.eqz {call}) (then {failed})) (if (i32.eqz {call}) (then {failed}))
         (call $host_response (i32.const 65536))
         (call $response (i32.const 65536) (call $host_response_len)) (i32.const 1)"
    );
    actor(&data, &body)
}

/// Makes one host call and then runs for ever.
pub(crate) fn calls_then_spins(namespace: &str, operation: &str) -> String {
    let [call, data] = host_call(namespace, "", operation);
    actor(&data, &format!("(drop {call}) (loop $again (br $again)) (unreachable)"))
}

/// Makes a host call while it starts, and does not start when that is refused.
pub(crate) fn starting(namespace: &str, operation: &str) -> String {
    let [call, data] = host_call(namespace, "", operation);
    let call = call.replace("(local.get $len)", "(i32.const 0)");
    let start = format!(r#"(func (export "wapc_init") (if (i32.eqz {call}) (then (unreachable))))"#);
    actor(&format!("{data} {start}"), "(i32.const 1)")
}

/// Uses the store and then calls another actor; answers with the error of that when it is refused.
pub(crate) fn store_then_calls(actor_id: &str) -> String {
    let [store, data] = host_call(super::STORE, "", "Work");
    let length = actor_id.len();
    let body = format!(
        r#"(drop {store})
         (if (result i32) (call $host_call (i32.const 64) (i32.const 0) (i32.const 1024) (i32.const {length})
               (i32.const 512) (i32.const 4) (i32.const 4096) (local.get $len))
           (then (i32.const 1))
           (else (call $host_error (i32.const 65536))
                 (call $error (i32.const 65536) (call $host_error_len)) (i32.const 0)))"#
    );
    actor(&format!("{data} (data (i32.const 1024) {actor_id:?})"), &body)
}

/// Asks the store for `0000`, `0001`, ... with each call another, over a link of its own choosing; as `Work` when the call is `Work`.
pub(crate) fn asking_on(capability: &str) -> String {
    let digit = |at: u32, unit: u32| {
        format!(
            "(i32.store8 (i32.const {at}) (i32.add (i32.const 48)
               (i32.rem_u (i32.div_u (global.get $asked) (i32.const {unit})) (i32.const 10))))"
        )
    };
    let digits: String =
        [(512, 1000), (513, 100), (514, 10), (515, 1)].map(|(at, unit)| digit(at, unit)).concat();
    let n = capability.len();
    let call = |operation: u32| {
        format!(
            "(drop (call $host_call (i32.const 0) (i32.const 0) (i32.const 256) (i32.const {n})
               (i32.const {operation}) (i32.const 4) (i32.const 0) (i32.const 0)))"
        )
    };
    let data = format!(
        r#"(data (i32.const 256) {capability:?}) (data (i32.const 512) "0000") (data (i32.const 600) "Work")
           (global $asked (mut i32) (i32.const 0))"#
    );
    let body = format!(
        "(if (i32.eq (i32.load (i32.const 2048)) (i32.load (i32.const 600)))
           (then {} (return (i32.const 1))))
         {digits} (global.set $asked (i32.add (global.get $asked) (i32.const 1))) {} (i32.const 1)",
        call(600),
        call(512)
    );
    actor(&data, &body)
}

const IMPORTS: &str = r#"
    (import "wapc" "__guest_request" (func $request (param i32 i32)))
    (import "wapc" "__guest_response" (func $response (param i32 i32)))
    (import "wapc" "__guest_error" (func $error (param i32 i32)))
    (import "wapc" "__host_call" (func $host_call (param i32 i32 i32 i32 i32 i32 i32 i32) (result i32)))
    (import "wapc" "__host_response_len" (func $host_response_len (result i32)))
    (import "wapc" "__host_response" (func $host_response (param i32)))
    (import "wapc" "__host_error_len" (func $host_error_len (result i32)))
    (import "wapc" "__host_error" (func $host_error (param i32)))
    (memory (export "memory") 4)"#;

/// An actor with this body. The operation lies at 2048 and the payload at 4096, which is `$len` bytes long.
fn actor(data: &str, body: &str) -> String {
    let health = u64::from_le_bytes(*b"HealthRe");
    format!(
        r#"(module {IMPORTS} {data}
            (func (export "__guest_call") (param i32) (param $len i32) (result i32)
              (call $request (i32.const 2048) (i32.const 4096))
              (if (i64.eq (i64.load (i32.const 2048)) (i64.const {health}))
                (then (call $response (i32.const 0) (i32.const 0)) (return (i32.const 1))))
              {body}))"#
    )
}

/// The instruction of a host call with the actor's own payload, and the data that it needs.
fn host_call(namespace: &str, binding: &str, operation: &str) -> [String; 2] {
    let (b, n, o) = (binding.len(), namespace.len(), operation.len());
    let call = format!(
        "(call $host_call (i32.const 64) (i32.const {b}) (i32.const 256) (i32.const {n})
           (i32.const 512) (i32.const {o}) (i32.const 4096) (local.get $len))"
    );
    let data = format!(
        "(data (i32.const 64) {binding:?}) (data (i32.const 256) {namespace:?}) (data (i32.const 512) {operation:?})"
    );
    [call, data]
}
