;; A waPC guest. The first letter of the operation chooses: e replies with the payload, c replies with what the host
;; answers to a call with the payload, l writes the payload to the console, f fails with it, w never ends.
(module
  (import "wapc" "__guest_request" (func $request (param i32 i32)))
  (import "wapc" "__guest_response" (func $response (param i32 i32)))
  (import "wapc" "__guest_error" (func $error (param i32 i32)))
  (import "wapc" "__host_call" (func $host_call (param i32 i32 i32 i32 i32 i32 i32 i32) (result i32)))
  (import "wapc" "__host_response_len" (func $host_response_len (result i32)))
  (import "wapc" "__host_response" (func $host_response (param i32)))
  (import "wapc" "__console_log" (func $console_log (param i32 i32)))
  (memory (export "memory") 4)
  (data (i32.const 16) "bindingnamespaceoperation")
  (global $payload i32 (i32.const 65536))
  (func (export "__guest_call") (param i32) (param $length i32) (result i32)
    (local $letter i32)
    (call $request (i32.const 1024) (global.get $payload))
    (local.set $letter (i32.load8_u (i32.const 1024)))
    (if (i32.eq (local.get $letter) (i32.const 101)) (then
      (call $response (global.get $payload) (local.get $length))
      (return (i32.const 1))))
    (if (i32.eq (local.get $letter) (i32.const 99)) (then
      (drop (call $host_call (i32.const 16) (i32.const 7) (i32.const 23) (i32.const 9) (i32.const 32) (i32.const 9)
            (global.get $payload) (local.get $length)))
      (call $host_response (global.get $payload))
      (call $response (global.get $payload) (call $host_response_len))
      (return (i32.const 1))))
    (if (i32.eq (local.get $letter) (i32.const 108)) (then
      (call $console_log (global.get $payload) (local.get $length))
      (return (i32.const 1))))
    (if (i32.eq (local.get $letter) (i32.const 119)) (then (loop (br 0))))
    (call $error (global.get $payload) (local.get $length))
    (i32.const 0)))
