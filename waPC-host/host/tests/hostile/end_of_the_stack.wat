;; Goes down as many calls as the length of its payload, in frames of two sizes, and has the engine do something at the bottom that traps.
;; Whether the stack ends before that depends on the engine.
(module
  (memory (export "memory") 1)
  (func $small (param $left i32)
    (if (i32.eqz (local.get $left)) (then (memory.fill (i32.const 0) (i32.const 1) (i32.const -1))))
    (call $small (i32.sub (local.get $left) (i32.const 1)))
    (i32.store8 (i32.const 0) (local.get $left)))
  (func $large (param $left i32) (param i64 i64 i64 i64 i64 i64 i64 i64) (result i64)
    (if (i32.eqz (local.get $left)) (then unreachable))
    (i64.add (call $large (i32.sub (local.get $left) (i32.const 1)) (local.get 8) (local.get 1) (local.get 2) (local.get 3)
      (local.get 4) (local.get 5) (local.get 6) (local.get 7)) (i64.mul (local.get 1) (local.get 8))))
  (func (export "__guest_call") (param i32) (param $depth i32) (result i32)
    (if (local.get $depth) (then
      (if (i32.and (local.get $depth) (i32.const 1)) (then (call $small (local.get $depth))))
      (drop (call $large (local.get $depth) (i64.const 1) (i64.const 2) (i64.const 3) (i64.const 4) (i64.const 5) (i64.const 6)
        (i64.const 7) (i64.const 8)))))
    (i32.const 1)))
