;; The guest of the waPC benches: `echo` (any name but one that starts with c) answers with its payload, `callback` sends it
;; to the host and answers with the host's reply.
(module
  (import "wapc" "__guest_request" (func $request (param i32 i32)))
  (import "wapc" "__guest_response" (func $response (param i32 i32)))
  (import "wapc" "__host_call" (func $host_call (param i32 i32 i32 i32 i32 i32 i32 i32) (result i32)))
  (import "wapc" "__host_response_len" (func $host_response_len (result i32)))
  (import "wapc" "__host_response" (func $host_response (param i32)))
  (memory (export "memory") 64)
  (data (i32.const 16) "defaultbenchecho")
  (func (export "__guest_call") (param $operation_length i32) (param $length i32) (result i32)
    (local $size i32)
    (call $request (i32.const 1024) (i32.const 65536))
    (if (i32.ne (i32.load8_u (i32.const 1024)) (i32.const 99)) (then
      (call $response (i32.const 65536) (local.get $length))
      (return (i32.const 1))))
    (drop (call $host_call (i32.const 16) (i32.const 7) (i32.const 23) (i32.const 5) (i32.const 28) (i32.const 4)
      (i32.const 65536) (local.get $length)))
    (local.set $size (call $host_response_len))
    (call $host_response (i32.const 65536))
    (call $response (i32.const 65536) (local.get $size))
    (i32.const 1)))
