// SPDX-License-Identifier: Apache-2.0
// The walk over pairs of Motoko types.
#include "candid/motoko_subtype.h"

#include <fmt/core.h>

#include <algorithm>
#include <map>
#include <optional>
#include <set>

#include "base/checked.h"

namespace canrec::candid::motoko {
namespace {

// Pairs one question may visit, with the parts it has yet to look at and the places they are at.
// Reason: memory; they are kept until it is answered. The compiler gives up at a depth of 10,000.
constexpr uint64_t kMaxPairs = 500'000;
// Steps that a misfit costs. Reason: its words are built, which takes as long.
constexpr uint64_t kMisfitSteps = 20;
// Levels of a place that are named from its beginning, and from its end. Reason: people read it.
constexpr size_t kShownLevels = 10;

enum class Rules : uint8_t { kPlain, kCompiler, kRuntime };

class Walk {
 public:
  Walk(TypeStore& store, Rules rules, size_t limit, std::span<const TypeIdx> bounds = {})
      : store_(store), rules_(rules), limit_(limit), bounds_(bounds) {}

  Result<std::vector<Misfit>> run(TypeIdx old_type, TypeIdx new_type);

 private:
  struct Work {
    TypeIdx sub;
    TypeIdx super;
    bool swapped;    // behind an odd number of arguments: `sub` is of the new side
    uint32_t trail;  // index into trail_
  };
  // One level of a place: "option", "field" and its name, "item" and its number. The name belongs
  // to a node of the store.
  struct Step {
    uint32_t parent;  // index into trail_; the whole is at 0
    const char* what;
    std::string_view name;
    std::optional<uint32_t> number;
  };

  Status expand(const Work& work);
  void fields(const Work& work, const Type& sub, const Type& super);
  void tags(const Work& work, const Type& sub, const Type& super);
  void function(const Work& work, const Type& sub, const Type& super);
  void both_ways(const Work& work, TypeIdx sub, TypeIdx super);
  void demand(const Work& from, TypeIdx sub, TypeIdx super, const char* what = "",
              std::string_view name = {}, std::optional<uint32_t> number = {});
  void misfit(const Work& work, Why why, std::string_view label = {},
              std::string_view renamed_from = {});
  std::string path_of(const std::vector<uint32_t>& steps) const;
  std::set<std::pair<TypeIdx, TypeIdx>>* answered();
  Result<TypeIdx> normal(TypeIdx idx);
  bool runtime() const { return rules_ == Rules::kRuntime; }
  bool plain() const { return rules_ == Rules::kPlain; }

  TypeStore& store_;
  Rules rules_;
  size_t limit_;
  std::span<const TypeIdx> bounds_;  // of type parameters, by level
  std::set<std::pair<TypeIdx, TypeIdx>> visited_;
  std::vector<Work> stack_;
  std::vector<Work> children_;
  std::vector<Step> trail_;
  std::vector<Misfit> found_;
};

void Walk::demand(const Work& from, TypeIdx sub, TypeIdx super, const char* what,
                  std::string_view name, std::optional<uint32_t> number) {
  uint32_t trail = from.trail;
  if (*what != '\0') {
    trail = narrow<uint32_t>(trail_.size());
    trail_.push_back({from.trail, what, name, number});
  }
  children_.push_back({sub, super, from.swapped, trail});
}

// "field a, option, element" of steps from the inside outwards.
std::string Walk::path_of(const std::vector<uint32_t>& steps) const {
  std::string path;
  for (size_t i = 0; i < steps.size(); ++i) {
    if (i != 0) path += ", ";
    if (i == kShownLevels && steps.size() > 2 * kShownLevels) {
      const size_t left_out = steps.size() - 2 * kShownLevels;
      path += fmt::format("... {} levels ..., ", left_out);
      i += left_out;
    }
    const Step& step = trail_[steps[steps.size() - 1 - i]];
    path += step.what;
    if (!step.name.empty()) path.append(" ").append(step.name);
    if (step.number) path += fmt::format(" {}", *step.number);
  }
  return path;
}

void Walk::misfit(const Work& work, Why why, std::string_view label,
                  std::string_view renamed_from) {
  if (found_.size() >= limit_) return;
  Misfit misfit;
  misfit.why = why;
  misfit.old_type = work.swapped ? work.super : work.sub;
  misfit.new_type = work.swapped ? work.sub : work.super;
  misfit.label = label;
  misfit.renamed_from = renamed_from;
  misfit.erased = label.starts_with("type ");
  std::vector<uint32_t> steps;
  for (uint32_t at = work.trail; at != 0; at = trail_[at].parent) {
    steps.push_back(at);
    if (trail_[at].name.starts_with("type ")) misfit.erased = true;
  }
  misfit.path = path_of(steps);
  if (!label.empty()) {
    if (!misfit.path.empty()) misfit.path += ", ";
    misfit.path += fmt::format("{} {}", why == Why::kTagGone ? "tag" : "field", label);
  }
  // Where nothing is left, the next step says so.
  static_cast<void>(store_.take_steps(kMisfitSteps + steps.size()));
  found_.push_back(std::move(misfit));
}

void Walk::both_ways(const Work& work, TypeIdx sub, TypeIdx super) {
  demand(work, sub, super);
  Work other = work;
  other.swapped = !work.swapped;
  demand(other, super, sub);
}

const Field* find(const Type& type, std::string_view name) {
  const auto found = std::ranges::lower_bound(type.fields, name, {}, &Field::name);
  return found == type.fields.end() || found->name != name ? nullptr : &*found;
}

// The fields of `sub` that `super` lacks, the first of each type.
std::map<TypeIdx, std::string_view> lost_fields(const Type& sub, const Type& super) {
  std::map<TypeIdx, std::string_view> lost;
  for (const Field& field : sub.fields) {
    if (find(super, field.name) == nullptr) lost.emplace(field.type, field.name);
  }
  return lost;
}

// Records keep their fields; an actor the run-time system compares may lose methods.
void Walk::fields(const Work& work, const Type& sub, const Type& super) {
  const bool may_lose = plain() || (runtime() && sub.kind == Kind::kActor);
  std::optional<std::map<TypeIdx, std::string_view>> lost;
  for (const Field& field : super.fields) {
    if (runtime() && store_.at(field.type).kind == Kind::kTypeField) continue;  // erased
    if (const Field* own = find(sub, field.name)) {
      demand(work, own->type, field.type, "field", field.name);
      continue;
    }
    if (!lost) lost = lost_fields(sub, super);
    const auto renamed = lost->find(field.type);
    misfit(work, Why::kFieldRequired, field.name,
           renamed == lost->end() ? std::string_view() : renamed->second);
  }
  if (may_lose) return;
  for (const Field& field : sub.fields) {
    if (runtime() && store_.at(field.type).kind == Kind::kTypeField) continue;
    if (find(super, field.name) == nullptr) misfit(work, Why::kFieldLost, field.name);
  }
}

void Walk::tags(const Work& work, const Type& sub, const Type& super) {
  for (const Field& tag : sub.fields) {
    if (const Field* own = find(super, tag.name)) {
      demand(work, tag.type, own->type, "tag", tag.name);
    } else {
      misfit(work, Why::kTagGone, tag.name);
    }
  }
}

void Walk::function(const Work& work, const Type& sub, const Type& super) {
  if (sub.sharing != super.sharing || sub.name != super.name) return misfit(work, Why::kSharing);
  if (sub.parts.size() != super.parts.size() || sub.results.size() != super.results.size() ||
      sub.bounds != super.bounds) {
    return misfit(work, Why::kArity);
  }
  for (size_t i = 0; i < sub.parts.size(); ++i) {
    if (i < sub.bounds) {
      both_ways(work, sub.parts[i], super.parts[i]);
      continue;
    }
    Work swapped = work;
    swapped.swapped = !work.swapped;
    demand(swapped, super.parts[i], sub.parts[i], "argument", {},
           narrow<uint32_t>(i - sub.bounds + 1));
  }
  for (size_t i = 0; i < sub.results.size(); ++i) {
    demand(work, sub.results[i], super.results[i], "result", {}, narrow<uint32_t>(i + 1));
  }
}

// What the rules see of a type: definitions followed; for the run-time system, types with one
// type code made one.
Result<TypeIdx> Walk::normal(TypeIdx idx) {
  CANREC_TRY(const TypeIdx plain, store_.unfold(idx));
  if (!runtime()) return plain;
  const Type& type = store_.at(plain);
  if (type.kind == Kind::kPrimitive && type.name == "Char") return store_.primitive("Nat32");
  if (type.kind == Kind::kTuple && type.parts.empty()) return store_.primitive("Null");
  if (type.kind == Kind::kArray) {
    CANREC_TRY(const TypeIdx element, store_.unfold(type.parts[0]));
    if (store_.at(element).kind != Kind::kMutable) return plain;
    Type array;
    array.kind = Kind::kArray;
    array.parts = {store_.at(element).parts[0]};
    Type cell;
    cell.kind = Kind::kMutable;
    cell.parts = {store_.intern(std::move(array))};
    return store_.intern(std::move(cell));
  }
  return plain;
}

Status Walk::expand(const Work& work) {
  const Type& sub = store_.at(work.sub);
  const Type& super = store_.at(work.super);
  const bool sub_primitive = sub.kind == Kind::kPrimitive;
  if ((sub.kind == Kind::kMutable) != (super.kind == Kind::kMutable)) {
    misfit(work, Why::kMutability);
    return Ok{};
  }
  const bool to_any = super.kind == Kind::kPrimitive && super.name == "Any";
  if (sub_primitive && sub.name == "None" && !(to_any && runtime())) return Ok{};
  if (to_any) {
    if (!plain()) misfit(work, runtime() ? Why::kTypes : Why::kPromoted);
    return Ok{};
  }
  if (sub_primitive && sub.name == "Null" && super.kind == Kind::kOption) return Ok{};
  if (sub_primitive && super.kind == Kind::kPrimitive) {
    if (!(sub.name == "Nat" && super.name == "Int")) misfit(work, Why::kTypes);
    return Ok{};
  }
  if (sub.kind == Kind::kParameter && sub.number < bounds_.size() &&
      (super.kind != Kind::kParameter || super.number != sub.number)) {
    demand(work, bounds_[sub.number], work.super);
    return Ok{};
  }
  if (sub.kind != super.kind) {
    misfit(work, Why::kTypes);
    return Ok{};
  }
  switch (sub.kind) {
    case Kind::kOption:
      demand(work, sub.parts[0], super.parts[0], "option");
      break;
    case Kind::kArray:
      demand(work, sub.parts[0], super.parts[0], "element");
      break;
    case Kind::kWeak:
      demand(work, sub.parts[0], super.parts[0], "weak reference");
      break;
    case Kind::kMutable:
      both_ways(work, sub.parts[0], super.parts[0]);
      break;
    case Kind::kAsync:
      if (sub.name != super.name) {
        misfit(work, Why::kTypes);
      } else {
        demand(work, sub.parts[0], super.parts[0]);
      }
      break;
    case Kind::kTuple:
      if (sub.parts.size() != super.parts.size()) {
        misfit(work, Why::kArity);
        break;
      }
      for (size_t i = 0; i < sub.parts.size(); ++i) {
        demand(work, sub.parts[i], super.parts[i], "item", {}, narrow<uint32_t>(i));
      }
      break;
    case Kind::kObject:
    case Kind::kActor:
    case Kind::kModule:
      fields(work, sub, super);
      break;
    case Kind::kVariant:
      tags(work, sub, super);
      break;
    case Kind::kFunction:
      function(work, sub, super);
      break;
    case Kind::kParameter:
      if (sub.number != super.number) misfit(work, Why::kTypes);
      break;
    case Kind::kTypeField:
      if (sub.bounds != super.bounds) {
        misfit(work, Why::kArity);
        break;
      }
      for (size_t i = 0; i < sub.parts.size(); ++i) both_ways(work, sub.parts[i], super.parts[i]);
      both_ways(work, sub.results[0], super.results[0]);
      break;
    case Kind::kPrimitive:
    case Kind::kNamed:
      CANREC_ASSERT(false);
  }
  return Ok{};
}

std::unexpected<Error> too_long() {
  return fail(Errc::kLimit, "the types take too many steps to compare");
}

// The pairs that are known to fit. Plain pairs are not kept: they hold for the bounds only.
std::set<std::pair<TypeIdx, TypeIdx>>* Walk::answered() {
  switch (rules_) {
    case Rules::kPlain:
      return nullptr;
    case Rules::kCompiler:
      return &store_.answers().compiler;
    case Rules::kRuntime:
      return &store_.answers().runtime;
  }
  CANREC_ASSERT(false);
}

Result<std::vector<Misfit>> Walk::run(TypeIdx old_type, TypeIdx new_type) {
  std::set<std::pair<TypeIdx, TypeIdx>>* const known = answered();
  trail_.push_back({0, "", {}, {}});
  stack_.push_back({old_type, new_type, false, 0});
  while (!stack_.empty() && found_.size() < limit_) {
    Work work = stack_.back();
    stack_.pop_back();
    CANREC_TRY(work.sub, normal(work.sub));
    CANREC_TRY(work.super, normal(work.super));
    if (visited_.size() + trail_.size() + stack_.size() >= kMaxPairs || store_.full() ||
        !store_.take_steps(1)) {
      return too_long();
    }
    if (work.sub == work.super) continue;
    if (known != nullptr && known->contains({work.sub, work.super})) continue;
    // Pairs with a primitive end the walk, so each of their places can be reported.
    const bool ends = store_.at(work.sub).kind == Kind::kPrimitive ||
                      store_.at(work.super).kind == Kind::kPrimitive;
    if (!ends && !visited_.emplace(work.sub, work.super).second) continue;
    children_.clear();
    if (!store_.take_steps_of(work.sub) || !store_.take_steps_of(work.super)) return too_long();
    CANREC_CHECK(expand(work));
    stack_.insert(stack_.end(), children_.rbegin(), children_.rend());
  }
  // Where no pair misfits, the pairs hold each other up.
  if (known != nullptr && found_.empty() && known->size() < kMaxPairs) known->merge(visited_);
  return std::move(found_);
}

}  // namespace

Result<std::vector<Misfit>> stable_misfits(TypeStore& store, TypeIdx old_type, TypeIdx new_type,
                                           size_t limit) {
  return Walk(store, Rules::kCompiler, limit).run(old_type, new_type);
}

Result<std::vector<Misfit>> runtime_misfits(TypeStore& store, TypeIdx old_type, TypeIdx new_type,
                                            size_t limit) {
  return Walk(store, Rules::kRuntime, limit).run(old_type, new_type);
}

Result<bool> is_stable(TypeStore& store, TypeIdx type) {
  std::set<TypeIdx>& known = store.answers().stable;
  std::set<TypeIdx> seen;
  std::vector<TypeIdx> open = {type};
  while (!open.empty()) {
    CANREC_TRY(const TypeIdx idx, store.unfold(open.back()));
    open.pop_back();
    if (known.contains(idx) || !seen.insert(idx).second) continue;
    if (!store.take_steps_of(idx)) return fail(Errc::kLimit, "the types take too many steps");
    const Type& node = store.at(idx);
    switch (node.kind) {
      case Kind::kPrimitive:
        if (node.name == "Error") return false;
        break;
      case Kind::kModule:
      case Kind::kAsync:
      case Kind::kParameter:
        return false;
      case Kind::kFunction:
        if (node.sharing == Sharing::kLocal) return false;
        break;
      case Kind::kActor:
      case Kind::kTypeField:
        break;
      default:
        open.insert(open.end(), node.parts.begin(), node.parts.end());
        for (const Field& field : node.fields) open.push_back(field.type);
        break;
    }
  }
  known.merge(seen);
  return true;
}

Result<bool> is_subtype(TypeStore& store, TypeIdx sub, TypeIdx super,
                        std::span<const TypeIdx> bounds) {
  CANREC_TRY(const std::vector<Misfit> misfits,
             Walk(store, Rules::kPlain, 1, bounds).run(sub, super));
  return misfits.empty();
}

}  // namespace canrec::candid::motoko
