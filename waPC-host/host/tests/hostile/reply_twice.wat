;; Sets its reply twice, and a reply that is too large in between (2).
(module
  (import "wapc" "__guest_response" (func $response (param i32 i32)))
  (memory (export "memory") 32)
  (data (i32.const 0) "firstsecond")
  (func (export "__guest_call") (param i32) (param $variant i32) (result i32)
    (if (local.get $variant) (then
      (call $response (i32.const 0) (i32.const 5))
      (if (i32.eq (local.get $variant) (i32.const 2)) (then (call $response (i32.const 0) (i32.const 0x200000))))
      (call $response (i32.const 5) (i32.const 6))))
    (i32.const 1)))
