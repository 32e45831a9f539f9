// SPDX-License-Identifier: Apache-2.0
// A plan's changes as people read them.
#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <optional>

#include "patch/proof.h"
#include "patch/proof_body.h"
#include "wasm/names.h"
#include "wasm/text.h"

namespace canrec::patch {
namespace {

using wasm::ByteRange;
using wasm::Module;

constexpr size_t kHexShown = 48;
constexpr size_t kLinesShown = 200;
constexpr size_t kDeepest = 20;

std::vector<std::string> hex_lines(ByteView bytes) {
  if (bytes.empty()) return {};
  std::string line = to_hex(bytes.first(std::min(bytes.size(), kHexShown)));
  if (bytes.size() > kHexShown) line += fmt::format("... ({} bytes)", grouped(bytes.size()));
  return {line};
}

// What function indices of the result are called: the input's, added imports and functions.
class ResultNames {
 public:
  ResultNames(const Module& module, const Plan& plan)
      : names_(module, wasm::FunctionNames::Style::kReadable),
        moved_(numbering(module, plan)),
        functions_(module.functions.size()),
        plan_(plan) {}

  const wasm::FunctionNames& input() const { return names_; }

  std::string of(uint64_t index) const {
    const bool imported = index >= moved_.first_moved && index - moved_.first_moved < moved_.added;
    for (const AddedName& added : plan_.names) {
      if (added.function == index) return (imported ? "ic0." : "") + added.name;
    }
    const bool moved = index >= uint64_t{moved_.first_moved} + moved_.added;
    const uint64_t old = moved ? index - moved_.added : index;
    if (old >= functions_ || (!moved && index >= moved_.first_moved)) {
      return fmt::format("f{}", index);
    }
    return names_.of(wasm::FuncIdx{static_cast<uint32_t>(old)});
  }

 private:
  wasm::FunctionNames names_;
  Numbering moved_;
  size_t functions_;
  const Plan& plan_;
};

// Instructions as text; what is not instructions as hex. `written` = in the result's numbering.
std::vector<std::string> code_lines(const Module& module, const ResultNames& names, ByteView bytes,
                                    bool written) {
  std::vector<std::string> lines;
  wasm::InstructionReader reader(bytes, 0);
  wasm::Instruction at;
  size_t depth = 0;
  while (!reader.at_end()) {
    if (!reader.next(at)) return hex_lines(bytes);
    if (lines.size() == kLinesShown) {
      lines.push_back(fmt::format("... ({} bytes)", grouped(bytes.size())));
      break;
    }
    const wasm::Opcode op = at.op;
    if ((op == wasm::Opcode::kEnd || op == wasm::Opcode::kElse) && depth > 0) --depth;
    std::string line(2 * std::min(depth, kDeepest), ' ');
    if (written && wasm::info(op).imm == wasm::Imm::kFunc) {
      line +=
          fmt::format("{} {}", wasm::info(op).text, wasm::text_identifier(names.of(at.index())));
    } else {
      line += wasm::instruction_text(module, names.input(), at);
    }
    lines.push_back(std::move(line));
    if (wasm::info(op).imm == wasm::Imm::kBlockType || op == wasm::Opcode::kElse) ++depth;
  }
  return lines;
}

std::vector<std::string> local_lines(ByteView bytes) {
  Cursor in(bytes);
  const auto count = in.count(2, "local groups");
  if (!count) return hex_lines(bytes);
  std::string line = "(local";
  for (uint32_t i = 0; i < *count; ++i) {
    const auto n = in.u32();
    const auto type = in.u8();
    if (!n || !type) return hex_lines(bytes);
    const std::string_view name = to_string(wasm::ValType{*type});
    line += *n == 1 ? fmt::format(" {}", name) : fmt::format(" {}x{}", *n, name);
  }
  return {line + ")"};
}

const wasm::Function* function_of(const Module& module, ByteRange range, uint32_t& index) {
  const auto first = module.functions.begin() + module.imported_functions;
  auto it =
      std::upper_bound(first, module.functions.end(), range.begin,
                       [](uint64_t at, const wasm::Function& fn) { return at < fn.body.begin; });
  if (it == first) return nullptr;
  --it;
  index = static_cast<uint32_t>(it - module.functions.begin());
  return range.end <= it->body.end ? &*it : nullptr;
}

// Whole function entries (size, locals, code), as the code section gains them.
std::vector<std::string> entry_lines(const Module& module, const ResultNames& names,
                                     ByteView bytes) {
  std::vector<std::string> lines;
  Cursor in(bytes);
  while (!in.at_end()) {
    const auto size = in.u32();
    if (!size) return hex_lines(bytes);
    const auto body = in.bytes(*size);
    if (!body) return hex_lines(bytes);
    Cursor locals(*body);
    const auto groups = locals.count(2, "local groups");
    bool good = groups.has_value();
    for (uint32_t i = 0; good && i < *groups; ++i) {
      good = locals.u32().has_value() && locals.u8().has_value();
    }
    if (!good) return hex_lines(bytes);
    const auto append_lines = [&](std::vector<std::string> more) {
      std::ranges::move(more, std::back_inserter(lines));
    };
    append_lines(local_lines(body->first(locals.index())));
    append_lines(code_lines(module, names, locals.rest(), true));
  }
  return lines;
}

// `n entries`, where the count at the beginning of a section changes.
std::vector<std::string> count_lines(ByteView bytes) {
  Cursor in(bytes);
  const auto count = in.u32();
  if (!count || !in.at_end()) return hex_lines(bytes);
  return {fmt::format("{} {}", *count, *count == 1 ? "entry" : "entries")};
}

std::optional<std::string> type_line(Cursor& in) {
  const auto form = in.u8();
  if (!form || *form != 0x60) return std::nullopt;
  wasm::FuncType type;
  for (auto* list : {&type.params, &type.results}) {
    const auto count = in.count(1, "value types");
    if (!count) return std::nullopt;
    for (uint32_t i = 0; i < *count; ++i) {
      const auto value = in.u8();
      if (!value) return std::nullopt;
      list->push_back(wasm::ValType{*value});
    }
  }
  std::string line = "(type (func";
  const auto add = [&](std::string_view word, const std::vector<wasm::ValType>& types) {
    if (types.empty()) return;
    line += fmt::format(" ({}", word);
    for (const wasm::ValType value : types) line += fmt::format(" {}", to_string(value));
    line += ')';
  };
  add("param", type.params);
  add("result", type.results);
  return line + "))";
}

std::optional<std::string> import_line(Cursor& in) {
  const auto module = in.name();
  const auto name = in.name();
  const auto kind = in.u8();
  const auto type = in.u32();
  if (!module || !name || !kind || *kind != 0 || !type) return std::nullopt;
  return fmt::format("(import \"{}\" \"{}\" (func (type {})))", printable(as_bytes(*module)),
                     printable(as_bytes(*name)), *type);
}

std::optional<std::string> function_line(Cursor& in) {
  const auto type = in.u32();
  if (!type) return std::nullopt;
  return fmt::format("(func (type {}))", *type);
}

std::optional<std::string> export_line(Cursor& in) {
  const auto name = in.name();
  const auto kind = in.u8();
  const auto index = in.u32();
  if (!name || !kind || *kind > 3 || !index) return std::nullopt;
  constexpr std::array<std::string_view, 4> kKinds = {"func", "table", "memory", "global"};
  return fmt::format("(export \"{}\" ({} {}))", printable(as_bytes(*name)), kKinds[*kind], *index);
}

std::optional<std::string> custom_line(Cursor& in) {
  const auto id = in.u8();
  const auto size = in.u32();
  if (!id || *id != 0 || !size) return std::nullopt;
  const auto content = in.bytes(*size);
  if (!content) return std::nullopt;
  Cursor inner(*content);
  const auto name = inner.name();
  if (!name) return std::nullopt;
  const std::vector<std::string> payload = hex_lines(inner.rest());
  return fmt::format("(@custom \"{}\"{})", printable(as_bytes(*name)),
                     payload.empty() ? "" : " " + payload[0]);
}

// Entries of a list, or whole custom sections.
std::vector<std::string> list_lines(wasm::SectionId id, ByteView bytes) {
  std::vector<std::string> lines;
  Cursor in(bytes);
  while (!in.at_end()) {
    const auto line = id == wasm::SectionId::kCustom   ? custom_line(in)
                      : id == wasm::SectionId::kType   ? type_line(in)
                      : id == wasm::SectionId::kImport ? import_line(in)
                      : id == wasm::SectionId::kExport ? export_line(in)
                                                       : function_line(in);
    if (!line || lines.size() == kLinesShown) return hex_lines(bytes);
    lines.push_back(*line);
  }
  return lines;
}

// The section whose count or entries the change is about.
const wasm::Section* list_of(const Module& module, const Change& change) {
  if (change.scope != wasm::EditScope::kSection) return nullptr;
  for (const wasm::Section& section : module.sections) {
    if (section.id != wasm::SectionId::kCustom && change.range.begin >= section.content.begin &&
        change.range.end <= section.content.end) {
      return &section;
    }
  }
  return nullptr;
}

std::vector<std::string> section_lines(const Module& module, const Change& change, ByteView bytes) {
  if (change.scope == wasm::EditScope::kFile) return list_lines(wasm::SectionId::kCustom, bytes);
  const wasm::Section* list = list_of(module, change);
  if (list == nullptr) return hex_lines(bytes);
  if (change.range.begin == list->content.begin && change.range.size() > 0) {
    return count_lines(bytes);
  }
  switch (list->id) {
    case wasm::SectionId::kType:
    case wasm::SectionId::kImport:
    case wasm::SectionId::kFunction:
    case wasm::SectionId::kExport:
      return list_lines(list->id, bytes);
    default:
      return hex_lines(bytes);
  }
}

bool is_added_code(const Module& module, const Change& change) {
  const wasm::Section* code = module.section(wasm::SectionId::kCode);
  return code != nullptr && change.scope == wasm::EditScope::kSection &&
         change.range == ByteRange{code->content.end, code->content.end};
}

std::string section_of(const Module& module, const Change& change) {
  for (const wasm::Section& section : module.sections) {
    if (change.range.begin < section.range.begin || change.range.begin > section.range.end) {
      continue;
    }
    if (change.scope == wasm::EditScope::kFile && change.range.size() == 0) break;
    if (section.id == wasm::SectionId::kCustom) {
      return fmt::format("custom section \"{}\"", printable(as_bytes(section.name)));
    }
    return fmt::format("{} section", to_string(section.id));
  }
  return "new section";
}

}  // namespace

std::vector<ShownChange> show_changes(const Module& input, const Plan& plan) {
  const ResultNames names(input, plan);
  std::vector<ShownChange> shown;
  for (const Change& change : plan.changes) {
    ShownChange out;
    out.offset = change.range.begin;
    out.length = change.range.size();
    out.reason = change.reason;
    uint32_t index = 0;
    const wasm::Function* fn =
        change.scope == wasm::EditScope::kBody ? function_of(input, change.range, index) : nullptr;
    if (fn == nullptr) {
      const bool code = is_added_code(input, change);
      const wasm::Section* list = list_of(input, change);
      out.where = section_of(input, change);
      out.before = section_lines(input, change, change.before);
      out.after = code ? entry_lines(input, names, change.after)
                       : section_lines(input, change, change.after);
      // An export that is taken out is what was meant; all other list entries go with something.
      out.follows = list != nullptr && !code &&
                    !(list->id == wasm::SectionId::kExport && change.after.empty());
    } else if (change.range.begin < fn->code.begin) {
      out.where =
          fmt::format("function {} ({}), locals", index, names.input().of(wasm::FuncIdx{index}));
      out.before = local_lines(change.before);
      out.after = local_lines(change.after);
    } else {
      out.where = fmt::format("function {} ({})", index, names.input().of(wasm::FuncIdx{index}));
      out.before = code_lines(input, names, change.before, false);
      out.after = code_lines(input, names, change.after, true);
    }
    shown.push_back(std::move(out));
  }
  return shown;
}

}  // namespace canrec::patch
