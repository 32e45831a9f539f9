// SPDX-License-Identifier: Apache-2.0
// drop-hook, set-section, remove-section, prepare-route-k: patches outside the code.
#include <fmt/core.h>

#include <algorithm>

#include "base/leb128.h"
#include "patch/draft.h"
#include "patch/operations.h"
#include "patch/route_k.h"
#include "wasm/builder.h"
#include "wasmdiff/toolchain.h"

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
  CANREC_TRY(std::vector<std::string> notes, check_route_k(module, options));
  if (wasmdiff::icp_section(module, kKeepSectionBareName) == nullptr) {
    put_section(draft, kKeepSection, {});
  } else {
    draft.note("route K: the module has the section already");
  }
  if (options.drop_post_upgrade) CANREC_CHECK(drop_export(draft, "canister_post_upgrade"));
  for (std::string& note : notes) draft.note(std::move(note));
  return std::move(draft).finish(input, "prepare-route-k");
}

}  // namespace canrec::patch
