// SPDX-License-Identifier: Apache-2.0
// The judgement on route K for a state at hand.
#include "recover/route_k.h"

#include <fmt/core.h>

#include "ic/limits.h"
#include "recover/motoko_heap.h"
#include "snapshot/globals.h"
#include "wasm/names.h"
#include "wasm/persisted.h"
#include "wasm/toolchain.h"

namespace canrec::recover {
namespace {

constexpr std::string_view kSection = "enhanced-orthogonal-persistence";

class Judge : FindingList {
 public:
  Judge(const wasm::Module& module, const KeptState& state) : module_(module), state_(state) {}

  std::vector<Finding> run() {
    section();
    memory();
    const wasm::FunctionNames names(module_, wasm::FunctionNames::Style::kRaw);
    const wasm::Toolchain toolchain = wasm::detect_toolchain(module_, names, nullptr).toolchain;
    if (toolchain == wasm::Toolchain::kMotokoEnhanced) {
      motoko_root();
    } else {
      globals();
    }
    hooks();
    return take();
  }

 private:
  void section() {
    const wasm::Section* found = nullptr;
    for (const wasm::Section& section : module_.sections) {
      const auto parsed = wasm::parse_icp_section(section.name);
      if (section.id == wasm::SectionId::kCustom && parsed && parsed->name == kSection) {
        found = &section;
      }
    }
    if (found != nullptr) return;
    add(Severity::kError, "route-k-section", "custom sections",
        "no section icp:private enhanced-orthogonal-persistence",
        "the network refuses to keep memory for a module without it (IC0504)",
        "canrec patch prepare-route-k MODULE -o OUT");
  }

  void memory() {
    const uint64_t heap = state_.heap.size();
    if (module_.memories.empty()) {
      if (heap == 0) return;
      add(Severity::kError, "memory", "memory section", "the module declares no memory",
          "the network refuses a heap that is not empty", "use a module built for this heap");
      return;
    }
    const wasm::Limits& limits = module_.memories[0].limits;
    const uint64_t pages = heap / wasm::kPageSize;
    const uint64_t most = limits.is_64 ? ic::limits::kHeapBytes64 : ic::limits::kHeapBytes32;
    if (pages < limits.min || heap > most) {
      add(Severity::kError, "memory", "memory section",
          fmt::format("the heap has {} pages, the module takes {} to {}", pages, limits.min,
                      most / wasm::kPageSize),
          "the network refuses the upgrade", "use a module whose declared memory fits");
    }
    if (limits.has_max && pages > limits.max) {
      add(Severity::kError, "memory", "memory section",
          fmt::format("the heap has {} pages, the module declares at most {}", pages, limits.max),
          "no instance can be made: with a hook the upgrade fails, without one every later message",
          "use a module whose declared memory fits");
    }
  }

  // Pre-upgrade writes the root; it is cleared again when it was taken over.
  void motoko_root() {
    if (state_.pre_upgrade_runs) return;
    const ByteView heap = state_.heap;
    const bool present = heap.size() >= motoko::kRoot + 8;
    const uint64_t root = present ? load_le<uint64_t>(heap.data() + motoko::kRoot) : 0;
    if (root != 0) return;
    add(Severity::kError, "motoko-root", "heap, 0x00480088",
        "the root of the stable variables is 0",
        "Motoko writes it in canister_pre_upgrade, which did not run on this state: the upgraded "
        "program finds no root and starts with initial values; every stable variable is lost "
        "without a trap",
        "use the snapshot route (canrec package --route S) with a module whose pre-upgrade runs, "
        "and "
        "upgrade from there");
  }

  void globals() {
    const std::vector<wasm::PersistedGlobal> persisted = wasm::persisted_globals(module_);
    const std::vector<snapshot::GlobalValue>& values = state_.metadata->globals;
    if (persisted.size() != values.size()) {
      add(Severity::kError, "globals", "metadata.json, globals",
          fmt::format("the module persists {} globals, the state has {}", persisted.size(),
                      values.size()),
          "the state belongs to a module of another build", "canrec diff OLD NEW --route K");
      return;
    }
    for (size_t i = 0; i < persisted.size(); ++i) {
      if (const auto type = snapshot::global_type(persisted[i].type.type); type != values[i].type) {
        add(Severity::kError, "globals", fmt::format("metadata.json, globals[{}]", i),
            fmt::format("the module persists {} here, the state has {}", to_string(type),
                        to_string(values[i].type)),
            "the state belongs to a module of another build", "canrec diff OLD NEW --route K");
        continue;
      }
      if (!persisted[i].type.is_mutable) continue;
      const auto initial = snapshot::initial_value(module_, persisted[i].global);
      if (initial == values[i]) continue;
      add(Severity::kError, "globals", fmt::format("metadata.json, globals[{}]", i),
          fmt::format("global {} is {} in the state and restarts at {}",
                      std::to_underlying(persisted[i].global), snapshot::value_text(values[i]),
                      initial ? snapshot::value_text(*initial) : "another value"),
          "an upgrade does not keep globals: a heap pointer or counter that lives in one is lost, "
          "and the program overwrites its own data",
          "use the snapshot route, which keeps globals: canrec package --route S");
    }
  }

  void hooks() {
    if (module_.start) {
      add(Severity::kWarning, "start", "start section", "the module has a start function",
          "it runs over the kept heap", "rehearse: canrec rehearse DIR 'upgrade MODULE --keep'");
    }
    if (module_.find_export("canister_post_upgrade") != nullptr && !state_.pre_upgrade_runs) {
      add(Severity::kWarning, "post-upgrade", "canister_post_upgrade",
          "the hook runs, although pre-upgrade did not",
          "it decodes what an earlier upgrade left in stable memory and puts that over the heap",
          "canrec patch drop-hook MODULE canister_post_upgrade -o OUT, unless the hook is known "
          "not "
          "to read stable memory");
    }
  }

  const wasm::Module& module_;
  const KeptState& state_;
};

}  // namespace

std::vector<Finding> judge_route_k(const wasm::Module& module, const KeptState& state) {
  return Judge(module, state).run();
}

}  // namespace canrec::recover
