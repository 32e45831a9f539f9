// SPDX-License-Identifier: Apache-2.0
#pragma once

// Candid values in memory.
//
// A Value is 16 bytes and means something only together with its type: a record is the list of its
// fields in the order of the type's labels, a variant is the place of its tag. Everything larger
// than a number lies in an Arena, which frees all of it at once; values are trivially copied.

#include <bit>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "base/error.h"
#include "candid/bigint.h"
#include "candid/types.h"
#include "ic/principal.h"

namespace canrec::candid {

/// Memory that is given out in pieces and freed as a whole.
class Arena {
 public:
  Arena() = default;
  Arena(Arena&&) noexcept = default;
  Arena& operator=(Arena&&) noexcept = default;

  /// Bytes aligned to 8; valid as long as the arena, also when it is moved.
  uint8_t* allocate(size_t size);
  ByteView copy(ByteView bytes);
  /// Bytes taken from the system so far.
  uint64_t taken() const { return taken_; }

 private:
  std::vector<std::unique_ptr<uint64_t[]>> chunks_;
  uint8_t* next_ = nullptr;
  size_t left_ = 0;
  uint64_t taken_ = 0;
};

/// A reference to a function: the canister and the method's name.
struct FuncRef {
  ByteView principal;
  std::string_view method;
};

/// How a value is held.
enum class Held : uint8_t {
  kNothing,  ///< null, reserved, an absent option
  kBool,
  kUnsigned,  ///< natN, and nat below 2^64
  kSigned,    ///< intN, and int between -2^63 and 2^63
  kBigNat,    ///< other nat: the shortest unsigned LEB128
  kBigInt,    ///< other int: the shortest signed LEB128
  kFloat,     ///< the bits of a float32 or float64
  kText,
  kBlob,       ///< vec nat8
  kPrincipal,  ///< principal or service
  kFunc,
  kSome,  ///< a present option
  kList,  ///< a vector's elements or a record's fields
  kVariant,
};

/// One value; see the file's comment for who owns what it points to.
class Value {
 public:
  Value() = default;
  static Value boolean(bool value) { return Value(Held::kBool, 0, value ? 1 : 0); }
  static Value natural(uint64_t value) { return Value(Held::kUnsigned, 0, value); }
  static Value integer(int64_t value) {
    return Value(Held::kSigned, 0, static_cast<uint64_t>(value));
  }
  static Value float32(float value) {
    return Value(Held::kFloat, 0, std::bit_cast<uint32_t>(value));
  }
  static Value float64(double value) {
    return Value(Held::kFloat, 0, std::bit_cast<uint64_t>(value));
  }
  static Value float_bits(uint64_t bits) { return Value(Held::kFloat, 0, bits); }

  // Values that hold memory; what they are given is copied into the arena. The sizes are below
  // 2^32 or it is our own bug.
  static Value text(Arena& arena, std::string_view text);
  static Value blob(Arena& arena, ByteView bytes);
  static Value principal(Arena& arena, ByteView bytes);
  static Value func(Arena& arena, const FuncRef& ref);
  static Value some(Arena& arena, Value inner);
  static Value list(Arena& arena, std::span<const Value> items);
  static Value variant(Arena& arena, size_t tag, Value payload);
  /// A nat (not negative) or an int, held as 64 bits when it fits.
  static Value nat(Arena& arena, const BigInt& value);
  static Value int_of(Arena& arena, const BigInt& value);
  /// A nat or int that does not fit 64 bits, from its shortest LEB128.
  static Value big(Arena& arena, Kind kind, ByteView leb);
  // Over memory of the arena that the caller has filled.
  static Value list_over(const Value* items, size_t count);
  static Value some_over(const Value* inner);
  static Value variant_over(size_t tag, const Value* payload);

  Held held() const { return held_; }
  bool is_nothing() const { return held_ == Held::kNothing; }
  bool as_bool() const { return check(Held::kBool).word_ != 0; }
  uint64_t as_unsigned() const { return check(Held::kUnsigned).word_; }
  int64_t as_signed() const { return static_cast<int64_t>(check(Held::kSigned).word_); }
  uint64_t bits() const { return check(Held::kFloat).word_; }
  /// The LEB128 of a kBigNat or kBigInt.
  ByteView big_leb() const { return view(held_ == Held::kBigNat ? held_ : Held::kBigInt); }
  std::string_view as_text() const { return canrec::as_text(view(Held::kText)); }
  ByteView as_blob() const { return view(Held::kBlob); }
  ByteView as_principal() const { return view(Held::kPrincipal); }
  FuncRef as_func() const;
  const Value& inner() const { return *check(Held::kSome).items(); }
  std::span<const Value> as_list() const { return {check(Held::kList).items(), size_}; }
  size_t tag() const { return check(Held::kVariant).size_; }
  const Value& payload() const { return *check(Held::kVariant).items(); }

 private:
  Value(Held held, uint32_t size, uint64_t word) : held_(held), size_(size), word_(word) {}
  Value(Held held, ByteView bytes);
  const Value& check(Held held) const {
    CANREC_ASSERT(held_ == held);
    return *this;
  }
  const Value* items() const { return std::bit_cast<const Value*>(word_); }
  ByteView view(Held held) const {
    return {std::bit_cast<const uint8_t*>(check(held).word_), size_};
  }

  Held held_ = Held::kNothing;
  uint32_t size_ = 0;
  uint64_t word_ = 0;
};
static_assert(sizeof(Value) == 16);

/// The integer of a nat or int value, however it is held.
BigInt to_big(const Value& value);

/// Argument or result values with their types; owns all of it.
struct Message {
  TypeEnv env;
  std::vector<TypeIdx> types;
  std::vector<Value> values;
  Arena arena;
};

/// Values at types that somebody else owns.
struct Values {
  std::vector<Value> values;
  Arena arena;
};

/// A value with its type, for walking by names. Wrong steps give nothing, never another value.
/// The environment and the arena outlive it.
class View {
 public:
  View(const TypeEnv& env, TypeIdx type, const Value& value)
      : env_(&env), type_(env.resolve(type)), value_(&value) {}

  const Value& value() const { return *value_; }
  TypeIdx type() const { return type_; }
  Kind kind() const { return env_->at(type_).kind; }

  /// The field of a record.
  std::optional<View> field(std::string_view name) const;
  /// The field or element at a place of a record or vector that is no blob.
  std::optional<View> at(size_t index) const;
  size_t size() const;
  /// The content of a present option; nothing for an absent one and for other types.
  std::optional<View> some() const;
  /// The tag of a variant and its payload.
  std::optional<std::pair<const Field*, View>> tag() const;
  /// nat and natN below 2^64.
  std::optional<uint64_t> natural() const;
  std::optional<int64_t> integer() const;
  std::optional<bool> boolean() const;
  std::optional<std::string_view> text() const;
  std::optional<ByteView> blob() const;
  std::optional<ic::Principal> principal() const;

 private:
  const TypeEnv* env_;
  TypeIdx type_;
  const Value* value_;
};

/// The view of argument `index`, or nothing when there are fewer.
std::optional<View> argument(const Message& message, size_t index);

/// Fields by name for make_record.
using NamedValues = std::initializer_list<std::pair<std::string_view, Value>>;

/// A record of the given type from fields by name; missing nullable fields are null.
/// Errors: kCandidMismatch when a name is unknown or given twice or a needed field is missing.
Result<Value> make_record(Arena& arena, const TypeEnv& env, TypeIdx type, NamedValues fields);
/// A variant of the given type. Errors: kCandidMismatch when there is no such tag.
Result<Value> make_variant(Arena& arena, const TypeEnv& env, TypeIdx type, std::string_view tag,
                           Value payload = {});

}  // namespace canrec::candid
