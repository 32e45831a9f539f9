// SPDX-License-Identifier: Apache-2.0
// The module of a directory against its metadata.
#include "recover/verify_module.h"

#include <fmt/core.h>

#include <algorithm>
#include <iterator>

#include "ic/limits.h"
#include "recover/mixture.h"
#include "snapshot/globals.h"
#include "wasm/load.h"
#include "wasm/names.h"
#include "wasm/persisted.h"
#include "wasm/validate.h"

namespace canrec::recover {
namespace {

class Judge : FindingList {
 public:
  Judge(const snapshot::Directory& directory, const std::optional<Sha256>& wanted)
      : directory_(directory), metadata_(directory.metadata()), wanted_(wanted) {}

  std::vector<Finding> run() {
    const ByteView stored = directory_.module();
    if (stored.empty()) return {};
    module_hash(sha256(stored));
    auto loaded = wasm::load_module(stored);
    if (!loaded) {
      add(Severity::kError, "module", "wasm_module.bin", loaded.error().message(),
          "loading the snapshot fails on the network",
          "download the snapshot again into an empty directory");
      return take();
    }
    if (const Status valid = wasm::validate(loaded->module); !valid) {
      add(Severity::kError, "module-invalid",
          fmt::format("wasm_module.bin, 0x{:08x}", valid.error().offset().value_or(0)),
          valid.error().message(), "loading the snapshot fails on the network",
          "compare the module's SHA-256 with the hash that the network reports for the canister");
      return take();
    }
    for (const wasm::RuleViolation& rule : wasm::check_network_rules(loaded->module)) {
      add(Severity::kError, "network-rule", fmt::format("wasm_module.bin, 0x{:08x}", rule.offset),
          rule.text, "the network refuses this module today: loading the snapshot fails",
          "canrec inspect wasm_module.bin shows the place");
    }
    globals_against(loaded->module);
    memory_against(loaded->module);
    stack_pointer_against(loaded->module);
    std::vector<Finding> all = take();
    std::ranges::move(
        contradictions({&loaded->module, &metadata_, directory_.heap(), directory_.stable()}),
        std::back_inserter(all));
    return all;
  }

 private:
  void module_hash(const Sha256& found) {
    if (!wanted_ || found == *wanted_) return;
    add(Severity::kError, "module-hash", "wasm_module.bin",
        fmt::format("sha256 {}, and {} was asked for", to_hex(found), to_hex(*wanted_)),
        "the directory is of another canister or another time, or files of two snapshots are in it",
        "look up the snapshot that you mean, and download it into an empty directory");
  }

  static std::string_view type_name(wasm::ValType type) { return to_string(type); }

  void globals_against(const wasm::Module& module) {
    const std::vector<wasm::PersistedGlobal> wanted = wasm::persisted_globals(module);
    const std::vector<snapshot::GlobalValue>& found = metadata_.globals;
    if (wanted.size() != found.size()) {
      add(Severity::kError, "globals-count", "metadata.json, globals",
          fmt::format("{} values, the module persists {} globals", found.size(), wanted.size()),
          "the network refuses to load the snapshot: \"Wasm exported globals of canister module "
          "and snapshot metadata do not match.\"",
          "the module or the metadata belongs to another snapshot; canrec inspect shows the list");
      return;
    }
    for (size_t i = 0; i < wanted.size(); ++i) {
      if (to_string(found[i].type) == type_name(wanted[i].type.type)) continue;
      add(Severity::kError, "globals-type", fmt::format("metadata.json, globals[{}]", i),
          fmt::format("{}, the module's global {} is {}", to_string(found[i].type),
                      std::to_underlying(wanted[i].global), type_name(wanted[i].type.type)),
          "the network refuses to load the snapshot; with equal types it would not notice a swap",
          "the module or the metadata belongs to another snapshot");
    }
  }

  void memory_against(const wasm::Module& module) {
    const uint64_t heap = metadata_.wasm_memory_size;
    if (module.memories.empty()) {
      if (heap == 0) return;
      add(Severity::kError, "memory", "metadata.json, wasm_memory_size",
          fmt::format("{} of heap, the module declares no memory", human_size(heap)),
          "the network refuses to load the snapshot",
          "the module and the heap belong to different snapshots");
      return;
    }
    const wasm::Limits& limits = module.memories[0].limits;
    const uint64_t pages = heap / wasm::kPageSize;
    const uint64_t most = limits.is_64 ? ic::limits::kHeapBytes64 : ic::limits::kHeapBytes32;
    const auto refuse = [&](std::string what, std::string why) {
      add(Severity::kError, "memory", "metadata.json, wasm_memory_size", std::move(what),
          std::move(why), "the module and the heap belong to different snapshots");
    };
    if (pages < limits.min) {
      refuse(fmt::format("{} pages of heap, the module declares at least {}", pages, limits.min),
             "the network refuses to load the snapshot");
    }
    if (limits.has_max && pages > limits.max) {
      refuse(fmt::format("{} pages of heap, the module declares at most {}", pages, limits.max),
             "the snapshot loads, and then every message fails");
    }
    if (heap > most) {
      refuse(fmt::format("{} of heap, a {}-bit module can have {}", human_size(heap),
                         limits.is_64 ? 64 : 32, human_size(most)),
             "the network refuses to load the snapshot");
    }
  }

  // The stack pointer: exported or named so, else the only mutable global.
  static std::optional<size_t> stack_pointer_of(const wasm::Module& module,
                                                const std::vector<wasm::PersistedGlobal>& globals) {
    const wasm::NameSection names = wasm::read_names(module);
    std::optional<size_t> only;
    size_t mutables = 0;
    for (size_t i = 0; i < globals.size(); ++i) {
      if (!globals[i].type.is_mutable) continue;
      const auto name = names.globals.find(std::to_underlying(globals[i].global));
      if (globals[i].export_name == "__stack_pointer" ||
          (name != names.globals.end() && name->second == "__stack_pointer")) {
        return i;
      }
      only = i;
      ++mutables;
    }
    return mutables == 1 ? only : std::nullopt;
  }

  // Between messages the shadow stack is empty, so its pointer has its initial value.
  void stack_pointer_against(const wasm::Module& module) {
    const std::vector<wasm::PersistedGlobal> globals = wasm::persisted_globals(module);
    const std::vector<snapshot::GlobalValue>& values = metadata_.globals;
    if (globals.size() != values.size()) return;
    const auto at = stack_pointer_of(module, globals);
    if (!at) return;
    const auto initial = snapshot::initial_value(module, globals[*at].global);
    if (!initial || initial->low == values[*at].low) return;
    add(Severity::kWarning, "stack-pointer", fmt::format("metadata.json, globals[{}]", *at),
        fmt::format("what looks like the stack pointer is {}, its initial value is {}",
                    values[*at].low, initial->low),
        "between messages the stack is empty: the snapshot was taken while a call was under way, "
        "or the metadata belongs to another module",
        "stop the canister and take the snapshot again, or make sure that the global is none");
  }

  const snapshot::Directory& directory_;
  const snapshot::Metadata& metadata_;
  const std::optional<Sha256>& wanted_;
};

}  // namespace

std::vector<Finding> judge_module(const snapshot::Directory& directory,
                                  const std::optional<Sha256>& wanted) {
  return Judge(directory, wanted).run();
}

}  // namespace canrec::recover
