// SPDX-License-Identifier: Apache-2.0
#pragma once

// Small modules for tests, written section by section.

#include <initializer_list>
#include <string_view>
#include <vector>

#include "wasm/builder.h"

namespace canrec::wasm::parts {

inline constexpr uint8_t kI32 = 0x7f, kI64 = 0x7e, kF32 = 0x7d, kF64 = 0x7c, kV128 = 0x7b,
                         kFunc = 0x70, kExtern = 0x6f;

inline Bytes one(const Bytes& content) { return vec({content}); }

inline Bytes func_type(const Bytes& params, const Bytes& results) {
  Bytes out{0x60, static_cast<uint8_t>(params.size())};
  append(out, params);
  out.push_back(static_cast<uint8_t>(results.size()));
  append(out, results);
  return out;
}
inline Bytes import_func(std::string_view module, std::string_view name, uint8_t type) {
  return concat({name_bytes(module), name_bytes(name), {0x00, type}});
}
inline Bytes export_of(std::string_view name, uint8_t kind, uint8_t index) {
  return concat({name_bytes(name), {kind, index}});
}

// What a module for a test is made of; empty parts leave their section out. One function of type 0
// holds `code` (without locals unless given, without the final end).
struct Parts {
  std::vector<Bytes> types = {func_type({}, {})};
  std::vector<Bytes> imports;
  std::vector<Bytes> tables;
  std::vector<Bytes> memories;
  std::vector<Bytes> globals;
  std::vector<Bytes> exports;
  Bytes start;
  std::vector<Bytes> elements;
  Bytes data_count;
  Bytes locals = {0x00};
  Bytes code;
  std::vector<Bytes> data;
  std::vector<Bytes> custom;

  Bytes module() const {
    Bytes out = module_header();
    const auto add = [&](SectionId id, const std::vector<Bytes>& items) {
      if (!items.empty()) append(out, section(id, vec(items)));
    };
    add(SectionId::kType, types);
    add(SectionId::kImport, imports);
    append(out, section(SectionId::kFunction, one({0x00})));
    add(SectionId::kTable, tables);
    add(SectionId::kMemory, memories);
    add(SectionId::kGlobal, globals);
    add(SectionId::kExport, exports);
    if (!start.empty()) append(out, section(SectionId::kStart, start));
    add(SectionId::kElement, elements);
    if (!data_count.empty()) append(out, section(SectionId::kDataCount, data_count));
    append(out, section(SectionId::kCode, one(body(locals, concat({code, {0x0b}})))));
    add(SectionId::kData, data);
    for (const Bytes& piece : custom) append(out, piece);
    return out;
  }
};

}  // namespace canrec::wasm::parts
