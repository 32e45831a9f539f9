// SPDX-License-Identifier: Apache-2.0
#pragma once

// The patches: each function here makes a plan. Nothing is written; apply.h does that.
//
// All of them fail with kPatchSite for places that do not exist, are ambiguous or are never
// reached, and with kBadArgument for what the command line got wrong.

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "patch/call_text.h"
#include "patch/plan.h"
#include "patch/site.h"
#include "snapshot/metadata.h"

namespace canrec::patch {

/// Takes a System API call out: its arguments are still evaluated, then dropped.
/// Shape: one of `results` for each result of the function, as users write numbers.
Result<Plan> remove_call(const wasm::LoadedModule& input, std::string_view site,
                         const std::vector<std::string>& results);

enum class Where : uint8_t {
  kBefore,   ///< in front of the instruction at the site
  kAfter,    ///< behind it
  kAtEntry,  ///< the site is a function
  kOver,     ///< in place of instructions that begin there
};
struct Insertion {
  std::string call;  ///< see call_text.h
  Where where = Where::kBefore;
  uint32_t over = 0;                   ///< kOver: how many instructions are replaced
  std::optional<std::string> trap_if;  ///< the result that makes the canister trap
  bool keep_result = false;            ///< leave the result on the stack in place of dropping it
};
/// Puts a System API call in, importing the function when the module does not.
Result<Plan> insert_call(const wasm::LoadedModule& input, std::string_view site,
                         const Insertion& insertion);

/// What functions an operation is about.
struct Scope {
  std::optional<std::string> function;  ///< this one, or
  std::optional<std::string> from;      ///< this one and all it may reach; neither = all
};

/// Every stable_write and stable64_write in scope first grows stable memory to offset + length when
/// it is smaller: the calls go through an added function.
Result<Plan> grow_before_write(const wasm::LoadedModule& input, const Scope& scope);

/// The 32-bit stable calls in scope become stable64 calls with conversions.
Result<Plan> retarget(const wasm::LoadedModule& input, const Scope& scope);

/// The function returns at once. Shape: one of `results` for each result; none = zeros.
Result<Plan> stub(const wasm::LoadedModule& input, std::string_view function,
                  const std::vector<std::string>& results);

/// Control leaves the block around a trap in place of trapping. The site is an `unreachable`, or a
/// call with `unreachable` behind it, whose arguments are dropped.
/// Errors: kPatchSite also when the block yields values.
Result<Plan> skip_trap(const wasm::LoadedModule& input, std::string_view site);

/// Takes the export of a hook out: canister_pre_upgrade, canister_heartbeat, ...
Result<Plan> drop_hook(const wasm::LoadedModule& input, std::string_view hook);

/// Replaces a custom section's content, or adds the section at the end.
Result<Plan> set_section(const wasm::LoadedModule& input, std::string_view name, ByteView content);
/// Takes every custom section of that name out.
Result<Plan> remove_section(const wasm::LoadedModule& input, std::string_view name);

/// The section that route K (upgrade with the heap kept) asks for, and the bare name by which the
/// network looks it up.
inline constexpr std::string_view kKeepSection = "icp:private enhanced-orthogonal-persistence";
inline constexpr std::string_view kKeepSectionBareName = "enhanced-orthogonal-persistence";

/// What a snapshot tells of the canister that is to be upgraded.
struct KeptState {
  uint64_t heap_bytes = 0;
  std::span<const snapshot::GlobalValue> globals;  ///< in the network's order, see wasm/persisted.h
  bool timer_set = false;
  const wasm::Module* installed = nullptr;  ///< the module that the snapshot holds
};

struct RouteK {
  bool drop_post_upgrade = false;
  std::optional<uint64_t> heap_bytes;  ///< of the canister, where no snapshot tells it
  std::optional<KeptState> state;
};
/// Adds the section and says in the plan's notes what route K does to this module, what was checked
/// for it and what was not.
/// Errors: kBadArgument when the heap does not fit the module's memory.
Result<Plan> prepare_route_k(const wasm::LoadedModule& input, const RouteK& options);

}  // namespace canrec::patch
