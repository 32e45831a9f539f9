// SPDX-License-Identifier: Apache-2.0
// Looking things up in a module, writing it back, and naming every byte of it.
#include "wasm/module.h"

#include <fmt/core.h>

#include <algorithm>

#include "base/checked.h"

namespace canrec::wasm {

std::string_view to_string(SectionId id) {
  static constexpr std::array<std::string_view, 13> kNames = {
      "custom", "type",  "import",  "function", "table", "memory",    "global",
      "export", "start", "element", "code",     "data",  "data count"};
  return kNames[std::to_underlying(id)];
}

const Section* Module::custom(std::string_view name) const {
  const auto it = std::ranges::find_if(sections, [&](const Section& section) {
    return section.id == SectionId::kCustom && section.name == name;
  });
  return it == sections.end() ? nullptr : &*it;
}

const Section* Module::section(SectionId id) const {
  const auto it = std::ranges::find(sections, id, &Section::id);
  return it == sections.end() ? nullptr : &*it;
}

const Export* Module::find_export(std::string_view name) const {
  const auto it = std::ranges::find(exports, name, &Export::name);
  return it == exports.end() ? nullptr : &*it;
}

Bytes write_module(const Module& module) {
  Bytes out;
  out.reserve(module.bytes.size());
  append(out, module.bytes.first(8));
  for (const Section& section : module.sections) {
    out.push_back(std::to_underlying(section.id));
    CANREC_ASSERT(append_leb_u64_padded(out, section.content.size(), section.size_width));
    append(out, module.view(section.content));
  }
  return out;
}

std::optional<uint64_t> constant_address(const ConstExpr& expr) {
  if (expr.instruction.op == Opcode::kI32Const) {
    return static_cast<uint32_t>(expr.instruction.imm[0].value);
  }
  if (expr.instruction.op == Opcode::kI64Const) return expr.instruction.imm[0].value;
  return std::nullopt;
}

namespace {

// Collects ranges in order; a piece reaches from where the last one ended.
class Labeller {
 public:
  explicit Labeller(const Module& module) : module_(module) {}

  std::vector<LabelledRange> run() {
    to(4, "magic");
    to(8, "version");
    for (const Section& section : module_.sections) one(section);
    return std::move(out_);
  }

 private:
  void to(uint64_t end, std::string label) {
    if (end > at_) out_.push_back({{at_, end}, std::move(label)});
    at_ = end;
  }

  template <typename Entities, typename Range>
  void entries(const Entities& entities, std::string_view what, size_t first, Range range) {
    bool counted = false;
    for (size_t i = first; i < entities.size(); ++i) {
      const ByteRange r = range(entities[i]);
      if (!counted) to(r.begin, fmt::format("{} section, count", what));
      counted = true;
      to(r.end, fmt::format("{} section, entry {}", what, i));
    }
  }

  void one(const Section& section) {
    const std::string_view what = to_string(section.id);
    to(section.range.begin + 1, fmt::format("{} section, id", what));
    to(section.content.begin, fmt::format("{} section, size", what));
    switch (section.id) {
      case SectionId::kCustom:
        to(section.payload.begin, "custom section, name");
        to(section.payload.end, fmt::format("custom section \"{}\"", section.name));
        break;
      case SectionId::kType:
        entries(module_.type_ranges, what, 0, [](ByteRange r) { return r; });
        break;
      case SectionId::kImport:
        entries(module_.imports, what, 0, [](const Import& i) { return i.range; });
        break;
      case SectionId::kFunction:
        entries(module_.functions, what, module_.imported_functions,
                [](const Function& f) { return f.type_range; });
        break;
      case SectionId::kTable:
        entries(module_.tables, what, module_.imported_tables,
                [](const Table& t) { return t.range; });
        break;
      case SectionId::kMemory:
        entries(module_.memories, what, module_.imported_memories,
                [](const Memory& m) { return m.range; });
        break;
      case SectionId::kGlobal:
        entries(module_.globals, what, module_.imported_globals,
                [](const Global& g) { return g.range; });
        break;
      case SectionId::kExport:
        entries(module_.exports, what, 0, [](const Export& e) { return e.range; });
        break;
      case SectionId::kElement:
        entries(module_.elements, what, 0, [](const ElementSegment& e) { return e.range; });
        break;
      case SectionId::kCode:
        code();
        break;
      case SectionId::kData:
        data();
        break;
      case SectionId::kStart:
      case SectionId::kDataCount:
        break;
    }
    // Empty vectors leave their count, and one-value sections their value.
    to(section.content.end, fmt::format("{} section, content", what));
  }

  void code() {
    for (size_t i = module_.imported_functions; i < module_.functions.size(); ++i) {
      const Function& fn = module_.functions[i];
      if (i == module_.imported_functions) to(fn.entry.begin, "code section, count");
      to(fn.body.begin, fmt::format("code section, function {}, size", i));
      to(fn.locals.end, fmt::format("code section, function {}, locals", i));
      to(fn.code.end, fmt::format("code section, function {}, code", i));
    }
  }

  void data() {
    for (size_t i = 0; i < module_.data.size(); ++i) {
      const DataSegment& segment = module_.data[i];
      if (i == 0) to(segment.range.begin, "data section, count");
      to(segment.bytes.begin, fmt::format("data section, segment {}, header", i));
      to(segment.bytes.end, fmt::format("data section, segment {}, bytes", i));
    }
  }

  const Module& module_;
  std::vector<LabelledRange> out_;
  uint64_t at_ = 0;
};

}  // namespace

std::vector<LabelledRange> coverage(const Module& module) { return Labeller(module).run(); }

}  // namespace canrec::wasm
