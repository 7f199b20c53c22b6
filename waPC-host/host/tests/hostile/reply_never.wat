;; Says that it failed (1) or something that is neither success nor failure (2, 3), and sets neither reply nor error.
(module
  (memory (export "memory") 1)
  (func (export "__guest_call") (param i32) (param $variant i32) (result i32)
    (if (i32.eq (local.get $variant) (i32.const 1)) (then (return (i32.const 0))))
    (if (i32.eq (local.get $variant) (i32.const 2)) (then (return (i32.const 2))))
    (if (i32.eq (local.get $variant) (i32.const 3)) (then (return (i32.const -1))))
    (i32.const 1)))
