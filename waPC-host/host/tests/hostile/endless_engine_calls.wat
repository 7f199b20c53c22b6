;; Keeps the engine busy without end, each time with something that it carries out: fills (1), copies (2) and grows memory by nothing (3),
;; fills (4), copies (5) and grows a table by nothing (6).
(module
  (memory (export "memory") 16)
  (table $table 1000 funcref)
  (func (export "__guest_call") (param i32) (param $variant i32) (result i32)
    (if (i32.eq (local.get $variant) (i32.const 1)) (then
      (loop (memory.fill (i32.const 0) (i32.const 1) (i32.const 0x100000)) br 0)))
    (if (i32.eq (local.get $variant) (i32.const 2)) (then
      (loop (memory.copy (i32.const 1) (i32.const 0) (i32.const 0xfffff)) br 0)))
    (if (i32.eq (local.get $variant) (i32.const 3)) (then (loop (drop (memory.grow (i32.const 0))) br 0)))
    (if (i32.eq (local.get $variant) (i32.const 4)) (then
      (loop (table.fill $table (i32.const 0) (ref.null func) (i32.const 1000)) br 0)))
    (if (i32.eq (local.get $variant) (i32.const 5)) (then
      (loop (table.copy $table $table (i32.const 1) (i32.const 0) (i32.const 999)) br 0)))
    (if (i32.eq (local.get $variant) (i32.const 6)) (then
      (loop (drop (table.grow $table (ref.null func) (i32.const 0))) br 0)))
    (i32.const 1)))
