;; An actor that speaks MessagePack by heart: each request adds 1 to a key, and the body of the answer is the store's own
;; reply, {"value": n}. A health request is answered with nothing; it also writes a line to the console.
(module
  (import "wapc" "__guest_request" (func $request (param i32 i32)))
  (import "wapc" "__guest_response" (func $response (param i32 i32)))
  (import "wapc" "__guest_error" (func $error (param i32 i32)))
  (import "wapc" "__host_call" (func $host_call (param i32 i32 i32 i32 i32 i32 i32 i32) (result i32)))
  (import "wapc" "__host_response_len" (func $host_response_len (result i32)))
  (import "wapc" "__host_response" (func $host_response (param i32)))
  (import "wapc" "__host_error_len" (func $host_error_len (result i32)))
  (import "wapc" "__host_error" (func $host_error (param i32)))
  (import "wapc" "__console_log" (func $console_log (param i32 i32)))
  (memory (export "memory") 4)
  (data (i32.const 0) "default")
  (data (i32.const 16) "wascc:keyvalue")
  (data (i32.const 32) "Add")
  ;; {"key": "hits", "value": 1}
  (data (i32.const 48) "\82\a3key\a4hits\a5value\01")
  (data (i32.const 80) "counted")
  ;; {"statusCode": 200, "body": <8 bytes>}
  (data (i32.const 128) "\82\aastatusCode\cc\c8\a4body\c4\08")
  (func (export "__guest_call") (param $operation i32) (param i32) (result i32)
    (call $request (i32.const 1024) (i32.const 65536))
    ;; "HealthRequest" begins with He, "HandleRequest" with Ha.
    (if (i32.eq (i32.load8_u (i32.const 1025)) (i32.const 101)) (then (return (i32.const 1))))
    (call $console_log (i32.const 80) (i32.const 7))
    (if (call $host_call (i32.const 0) (i32.const 7) (i32.const 16) (i32.const 14) (i32.const 32) (i32.const 3)
          (i32.const 48) (i32.const 17))
      (then
        (call $host_response (i32.const 149))
        (call $response (i32.const 128) (i32.add (i32.const 21) (call $host_response_len)))
        (return (i32.const 1))))
    (call $host_error (i32.const 65536))
    (call $error (i32.const 65536) (call $host_error_len))
    (i32.const 0)))
