;; SPDX-License-Identifier: Apache-2.0
;; The uploader: writes stable memory and heap back in pieces, into a canister that holds nothing.
;;
;; canrec_begin (sizes) comes first. A piece of the heap is copied from the argument straight to its
;; place, after the 32 scratch bytes were put back; a piece of stable memory passes through the
;; scratch. Pieces may repeat and come in any order.
;; There is no start function, no hook, no active data segment and no table.
(module
  (import "ic0" "msg_arg_data_size" (func $msg_arg_data_size (result %ptr%)))
  (import "ic0" "msg_arg_data_copy" (func $msg_arg_data_copy (param %ptr% %ptr% %ptr%)))
  (import "ic0" "msg_caller_size" (func $msg_caller_size (result %ptr%)))
  (import "ic0" "msg_caller_copy" (func $msg_caller_copy (param %ptr% %ptr% %ptr%)))
  (import "ic0" "msg_reply_data_append" (func $msg_reply_data_append (param %ptr% %ptr%)))
  (import "ic0" "msg_reply" (func $msg_reply))
  (import "ic0" "msg_reject" (func $msg_reject (param %ptr% %ptr%)))
  (import "ic0" "is_controller" (func $is_controller (param %ptr% %ptr%) (result i32)))
  (import "ic0" "stable64_size" (func $stable64_size (result i64)))
  (import "ic0" "stable64_grow" (func $stable64_grow (param i64) (result i64)))
  (import "ic0" "stable64_read" (func $stable64_read (param i64 i64 i64)))
  (import "ic0" "stable64_write" (func $stable64_write (param i64 i64 i64)))
  (memory %memory% 1)  ;; the minimum is set to 0 after assembling

  ;; Whether canrec_begin has succeeded.
  (global $begun (mut i32) (i32.const 0))

%common%
  (func $reply_nothing
    (call $append_constant %bytes "DIDL\00\00"%)
    (call $msg_reply))

  ;; ---- canrec_info, canrec_status : () -> (record) query -------------------------------------
  ;; Argument: "DIDL" 00 00.
  (export "canister_query canrec_info" (func $info))
  (export "canister_query canrec_status" (func $info))
  (func $info
    (if (call $enter (i64.const 0) (i64.const 48) (%ptr%.const 6))
      (then
        %info-reply%
        (call $msg_reply)))
    (call $give_back))

  ;; ---- canrec_begin : (heap_size : nat64, stable_size : nat64) -> () -------------------------
  ;;
  ;; Grows both memories, once. The same sizes again change nothing; other sizes are rejected.
  ;; Argument: "DIDL" 00 02 78 78, heap bytes (8), stable bytes (8).
  (func $begin (result i32)
    (if (i32.eqz (call $enter (i64.const 0x78780200) (i64.const 32) (%ptr%.const 24)))
      (then (return (i32.const 0))))
    (global.set $offset (i64.load offset=8 align=1 (%ptr%.const 0)))
    (global.set $length (i64.load offset=16 align=1 (%ptr%.const 0)))
    ;; Whether the memories could grow is seen by their sizes. A memory that is larger than wanted
    ;; makes the difference negative, which cannot be grown by.
    (if (i32.eqz (global.get $begun))
      (then
        (drop (call $stable64_grow
          (i64.shr_s (i64.sub (global.get $length) (call $stable_bytes)) (i64.const 16))))
        (drop (memory.grow (%addr%
          (i64.shr_s (i64.sub (global.get $offset) (call $heap_bytes)) (i64.const 16)))))))
    (if (i32.or (i64.ne (global.get $offset) (call $heap_bytes))
                (i64.ne (global.get $length) (call $stable_bytes)))
      (then (return (call $reject %bytes "cannot have these sizes"%))))
    (global.set $begun (i32.const 1))
    (i32.const 1))
  (func (export "canister_update canrec_begin")
    (if (call $begin) (then (call $reply_nothing)))
    (call $give_back))

  ;; ---- canrec_put_stable, canrec_put_heap : (offset : nat64, piece : blob) -> () --------------

  ;; Where the piece, of global $length bytes, begins in the argument.
  (global $at (mut i64) (i64.const 0))

  ;; Checks the message and answers it. The piece is put in place after that; should anything stop
  ;; it there, the message traps, and a message that traps has no answer and no effect.
  ;; Argument: "DIDL" 01 6d 7b 02 78 00, offset (8 bytes), length (LEB128), bytes.
  (func $piece (param $of i32) (result i32)
    (local $byte i64) (local $shift i64)
    (if (i32.eqz
          (call $enter (i64.const 0x0078027b6d01) (i64.const 16) (call $msg_arg_data_size)))
      (then (return (i32.const 0))))
    (global.set $region (local.get $of))
    (global.set $offset (i64.load offset=10 align=1 (%ptr%.const 0)))
    (global.set $length (i64.const 0))
    (global.set $at (i64.const 18))
    (loop $leb
      (local.set $byte (i64.load8_u (%addr% (global.get $at))))
      (global.set $at (i64.add (global.get $at) (i64.const 1)))
      (global.set $length
        (i64.or (global.get $length)
          (i64.shl (i64.and (local.get $byte) (i64.const 127)) (local.get $shift))))
      (local.set $shift (i64.add (local.get $shift) (i64.const 7)))
      (br_if $leb
        (i32.and (i64.ge_u (local.get $byte) (i64.const 128))
                 (i64.lt_u (local.get $shift) (i64.const 35)))))
    (if (i64.ne (i64.add (global.get $at) (global.get $length))
                (%wide% (call $msg_arg_data_size)))
      (then (return (call $refuse_argument))))
    (if (i32.eqz (global.get $begun))
      (then (return (call $reject %bytes "begin comes first"%))))
    (if (i32.eqz (call $in_bounds)) (then (return (i32.const 0))))
    (call $reply_nothing)
    (i32.const 1))

  ;; Stable memory goes through the scratch, 32 bytes at a time.
  (func (export "canister_update canrec_put_stable")
    (local $n i64)
    (if (call $piece (i32.const 1))
      (then
        (loop $pieces
          (local.set $n
            (select (global.get $length) (i64.const 32)
                    (i64.lt_u (global.get $length) (i64.const 32))))
          (call $msg_arg_data_copy
            (%ptr%.const 0) (%addr% (global.get $at)) (%addr% (local.get $n)))
          (call $stable64_write (global.get $offset) (i64.const 0) (local.get $n))
          (call $advance (local.get $n))
          (global.set $at (i64.add (global.get $at) (local.get $n)))
          (br_if $pieces (i64.ne (global.get $length) (i64.const 0))))))
    (call $give_back))

  ;; The heap takes the piece where it belongs, over the scratch too.
  (func (export "canister_update canrec_put_heap")
    (local $go_on i32)
    (local.set $go_on (call $piece (i32.const 0)))
    (call $give_back)
    (if (local.get $go_on)
      (then
        (call $msg_arg_data_copy
          (%addr% (global.get $offset)) (%addr% (global.get $at)) (%addr% (global.get $length))))))
)
