// SPDX-License-Identifier: Apache-2.0
// Values, the memory they live in, and walking them by name.
#include "candid/value.h"

#include <algorithm>
#include <cstring>

#include <fmt/core.h>

#include "base/checked.h"
#include "candid/hash.h"

namespace canrec::candid {
namespace {

constexpr size_t kFirstChunk = size_t{4} << 10;
constexpr size_t kLargestChunk = size_t{1} << 20;

Value* new_values(Arena& arena, size_t count) {
  static_assert(alignof(Value) <= 8);
  return reinterpret_cast<Value*>(arena.allocate(count * sizeof(Value)));
}

}  // namespace

uint8_t* Arena::allocate(size_t size) {
  const size_t wanted = (size + 7) & ~size_t{7};
  if (wanted > left_) {
    const size_t chunk = std::max(wanted, std::clamp<size_t>(taken_, kFirstChunk, kLargestChunk));
    // Not value-initialised: the pages of a large vector are touched once, when it is filled.
    auto memory = std::make_unique_for_overwrite<uint64_t[]>(chunk / 8);
    auto* start = reinterpret_cast<uint8_t*>(memory.get());
    chunks_.push_back(std::move(memory));
    taken_ += chunk;
    // A piece of its own for what fills a chunk; the rest of the current one stays in use.
    if (chunk - wanted <= left_) return start;
    next_ = start;
    left_ = chunk;
  }
  uint8_t* result = next_;
  next_ += wanted;
  left_ -= wanted;
  return result;
}

ByteView Arena::copy(ByteView bytes) {
  if (bytes.empty()) return {};
  uint8_t* to = allocate(bytes.size());
  std::memcpy(to, bytes.data(), bytes.size());
  return {to, bytes.size()};
}

Value::Value(Held held, ByteView bytes)
    : held_(held),
      size_(narrow<uint32_t>(bytes.size())),
      word_(std::bit_cast<uint64_t>(bytes.data())) {}

Value Value::text(Arena& arena, std::string_view text) {
  return Value(Held::kText, arena.copy(as_bytes(text)));
}
Value Value::blob(Arena& arena, ByteView bytes) { return Value(Held::kBlob, arena.copy(bytes)); }
Value Value::principal(Arena& arena, ByteView bytes) {
  return Value(Held::kPrincipal, arena.copy(bytes));
}

// In memory: one byte for the principal's length, the principal, the method.
Value Value::func(Arena& arena, const FuncRef& ref) {
  CANREC_ASSERT(ref.principal.size() <= ic::Principal::kMaxBytes);
  const size_t size = 1 + ref.principal.size() + ref.method.size();
  uint8_t* to = arena.allocate(size);
  to[0] = static_cast<uint8_t>(ref.principal.size());
  std::copy(ref.principal.begin(), ref.principal.end(), to + 1);
  std::copy(ref.method.begin(), ref.method.end(), to + 1 + ref.principal.size());
  return Value(Held::kFunc, ByteView(to, size));
}

FuncRef Value::as_func() const {
  const ByteView all = view(Held::kFunc);
  const size_t length = all[0];
  return {all.subspan(1, length), canrec::as_text(all.subspan(1 + length))};
}

Value Value::some(Arena& arena, Value inner) {
  Value* to = new_values(arena, 1);
  *to = inner;
  return some_over(to);
}

Value Value::some_over(const Value* inner) {
  return Value(Held::kSome, 1, std::bit_cast<uint64_t>(inner));
}

Value Value::list(Arena& arena, std::span<const Value> items) {
  Value* to = new_values(arena, items.size());
  std::ranges::copy(items, to);
  return list_over(to, items.size());
}

Value Value::list_over(const Value* items, size_t count) {
  return Value(Held::kList, narrow<uint32_t>(count), std::bit_cast<uint64_t>(items));
}

Value Value::variant(Arena& arena, size_t tag, Value payload) {
  Value* to = new_values(arena, 1);
  *to = payload;
  return variant_over(tag, to);
}

Value Value::variant_over(size_t tag, const Value* payload) {
  return Value(Held::kVariant, narrow<uint32_t>(tag), std::bit_cast<uint64_t>(payload));
}

Value Value::nat(Arena& arena, const BigInt& value) {
  if (value.fits_u64()) return natural(value.magnitude64());
  Bytes leb;
  value.append_unsigned_leb(leb);
  return big(arena, Kind::kNat, leb);
}

Value Value::int_of(Arena& arena, const BigInt& value) {
  if (value.fits_s64()) return integer(value.to_s64());
  Bytes leb;
  value.append_signed_leb(leb);
  return big(arena, Kind::kInt, leb);
}

Value Value::big(Arena& arena, Kind kind, ByteView leb) {
  CANREC_ASSERT(kind == Kind::kNat || kind == Kind::kInt);
  return Value(kind == Kind::kNat ? Held::kBigNat : Held::kBigInt, arena.copy(leb));
}

std::optional<View> View::field(std::string_view name) const {
  const Type& type = env_->at(type_);
  if (type.kind != Kind::kRecord) return std::nullopt;
  const auto place = find_field(type.fields, label_hash(name));
  if (!place) return std::nullopt;
  return at(*place);
}

std::optional<View> View::at(size_t index) const {
  const Type& type = env_->at(type_);
  if (value_->held() != Held::kList || index >= value_->as_list().size()) return std::nullopt;
  const TypeIdx inner = type.kind == Kind::kRecord ? type.fields[index].type : type.inner;
  return View(*env_, inner, value_->as_list()[index]);
}

size_t View::size() const { return value_->held() == Held::kList ? value_->as_list().size() : 0; }

std::optional<View> View::some() const {
  if (value_->held() != Held::kSome) return std::nullopt;
  return View(*env_, env_->at(type_).inner, value_->inner());
}

std::optional<std::pair<const Field*, View>> View::tag() const {
  if (value_->held() != Held::kVariant) return std::nullopt;
  const Field& field = env_->at(type_).fields[value_->tag()];
  return std::pair{&field, View(*env_, field.type, value_->payload())};
}

std::optional<uint64_t> View::natural() const {
  if (value_->held() != Held::kUnsigned) return std::nullopt;
  return value_->as_unsigned();
}

std::optional<int64_t> View::integer() const {
  if (value_->held() != Held::kSigned) return std::nullopt;
  return value_->as_signed();
}

std::optional<bool> View::boolean() const {
  if (value_->held() != Held::kBool) return std::nullopt;
  return value_->as_bool();
}

std::optional<std::string_view> View::text() const {
  if (value_->held() != Held::kText) return std::nullopt;
  return value_->as_text();
}

std::optional<ByteView> View::blob() const {
  if (value_->held() != Held::kBlob) return std::nullopt;
  return value_->as_blob();
}

std::optional<ic::Principal> View::principal() const {
  if (value_->held() != Held::kPrincipal) return std::nullopt;
  auto result = ic::Principal::from_bytes(value_->as_principal());
  if (!result) return std::nullopt;
  return *result;
}

std::optional<View> argument(const Message& message, size_t index) {
  if (index >= message.values.size()) return std::nullopt;
  return View(message.env, message.types[index], message.values[index]);
}

Result<Value> make_record(Arena& arena, const TypeEnv& env, TypeIdx type, NamedValues fields) {
  const Type& record = env.resolved(type);
  if (record.kind != Kind::kRecord) return fail(Errc::kCandidMismatch, "the type is no record");
  std::vector<std::optional<Value>> found(record.fields.size());
  for (const auto& [name, value] : fields) {
    const auto place = find_field(record.fields, label_hash(name));
    if (!place || found[*place]) {
      return fail(Errc::kCandidMismatch, fmt::format("field {} is unknown or given twice", name));
    }
    found[*place] = value;
  }
  std::vector<Value> values(record.fields.size());
  for (size_t i = 0; i < values.size(); ++i) {
    if (found[i]) {
      values[i] = *found[i];
    } else if (!env.is_nullable(record.fields[i].type)) {
      return fail(Errc::kCandidMismatch,
                  fmt::format("field {} is missing", record.fields[i].words()));
    }
  }
  return Value::list(arena, values);
}

Result<Value> make_variant(Arena& arena, const TypeEnv& env, TypeIdx type, std::string_view tag,
                           Value payload) {
  const Type& variant = env.resolved(type);
  if (variant.kind == Kind::kVariant) {
    if (const auto place = find_field(variant.fields, label_hash(tag))) {
      return Value::variant(arena, *place, payload);
    }
  }
  return fail(Errc::kCandidMismatch, fmt::format("the type has no tag {}", tag));
}

BigInt to_big(const Value& value) {
  if (value.held() == Held::kUnsigned) return BigInt::from_u64(value.as_unsigned());
  if (value.held() == Held::kSigned) return BigInt::from_s64(value.as_signed());
  if (value.held() == Held::kBigNat) return BigInt::from_unsigned_leb(value.big_leb());
  return BigInt::from_signed_leb(value.big_leb());
}

}  // namespace canrec::candid
