// SPDX-License-Identifier: Apache-2.0
// Meets and joins of Motoko types.
#include "candid/motoko_combine.h"

#include <algorithm>
#include <map>
#include <optional>
#include <tuple>

#include "candid/motoko_subtype.h"

namespace canrec::candid::motoko {
namespace {

// Levels of types inside types, as for substitution. Reason: one call a level.
constexpr uint32_t kMaxDepth = 1024;

constexpr Bound flipped(Bound bound) { return bound == Bound::kMeet ? Bound::kJoin : Bound::kMeet; }

class Combine {
 public:
  Combine(TypeStore& store, std::span<const TypeIdx> bounds) : store_(store), bounds_(bounds) {}

  Result<TypeIdx> run(Bound bound, TypeIdx a, TypeIdx b, uint32_t depth);

 private:
  // A pair that is being combined: the definition that stands for its result when it is met again.
  struct Open {
    std::optional<TypeIdx> name;
    uint32_t definition = 0;
  };
  using Fields = std::vector<Field>;

  Result<TypeIdx> look_inside(Bound bound, TypeIdx a, TypeIdx b, uint32_t depth);
  Result<TypeIdx> structures(Bound bound, const Type& a, const Type& b, uint32_t depth);
  Result<std::optional<TypeIdx>> part(Bound bound, TypeIdx a, TypeIdx b, uint32_t depth);
  Result<std::optional<Fields>> fields(Bound bound, const Type& a, const Type& b, uint32_t depth);
  Result<Fields> tags(Bound bound, const Type& a, const Type& b, uint32_t depth);
  Status lists(Bound bound, std::vector<TypeIdx>& a, const std::vector<TypeIdx>& b, size_t from,
               uint32_t depth);
  Result<TypeIdx> functions(Bound bound, Type a, const Type& b, uint32_t depth);
  Result<bool> equal(TypeIdx a, TypeIdx b);
  Result<bool> below(TypeIdx a, TypeIdx b) { return is_subtype(store_, a, b, bounds_); }
  Result<TypeIdx> opened(Bound bound, TypeIdx idx);
  // Where two types have nothing in common.
  TypeIdx apart(Bound bound) { return store_.primitive(bound == Bound::kMeet ? "None" : "Any"); }
  bool is(TypeIdx idx, std::string_view primitive) const {
    return store_.at(idx).kind == Kind::kPrimitive && store_.at(idx).name == primitive;
  }
  bool has_name(TypeIdx idx) const {
    return store_.at(idx).kind == Kind::kNamed || store_.at(idx).kind == Kind::kParameter;
  }

  TypeStore& store_;
  std::span<const TypeIdx> bounds_;
  std::map<std::tuple<Bound, TypeIdx, TypeIdx>, Open> open_;
};

Result<bool> Combine::equal(TypeIdx a, TypeIdx b) {
  CANREC_TRY(const bool forth, below(a, b));
  if (!forth) return false;
  return below(b, a);
}

Result<TypeIdx> Combine::run(Bound bound, TypeIdx a, TypeIdx b, uint32_t depth) {
  if (depth == kMaxDepth || store_.full() || !store_.take_steps_of(a) || !store_.take_steps_of(b)) {
    return fail(Errc::kLimit, "the types of an `and` or `or` are too deep or too many");
  }
  if (a == b) return a;
  const char* widest = bound == Bound::kMeet ? "Any" : "None";
  const char* narrowest = bound == Bound::kMeet ? "None" : "Any";
  if (is(a, widest) || is(b, narrowest)) return b;
  if (is(b, widest) || is(a, narrowest)) return a;
  CANREC_TRY(const bool same, equal(a, b));
  if (same) return has_name(b) ? b : a;
  if (has_name(a) || has_name(b)) {
    CANREC_TRY(const bool left_below, below(a, b));
    if (left_below) return bound == Bound::kMeet ? a : b;
    CANREC_TRY(const bool right_below, below(b, a));
    if (right_below) return bound == Bound::kMeet ? b : a;
    return look_inside(bound, a, b, depth);
  }
  return structures(bound, store_.at(a), store_.at(b), depth);
}

// A definition is what it stands for; a parameter is its bound for a join, and itself for a meet.
Result<TypeIdx> Combine::opened(Bound bound, TypeIdx idx) {
  CANREC_TRY(TypeIdx plain, store_.unfold(idx));
  if (bound == Bound::kMeet) return plain;
  for (uint32_t levels = 0; store_.at(plain).kind == Kind::kParameter; ++levels) {
    const uint32_t number = store_.at(plain).number;
    if (number >= bounds_.size() || levels > bounds_.size()) return store_.primitive("Any");
    CANREC_TRY(plain, store_.unfold(bounds_[number]));
  }
  return plain;
}

Result<TypeIdx> Combine::look_inside(Bound bound, TypeIdx a, TypeIdx b, uint32_t depth) {
  const auto key = std::make_tuple(bound, std::min(a, b), std::max(a, b));
  if (const auto known = open_.find(key); known != open_.end()) {
    Open& pair = known->second;
    if (!pair.name) {
      pair.definition = store_.add_definition(bound == Bound::kMeet ? "and" : "or");
      Type type;
      type.kind = Kind::kNamed;
      type.number = pair.definition;
      pair.name = store_.intern(std::move(type));
    }
    return *pair.name;
  }
  CANREC_TRY(const TypeIdx left, opened(bound, a));
  CANREC_TRY(const TypeIdx right, opened(bound, b));
  if (has_name(left) || has_name(right)) return apart(bound);  // a parameter, and not below
  open_.emplace(key, Open{});
  CANREC_TRY(const TypeIdx result, run(bound, left, right, depth + 1));
  const Open pair = open_.at(key);
  open_.erase(key);
  if (pair.name) {
    store_.definition(pair.definition).body = result;
    store_.definition(pair.definition).defined = true;
  }
  return result;
}

// An element or a field: nothing when only one is mutable or both are and differ.
Result<std::optional<TypeIdx>> Combine::part(Bound bound, TypeIdx a, TypeIdx b, uint32_t depth) {
  const auto invariant = [this](TypeIdx idx) {
    return store_.at(idx).kind == Kind::kMutable || store_.at(idx).kind == Kind::kTypeField;
  };
  if (invariant(a) || invariant(b)) {
    CANREC_TRY(const bool same, equal(a, b));
    return same ? std::optional(a) : std::nullopt;
  }
  CANREC_TRY(const TypeIdx result, run(bound, a, b, depth + 1));
  return std::optional(result);
}

// The fields of both for a meet, the common ones for a join; nothing when they exclude each other.
Result<std::optional<Combine::Fields>> Combine::fields(Bound bound, const Type& a, const Type& b,
                                                       uint32_t depth) {
  Fields merged;
  auto left = a.fields.begin();
  auto right = b.fields.begin();
  while (left != a.fields.end() || right != b.fields.end()) {
    if (right == b.fields.end() || (left != a.fields.end() && left->name < right->name)) {
      if (bound == Bound::kMeet) merged.push_back(*left);
      ++left;
    } else if (left == a.fields.end() || right->name < left->name) {
      if (bound == Bound::kMeet) merged.push_back(*right);
      ++right;
    } else {
      CANREC_TRY(const auto type, part(bound, left->type, right->type, depth));
      if (type) merged.push_back({left->name, *type});
      if (!type && bound == Bound::kMeet) return std::optional<Fields>();
      ++left;
      ++right;
    }
  }
  return std::optional(std::move(merged));
}

// The tags of both for a join, the common ones for a meet.
Result<Combine::Fields> Combine::tags(Bound bound, const Type& a, const Type& b, uint32_t depth) {
  Fields merged;
  for (const Field& tag : a.fields) {
    const auto other = std::ranges::lower_bound(b.fields, tag.name, {}, &Field::name);
    if (other == b.fields.end() || other->name != tag.name) {
      if (bound == Bound::kJoin) merged.push_back(tag);
      continue;
    }
    CANREC_TRY(const TypeIdx type, run(bound, tag.type, other->type, depth + 1));
    merged.push_back({tag.name, type});
  }
  if (bound == Bound::kJoin) {
    for (const Field& tag : b.fields) {
      if (!std::ranges::binary_search(a.fields, tag.name, {}, &Field::name)) merged.push_back(tag);
    }
    std::ranges::sort(merged, {}, &Field::name);
  }
  return merged;
}

Status Combine::lists(Bound bound, std::vector<TypeIdx>& a, const std::vector<TypeIdx>& b,
                      size_t from, uint32_t depth) {
  for (size_t i = from; i < a.size(); ++i) {
    CANREC_TRY(a[i], run(bound, a[i], b[i], depth + 1));
  }
  return Ok{};
}

Result<TypeIdx> Combine::functions(Bound bound, Type a, const Type& b, uint32_t depth) {
  if (a.sharing != b.sharing || a.name != b.name || a.bounds != b.bounds ||
      a.parts.size() != b.parts.size() || a.results.size() != b.results.size()) {
    return apart(bound);
  }
  for (size_t i = 0; i < a.bounds; ++i) {
    CANREC_TRY(const bool same, equal(a.parts[i], b.parts[i]));
    if (!same) return apart(bound);
  }
  CANREC_CHECK(lists(flipped(bound), a.parts, b.parts, a.bounds, depth));
  CANREC_CHECK(lists(bound, a.results, b.results, 0, depth));
  return store_.intern(std::move(a));
}

Result<TypeIdx> Combine::structures(Bound bound, const Type& a, const Type& b, uint32_t depth) {
  const bool meet = bound == Bound::kMeet;
  const auto pair = [&](std::string_view low, std::string_view high) {
    const auto named = [](const Type& type, std::string_view name) {
      return type.kind == Kind::kPrimitive && type.name == name;
    };
    return (named(a, low) && named(b, high)) || (named(b, low) && named(a, high));
  };
  if (pair("Nat", "Int")) return store_.primitive(meet ? "Nat" : "Int");
  const auto is_null = [](const Type& type) {
    return type.kind == Kind::kPrimitive && type.name == "Null";
  };
  if (is_null(a) && b.kind == Kind::kOption) return store_.intern(meet ? a : b);
  if (is_null(b) && a.kind == Kind::kOption) return store_.intern(meet ? b : a);
  if (a.kind != b.kind) return apart(bound);
  Type result = a;
  switch (a.kind) {
    case Kind::kOption:
    case Kind::kWeak:
      CANREC_CHECK(lists(bound, result.parts, b.parts, 0, depth));
      return store_.intern(std::move(result));
    case Kind::kArray: {
      CANREC_TRY(const auto element, part(bound, a.parts[0], b.parts[0], depth));
      if (!element) return apart(bound);
      result.parts[0] = *element;
      return store_.intern(std::move(result));
    }
    case Kind::kTuple:
      if (a.parts.size() != b.parts.size()) return apart(bound);
      CANREC_CHECK(lists(bound, result.parts, b.parts, 0, depth));
      return store_.intern(std::move(result));
    case Kind::kAsync:
      if (a.name != b.name) return apart(bound);
      CANREC_CHECK(lists(bound, result.parts, b.parts, 0, depth));
      return store_.intern(std::move(result));
    case Kind::kObject:
    case Kind::kActor:
    case Kind::kModule: {
      CANREC_TRY(auto merged, fields(bound, a, b, depth));
      if (!merged) return apart(bound);
      result.fields = std::move(*merged);
      return store_.intern(std::move(result));
    }
    case Kind::kVariant: {
      CANREC_TRY(result.fields, tags(bound, a, b, depth));
      return store_.intern(std::move(result));
    }
    case Kind::kFunction:
      return functions(bound, a, b, depth);
    default:
      return apart(bound);
  }
}

}  // namespace

Result<TypeIdx> combine(TypeStore& store, Bound bound, TypeIdx left, TypeIdx right,
                        std::span<const TypeIdx> bounds) {
  return Combine(store, bounds).run(bound, left, right, 0);
}

}  // namespace canrec::candid::motoko
