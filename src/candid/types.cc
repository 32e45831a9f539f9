// SPDX-License-Identifier: Apache-2.0
// The type environment.
#include "candid/types.h"

#include <algorithm>
#include <array>

#include "base/checked.h"

namespace canrec::candid {
namespace {

constexpr std::array<std::string_view, 26> kKindNames = {
    "null",    "bool",     "nat",     "int",         "nat8",  "nat16",   "nat32",
    "nat64",   "int8",     "int16",   "int32",       "int64", "float32", "float64",
    "text",    "reserved", "empty",   "principal",   "opt",   "vec",     "record",
    "variant", "func",     "service", "future type", "name"};

}  // namespace

std::string_view kind_name(Kind kind) { return kKindNames[static_cast<size_t>(kind)]; }

std::optional<Kind> primitive_by_name(std::string_view word) {
  for (uint32_t i = 0; i < kPrimitiveKinds; ++i) {
    if (kKindNames[i] == word) return static_cast<Kind>(i);
  }
  return std::nullopt;
}

std::string_view mode_name(Mode mode) {
  switch (mode) {
    case Mode::kUpdate:
      return "update";
    case Mode::kQuery:
      return "query";
    case Mode::kOneway:
      return "oneway";
    case Mode::kCompositeQuery:
      return "composite_query";
  }
  CANREC_ASSERT(false);
}

TypeEnv::TypeEnv() {
  types_.resize(kPrimitiveKinds);
  for (uint32_t i = 0; i < kPrimitiveKinds; ++i) types_[i].kind = static_cast<Kind>(i);
}

bool TypeEnv::is_nullable(TypeIdx idx) const {
  const Kind k = kind(idx);
  return k == Kind::kNull || k == Kind::kOpt || k == Kind::kReserved;
}

bool TypeEnv::is_blob(TypeIdx idx) const {
  const Type& type = resolved(idx);
  return type.kind == Kind::kVec && resolve(type.inner) == primitive(Kind::kNat8);
}

TypeIdx TypeEnv::add(Type type) {
  const TypeIdx idx{narrow<uint32_t>(types_.size())};
  types_.push_back(std::move(type));
  return idx;
}

TypeIdx TypeEnv::add_opt(TypeIdx inner) {
  Type type;
  type.kind = Kind::kOpt;
  type.inner = inner;
  return add(std::move(type));
}

TypeIdx TypeEnv::add_vec(TypeIdx inner) {
  Type type;
  type.kind = Kind::kVec;
  type.inner = inner;
  return add(std::move(type));
}

TypeIdx TypeEnv::add_fields(Kind kind, std::vector<Field> fields) {
  CANREC_ASSERT(kind == Kind::kRecord || kind == Kind::kVariant);
  std::ranges::sort(fields, {}, &Field::label);
  CANREC_ASSERT(std::ranges::adjacent_find(fields, {}, &Field::label) == fields.end());
  Type type;
  type.kind = kind;
  type.fields = std::move(fields);
  return add(std::move(type));
}

TypeIdx TypeEnv::name_node(std::string_view name) {
  if (const auto found = find_name(name)) return *found;
  Type type;
  type.kind = Kind::kName;
  type.name = name;
  const TypeIdx idx = add(std::move(type));
  at(idx).inner = idx;
  names_.emplace(name, idx);
  return idx;
}

std::optional<TypeIdx> TypeEnv::find_name(std::string_view name) const {
  const auto found = names_.find(name);
  if (found == names_.end()) return std::nullopt;
  return found->second;
}

void TypeEnv::define(TypeIdx name_node, TypeIdx meaning, std::string docs) {
  at(name_node).inner = meaning;
  definitions_.push_back({at(name_node).name, name_node, std::move(docs)});
}

std::optional<size_t> find_field(const std::vector<Field>& fields, uint32_t label) {
  const auto found = std::ranges::lower_bound(fields, label, {}, &Field::label);
  if (found == fields.end() || found->label != label) return std::nullopt;
  return static_cast<size_t>(found - fields.begin());
}

bool is_tuple(const std::vector<Field>& fields) {
  for (size_t i = 0; i < fields.size(); ++i) {
    if (fields[i].label != i || fields[i].name) return false;
  }
  return true;
}

const Method* find_method(const Type& service, std::string_view name) {
  const auto found = std::ranges::lower_bound(service.methods, name, {}, &Method::name);
  if (found == service.methods.end() || found->name != name) return nullptr;
  return &*found;
}

}  // namespace canrec::candid
