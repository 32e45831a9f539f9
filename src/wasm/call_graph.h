// SPDX-License-Identifier: Apache-2.0
#pragma once

// Who calls whom. Direct calls are certain; a call_indirect may reach every function of its type
// that has been put into a table or into a reference, so what is reached through tables is an upper
// bound.

#include <cstdint>
#include <span>
#include <vector>

#include "wasm/module.h"

namespace canrec::wasm {

/// How a function is reached from another.
enum class Reach : uint8_t {
  kNone,
  kThroughTables,  ///< only if some indirect call takes that way
  kDirect,         ///< by a chain of direct calls (or by being the function itself)
};

/// One direct call.
struct CallSite {
  FuncIdx caller;
  FuncIdx callee;
  ByteRange instruction;
};

/// The call graph of a module; keeps no view of it.
class CallGraph {
 public:
  /// Decodes every body.
  /// Errors: kWasmIndex for a function or type that is not there, and those of InstructionReader.
  static Result<CallGraph> build(const Module& module);

  size_t size() const { return type_of_.size(); }
  /// The functions called directly, ascending, each once.
  std::span<const FuncIdx> callees(FuncIdx fn) const { return callees_.of(fn); }
  /// The functions that call this one directly, ascending, each once.
  std::span<const FuncIdx> callers(FuncIdx fn) const { return callers_.of(fn); }
  bool has_indirect_calls(FuncIdx fn) const { return !indirect_.of(fn).empty(); }
  /// Whether the function stands in an element segment or in a ref.func.
  bool is_address_taken(FuncIdx fn) const { return address_taken_[std::to_underlying(fn)]; }
  /// The functions whose address is taken and whose type is structurally that of `fn`.
  std::vector<FuncIdx> targets_like(FuncIdx fn) const;

  /// For every function, how it is reached from `roots`.
  std::vector<Reach> reachable_from(std::span<const FuncIdx> roots) const;
  /// For every function, how it reaches one of `targets`.
  std::vector<Reach> reaching(std::span<const FuncIdx> targets) const;

 private:
  // Lists of numbers, one a row, in one vector.
  template <typename T>
  struct Rows {
    std::vector<uint32_t> begin{0};
    std::vector<T> items;
    template <typename Row>
    std::span<const T> of(Row row) const {
      const auto i = static_cast<size_t>(std::to_underlying(row));
      return std::span<const T>(items).subspan(begin[i], begin[i + 1] - begin[i]);
    }
  };
  // A type without regard to which of several equal entries of the type section was named.
  enum class TypeClass : uint32_t {};

  template <typename To, typename From>
  static Rows<To> transpose(const Rows<From>& rows, size_t size);
  // Marks what the work list leads to: by `direct` edges, and by `through` edges where given.
  template <typename Direct, typename Through>
  std::vector<Reach> flood(std::span<const FuncIdx> from, Direct direct, Through through) const;

  Rows<FuncIdx> callees_;
  Rows<FuncIdx> callers_;
  Rows<TypeClass> indirect_;        // function -> classes it calls indirectly
  Rows<FuncIdx> indirect_callers_;  // class -> functions that call it indirectly
  Rows<FuncIdx> targets_;           // class -> functions whose address is taken
  std::vector<TypeClass> type_of_;  // function -> class
  std::vector<bool> address_taken_;
};

/// Every direct call of one of `callees`, in file order.
/// Errors: those of InstructionReader.
Result<std::vector<CallSite>> find_call_sites(const Module& module,
                                              std::span<const FuncIdx> callees);

}  // namespace canrec::wasm
