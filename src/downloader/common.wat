  ;; ---- what both canisters share ------------------------------------------------------------
  ;;
  ;; The heap belongs to somebody else: these canisters run on top of another program's data. They
  ;; use the 32 bytes at address 0 as scratch, after $enter has put them aside, and put them back
  ;; (give_back) before anything of the heap is read for an answer.
  ;; Offsets and lengths are i64 throughout; (%addr% x) makes an address of the memory's width.

  ;; The range that the running method is about: region 0 is the heap, 1 is stable memory.
  (global $region (mut i32) (i32.const 0))
  (global $offset (mut i64) (i64.const 0))
  (global $length (mut i64) (i64.const 0))
  ;; The bytes that the scratch stands on, and the heap's size before a page was added for it.
  %saved-globals%
  (global $heap (mut i64) (i64.const 0))

  ;; Heap and stable memory in bytes.
  (func $heap_bytes (result i64)
    (i64.shl (%wide% (memory.size)) (i64.const 16)))
  (func $stable_bytes (result i64)
    (i64.shl (call $stable64_size) (i64.const 16)))

  (func $give_back
    %restore%)

  ;; Constant bytes, texts and Candid headers, stand in a passive segment and are copied to the
  ;; scratch when needed. Their place is two operands, which %bytes makes of a string.
  %constants%
  (func $append_constant (param $at i32) (param $n i32)
    (memory.init 0 (%ptr%.const 0) (local.get $at) (local.get $n))
    (call $append_scratch (i64.extend_i32_u (local.get $n))))
  ;; The one way to say no: 0 tells the method not to go on.
  (func $reject (param $at i32) (param $n i32) (result i32)
    (memory.init 0 (%ptr%.const 0) (local.get $at) (local.get $n))
    (call $msg_reject (%ptr%.const 0) (%addr% (i64.extend_i32_u (local.get $n))))
    (i32.const 0))

  ;; The start of every method: the scratch is put aside, the caller is let in, and the argument has
  ;; exactly $size bytes and begins with "DIDL" and the type bytes $types. $shift is 64 less the
  ;; number of bits in $types. The first 32 bytes of the argument are then in the scratch. The
  ;; result is whether to go on; if not, the message has been rejected.
  (func $enter (param $types i64) (param $shift i64) (param $size %ptr%) (result i32)
    (local $n %ptr%)
    (global.set $heap (call $heap_bytes))
    ;; An empty heap has no room for the scratch and gets one page. In a query it is gone
    ;; afterwards; the uploader needs it anyway.
    (drop (memory.grow (%flag% (i64.eqz (global.get $heap)))))
    %save%
    (local.set $n (call $msg_caller_size))
    %clear%
    (call $msg_caller_copy (%ptr%.const 0) (%ptr%.const 0) (local.get $n))
    (if (i32.eqz %authorisation%)
      (then (return (call $reject %bytes "caller not allowed"%))))
    (local.set $n (call $msg_arg_data_size))
    (call $msg_arg_data_copy (%ptr%.const 0) (%ptr%.const 0)
      (select (local.get $n) (%ptr%.const 32) (%ptr%.lt_u (local.get $n) (%ptr%.const 32))))
    ;; What lies behind a shorter argument does not matter: its size is wrong.
    (if (i32.or
          (i32.or
            (%ptr%.ne (local.get $n) (local.get $size))
            (i32.ne (i32.load align=1 (%ptr%.const 0)) (i32.const 0x4c444944)))
          (i64.ne
            (i64.shl (i64.load offset=4 align=1 (%ptr%.const 0)) (local.get $shift))
            (i64.shl (local.get $types) (local.get $shift))))
      (then (return (call $refuse_argument))))
    (i32.const 1))
  (func $refuse_argument (result i32)
    (call $reject %bytes "wrong argument types"%))

  ;; Appends the first $n bytes of the scratch to the reply.
  (func $append_scratch (param $n i64)
    (call $msg_reply_data_append (%ptr%.const 0) (%addr% (local.get $n))))
  (func $append_nat64 (param $value i64)
    (i64.store align=1 (%ptr%.const 0) (local.get $value))
    (call $append_scratch (i64.const 8)))

  ;; Whether [offset, offset + length) lies in the region, without overflow; if not, the message is
  ;; rejected.
  (func $in_bounds (result i32)
    (local $size i64)
    (local.set $size (select (call $stable_bytes) (global.get $heap) (global.get $region)))
    (if (i32.and
          (i64.le_u (global.get $length) (local.get $size))
          (i64.le_u (global.get $offset) (i64.sub (local.get $size) (global.get $length))))
      (then (return (i32.const 1))))
    (call $reject %bytes "out of bounds"%))

  ;; The address of the next $n <= 32 bytes of the range, which becomes that much shorter. The heap
  ;; is read where it lies; stable memory comes through the scratch.
  (func $next (param $n i64) (result %ptr%)
    (local $at i64)
    (local.set $at (global.get $offset))
    (call $advance (local.get $n))
    (if (i32.eqz (global.get $region)) (then (return (%addr% (local.get $at)))))
    (call $stable64_read (i64.const 0) (local.get $at) (local.get $n))
    (%ptr%.const 0))
  (func $advance (param $n i64)
    (global.set $offset (i64.add (global.get $offset) (local.get $n)))
    (global.set $length (i64.sub (global.get $length) (local.get $n))))

  ;; ---- canrec_hash : (region : nat8, offset : nat64, length : nat64) -> (nat64) query --------
  ;;
  ;; XXH64 with seed 0 of a range.
  ;; Source: https://github.com/Cyan4973/xxHash/blob/dev/doc/xxhash_spec.md

  ;; Its primes; the fourth stands in $merge.
  (global $p1 (mut i64) (i64.const 0x9e3779b185ebca87))
  (global $p2 (mut i64) (i64.const 0xc2b2ae3d27d4eb4f))
  (global $p3 (mut i64) (i64.const 0x165667b19e3779f9))
  (global $p5 (mut i64) (i64.const 0x27d4eb2f165667c5))

  (func $round (param $acc i64) (param $lane i64) (result i64)
    (i64.mul
      (i64.rotl
        (i64.add (local.get $acc) (i64.mul (local.get $lane) (global.get $p2)))
        (i64.const 31))
      (global.get $p1)))
  ;; Takes a value into the hash.
  (func $mix (param $h i64) (param $value i64) (param $rotate i64) (result i64)
    (i64.mul
      (i64.rotl (i64.xor (local.get $h) (local.get $value)) (local.get $rotate))
      (global.get $p1)))
  (func $merge (param $h i64) (param $lane i64) (param $rotate i64) (result i64)
    (i64.add
      (call $mix (local.get $h) (call $round (i64.const 0) (local.get $lane)) (local.get $rotate))
      (i64.const 0x85ebca77c2b2ae63)))
  (func $fold (param $h i64) (param $by i64) (result i64)
    (i64.xor (local.get $h) (i64.shr_u (local.get $h) (local.get $by))))

  (func $xxh64 (result i64)
    (local $size i64) (local $p %ptr%) (local $h i64)
    (local $a i64) (local $b i64) (local $c i64) (local $d i64)
    (local.set $size (global.get $length))
    (if (i64.ge_u (global.get $length) (i64.const 32))
      (then
        (local.set $a (i64.add (global.get $p1) (global.get $p2)))
        (local.set $b (global.get $p2))
        (local.set $d (i64.sub (i64.const 0) (global.get $p1)))
        (loop $stripes
          (local.set $p (call $next (i64.const 32)))
          (local.set $a (call $round (local.get $a) (i64.load align=1 (local.get $p))))
          (local.set $b (call $round (local.get $b) (i64.load offset=8 align=1 (local.get $p))))
          (local.set $c (call $round (local.get $c) (i64.load offset=16 align=1 (local.get $p))))
          (local.set $d (call $round (local.get $d) (i64.load offset=24 align=1 (local.get $p))))
          (br_if $stripes (i64.ge_u (global.get $length) (i64.const 32))))
        (local.set $h
          (i64.add
            (i64.add (i64.rotl (local.get $a) (i64.const 1)) (i64.rotl (local.get $b) (i64.const 7)))
            (i64.add (i64.rotl (local.get $c) (i64.const 12))
                     (i64.rotl (local.get $d) (i64.const 18)))))
        (local.set $h (call $merge (local.get $h) (local.get $a) (i64.const 0)))
        (local.set $h (call $merge (local.get $h) (local.get $b) (i64.const 0)))
        (local.set $h (call $merge (local.get $h) (local.get $c) (i64.const 0)))
        (local.set $h (call $merge (local.get $h) (local.get $d) (i64.const 0))))
      (else (local.set $h (global.get $p5))))
    (local.set $h (i64.add (local.get $h) (local.get $size)))
    ;; The rest: eights, then at most one four, then bytes.
    (loop $rest
      (if (i64.ge_u (global.get $length) (i64.const 8))
        (then
          (local.set $h
            (call $merge (local.get $h) (i64.load align=1 (call $next (i64.const 8)))
              (i64.const 27)))
          (br $rest)))
      (if (i64.ge_u (global.get $length) (i64.const 4))
        (then
          (local.set $h
            (i64.add
              (i64.mul
                (i64.rotl
                  (i64.xor (local.get $h)
                    (i64.mul (i64.load32_u align=1 (call $next (i64.const 4))) (global.get $p1)))
                  (i64.const 23))
                (global.get $p2))
              (global.get $p3)))))
      (if (i64.ne (global.get $length) (i64.const 0))
        (then
          (local.set $h
            (call $mix (local.get $h)
              (i64.mul (i64.load8_u (call $next (i64.const 1))) (global.get $p5))
              (i64.const 11)))
          (br $rest))))
    (local.set $h (i64.mul (call $fold (local.get $h) (i64.const 33)) (global.get $p2)))
    (local.set $h (i64.mul (call $fold (local.get $h) (i64.const 29)) (global.get $p3)))
    (call $fold (local.get $h) (i64.const 32)))

  ;; Checks a canrec_hash message.
  ;; Argument: "DIDL" 00 03 7b 78 78, region (1 byte), offset (8), length (8).
  (func $hash_argument (result i32)
    (if (i32.eqz (call $enter (i64.const 0x78787b0300) (i64.const 24) (%ptr%.const 26)))
      (then (return (i32.const 0))))
    (global.set $region (i32.load8_u offset=9 (%ptr%.const 0)))
    (global.set $offset (i64.load offset=10 align=1 (%ptr%.const 0)))
    (global.set $length (i64.load offset=18 align=1 (%ptr%.const 0)))
    (if (i32.gt_u (global.get $region) (i32.const 1))
      (then (return (call $refuse_argument))))
    (call $in_bounds))

  (func (export "canister_query canrec_hash")
    (local $go_on i32) (local $hash i64)
    (local.set $go_on (call $hash_argument))
    (call $give_back)
    (if (local.get $go_on)
      (then
        (local.set $hash (call $xxh64))
        (call $append_constant %bytes "DIDL\00\01\78"%)
        (call $append_nat64 (local.get $hash))
        (call $give_back)
        (call $msg_reply))))
