;; SPDX-License-Identifier: Apache-2.0
;; The downloader: reads heap and stable memory out in pieces and changes nothing.
;;
;; Every method is a query, so the network throws away whatever happens to memory; even so the 32
;; scratch bytes are put back before the method ends. There is no start function, no hook, no active
;; data segment and no table.
(module
  (import "ic0" "msg_arg_data_size" (func $msg_arg_data_size (result %ptr%)))
  (import "ic0" "msg_arg_data_copy" (func $msg_arg_data_copy (param %ptr% %ptr% %ptr%)))
  (import "ic0" "msg_caller_size" (func $msg_caller_size (result %ptr%)))
  (import "ic0" "msg_caller_copy" (func $msg_caller_copy (param %ptr% %ptr% %ptr%)))
  (import "ic0" "msg_reply_data_append" (func $msg_reply_data_append (param %ptr% %ptr%)))
  (import "ic0" "msg_reply" (func $msg_reply))
  (import "ic0" "msg_reject" (func $msg_reject (param %ptr% %ptr%)))
  (import "ic0" "is_controller" (func $is_controller (param %ptr% %ptr%) (result i32)))
  (import "ic0" "canister_version" (func $canister_version (result i64)))
  (import "ic0" "in_replicated_execution" (func $in_replicated_execution (result i32)))
  (import "ic0" "stable64_size" (func $stable64_size (result i64)))
  (import "ic0" "stable64_read" (func $stable64_read (param i64 i64 i64)))
  (memory %memory% 1)  ;; the minimum is set to 0 after assembling

%common%
  ;; ---- canrec_info : () -> (record) query ----------------------------------------------------
  ;; Argument: "DIDL" 00 00.
  (func (export "canister_query canrec_info")
    (if (call $enter (i64.const 0) (i64.const 48) (%ptr%.const 6))
      (then
        %info-reply%
        (call $msg_reply)))
    (call $give_back))

  ;; ---- canrec_heap, canrec_stable : (offset : nat64, length : nat64) -> (blob) query ---------

  ;; Checks the message and appends the header of the reply; 0 when it was rejected.
  ;; Argument: "DIDL" 00 02 78 78, offset (8 bytes), length (8).
  (func $blob_header (param $of i32) (result i32)
    (local $at i64) (local $rest i64)
    (if (i32.eqz (call $enter (i64.const 0x78780200) (i64.const 32) (%ptr%.const 24)))
      (then (return (i32.const 0))))
    (global.set $region (local.get $of))
    (global.set $offset (i64.load offset=8 align=1 (%ptr%.const 0)))
    (global.set $length (i64.load offset=16 align=1 (%ptr%.const 0)))
    (if (i32.eqz (call $in_bounds)) (then (return (i32.const 0))))
    ;; The longest range that fits one reply beside this header of at most 13 bytes.
    (if (i64.gt_u (global.get $length)
          (select (i64.const %replicated-limit%) (i64.const %query-limit%)
                  (call $in_replicated_execution)))
      (then (return (call $reject %bytes "longer than a reply"%))))
    (call $append_constant %bytes "DIDL\01\6d\7b\01\00"%)
    ;; The length as LEB128.
    (local.set $rest (global.get $length))
    (loop $leb
      (if (i64.ge_u (local.get $rest) (i64.const 128))
        (then
          (i64.store8 (%addr% (local.get $at)) (i64.or (local.get $rest) (i64.const 128)))
          (local.set $rest (i64.shr_u (local.get $rest) (i64.const 7)))
          (local.set $at (i64.add (local.get $at) (i64.const 1)))
          (br $leb))))
    (i64.store8 (%addr% (local.get $at)) (local.get $rest))
    (call $append_scratch (i64.add (local.get $at) (i64.const 1)))
    (i32.const 1))

  ;; The heap goes into the reply from where it lies.
  (func (export "canister_query canrec_heap")
    (local $go_on i32)
    (local.set $go_on (call $blob_header (i32.const 0)))
    (call $give_back)
    (if (local.get $go_on)
      (then
        (call $msg_reply_data_append (%addr% (global.get $offset)) (%addr% (global.get $length)))
        (call $msg_reply))))

  ;; Stable memory goes through the scratch, 32 bytes at a time.
  (func (export "canister_query canrec_stable")
    (local $n i64)
    (if (call $blob_header (i32.const 1))
      (then
        (loop $pieces
          (if (i64.ne (global.get $length) (i64.const 0))
            (then
              (local.set $n
                (select (global.get $length) (i64.const 32)
                        (i64.lt_u (global.get $length) (i64.const 32))))
              (drop (call $next (local.get $n)))
              (call $append_scratch (local.get $n))
              (br $pieces))))
        (call $msg_reply)))
    (call $give_back))
)
