;; SPDX-License-Identifier: Apache-2.0
  ;; ---- what both canisters share ------------------------------------------------------------
  ;;
  ;; The heap belongs to somebody else: these canisters run on top of another program's data. They
  ;; use the 32 bytes at address 0 as scratch, after every method has put them aside (borrow), and
  ;; put them back (give_back) before anything of the heap is read for an answer.
  ;; Offsets and lengths are i64 throughout; (%addr% x) makes an address of the memory's width.

  ;; The checked arguments of the running method.
  (global $offset (mut i64) (i64.const 0))
  (global $length (mut i64) (i64.const 0))
  ;; The bytes that the scratch stands on, and the heap's size before a page was added for it.
  %saved-globals%
  (global $heap (mut i64) (i64.const 0))

  (func $borrow
    (global.set $heap (call $heap_bytes))
    ;; An empty heap has no room for the scratch. In a query the added page is gone afterwards; the
    ;; uploader needs it anyway.
    (if (i64.eqz (global.get $heap)) (then (drop (memory.grow (%addr% (i64.const 1))))))
    %save%)
  (func $give_back
    %restore%)

  ;; Heap and stable memory in bytes.
  (func $heap_bytes (result i64)
    (i64.shl (%wide% (memory.size)) (i64.const 16)))
  (func $stable_bytes (result i64)
    (i64.shl (call $stable64_size) (i64.const 16)))

  (func $clear_scratch
    (memory.fill (%addr% (i64.const 0)) (i32.const 0) (%addr% (i64.const 32))))

  ;; Whether the caller may use this canister.
  (func $authorised (result i32)
    (local $n i64)
    (local.set $n (%wide% (call $msg_caller_size)))
    (call $clear_scratch)
    (call $msg_caller_copy (%addr% (i64.const 0)) (%addr% (i64.const 0)) (%addr% (local.get $n)))
    %authorisation%)

  ;; Constant bytes: texts and Candid headers, in a passive segment.
  %constants%
  (func $fetch_constant (param $at i32) (param $n i32)
    (memory.init 0 (%addr% (i64.const 0)) (local.get $at) (local.get $n)))
  (func $append_constant (param $at i32) (param $n i32)
    (call $fetch_constant (local.get $at) (local.get $n))
    (call $append_scratch (i64.extend_i32_u (local.get $n))))
  (func $reject (param $at i32) (param $n i32)
    (call $fetch_constant (local.get $at) (local.get $n))
    (call $msg_reject (%addr% (i64.const 0)) (%addr% (i64.extend_i32_u (local.get $n)))))
  (func $refuse_argument
    %reject "canrec: wrong argument types%)

  ;; The start of every method: the caller is let in, and the argument begins with the 8 bytes $magic
  ;; and has exactly $size bytes, or at least that many when $open is 1. Its first 32 bytes
  ;; (zero-filled) are then in the scratch. The result is whether to go on; if not, the message has
  ;; been rejected.
  (func $enter (param $magic i64) (param $size i64) (param $open i32) (result i32)
    (local $n i64)
    (if (i32.eqz (call $authorised))
      (then
        %reject "canrec: caller is not allowed%
        (return (i32.const 0))))
    (local.set $n (%wide% (call $msg_arg_data_size)))
    (if (i32.or
          (i64.lt_u (local.get $n) (local.get $size))
          (i32.and (i32.eqz (local.get $open)) (i64.ne (local.get $n) (local.get $size))))
      (then (call $refuse_argument) (return (i32.const 0))))
    (if (i64.gt_u (local.get $n) (i64.const 32)) (then (local.set $n (i64.const 32))))
    (call $clear_scratch)
    (call $msg_arg_data_copy (%addr% (i64.const 0)) (%addr% (i64.const 0)) (%addr% (local.get $n)))
    (if (i64.ne (i64.load align=1 (%addr% (i64.const 0))) (local.get $magic))
      (then (call $refuse_argument) (return (i32.const 0))))
    (i32.const 1))

  ;; Appends the first $n bytes of the scratch to the reply.
  (func $append_scratch (param $n i64)
    (call $msg_reply_data_append (%addr% (i64.const 0)) (%addr% (local.get $n))))
  (func $append_nat64 (param $value i64)
    (i64.store align=1 (%addr% (i64.const 0)) (local.get $value))
    (call $append_scratch (i64.const 8)))

  ;; Whether [offset, offset + length) lies in [0, $limit), without overflow; if not, the message is
  ;; rejected.
  (func $in_bounds (param $limit i64) (result i32)
    (if (i64.le_u (global.get $length) (local.get $limit))
      (then
        (if (i64.le_u (global.get $offset) (i64.sub (local.get $limit) (global.get $length)))
          (then (return (i32.const 1))))))
    %reject "canrec: range is out of bounds%
    (i32.const 0))

  ;; ---- canrec_hash : (region : nat8, offset : nat64, length : nat64) -> (nat64) query --------
  ;;
  ;; XXH64 with seed 0 of a range. Region 0 is the heap, 1 is stable memory. A range of the heap is
  ;; read where it lies; stable memory comes through the scratch, 32 bytes at a time.
  ;; Source: https://github.com/Cyan4973/xxHash/blob/dev/doc/xxhash_spec.md

  ;; The address of the $n <= 32 bytes at $at of the region.
  (func $stripe (param $region i32) (param $at i64) (param $n i64) (result i64)
    (if (i32.eqz (local.get $region)) (then (return (local.get $at))))
    (call $stable64_read (i64.const 0) (local.get $at) (local.get $n))
    (i64.const 0))

  (func $round (param $acc i64) (param $lane i64) (result i64)
    (i64.mul
      (i64.rotl
        (i64.add (local.get $acc) (i64.mul (local.get $lane) (i64.const 0xc2b2ae3d27d4eb4f)))
        (i64.const 31))
      (i64.const 0x9e3779b185ebca87)))
  (func $merge (param $acc i64) (param $lane i64) (param $rotate i64) (result i64)
    (i64.add
      (i64.mul
        (i64.rotl
          (i64.xor (local.get $acc) (call $round (i64.const 0) (local.get $lane)))
          (local.get $rotate))
        (i64.const 0x9e3779b185ebca87))
      (i64.const 0x85ebca77c2b2ae63)))

  (func $xxh64 (param $region i32) (param $at i64) (param $size i64) (result i64)
    (local $left i64) (local $p i64) (local $h i64)
    (local $a i64) (local $b i64) (local $c i64) (local $d i64)
    (local.set $left (local.get $size))
    (if (i64.ge_u (local.get $size) (i64.const 32))
      (then
        (local.set $a (i64.const 0x60ea27eeadc0b5d6))
        (local.set $b (i64.const 0xc2b2ae3d27d4eb4f))
        (local.set $d (i64.const 0x61c8864e7a143579))
        (loop $stripes
          (local.set $p (call $stripe (local.get $region) (local.get $at) (i64.const 32)))
          (local.set $a
            (call $round (local.get $a) (i64.load align=1 (%addr% (local.get $p)))))
          (local.set $b
            (call $round (local.get $b) (i64.load offset=8 align=1 (%addr% (local.get $p)))))
          (local.set $c
            (call $round (local.get $c) (i64.load offset=16 align=1 (%addr% (local.get $p)))))
          (local.set $d
            (call $round (local.get $d) (i64.load offset=24 align=1 (%addr% (local.get $p)))))
          (local.set $at (i64.add (local.get $at) (i64.const 32)))
          (local.set $left (i64.sub (local.get $left) (i64.const 32)))
          (br_if $stripes (i64.ge_u (local.get $left) (i64.const 32))))
        (local.set $h
          (i64.add
            (i64.add (i64.rotl (local.get $a) (i64.const 1)) (i64.rotl (local.get $b) (i64.const 7)))
            (i64.add (i64.rotl (local.get $c) (i64.const 12))
                     (i64.rotl (local.get $d) (i64.const 18)))))
        (local.set $h (call $merge (local.get $h) (local.get $a) (i64.const 0)))
        (local.set $h (call $merge (local.get $h) (local.get $b) (i64.const 0)))
        (local.set $h (call $merge (local.get $h) (local.get $c) (i64.const 0)))
        (local.set $h (call $merge (local.get $h) (local.get $d) (i64.const 0))))
      (else (local.set $h (i64.const 0x27d4eb2f165667c5))))
    (local.set $h (i64.add (local.get $h) (local.get $size)))
    (if (i64.ne (local.get $left) (i64.const 0))
      (then (local.set $p (call $stripe (local.get $region) (local.get $at) (local.get $left)))))
    (block $eights_done
      (loop $eights
        (br_if $eights_done (i64.lt_u (local.get $left) (i64.const 8)))
        (local.set $h
          (call $merge (local.get $h) (i64.load align=1 (%addr% (local.get $p))) (i64.const 27)))
        (local.set $p (i64.add (local.get $p) (i64.const 8)))
        (local.set $left (i64.sub (local.get $left) (i64.const 8)))
        (br $eights)))
    (if (i64.ge_u (local.get $left) (i64.const 4))
      (then
        (local.set $h
          (i64.add
            (i64.mul
              (i64.rotl
                (i64.xor (local.get $h)
                  (i64.mul (i64.load32_u align=1 (%addr% (local.get $p)))
                           (i64.const 0x9e3779b185ebca87)))
                (i64.const 23))
              (i64.const 0xc2b2ae3d27d4eb4f))
            (i64.const 0x165667b19e3779f9)))
        (local.set $p (i64.add (local.get $p) (i64.const 4)))
        (local.set $left (i64.sub (local.get $left) (i64.const 4)))))
    (block $bytes_done
      (loop $bytes
        (br_if $bytes_done (i64.eqz (local.get $left)))
        (local.set $h
          (i64.mul
            (i64.rotl
              (i64.xor (local.get $h)
                (i64.mul (i64.load8_u (%addr% (local.get $p))) (i64.const 0x27d4eb2f165667c5)))
              (i64.const 11))
            (i64.const 0x9e3779b185ebca87)))
        (local.set $p (i64.add (local.get $p) (i64.const 1)))
        (local.set $left (i64.sub (local.get $left) (i64.const 1)))
        (br $bytes)))
    (local.set $h
      (i64.mul (i64.xor (local.get $h) (i64.shr_u (local.get $h) (i64.const 33)))
               (i64.const 0xc2b2ae3d27d4eb4f)))
    (local.set $h
      (i64.mul (i64.xor (local.get $h) (i64.shr_u (local.get $h) (i64.const 29)))
               (i64.const 0x165667b19e3779f9)))
    (i64.xor (local.get $h) (i64.shr_u (local.get $h) (i64.const 32))))

  ;; Checks a canrec_hash message: -1 rejected, else the region.
  ;; Argument: "DIDL" 00 03 7b 78 78, region (1 byte), offset (8), length (8).
  (func $hash_argument (result i32)
    (local $region i32)
    (if (i32.eqz (call $enter (i64.const 0x787b03004c444944) (i64.const 26) (i32.const 0)))
      (then (return (i32.const -1))))
    (local.set $region (i32.load8_u offset=9 (%addr% (i64.const 0))))
    (if (i32.or
          (i32.ne (i32.load8_u offset=8 (%addr% (i64.const 0))) (i32.const 0x78))
          (i32.gt_u (local.get $region) (i32.const 1)))
      (then (call $refuse_argument) (return (i32.const -1))))
    (global.set $offset (i64.load offset=10 align=1 (%addr% (i64.const 0))))
    (global.set $length (i64.load offset=18 align=1 (%addr% (i64.const 0))))
    (if (i32.eqz
          (call $in_bounds
            (select (call $stable_bytes) (global.get $heap) (local.get $region))))
      (then (return (i32.const -1))))
    (local.get $region))

  (func (export "canister_query canrec_hash")
    (local $region i32) (local $hash i64)
    (call $borrow)
    (local.set $region (call $hash_argument))
    (call $give_back)
    (if (i32.lt_s (local.get $region) (i32.const 0)) (then (return)))
    (local.set $hash (call $xxh64 (local.get $region) (global.get $offset) (global.get $length)))
    ;; "DIDL" 00 01 78, then the value
    (i64.store align=1 (%addr% (i64.const 0)) (i64.const 0x007801004c444944))
    (call $append_scratch (i64.const 7))
    (call $append_nat64 (local.get $hash))
    (call $give_back)
    (call $msg_reply))
