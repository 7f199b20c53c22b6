;; Whatever it is asked for, it calls its host under names that forge a line and write to a terminal.
(module
  (import "wapc" "__guest_request" (func $request (param i32 i32)))
  (import "wapc" "__host_call" (func $host_call (param i32 i32 i32 i32 i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 2)
  (data (i32.const 0) "tea\nFORGED\1b[2J\c2\9b2J\e2\80\ae\d8\9c")
  (func (export "__guest_call") (param i32 i32) (result i32)
    (call $request (i32.const 1024) (i32.const 65536))
    (call $host_call (i32.const 0) (i32.const 23) (i32.const 0) (i32.const 23) (i32.const 0) (i32.const 23) (i32.const 0) (i32.const 23))))
