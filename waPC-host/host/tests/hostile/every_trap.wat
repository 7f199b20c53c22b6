;; Every way to trap that WebAssembly has.
(module
  (memory (export "memory") 1)
  (table 2 funcref)
  (elem (i32.const 0) $other)
  (type $none (func))
  (func $other (param i32))
  (func (export "__guest_call") (param $zero i32) (param $variant i32) (result i32)
    (if (i32.eq (local.get $variant) (i32.const 1)) (then unreachable))
    (if (i32.eq (local.get $variant) (i32.const 2)) (then (drop (i32.load (i32.const -1)))))
    (if (i32.eq (local.get $variant) (i32.const 3)) (then (i64.store offset=0xffffffff (i32.const -1) (i64.const 1))))
    (if (i32.eq (local.get $variant) (i32.const 4)) (then
      (drop (i32.div_u (i32.const 1) (i32.sub (local.get $zero) (local.get $zero))))))
    (if (i32.eq (local.get $variant) (i32.const 5)) (then
      (drop (i32.div_s (i32.const 0x80000000) (i32.const -1)))))
    (if (i32.eq (local.get $variant) (i32.const 6)) (then (drop (i32.trunc_f32_s (f32.const nan)))))
    (if (i32.eq (local.get $variant) (i32.const 7)) (then (call_indirect (type $none) (i32.const 0))))
    (if (i32.eq (local.get $variant) (i32.const 8)) (then (call_indirect (type $none) (i32.const 1))))
    (if (i32.eq (local.get $variant) (i32.const 9)) (then (call_indirect (type $none) (i32.const 2))))
    (if (i32.eq (local.get $variant) (i32.const 10)) (then
      (memory.copy (i32.const 0) (i32.const 65535) (i32.const 2))))
    (i32.const 1)))
