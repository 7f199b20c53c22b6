;; Calls itself without end: directly (1), and with as many values on the stack as it can hold (2).
(module
  (memory (export "memory") 1)
  (func $down (param i64) (result i64) (i64.add (i64.const 1) (call $down (local.get 0))))
  (func $wide (param i64 i64 i64 i64 i64 i64 i64 i64) (result i64)
    (i64.add (call $wide (local.get 7) (local.get 0) (local.get 1) (local.get 2) (local.get 3) (local.get 4)
      (local.get 5) (local.get 6)) (i64.mul (local.get 0) (local.get 7))))
  (func (export "__guest_call") (param i32) (param $variant i32) (result i32)
    (if (i32.eq (local.get $variant) (i32.const 1)) (then (drop (call $down (i64.const 1)))))
    (if (i32.eq (local.get $variant) (i32.const 2)) (then
      (drop (call $wide (i64.const 1) (i64.const 2) (i64.const 3) (i64.const 4) (i64.const 5) (i64.const 6) (i64.const 7)
        (i64.const 8)))))
    (i32.const 1)))
