// SPDX-License-Identifier: Apache-2.0
// The walk over pairs of types.
#include "candid/subtype.h"

#include <algorithm>

#include "base/checked.h"

namespace canrec::candid {

void SubtypeChecker::demand(const Work& from, TypeIdx s, TypeIdx t, StepKind kind,
                            std::string_view label) {
  Work work{{s, t, from.pair.swapped}, from.below_option, from.path};
  if (found_ != nullptr) {
    work.path = narrow<uint32_t>(trail_.size());
    trail_.push_back({from.path, {kind, std::string(label)}});
  }
  if (kind == StepKind::kOption && options_ == Options::kEnterLast && !from.below_option) {
    work.below_option = true;
    deferred_.push_back(work);
  } else {
    children_.push_back(work);
  }
}

Misfit& SubtypeChecker::note(const Work& work, ProblemKind kind) {
  Misfit misfit;
  misfit.kind = kind;
  misfit.sub = {&env_s(work), work.pair.s};
  misfit.super = {&env_t(work), work.pair.t};
  misfit.swapped = work.pair.swapped;
  misfit.below_option = work.below_option;
  for (uint32_t at = work.path; at != 0; at = trail_[at].parent) {
    misfit.path.push_back(trail_[at].step);
  }
  std::ranges::reverse(misfit.path);
  found_->push_back(std::move(misfit));
  return found_->back();
}

bool SubtypeChecker::misfit(const Work& work, ProblemKind kind) {
  if (found_ == nullptr) return false;
  note(work, kind);
  return found_->size() < limit_;
}

// A part that only one of the types has: `type` is of the subtype for a tag, else of the supertype.
bool SubtypeChecker::missing(const Work& work, ProblemKind kind, TypeIdx type, Step step) {
  if (found_ == nullptr) return false;
  Misfit& misfit = note(work, kind);
  misfit.path.push_back(std::move(step));
  const bool in_sub = kind == ProblemKind::kTagUnknown;
  (in_sub ? misfit.sub : misfit.super).type = type;
  (in_sub ? misfit.super : misfit.sub).env = nullptr;
  return found_->size() < limit_;
}

bool SubtypeChecker::expand_option(const Work& work, TypeIdx s, TypeIdx t) {
  if (options_ == Options::kPass) return true;
  const Type& from = env_s(work).at(s);
  const TypeIdx inner = env_t(work).at(t).inner;
  if (from.kind == Kind::kNull || from.kind == Kind::kReserved) return true;
  demand(work, from.kind == Kind::kOpt ? from.inner : s, inner, StepKind::kOption, "");
  return true;
}

bool SubtypeChecker::expand_record(const Work& work, const Type& s, const Type& t) {
  for (const Field& field : t.fields) {
    if (const auto place = find_field(s.fields, field.label)) {
      demand(work, s.fields[*place].type, field.type, StepKind::kField, field.words());
    } else if (!env_t(work).is_nullable(field.type)) {
      const Step step{StepKind::kField, field.words()};
      if (!missing(work, ProblemKind::kFieldMissing, field.type, step)) return false;
    }
  }
  return true;
}

bool SubtypeChecker::expand_variant(const Work& work, const Type& s, const Type& t) {
  for (const Field& tag : s.fields) {
    if (const auto place = find_field(t.fields, tag.label)) {
      demand(work, tag.type, t.fields[*place].type, StepKind::kTag, tag.words());
    } else if (!missing(work, ProblemKind::kTagUnknown, tag.type, {StepKind::kTag, tag.words()})) {
      return false;
    }
  }
  return true;
}

bool SubtypeChecker::expand_tuple(const Work& work, const std::vector<Arg>& s,
                                  const std::vector<Arg>& t, bool arguments) {
  for (size_t i = 0; i < t.size(); ++i) {
    const StepKind kind = arguments ? StepKind::kArgument : StepKind::kResult;
    if (i < s.size()) {
      demand(work, s[i].type, t[i].type, kind, std::to_string(i + 1));
    } else if (!env_t(work).is_nullable(t[i].type)) {
      const Step step{kind, std::to_string(i + 1)};
      if (!missing(work, ProblemKind::kFieldMissing, t[i].type, step)) return false;
    }
  }
  return true;
}

bool SubtypeChecker::expand_func(const Work& work, const Type& s, const Type& t) {
  if (s.mode != t.mode && !misfit(work, ProblemKind::kAnnotation)) return false;
  // Arguments go the other way: what the supertype's callers send, the subtype must read.
  Work swapped = work;
  swapped.pair = {work.pair.t, work.pair.s, !work.pair.swapped};
  return expand_tuple(swapped, t.args, s.args, true) &&
         expand_tuple(work, s.results, t.results, false);
}

bool SubtypeChecker::expand_service(const Work& work, const Type& s, const Type& t) {
  for (const Method& method : t.methods) {
    if (const Method* own = find_method(s, method.name)) {
      demand(work, own->type, method.type, StepKind::kMethod, method.name);
    } else if (!missing(work, ProblemKind::kMethodMissing, method.type,
                        {StepKind::kMethod, method.name})) {
      return false;
    }
  }
  return true;
}

// Compares one pair by the rule that applies: notes the misfit or demands the parts. False when the
// walk may stop.
bool SubtypeChecker::expand(const Work& work) {
  const TypeIdx s_idx = env_s(work).resolve(work.pair.s);
  const TypeIdx t_idx = env_t(work).resolve(work.pair.t);
  const Type& s = env_s(work).at(s_idx);
  const Type& t = env_t(work).at(t_idx);
  if (t.kind == Kind::kReserved || s.kind == Kind::kEmpty) return true;
  if (t.kind == Kind::kOpt) return expand_option(work, s_idx, t_idx);
  if (s.kind == Kind::kNat && t.kind == Kind::kInt) return true;
  if (s.kind == Kind::kService && t.kind == Kind::kPrincipal) return true;
  if (s.kind != t.kind) return misfit(work, ProblemKind::kMismatch);
  switch (s.kind) {
    case Kind::kVec:
      demand(work, s.inner, t.inner, StepKind::kElement, "");
      return true;
    case Kind::kRecord:
      return expand_record(work, s, t);
    case Kind::kVariant:
      return expand_variant(work, s, t);
    case Kind::kFunc:
      return expand_func(work, s, t);
    case Kind::kService:
      return expand_service(work, s, t);
    default:
      return true;  // the same primitive
  }
}

Result<bool> SubtypeChecker::run(const Pair& root) {
  visited_.clear();
  stack_.clear();
  deferred_.clear();
  trail_.assign(1, {0, {StepKind::kMethod, ""}});
  stack_.push_back({root, false, 0});
  while (true) {
    if (stack_.empty()) {
      if (deferred_.empty()) return true;
      stack_.swap(deferred_);
      std::ranges::reverse(stack_);
    }
    const Work work = stack_.back();
    stack_.pop_back();
    const Pair key{env_s(work).resolve(work.pair.s), env_t(work).resolve(work.pair.t),
                   work.pair.swapped};
    if (known_ != nullptr && known_->contains(key)) continue;
    // A pair with a primitive ends the walk there, so its every place can be reported.
    const Kind t_kind = env_t(work).at(key.t).kind;
    const bool ends =
        t_kind < Kind::kOpt || (t_kind != Kind::kOpt && env_s(work).at(key.s).kind < Kind::kOpt);
    if (!ends && !visited_.insert(key).second) continue;
    if (left_ == 0) return fail(Errc::kLimit, "comparing the types takes too many steps");
    children_.clear();
    if (!expand(work)) return false;
    left_ -= std::min(left_, uint64_t{1} + children_.size());
    stack_.insert(stack_.end(), children_.rbegin(), children_.rend());
  }
}

Result<bool> SubtypeChecker::holds(TypeIdx s, TypeIdx t, Options options, std::set<Pair>& known) {
  options_ = options;
  known_ = &known;
  found_ = nullptr;
  CANREC_TRY(const bool held, run({s, t, false}));
  // A walk that met no misfit has shown that every pair on it holds.
  if (held) known.merge(visited_);
  return held;
}

Result<std::vector<Misfit>> SubtypeChecker::misfits(TypeIdx s, TypeIdx t, size_t limit) {
  std::vector<Misfit> found;
  options_ = Options::kEnterLast;
  known_ = nullptr;
  found_ = &found;
  limit_ = limit;
  CANREC_CHECK(run({s, t, false}));
  found_ = nullptr;
  return found;
}

Result<bool> is_subtype(TypeRef s, TypeRef t) {
  return SubtypeChecker(*s.env, *t.env).lenient(s.type, t.type);
}

Result<bool> is_strict_subtype(TypeRef s, TypeRef t) {
  return SubtypeChecker(*s.env, *t.env).strict(s.type, t.type);
}

}  // namespace canrec::candid
