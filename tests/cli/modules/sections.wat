;; SPDX-License-Identifier: Apache-2.0
;; As small as it can be with every section that a module may have.
(module
  (import "ic0" "trap" (func $trap (param i32 i32)))
  (memory 1)
  (table 3 3 funcref)
  (global $stack (mut i32) (i32.const 64))
  (global $limit (export "limit") i32 (i32.const 96))
  (elem (i32.const 1) $get $start)
  (data $text (i32.const 64) "text")
  (data $spare "spare")
  (func $get
    (local i32)
    (local.set 0 (i32.load (i32.const 64)))
    (i32.store (i32.const 80) (local.get 0))
    (call_indirect (i32.const 1))
    (if (i32.eqz (global.get $stack)) (then (call $trap (i32.const 64) (i32.const 4)))))
  (func $start
    (memory.init $spare (i32.const 68) (i32.const 0) (i32.const 5)))
  (start $start)
  (export "canister_query get" (func $get)))
