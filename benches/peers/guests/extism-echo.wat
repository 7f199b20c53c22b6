;; The waPC benches' guest as an Extism plug-in. It moves its bytes as the plug-in library for Rust does: eight at a time, and
;; those that are left one at a time, between a buffer of its own and the memory that Extism's kernel keeps.
;;
;; `echo` answers with its input. `callback` sends it to the host's function and answers with what that returns.
(module
  (import "extism:host/env" "input_length" (func $input_length (result i64)))
  (import "extism:host/env" "input_load_u64" (func $input_load_u64 (param i64) (result i64)))
  (import "extism:host/env" "input_load_u8" (func $input_load_u8 (param i64) (result i32)))
  (import "extism:host/env" "alloc" (func $alloc (param i64) (result i64)))
  (import "extism:host/env" "length" (func $length (param i64) (result i64)))
  (import "extism:host/env" "load_u64" (func $load_u64 (param i64) (result i64)))
  (import "extism:host/env" "load_u8" (func $load_u8 (param i64) (result i32)))
  (import "extism:host/env" "store_u64" (func $store_u64 (param i64 i64)))
  (import "extism:host/env" "store_u8" (func $store_u8 (param i64 i32)))
  (import "extism:host/env" "output_set" (func $output_set (param i64 i64)))
  (import "extism:host/user" "callback" (func $callback (param i64) (result i64)))
  (memory (export "memory") 64)
  (global $buffer i32 (i32.const 65536))

  (func (export "echo") (result i32)
    (local $size i64)
    (local.set $size (call $input_length))
    (call $read_input (local.get $size))
    (call $output_set (call $store (local.get $size)) (local.get $size))
    (i32.const 0))

  (func (export "callback") (result i32)
    (local $size i64) (local $reply i64)
    (local.set $size (call $input_length))
    (call $read_input (local.get $size))
    (local.set $reply (call $callback (call $store (local.get $size))))
    (local.set $size (call $length (local.get $reply)))
    (call $read (local.get $reply) (local.get $size))
    (call $output_set (call $store (local.get $size)) (local.get $size))
    (i32.const 0))

  ;; The plug-in's input, into the buffer.
  (func $read_input (param $size i64)
    (local $at i64) (local $whole i64)
    (local.set $whole (i64.and (local.get $size) (i64.const -8)))
    (block $words_done (loop $words
      (br_if $words_done (i64.ge_u (local.get $at) (local.get $whole)))
      (i64.store (call $here (local.get $at)) (call $input_load_u64 (local.get $at)))
      (local.set $at (i64.add (local.get $at) (i64.const 8)))
      (br $words)))
    (block $bytes_done (loop $bytes
      (br_if $bytes_done (i64.ge_u (local.get $at) (local.get $size)))
      (i32.store8 (call $here (local.get $at)) (call $input_load_u8 (local.get $at)))
      (local.set $at (i64.add (local.get $at) (i64.const 1)))
      (br $bytes))))

  ;; A block of the kernel's memory, into the buffer.
  (func $read (param $block i64) (param $size i64)
    (local $at i64) (local $whole i64)
    (local.set $whole (i64.and (local.get $size) (i64.const -8)))
    (block $words_done (loop $words
      (br_if $words_done (i64.ge_u (local.get $at) (local.get $whole)))
      (i64.store (call $here (local.get $at)) (call $load_u64 (i64.add (local.get $block) (local.get $at))))
      (local.set $at (i64.add (local.get $at) (i64.const 8)))
      (br $words)))
    (block $bytes_done (loop $bytes
      (br_if $bytes_done (i64.ge_u (local.get $at) (local.get $size)))
      (i32.store8 (call $here (local.get $at)) (call $load_u8 (i64.add (local.get $block) (local.get $at))))
      (local.set $at (i64.add (local.get $at) (i64.const 1)))
      (br $bytes))))

  ;; The buffer, into a new block of the kernel's memory.
  (func $store (param $size i64) (result i64)
    (local $block i64) (local $at i64) (local $whole i64)
    (local.set $block (call $alloc (local.get $size)))
    (local.set $whole (i64.and (local.get $size) (i64.const -8)))
    (block $words_done (loop $words
      (br_if $words_done (i64.ge_u (local.get $at) (local.get $whole)))
      (call $store_u64 (i64.add (local.get $block) (local.get $at)) (i64.load (call $here (local.get $at))))
      (local.set $at (i64.add (local.get $at) (i64.const 8)))
      (br $words)))
    (block $bytes_done (loop $bytes
      (br_if $bytes_done (i64.ge_u (local.get $at) (local.get $size)))
      (call $store_u8 (i64.add (local.get $block) (local.get $at)) (i32.load8_u (call $here (local.get $at))))
      (local.set $at (i64.add (local.get $at) (i64.const 1)))
      (br $bytes)))
    (local.get $block))

  (func $here (param $at i64) (result i32)
    (i32.add (global.get $buffer) (i32.wrap_i64 (local.get $at)))))
