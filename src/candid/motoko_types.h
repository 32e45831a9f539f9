// SPDX-License-Identifier: Apache-2.0
#pragma once

// Motoko types as far as stable signatures have them.
//
// Types are interned: equal nodes have equal indices, so a recursive type that is unfolded again
// and again leads back to nodes already seen. A defined type with arguments is a kNamed node;
// unfold() gives its meaning. Two signatures that are to be compared share one store.

#include <algorithm>
#include <compare>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"

namespace canrec::candid::motoko {

enum class TypeIdx : uint32_t {};

enum class Kind : uint8_t {
  kPrimitive,  ///< `name`: "Nat", "Text", ...; also Any and None
  kOption,
  kArray,
  kMutable,  ///< what a `var` field or a `[var T]` holds
  kTuple,
  kObject,  ///< records and objects
  kActor,
  kModule,
  kVariant,
  kFunction,
  kAsync,  ///< `name` is "async" or "async*"
  kWeak,
  kNamed,      ///< a definition applied to arguments
  kParameter,  ///< of a definition or function; `number` is its level
  kTypeField,  ///< what a `type` field of an object means; `bounds` parameters, one result
};

/// Where a function may be called from.
enum class Sharing : uint8_t { kLocal, kShared, kQuery, kCompositeQuery };

/// A field, method or tag. A `var` field's type is a kMutable node; a `type` field of an object
/// has the keyword in its name ("type T") and a kTypeField node.
struct Field {
  std::string name;
  TypeIdx type = {};
  auto operator<=>(const Field&) const = default;
};

/// A node; which members count depends on the kind.
struct Type {
  Kind kind = Kind::kPrimitive;
  Sharing sharing = Sharing::kLocal;  ///< function
  uint32_t number = 0;                ///< named: the definition; parameter: the level
  std::string name;                   ///< function: "async" when the results are a future's
  std::vector<Field> fields;          ///< object, actor, module, variant: sorted by name
  std::vector<TypeIdx> parts;  ///< inner, elements, named: arguments, function: bounds + arguments
  std::vector<TypeIdx> results;  ///< function, type field
  uint32_t bounds = 0;           ///< function: how many of `parts` are bounds of type parameters
  auto operator<=>(const Type&) const = default;
};

/// A type definition of a signature.
struct Definition {
  std::string name;
  std::vector<TypeIdx> bounds;  ///< of its parameters; they have the levels 0, 1, ...
  TypeIdx body = {};
  bool defined = false;  ///< its body has been read
};

/// What questions about the types of a store have found, so that they are not asked again.
struct Answers {
  std::set<TypeIdx> stable;  ///< types whose values can be kept
  /// Pairs without a misfit, for the compiler and for the run-time system.
  std::set<std::pair<TypeIdx, TypeIdx>> compiler;
  std::set<std::pair<TypeIdx, TypeIdx>> runtime;
};

/// Owns the types of one or more signatures, and bounds the work that is done on them. Its nodes
/// stay where they are while it grows.
class TypeStore {
 public:
  /// Nodes at most. Reason: a hostile definition can unfold to ever new types.
  static constexpr size_t kMaxNodes = 200'000;
  /// Bytes of nodes at most. Reason: a short text can have a wide type unfolded, or met with
  /// others, again and again.
  static constexpr size_t kMaxBytes = size_t{64} << 20;
  /// Parts of types that are looked at, at most, in all questions together. Reason: each variable,
  /// and each `and`, may be a question as long as the product of two texts.
  static constexpr uint64_t kMaxSteps = 50'000'000;
  /// Bytes that print() gives at most, "..." not counted. Reason: people read it.
  static constexpr size_t kMaxPrinted = 1000;

  TypeStore() = default;
  TypeStore(const TypeStore&) = delete;
  TypeStore& operator=(const TypeStore&) = delete;

  const Type& at(TypeIdx idx) const { return *types_[static_cast<uint32_t>(idx)]; }
  TypeIdx intern(Type type);
  TypeIdx primitive(std::string_view name);
  /// Room for a definition; its body is set when it has been read.
  uint32_t add_definition(std::string name);
  Definition& definition(uint32_t number) { return definitions_[number]; }

  /// Follows definitions to something else.
  /// Errors: kLimit when it does not end; kCandidType at a definition that has not been read.
  Result<TypeIdx> unfold(TypeIdx idx);
  /// The type in one line, definitions by their names without the compiler's suffix, not deeper
  /// than `depth`; "..." stands for what is left out.
  std::string print(TypeIdx idx, uint32_t depth = 6) const;
  bool full() const { return types_.size() >= kMaxNodes || bytes_ >= kMaxBytes; }
  /// So many parts of types are looked at. False when all steps are used up.
  bool take_steps(uint64_t count) {
    steps_ -= std::min(count, steps_);
    return steps_ != 0;
  }
  /// The same for a type with its parts.
  bool take_steps_of(TypeIdx idx) { return take_steps(1 + width(at(idx))); }
  Answers& answers() { return answers_; }

 private:
  Result<TypeIdx> substitute(TypeIdx idx, const std::vector<TypeIdx>& arguments, uint32_t depth);
  void print_to(std::string& out, TypeIdx idx, uint32_t depth) const;
  void print_list(std::string& out, const std::vector<TypeIdx>& list, size_t from,
                  uint32_t depth) const;
  void print_fields(std::string& out, const Type& type, uint32_t depth) const;
  static size_t width(const Type& type) {
    return type.fields.size() + type.parts.size() + type.results.size();
  }

  std::map<Type, TypeIdx> known_;
  std::vector<const Type*> types_;  // into known_
  size_t bytes_ = 0;                // of known_
  uint64_t steps_ = kMaxSteps;      // left
  std::vector<Definition> definitions_;
  std::map<TypeIdx, TypeIdx> unfolded_;
  Answers answers_;
};

/// "Tree__315864666" without the suffix that the compiler adds to make names unique.
std::string_view plain_name(std::string_view name);

}  // namespace canrec::candid::motoko
