// SPDX-License-Identifier: Apache-2.0
// Finds every function index outside the name section and says what becomes of it.
#include "patch/renumber.h"

#include <algorithm>

#include "base/leb128.h"

namespace canrec::patch {
namespace {

using wasm::ByteRange;
using wasm::Edit;
using wasm::EditScope;
using wasm::Instruction;
using wasm::Opcode;

bool names_a_function(Opcode op) {
  return op == Opcode::kCall || op == Opcode::kReturnCall || op == Opcode::kRefFunc;
}

class Renumberer {
 public:
  Renumberer(const wasm::Module& module, const Numbering& numbering,
             const std::vector<ByteRange>& skip)
      : module_(module), numbering_(numbering), skip_(skip) {}

  Result<std::vector<Edit>> run() {
    for (const wasm::Global& global : module_.globals) {
      if (!global.import) expression(global.init);
    }
    for (const wasm::Export& entry : module_.exports) {
      if (entry.kind == wasm::ExternKind::kFunc) {
        index(entry.index_range, entry.index, EditScope::kSection);
      }
    }
    if (module_.start) {
      index(module_.start_range, std::to_underlying(*module_.start), EditScope::kSection);
    }
    for (const wasm::ElementSegment& segment : module_.elements) {
      for (const wasm::ElementItem& item : wasm::read_items(module_, segment)) {
        if (item.function) {
          index(item.index_range, std::to_underlying(*item.function), EditScope::kSection);
        }
      }
    }
    for (size_t i = module_.imported_functions; i < module_.functions.size(); ++i) {
      CANREC_CHECK(body(module_.functions[i]));
    }
    return std::move(edits_);
  }

 private:
  Status body(const wasm::Function& fn) {
    wasm::InstructionReader reader = module_.instructions(fn);
    Instruction at;
    while (!reader.at_end()) {
      CANREC_CHECK(reader.next(at));
      if (names_a_function(at.op)) {
        index({at.offset + at.imm[0].begin, at.offset + at.imm[0].end}, at.index(),
              EditScope::kBody);
      }
    }
    return Ok{};
  }

  void expression(const wasm::ConstExpr& expr) {
    const Instruction& at = expr.instruction;
    if (at.op == Opcode::kRefFunc) {
      index({at.offset + at.imm[0].begin, at.offset + at.imm[0].end}, at.index(),
            EditScope::kSection);
    }
  }

  void index(ByteRange range, uint64_t value, EditScope scope) {
    const uint64_t moved = numbering_(value);
    if (moved == value || skipped(range)) return;
    Bytes bytes;
    if (!append_leb_u64_padded(bytes, moved, static_cast<unsigned>(range.size()))) {
      append_leb_u64(bytes, moved);
    }
    edits_.push_back({scope, range, std::move(bytes)});
  }

  bool skipped(ByteRange range) const {
    const auto it = std::ranges::upper_bound(skip_, range.begin, {}, &ByteRange::end);
    return it != skip_.end() && it->begin < range.end;
  }

  const wasm::Module& module_;
  const Numbering numbering_;
  const std::vector<ByteRange>& skip_;
  std::vector<Edit> edits_;
};

}  // namespace

Result<std::vector<Edit>> renumber_edits(const wasm::Module& module, const Numbering& numbering,
                                         const std::vector<ByteRange>& skip) {
  if (module.functions.size() + numbering.added > UINT32_MAX) {
    return fail(Errc::kPatchPlan, "function indices would pass 2^32");
  }
  return Renumberer(module, numbering, skip).run();
}

}  // namespace canrec::patch
