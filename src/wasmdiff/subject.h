// SPDX-License-Identifier: Apache-2.0
#pragma once

// Everything known about the two modules before a rule is applied to it.

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "wasm/names.h"
#include "wasmdiff/body_diff.h"
#include "wasmdiff/finding.h"
#include "wasmdiff/layout.h"

namespace canrec::wasmdiff {

/// A pair of functions whose own bodies differ.
struct ChangedFunction {
  uint32_t old_fn;
  uint32_t new_fn;
  PairedBy by;
  BodyDiff diff;
};

/// Heap layouts that the decision table tells apart.
enum class Column : uint8_t {
  kNative,  ///< Rust, C and what is unknown: statics, table slots and addresses in the heap
  kMotokoClassical,  ///< the same, and globals that hold the heap
  kMotokoEop,        ///< static objects in a pool, tables rebuilt by an upgrade
};

struct Subject {
  Both<Side> sides;
  Both<Denotations> denotations;
  Both<CodeScan> scans;
  Identity identity;
  Both<Layout> layouts;
  Pairing pairing;
  std::vector<ChangedFunction> changed;
  /// Functions whose own body is the same and that only refer to changed ones.
  uint32_t same_but_callees = 0;
  std::vector<wasm::FunctionNames> names;  ///< of both modules
  Column column = Column::kNative;

  const wasm::Module& module(Which w) const { return *sides[w].module; }
  unsigned word_width() const { return module(kNew).is_64() ? 8 : 4; }
  /// "function 51 (canister_pre_upgrade)".
  std::string function(Which w, uint32_t fn) const;
  /// The name alone.
  std::string name(Which w, uint32_t fn) const;
  /// Whether the functions mean the same to a heap that refers to them: common, or a pair.
  bool corresponds(uint32_t old_fn, uint32_t new_fn) const {
    return pairing.labels.of[kOld][old_fn] == pairing.labels.of[kNew][new_fn];
  }
  bool same_class(uint32_t old_fn, uint32_t new_fn) const {
    return identity.classes[kOld][old_fn] == identity.classes[kNew][new_fn];
  }
};

/// Functions that code beginning at `roots` can reach; a function that calls through a table (or
/// has the network call back) reaches every function of `table_functions`.
std::vector<bool> reach(const Side& side, const CodeScan& scan, std::vector<uint32_t> roots,
                        const std::vector<uint32_t>& table_functions);
/// All functions that some table slot below `slots` holds.
std::vector<uint32_t> table_functions(const Layout& layout, size_t slots = ~size_t{0});
/// Functions that the network enters by itself: hooks, methods and the start function, with the
/// exports that name them. Exports the network ignores are left out.
struct EntryPoint {
  std::string name;  ///< "canister_pre_upgrade", "canister_update set", "(start)"
  uint32_t fn;
};
std::vector<EntryPoint> entry_points(const wasm::Module& module);

/// The rules, one function an area; each adds findings.
void memory_rules(const Subject& subject, std::vector<Finding>& out);
void table_rules(const Subject& subject, std::vector<Finding>& out);
void data_rules(const Subject& subject, std::vector<Finding>& out);
void segment_rules(const Subject& subject, std::vector<Finding>& out);
void azle_script_rules(const Subject& subject, std::vector<Finding>& out);
void static_rules(const Subject& subject, std::vector<Finding>& out);
void global_rules(const Subject& subject, std::vector<Finding>& out);
void code_rules(const Subject& subject, std::vector<Finding>& out);
void start_rules(const Subject& subject, std::vector<Finding>& out);
void export_rules(const Subject& subject, std::vector<Finding>& out);
void import_rules(const Subject& subject, std::vector<Finding>& out);
void section_rules(const Subject& subject, std::vector<Finding>& out);
void motoko_type_rules(const Subject& subject, std::vector<Finding>& out);
void route_k_rules(const Subject& subject, std::vector<Finding>& out);

/// The same weight by both routes.
constexpr Weights both(Severity severity) { return {severity, severity}; }
/// A fact of the heap's layout: `severity` by route S, and by route K too; for Motoko with enhanced
/// persistence, whose runtime rebuilds what is concerned during an upgrade, no more than review.
constexpr Weights layout_weight(const Subject& subject, Severity severity) {
  if (subject.column != Column::kMotokoEop) return both(severity);
  return {severity, severity < Severity::kReview ? severity : Severity::kReview};
}

}  // namespace canrec::wasmdiff
