;; SPDX-License-Identifier: Apache-2.0
;; A counter written by hand, for the differences that no compiler makes on purpose. It goes through the C
;; preprocessor: PTR is the address type, the names in #if are set by pairs.json.
(module
#ifdef TYPES_REORDERED
  (type $step (func (param i32) (result i32)))
  (type $method (func))
#else
  (type $method (func))
  (type $step (func (param i32) (result i32)))
#endif
#ifdef SLOT_SIGNATURE_CHANGED
  (type $step_two (func (param i32 i32) (result i32)))
#endif

#ifdef IMPORTS_REORDERED
  (import "ic0" "msg_reply" (func $msg_reply))
  (import "ic0" "msg_reply_data_append" (func $append (param PTR PTR)))
#else
  (import "ic0" "msg_reply_data_append" (func $append (param PTR PTR)))
  (import "ic0" "msg_reply" (func $msg_reply))
#endif

  (memory ADDRESS_TYPE MEMORY_MINIMUM MEMORY_MAXIMUM)
  (table $steps 3 funcref)
#ifdef TABLE_SEGMENTS_SPLIT
  (elem (i32.const 1) $one)
  (elem (i32.const 2) $two)
#elif defined(TABLE_SLOTS_EXCHANGED)
  (elem (i32.const 1) $two $one)
#else
  (elem (i32.const 1) $one $two)
#endif

  (global $stack_pointer (mut i32) (i32.const 1024))
#ifdef STATE_GLOBALS
#  ifdef GLOBALS_REORDERED
  (global $last (mut i32) (i32.const 0))
  (global $total (mut i32) (i32.const 0))
#  else
  (global $total (mut i32) (i32.const TOTAL_AT_START))
  (global $last (mut i32) (i32.const 0))
#  endif
#endif
#ifdef GLOBAL_ADDED
  (global $calls (mut i32) (i32.const 0))
#endif
#ifdef GLOBAL_RETYPED
  (global $clock (mut i64) (i64.const 0))
#elif defined(CLOCK_GLOBAL)
  (global $clock (mut i32) (i32.const 0))
#endif
  (global $heap_base i32 (i32.const 2048))
#ifdef GLOBAL_EXPORTED
  (export "__heap_base" (global $heap_base))
#endif

;; Static data: a text at 1024 and a count at 1280.
#if defined(DATA_PASSIVE)
  (data $text "the count is as follows\00\00\00\00\00\00\00\00\00")
  (data $count (PTR.const 1280) "\05\00\00\00")
#elif defined(DATA_SPLIT)
  (data $text (PTR.const 1024) "the count is")
  (data $rest (PTR.const 1036) " as follows")
  (data $count (PTR.const 1280) "\05")
#else
  (data $text (PTR.const 1024) "the count is as follows\00\00\00\00\00\00\00\00\00")
  (data $count (PTR.const 1280) "\05\00\00\00")
#endif
#ifdef PASSIVE_SEGMENTS
#  ifdef PASSIVE_RENUMBERED
  (data $second "second")
  (data $first "first")
#  elif defined(PASSIVE_CHANGED)
  (data $first "other")
  (data $second "second")
#  else
  (data $first "first")
  (data $second "second")
#  endif
#  ifdef PASSIVE_ADDED
  (data $third "third")
#  endif
#endif

#ifdef SLOT_SIGNATURE_CHANGED
  (func $one (param i32 i32) (result i32) (i32.add (local.get 0) (local.get 1)))
#else
  (func $one (type $step) (i32.add (local.get 0) (i32.const 1)))
#endif
  (func $two (type $step) (i32.add (local.get 0) (i32.const 2)))

  (func (export "canister_update inc")
    (i32.store (PTR.const 1280)
#ifdef SLOT_SIGNATURE_CHANGED
      (call_indirect (type $step_two) (i32.load (PTR.const 1280)) (i32.const 1) (i32.const 1)))
#else
      (call_indirect (type $step) (i32.load (PTR.const 1280)) (i32.const 1)))
#endif
#ifdef STATE_GLOBALS
    (global.set $last (i32.load (PTR.const 1280)))
    (global.set $total (i32.add (global.get $total) (global.get $last)))
#endif
#ifdef GLOBAL_ADDED
    (global.set $calls (i32.add (global.get $calls) (i32.const 1)))
#endif
#ifdef GLOBAL_RETYPED
    (global.set $clock (i64.add (global.get $clock) (i64.const 1)))
#elif defined(CLOCK_GLOBAL)
    (global.set $clock (i32.add (global.get $clock) (i32.const 1)))
#endif
    (call $msg_reply))

  (func (export "canister_query get")
    (call $append (PTR.const 1280) (PTR.const 4))
    (call $msg_reply))

  (func (export "canister_query text")
    (call $append (PTR.const 1024) (PTR.const 23))
    (call $msg_reply))

#ifdef PASSIVE_SEGMENTS
  (func (export "canister_query first")
    (memory.init $first (PTR.const 1536) (i32.const 0) (i32.const 5))
    (call $append (PTR.const 1536) (PTR.const 5))
    (call $msg_reply))
  (func (export "canister_query second")
    (memory.init $second (PTR.const 1536) (i32.const 0) (i32.const 6))
    (call $append (PTR.const 1536) (PTR.const 6))
    (call $msg_reply))
#endif

#if defined(DATA_PASSIVE)
  (func $start (memory.init $text (PTR.const 1024) (i32.const 0) (i32.const 32)))
  (start $start)
#elif defined(START_SETS)
  (func $start (i32.store (PTR.const 1284) (i32.const START_SETS)))
  (start $start)
#endif
)
