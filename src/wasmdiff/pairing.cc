// SPDX-License-Identifier: Apache-2.0
// The surest evidence first; after every step what follows from the new pairs through their
// callees. All work is by buckets (names, hashes, signatures), never every function against every
// other.
#include "wasmdiff/pairing.h"

#include <algorithm>
#include <array>
#include <deque>
#include <map>
#include <string>
#include <unordered_map>

#include "wasm/names.h"

namespace canrec::wasmdiff {
namespace {

constexpr uint32_t kNone = 0xffffffff;

// The name without the hash that rustc ends legacy names with, which changes with every build:
// _ZN4core3fmt5write17h0123456789abcdefE
std::string_view without_hash(std::string_view name) {
  constexpr size_t kTail = 20;  // "17h", 16 digits, "E"
  if (!name.starts_with("_ZN") || name.size() < kTail || !name.ends_with('E')) return name;
  const std::string_view tail = name.substr(name.size() - kTail);
  if (!tail.starts_with("17h")) return name;
  return name.substr(0, name.size() - kTail);
}

// What a body is like: how often groups of opcodes appear.
struct Sketch {
  std::array<uint16_t, 48> count{};
  uint32_t total = 0;
};

Sketch sketch(const Side& side, uint32_t fn) {
  Sketch out;
  wasm::InstructionReader reader = side.module->instructions(side.module->functions[fn]);
  wasm::Instruction in;
  while (!reader.at_end() && out.total < 60'000) {
    CANREC_ASSERT(reader.next(in).has_value());
    ++out.count[std::to_underlying(in.op) % out.count.size()];
    ++out.total;
  }
  return out;
}

// 0 = nothing in common, 1000 = the same counts.
uint32_t likeness(const Sketch& a, const Sketch& b) {
  uint32_t common = 0;
  for (size_t i = 0; i < a.count.size(); ++i) common += std::min(a.count[i], b.count[i]);
  const uint32_t most = std::max({a.total, b.total, 1U});
  return static_cast<uint32_t>(uint64_t{common} * 1000 / most);
}

class Matcher {
 public:
  Matcher(const Both<Side>& sides, const Both<CodeScan>& scans, const Identity& identity,
          const std::vector<Both<TableImage>>& tables)
      : sides_(sides), scans_(scans), identity_(identity), tables_(tables) {
    for (const Which w : {kOld, kNew}) {
      const auto& functions = sides[w].module->functions;
      open_[w].resize(functions.size());
      partner_[w].assign(functions.size(), kNone);
      for (uint32_t fn = 0; fn < functions.size(); ++fn) {
        open_[w][fn] = !functions[fn].is_import() && !identity.is_common(w, fn);
        if (open_[w][fn]) left_[w].push_back(fn);
      }
    }
  }

  Pairing run() {
    if (!left_[kOld].empty() && !left_[kNew].empty()) {
      by_export();
      by_name();
      by_text([&](Which w, uint32_t fn) { return scans_[w].text[fn].low; });
      by_text([&](Which w, uint32_t fn) { return scans_[w].masked[fn]; });
      by_table_slot();
      by_likeness();
    }
    return result();
  }

 private:
  uint32_t type(Which w, uint32_t fn) const {
    return sides_[w].denotations->types[std::to_underlying(sides_[w].module->functions[fn].type)];
  }
  bool both_open(uint32_t o, uint32_t n) const { return open_[kOld][o] && open_[kNew][n]; }

  void pair(uint32_t o, uint32_t n, PairedBy by) {
    open_[kOld][o] = open_[kNew][n] = false;
    partner_[kOld][o] = n;
    partner_[kNew][n] = o;
    pairs_.push_back({o, n, by});
    queue_.push_back({o, n});
  }

  // Two bodies that differ in constants at most call their functions place by place.
  void follow() {
    while (!queue_.empty()) {
      const auto [o, n] = queue_.front();
      queue_.pop_front();
      if (scans_[kOld].masked[o] != scans_[kNew].masked[n]) continue;
      const auto a = scans_[kOld].references(o);
      const auto b = scans_[kNew].references(n);
      if (a.size() != b.size()) continue;
      for (size_t i = 0; i < a.size(); ++i) {
        if (a[i] >= open_[kOld].size() || b[i] >= open_[kNew].size()) continue;
        if (both_open(a[i], b[i]) && type(kOld, a[i]) == type(kNew, b[i])) {
          pair(a[i], b[i], PairedBy::kCaller);
        }
      }
    }
  }

  void by_export() {
    std::map<std::string_view, uint32_t> exported;
    for (const wasm::Export& e : sides_[kNew].module->exports) {
      if (e.kind == wasm::ExternKind::kFunc) exported.emplace(e.name, e.index);
    }
    for (const wasm::Export& e : sides_[kOld].module->exports) {
      if (e.kind != wasm::ExternKind::kFunc) continue;
      const auto found = exported.find(e.name);
      if (found == exported.end() || !both_open(e.index, found->second)) continue;
      pair(e.index, found->second, PairedBy::kExport);
    }
    follow();
  }

  // Functions of one key: lists through next_in_bucket_, so that a key costs one allocation.
  struct Bucket {
    Both<uint32_t> first{{kNone, kNone}};
    Both<uint32_t> last{{kNone, kNone}};
    Both<uint32_t> count{{0, 0}};
  };

  // Pairs the open functions that share a key, in order, where both modules have as many of them.
  template <typename Key, typename KeyOf>
  void by_buckets(KeyOf&& key_of, PairedBy by) {
    std::unordered_map<Key, uint32_t> known;
    known.reserve(left_[kOld].size() + left_[kNew].size());
    std::vector<Bucket> buckets;  // in order of appearance
    for (const Which w : {kOld, kNew}) {
      next_in_bucket_[w].resize(open_[w].size());
      for (const uint32_t fn : left_[w]) {
        if (!open_[w][fn]) continue;
        const std::optional<Key> key = key_of(w, fn);
        if (!key) continue;
        const auto [at, fresh] = known.try_emplace(*key, static_cast<uint32_t>(buckets.size()));
        if (fresh) buckets.emplace_back();
        Bucket& bucket = buckets[at->second];
        (bucket.count[w]++ == 0 ? bucket.first[w] : next_in_bucket_[w][bucket.last[w]]) = fn;
        bucket.last[w] = fn;
      }
    }
    for (const Bucket& bucket : buckets) {
      if (bucket.count[kOld] != bucket.count[kNew]) continue;
      uint32_t o = bucket.first[kOld];
      uint32_t n = bucket.first[kNew];
      for (uint32_t i = 0; i < bucket.count[kOld]; ++i) {
        if (both_open(o, n)) pair(o, n, by);
        o = next_in_bucket_[kOld][o];
        n = next_in_bucket_[kNew][n];
      }
    }
    follow();
  }

  void by_name() {
    const Both<std::vector<std::string_view>> names{
        {wasm::read_function_names(*sides_[kOld].module),
         wasm::read_function_names(*sides_[kNew].module)}};
    const auto full = [&](Which w, uint32_t fn) -> std::optional<std::string_view> {
      if (names[w][fn].empty()) return std::nullopt;
      return names[w][fn];
    };
    by_buckets<std::string_view>(full, PairedBy::kName);
    by_buckets<std::string_view>(
        [&](Which w, uint32_t fn) -> std::optional<std::string_view> {
          const auto name = full(w, fn);
          if (!name) return std::nullopt;
          return without_hash(*name);
        },
        PairedBy::kName);
  }

  template <typename HashOf>
  void by_text(HashOf&& hash_of) {
    by_buckets<uint64_t>(
        [&](Which w, uint32_t fn) { return std::optional<uint64_t>(hash_of(w, fn)); },
        PairedBy::kText);
  }

  void by_table_slot() {
    for (const Both<TableImage>& table : tables_) {
      const size_t slots = std::min(table[kOld].size(), table[kNew].size());
      for (size_t slot = 0; slot < slots; ++slot) {
        if (!table[kOld][slot] || !table[kNew][slot]) continue;
        const uint32_t o = std::to_underlying(*table[kOld][slot]);
        const uint32_t n = std::to_underlying(*table[kNew][slot]);
        if (!both_open(o, n) || type(kOld, o) != type(kNew, n)) continue;
        const bool alike = likeness(sketch(sides_[kOld], o), sketch(sides_[kNew], n)) >= kAlike;
        if (!alike && !grown(o, n)) continue;
        pair(o, n, PairedBy::kTableSlot);
      }
    }
    follow();
  }

  // Whether the new body is the old one with instructions put in, as instrumentation does.
  bool grown(uint32_t o, uint32_t n) const {
    wasm::InstructionReader a =
        sides_[kOld].module->instructions(sides_[kOld].module->functions[o]);
    wasm::InstructionReader b =
        sides_[kNew].module->instructions(sides_[kNew].module->functions[n]);
    wasm::Instruction in_a;
    wasm::Instruction in_b;
    while (!a.at_end()) {
      CANREC_ASSERT(a.next(in_a).has_value());
      do {
        if (b.at_end()) return false;
        CANREC_ASSERT(b.next(in_b).has_value());
      } while (in_b.op != in_a.op);
    }
    return true;
  }

  struct Candidate {
    uint32_t fn;
    Sketch sketch;
  };

  void by_likeness() {
    std::map<uint32_t, Both<std::vector<Candidate>>> by_type;
    for (const Which w : {kOld, kNew}) {
      for (const uint32_t fn : left_[w]) {
        if (open_[w][fn]) by_type[type(w, fn)][w].push_back({fn, sketch(sides_[w], fn)});
      }
    }
    for (auto& [type_id, candidates] : by_type) {
      std::ranges::sort(candidates[kNew], {},
                        [](const Candidate& c) { return std::pair(c.sketch.total, c.fn); });
      for (const Candidate& candidate : candidates[kOld]) nearest(candidate, candidates[kNew]);
    }
    follow();
  }

  // Looks at the open functions of nearly the same length only.
  void nearest(const Candidate& candidate, const std::vector<Candidate>& sorted) {
    constexpr ptrdiff_t kNeighbours = 24;
    const auto middle = std::ranges::lower_bound(sorted, candidate.sketch.total, {},
                                                 [](const Candidate& c) { return c.sketch.total; });
    const auto from = middle - std::min(kNeighbours, middle - sorted.begin());
    const auto to = middle + std::min(kNeighbours, sorted.end() - middle);
    uint32_t best = kAlike - 1;
    uint32_t found = kNone;
    for (auto it = from; it != to; ++it) {
      if (!open_[kNew][it->fn]) continue;
      const uint32_t score = likeness(candidate.sketch, it->sketch);
      if (score <= best) continue;
      best = score;
      found = it->fn;
    }
    if (found != kNone) pair(candidate.fn, found, PairedBy::kNearest);
  }

  // Whether a class has element segments or globals of a module among its members.
  std::vector<bool> classes_of_others(Which w) const {
    std::vector<bool> present(identity_.count);
    const auto& classes = identity_.classes[w];
    for (size_t node = sides_[w].module->functions.size(); node < classes.size(); ++node) {
      present[classes[node]] = true;
    }
    return present;
  }

  Pairing result() {
    Pairing out;
    std::ranges::sort(pairs_, {}, [](const Pair& p) { return p.old_fn; });
    out.pairs = std::move(pairs_);
    uint32_t fresh = identity_.count;
    for (const Which w : {kOld, kNew}) {
      const std::vector<bool> elsewhere = classes_of_others(w == kOld ? kNew : kOld);
      out.labels.of[w] = identity_.classes[w];
      auto& labels = out.labels.of[w];
      const size_t functions = sides_[w].module->functions.size();
      for (size_t node = 0; node < labels.size(); ++node) {
        const bool common = node < functions ? identity_.is_common(w, static_cast<uint32_t>(node))
                                             : elsewhere[labels[node]];
        if (!common) labels[node] = fresh++;
      }
    }
    for (const Pair& p : out.pairs) {
      out.labels.of[kNew][p.new_fn] = out.labels.of[kOld][p.old_fn];
    }
    for (const uint32_t fn : left_[kOld]) {
      if (partner_[kOld][fn] == kNone) out.removed.push_back(fn);
    }
    for (const uint32_t fn : left_[kNew]) {
      if (partner_[kNew][fn] == kNone) out.added.push_back(fn);
    }
    return out;
  }

  static constexpr uint32_t kAlike = 600;  // of 1000

  const Both<Side>& sides_;
  const Both<CodeScan>& scans_;
  const Identity& identity_;
  const std::vector<Both<TableImage>>& tables_;
  Both<std::vector<bool>> open_;
  Both<std::vector<uint32_t>> partner_;
  Both<std::vector<uint32_t>> left_;
  Both<std::vector<uint32_t>> next_in_bucket_;
  std::vector<Pair> pairs_;
  std::deque<std::pair<uint32_t, uint32_t>> queue_;
};

}  // namespace

Pairing pair_functions(const Both<Side>& sides, const Both<CodeScan>& scans,
                       const Identity& identity, const std::vector<Both<TableImage>>& tables) {
  return Matcher(sides, scans, identity, tables).run();
}

}  // namespace canrec::wasmdiff
