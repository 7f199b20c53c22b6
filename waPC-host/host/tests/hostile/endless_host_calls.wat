;; Never comes back, and calls the host all the time: with host calls (1), lines for the console (2), replies (3).
(module
  (import "wapc" "__host_call" (func $host_call (param i32 i32 i32 i32 i32 i32 i32 i32) (result i32)))
  (import "wapc" "__console_log" (func $console_log (param i32 i32)))
  (import "wapc" "__guest_response" (func $response (param i32 i32)))
  (memory (export "memory") 1)
  (func (export "__guest_call") (param i32) (param $variant i32) (result i32)
    (if (i32.eq (local.get $variant) (i32.const 1)) (then
      (loop (drop (call $host_call (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)
        (i32.const 0) (i32.const 9))) br 0)))
    (if (i32.eq (local.get $variant) (i32.const 2)) (then
      (loop (call $console_log (i32.const 0) (i32.const 9)) br 0)))
    (if (i32.eq (local.get $variant) (i32.const 3)) (then
      (loop (call $response (i32.const 0) (i32.const 9)) br 0)))
    (i32.const 1)))
