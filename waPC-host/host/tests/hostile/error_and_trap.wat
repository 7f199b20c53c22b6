;; Sets an error and then traps.
(module
  (import "wapc" "__guest_error" (func $error (param i32 i32)))
  (memory (export "memory") 1)
  (data (i32.const 0) "last words")
  (func (export "__guest_call") (param i32) (param $variant i32) (result i32)
    (if (local.get $variant) (then (call $error (i32.const 0) (i32.const 10)) unreachable))
    (i32.const 1)))
