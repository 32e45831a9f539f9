// SPDX-License-Identifier: Apache-2.0
// Most functions of two versions have the same bytes and the same numbers mean the same things;
// then comparing bytes is enough. Only the others are decoded once more.
#include "wasmdiff/proof.h"

#include <algorithm>

namespace canrec::wasmdiff {
namespace {

constexpr uint32_t kNobody = 0xffffffff;

bool common_prefix_equal(const std::vector<uint32_t>& a, const std::vector<uint32_t>& b) {
  const auto n = static_cast<ptrdiff_t>(std::min(a.size(), b.size()));
  return std::equal(a.begin(), a.begin() + n, b.begin());
}

class Prover {
 public:
  explicit Prover(const Subject& subject)
      : subject_(subject), comparer_(subject.sides, subject.pairing.labels) {
    const Denotations& a = subject.denotations[kOld];
    const Denotations& b = subject.denotations[kNew];
    // Equal numbers mean equal things in both modules: for all that both have, which is enough,
    // because the scan found no instruction that names what its module does not have.
    aligned_ = functions_aligned() && common_prefix_equal(a.types, b.types) &&
               common_prefix_equal(a.globals, b.globals) && common_prefix_equal(a.data, b.data) &&
               others_aligned();
  }

  std::optional<Disproof> run() {
    for (const Which w : {kOld, kNew}) {
      for (uint32_t fn = 0; fn < subject_.module(w).functions.size(); ++fn) {
        if (auto found = check(w, fn)) return found;
      }
    }
    return segments();
  }

 private:
  struct First {
    Which side = kOld;
    uint32_t fn = kNobody;
  };

  bool functions_aligned() const {
    const auto& a = subject_.pairing.labels.of[kOld];
    const auto& b = subject_.pairing.labels.of[kNew];
    const size_t n =
        std::min(subject_.module(kOld).functions.size(), subject_.module(kNew).functions.size());
    return std::equal(a.begin(), a.begin() + static_cast<ptrdiff_t>(n), b.begin());
  }
  // Element segments and globals that hold functions are rare; with any, nothing is taken on bytes.
  bool others_aligned() const {
    for (const Which w : {kOld, kNew}) {
      const auto& holds = subject_.denotations[w].global_holds_function;
      if (std::ranges::find(holds, true) != holds.end()) return false;
      for (const wasm::ElementSegment& segment : subject_.module(w).elements) {
        if (segment.mode != wasm::SegmentMode::kActive) return false;
      }
    }
    return true;
  }

  std::optional<Disproof> check(Which w, uint32_t fn) {
    // Nothing rests on two functions of one module being the same.
    if (!subject_.identity.is_common(w, fn)) return std::nullopt;
    const ClassId id = subject_.identity.classes[w][fn];
    if (id >= first_.size()) first_.resize(subject_.identity.count);
    First& first = first_[id];
    if (first.fn == kNobody) {
      first = {w, fn};
      return std::nullopt;
    }
    if (same_bytes(first, w, fn) || comparer_.same(first.side, first.fn, w, fn)) {
      return std::nullopt;
    }
    return Disproof{first.side, first.fn, w, fn};
  }

  bool same_bytes(const First& first, Which w, uint32_t fn) const {
    if (first.side != w && !aligned_) return false;
    const wasm::Function& f = subject_.module(first.side).functions[first.fn];
    const wasm::Function& g = subject_.module(w).functions[fn];
    if (f.is_import() || g.is_import()) return false;
    return subject_.denotations[first.side].types[std::to_underlying(f.type)] ==
               subject_.denotations[w].types[std::to_underlying(g.type)] &&
           std::ranges::equal(subject_.module(first.side).view(f.body),
                              subject_.module(w).view(g.body));
  }

  // Element segments and globals share a class only where index (or denotation) is equal, which is
  // hashed too: compared here by what the code can name.
  std::optional<Disproof> segments() const {
    const auto& a = subject_.module(kOld);
    const auto& b = subject_.module(kNew);
    for (uint32_t i = 0; i < std::min(a.elements.size(), b.elements.size()); ++i) {
      if (!agree(subject_.sides[kOld].element_node(i), subject_.sides[kNew].element_node(i))) {
        return Disproof{kOld, i, kNew, i};
      }
    }
    for (uint32_t i = 0; i < std::min(a.globals.size(), b.globals.size()); ++i) {
      if (!agree(subject_.sides[kOld].global_node(i), subject_.sides[kNew].global_node(i))) {
        return Disproof{kOld, i, kNew, i};
      }
    }
    return std::nullopt;
  }

  // Two nodes of one class refer to the same, place by place.
  bool agree(Node x, Node y) const {
    const auto& classes = subject_.identity.classes;
    if (classes[kOld][x] != classes[kNew][y]) return true;
    const auto f = subject_.scans[kOld].references(x);
    const auto g = subject_.scans[kNew].references(y);
    return std::ranges::equal(f, g, [&](Node m, Node n) {
      if (m == kNoNode || n == kNoNode) return m == n;
      return classes[kOld][m] == classes[kNew][n];
    });
  }

  const Subject& subject_;
  BodyComparer comparer_;
  bool aligned_ = false;
  std::vector<First> first_;
};

}  // namespace

std::optional<Disproof> prove(const Subject& subject) { return Prover(subject).run(); }

}  // namespace canrec::wasmdiff
