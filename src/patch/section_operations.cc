// SPDX-License-Identifier: Apache-2.0
// drop-hook, set-section, remove-section, prepare-route-k: patches outside the code.
#include <fmt/core.h>

#include <algorithm>

#include "base/leb128.h"
#include "ic/limits.h"
#include "patch/draft.h"
#include "patch/operations.h"
#include "wasm/builder.h"
#include "wasm/persisted.h"

namespace canrec::patch {
namespace {

using wasm::ByteRange;
using wasm::EditScope;
using wasm::Module;
using wasm::Section;
using wasm::SectionId;

Status drop_export(Draft& draft, std::string_view name) {
  const Module& module = draft.module();
  const wasm::Export* entry = module.find_export(name);
  if (entry == nullptr) {
    return fail(Errc::kPatchSite, fmt::format("the module does not export {}", name));
  }
  const Section* section = module.section(SectionId::kExport);
  Cursor in(module.view(section->content), section->content.begin);
  CANREC_CHECK(in.u32());
  const ByteRange count{section->content.begin, in.pos()};
  Bytes fewer;
  CANREC_ASSERT(
      append_leb_u64_padded(fewer, module.exports.size() - 1, static_cast<unsigned>(count.size())));
  draft.change(EditScope::kSection, count, std::move(fewer), "export section: one entry fewer");
  draft.change(EditScope::kSection, entry->range, {}, fmt::format("drop export {}", name));
  return Ok{};
}

void put_section(Draft& draft, std::string_view name, ByteView content) {
  const Module& module = draft.module();
  const Section* old = module.custom(name);
  const uint64_t end = module.bytes.size();
  draft.change(EditScope::kFile, old != nullptr ? old->range : ByteRange{end, end},
               wasm::custom_section(name, content),
               fmt::format("{} custom section \"{}\"", old != nullptr ? "replace" : "add", name));
}

std::string pages_text(uint64_t pages) {
  return fmt::format("{} pages ({})", grouped(pages), human_size(pages * wasm::kPageSize));
}

// The sizes that the network compares when it keeps a heap (system-api.md 3.6).
Status check_heap(const Module& module, uint64_t heap_bytes) {
  if (module.memories.empty()) {
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

void note_route_k(Draft& draft, const RouteK& options) {
  const Module& module = draft.module();
  if (module.memories.empty()) {
    draft.note("route K: the module declares no memory; a heap that is not empty is refused");
  } else if (!options.heap_bytes) {
    draft.note(
        fmt::format("route K: the canister's heap must have at least {} (give --heap-bytes "
                    "to have it checked)",
                    pages_text(module.memories[0].limits.min)));
  }
  if (module.start) {
    draft.note(fmt::format("route K: the start function {} runs on the kept heap",
                           std::to_underlying(*module.start)));
  }
  if (module.find_export("canister_post_upgrade") != nullptr && !options.drop_post_upgrade) {
    draft.note(
        "route K: canister_post_upgrade runs on the kept heap and initialises it anew in most "
        "programs; --drop-post-upgrade takes it out");
  }
  size_t active = 0;
  for (const wasm::DataSegment& segment : module.data) {
    active += segment.mode == wasm::SegmentMode::kActive ? 1 : 0;
  }
  if (active > 0) {
    draft.note(
        fmt::format("route K: the {} active data segments are not applied; the heap keeps "
                    "the bytes it has there",
                    active));
  }
  for (const wasm::PersistedGlobal& persisted : wasm::persisted_globals(module)) {
    const wasm::Global& global = module.globals[std::to_underlying(persisted.global)];
    if (!persisted.type.is_mutable || global.import) continue;
    const auto initial = wasm::constant_address(global.init);
    draft.note(fmt::format(
        "route K: mutable global {}{} starts again at {}; a program whose globals hold state "
        "(classical Motoko's do) must go by route S",
        std::to_underlying(persisted.global),
        persisted.export_name.empty()
            ? std::string()
            : fmt::format(" (\"{}\")", printable(as_bytes(persisted.export_name))),
        initial ? fmt::format("{}", *initial) : std::string("its initial value")));
  }
}

}  // namespace

Result<Plan> drop_hook(const wasm::LoadedModule& input, std::string_view hook) {
  if (ic::find_hook(hook) == nullptr) {
    std::string hooks;
    for (const ic::Hook& row : ic::kHooks) {
      hooks += fmt::format("{}{}", hooks.empty() ? "" : ", ", row.name);
    }
    return fail(Errc::kBadArgument, fmt::format("\"{}\" is no hook; hooks are {}", hook, hooks));
  }
  CANREC_TRY(Draft draft, Draft::begin(input.module));
  CANREC_CHECK(drop_export(draft, hook));
  return std::move(draft).finish(input, fmt::format("drop-hook {}", hook));
}

Result<Plan> set_section(const wasm::LoadedModule& input, std::string_view name, ByteView content) {
  if (!is_utf8(as_bytes(name))) return fail(Errc::kUtf8, "the section's name is not UTF-8");
  CANREC_TRY(Draft draft, Draft::begin(input.module));
  put_section(draft, name, content);
  return std::move(draft).finish(input, fmt::format("set-section \"{}\"", name));
}

Result<Plan> remove_section(const wasm::LoadedModule& input, std::string_view name) {
  CANREC_TRY(Draft draft, Draft::begin(input.module));
  size_t found = 0;
  std::string names;
  for (const Section& section : input.module.sections) {
    if (section.id != SectionId::kCustom) continue;
    names += fmt::format("\n  {}", printable(as_bytes(section.name)));
    if (section.name != name) continue;
    ++found;
    draft.change(EditScope::kFile, section.range, {},
                 fmt::format("remove custom section \"{}\"", name));
  }
  if (found == 0) {
    return fail(Errc::kPatchSite, fmt::format("no custom section \"{}\"; there are:{}", name,
                                              names.empty() ? " none" : names));
  }
  return std::move(draft).finish(input, fmt::format("remove-section \"{}\"", name));
}

Result<Plan> prepare_route_k(const wasm::LoadedModule& input, const RouteK& options) {
  const Module& module = input.module;
  CANREC_TRY(Draft draft, Draft::begin(module));
  if (options.heap_bytes) CANREC_CHECK(check_heap(module, *options.heap_bytes));
  if (module.custom(kKeepSection) == nullptr) {
    put_section(draft, kKeepSection, {});
  } else {
    draft.note("route K: the module has the section already");
  }
  if (options.drop_post_upgrade) CANREC_CHECK(drop_export(draft, "canister_post_upgrade"));
  note_route_k(draft, options);
  return std::move(draft).finish(input, "prepare-route-k");
}

}  // namespace canrec::patch
