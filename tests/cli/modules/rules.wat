;; SPDX-License-Identifier: Apache-2.0
;; Valid WebAssembly that the network refuses, for more than one reason; and calls that trap where they are made.
(module
  (import "ic0" "msg_reply" (func $reply))
  (import "ic0" "stable_write" (func $write (param i32 i32 i32)))
  (import "ic0" "call_perform" (func $perform (result i32)))
  (import "env" "clock" (func $clock (result i64)))
  (memory 1)
  (func $get (call $reply) (drop (call $perform)))
  (func $save (call $write (i32.const 0) (i32.const 0) (i32.const 4)) (drop (call $clock)))
  (export "canister_query get" (func $get))
  (export "canister_update get" (func $get))
  (export "canister_pre_upgrade" (func $save))
  (export "canister_nonsense" (func $get)))
