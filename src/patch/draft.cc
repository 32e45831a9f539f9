// SPDX-License-Identifier: Apache-2.0
// Collects what an operation wants into a plan.
#include "patch/draft.h"

#include <fmt/core.h>

#include <algorithm>

#include "base/checked.h"
#include "base/leb128.h"
#include "base/limits.h"
#include "wasm/builder.h"

namespace canrec::patch {
namespace {

using wasm::ByteRange;
using wasm::EditScope;
using wasm::SectionId;
using wasm::ValType;

Bytes encode(const wasm::FuncType& type) {
  Bytes out{0x60};
  for (const auto* list : {&type.params, &type.results}) {
    append_leb_u64(out, list->size());
    for (const ValType value : *list) out.push_back(std::to_underlying(value));
  }
  return out;
}

// The place of a section in the order of the format, for one that has to be added.
int rank(SectionId id) {
  if (id == SectionId::kDataCount) return 10;
  const int number = std::to_underlying(id);
  return number >= 10 ? number + 1 : number;
}

uint64_t place_for(const wasm::Module& module, SectionId id) {
  uint64_t place = 8;
  for (const wasm::Section& section : module.sections) {
    if (section.id != SectionId::kCustom && rank(section.id) < rank(id)) place = section.range.end;
  }
  return place;
}

}  // namespace

wasm::FuncType signature(const ic::SystemApiFunction& function, bool module_is_64) {
  wasm::FuncType type;
  const auto fill = [&](std::string_view letters, std::vector<ValType>& out) {
    for (const char letter : letters) {
      out.push_back(ic::resolve_width(letter, module_is_64) == 'l' ? ValType::kI64 : ValType::kI32);
    }
  };
  fill(function.parameters, type.params);
  fill(function.results, type.results);
  return type;
}

Result<Draft> Draft::begin(const wasm::Module& module, std::span<const ic::SystemApi> needed) {
  Draft draft(module);
  const bool is_64 = module.is_64();
  for (const ic::SystemApi id : needed) {
    const ic::SystemApiFunction& function = ic::info(id);
    if (std::ranges::find(draft.api_, id, [](const auto& p) { return p.first; }) !=
        draft.api_.end()) {
      continue;
    }
    if (is_64 && !function.importable_by_64_bit()) {
      return fail(Errc::kBadArgument,
                  fmt::format("ic0.{} cannot be imported by a 64-bit module", function.name));
    }
    const wasm::FuncType type = signature(function, is_64);
    const auto found = std::ranges::find_if(module.imports, [&](const wasm::Import& import) {
      return import.kind == wasm::ExternKind::kFunc && import.module == ic::kSystemApiModule &&
             import.name == function.name;
    });
    if (found != module.imports.end()) {
      if (module.type_of(wasm::FuncIdx{found->index}) != type) {
        return fail(
            Errc::kWasmNetworkRule, found->range.begin,
            fmt::format("ic0.{} is imported as {}, the network has {}", function.name,
                        to_string(module.type_of(wasm::FuncIdx{found->index})), to_string(type)));
      }
      draft.api_.emplace_back(id, found->index);
      continue;
    }
    const auto index = narrow<uint32_t>(module.imported_functions + draft.new_imports_.size());
    draft.api_.emplace_back(id, index);
    draft.new_imports_.push_back({&function, draft.type(type)});
    draft.plan_.names.push_back({index, std::string(function.name)});
  }
  draft.plan_.added_imports = narrow<uint32_t>(draft.new_imports_.size());
  draft.moved_ = numbering(module, draft.plan_);
  return draft;
}

uint32_t Draft::system_api(ic::SystemApi function) const {
  const auto it = std::ranges::find(api_, function, [](const auto& p) { return p.first; });
  CANREC_ASSERT(it != api_.end());
  return it->second;
}

uint32_t Draft::type(const wasm::FuncType& type) {
  const auto old = std::ranges::find(module_->types, type);
  if (old != module_->types.end()) return narrow<uint32_t>(old - module_->types.begin());
  auto added = std::ranges::find(new_types_, type);
  if (added == new_types_.end()) {
    new_types_.push_back(type);
    added = new_types_.end() - 1;
  }
  return narrow<uint32_t>(module_->types.size() + static_cast<size_t>(added - new_types_.begin()));
}

uint32_t Draft::add_function(const wasm::FuncType& type, ByteView body, std::string name,
                             std::string reason) {
  const auto index =
      narrow<uint32_t>(module_->functions.size() + new_imports_.size() + new_functions_.size());
  Bytes entry;
  append_leb_u64(entry, body.size());
  append(entry, body);
  new_functions_.push_back({this->type(type), std::move(entry), std::move(reason)});
  plan_.names.push_back({index, std::move(name)});
  return index;
}

void Draft::in_body(ByteRange range, Bytes bytes, std::string reason) {
  change(EditScope::kBody, range, std::move(bytes), std::move(reason));
}

void Draft::change(EditScope scope, ByteRange range, Bytes bytes, std::string reason) {
  const ByteView before = module_->view(range);
  plan_.changes.push_back(
      {scope, range, Bytes(before.begin(), before.end()), std::move(bytes), std::move(reason)});
}

Result<uint32_t> Draft::add_locals(const wasm::Function& fn, std::span<const ValType> types,
                                   std::string reason) {
  CANREC_TRY(const auto groups, wasm::read_locals(*module_, fn));
  uint64_t count = 0;
  for (const wasm::LocalGroup& group : groups) count += group.count;
  if (count + types.size() > limits::kFunctionLocals) {
    return fail(Errc::kLimit, fn.locals.begin,
                fmt::format("no room for {} more locals", types.size()));
  }
  Bytes locals;
  append_leb_u64(locals, groups.size() + types.size());
  // What follows the count stays as it is.
  Cursor in(module_->view(fn.locals));
  CANREC_CHECK(in.u32());
  append(locals, in.rest());
  for (const ValType type : types) {
    locals.push_back(1);
    locals.push_back(std::to_underlying(type));
  }
  in_body(fn.locals, std::move(locals), std::move(reason));
  const uint64_t params = module_->types[std::to_underlying(fn.type)].params.size();
  return narrow<uint32_t>(params + count);
}

void Draft::append_to(SectionId id, uint64_t old_count, const std::vector<Bytes>& items,
                      std::string reason) {
  if (items.empty()) return;
  const wasm::Section* section = module_->section(id);
  if (section == nullptr) {
    const uint64_t place = place_for(*module_, id);
    change(EditScope::kFile, {place, place}, wasm::section(id, wasm::vec(items)),
           std::move(reason));
    return;
  }
  Cursor in(module_->view(section->content), section->content.begin);
  CANREC_ASSERT(in.u32().has_value());
  const ByteRange count{section->content.begin, in.pos()};
  Bytes new_count;
  if (!append_leb_u64_padded(new_count, old_count + items.size(),
                             static_cast<unsigned>(count.size()))) {
    append_leb_u64(new_count, old_count + items.size());
  }
  change(EditScope::kSection, count, std::move(new_count),
         fmt::format("{} section: {} {} more", to_string(id), items.size(),
                     items.size() == 1 ? "entry" : "entries"));
  Bytes all;
  for (const Bytes& item : items) append(all, item);
  change(EditScope::kSection, {section->content.end, section->content.end}, std::move(all),
         std::move(reason));
}

void Draft::write_types() {
  std::vector<Bytes> items;
  for (const wasm::FuncType& type : new_types_) items.push_back(encode(type));
  append_to(SectionId::kType, module_->types.size(), items, "types that the patch needs");
}

void Draft::write_imports() {
  std::vector<Bytes> items;
  std::string reason = "import";
  for (const NewImport& import : new_imports_) {
    Bytes item = wasm::name_bytes(ic::kSystemApiModule);
    append(item, wasm::name_bytes(import.function->name));
    item.push_back(0);
    append_leb_u64(item, import.type);
    items.push_back(std::move(item));
    reason += fmt::format(" ic0.{}", import.function->name);
  }
  append_to(SectionId::kImport, module_->imports.size(), items, reason);
}

void Draft::write_functions() {
  if (new_functions_.empty()) return;
  std::vector<Bytes> types;
  std::vector<Bytes> bodies;
  std::string reason;
  for (NewFunction& fn : new_functions_) {
    Bytes type;
    append_leb_u64(type, fn.type);
    types.push_back(std::move(type));
    bodies.push_back(std::move(fn.entry));
    reason += (reason.empty() ? "" : "; ") + fn.reason;
  }
  const uint64_t defined = module_->functions.size() - module_->imported_functions;
  append_to(SectionId::kFunction, defined, types, "types of the added functions");
  append_to(SectionId::kCode, defined, bodies, reason);
}

Result<Plan> Draft::finish(const wasm::LoadedModule& input, std::string command) && {
  write_types();
  write_imports();
  write_functions();
  // Insertions at one place keep their order.
  std::ranges::stable_sort(plan_.changes, {}, [](const Change& c) { return c.range.begin; });
  std::ranges::stable_sort(plan_.names, {}, &AddedName::function);
  plan_.command = std::move(command);
  plan_.input = input.hash;
  plan_.input_size = input.stored_size;
  return std::move(plan_);
}

}  // namespace canrec::patch
