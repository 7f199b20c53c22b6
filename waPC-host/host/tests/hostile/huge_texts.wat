;; Prints a mebibyte that is not UTF-8, and sets as much as its error.
(module
  (import "wapc" "__console_log" (func $console_log (param i32 i32)))
  (import "wapc" "__guest_error" (func $error (param i32 i32)))
  (memory (export "memory") 32)
  (func (export "__guest_call") (param i32) (param $variant i32) (result i32)
    (if (i32.eqz (local.get $variant)) (then (return (i32.const 1))))
    (memory.fill (i32.const 0) (i32.const 255) (i32.const 0x100000))
    (call $console_log (i32.const 0) (i32.const 0x100000))
    (call $error (i32.const 0) (i32.const 0x100000))
    (i32.const 0)))
