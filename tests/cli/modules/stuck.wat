;; SPDX-License-Identifier: Apache-2.0
;; The commonest incident by hand: the hook writes to stable memory that was never grown.
(module
  (import "ic0" "msg_reply" (func $reply))
  (import "ic0" "msg_reply_data_append" (func $append (param i32 i32)))
  (import "ic0" "stable64_size" (func $size (result i64)))
  (import "ic0" "stable64_write" (func $write (param i64 i64 i64)))
  (import "ic0" "debug_print" (func $print (param i32 i32)))
  (memory 1)
  (global $stack_pointer (mut i32) (i32.const 1024))
  (data (i32.const 1024) "DIDL\00\01\79")
  (data (i32.const 1040) "\05\00\00\00")
  (func $get
    (call $append (i32.const 1024) (i32.const 7))
    (call $append (i32.const 1040) (i32.const 4))
    (call $reply))
  (func $inc
    (i32.store (i32.const 1040) (i32.add (i32.load (i32.const 1040)) (i32.const 1)))
    (call $get))
  (func $save
    (call $print (i32.const 1024) (i32.const 4))
    (call $print (i32.const 1024) (i32.const 7))
    (call $write (i64.const 0) (i64.const 1040) (i64.const 4)))
  (export "canister_query get" (func $get))
  (export "canister_update inc" (func $inc))
  (export "canister_pre_upgrade" (func $save)))
