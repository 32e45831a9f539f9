// SPDX-License-Identifier: Apache-2.0
// A plan's changes as people read them.
#include <fmt/core.h>

#include <algorithm>

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
    for (const AddedName& added : plan_.names) {
      if (added.function == index) return added.name;
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
  while (!reader.at_end()) {
    if (!reader.next(at)) return hex_lines(bytes);
    if (lines.size() == kLinesShown) {
      lines.push_back(fmt::format("... ({} bytes)", grouped(bytes.size())));
      break;
    }
    if (written && wasm::info(at.op).imm == wasm::Imm::kFunc) {
      lines.push_back(fmt::format("{} {}", wasm::info(at.op).text,
                                  wasm::text_identifier(names.of(at.index()))));
    } else {
      lines.push_back(wasm::instruction_text(module, names.input(), at));
    }
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
      out.where = section_of(input, change);
      out.before = hex_lines(change.before);
      out.after = is_added_code(input, change) ? entry_lines(input, names, change.after)
                                               : hex_lines(change.after);
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
