// SPDX-License-Identifier: Apache-2.0
// Partition refinement over the nodes of both modules. The members of a class lie side by side in
// one array; a split moves them within their class's stretch.
#include "wasmdiff/identity.h"

#include <algorithm>
#include <span>

#include "base/checked.h"

namespace canrec::wasmdiff {
namespace {

// A node of either module: those of the new module follow those of the old one.
using Global = uint32_t;

class Partition {
 public:
  Partition(const Both<Side>& sides, const Both<CodeScan>& scans) : sides_(sides), scans_(scans) {
    first_new_ = narrow<uint32_t>(sides[kOld].nodes());
    total_ = narrow<uint32_t>(first_new_ + sides[kNew].nodes());
  }

  Identity run() {
    initial_classes();
    build_callers();
    std::vector<Global> dirty;
    for (Global node = 0; node < total_; ++node) {
      if (!references(node).empty()) dirty.push_back(node);
    }
    while (!dirty.empty()) dirty = refine(dirty);
    return result();
  }

 private:
  struct Stretch {
    uint32_t begin;
    uint32_t end;
    uint32_t marked;  // members at the front of the stretch that are looked at in this round
  };

  Which which(Global node) const { return node < first_new_ ? kOld : kNew; }
  uint32_t base(Which w) const { return w == kOld ? 0 : first_new_; }
  std::span<const Node> references(Global node) const {
    const Which w = which(node);
    return scans_[w].references(node - base(w));
  }

  // The own text of a node that is no function.
  Hash128 other_text(Which w, Node node) const {
    const wasm::Module& module = *sides_[w].module;
    Bytes key(48);
    const auto put = [&](size_t at, uint64_t value) { store_le(key.data() + 8 * at, value); };
    const size_t index = node - module.functions.size();
    if (index < module.elements.size()) {
      // Segments are told apart by number: elem.drop empties one and not its equal.
      const wasm::ElementSegment& segment = module.elements[index];
      put(0, 1);
      put(1, index);
      put(2, std::to_underlying(segment.mode) | (uint64_t{std::to_underlying(segment.type)} << 8));
      put(3, segment.count);
    } else {
      put(0, 2);
      put(1, sides_[w].denotations->globals[index - module.elements.size()]);
    }
    return xxh3_128(key);
  }

  Hash128 text(Global node) const {
    const Which w = which(node);
    const Node local = node - base(w);
    const wasm::Module& module = *sides_[w].module;
    if (local >= module.functions.size()) return other_text(w, local);
    if (!module.functions[local].is_import()) return scans_[w].text[local];
    // Imports are numbered alike in both modules; no body hashes to a value this small by chance.
    return {0, sides_[w].denotations->imports[local]};
  }

  void initial_classes() {
    std::vector<std::pair<Hash128, Global>> order(total_);
    for (Global node = 0; node < total_; ++node) order[node] = {text(node), node};
    std::ranges::sort(order);
    members_.resize(total_);
    place_.resize(total_);
    class_.resize(total_);
    for (uint32_t i = 0; i < total_; ++i) {
      if (i == 0 || order[i].first != order[i - 1].first) stretches_.push_back({i, i, 0});
      put_at(i, order[i].second);
      class_[order[i].second] = narrow<uint32_t>(stretches_.size() - 1);
      stretches_.back().end = i + 1;
    }
  }

  void put_at(uint32_t at, Global node) {
    members_[at] = node;
    place_[node] = at;
  }

  void build_callers() {
    caller_begin_.assign(total_ + 1, 0);
    const auto each = [&](auto&& action) {
      for (Global node = 0; node < total_; ++node) {
        for (const Node target : references(node)) {
          if (target != kNoNode) action(node, target + base(which(node)));
        }
      }
    };
    each([&](Global, Global target) { ++caller_begin_[target + 1]; });
    for (uint32_t i = 0; i < total_; ++i) caller_begin_[i + 1] += caller_begin_[i];
    callers_.resize(caller_begin_.back());
    std::vector<uint32_t> next(caller_begin_.begin(), caller_begin_.end() - 1);
    each([&](Global node, Global target) { callers_[next[target]++] = node; });
    stamp_.assign(total_, 0);
  }

  Hash128 signature(Global node) {
    const Global offset = base(which(node));
    scratch_.clear();
    for (const Node target : references(node)) {
      scratch_.push_back(target == kNoNode ? kNoNode : class_[target + offset]);
    }
    return xxh3_128(
        {reinterpret_cast<const uint8_t*>(scratch_.data()), scratch_.size() * sizeof(scratch_[0])});
  }

  // Looks at the given nodes again, splits classes, and gives the nodes to look at next.
  std::vector<Global> refine(const std::vector<Global>& dirty) {
    std::vector<std::pair<Hash128, Global>> signatures;
    signatures.reserve(dirty.size());
    std::vector<ClassId> touched;
    for (const Global node : dirty) {
      signatures.emplace_back(signature(node), node);
      Stretch& stretch = stretches_[class_[node]];
      if (stretch.marked == 0) touched.push_back(class_[node]);
      const uint32_t front = stretch.begin + stretch.marked++;
      const uint32_t from = place_[node];
      put_at(from, members_[front]);
      put_at(front, node);
    }
    // Sorted by node, so that a node's signature is found; then the marked part of each class is
    // put in order of signatures.
    std::ranges::sort(signatures, {}, [](const auto& pair) { return pair.second; });
    std::ranges::sort(touched);
    std::vector<Global> moved;
    for (const ClassId id : touched) split(id, signatures, moved);
    return callers_of(moved);
  }

  void split(ClassId id, const std::vector<std::pair<Hash128, Global>>& signatures,
             std::vector<Global>& moved) {
    const Stretch stretch = stretches_[id];
    stretches_[id].marked = 0;
    std::vector<std::pair<Hash128, Global>> marked(stretch.marked);
    for (uint32_t i = 0; i < stretch.marked; ++i) {
      const Global node = members_[stretch.begin + i];
      marked[i] = *std::ranges::lower_bound(signatures, node, {},
                                            [](const auto& pair) { return pair.second; });
    }
    std::ranges::sort(marked);
    std::vector<Stretch> pieces;
    for (uint32_t i = 0; i < stretch.marked; ++i) {
      const uint32_t at = stretch.begin + i;
      put_at(at, marked[i].second);
      if (i == 0 || marked[i].first != marked[i - 1].first) pieces.push_back({at, at, 0});
      pieces.back().end = at + 1;
    }
    if (stretch.begin + stretch.marked < stretch.end) {
      pieces.push_back({stretch.begin + stretch.marked, stretch.end, 0});
    }
    if (pieces.size() == 1) return;
    const auto largest = std::ranges::max_element(
        pieces, {}, [](const Stretch& piece) { return piece.end - piece.begin; });
    for (auto piece = pieces.begin(); piece != pieces.end(); ++piece) {
      if (piece == largest) {
        stretches_[id] = *piece;
        continue;
      }
      const ClassId fresh = narrow<uint32_t>(stretches_.size());
      stretches_.push_back(*piece);
      for (uint32_t at = piece->begin; at < piece->end; ++at) {
        class_[members_[at]] = fresh;
        moved.push_back(members_[at]);
      }
    }
  }

  std::vector<Global> callers_of(const std::vector<Global>& moved) {
    ++round_;
    std::vector<Global> dirty;
    for (const Global node : moved) {
      for (uint32_t i = caller_begin_[node]; i < caller_begin_[node + 1]; ++i) {
        if (stamp_[callers_[i]] == round_) continue;
        stamp_[callers_[i]] = round_;
        dirty.push_back(callers_[i]);
      }
    }
    return dirty;
  }

  Identity result() const {
    Identity out;
    out.count = narrow<uint32_t>(stretches_.size());
    for (const Which w : {kOld, kNew}) {
      const auto begin = class_.begin() + base(w);
      out.classes[w].assign(begin, begin + narrow<ptrdiff_t>(sides_[w].nodes()));
      out.members[w].assign(out.count, 0);
      for (size_t fn = 0; fn < sides_[w].module->functions.size(); ++fn) {
        ++out.members[w][out.classes[w][fn]];
      }
    }
    return out;
  }

  const Both<Side>& sides_;
  const Both<CodeScan>& scans_;
  uint32_t first_new_ = 0;
  uint32_t total_ = 0;
  std::vector<Global> members_;
  std::vector<uint32_t> place_;
  std::vector<ClassId> class_;
  std::vector<Stretch> stretches_;
  std::vector<uint32_t> caller_begin_;
  std::vector<Global> callers_;
  std::vector<uint32_t> stamp_;
  std::vector<ClassId> scratch_;
  uint32_t round_ = 0;
};

}  // namespace

Identity identify(const Both<Side>& sides, const Both<CodeScan>& scans) {
  return Partition(sides, scans).run();
}

}  // namespace canrec::wasmdiff
