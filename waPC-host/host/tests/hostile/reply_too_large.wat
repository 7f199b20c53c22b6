;; Replies with more than it may.
(module
  (import "wapc" "__guest_response" (func $response (param i32 i32)))
  (memory (export "memory") 32)
  (func (export "__guest_call") (param i32) (param $variant i32) (result i32)
    (if (local.get $variant) (then (call $response (i32.const 0) (i32.const 0x200000))))
    (i32.const 1)))
