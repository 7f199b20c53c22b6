;; Makes a host call whose binding (1), namespace (2) or operation (3) has a mebibyte.
(module
  (import "wapc" "__host_call" (func $host_call (param i32 i32 i32 i32 i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 32)
  (func (export "__guest_call") (param i32) (param $variant i32) (result i32)
    (if (i32.eqz (local.get $variant)) (then (return (i32.const 1))))
    (memory.fill (i32.const 0) (i32.const 97) (i32.const 0x100000))
    (call $host_call
      (i32.const 0) (select (i32.const 0x100000) (i32.const 0) (i32.eq (local.get $variant) (i32.const 1)))
      (i32.const 0) (select (i32.const 0x100000) (i32.const 0) (i32.eq (local.get $variant) (i32.const 2)))
      (i32.const 0) (select (i32.const 0x100000) (i32.const 0) (i32.eq (local.get $variant) (i32.const 3)))
      (i32.const 0) (i32.const 0))))
