;; Calls the host from its start section, with a name that lies outside of its memory.
(module
  (import "wapc" "__host_call" (func $host_call (param i32 i32 i32 i32 i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (func $start (drop (call $host_call (i32.const 65536) (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 0) (i32.const 1)
    (i32.const 0) (i32.const 1))))
  (start $start)
  (func (export "__guest_call") (param i32 i32) (result i32) (i32.const 1)))
