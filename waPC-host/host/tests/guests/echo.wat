(module
  (import "wapc" "__guest_request" (func $request (param i32 i32)))
  (import "wapc" "__guest_response" (func $response (param i32 i32)))
  (import "wapc" "__guest_error" (func $error (param i32 i32)))
  (import "wapc" "__host_call" (func $host_call (param i32 i32 i32 i32 i32 i32 i32 i32) (result i32)))
  (import "wapc" "__host_response_len" (func $host_response_len (result i32)))
  (import "wapc" "__host_response" (func $host_response (param i32)))
  (import "wapc" "__host_error_len" (func $host_error_len (result i32)))
  (import "wapc" "__host_error" (func $host_error (param i32)))
  (import "wapc" "__console_log" (func $console_log (param i32 i32)))
  (memory (export "memory") 4)
  (data (i32.const 16) "bindingnamespaceoperation")
  (data (i32.const 64) "no such operation")
  (global $operation i32 (i32.const 1024))
  (global $payload i32 (i32.const 65536))
  ;; The first letter of the operation chooses: e echo, c callback, l log, f fail, n neither reply nor error,
  ;; z a zero without an error, b both, t error then trap, s set the reply twice, i trap.
  (func (export "__guest_call") (param $operation_length i32) (param $length i32) (result i32)
    (local $letter i32) (local $size i32)
    (call $request (global.get $operation) (global.get $payload))
    (local.set $letter (i32.load8_u (global.get $operation)))
    (if (i32.eq (local.get $letter) (i32.const 101)) (then
      (call $response (global.get $payload) (local.get $length))
      (return (i32.const 1))))
    (if (i32.eq (local.get $letter) (i32.const 99)) (then
      (if (call $host_call (i32.const 16) (i32.const 7) (i32.const 23) (i32.const 9) (i32.const 32) (i32.const 9)
            (global.get $payload) (local.get $length))
        (then
          (local.set $size (call $host_response_len))
          (call $host_response (global.get $payload))
          (call $response (global.get $payload) (local.get $size))
          (return (i32.const 1)))
        (else
          (local.set $size (call $host_error_len))
          (call $host_error (global.get $payload))
          (call $error (global.get $payload) (local.get $size))
          (return (i32.const 0))))))
    (if (i32.eq (local.get $letter) (i32.const 108)) (then
      (call $console_log (global.get $payload) (local.get $length))
      (return (i32.const 1))))
    (if (i32.eq (local.get $letter) (i32.const 102)) (then
      (call $error (global.get $payload) (local.get $length))
      (return (i32.const 0))))
    (if (i32.eq (local.get $letter) (i32.const 110)) (then (return (i32.const 1))))
    (if (i32.eq (local.get $letter) (i32.const 122)) (then (return (i32.const 0))))
    (if (i32.eq (local.get $letter) (i32.const 98)) (then
      (call $response (global.get $payload) (local.get $length))
      (call $error (global.get $payload) (local.get $length))
      (return (i32.const 1))))
    (if (i32.eq (local.get $letter) (i32.const 116)) (then
      (call $error (global.get $payload) (local.get $length))
      unreachable))
    (if (i32.eq (local.get $letter) (i32.const 115)) (then
      (call $response (i32.const 16) (i32.const 7))
      (call $response (global.get $payload) (local.get $length))
      (return (i32.const 1))))
    (if (i32.eq (local.get $letter) (i32.const 105)) (then unreachable))
    (call $error (i32.const 64) (i32.const 17))
    (i32.const 0)))
