;; Declares more memory than it may have.
(module
  (memory (export "memory") 65536)
  (func (export "__guest_call") (param i32 i32) (result i32) (i32.const 1)))
