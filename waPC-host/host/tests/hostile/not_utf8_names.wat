;; Passes a binding (1), a namespace (2) or an operation (3) that is not UTF-8.
(module
  (import "wapc" "__host_call" (func $host_call (param i32 i32 i32 i32 i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 0) "\c3\28\ff\fe")
  (func (export "__guest_call") (param i32) (param $variant i32) (result i32)
    (if (i32.eqz (local.get $variant)) (then (return (i32.const 1))))
    (call $host_call
      (i32.const 0) (select (i32.const 4) (i32.const 0) (i32.eq (local.get $variant) (i32.const 1)))
      (i32.const 0) (select (i32.const 4) (i32.const 0) (i32.eq (local.get $variant) (i32.const 2)))
      (i32.const 0) (select (i32.const 4) (i32.const 0) (i32.eq (local.get $variant) (i32.const 3)))
      (i32.const 0) (i32.const 0))))
