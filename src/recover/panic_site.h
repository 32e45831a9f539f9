// SPDX-License-Identifier: Apache-2.0
#pragma once

// Where a Rust program panicked, when no panic hook told it: rustc hands every function that panics
// the address of a Location as its last argument, so the constant before the call says file, line
// and column. The message stands before it, in one of two ways:
//
//   i32.const TEXT  i32.const LENGTH  ...  i32.const LOCATION  call    unwrap, expect
//   i32.const PIECES  i32.store  ...  i32.const LOCATION  call         panic!("..."), with
//   arguments or without
//
//   LOCATION: u32 file, u32 length of it, u32 line, u32 column         core::panic::Location
//   PIECES: u32 text, u32 length of it, for the first piece            core::fmt::Arguments
//
// Source: https://doc.rust-lang.org/std/panic/struct.Location.html; the order of its fields is what
// rustc 1.36 and later make of it on a 32-bit target, and a place that does not look so is none.

#include <optional>
#include <span>
#include <string>

#include "executor/report.h"
#include "wasm/module.h"

namespace canrec::recover {

struct PanicSite {
  std::string file;
  uint32_t line = 0;
  uint32_t column = 0;
  std::string message;    ///< empty when no text stands in the code
  bool is_whole = false;  ///< false: `message` may go on with what only the running program knew
  std::string caller;     ///< the function that panics

  /// "it panicked at journal.rs:172:42, in canister_pre_upgrade, with the words ..."
  std::string sentence() const;
};

/// Shape:   `backtrace` is of a run of `module`, innermost first.
/// Returns: the innermost frame whose call has a Location; nothing for other programs, and where
///          the compiler put no constant before the call.
std::optional<PanicSite> panic_site(const wasm::Module& module,
                                    std::span<const executor::Frame> backtrace);

}  // namespace canrec::recover
