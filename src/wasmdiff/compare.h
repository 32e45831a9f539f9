// SPDX-License-Identifier: Apache-2.0
#pragma once

// The comparison of two modules: may the new one run on a heap of the old one?
//
//   modules -> denotations -> one pass over all code -> identity -> layout -> pairs -> rules
//
// The verdict is the worst finding of a route; `safe` is said only after an exact second look
// (proof.h) and only when every rule is silent.

#include <memory>
#include <string>
#include <vector>

#include "wasm/names.h"
#include "wasmdiff/finding.h"
#include "wasmdiff/interface.h"
#include "wasmdiff/subject.h"

namespace canrec::wasmdiff {

struct CompareOptions {
  wasm::FunctionNames::Style names = wasm::FunctionNames::Style::kReadable;
  bool validated = false;  ///< the caller knows both modules to be valid
};

/// How many functions of the new module are what.
struct FunctionCounts {
  uint32_t same = 0;     ///< also in the old module
  uint32_t changed = 0;  ///< own body differs
  uint32_t callees = 0;  ///< own body is the same, a function that it refers to changed
  uint32_t added = 0;
  uint32_t removed = 0;
};

/// A line of the summary: "table", "77 slots, every slot the same function".
struct Fact {
  std::string_view name;
  std::string text;
};

struct Comparison {
  std::unique_ptr<Subject> subject;  ///< refers to the modules, which outlive the comparison
  FunctionCounts counts;
  std::vector<Finding> findings;  ///< worst first
  Clients clients = Clients::kUntold;
  std::vector<Fact> facts;
  std::vector<std::string> not_seen;  ///< what was not checked, or cannot be seen in modules

  Word word(Route route) const { return word_of(findings, route); }
  /// The better of the two words, and the route it belongs to (S when they are equal).
  Word best() const { return std::min(word(Route::kS), word(Route::kK)); }
  void add(Finding finding);
};

/// Compares two modules.
///
/// Shape:  both were read by wasm::read_module; both are validated here unless they are unsafe by
///         both routes anyway.
/// Errors: those of wasm::validate and of decoding, with "old module" or "new module" in front;
///         offset in that module.
/// Owns:   the result refers to both modules.
Result<Comparison> compare(const wasm::Module& old_module, const wasm::Module& new_module,
                           const CompareOptions& options);

}  // namespace canrec::wasmdiff
