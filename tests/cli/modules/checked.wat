;; SPDX-License-Identifier: Apache-2.0
;; A hook with a check inlined, as compilers write it.
(module
  (import "ic0" "trap" (func $trap (param i32 i32)))
  (memory 1)
  (data (i32.const 8) "no saving today")
  (func $save
    (if (i32.load (i32.const 0)) (then (nop)) (else
      (call $trap (i32.const 8) (i32.const 15))
      unreachable))
    (i32.store (i32.const 4) (i32.const 1)))
  (func $answer (result i32)
    (call $trap (i32.const 8) (i32.const 15))
    unreachable)
  (export "canister_pre_upgrade" (func $save)))
