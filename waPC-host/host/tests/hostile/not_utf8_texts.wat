;; Prints text that is not UTF-8, then sets an error text that is not.
(module
  (import "wapc" "__console_log" (func $console_log (param i32 i32)))
  (import "wapc" "__guest_error" (func $error (param i32 i32)))
  (memory (export "memory") 1)
  (data (i32.const 0) "a\ffb")
  (func (export "__guest_call") (param i32) (param $variant i32) (result i32)
    (if (i32.eqz (local.get $variant)) (then (return (i32.const 1))))
    (call $console_log (i32.const 0) (i32.const 3))
    (call $error (i32.const 0) (i32.const 3))
    (i32.const 0)))
