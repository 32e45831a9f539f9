// SPDX-License-Identifier: Apache-2.0
// The checks of route K. Source: https://internetcomputer.org/docs/references/ic-interface-spec
// (install_code), and the network's own conditions for a memory that is kept.
#include "patch/route_k.h"

#include <fmt/core.h>

#include <algorithm>

#include "ic/limits.h"
#include "snapshot/globals.h"
#include "wasm/names.h"
#include "wasm/persisted.h"
#include "wasmdiff/toolchain.h"

namespace canrec::patch {
namespace {

using wasm::Module;

std::string pages_text(uint64_t pages) {
  return fmt::format("{} pages, {}", grouped(pages), human_size(pages * wasm::kPageSize));
}

// The sizes that the network compares when it keeps a heap.
Status check_heap(const Module& module, uint64_t heap_bytes) {
  if (module.memories.empty()) {
    if (heap_bytes == 0) return Ok{};
    return fail(Errc::kBadArgument, "the module declares no memory, so no heap can be kept");
  }
  const wasm::Memory& memory = module.memories[0];
  const uint64_t highest = module.is_64() ? ic::limits::kHeapBytes64 : ic::limits::kHeapBytes32;
  const auto wrong = [&](std::string why) {
    return fail(Errc::kBadArgument, memory.range.begin,
                fmt::format("a heap of {} cannot be kept: {}", human_size(heap_bytes), why));
  };
  if (heap_bytes > highest) {
    return wrong(fmt::format("a {}-bit module has at most {}", module.is_64() ? 64 : 32,
                             human_size(highest)));
  }
  if (memory.limits.min > heap_bytes / wasm::kPageSize) {
    return wrong(fmt::format("the module's memory begins with {}", pages_text(memory.limits.min)));
  }
  if (memory.limits.has_max && memory.limits.max < heap_bytes / wasm::kPageSize) {
    return wrong(
        fmt::format("the module's memory ends at {}; the upgrade would succeed and every "
                    "later message fail",
                    pages_text(memory.limits.max)));
  }
  return Ok{};
}

// Collects the notes of one module.
class Checker {
 public:
  Checker(const Module& module, const RouteK& options)
      : module_(module),
        options_(options),
        functions_(module, wasm::FunctionNames::Style::kReadable),
        names_(wasm::read_names(module)),
        motoko_(wasmdiff::recognise_toolchain(module, functions_).is_motoko_eop()) {}

  Result<std::vector<std::string>> run() {
    CANREC_CHECK(heap());
    globals();
    hooks();
    data();
    not_checked();
    return std::move(notes_);
  }

 private:
  template <typename... Args>
  void note(fmt::format_string<Args...> format, Args&&... args) {
    notes_.push_back("route K: " + fmt::format(format, std::forward<Args>(args)...));
  }

  std::optional<uint64_t> heap_bytes() const {
    if (options_.state) return options_.state->heap_bytes;
    return options_.heap_bytes;
  }

  Status heap() {
    const auto bytes = heap_bytes();
    if (!bytes) return Ok{};
    CANREC_CHECK(check_heap(module_, *bytes));
    note("checked: the heap of {} fits the module's {}", human_size(*bytes),
         module_.memories.empty()
             ? std::string("memory: it has none, and the heap is empty")
             : fmt::format(
                   "{}-bit memory of at least {}{}", module_.is_64() ? 64 : 32,
                   pages_text(module_.memories[0].limits.min),
                   module_.memories[0].limits.has_max
                       ? fmt::format(" and at most {}", pages_text(module_.memories[0].limits.max))
                       : std::string()));
    return Ok{};
  }

  std::string global_text(const wasm::PersistedGlobal& persisted) const {
    const uint32_t index = std::to_underlying(persisted.global);
    const auto name = names_.globals.find(index);
    const std::string_view text = !persisted.export_name.empty() ? persisted.export_name
                                  : name != names_.globals.end() ? name->second
                                                                 : std::string_view{};
    return text.empty() ? fmt::format("global {}", index)
                        : fmt::format("global {} (\"{}\")", index, printable(as_bytes(text)));
  }

  // Whether the snapshot's list of globals is one of this module.
  bool fits(const std::vector<wasm::PersistedGlobal>& list) const {
    return std::ranges::equal(list, options_.state->globals, [](const auto& a, const auto& b) {
      return snapshot::global_type(a.type.type) == b.type;
    });
  }

  void globals() {
    const auto list = wasm::persisted_globals(module_);
    if (motoko_) {
      note(
          "checked: Motoko's enhanced persistence; its runtime keeps state in the heap and sets "
          "its {} mutable globals anew",
          std::ranges::count_if(list, [](const auto& entry) { return entry.type.is_mutable; }));
      return;
    }
    const bool known = options_.state && fits(list);
    if (options_.state && !known) {
      note(
          "not checked: what the globals hold; the snapshot has {} and this module persists {}, "
          "or of other types",
          options_.state->globals.size(), list.size());
    }
    size_t unchanged = 0;
    std::vector<std::string> lost;
    std::vector<std::string> unknown;
    for (size_t i = 0; i < list.size(); ++i) {
      if (!list[i].type.is_mutable) continue;
      const auto initial = snapshot::initial_value(module_, list[i].global);
      const std::string start = initial ? snapshot::value_text(*initial) : "its initial value";
      if (!known) {
        unknown.push_back(fmt::format("{} at {}", global_text(list[i]), start));
      } else if (initial == options_.state->globals[i]) {
        ++unchanged;
      } else {
        lost.push_back(fmt::format("{} holds {} and starts again at {}", global_text(list[i]),
                                   snapshot::value_text(options_.state->globals[i]), start));
      }
    }
    if (!lost.empty()) {
      note("LOST: {} mutable global{} of the snapshot: {}; go by route S, which carries globals",
           lost.size(), lost.size() == 1 ? "" : "s", listed(lost));
    }
    if (!unknown.empty()) {
      note(
          "mutable globals start again: {}; a program whose globals hold state (classical "
          "Motoko's do) must go by route S",
          listed(unknown));
    }
    if (unchanged > 0) {
      const bool one = unchanged == 1;
      note("checked: {} in the snapshot the value that {} again at; nothing is lost there",
           lost.empty() ? fmt::format("every mutable global ({}) has", unchanged)
           : one        ? std::string("1 other mutable global has")
                        : fmt::format("{} other mutable globals have", unchanged),
           lost.empty() || one ? "it starts" : "they start");
    }
  }

  static std::string listed(const std::vector<std::string>& items) {
    constexpr size_t kShown = 6;
    std::string text;
    for (size_t i = 0; i < std::min(items.size(), kShown); ++i) {
      text += (i == 0 ? "" : ", ") + items[i];
    }
    if (items.size() > kShown) text += fmt::format(" and {} more", items.size() - kShown);
    return text;
  }

  void hooks() {
    const bool told = options_.state && options_.state->installed != nullptr;
    const Module& installed = told ? *options_.state->installed : module_;
    if (installed.find_export("canister_pre_upgrade") != nullptr) {
      note("canister_pre_upgrade of the {} runs first, and a trap in it ends the upgrade; {}",
           told ? "module in the snapshot" : "module that is installed",
           motoko_ ? "with Motoko's enhanced persistence it must run: skip_pre_upgrade loses all "
                     "stable variables"
                   : "`skip_pre_upgrade = opt true` leaves it out");
    }
    if (module_.start) {
      note("the start function {} ({}) runs on the kept heap", std::to_underlying(*module_.start),
           functions_.of(*module_.start));
    }
    if (module_.find_export("canister_post_upgrade") != nullptr && !options_.drop_post_upgrade) {
      note("canister_post_upgrade runs on the kept heap{}",
           motoko_ ? ", as Motoko's enhanced persistence wants it"
                   : " and initialises it anew in most programs; --drop-post-upgrade takes it out");
    }
    if (options_.state && options_.state->timer_set) {
      note("the global timer is set in the snapshot; the upgrade turns it off{}",
           module_.find_export("canister_post_upgrade") != nullptr && !options_.drop_post_upgrade
               ? " unless canister_post_upgrade sets it again"
               : ", and no hook sets it again");
    }
  }

  void data() {
    size_t active = 0;
    for (const wasm::DataSegment& segment : module_.data) {
      active += segment.mode == wasm::SegmentMode::kActive ? 1 : 0;
    }
    if (active == 0) return;
    note("{} active data segment{} not applied; the heap keeps the bytes it has there", active,
         active == 1 ? " is" : "s are");
  }

  void not_checked() {
    if (!heap_bytes()) {
      if (module_.memories.empty()) {
        note(
            "not checked: the heap, which must be empty: the module declares no memory (--state "
            "or --heap-bytes has it checked)");
      } else {
        note(
            "not checked: the canister's heap, which must have at least {} (--state or "
            "--heap-bytes has it checked)",
            pages_text(module_.memories[0].limits.min));
      }
    }
    if (!options_.state) {
      note(
          "not checked: what the globals hold, whether the timer is set, which module is "
          "installed (--state has it checked)");
    } else if (options_.state->installed != nullptr &&
               !std::ranges::equal(options_.state->installed->bytes, module_.bytes)) {
      note(
          "not checked: whether code and data fit the heap; the snapshot holds another module, "
          "and `canrec diff DIR/wasm_module.bin OUTPUT --state DIR` compares them");
    }
    note(
        "not checked: the settings (wasm_memory_limit must be 0 or not below the heap's size), "
        "cycles, and open calls (stop the canister first)");
  }

  const Module& module_;
  const RouteK& options_;
  const wasm::FunctionNames functions_;
  const wasm::NameSection names_;
  const bool motoko_;  // with enhanced orthogonal persistence
  std::vector<std::string> notes_;
};

}  // namespace

Result<std::vector<std::string>> check_route_k(const Module& module, const RouteK& options) {
  return Checker(module, options).run();
}

}  // namespace canrec::patch
