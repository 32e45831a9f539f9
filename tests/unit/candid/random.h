// SPDX-License-Identifier: Apache-2.0
#pragma once

// Random types and values from a seed.

#include <random>
#include <string>
#include <vector>

#include "candid/types.h"
#include "candid/value.h"

namespace canrec::candid::test {

class Random {
 public:
  explicit Random(uint64_t seed) : engine_(seed) {}

  /// A number below n; distributions of the library differ between platforms, this does not.
  uint64_t below(uint64_t n) { return engine_() % n; }
  bool one_in(uint64_t n) { return below(n) == 0; }

  /// Definitions t0, t1, ... that may refer to each other, then types that may use them. Every
  /// type has values.
  std::vector<TypeIdx> types(TypeEnv& env, size_t count) {
    names_.clear();
    for (size_t i = 0; i < 3; ++i) names_.push_back(env.name_node("t" + std::to_string(i)));
    for (const TypeIdx name : names_) env.define(name, guarded(env), "");
    std::vector<TypeIdx> list;
    for (size_t i = 0; i < count; ++i) list.push_back(type(env, 4));
    return list;
  }

  TypeIdx type(TypeEnv& env, uint32_t depth) {
    static constexpr Kind kPrimitives[] = {
        Kind::kNull,     Kind::kBool,     Kind::kNat,   Kind::kInt,     Kind::kNat8,
        Kind::kNat16,    Kind::kNat32,    Kind::kNat64, Kind::kInt8,    Kind::kInt16,
        Kind::kInt32,    Kind::kInt64,    Kind::kText,  Kind::kFloat32, Kind::kFloat64,
        Kind::kReserved, Kind::kPrincipal};
    if (depth == 0 || one_in(3)) return primitive(kPrimitives[below(std::size(kPrimitives))]);
    switch (below(8)) {
      case 0:
        return env.add_opt(one_in(3) ? names_[below(names_.size())] : type(env, depth - 1));
      case 1:
        return env.add_vec(one_in(3) ? names_[below(names_.size())] : type(env, depth - 1));
      case 2:
        return env.add_vec(primitive(Kind::kNat8));
      case 3:
      case 4:
        return fields(env, Kind::kRecord, depth);
      case 5:
        return fields(env, Kind::kVariant, depth);
      case 6: {
        Type func;
        func.kind = Kind::kFunc;
        func.mode = one_in(2) ? Mode::kQuery : Mode::kUpdate;
        for (uint64_t i = below(3); i > 0; --i) func.args.push_back({type(env, depth - 1), {}});
        for (uint64_t i = below(3); i > 0; --i) func.results.push_back({type(env, depth - 1), {}});
        return env.add(std::move(func));
      }
      default: {
        Type service;
        service.kind = Kind::kService;
        Type func;
        func.kind = Kind::kFunc;
        func.args.push_back({type(env, depth - 1), {}});
        if (one_in(2)) service.methods.push_back({"m", env.add(func), ""});
        return env.add(std::move(service));
      }
    }
  }

  Value value(const TypeEnv& env, TypeIdx idx, Arena& arena, uint32_t depth = 6) {
    const Type& type = env.resolved(idx);
    switch (type.kind) {
      case Kind::kBool:
        return Value::boolean(one_in(2));
      case Kind::kNat:
        if (one_in(4)) return Value::nat(arena, *BigInt::parse(digits(), false));
        return Value::natural(number());
      case Kind::kInt:
        if (one_in(4)) return Value::int_of(arena, *BigInt::parse(digits(), one_in(2)));
        return Value::integer(static_cast<int64_t>(number()));
      case Kind::kNat8:
      case Kind::kNat16:
      case Kind::kNat32:
      case Kind::kNat64:
        return Value::natural(number() >> (64 - (8U << (static_cast<int>(type.kind) -
                                                        static_cast<int>(Kind::kNat8)))));
      case Kind::kInt8:
      case Kind::kInt16:
      case Kind::kInt32:
      case Kind::kInt64:
        return Value::integer(
            static_cast<int64_t>(engine_()) >>
            (64 - (8U << (static_cast<int>(type.kind) - static_cast<int>(Kind::kInt8)))));
      case Kind::kFloat32:
        return Value::float32(static_cast<float>(static_cast<int64_t>(engine_())) * 1e-10F);
      case Kind::kFloat64:
        return Value::float64(static_cast<double>(static_cast<int64_t>(engine_())) * 1e-12);
      case Kind::kText:
        return Value::text(arena, text());
      case Kind::kPrincipal:
      case Kind::kService:
        return Value::principal(arena, ic::Principal::canister(below(1000)).bytes());
      case Kind::kFunc:
        return Value::func(arena, {ic::Principal::canister(below(1000)).bytes(), text()});
      case Kind::kOpt:
        if (depth == 0 || one_in(3)) return {};
        return Value::some(arena, value(env, type.inner, arena, depth - 1));
      case Kind::kVec: {
        const uint64_t count = depth == 0 ? 0 : below(4);
        if (env.is_blob(idx)) {
          Bytes bytes(count * 5);
          for (uint8_t& byte : bytes) byte = static_cast<uint8_t>(engine_());
          return Value::blob(arena, bytes);
        }
        std::vector<Value> items;
        for (uint64_t i = 0; i < count; ++i) {
          items.push_back(value(env, type.inner, arena, depth - 1));
        }
        return Value::list(arena, items);
      }
      case Kind::kRecord: {
        std::vector<Value> items;
        for (const Field& field : type.fields) {
          items.push_back(value(env, field.type, arena, depth == 0 ? 0 : depth - 1));
        }
        return Value::list(arena, items);
      }
      case Kind::kVariant: {
        const size_t tag = below(type.fields.size());
        return Value::variant(arena, tag,
                              value(env, type.fields[tag].type, arena, depth == 0 ? 0 : depth - 1));
      }
      default:
        return {};
    }
  }

  /// A type above `idx` in the relation: fields dropped, tags and options added, nat to int.
  TypeIdx supertype(TypeEnv& env, TypeIdx idx, uint32_t depth = 6) {
    // A copy, because the environment grows.
    const Type type = env.resolved(idx);
    if (depth == 0) return idx;
    if (one_in(8)) return primitive(Kind::kReserved);
    if (one_in(6)) return env.add_opt(supertype(env, idx, depth - 1));
    switch (type.kind) {
      case Kind::kNat:
        return primitive(one_in(2) ? Kind::kInt : Kind::kNat);
      case Kind::kService:
        return one_in(2) ? primitive(Kind::kPrincipal) : idx;
      case Kind::kOpt:
        return env.add_opt(supertype(env, type.inner, depth - 1));
      case Kind::kVec:
        return env.add_vec(supertype(env, type.inner, depth - 1));
      case Kind::kRecord: {
        std::vector<Field> kept;
        for (const Field& field : type.fields) {
          if (one_in(4)) continue;
          kept.push_back(field);
          kept.back().type = supertype(env, field.type, depth - 1);
        }
        if (one_in(3)) kept.push_back({.label = fresh_label_++, .type = env.add_opt(idx)});
        return env.add_fields(Kind::kRecord, std::move(kept));
      }
      case Kind::kVariant: {
        std::vector<Field> tags = type.fields;
        for (Field& tag : tags) tag.type = supertype(env, tag.type, depth - 1);
        if (one_in(2)) tags.push_back({.label = fresh_label_++, .type = idx});
        return env.add_fields(Kind::kVariant, std::move(tags));
      }
      default:
        return idx;
    }
  }

 private:
  uint64_t number() { return engine_() >> below(64); }
  std::string digits() {
    std::string text = "1";
    for (uint64_t i = below(60); i > 0; --i) text += static_cast<char>('0' + below(10));
    return text;
  }
  std::string text() {
    static constexpr const char* kPieces[] = {
        "a", "0", "\"", "\\", "\n", "\x01", " ", "'", "\xc3\xa9", "\xf0\x9f\x98\x80", "\xc2\x85"};
    std::string out;
    for (uint64_t i = below(6); i > 0; --i) out += kPieces[below(std::size(kPieces))];
    return out;
  }
  // A definition must not need itself: an option, vector or primitive.
  TypeIdx guarded(TypeEnv& env) {
    const TypeIdx inner = type(env, 3);
    return one_in(2) ? env.add_opt(inner) : env.add_vec(inner);
  }
  TypeIdx fields(TypeEnv& env, Kind kind, uint32_t depth) {
    std::vector<Field> list;
    const uint64_t count = below(4) + (kind == Kind::kVariant ? 1 : 0);
    uint32_t label = 0;
    for (uint64_t i = 0; i < count; ++i) {
      Field field;
      field.label = label;
      label += 1 + static_cast<uint32_t>(one_in(2) ? 0 : below(1'000'000));
      field.type = type(env, depth - 1);
      list.push_back(std::move(field));
    }
    return env.add_fields(kind, std::move(list));
  }

  std::mt19937_64 engine_;
  uint32_t fresh_label_ = 4'000'000'000;
  std::vector<TypeIdx> names_;
};

}  // namespace canrec::candid::test
