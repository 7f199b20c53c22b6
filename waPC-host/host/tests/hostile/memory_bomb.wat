;; Takes memory until it is refused, page by page (1), by doubling (2), or all that there is at once (3), and then traps.
(module
  (memory (export "memory") 1)
  (func $take (param $pages i32) (result i32) (i32.eq (memory.grow (local.get $pages)) (i32.const -1)))
  (func (export "__guest_call") (param i32) (param $variant i32) (result i32)
    (if (i32.eq (local.get $variant) (i32.const 1)) (then
      (loop $more (br_if $more (i32.eqz (call $take (i32.const 1))))) unreachable))
    (if (i32.eq (local.get $variant) (i32.const 2)) (then
      (loop $more (br_if $more (i32.eqz (call $take (memory.size))))) unreachable))
    (if (i32.eq (local.get $variant) (i32.const 3)) (then
      (if (call $take (i32.const -1)) (then unreachable))))
    (i32.const 1)))
