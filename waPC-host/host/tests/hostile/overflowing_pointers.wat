;; Passes each import in turn an address and a length whose sum does not fit into 32 bits.
(module
  (import "wapc" "__guest_request" (func $request (param i32 i32)))
  (import "wapc" "__guest_response" (func $response (param i32 i32)))
  (import "wapc" "__guest_error" (func $error (param i32 i32)))
  (import "wapc" "__host_call" (func $host_call (param i32 i32 i32 i32 i32 i32 i32 i32) (result i32)))
  (import "wapc" "__host_response" (func $host_response (param i32)))
  (import "wapc" "__host_error" (func $host_error (param i32)))
  (import "wapc" "__console_log" (func $console_log (param i32 i32)))
  (memory (export "memory") 1)
  (data (i32.const 0) "fail")
  (func (export "__guest_call") (param i32) (param $variant i32) (result i32)
    (if (i32.eq (local.get $variant) (i32.const 1)) (then
      (call $request (i32.const -1) (i32.const 0))))
    (if (i32.eq (local.get $variant) (i32.const 2)) (then
      (call $request (i32.const 0) (i32.const -1))))
    (if (i32.eq (local.get $variant) (i32.const 3)) (then
      (call $response (i32.const -1) (i32.const -1))))
    (if (i32.eq (local.get $variant) (i32.const 4)) (then
      (call $error (i32.const -1) (i32.const -1))))
    (if (i32.eq (local.get $variant) (i32.const 5)) (then
      (call $console_log (i32.const -1) (i32.const -1))))
    (if (i32.eq (local.get $variant) (i32.const 6)) (then
      (drop (call $host_call (i32.const -1) (i32.const -1) (i32.const 0) (i32.const 4) (i32.const 0) (i32.const 4) (i32.const 0) (i32.const 4)))))
    (if (i32.eq (local.get $variant) (i32.const 7)) (then
      (drop (call $host_call (i32.const 0) (i32.const 4) (i32.const -1) (i32.const -1) (i32.const 0) (i32.const 4) (i32.const 0) (i32.const 4)))))
    (if (i32.eq (local.get $variant) (i32.const 8)) (then
      (drop (call $host_call (i32.const 0) (i32.const 4) (i32.const 0) (i32.const 4) (i32.const -1) (i32.const -1) (i32.const 0) (i32.const 4)))))
    (if (i32.eq (local.get $variant) (i32.const 9)) (then
      (drop (call $host_call (i32.const 0) (i32.const 4) (i32.const 0) (i32.const 4) (i32.const 0) (i32.const 4) (i32.const -1) (i32.const -1)))))
    (if (i32.eq (local.get $variant) (i32.const 10)) (then
      (drop (call $host_call (i32.const 0) (i32.const 4) (i32.const 0) (i32.const 4) (i32.const 1) (i32.const 1) (i32.const 0) (i32.const 4))) (call $host_response (i32.const -1))))
    (if (i32.eq (local.get $variant) (i32.const 11)) (then
      (drop (call $host_call (i32.const 0) (i32.const 4) (i32.const 0) (i32.const 4) (i32.const 0) (i32.const 4) (i32.const 0) (i32.const 4))) (call $host_error (i32.const -1))))
    (i32.const 1)))
