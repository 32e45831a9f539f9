;; SPDX-License-Identifier: Apache-2.0
;; A counter: one word of heap, a function table, hooks that save it to stable memory and load it again.
(module
  (import "ic0" "msg_reply" (func $reply))
  (import "ic0" "msg_reply_data_append" (func $append (param i32 i32)))
  (import "ic0" "stable64_grow" (func $grow (param i64) (result i64)))
  (import "ic0" "stable64_write" (func $write (param i64 i64 i64)))
  (import "ic0" "stable64_read" (func $read (param i64 i64 i64)))
  (memory 1)
  (table 2 2 funcref)
  (elem (i32.const 1) $one)
  (global $stack_pointer (mut i32) (i32.const 1024))
  ;; "DIDL", no types, one argument, nat32; the count follows in the heap.
  (data (i32.const 1024) "DIDL\00\01\79")
  (data (i32.const 1040) "\05\00\00\00")
  (func $one (param i32) (result i32) (i32.add (local.get 0) (i32.const 1)))
  (func $answer
    (call $append (i32.const 1024) (i32.const 7))
    (call $append (i32.const 1040) (i32.const 4))
    (call $reply))
  (func $inc
    (i32.store (i32.const 1040) (call_indirect (param i32) (result i32) (i32.load (i32.const 1040)) (i32.const 1)))
    (call $answer))
  (func $save
    (drop (call $grow (i64.const 1)))
    (call $write (i64.const 0) (i64.const 1040) (i64.const 4)))
  (func $load (call $read (i64.const 1040) (i64.const 0) (i64.const 4)))
  (export "memory" (memory 0))
  (export "canister_query get" (func $answer))
  (export "canister_update inc" (func $inc))
  (export "canister_pre_upgrade" (func $save))
  (export "canister_post_upgrade" (func $load)))
