// SPDX-License-Identifier: Apache-2.0
#pragma once

// The subtype relation, lenient and strict.
//
// `s <: t` is a conjunction all the way down: whatever two types are compared, exactly one rule
// applies, and it demands that some pairs of parts are related as well. So there is nothing to try
// and nothing to roll back: s <: t fails exactly when a pair of types that cannot stand for each
// other is reached from it. The check walks the reachable pairs once, with a stack of its own.
//
// Lenient is the specification, where everything is a subtype of every option; the walk does not
// go below options. Strict goes below them by the regular rules, and what it finds there are the
// places where a value silently reads as null.
// Source: https://github.com/dfinity/candid/blob/master/spec/Candid.md#upgrading-and-subtyping

#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "base/error.h"
#include "candid/types.h"

namespace canrec::candid {

/// A type with the environment it lives in.
struct TypeRef {
  const TypeEnv* env;
  TypeIdx type;
};

/// Why two types do not fit.
enum class ProblemKind : uint8_t {
  kMethodMissing,  ///< a method of the supertype is not there
  kAnnotation,     ///< query, oneway, composite_query differ
  kFieldMissing,   ///< the supertype wants a field that is not there
  kTagUnknown,     ///< the subtype has a tag that the supertype lacks
  kMismatch,       ///< anything else
};

/// One step from a service or type inward.
enum class StepKind : uint8_t { kMethod, kArgument, kResult, kField, kTag, kOption, kElement };
struct Step {
  StepKind kind;
  std::string label;  ///< name, or the number from 1 for arguments and results
};

/// A pair of types that does not fit.
struct Misfit {
  ProblemKind kind = ProblemKind::kMismatch;
  std::vector<Step> path;  ///< ends at what is missing, where something is
  TypeRef sub;             ///< the type read from; its env is null when there is none
  TypeRef super;           ///< the type read at; likewise
  bool swapped = false;    ///< behind an odd number of arguments: `sub` is of the supertype's side
  bool below_option = false;  ///< only strict minds
  std::string label;          ///< the method, field or tag that is missing
};

/// Checks pairs of types of two environments, remembering what it has found to hold.
class SubtypeChecker {
 public:
  /// Pairs all questions of a checker may visit, each counted as often as something demands it.
  /// Reason: hostile types of n and m nodes have n * m pairs, and each takes some 150 bytes; the
  /// largest interfaces of the network's own canisters demand some thousands.
  static constexpr uint64_t kMaxPairs = 3'000'000;

  SubtypeChecker(const TypeEnv& sub, const TypeEnv& super, uint64_t max_pairs = kMaxPairs)
      : sub_(&sub), super_(&super), left_(max_pairs) {}

  /// Whether s <: t by the specification. Errors: kLimit.
  Result<bool> lenient(TypeIdx s, TypeIdx t) { return holds(s, t, Options::kPass, lenient_); }
  /// Whether s <: t without the special option rule. Errors: kLimit.
  Result<bool> strict(TypeIdx s, TypeIdx t) { return holds(s, t, Options::kEnter, strict_); }
  /// The misfits of s <: t, at most `limit`: first those that break the specification, then those
  /// below options, each in the order of the types. A pair of composite types is reported once,
  /// with the first path that leads to it. Errors: kLimit.
  Result<std::vector<Misfit>> misfits(TypeIdx s, TypeIdx t, size_t limit);

 private:
  // A question: is `s` a subtype of `t`, where `s` is of the first environment unless swapped.
  struct Pair {
    TypeIdx s;
    TypeIdx t;
    bool swapped;
    auto operator<=>(const Pair&) const = default;
  };
  struct Work {
    Pair pair;
    bool below_option;
    uint32_t path;  // index into trail_
  };
  // What the walk does at an option: pass by, walk on as if it were nothing, walk below it last.
  enum class Options : uint8_t { kPass, kEnter, kEnterLast };
  struct Trail {
    uint32_t parent;
    Step step;
  };

  Result<bool> holds(TypeIdx s, TypeIdx t, Options options, std::set<Pair>& known);
  // Walks everything reachable from the root; stops at the first misfit unless they are collected.
  Result<bool> run(const Pair& root);
  bool expand(const Work& work);
  bool expand_option(const Work& work, TypeIdx s, TypeIdx t);
  bool expand_record(const Work& work, const Type& s, const Type& t);
  bool expand_variant(const Work& work, const Type& s, const Type& t);
  bool expand_func(const Work& work, const Type& s, const Type& t);
  bool expand_service(const Work& work, const Type& s, const Type& t);
  bool expand_tuple(const Work& work, const std::vector<Arg>& s, const std::vector<Arg>& t,
                    bool arguments);
  void demand(const Work& from, TypeIdx s, TypeIdx t, StepKind kind, std::string_view label);
  bool misfit(const Work& work, ProblemKind kind);
  bool missing(const Work& work, ProblemKind kind, TypeIdx type, Step step);
  Misfit& note(const Work& work, ProblemKind kind);
  const TypeEnv& env_s(const Work& work) const { return work.pair.swapped ? *super_ : *sub_; }
  const TypeEnv& env_t(const Work& work) const { return work.pair.swapped ? *sub_ : *super_; }

  const TypeEnv* sub_;
  const TypeEnv* super_;
  uint64_t left_;
  std::set<Pair> lenient_;  // what earlier questions found to hold
  std::set<Pair> strict_;
  // The question at hand.
  Options options_ = Options::kPass;
  const std::set<Pair>* known_ = nullptr;
  std::set<Pair> visited_;
  std::vector<Work> stack_;
  std::vector<Work> children_;
  std::vector<Work> deferred_;
  std::vector<Trail> trail_;
  std::vector<Misfit>* found_ = nullptr;
  size_t limit_ = 0;
};

/// s <: t by the specification. Errors: kLimit.
Result<bool> is_subtype(TypeRef s, TypeRef t);
/// s <: t without the special option rule. Errors: kLimit.
Result<bool> is_strict_subtype(TypeRef s, TypeRef t);

}  // namespace canrec::candid
