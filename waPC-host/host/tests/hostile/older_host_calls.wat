;; Passes the older host calls wild addresses (1 to 5), names that are not UTF-8 (6, 7) and names of a mebibyte (8, 9).
(module
  (import "wasmbus" "__host_call" (func $six (param i32 i32 i32 i32 i32 i32) (result i32)))
  (import "wascap" "__host_call" (func $four (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 32)
  (data (i32.const 0) "a!b") (data (i32.const 8) "a!\ff")
  (func (export "__guest_call") (param i32) (param $variant i32) (result i32)
    (if (i32.eq (local.get $variant) (i32.const 1)) (then (drop (call $six
      (i32.const -1) (i32.const 2) (i32.const 0) (i32.const 1) (i32.const 0) (i32.const 1)))))
    (if (i32.eq (local.get $variant) (i32.const 2)) (then (drop (call $six
      (i32.const 0) (i32.const 1) (i32.const 0x1fffff) (i32.const 2) (i32.const 0) (i32.const 1)))))
    (if (i32.eq (local.get $variant) (i32.const 3)) (then (drop (call $six
      (i32.const 0) (i32.const 1) (i32.const 0) (i32.const 1) (i32.const -1) (i32.const -1)))))
    (if (i32.eq (local.get $variant) (i32.const 4)) (then (drop (call $four
      (i32.const -1) (i32.const -1) (i32.const 0) (i32.const 1)))))
    (if (i32.eq (local.get $variant) (i32.const 5)) (then (drop (call $four
      (i32.const 0) (i32.const 3) (i32.const 0x200000) (i32.const 1)))))
    (if (i32.eq (local.get $variant) (i32.const 6)) (then (drop (call $six
      (i32.const 8) (i32.const 3) (i32.const 0) (i32.const 1) (i32.const 0) (i32.const 1)))))
    (if (i32.eq (local.get $variant) (i32.const 7)) (then (drop (call $four
      (i32.const 8) (i32.const 3) (i32.const 0) (i32.const 1)))))
    (if (i32.eq (local.get $variant) (i32.const 8)) (then (drop (call $six
      (i32.const 0) (i32.const 1) (i32.const 16) (i32.const 0x100000) (i32.const 0) (i32.const 1)))))
    (if (i32.eq (local.get $variant) (i32.const 9)) (then (drop (call $four
      (i32.const 16) (i32.const 0x100000) (i32.const 0) (i32.const 1)))))
    (i32.const 1)))
