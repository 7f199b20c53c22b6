;; Declares a larger table than it may have.
(module
  (memory (export "memory") 1)
  (table 10000000 funcref)
  (func (export "__guest_call") (param i32 i32) (result i32) (i32.const 1)))
