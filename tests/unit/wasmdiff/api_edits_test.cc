// SPDX-License-Identifier: Apache-2.0
// The one kind of changed code that may be safe, tried at random: bodies to which pieces were
// added, from which pieces were taken and in which pieces moved. Whatever is called safe must leave
// the same heap as before, where System API calls answer by their operands alone.
#include <algorithm>
#include <array>
#include <map>
#include <random>

#include "test_module.h"

namespace canrec::wasmdiff::test {
namespace {

enum Op : uint8_t {
  kOne,
  kTwo,
  kGet0,
  kGet1,
  kGet2,
  kSet0,
  kSet1,
  kSet2,
  kTee0,
  kDropIt,
  kGrow,
  kSize,
  kPrint,
  kSum,
  kStore,
  kLoad,
  kIf,
  kElse,
  kClose,
  kOps
};

struct Row {
  Bytes bytes;
  size_t pops;
  size_t pushes;
};
const std::array<Row, kOps> kRows = {{
    {i32(1), 0, 1},       {i32(2), 0, 1},       {local_get(0), 0, 1}, {local_get(1), 0, 1},
    {local_get(2), 0, 1}, {local_set(0), 1, 0}, {local_set(1), 1, 0}, {local_set(2), 1, 0},
    {local_tee(0), 1, 1}, {kDrop, 1, 0},        {call(0), 1, 1},      {call(1), 0, 1},
    {call(2), 2, 0},      {kAdd, 2, 1},         {store(100), 2, 0},   {load(100), 1, 1},
    {{0x04, 0x40}, 1, 0}, {{0x05}, 0, 0},       {kEnd, 0, 0},
}};

using Body = std::vector<Op>;

// Follows the operand stack; `if` blocks have no parameters and no results.
class Depth {
 public:
  bool take(Op op) {
    if (depth_ < kRows[op].pops) return false;
    if ((op == kElse || op == kClose) && (open_.empty() || depth_ != 0)) return false;
    depth_ = depth_ - kRows[op].pops + kRows[op].pushes;
    if (op == kIf) {
      open_.push_back({depth_, false});
      depth_ = 0;
    } else if (op == kElse) {
      if (std::exchange(open_.back().second, true)) return false;
    } else if (op == kClose) {
      depth_ = open_.back().first;
      open_.pop_back();
    }
    return true;
  }
  size_t depth() const { return depth_; }
  size_t open() const { return open_.size(); }

 private:
  size_t depth_ = 0;
  std::vector<std::pair<size_t, bool>> open_;  // depth around the block, whether it has its `else`
};

bool is_valid(const Body& body) {
  Depth depth;
  return std::ranges::all_of(body, [&](Op op) { return depth.take(op); }) && depth.depth() == 0 &&
         depth.open() == 0;
}

class Maker {
 public:
  Body body(size_t length) {
    Body out;
    Depth depth;
    while (out.size() < length) {
      Depth next = depth;
      const bool assigns = !out.empty() && out.back() == kOne && below(3) == 0;
      const Op op = assigns ? kSet0 : any_op();
      if (!next.take(op) || next.depth() > 4 || next.open() > 2) continue;
      depth = next;
      out.push_back(op);
    }
    while (depth.depth() > 0 || depth.open() > 0) {
      out.push_back(depth.depth() > 0 ? kDropIt : kClose);
      depth.take(out.back());
    }
    return out;
  }

  Body edited(Body body) {
    for (size_t edits = 1 + below(3); edits > 0; --edits) {
      const size_t kind = below(3);
      auto at = body.begin() + static_cast<ptrdiff_t>(below(body.size() + 1));
      if (kind == 0) {
        const Body piece = kPieces[below(kPieces.size())];
        body.insert(at, piece.begin(), piece.end());
      } else if (kind == 1) {
        const auto left = static_cast<size_t>(body.end() - at);
        body.erase(at, at + static_cast<ptrdiff_t>(std::min(1 + below(4), left)));
      } else {
        move_assignment(body, at);
      }
    }
    return body;
  }

  size_t below(size_t n) { return random_() % n; }

 private:
  // The next assignment of a constant goes further back.
  void move_assignment(Body& body, Body::iterator from) {
    static constexpr std::array<Op, 2> kAssignment = {kOne, kSet0};
    const auto at = std::search(from, body.end(), kAssignment.begin(), kAssignment.end());
    const auto left = static_cast<size_t>(body.end() - at);
    if (left > 2) std::rotate(at, at + 2, at + 2 + static_cast<ptrdiff_t>(1 + below(left - 2)));
  }

  // Calls, what feeds them and drops more often than the rest.
  Op any_op() {
    static constexpr std::array<Op, 8> kOften = {kOne,    kOne,    kGet0, kGet1,
                                                 kDropIt, kDropIt, kGrow, kGrow};
    return below(2) == 0 ? kOften[below(kOften.size())] : static_cast<Op>(below(kOps));
  }

  inline static const std::vector<Body> kPieces = {{kOne, kGrow, kDropIt},
                                                   {kSize, kDropIt},
                                                   {kGet0, kGrow, kDropIt},
                                                   {kOne, kDropIt},
                                                   {kOne, kOne, kPrint},
                                                   {kGrow},
                                                   {kDropIt},
                                                   {kOne},
                                                   {kPrint},
                                                   {kDropIt, kOne},
                                                   {kDropIt, kDropIt},
                                                   {kGrow, kDropIt, kOne},
                                                   {kOne, kSet0},
                                                   {kSize}};
  std::mt19937 random_{1};
};

using Heap = std::map<uint32_t, uint32_t>;

// What a body leaves in the heap that it finds.
Heap run(const Body& body, Heap heap) {
  std::array<uint32_t, 3> locals{};
  std::vector<uint32_t> stack;
  const auto pop = [&] {
    const uint32_t value = stack.back();
    stack.pop_back();
    return value;
  };
  // From an `if` or `else` to its `else` or end.
  const auto skip = [&](size_t i) {
    for (size_t inside = 0;;) {
      const Op op = body[++i];
      if (op == kIf) ++inside;
      if (inside == 0 && (op == kElse || op == kClose)) return i;
      if (op == kClose) --inside;
    }
  };
  for (size_t i = 0; i < body.size(); ++i) {
    const Op op = body[i];
    if (op == kOne || op == kTwo) stack.push_back(op == kOne ? 1 : 2);
    if (op >= kGet0 && op <= kGet2) stack.push_back(locals[op - kGet0]);
    if (op >= kSet0 && op <= kSet2) locals[op - kSet0] = pop();
    if (op == kTee0) locals[0] = stack.back();
    if (op == kDropIt) pop();
    if (op == kGrow) stack.back() = stack.back() * 7 + 3;
    if (op == kSize) stack.push_back(5);
    if (op == kPrint) stack.resize(stack.size() - 2);
    if (op == kSum) stack.back() += pop();
    if (op == kLoad) stack.back() = heap[stack.back()];
    if (op == kStore) {
      const uint32_t value = pop();
      heap[pop()] = value;
    }
    if ((op == kIf && pop() == 0) || op == kElse) i = skip(i);
  }
  std::erase_if(heap, [](const auto& word) { return word.second == 0; });
  return heap;
}

Bytes module_of(const Body& body) {
  Canister canister;
  canister.types = {
      {0x60, 0, 0}, {0x60, 1, 0x7f, 1, 0x7f}, {0x60, 0, 1, 0x7f}, {0x60, 2, 0x7f, 0x7f, 0}};
  canister.imports = {{"stable_grow", 1}, {"stable_size", 2}, {"debug_print", 3}};
  Bytes bytes;
  for (const Op op : body) append(bytes, kRows[op].bytes);
  canister.functions = {{kNothing, {1, 3, 0x7f}, bytes, "get"}};
  canister.segments.clear();
  canister.exports = {{"canister_update get", 0}};
  return canister.build();
}

TEST(ApiEdits, WhatIsCalledSafeLeavesTheSameHeap) {
  const std::array<Heap, 3> heaps = {{{},
                                      {{0, 9}, {1, 8}, {2, 7}, {3, 6}, {5, 4}, {10, 1}, {17, 2}},
                                      {{0, 1}, {1, 2}, {2, 1}, {3, 1}, {5, 1}, {10, 5}}}};
  Maker maker;
  size_t safe = 0;
  size_t others = 0;
  while (safe + others < 2000) {
    const Body before = maker.body(6 + maker.below(10));
    const Body after = maker.edited(before);
    if (before == after || !is_valid(after)) continue;
    const Compared c = compare_bytes(module_of(before), module_of(after));
    if (c.comparison.best() != Word::kSafe) {
      ++others;
      continue;
    }
    ++safe;
    for (const Heap& heap : heaps) {
      ASSERT_EQ(run(before, heap), run(after, heap))
          << to_hex(module_of(before)) << " " << to_hex(module_of(after));
    }
  }
  EXPECT_GT(safe, 300U);
  EXPECT_GT(others, 500U);
}

}  // namespace
}  // namespace canrec::wasmdiff::test
