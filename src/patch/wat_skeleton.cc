// SPDX-License-Identifier: Apache-2.0
// Builds the skeleton module.
#include "patch/wat_skeleton.h"

#include <fmt/core.h>

#include <algorithm>
#include <set>

#include "base/checked.h"
#include "base/leb128.h"
#include "patch/emit.h"
#include "wasm/builder.h"
#include "wasm/names.h"

namespace canrec::patch {
namespace {

using wasm::ExternKind;
using wasm::FuncIdx;
using wasm::Module;
using wasm::SectionId;

constexpr size_t kNameLength = 160;

// A readable identifier of the text format that no other thing of its kind has.
class Identifiers {
 public:
  std::string of(std::string_view name, std::string_view fallback, size_t index) {
    std::string out;
    for (const char c : name.substr(0, kNameLength)) {
      const bool fine =
          (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
          std::string_view("!#$%&'*+-./:<=>?@\\^_`|~").find(c) != std::string_view::npos;
      out += fine ? c : '_';
    }
    if (out.empty()) out = fmt::format("{}{}", fallback, index);
    if (!used_.insert(out).second) {
      out += fmt::format("#{}", index);
      while (!used_.insert(out).second) out += '\'';
    }
    return out;
  }

 private:
  std::set<std::string> used_;
};

Bytes name_entry(size_t index, std::string_view name) {
  Bytes out;
  append_leb_u64(out, index);
  append(out, wasm::name_bytes(name));
  return out;
}

Bytes subsection(uint8_t id, const Bytes& content) {
  Bytes out{id};
  append_leb_u64(out, content.size());
  append(out, content);
  return out;
}

// 64-bit tables are declared as 32-bit ones; instructions do not tell the difference.
Bytes table_type(const wasm::TableType& type) {
  Bytes out{std::to_underlying(type.element), static_cast<uint8_t>(type.limits.has_max ? 1 : 0)};
  append_leb_u64(out, std::min<uint64_t>(type.limits.min, UINT32_MAX));
  if (type.limits.has_max) append_leb_u64(out, std::min<uint64_t>(type.limits.max, UINT32_MAX));
  return out;
}

Bytes memory_type(const wasm::Limits& limits) {
  Bytes out{static_cast<uint8_t>((limits.has_max ? 1 : 0) | (limits.is_64 ? 4 : 0))};
  append_leb_u64(out, limits.min);
  if (limits.has_max) append_leb_u64(out, limits.max);
  return out;
}

Bytes global_type(const wasm::GlobalType& type) {
  return {std::to_underlying(type.type), static_cast<uint8_t>(type.is_mutable ? 1 : 0)};
}

class Skeleton {
 public:
  Skeleton(const Module& module, FuncIdx function)
      : module_(module),
        function_(function),
        readable_(module, wasm::FunctionNames::Style::kReadable),
        names_(wasm::read_names(module)) {}

  Result<Bytes> run() {
    Bytes out = wasm::module_header();
    copy(out, SectionId::kType);
    add(out, SectionId::kImport, imports());
    copy(out, SectionId::kFunction);
    storage(out);
    segments(out);
    CANREC_TRY(const Bytes names, name_section());
    append(out, wasm::custom_section("name", names));
    return out;
  }

 private:
  static void add(Bytes& out, SectionId id, const std::vector<Bytes>& items) {
    if (!items.empty()) append(out, wasm::section(id, wasm::vec(items)));
  }

  void copy(Bytes& out, SectionId id) const {
    const wasm::Section* section = module_.section(id);
    if (section != nullptr) append(out, wasm::section(id, module_.view(section->content)));
  }

  std::vector<Bytes> imports() const {
    std::vector<Bytes> items;
    for (const wasm::Import& import : module_.imports) {
      Bytes item = wasm::name_bytes(import.module);
      append(item, wasm::name_bytes(import.name));
      item.push_back(std::to_underlying(import.kind));
      switch (import.kind) {
        case ExternKind::kFunc:
          append_leb_u64(item, std::to_underlying(module_.functions[import.index].type));
          break;
        case ExternKind::kTable:
          append(item, table_type(module_.tables[import.index].type));
          break;
        case ExternKind::kMemory:
          append(item, memory_type(module_.memories[import.index].limits));
          break;
        case ExternKind::kGlobal:
          append(item, global_type(module_.globals[import.index].type));
          break;
      }
      items.push_back(std::move(item));
    }
    return items;
  }

  void storage(Bytes& out) const {
    std::vector<Bytes> tables;
    for (const wasm::Table& table : module_.tables) {
      if (!table.import) tables.push_back(table_type(table.type));
    }
    add(out, SectionId::kTable, tables);
    std::vector<Bytes> memories;
    for (const wasm::Memory& memory : module_.memories) {
      if (!memory.import) memories.push_back(memory_type(memory.limits));
    }
    add(out, SectionId::kMemory, memories);
    std::vector<Bytes> globals;
    for (const wasm::Global& global : module_.globals) {
      if (global.import) continue;
      globals.push_back(
          wasm::concat({global_type(global.type), Code().zero(global.type.type).end().bytes()}));
    }
    add(out, SectionId::kGlobal, globals);
  }

  void segments(Bytes& out) const {
    std::vector<Bytes> elements;
    for (const wasm::ElementSegment& segment : module_.elements) {
      // Passive and empty: 1, element kind, count; or 5, reference type, count.
      elements.push_back(segment.type == wasm::ValType::kFuncRef
                             ? Bytes{0x01, 0x00, 0x00}
                             : Bytes{0x05, std::to_underlying(segment.type), 0x00});
    }
    add(out, SectionId::kElement, elements);
    if (!module_.data.empty()) {
      Bytes count;
      append_leb_u64(count, module_.data.size());
      append(out, wasm::section(SectionId::kDataCount, count));
    }
    std::vector<Bytes> bodies;
    for (uint32_t i = module_.imported_functions; i < module_.functions.size(); ++i) {
      if (FuncIdx{i} == function_) {
        bodies.push_back(wasm::body(module_.view(module_.functions[i].locals),
                                    module_.view(module_.functions[i].code)));
      } else {
        bodies.push_back({0x03, 0x00, 0x00, 0x0b});  // no locals, unreachable, end
      }
    }
    add(out, SectionId::kCode, bodies);
    add(out, SectionId::kData, std::vector<Bytes>(module_.data.size(), Bytes{0x01, 0x00}));
  }

  Result<Bytes> name_section() const {
    std::vector<Bytes> functions;
    Identifiers function_ids;
    for (uint32_t i = 0; i < module_.functions.size(); ++i) {
      functions.push_back(name_entry(i, function_ids.of(readable_.of(FuncIdx{i}), "f", i)));
    }
    CANREC_TRY(const Bytes locals, local_names());
    Bytes out = subsection(1, wasm::vec(functions));
    append(out, subsection(2, locals));
    append(out, subsection(4, type_names()));
    append(out, subsection(7, global_names()));
    return out;
  }

  Result<Bytes> local_names() const {
    const wasm::Function& fn = module_.function(function_);
    const size_t params = module_.types[std::to_underlying(fn.type)].params.size();
    CANREC_TRY(const auto groups, wasm::read_locals(module_, fn));
    size_t count = params;
    for (const wasm::LocalGroup& group : groups) count += group.count;
    const auto given = names_.locals.find(std::to_underlying(function_));
    std::vector<Bytes> entries;
    Identifiers ids;
    for (uint32_t i = 0; i < count; ++i) {
      std::string_view name;
      if (given != names_.locals.end()) {
        const auto it = given->second.find(i);
        if (it != given->second.end()) name = it->second;
      }
      entries.push_back(name_entry(i, ids.of(name, i < params ? "p" : "l", i)));
    }
    Bytes out;
    append_leb_u64(out, 1);
    append_leb_u64(out, std::to_underlying(function_));
    append(out, wasm::vec(entries));
    return out;
  }

  static Bytes plain_names(const std::map<uint32_t, std::string_view>& given, size_t count,
                           std::string_view fallback) {
    std::vector<Bytes> entries;
    Identifiers ids;
    for (uint32_t i = 0; i < count; ++i) {
      const auto it = given.find(i);
      entries.push_back(
          name_entry(i, ids.of(it == given.end() ? std::string_view{} : it->second, fallback, i)));
    }
    return wasm::vec(entries);
  }

  // A type without a name is called by its number and what it says: `t8:i64_i64->i32`.
  Bytes type_names() const {
    std::vector<std::string> signatures;
    std::map<uint32_t, std::string_view> given = names_.types;
    signatures.reserve(module_.types.size());
    for (uint32_t i = 0; i < module_.types.size(); ++i) {
      std::string text = fmt::format("t{}:", i);
      append_types(text, module_.types[i].params);
      text += "->";
      append_types(text, module_.types[i].results);
      given.try_emplace(i, signatures.emplace_back(std::move(text)));
    }
    return plain_names(given, module_.types.size(), "t");
  }

  static void append_types(std::string& out, const std::vector<wasm::ValType>& types) {
    for (size_t i = 0; i < types.size() && out.size() < kNameLength; ++i) {
      out += fmt::format("{}{}", i == 0 ? "" : "_", to_string(types[i]));
    }
  }

  Bytes global_names() const {
    std::map<uint32_t, std::string_view> given = names_.globals;
    for (const wasm::Export& entry : module_.exports) {
      if (entry.kind == ExternKind::kGlobal) given.try_emplace(entry.index, entry.name);
    }
    return plain_names(given, module_.globals.size(), "g");
  }

  const Module& module_;
  const FuncIdx function_;
  const wasm::FunctionNames readable_;
  const wasm::NameSection names_;
};

}  // namespace

Result<Bytes> skeleton(const Module& module, FuncIdx function) {
  return Skeleton(module, function).run();
}

}  // namespace canrec::patch
