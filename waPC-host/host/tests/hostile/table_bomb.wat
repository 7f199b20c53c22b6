;; Grows a table until it is refused, and then traps.
(module
  (memory (export "memory") 1)
  (table $table 1 funcref)
  (func (export "__guest_call") (param i32) (param $variant i32) (result i32)
    (if (local.get $variant) (then
      (loop $more
        (br_if $more (i32.ne (table.grow $table (ref.null func) (i32.const 4096)) (i32.const -1))))
      unreachable))
    (i32.const 1)))
