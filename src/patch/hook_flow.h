// SPDX-License-Identifier: Apache-2.0
#pragma once

// What happens before a call within one run of a hook: may stable memory have grown, and does the
// call stand in a loop.
//
// The answers are per function and call, joined over the call graph until nothing changes. Within a
// function control flow is followed through blocks, branches and loops; a loop that may grow counts
// as having grown from its first instruction on, because an earlier turn may have done so.

#include <map>
#include <optional>
#include <vector>

#include "wasm/call_graph.h"
#include "wasm/module.h"

namespace canrec::patch {

/// What is known at one call instruction.
struct CallState {
  bool grown = false;  ///< some path to here grows stable memory first
  uint64_t loop = 0;   ///< offset of a loop around it whose bounds are not constant, or 0
  wasm::Instruction instruction;
};

/// The flow of a hook through the functions that it reaches.
class HookFlow {
 public:
  /// Whether indirect calls are followed: with them `grown` means "possibly", without "by direct
  /// calls".
  enum class Follow : bool { kDirect, kTables };

  /// Errors: those of decoding.
  static Result<HookFlow> build(const wasm::Module& module, const wasm::CallGraph& graph,
                                wasm::FuncIdx root, Follow follow);

  /// The state at a call; nothing when the hook does not come there.
  std::optional<CallState> at(wasm::FuncIdx function, uint64_t offset) const;

 private:
  struct FunctionFlow {
    std::vector<CallState> calls;
    bool entered = false;
    bool walked = false;
    bool grown = false;  // on entry
    uint64_t loop = 0;   // of a caller
  };
  std::map<wasm::FuncIdx, FunctionFlow> functions_;
};

}  // namespace canrec::patch
