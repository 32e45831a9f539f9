// SPDX-License-Identifier: Apache-2.0
#pragma once

// Comparing function bodies of a patched module with those of its input.

#include "patch/plan.h"
#include "patch/renumber.h"

namespace canrec::patch {

/// Whether two instructions mean the same when function indices are read through `moved`.
bool same_instruction(const wasm::Instruction& old, const wasm::Instruction& now,
                      const Numbering& moved);

/// Compares bodies one by one.
class BodyComparer {
 public:
  BodyComparer(const wasm::Module& old, const Plan& plan, const wasm::Module& now,
               const Numbering& moved);

  /// Whether the plan changes this function; it is what the input and the plan make of it.
  /// Errors: kPatchProof.
  Result<bool> one(const wasm::Function& old, const wasm::Function& now, uint32_t index) const;

 private:
  Status unchanged(const wasm::Function& old, const wasm::Function& now, uint32_t index) const;
  Status changed(const wasm::Function& old, const wasm::Function& now, uint32_t index,
                 std::span<const Change* const> changes) const;

  const wasm::Module& old_;
  const wasm::Module& now_;
  const Numbering moved_;
  std::vector<const Change*> changes_;  // those of scope kBody, in file order
};

/// The changes of scope kBody that lie in the body, in file order.
std::vector<const Change*> body_changes(const Plan& plan);

}  // namespace canrec::patch
