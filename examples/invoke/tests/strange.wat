;; Its names forge a line and write to a terminal.
(module
  (func (export "tea\nFORGED\1b[2J\c2\9b2J\e2\80\ae\d8\9c") (result i32) (i32.const 7)))
