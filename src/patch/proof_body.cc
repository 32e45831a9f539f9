// SPDX-License-Identifier: Apache-2.0
// Body comparison: unchanged functions in lockstep, changed ones with the plan's instructions in
// place of those it replaces.
#include "patch/proof_body.h"

#include <fmt/core.h>

#include <algorithm>

namespace canrec::patch {
namespace {

using wasm::ByteRange;
using wasm::Imm;
using wasm::Instruction;
using wasm::Opcode;

std::unexpected<Error> differs(uint32_t index, uint64_t offset) {
  return fail(Errc::kPatchProof, offset, fmt::format("function {} differs beyond the plan", index));
}

// Reads instructions of the result and compares them with what is expected next.
class Follower {
 public:
  Follower(const wasm::Module& now, const wasm::Function& fn, uint32_t index)
      : reader_(now.instructions(fn)), index_(index) {}

  // The instructions of `bytes` come next, function indices read through `moved`.
  Status expect(ByteView bytes, uint64_t base, const Numbering& moved) {
    wasm::InstructionReader expected(bytes, base);
    Instruction want;
    Instruction have;
    while (!expected.at_end()) {
      if (!expected.next(want)) {
        return fail(Errc::kPatchProof, want.offset,
                    fmt::format("the plan cuts an instruction of function {}", index_));
      }
      if (reader_.at_end() || !reader_.next(have) || !same_instruction(want, have, moved)) {
        return differs(index_, want.offset);
      }
    }
    return Ok{};
  }
  Status finish() const {
    return reader_.at_end() ? Status(Ok{}) : Status(differs(index_, reader_.pos()));
  }

 private:
  wasm::InstructionReader reader_;
  uint32_t index_;
};

bool has_raw(Imm imm) {
  return imm == Imm::kLabelTable || imm == Imm::kSelectTypes || imm == Imm::kShuffle ||
         imm == Imm::kV128;
}

// The local declarations with the plan's changes in them.
Bytes spliced(const wasm::Module& old, ByteRange range, std::span<const Change* const> changes) {
  Bytes out;
  uint64_t at = range.begin;
  for (const Change* change : changes) {
    append(out, old.view({at, change->range.begin}));
    append(out, change->after);
    at = change->range.end;
  }
  append(out, old.view({at, range.end}));
  return out;
}

}  // namespace

bool same_instruction(const Instruction& old, const Instruction& now, const Numbering& moved) {
  if (old.op != now.op || old.imm_count != now.imm_count) return false;
  const Imm imm = wasm::info(old.op).imm;
  if (imm == Imm::kFunc) return moved(old.index()) == now.index();
  for (size_t i = 0; i < old.imm_count; ++i) {
    if (old.imm[i].value != now.imm[i].value) return false;
  }
  return !has_raw(imm) || std::ranges::equal(old.raw, now.raw);
}

std::vector<const Change*> body_changes(const Plan& plan) {
  std::vector<const Change*> changes;
  for (const Change& change : plan.changes) {
    if (change.scope == wasm::EditScope::kBody) changes.push_back(&change);
  }
  std::ranges::stable_sort(changes, {}, [](const Change* c) { return c->range.begin; });
  return changes;
}

BodyComparer::BodyComparer(const wasm::Module& old, const Plan& plan, const wasm::Module& now,
                           const Numbering& moved)
    : old_(old), now_(now), moved_(moved), changes_(body_changes(plan)) {}

Result<bool> BodyComparer::one(const wasm::Function& old, const wasm::Function& now,
                               uint32_t index) const {
  const auto first = std::ranges::lower_bound(changes_, old.body.begin, {},
                                              [](const Change* c) { return c->range.begin; });
  auto last = first;
  while (last != changes_.end() && (*last)->range.begin <= old.body.end) ++last;
  if (first == last) {
    CANREC_CHECK(unchanged(old, now, index));
    return false;
  }
  CANREC_CHECK(changed(old, now, index, {first, last}));
  return true;
}

Status BodyComparer::unchanged(const wasm::Function& old, const wasm::Function& now,
                               uint32_t index) const {
  const ByteView before = old_.view(old.body);
  const ByteView after = now_.view(now.body);
  // The same bytes mean the same where no index moved.
  if (moved_.added == 0) {
    if (std::ranges::equal(before, after)) return Ok{};
    return differs(index, old.body.begin);
  }
  if (!std::ranges::equal(old_.view(old.locals), now_.view(now.locals))) {
    return differs(index, old.locals.begin);
  }
  Follower follow(now_, now, index);
  CANREC_CHECK(follow.expect(old_.view(old.code), old.code.begin, moved_));
  return follow.finish();
}

Status BodyComparer::changed(const wasm::Function& old, const wasm::Function& now, uint32_t index,
                             std::span<const Change* const> changes) const {
  // Changes up to the first instruction are in the locals, the others in the code; an insertion
  // right between them is code.
  size_t in_locals = 0;
  while (in_locals < changes.size() && changes[in_locals]->range.begin < old.code.begin) {
    if (changes[in_locals]->range.end > old.code.begin) {
      return fail(Errc::kPatchProof, changes[in_locals]->range.begin,
                  fmt::format("the plan mixes locals and code of function {}", index));
    }
    ++in_locals;
  }
  const Bytes locals = spliced(old_, old.locals, changes.first(in_locals));
  if (!std::ranges::equal(locals, now_.view(now.locals))) return differs(index, old.locals.begin);

  const Numbering as_written{};
  Follower follow(now_, now, index);
  uint64_t at = old.code.begin;
  for (const Change* change : changes.subspan(in_locals)) {
    CANREC_CHECK(follow.expect(old_.view({at, change->range.begin}), at, moved_));
    CANREC_CHECK(follow.expect(change->after, change->range.begin, as_written));
    at = change->range.end;
  }
  CANREC_CHECK(follow.expect(old_.view({at, old.code.end}), at, moved_));
  return follow.finish();
}

}  // namespace canrec::patch
