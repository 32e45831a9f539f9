// SPDX-License-Identifier: Apache-2.0
// Reads the name section forgivingly.
//
//   name section   subsection*:  id (1 byte)  size (LEB128)  content
//   id 0           name of the module
//   id 2           locals: vec(function index, vec(local index, name))
//   other ids      vec(index, name)
#include "wasm/names.h"

#include <fmt/core.h>

#include "base/cursor.h"

namespace canrec::wasm {
namespace {

enum class NameKind : uint8_t {
  kFunction = 1,
  kLocal = 2,
  kType = 4,
  kTable = 5,
  kMemory = 6,
  kGlobal = 7,
  kElement = 8,
  kData = 9,
};

// Calls `put(index, name)` for every pair of a name map.
template <typename Put>
Status read_name_map(Cursor& in, Put put) {
  CANREC_TRY(const uint32_t n, in.count(2, "names"));
  for (uint32_t i = 0; i < n; ++i) {
    CANREC_TRY(const uint32_t index, in.u32());
    CANREC_TRY(const std::string_view name, in.name());
    put(index, name);
  }
  return Ok{};
}

// Calls `one(kind, cursor over the content)` for every subsection.
template <typename One>
Status each_subsection(const Module& module, const Section& section, One one) {
  Cursor in(module.view(section.payload), section.payload.begin);
  while (!in.at_end()) {
    CANREC_TRY(const uint8_t kind, in.u8());
    CANREC_TRY(const uint32_t size, in.u32());
    const uint64_t begin = in.pos();
    CANREC_TRY(const ByteView content, in.bytes(size));
    CANREC_CHECK(one(NameKind{kind}, Cursor(content, begin)));
  }
  return Ok{};
}

Status function_names(const Module& module, Cursor in, std::vector<std::string_view>& out) {
  const uint64_t begin = in.pos();
  std::optional<uint32_t> beyond;
  CANREC_CHECK(read_name_map(in, [&](uint32_t index, std::string_view name) {
    if (index < out.size()) {
      out[index] = name;
    } else if (!beyond) {
      beyond = index;
    }
  }));
  if (beyond) {
    return fail(
        Errc::kWasmIndex, begin,
        fmt::format("a name is given to function {}, of {}", *beyond, module.functions.size()));
  }
  return Ok{};
}

std::map<uint32_t, std::string_view>* map_of(NameSection& names, NameKind kind) {
  switch (kind) {
    case NameKind::kType:
      return &names.types;
    case NameKind::kTable:
      return &names.tables;
    case NameKind::kMemory:
      return &names.memories;
    case NameKind::kGlobal:
      return &names.globals;
    case NameKind::kElement:
      return &names.elements;
    case NameKind::kData:
      return &names.data;
    case NameKind::kFunction:
    case NameKind::kLocal:
      break;
  }
  return nullptr;
}

Status read_local_names(Cursor in, NameSection& names) {
  CANREC_TRY(const uint32_t n, in.count(2, "functions with local names"));
  for (uint32_t i = 0; i < n; ++i) {
    CANREC_TRY(const uint32_t function, in.u32());
    auto& locals = names.locals[function];
    CANREC_CHECK(
        read_name_map(in, [&](uint32_t index, std::string_view name) { locals[index] = name; }));
  }
  return Ok{};
}

}  // namespace

NameSection read_names(const Module& module) {
  NameSection names;
  names.functions.resize(module.functions.size());
  const Section* section = module.custom("name");
  if (section == nullptr) return names;
  const auto keep_first = [&](Status status) {
    if (!status && !names.problem) names.problem = std::move(status).error();
  };
  keep_first(each_subsection(module, *section, [&](NameKind kind, Cursor in) -> Status {
    if (kind == NameKind::kFunction) {
      keep_first(function_names(module, in, names.functions));
    } else if (kind == NameKind::kLocal) {
      keep_first(read_local_names(in, names));
    } else if (auto* map = map_of(names, kind)) {
      keep_first(read_name_map(
          in, [&](uint32_t index, std::string_view name) { map->emplace(index, name); }));
    }
    return Ok{};
  }));
  return names;
}

std::vector<std::string_view> read_function_names(const Module& module) {
  std::vector<std::string_view> names(module.functions.size());
  const Section* section = module.custom("name");
  if (section == nullptr) return names;
  // Damage leaves the rest without names; read_names() tells about it.
  static_cast<void>(each_subsection(module, *section, [&](NameKind kind, Cursor in) -> Status {
    if (kind == NameKind::kFunction) static_cast<void>(function_names(module, in, names));
    return Ok{};
  }));
  return names;
}

FunctionNames::FunctionNames(const Module& module, Style style)
    : style_(style), raw_(read_function_names(module)) {
  imported_.resize(module.imported_functions);
  for (const Import& import : module.imports) {
    if (import.kind != ExternKind::kFunc) continue;
    imported_[import.index] = import.module;
    // What is imported is what it is, whatever the name section says.
    raw_[import.index] = import.name;
  }
  for (const Export& entry : module.exports) {
    if (entry.kind == ExternKind::kFunc && raw_[entry.index].empty()) {
      raw_[entry.index] = entry.name;
    }
  }
}

std::string_view FunctionNames::raw(FuncIdx fn) const { return raw_[std::to_underlying(fn)]; }

std::string FunctionNames::of(FuncIdx fn) const {
  const uint32_t index = std::to_underlying(fn);
  if (index < imported_.size()) {
    return printable(as_bytes(fmt::format("{}.{}", imported_[index], raw_[index])));
  }
  const std::string_view name = raw_[index];
  if (name.empty()) return fmt::format("f{}", index);
  if (style_ == Style::kRaw) return printable(as_bytes(name));
  return printable(as_bytes(demangle(name)));
}

}  // namespace canrec::wasm
