// SPDX-License-Identifier: Apache-2.0
// The store of Motoko types: interning, unfolding, printing.
#include "candid/motoko_types.h"

#include <fmt/core.h>

#include <algorithm>

#include "base/checked.h"

namespace canrec::candid::motoko {
namespace {

// Levels of types inside types while parameters are replaced; the parser allows fewer.
constexpr uint32_t kMaxDepth = 1024;
// Definitions that stand for definitions, in a row.
constexpr uint32_t kMaxAliases = 1024;

size_t bytes_of(const Type& type) {
  size_t bytes = sizeof(Type) + type.name.size() + type.fields.size() * sizeof(Field) +
                 (type.parts.size() + type.results.size()) * sizeof(TypeIdx);
  for (const Field& field : type.fields) bytes += field.name.size();
  return bytes;
}

}  // namespace

std::string_view plain_name(std::string_view name) {
  const size_t at = name.rfind("__");
  if (at == std::string_view::npos || at == 0 || at + 2 == name.size()) return name;
  const bool digits =
      std::ranges::all_of(name.substr(at + 2), [](char c) { return c >= '0' && c <= '9'; });
  return digits ? name.substr(0, at) : name;
}

TypeIdx TypeStore::intern(Type type) {
  const TypeIdx idx{narrow<uint32_t>(types_.size())};
  const auto [found, is_new] = known_.try_emplace(std::move(type), idx);
  if (!is_new) return found->second;
  bytes_ += bytes_of(found->first);
  types_.push_back(&found->first);
  return idx;
}

TypeIdx TypeStore::primitive(std::string_view name) {
  Type type;
  type.name = name;
  return intern(std::move(type));
}

uint32_t TypeStore::add_definition(std::string name) {
  definitions_.push_back({.name = std::move(name), .bounds = {}});
  return narrow<uint32_t>(definitions_.size() - 1);
}

Result<TypeIdx> TypeStore::substitute(TypeIdx idx, const std::vector<TypeIdx>& arguments,
                                      uint32_t depth) {
  if (depth == kMaxDepth || full() || !take_steps_of(idx)) {
    return fail(Errc::kLimit, "a type definition unfolds too far");
  }
  Type type = at(idx);
  if (type.kind == Kind::kParameter) {
    return type.number < arguments.size() ? arguments[type.number] : idx;
  }
  for (TypeIdx& part : type.parts) {
    CANREC_TRY(part, substitute(part, arguments, depth + 1));
  }
  for (TypeIdx& result : type.results) {
    CANREC_TRY(result, substitute(result, arguments, depth + 1));
  }
  for (Field& field : type.fields) {
    CANREC_TRY(field.type, substitute(field.type, arguments, depth + 1));
  }
  return intern(std::move(type));
}

Result<TypeIdx> TypeStore::unfold(TypeIdx idx) {
  const TypeIdx first = idx;
  for (uint32_t aliases = 0; at(idx).kind == Kind::kNamed; ++aliases) {
    if (aliases == kMaxAliases) {
      return fail(Errc::kLimit, "a type is defined only by itself (M0157)");
    }
    if (!take_steps(1)) return fail(Errc::kLimit, "the types take too many steps to unfold");
    const auto known = unfolded_.find(idx);
    if (known != unfolded_.end()) {
      idx = known->second;
      continue;
    }
    const Type& named = at(idx);
    const Definition& definition = definitions_[named.number];
    if (!definition.defined) {
      return fail(Errc::kCandidType,
                  fmt::format("type {} is looked into before it is defined (M0168)",
                              plain_name(definition.name)));
    }
    TypeIdx meaning = definition.body;
    if (!named.parts.empty()) {
      CANREC_TRY(meaning, substitute(meaning, named.parts, 0));
    }
    unfolded_.emplace(idx, meaning);
    idx = meaning;
  }
  if (first != idx) unfolded_.insert_or_assign(first, idx);
  return idx;
}

void TypeStore::print_list(std::string& out, const std::vector<TypeIdx>& list, size_t from,
                           uint32_t depth) const {
  for (size_t i = from; i < list.size() && out.size() <= kMaxPrinted; ++i) {
    if (i != from) out += ", ";
    print_to(out, list[i], depth);
  }
}

void TypeStore::print_fields(std::string& out, const Type& type, uint32_t depth) const {
  out += '{';
  if (type.kind == Kind::kVariant && type.fields.empty()) out += '#';
  for (size_t i = 0; i < type.fields.size() && out.size() <= kMaxPrinted; ++i) {
    const Field& field = type.fields[i];
    if (i != 0) out += "; ";
    TypeIdx inner = field.type;
    if (type.kind == Kind::kVariant) {
      out += '#' + field.name;
      const Type& payload = at(inner);
      if (payload.kind == Kind::kTuple && payload.parts.empty()) continue;
    } else {
      if (at(inner).kind == Kind::kMutable) {
        out += "var ";
        inner = at(inner).parts[0];
      }
      out += field.name;
    }
    out += at(inner).kind == Kind::kTypeField ? " = " : " : ";
    print_to(out, inner, depth);
  }
  out += '}';
}

void TypeStore::print_to(std::string& out, TypeIdx idx, uint32_t depth) const {
  if (depth == 0 || out.size() > kMaxPrinted) {
    out += "...";
    return;
  }
  const Type& type = at(idx);
  switch (type.kind) {
    case Kind::kPrimitive:
      out += type.name;
      return;
    case Kind::kOption:
      out += '?';
      print_to(out, type.parts[0], depth - 1);
      return;
    case Kind::kArray: {
      const Type& element = at(type.parts[0]);
      const bool is_mutable = element.kind == Kind::kMutable;
      out += is_mutable ? "[var " : "[";
      print_to(out, is_mutable ? element.parts[0] : type.parts[0], depth - 1);
      out += ']';
      return;
    }
    case Kind::kMutable:
      out += "var ";
      print_to(out, type.parts[0], depth - 1);
      return;
    case Kind::kTuple:
      out += '(';
      print_list(out, type.parts, 0, depth - 1);
      out += ')';
      return;
    case Kind::kActor:
    case Kind::kModule:
      out += type.kind == Kind::kActor ? "actor " : "module ";
      print_fields(out, type, depth - 1);
      return;
    case Kind::kObject:
    case Kind::kVariant:
      print_fields(out, type, depth - 1);
      return;
    case Kind::kFunction:
      if (type.sharing != Sharing::kLocal) out += "shared ";
      if (type.sharing == Sharing::kQuery) out += "query ";
      if (type.sharing == Sharing::kCompositeQuery) out += "composite query ";
      out += '(';
      print_list(out, type.parts, type.bounds, depth - 1);
      out += ") -> ";
      if (!type.name.empty()) out += type.name + ' ';
      if (type.results.size() != 1) out += '(';
      print_list(out, type.results, 0, depth - 1);
      if (type.results.size() != 1) out += ')';
      return;
    case Kind::kAsync:
    case Kind::kWeak:
      out += type.kind == Kind::kWeak ? "weak" : type.name;
      out += ' ';
      print_to(out, type.parts[0], depth - 1);
      return;
    case Kind::kNamed:
      out += plain_name(definitions_[type.number].name);
      if (!type.parts.empty()) {
        out += '<';
        print_list(out, type.parts, 0, depth - 1);
        out += '>';
      }
      return;
    case Kind::kParameter:
      out += type.name;
      return;
    case Kind::kTypeField:
      print_to(out, type.results[0], depth - 1);
      return;
  }
}

std::string TypeStore::print(TypeIdx idx, uint32_t depth) const {
  std::string out;
  print_to(out, idx, depth);
  if (out.size() > kMaxPrinted) out.replace(kMaxPrinted, std::string::npos, "...");
  return out;
}

}  // namespace canrec::candid::motoko
