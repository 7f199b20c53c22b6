;; Makes the host's handler panic from the protocol's start function.
(module
  (import "wapc" "__host_call" (func $host_call (param i32 i32 i32 i32 i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 0) "panic")
  (func (export "wapc_init")
    (drop (call $host_call (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 5)
      (i32.const 0) (i32.const 0))))
  (func (export "__guest_call") (param i32 i32) (result i32) (i32.const 1)))
