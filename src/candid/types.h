// SPDX-License-Identifier: Apache-2.0
#pragma once

// Candid types as nodes of an environment.
//
// A type is an index (TypeIdx) into a TypeEnv, so recursion is an index that leads back and no
// type owns another. The primitives have fixed indices in every environment; a type definition is
// a node of kind kName whose `inner` is what the name stands for. The same representation serves
// `.did` files, the type table of a message (no names there) and types inferred from text values.
// Source: https://github.com/dfinity/candid/blob/master/spec/Candid.md#core-grammar

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace canrec::candid {

/// Index of a type in its environment.
enum class TypeIdx : uint32_t {};

/// Constructor of a type. The primitives come first, so that a primitive's kind is its index.
enum class Kind : uint8_t {
  kNull,
  kBool,
  kNat,
  kInt,
  kNat8,
  kNat16,
  kNat32,
  kNat64,
  kInt8,
  kInt16,
  kInt32,
  kInt64,
  kFloat32,
  kFloat64,
  kText,
  kReserved,
  kEmpty,
  kPrincipal,
  kOpt,
  kVec,
  kRecord,
  kVariant,
  kFunc,
  kService,
  kFuture,  ///< an entry of a message's table whose opcode is not known yet
  kName,    ///< a definition; `inner` is what it stands for
};
inline constexpr uint32_t kPrimitiveKinds = static_cast<uint32_t>(Kind::kOpt);

constexpr TypeIdx primitive(Kind kind) { return TypeIdx{static_cast<uint32_t>(kind)}; }
/// "nat8"; also for the composite kinds ("record").
std::string_view kind_name(Kind kind);
/// The primitive that a word of a `.did` file means, if it is one.
std::optional<Kind> primitive_by_name(std::string_view word);

/// A field of a record or a tag of a variant. Equality of fields is equality of labels.
struct Field {
  uint32_t label = 0;
  TypeIdx type = primitive(Kind::kNull);
  std::optional<std::string> name = {};  ///< as spelled; nothing when only the number is known
  std::string docs = {};  ///< comment lines without their slashes, joined by newlines

  /// The name, or the number in decimal.
  std::string words() const { return name ? *name : std::to_string(label); }
};

/// An argument or result; its name is documentation.
struct Arg {
  TypeIdx type = primitive(Kind::kNull);
  std::optional<std::string> name;
};

enum class Mode : uint8_t { kUpdate, kQuery, kOneway, kCompositeQuery };
/// "update", "query", "oneway", "composite_query".
std::string_view mode_name(Mode mode);

/// A method of a service; `type` leads to a function type.
struct Method {
  std::string name;
  TypeIdx type = primitive(Kind::kNull);
  std::string docs;
};

/// A node. Which members count depends on `kind`; the others are empty.
struct Type {
  Kind kind = Kind::kNull;
  Mode mode = Mode::kUpdate;               ///< func
  TypeIdx inner = primitive(Kind::kNull);  ///< opt, vec, name
  std::vector<Field> fields;               ///< record, variant: strictly ascending labels
  std::vector<Arg> args;                   ///< func
  std::vector<Arg> results;                ///< func
  std::vector<Method> methods;             ///< service: strictly ascending names (bytes)
  std::string name;                        ///< name
};

/// A named type of a file, in the order of the file.
struct Definition {
  std::string name;
  TypeIdx node = primitive(Kind::kNull);  ///< the kName node
  std::string docs;
};

/// Owns the nodes of a set of types.
class TypeEnv {
 public:
  TypeEnv();

  const Type& at(TypeIdx idx) const { return types_[static_cast<uint32_t>(idx)]; }
  Type& at(TypeIdx idx) { return types_[static_cast<uint32_t>(idx)]; }
  size_t size() const { return types_.size(); }

  /// Follows names to a constructor or primitive. Every name leads somewhere once the parser has
  /// checked its file.
  TypeIdx resolve(TypeIdx idx) const {
    while (at(idx).kind == Kind::kName) idx = at(idx).inner;
    return idx;
  }
  const Type& resolved(TypeIdx idx) const { return at(resolve(idx)); }
  Kind kind(TypeIdx idx) const { return resolved(idx).kind; }
  /// null, opt and reserved: what a missing field may be read as.
  bool is_nullable(TypeIdx idx) const;
  bool is_blob(TypeIdx idx) const;

  TypeIdx add(Type type);
  TypeIdx add_opt(TypeIdx inner);
  TypeIdx add_vec(TypeIdx inner);
  /// A record or variant; sorts the fields. The labels are distinct.
  TypeIdx add_fields(Kind kind, std::vector<Field> fields);

  /// The node of a name, made when it is new; it stands for nothing until `define`.
  TypeIdx name_node(std::string_view name);
  std::optional<TypeIdx> find_name(std::string_view name) const;
  /// Whether the name node has been given a meaning.
  bool is_defined(TypeIdx name_node) const { return at(name_node).inner != name_node; }
  void define(TypeIdx name_node, TypeIdx meaning, std::string docs);
  const std::vector<Definition>& definitions() const { return definitions_; }

 private:
  std::vector<Type> types_;
  std::vector<Definition> definitions_;
  std::map<std::string, TypeIdx, std::less<>> names_;
};

/// The place of a label in ascending fields, or nothing.
std::optional<size_t> find_field(const std::vector<Field>& fields, uint32_t label);
/// Whether the labels are 0, 1, 2, ...
bool is_tuple(const std::vector<Field>& fields);
/// The method of that name, or nullptr.
const Method* find_method(const Type& service, std::string_view name);

/// The service at the end of a file.
struct Actor {
  TypeIdx service = primitive(Kind::kNull);     ///< leads to a service type
  std::optional<std::vector<Arg>> constructor;  ///< init arguments, when there is an arrow
  std::optional<std::string> name;              ///< documentation
  std::string docs;
};

/// A whole `.did` file with what it imports.
struct Program {
  TypeEnv env;
  std::optional<Actor> actor;
};

/// Argument or result types without a service: "(nat, opt text)".
struct TypeTuple {
  TypeEnv env;
  std::vector<Arg> args;
};

}  // namespace canrec::candid
