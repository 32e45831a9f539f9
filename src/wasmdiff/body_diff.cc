// SPDX-License-Identifier: Apache-2.0
// The strict part of the comparison: a body counts as "System API calls only" when it is the other
// one with pieces taken out or put in that leave the operand stack as it was and hold nothing but
// constants, reads of locals, drops and System API calls.
#include "wasmdiff/body_diff.h"

#include <fmt/core.h>

#include <algorithm>

namespace canrec::wasmdiff {
namespace {

using wasm::Opcode;

// More edits than this is a rewrite, whatever they are.
constexpr size_t kMostEdits = 256;

bool feeds(Opcode op) {
  switch (op) {
    case Opcode::kI32Const:
    case Opcode::kI64Const:
    case Opcode::kF32Const:
    case Opcode::kF64Const:
    case Opcode::kLocalGet:
      return true;
    default:
      return false;
  }
}

}  // namespace

const ic::SystemApiFunction* BodyComparer::system_api(Which which, const Token& token,
                                                      Node reference) const {
  if (token.op != Opcode::kCall) return nullptr;
  const wasm::Module& module = *sides_[which].module;
  const wasm::Function& fn = module.functions[reference];
  if (!fn.is_import()) return nullptr;
  const wasm::Import& import = module.imports[*fn.import];
  if (import.module != ic::kSystemApiModule) return nullptr;
  return ic::find_system_api(import.name);
}

// Whether tokens [begin, end) leave the stack as they found it and are nothing but System API calls
// and what feeds them. Collects the calls.
bool BodyComparer::neutral(Which which, size_t begin, size_t end, std::vector<ApiEdit>& api,
                           bool added) {
  const TokenList& list = lists_[which];
  size_t depth = 0;
  for (size_t i = begin; i < end; ++i) {
    const Token& token = list.tokens[i];
    if (feeds(token.op)) {
      ++depth;
    } else if (token.op == Opcode::kDrop) {
      if (depth == 0) return false;
      --depth;
    } else if (const auto* function = system_api(which, token, list.references[i])) {
      const wasm::FuncType& type = sides_[which].module->type_of(wasm::FuncIdx{list.references[i]});
      if (depth < type.params.size()) return false;
      depth = depth - type.params.size() + type.results.size();
      const bool last = i + 1 == end;
      api.push_back(
          {added, function->id, list.offsets[i],
           last && end < list.tokens.size() && list.tokens[end].op == Opcode::kUnreachable});
    } else {
      return false;
    }
  }
  return depth == 0;
}

// `call f` without results became one drop for each argument, or the other way round.
bool BodyComparer::call_dropped(const Hunk& hunk, std::vector<ApiEdit>& api) {
  for (const bool removed : {true, false}) {
    const Which w = removed ? kOld : kNew;
    const size_t at = removed ? hunk.a_begin : hunk.b_begin;
    const size_t calls = removed ? hunk.a_end - hunk.a_begin : hunk.b_end - hunk.b_begin;
    const TokenList& other = lists_[1 - w];
    const size_t drop_begin = removed ? hunk.b_begin : hunk.a_begin;
    const size_t drop_end = removed ? hunk.b_end : hunk.a_end;
    if (calls != 1) continue;
    const auto* function = system_api(w, lists_[w].tokens[at], lists_[w].references[at]);
    if (function == nullptr) continue;
    const wasm::FuncType& type = sides_[w].module->type_of(wasm::FuncIdx{lists_[w].references[at]});
    if (!type.results.empty() || drop_end - drop_begin != type.params.size()) continue;
    const bool drops = std::all_of(other.tokens.begin() + static_cast<ptrdiff_t>(drop_begin),
                                   other.tokens.begin() + static_cast<ptrdiff_t>(drop_end),
                                   [](const Token& token) { return token.op == Opcode::kDrop; });
    if (!drops) continue;
    api.push_back({!removed, function->id, lists_[w].offsets[at],
                   removed && drop_end < other.tokens.size() &&
                       other.tokens[drop_end].op == Opcode::kUnreachable});
    return true;
  }
  return false;
}

// A hunk found by alignment may stand beside the piece that was really taken out: in
// `const 1; call f; const 1; call g` without the first call it may read `call f; const 1`. A
// removal (or insertion) can be moved over equal tokens on either side without changing what it
// means.
bool BodyComparer::settle(Hunk hunk, std::vector<ApiEdit>& api) {
  const auto try_here = [&](const Hunk& h) {
    std::vector<ApiEdit> found;
    if (!neutral(kOld, h.a_begin, h.a_end, found, false)) return false;
    if (!neutral(kNew, h.b_begin, h.b_end, found, true)) return false;
    api.insert(api.end(), found.begin(), found.end());
    return true;
  };
  if (try_here(hunk) || call_dropped(hunk, api)) return true;
  const bool removal = hunk.b_begin == hunk.b_end;
  const bool insertion = hunk.a_begin == hunk.a_end;
  if (removal == insertion) return false;
  const auto& tokens = lists_[removal ? kOld : kNew].tokens;
  const auto shift = [&](Hunk& h, ptrdiff_t by) {
    for (size_t* at : {&h.a_begin, &h.a_end, &h.b_begin, &h.b_end}) *at += static_cast<size_t>(by);
  };
  constexpr int kMostShifts = 32;
  Hunk left = hunk;
  for (int i = 0; i < kMostShifts; ++i) {
    const size_t begin = removal ? left.a_begin : left.b_begin;
    const size_t end = removal ? left.a_end : left.b_end;
    if (left.a_begin == 0 || left.b_begin == 0 || tokens[begin - 1] != tokens[end - 1]) break;
    shift(left, -1);
    if (try_here(left)) return true;
  }
  Hunk right = hunk;
  for (int i = 0; i < kMostShifts; ++i) {
    const size_t begin = removal ? right.a_begin : right.b_begin;
    const size_t end = removal ? right.a_end : right.b_end;
    if (end >= tokens.size() || tokens[begin] != tokens[end]) break;
    shift(right, 1);
    if (try_here(right)) return true;
  }
  return false;
}

// A call of a growing writer reads as a call of the write, with what it calls in front added.
void BodyComparer::see_through_writers(std::vector<ApiEdit>& api) {
  for (const Which w : {kOld, kNew}) {
    TokenList& list = lists_[w];
    for (size_t i = 0; i < list.tokens.size(); ++i) {
      const bool calls =
          list.tokens[i].op == Opcode::kCall || list.tokens[i].op == Opcode::kReturnCall;
      if (!calls) continue;
      const Node callee = list.references[i];
      const auto [it, is_new] = writers_[w].try_emplace(callee);
      if (is_new) it->second = growing_writer(*sides_[w].module, callee);
      if (!it->second) continue;
      list.references[i] = it->second->write;
      list.tokens[i].label = tokenizer_.label(w, it->second->write);
      for (const GrowingWriter::Call& call : it->second->grows) {
        api.push_back({w == kNew, call.function, call.offset, false});
      }
    }
  }
}

bool BodyComparer::only_system_api(BodyDiff& out) {
  std::vector<ApiEdit> api;
  see_through_writers(api);
  for (TokenList& list : lists_.side) list.sink_constants();
  // Everything that is no call to the System API and does not feed one must be there on both sides,
  // in order. This settles most pairs without aligning them.
  const auto rest = [&](Which w) {
    std::vector<size_t> kept;
    const TokenList& list = lists_[w];
    for (size_t i = 0; i < list.tokens.size(); ++i) {
      const Token& token = list.tokens[i];
      if (feeds(token.op) || token.op == Opcode::kDrop) continue;
      if (system_api(w, token, list.references[i]) != nullptr) continue;
      kept.push_back(i);
    }
    return kept;
  };
  const auto a = rest(kOld);
  const auto b = rest(kNew);
  const bool same_rest = std::ranges::equal(
      a, b, [&](size_t i, size_t j) { return lists_[kOld].tokens[i] == lists_[kNew].tokens[j]; });
  if (!same_rest) return false;
  const auto hunks = align(lists_[kOld].tokens, lists_[kNew].tokens, kMostEdits);
  if (!hunks) return false;
  for (const Hunk& hunk : *hunks) {
    if (!settle(hunk, api)) return false;
  }
  out.api = std::move(api);
  return true;
}

bool BodyComparer::only_constants(BodyDiff& out) {
  const TokenList& a = lists_[kOld];
  const TokenList& b = lists_[kNew];
  if (a.tokens.size() != b.tokens.size()) return false;
  std::vector<ConstantChange> changes;
  std::vector<GlobalChange> globals;
  for (size_t i = 0; i < a.tokens.size(); ++i) {
    const Token& x = a.tokens[i];
    const Token& y = b.tokens[i];
    if (x == y) continue;
    if (x.op != y.op || x.label != y.label) return false;
    if (x.is_constant()) {
      ConstantChange change{x.a, y.a, a.offsets[i], b.offsets[i], false};
      if (i + 1 < a.tokens.size() && a.tokens[i + 1].op == Opcode::kCall) {
        change.callee = a.references[i + 1];
      }
      changes.push_back(change);
    } else if (x.is_memory_access() && x.a == y.a) {
      changes.push_back({x.b, y.b, a.offsets[i], b.offsets[i], true});
    } else if (x.op == Opcode::kGlobalGet || x.op == Opcode::kGlobalSet) {
      globals.push_back({a.indices[i], b.indices[i]});
    } else {
      return false;
    }
  }
  out.constants = std::move(changes);
  out.globals = std::move(globals);
  return true;
}

// In a body that changed otherwise too: offsets of memory accesses that became others while the
// accesses themselves are the same, one by one.
void BodyComparer::static_accesses(BodyDiff& out) {
  const auto accesses = [&](Which w) {
    std::vector<size_t> at;
    const TokenList& list = lists_[w];
    for (size_t i = 0; i < list.tokens.size(); ++i) {
      if (list.tokens[i].is_memory_access()) at.push_back(i);
    }
    return at;
  };
  const auto a = accesses(kOld);
  const auto b = accesses(kNew);
  const bool alike = std::ranges::equal(a, b, [&](size_t i, size_t j) {
    const Token& x = lists_[kOld].tokens[i];
    const Token& y = lists_[kNew].tokens[j];
    return x.op == y.op && x.a == y.a;
  });
  if (!alike) return;
  for (size_t i = 0; i < a.size(); ++i) {
    const Token& x = lists_[kOld].tokens[a[i]];
    const Token& y = lists_[kNew].tokens[b[i]];
    if (x.b == y.b) continue;
    out.constants.push_back(
        {x.b, y.b, lists_[kOld].offsets[a[i]], lists_[kNew].offsets[b[i]], true});
  }
}

BodyDiff BodyComparer::compare(uint32_t old_fn, uint32_t new_fn) {
  BodyDiff out;
  tokenizer_.read(kOld, sides_[kOld], old_fn, lists_[kOld]);
  tokenizer_.read(kNew, sides_[kNew], new_fn, lists_[kNew]);
  out.signature_differs = sides_[kOld].module->type_of(wasm::FuncIdx{old_fn}) !=
                          sides_[kNew].module->type_of(wasm::FuncIdx{new_fn});
  const bool same_frame = !out.signature_differs;
  if (same_frame && lists_[kOld].tokens == lists_[kNew].tokens) return out;
  if (same_frame && only_constants(out)) {
    out.change = BodyChange::kConstants;
    return out;
  }
  const Both<TokenList> unmoved = lists_;
  if (same_frame && only_system_api(out)) {
    out.change = BodyChange::kSystemApi;
    return out;
  }
  out.change = BodyChange::kOther;
  out.reason = out.signature_differs ? "its signature changed"
                                     : "instructions other than System API calls changed";
  lists_ = unmoved;
  static_accesses(out);
  return out;
}

bool BodyComparer::same(Which a_side, uint32_t a, Which b_side, uint32_t b) {
  const wasm::Module& a_module = *sides_[a_side].module;
  const wasm::Module& b_module = *sides_[b_side].module;
  if (a_module.type_of(wasm::FuncIdx{a}) != b_module.type_of(wasm::FuncIdx{b})) return false;
  const wasm::Function& f = a_module.functions[a];
  const wasm::Function& g = b_module.functions[b];
  if (f.is_import() != g.is_import()) return false;
  if (f.is_import()) {
    return sides_[a_side].denotations->imports[a] == sides_[b_side].denotations->imports[b];
  }
  TokenList& x = lists_[kOld];
  TokenList& y = lists_[kNew];
  tokenizer_.read(a_side, sides_[a_side], a, x);
  tokenizer_.read(b_side, sides_[b_side], b, y);
  return x.tokens == y.tokens;
}

}  // namespace canrec::wasmdiff
