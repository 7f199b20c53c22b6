;; Never comes back, once without touching anything (1) and once while it writes memory (2).
(module
  (memory (export "memory") 1)
  (func (export "__guest_call") (param i32) (param $variant i32) (result i32)
    (if (i32.eq (local.get $variant) (i32.const 1)) (then (loop br 0)))
    (if (i32.eq (local.get $variant) (i32.const 2)) (then
      (loop (i32.store (i32.const 0) (i32.add (i32.load (i32.const 0)) (i32.const 1))) br 0)))
    (i32.const 1)))
