;; SPDX-License-Identifier: Apache-2.0
;; Methods named as Motoko names those that would be Candid's keywords: with an underscore behind.
(module
  (import "ic0" "msg_reply" (func $reply))
  (import "ic0" "msg_reply_data_append" (func $append (param i32 i32)))
  (import "ic0" "msg_arg_data_size" (func $size (result i32)))
  (import "ic0" "msg_arg_data_copy" (func $copy (param i32 i32 i32)))
  (memory 1)
  ;; (record { "opt" = 7 : nat })
  (data (i32.const 16) "DIDL\01\6c\01\b3\b8\d2\02\7d\01\00\07")
  (func $query
    (call $append (i32.const 16) (i32.const 15))
    (call $reply))
  (func $service
    (call $copy (i32.const 64) (i32.const 0) (call $size))
    (call $append (i32.const 64) (call $size))
    (call $reply))
  (export "canister_query query_" (func $query))
  (export "canister_update service_" (func $service)))
