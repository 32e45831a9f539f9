// SPDX-License-Identifier: Apache-2.0
#pragma once

// One pass over the code of a module: every instruction is decoded once, and what the comparison
// needs later is kept: a hash of each function's own text, the functions it refers to, and facts
// about memory and globals.

#include <cstdint>
#include <map>
#include <set>
#include <span>
#include <vector>

#include "base/error.h"
#include "base/hash.h"
#include "wasmdiff/canonical.h"

namespace canrec::wasmdiff {

inline constexpr size_t kMostStaticAccesses = 200'000;

/// What a function does, as far as a look at its instructions tells.
struct FunctionFacts {
  uint32_t instructions = 0;
  bool writes_memory = false;  ///< a store, memory.copy, fill, init (not memory.grow)
  bool indirect = false;       ///< call_indirect, or another use of a table's functions
  bool reads_stable = false;   ///< calls ic0.stable_read or ic0.stable64_read
};

/// How code uses a global.
struct GlobalUse {
  bool written = false;  ///< some global.set names it
  /// Functions that take room from it (`global.get; const; sub; ...; global.set`) as from a stack.
  uint32_t stack_frames = 0;
  /// Written in a way that a stack pointer never is: not by a frame that is given back.
  bool kept_state = false;
  bool is_stack_pointer() const { return stack_frames > 0 && !kept_state; }
};

/// Result of the pass. Vectors are by function index or node; imports have empty entries.
struct CodeScan {
  /// Fingerprint 0: signature, locals and body with references left out (their kind stays).
  std::vector<Hash128> text;
  /// The same without the values of integer constants and memory offsets.
  std::vector<uint64_t> masked;
  /// The opcodes alone, without System API calls and what may feed or take their values. Bodies
  /// that differ by such calls only have the same.
  std::vector<uint64_t> skeleton;
  std::vector<FunctionFacts> facts;
  std::vector<GlobalUse> globals;  ///< by global index
  std::vector<bool> segment_used;  ///< by data segment: memory.init or data.drop names it
  bool drops_segments = false;     ///< there is a data.drop
  bool measures_tables = false;    ///< there is a table.size
  /// Types of which code calls functions through a table, as denotations.
  std::set<uint32_t> called_types;
  /// Addresses that are certainly of statics: constant operand of a load, or the offset of an
  /// access whose base is the constant 0. Only those in [1024, first memory size).
  std::map<uint64_t, uint64_t> static_accesses;  ///< address to end, at most kMostStaticAccesses
  uint64_t lowest_static = ~uint64_t{0};
  uint64_t highest_static = 0;  ///< with the width of the access; 0 = none seen

  /// Nodes that a node refers to, in order of appearance.
  std::span<const Node> references(Node node) const {
    return {references_.data() + begin_[node], begin_[node + 1] - begin_[node]};
  }

  std::vector<uint32_t> begin_;  ///< by node, one more than nodes
  std::vector<Node> references_;
};

/// Decodes all code of a module.
/// Errors: those of the decoder, of read_locals, and kWasmIndex; offset in the module.
Result<CodeScan> scan_code(const Side& side);

}  // namespace canrec::wasmdiff
