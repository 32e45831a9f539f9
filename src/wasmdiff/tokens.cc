// SPDX-License-Identifier: Apache-2.0
// Tokens and their alignment: E. W. Myers, "An O(ND) difference algorithm and its variations",
// Algorithmica 1 (1986), greedy form with the furthest points of every step kept for the way back.
#include "wasmdiff/tokens.h"

#include <algorithm>
#include <optional>

namespace canrec::wasmdiff {
namespace {

// The hunks of the middle part, which begins at `start` in both sequences.
std::optional<std::vector<Hunk>> shortest_script(std::span<const Token> a, std::span<const Token> b,
                                                 size_t start, size_t limit) {
  const auto n = static_cast<ptrdiff_t>(a.size());
  const auto m = static_cast<ptrdiff_t>(b.size());
  const ptrdiff_t most = std::min<ptrdiff_t>(n + m, static_cast<ptrdiff_t>(limit));
  std::vector<ptrdiff_t> furthest(static_cast<size_t>(2 * most + 3), 0);
  const auto at = [&](std::vector<ptrdiff_t>& v, ptrdiff_t k) -> ptrdiff_t& {
    return v[static_cast<size_t>(k + most + 1)];
  };
  std::vector<std::vector<ptrdiff_t>> steps;  // step d: the points of diagonals -d..d before it
  bool done = false;
  for (ptrdiff_t d = 0; d <= most && !done; ++d) {
    steps.emplace_back(&at(furthest, -d), &at(furthest, d) + 1);
    for (ptrdiff_t k = -d; k <= d; k += 2) {
      const bool down = k == -d || (k != d && at(furthest, k - 1) < at(furthest, k + 1));
      ptrdiff_t x = down ? at(furthest, k + 1) : at(furthest, k - 1) + 1;
      ptrdiff_t y = x - k;
      while (x < n && y < m && a[static_cast<size_t>(x)] == b[static_cast<size_t>(y)]) ++x, ++y;
      at(furthest, k) = x;
      if (x >= n && y >= m) {
        done = true;
        break;
      }
    }
  }
  if (!done) return std::nullopt;

  // Back from the end: single insertions and removals, last first.
  std::vector<Hunk> hunks;
  ptrdiff_t x = n, y = m;
  for (ptrdiff_t step = static_cast<ptrdiff_t>(steps.size()) - 1; step > 0; --step) {
    const std::vector<ptrdiff_t>& points = steps[static_cast<size_t>(step)];
    const auto before = [&](ptrdiff_t diagonal) {
      return points[static_cast<size_t>(diagonal + step)];
    };
    const ptrdiff_t k = x - y;
    const bool down = k == -step || (k != step && before(k - 1) < before(k + 1));
    const ptrdiff_t from_x = before(down ? k + 1 : k - 1);
    const ptrdiff_t from_y = from_x - (down ? k + 1 : k - 1);
    const Hunk edit{
        static_cast<size_t>(from_x) + start, static_cast<size_t>(from_x + (down ? 0 : 1)) + start,
        static_cast<size_t>(from_y) + start, static_cast<size_t>(from_y + (down ? 1 : 0)) + start};
    if (!hunks.empty() && hunks.back().a_begin == edit.a_end &&
        hunks.back().b_begin == edit.b_end) {
      hunks.back().a_begin = edit.a_begin;
      hunks.back().b_begin = edit.b_begin;
    } else {
      hunks.push_back(edit);
    }
    x = from_x;
    y = from_y;
  }
  std::ranges::reverse(hunks);
  return hunks;
}

}  // namespace

bool Token::is_memory_access() const {
  const wasm::Imm imm = wasm::info(op).imm;
  return imm == wasm::Imm::kMemArg || imm == wasm::Imm::kMemArgLane;
}

void Tokenizer::read(Which which, const Side& side, uint32_t fn, TokenList& out) {
  const wasm::Function& function = side.module->functions[fn];
  out.clear();
  out.parameters = side.module->type_of(wasm::FuncIdx{fn}).params.size();
  CanonicalReader reader(side);
  CANREC_ASSERT(reader.begin(function).has_value());
  wasm::Instruction in;
  CanonicalInstruction canonical;
  std::vector<uint32_t> numbers;
  while (!reader.at_end()) {
    CANREC_ASSERT(reader.next(in, canonical).has_value());
    Token token{.op = canonical.op, .a = canonical.a, .b = canonical.b};
    if (canonical.reference != kNoNode) token.label = labels_.of[which][canonical.reference];
    if (!canonical.vector.empty()) {
      numbers.clear();
      if (canonical.has_labels) {
        wasm::LabelReader labels(in);
        for (uint64_t i = 0; i <= in.imm[0].value; ++i) numbers.push_back(labels.next());
      } else {
        numbers.assign(canonical.vector.begin(), canonical.vector.end());
      }
      token.vector =
          vectors_.try_emplace(numbers, static_cast<uint32_t>(vectors_.size()) + 1).first->second;
    }
    out.tokens.push_back(token);
    out.offsets.push_back(in.offset);
    out.references.push_back(canonical.reference);
    out.indices.push_back(in.imm_count > 0 ? static_cast<uint32_t>(in.imm[0].value) : 0);
  }
}

void TokenList::sink_constants() {
  constexpr size_t kFarthest = 64;  // keeps the work linear
  const auto is_control = [](wasm::Opcode op) {
    switch (op) {
      case wasm::Opcode::kUnreachable:
      case wasm::Opcode::kBlock:
      case wasm::Opcode::kLoop:
      case wasm::Opcode::kIf:
      case wasm::Opcode::kElse:
      case wasm::Opcode::kEnd:
      case wasm::Opcode::kBr:
      case wasm::Opcode::kBrIf:
      case wasm::Opcode::kBrTable:
      case wasm::Opcode::kReturn:
      case wasm::Opcode::kReturnCall:
      case wasm::Opcode::kReturnCallIndirect:
        return true;
      default:
        return false;
    }
  };
  const auto names = [&](size_t i, uint64_t local) {
    const wasm::Opcode op = tokens[i].op;
    const bool uses = op == wasm::Opcode::kLocalGet || op == wasm::Opcode::kLocalSet ||
                      op == wasm::Opcode::kLocalTee;
    return uses && tokens[i].a == local;
  };
  const auto is_pair = [&](size_t i) {
    return tokens[i].is_constant() && tokens[i + 1].op == wasm::Opcode::kLocalSet;
  };
  const auto move = [&](size_t from, size_t to) {
    const auto turn = [&](auto& list) {
      const auto begin = list.begin() + static_cast<ptrdiff_t>(from);
      std::rotate(begin, begin + 2, list.begin() + static_cast<ptrdiff_t>(to));
    };
    turn(tokens);
    turn(offsets);
    turn(references);
    turn(indices);
  };
  for (size_t i = tokens.size() < 2 ? 0 : tokens.size() - 1; i-- > 0;) {
    if (!is_pair(i)) continue;
    const uint64_t local = tokens[i + 1].a;
    const size_t end = std::min(tokens.size(), i + 2 + kFarthest);
    size_t to = i + 2;
    while (to < end && !is_control(tokens[to].op) && !names(to, local)) ++to;
    if (to > i + 2) move(i, to);
  }
  number_locals();
}

void TokenList::number_locals() {
  std::map<uint64_t, uint64_t> numbers;
  for (Token& token : tokens) {
    if (wasm::info(token.op).imm != wasm::Imm::kLocal || token.a < parameters) continue;
    token.a = parameters + numbers.try_emplace(token.a, numbers.size()).first->second;
  }
}

std::optional<std::vector<Hunk>> align(const std::vector<Token>& a, const std::vector<Token>& b,
                                       size_t limit) {
  const size_t shorter = std::min(a.size(), b.size());
  size_t front = 0;
  while (front < shorter && a[front] == b[front]) ++front;
  size_t back = 0;
  while (back < shorter - front && a[a.size() - 1 - back] == b[b.size() - 1 - back]) ++back;
  return shortest_script(std::span(a).subspan(front, a.size() - front - back),
                         std::span(b).subspan(front, b.size() - front - back), front, limit);
}

}  // namespace canrec::wasmdiff
