;; SPDX-License-Identifier: Apache-2.0
;; A canister whose prints, traps and names would clear the screen of whoever looks at them.
(module
  (import "ic0" "debug_print" (func $print (param i32 i32)))
  (import "ic0" "trap" (func $trap (param i32 i32)))
  (memory 1)
  (data (i32.const 0) "\1b[2J\1b[1;32mSAFE\1b[0m\9b2J \c2\9b2J caf\c3\a9\0a\0d")
  (func $get
    (call $print (i32.const 0) (i32.const 35))
    (call $trap (i32.const 0) (i32.const 4)))
  (export "canister_query get" (func $get))
  (export "canister_query \1b[2J" (func $get))
  (export "\1b[8m\c2\9b8m" (func $get)))
