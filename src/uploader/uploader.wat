;; SPDX-License-Identifier: Apache-2.0
;; The uploader: writes stable memory and heap back in pieces, into a canister that holds nothing.
;;
;; Order: canrec_begin (sizes), then stable memory, then the heap. A piece of stable memory passes
;; through the first page of the heap, so no stable piece is accepted once a heap piece was; the
;; first heap piece clears that page. A heap piece is copied from the argument straight to its
;; place; the 32 scratch bytes are put back before. Pieces may repeat and come in any order.
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
  (import "ic0" "canister_version" (func $canister_version (result i64)))
  (import "ic0" "stable64_size" (func $stable64_size (result i64)))
  (import "ic0" "stable64_grow" (func $stable64_grow (param i64) (result i64)))
  (import "ic0" "stable64_read" (func $stable64_read (param i64 i64 i64)))
  (import "ic0" "stable64_write" (func $stable64_write (param i64 i64 i64)))
  (memory %memory% 1)  ;; the minimum is set to 0 after assembling

  ;; 0 nothing announced, 1 stable memory, 2 heap.
  (global $phase (mut i32) (i32.const 0))

%common%
  ;; Replies "DIDL" 00 00, that is ().
  (func $reply_nothing
    (i64.store align=1 (%addr% (i64.const 0)) (i64.const 0x00004c444944))
    (call $append_scratch (i64.const 6))
    (call $msg_reply))

  ;; ---- canrec_info, canrec_status : () -> (record) query -------------------------------------
  ;; Argument: "DIDL" 00 00.
  (func $enter_empty (result i32)
    (call $borrow)
    (call $enter (i64.const 0x00004c444944) (i64.const 6) (i32.const 0)))
  (func (export "canister_query canrec_info")
    (if (call $enter_empty)
      (then
        %info-reply%
        (call $msg_reply)))
    (call $give_back))
  (func (export "canister_query canrec_status")
    (if (call $enter_empty)
      (then
        %status-reply%
        (call $msg_reply)))
    (call $give_back))

  ;; ---- canrec_begin : (heap_size : nat64, stable_size : nat64) -> () -------------------------
  ;;
  ;; Grows both memories, once. The same sizes again change nothing; other sizes are rejected.
  ;; Argument: "DIDL" 00 02 78 78, heap bytes (8), stable bytes (8).
  (func $begin (result i32)
    (local $heap i64) (local $stable i64)
    (if (i32.eqz (call $enter (i64.const 0x787802004c444944) (i64.const 24) (i32.const 0)))
      (then (return (i32.const 0))))
    (local.set $heap (i64.load offset=8 align=1 (%addr% (i64.const 0))))
    (local.set $stable (i64.load offset=16 align=1 (%addr% (i64.const 0))))
    (if (i32.or
          (i64.eqz (local.get $heap))
          (i64.ne (i64.and (i64.or (local.get $heap) (local.get $stable)) (i64.const 65535))
                  (i64.const 0)))
      (then
        %reject "canrec: want pages, heap above 0%
        (return (i32.const 0))))
    (if (global.get $phase)
      (then
        (if (i32.eqz
              (i32.or (i64.ne (local.get $heap) (call $heap_bytes))
                      (i64.ne (local.get $stable) (call $stable_bytes))))
          (then (return (i32.const 1))))
        %reject "canrec: begun with other sizes%
        (return (i32.const 0))))
    ;; A memory that is larger than announced makes the difference negative, which cannot be grown by.
    (if (i32.or
          (i64.eq
            (call $stable64_grow
              (i64.shr_s (i64.sub (local.get $stable) (call $stable_bytes)) (i64.const 16)))
            (i64.const -1))
          (i64.eq
            (%signed% (memory.grow
              (%addr%
                (i64.shr_s (i64.sub (local.get $heap) (call $heap_bytes)) (i64.const 16)))))
            (i64.const -1)))
      (then
        %reject "canrec: memory cannot grow%
        (return (i32.const 0))))
    (global.set $phase (i32.const 1))
    (i32.const 1))
  (func (export "canister_update canrec_begin")
    (call $borrow)
    (if (call $begin) (then (call $reply_nothing)))
    (call $give_back))

  ;; ---- canrec_put_stable, canrec_put_heap : (offset : nat64, piece : blob) -> () --------------

  ;; Checks the message; the result is where the piece begins in the argument, 0 when rejected.
  ;; Argument: "DIDL" 01 6d 7b 02 78 00, offset (8 bytes), length (LEB128), bytes.
  (func $piece (param $limit i64) (result i64)
    (local $at i64) (local $byte i64) (local $shift i64)
    (call $borrow)
    (if (i32.eqz (call $enter (i64.const 0x027b6d014c444944) (i64.const 19) (i32.const 1)))
      (then (return (i64.const 0))))
    (global.set $offset (i64.load offset=10 align=1 (%addr% (i64.const 0))))
    (global.set $length (i64.const 0))
    (local.set $at (i64.const 18))
    (loop $leb
      (local.set $byte (i64.load8_u (%addr% (local.get $at))))
      (local.set $at (i64.add (local.get $at) (i64.const 1)))
      (global.set $length
        (i64.or (global.get $length)
          (i64.shl (i64.and (local.get $byte) (i64.const 127)) (local.get $shift))))
      (local.set $shift (i64.add (local.get $shift) (i64.const 7)))
      (br_if $leb
        (i32.and (i64.ge_u (local.get $byte) (i64.const 128))
                 (i64.lt_u (local.get $shift) (i64.const 35)))))
    (if (i32.or
          (i32.ne (i32.load16_u offset=8 align=1 (%addr% (i64.const 0))) (i32.const 0x0078))
          (i64.ne (i64.add (local.get $at) (global.get $length))
                  (%wide% (call $msg_arg_data_size))))
      (then (call $refuse_argument) (return (i64.const 0))))
    (if (i32.eqz (global.get $phase))
      (then
        %reject "canrec: begin comes first%
        (return (i64.const 0))))
    (if (i32.eqz (call $in_bounds (local.get $limit))) (then (return (i64.const 0))))
    (local.get $at))

  ;; Through the first page, at most 65536 bytes at a time.
  (func (export "canister_update canrec_put_stable")
    (local $at i64) (local $n i64)
    (local.set $at (call $piece (call $stable_bytes)))
    (if (i32.eq (global.get $phase) (i32.const 2))
      (then
        (if (i64.ne (local.get $at) (i64.const 0))
          (then %reject "canrec: heap has begun%))
        (local.set $at (i64.const 0))))
    (call $give_back)
    (if (i64.eqz (local.get $at)) (then (return)))
    (loop $pieces
      (if (i64.ne (global.get $length) (i64.const 0))
        (then
          (local.set $n (i64.const 65536))
          (if (i64.lt_u (global.get $length) (local.get $n))
            (then (local.set $n (global.get $length))))
          (call $msg_arg_data_copy
            (%addr% (i64.const 0)) (%addr% (local.get $at)) (%addr% (local.get $n)))
          (call $stable64_write (global.get $offset) (i64.const 0) (local.get $n))
          (global.set $offset (i64.add (global.get $offset) (local.get $n)))
          (global.set $length (i64.sub (global.get $length) (local.get $n)))
          (local.set $at (i64.add (local.get $at) (local.get $n)))
          (br $pieces))))
    (call $reply_nothing))

  (func (export "canister_update canrec_put_heap")
    (local $at i64)
    (local.set $at (call $piece (call $heap_bytes)))
    (call $give_back)
    (if (i64.eqz (local.get $at)) (then (return)))
    ;; The first heap piece wipes what stable pieces left in the first page.
    (if (i32.eq (global.get $phase) (i32.const 1))
      (then
        (memory.fill (%addr% (i64.const 0)) (i32.const 0) (%addr% (i64.const 65536)))
        (global.set $phase (i32.const 2))))
    (call $borrow)
    (call $reply_nothing)
    (call $give_back)
    (call $msg_arg_data_copy
      (%addr% (global.get $offset)) (%addr% (local.get $at)) (%addr% (global.get $length))))
)
