// SPDX-License-Identifier: Apache-2.0
#pragma once

// What happened to one function: the two bodies of a pair, token by token.

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "wasmdiff/api_effects.h"
#include "wasmdiff/growing_writer.h"
#include "wasmdiff/tokens.h"

namespace canrec::wasmdiff {

enum class BodyChange : uint8_t {
  kNone,       ///< the same text; only functions that it refers to are different ones
  kSystemApi,  ///< System API calls added or removed, with the constants and drops that feed them
  kConstants,  ///< the same instructions with other constants, memory offsets or globals
  kOther,
};

/// A System API call that one of the two bodies lacks.
struct ApiEdit {
  bool added;
  ic::SystemApi function;
  uint64_t offset;  ///< of the call, in the module that has it
  /// Removed and followed by `unreachable`: nothing runs that did not run before.
  bool before_unreachable;
};

/// A constant (or the offset of a memory access) that became another.
struct ConstantChange {
  uint64_t before;
  uint64_t after;
  uint64_t old_offset;  ///< file offset of the instruction
  uint64_t new_offset;
  bool memory_access;  ///< the offset of a load or store; otherwise an integer constant
  /// The function called with the constant right in front of the call, if so.
  Node callee = kNoNode;  ///< in the old module
};

/// A global at another place: old and new global index.
struct GlobalChange {
  uint32_t old_global;
  uint32_t new_global;
};

struct BodyDiff {
  BodyChange change = BodyChange::kNone;
  bool signature_differs = false;
  std::vector<ApiEdit> api;  ///< of kSystemApi
  std::vector<ConstantChange>
      constants;                      ///< of kConstants; of kOther only those of memory accesses
  std::vector<GlobalChange> globals;  ///< of kConstants
  std::string reason;                 ///< of kOther: what stands in the way of a milder word
};

/// Compares the functions of pairs.
class BodyComparer {
 public:
  BodyComparer(const Both<Side>& sides, const Labels& labels) : sides_(sides), tokenizer_(labels) {}
  BodyDiff compare(uint32_t old_fn, uint32_t new_fn);
  /// Whether two functions are the same under the labels: signature, locals, every token.
  bool same(Which a_side, uint32_t a, Which b_side, uint32_t b);

 private:
  bool only_system_api(BodyDiff& out);
  void see_through_writers(std::vector<ApiEdit>& api);
  bool neutral(Which which, size_t begin, size_t end, std::vector<ApiEdit>& api, bool added);
  bool call_dropped(const Hunk& hunk, std::vector<ApiEdit>& api);
  bool settle(Hunk hunk, std::vector<ApiEdit>& api);
  bool only_constants(BodyDiff& out);
  void static_accesses(BodyDiff& out);
  const ic::SystemApiFunction* system_api(Which which, const Token& token, Node reference) const;

  const Both<Side>& sides_;
  Tokenizer tokenizer_;
  Both<TokenList> lists_;
  Both<std::map<uint32_t, std::optional<GrowingWriter>>> writers_;  // by function
};

}  // namespace canrec::wasmdiff
