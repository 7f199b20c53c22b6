;; Never comes back from writing: lines (1), one line without end (2), everything it has, again and again (3).
(module
  (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 2)
  (data (i32.const 0) "ab\n")
  (data (i32.const 16) "\00\00\00\00\03\00\00\00\00\00\00\00\02\00\00\00\00\00\00\00\00\00\02\00")
  (func (export "__guest_call") (param i32) (param $variant i32) (result i32)
    (if (i32.eq (local.get $variant) (i32.const 1)) (then
      (loop (drop (call $fd_write (i32.const 1) (i32.const 16) (i32.const 1) (i32.const 64))) br 0)))
    (if (i32.eq (local.get $variant) (i32.const 2)) (then
      (loop (drop (call $fd_write (i32.const 2) (i32.const 24) (i32.const 1) (i32.const 64))) br 0)))
    (if (i32.eq (local.get $variant) (i32.const 3)) (then
      (loop (drop (call $fd_write (i32.const 1) (i32.const 32) (i32.const 1) (i32.const 64))) br 0)))
    (i32.const 1)))
