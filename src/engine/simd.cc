// SPDX-License-Identifier: Apache-2.0
// The vector instructions as templates over lanes.
// Source: https://webassembly.github.io/spec/core/exec/numerics.html#vector-operations
#include "engine/simd.h"

#include <array>
#include <bit>
#include <cstring>
#include <limits>
#include <type_traits>

#include "base/error.h"
#include "engine/numeric.h"

namespace canrec::engine {
namespace {

using wasm::Opcode;

template <typename T>
using Lanes = std::array<T, 16 / sizeof(T)>;
template <typename T>
constexpr size_t kLanes = 16 / sizeof(T);

template <typename T>
Lanes<T> load(const uint64_t* from) {
  Lanes<T> lanes;
  std::memcpy(lanes.data(), from, 16);
  return lanes;
}
template <typename T>
void store(uint64_t* to, const Lanes<T>& lanes) {
  std::memcpy(to, lanes.data(), 16);
}
template <typename T>
T scalar(const uint64_t* from) {
  T value;
  std::memcpy(&value, from, sizeof value);
  return value;
}
// Results that are scalars fill their slot: i32 and f32 zero-extended.
template <typename T>
void store_scalar(uint64_t* to, T value) {
  *to = 0;
  std::memcpy(to, &value, sizeof value);
}
template <typename T>
using Mask =
    std::conditional_t<sizeof(T) == 1, uint8_t,
                       std::conditional_t<sizeof(T) == 2, uint16_t,
                                          std::conditional_t<sizeof(T) == 4, uint32_t, uint64_t>>>;

// F is a stateless lambda from lanes to a lane.
template <typename T, auto F>
void unary(uint64_t* d, const uint64_t* a, const uint64_t*, const uint64_t*, uint32_t) {
  const auto x = load<T>(a);
  Lanes<T> r;
  for (size_t i = 0; i < kLanes<T>; ++i) r[i] = F(x[i]);
  store<T>(d, r);
}
template <typename T, auto F>
void binary(uint64_t* d, const uint64_t* a, const uint64_t* b, const uint64_t*, uint32_t) {
  const auto x = load<T>(a);
  const auto y = load<T>(b);
  Lanes<T> r;
  for (size_t i = 0; i < kLanes<T>; ++i) r[i] = F(x[i], y[i]);
  store<T>(d, r);
}
template <typename T, auto F>
void compare(uint64_t* d, const uint64_t* a, const uint64_t* b, const uint64_t*, uint32_t) {
  using M = Mask<T>;
  const auto x = load<T>(a);
  const auto y = load<T>(b);
  Lanes<M> r;
  for (size_t i = 0; i < kLanes<T>; ++i) r[i] = F(x[i], y[i]) ? static_cast<M>(~M{0}) : M{0};
  store<M>(d, r);
}
template <typename T, auto F>
void shift(uint64_t* d, const uint64_t* a, const uint64_t* b, const uint64_t*, uint32_t) {
  const auto x = load<T>(a);
  const uint32_t count = scalar<uint32_t>(b) & (sizeof(T) * 8 - 1);
  Lanes<T> r;
  for (size_t i = 0; i < kLanes<T>; ++i) r[i] = static_cast<T>(F(x[i], count));
  store<T>(d, r);
}
template <typename T>
void splat(uint64_t* d, const uint64_t* a, const uint64_t*, const uint64_t*, uint32_t) {
  Lanes<T> r;
  r.fill(scalar<T>(a));
  store<T>(d, r);
}
// R is the scalar type of the result: a wider integer extends by its signedness.
template <typename T, typename R>
void extract(uint64_t* d, const uint64_t* a, const uint64_t*, const uint64_t*, uint32_t lane) {
  store_scalar<R>(d, static_cast<R>(load<T>(a)[lane % kLanes<T>]));
}
template <typename T>
void replace(uint64_t* d, const uint64_t* a, const uint64_t* b, const uint64_t*, uint32_t lane) {
  auto r = load<T>(a);
  r[lane % kLanes<T>] = scalar<T>(b);
  store<T>(d, r);
}
template <typename T>
void all_true(uint64_t* d, const uint64_t* a, const uint64_t*, const uint64_t*, uint32_t) {
  uint32_t all = 1;
  for (const T lane : load<T>(a)) all &= lane != 0 ? 1U : 0U;
  *d = all;
}
template <typename T>
void bitmask(uint64_t* d, const uint64_t* a, const uint64_t*, const uint64_t*, uint32_t) {
  const auto x = load<T>(a);
  uint32_t mask = 0;
  for (size_t i = 0; i < kLanes<T>; ++i) mask |= (x[i] < 0 ? 1U : 0U) << i;
  *d = mask;
}
// Two vectors of wide signed lanes into one of narrow lanes, saturating to N.
template <typename W, typename N>
void narrow_lanes(uint64_t* d, const uint64_t* a, const uint64_t* b, const uint64_t*, uint32_t) {
  const auto x = load<W>(a);
  const auto y = load<W>(b);
  const auto saturate = [](W value) {
    if (value < W{std::numeric_limits<N>::min()}) return std::numeric_limits<N>::min();
    if (value > W{std::numeric_limits<N>::max()}) return std::numeric_limits<N>::max();
    return static_cast<N>(value);
  };
  Lanes<N> r;
  for (size_t i = 0; i < kLanes<W>; ++i) {
    r[i] = saturate(x[i]);
    r[i + kLanes<W>] = saturate(y[i]);
  }
  store<N>(d, r);
}
template <typename N, typename W, bool kHigh>
void extend(uint64_t* d, const uint64_t* a, const uint64_t*, const uint64_t*, uint32_t) {
  // Only the half that counts is read: a scalar load leaves the other slot alone.
  std::array<N, kLanes<W>> x;
  std::memcpy(x.data(), a + (kHigh ? 1 : 0), 8);
  Lanes<W> r;
  for (size_t i = 0; i < kLanes<W>; ++i) r[i] = W{x[i]};
  store<W>(d, r);
}
template <typename N, typename W, bool kHigh>
void extend_multiply(uint64_t* d, const uint64_t* a, const uint64_t* b, const uint64_t*, uint32_t) {
  const auto x = load<N>(a);
  const auto y = load<N>(b);
  constexpr size_t kFirst = kHigh ? kLanes<W> : 0;
  Lanes<W> r;
  for (size_t i = 0; i < kLanes<W>; ++i) {
    if constexpr (sizeof(W) == 8) {
      r[i] = W{x[kFirst + i]} * W{y[kFirst + i]};
    } else {
      using Wide = std::conditional_t<std::is_signed_v<W>, int64_t, uint64_t>;
      r[i] = static_cast<W>(Wide{x[kFirst + i]} * Wide{y[kFirst + i]});
    }
  }
  store<W>(d, r);
}
template <typename N, typename W>
void extend_add_pairs(uint64_t* d, const uint64_t* a, const uint64_t*, const uint64_t*, uint32_t) {
  const auto x = load<N>(a);
  Lanes<W> r;
  for (size_t i = 0; i < kLanes<W>; ++i) r[i] = static_cast<W>(x[2 * i] + x[2 * i + 1]);
  store<W>(d, r);
}
void dot(uint64_t* d, const uint64_t* a, const uint64_t* b, const uint64_t*, uint32_t) {
  const auto x = load<int16_t>(a);
  const auto y = load<int16_t>(b);
  Lanes<uint32_t> r;
  for (size_t i = 0; i < 4; ++i) {
    r[i] = static_cast<uint32_t>(x[2 * i] * y[2 * i]) +
           static_cast<uint32_t>(x[2 * i + 1] * y[2 * i + 1]);
  }
  store<uint32_t>(d, r);
}
void shuffle(uint64_t* d, const uint64_t* a, const uint64_t* b, const uint64_t* c, uint32_t) {
  std::array<uint8_t, 32> x;
  std::memcpy(x.data(), a, 16);
  std::memcpy(x.data() + 16, b, 16);
  const auto lanes = load<uint8_t>(c);
  Lanes<uint8_t> r;
  for (size_t i = 0; i < 16; ++i) r[i] = x[lanes[i] & 31];
  store<uint8_t>(d, r);
}
void swizzle(uint64_t* d, const uint64_t* a, const uint64_t* b, const uint64_t*, uint32_t) {
  const auto x = load<uint8_t>(a);
  const auto lanes = load<uint8_t>(b);
  Lanes<uint8_t> r;
  for (size_t i = 0; i < 16; ++i) r[i] = lanes[i] < 16 ? x[lanes[i]] : uint8_t{0};
  store<uint8_t>(d, r);
}
void bitselect(uint64_t* d, const uint64_t* a, const uint64_t* b, const uint64_t* c, uint32_t) {
  const auto x = load<uint64_t>(a);
  const auto y = load<uint64_t>(b);
  const auto m = load<uint64_t>(c);
  store<uint64_t>(d, {(x[0] & m[0]) | (y[0] & ~m[0]), (x[1] & m[1]) | (y[1] & ~m[1])});
}
void any_true(uint64_t* d, const uint64_t* a, const uint64_t*, const uint64_t*, uint32_t) {
  *d = (a[0] | a[1]) != 0 ? 1 : 0;
}
// Lanes of `From` to the same number of lanes of `To`; what is left of the result is zeros.
template <typename From, typename To, auto F>
void convert(uint64_t* d, const uint64_t* a, const uint64_t*, const uint64_t*, uint32_t) {
  const auto x = load<From>(a);
  Lanes<To> r{};
  constexpr size_t kCount = kLanes<From> < kLanes<To> ? kLanes<From> : kLanes<To>;
  for (size_t i = 0; i < kCount; ++i) r[i] = F(x[i]);
  store<To>(d, r);
}

template <typename T>
constexpr auto kAdd = [](T x, T y) { return static_cast<T>(x + y); };
template <typename T>
constexpr auto kSub = [](T x, T y) { return static_cast<T>(x - y); };
// uint16_t would be promoted to int, where the product of two can overflow.
template <typename T>
constexpr auto kMul = [](T x, T y) { return static_cast<T>(uint64_t{x} * uint64_t{y}); };
template <typename T>
constexpr T saturate(int value) {
  if (value < int{std::numeric_limits<T>::min()}) return std::numeric_limits<T>::min();
  if (value > int{std::numeric_limits<T>::max()}) return std::numeric_limits<T>::max();
  return static_cast<T>(value);
}
template <typename T>
constexpr auto kAddSat = [](T x, T y) { return saturate<T>(int{x} + int{y}); };
template <typename T>
constexpr auto kSubSat = [](T x, T y) { return saturate<T>(int{x} - int{y}); };
template <typename T>
constexpr auto kMin = [](T x, T y) { return x < y ? x : y; };
template <typename T>
constexpr auto kMax = [](T x, T y) { return x > y ? x : y; };
template <typename T>
constexpr auto kAverage = [](T x, T y) { return static_cast<T>((x + y + 1) / 2); };
// On unsigned lanes: the absolute value of the least integer is itself.
template <typename T>
constexpr auto kAbs =
    [](T x) { return static_cast<std::make_signed_t<T>>(x) < 0 ? static_cast<T>(T{0} - x) : x; };
template <typename T>
constexpr auto kNeg = [](T x) { return static_cast<T>(T{0} - x); };
constexpr auto kPopcount = [](uint8_t x) { return static_cast<uint8_t>(std::popcount(x)); };
constexpr auto kQ15 = [](int16_t x, int16_t y) {
  return saturate<int16_t>((x * y + 0x4000) >> 15);
};
constexpr auto kEq = [](auto x, auto y) { return x == y; };
constexpr auto kNe = [](auto x, auto y) { return x != y; };
constexpr auto kLt = [](auto x, auto y) { return x < y; };
constexpr auto kGt = [](auto x, auto y) { return x > y; };
constexpr auto kLe = [](auto x, auto y) { return x <= y; };
constexpr auto kGe = [](auto x, auto y) { return x >= y; };
constexpr auto kShl = [](auto x, uint32_t n) { return x << n; };
constexpr auto kShr = [](auto x, uint32_t n) { return x >> n; };
constexpr auto kNot = [](uint64_t x) { return ~x; };
constexpr auto kAnd = [](uint64_t x, uint64_t y) { return x & y; };
constexpr auto kAndnot = [](uint64_t x, uint64_t y) { return x & ~y; };
constexpr auto kOr = [](uint64_t x, uint64_t y) { return x | y; };
constexpr auto kXor = [](uint64_t x, uint64_t y) { return x ^ y; };
constexpr uint32_t kSign32 = 0x80000000;
constexpr uint64_t kSign64 = uint64_t{1} << 63;
constexpr auto kFAbs32 = [](uint32_t x) { return x & ~kSign32; };
constexpr auto kFNeg32 = [](uint32_t x) { return x ^ kSign32; };
constexpr auto kFAbs64 = [](uint64_t x) { return x & ~kSign64; };
constexpr auto kFNeg64 = [](uint64_t x) { return x ^ kSign64; };
constexpr auto kFAdd = [](auto x, auto y) { return num::canonical(x + y); };
constexpr auto kFSub = [](auto x, auto y) { return num::canonical(x - y); };
constexpr auto kFMul = [](auto x, auto y) { return num::canonical(x * y); };
constexpr auto kFDiv = [](auto x, auto y) { return num::canonical(x / y); };
constexpr auto kFMin = [](auto x, auto y) { return num::min(x, y); };
constexpr auto kFMax = [](auto x, auto y) { return num::max(x, y); };
constexpr auto kPMin = [](auto x, auto y) { return num::pmin(x, y); };
constexpr auto kPMax = [](auto x, auto y) { return num::pmax(x, y); };
constexpr auto kSqrt = [](auto x) { return num::canonical(std::sqrt(x)); };
constexpr auto kCeil = [](auto x) { return num::canonical(std::ceil(x)); };
constexpr auto kFloor = [](auto x) { return num::canonical(std::floor(x)); };
constexpr auto kTrunc = [](auto x) { return num::canonical(std::trunc(x)); };
constexpr auto kNearest = [](auto x) { return num::nearest(x); };
template <typename To>
constexpr auto kTruncSat = [](auto x) { return num::truncate_saturating<To>(x); };
template <typename To>
constexpr auto kConvert = [](auto x) { return static_cast<To>(x); };
template <typename To>
constexpr auto kResize = [](auto x) { return num::canonical(static_cast<To>(x)); };

// One row an instruction.
// clang-format off
SimdFunction moves(Opcode op) {
  switch (op) {
    case Opcode::kI8x16Shuffle: return shuffle;
    case Opcode::kI8x16Swizzle: return swizzle;
    case Opcode::kI8x16Splat: return splat<uint8_t>;
    case Opcode::kI16x8Splat: return splat<uint16_t>;
    case Opcode::kI32x4Splat: return splat<uint32_t>;
    case Opcode::kI64x2Splat: return splat<uint64_t>;
    case Opcode::kF32x4Splat: return splat<uint32_t>;
    case Opcode::kF64x2Splat: return splat<uint64_t>;
    case Opcode::kI8x16ExtractLaneS: return extract<int8_t, int32_t>;
    case Opcode::kI8x16ExtractLaneU: return extract<uint8_t, uint32_t>;
    case Opcode::kI8x16ReplaceLane: return replace<uint8_t>;
    case Opcode::kI16x8ExtractLaneS: return extract<int16_t, int32_t>;
    case Opcode::kI16x8ExtractLaneU: return extract<uint16_t, uint32_t>;
    case Opcode::kI16x8ReplaceLane: return replace<uint16_t>;
    case Opcode::kI32x4ExtractLane: return extract<uint32_t, uint32_t>;
    case Opcode::kI32x4ReplaceLane: return replace<uint32_t>;
    case Opcode::kI64x2ExtractLane: return extract<uint64_t, uint64_t>;
    case Opcode::kI64x2ReplaceLane: return replace<uint64_t>;
    case Opcode::kF32x4ExtractLane: return extract<uint32_t, uint32_t>;
    case Opcode::kF32x4ReplaceLane: return replace<uint32_t>;
    case Opcode::kF64x2ExtractLane: return extract<uint64_t, uint64_t>;
    case Opcode::kF64x2ReplaceLane: return replace<uint64_t>;
    case Opcode::kV128Not: return unary<uint64_t, kNot>;
    case Opcode::kV128And: return binary<uint64_t, kAnd>;
    case Opcode::kV128Andnot: return binary<uint64_t, kAndnot>;
    case Opcode::kV128Or: return binary<uint64_t, kOr>;
    case Opcode::kV128Xor: return binary<uint64_t, kXor>;
    case Opcode::kV128Bitselect: return bitselect;
    case Opcode::kV128AnyTrue: return any_true;
    default: return nullptr;
  }
}

SimdFunction comparisons(Opcode op) {
  switch (op) {
#define EQUALITIES(shape, T)                               \
  case Opcode::k##shape##Eq: return compare<T, kEq>;       \
  case Opcode::k##shape##Ne: return compare<T, kNe>;
#define ORDERS(shape, suffix, T)                           \
  case Opcode::k##shape##Lt##suffix: return compare<T, kLt>; \
  case Opcode::k##shape##Gt##suffix: return compare<T, kGt>; \
  case Opcode::k##shape##Le##suffix: return compare<T, kLe>; \
  case Opcode::k##shape##Ge##suffix: return compare<T, kGe>;
    EQUALITIES(I8x16, uint8_t)
    ORDERS(I8x16, S, int8_t)
    ORDERS(I8x16, U, uint8_t)
    EQUALITIES(I16x8, uint16_t)
    ORDERS(I16x8, S, int16_t)
    ORDERS(I16x8, U, uint16_t)
    EQUALITIES(I32x4, uint32_t)
    ORDERS(I32x4, S, int32_t)
    ORDERS(I32x4, U, uint32_t)
    EQUALITIES(I64x2, uint64_t)
    ORDERS(I64x2, S, int64_t)
    EQUALITIES(F32x4, float)
    ORDERS(F32x4, , float)
    EQUALITIES(F64x2, double)
    ORDERS(F64x2, , double)
#undef EQUALITIES
#undef ORDERS
    default: return nullptr;
  }
}

SimdFunction integers(Opcode op) {
  switch (op) {
#define SHAPE(shape, T)                                             \
  case Opcode::k##shape##Abs: return unary<T, kAbs<T>>;             \
  case Opcode::k##shape##Neg: return unary<T, kNeg<T>>;             \
  case Opcode::k##shape##AllTrue: return all_true<T>;               \
  case Opcode::k##shape##Bitmask: return bitmask<std::make_signed_t<T>>; \
  case Opcode::k##shape##Shl: return shift<T, kShl>;                \
  case Opcode::k##shape##ShrS: return shift<std::make_signed_t<T>, kShr>; \
  case Opcode::k##shape##ShrU: return shift<T, kShr>;               \
  case Opcode::k##shape##Add: return binary<T, kAdd<T>>;            \
  case Opcode::k##shape##Sub: return binary<T, kSub<T>>;
#define MIN_MAX(shape, T)                                           \
  case Opcode::k##shape##MinS: return binary<std::make_signed_t<T>, kMin<std::make_signed_t<T>>>; \
  case Opcode::k##shape##MinU: return binary<T, kMin<T>>;           \
  case Opcode::k##shape##MaxS: return binary<std::make_signed_t<T>, kMax<std::make_signed_t<T>>>; \
  case Opcode::k##shape##MaxU: return binary<T, kMax<T>>;
#define SATURATING(shape, T)                                        \
  case Opcode::k##shape##AddSatS: return binary<std::make_signed_t<T>, kAddSat<std::make_signed_t<T>>>; \
  case Opcode::k##shape##AddSatU: return binary<T, kAddSat<T>>;     \
  case Opcode::k##shape##SubSatS: return binary<std::make_signed_t<T>, kSubSat<std::make_signed_t<T>>>; \
  case Opcode::k##shape##SubSatU: return binary<T, kSubSat<T>>;     \
  case Opcode::k##shape##AvgrU: return binary<T, kAverage<T>>;
#define WIDENING(shape, from, N, W)                                 \
  case Opcode::k##shape##ExtendLow##from##S: return extend<std::make_signed_t<N>, std::make_signed_t<W>, false>; \
  case Opcode::k##shape##ExtendHigh##from##S: return extend<std::make_signed_t<N>, std::make_signed_t<W>, true>; \
  case Opcode::k##shape##ExtendLow##from##U: return extend<N, W, false>; \
  case Opcode::k##shape##ExtendHigh##from##U: return extend<N, W, true>; \
  case Opcode::k##shape##ExtmulLow##from##S: return extend_multiply<std::make_signed_t<N>, std::make_signed_t<W>, false>; \
  case Opcode::k##shape##ExtmulHigh##from##S: return extend_multiply<std::make_signed_t<N>, std::make_signed_t<W>, true>; \
  case Opcode::k##shape##ExtmulLow##from##U: return extend_multiply<N, W, false>; \
  case Opcode::k##shape##ExtmulHigh##from##U: return extend_multiply<N, W, true>;
    SHAPE(I8x16, uint8_t)
    SHAPE(I16x8, uint16_t)
    SHAPE(I32x4, uint32_t)
    SHAPE(I64x2, uint64_t)
    MIN_MAX(I8x16, uint8_t)
    MIN_MAX(I16x8, uint16_t)
    MIN_MAX(I32x4, uint32_t)
    SATURATING(I8x16, uint8_t)
    SATURATING(I16x8, uint16_t)
    WIDENING(I16x8, I8x16, uint8_t, uint16_t)
    WIDENING(I32x4, I16x8, uint16_t, uint32_t)
    WIDENING(I64x2, I32x4, uint32_t, uint64_t)
#undef SHAPE
#undef MIN_MAX
#undef SATURATING
#undef WIDENING
    case Opcode::kI8x16Popcnt: return unary<uint8_t, kPopcount>;
    case Opcode::kI16x8Mul: return binary<uint16_t, kMul<uint16_t>>;
    case Opcode::kI32x4Mul: return binary<uint32_t, kMul<uint32_t>>;
    case Opcode::kI64x2Mul: return binary<uint64_t, kMul<uint64_t>>;
    case Opcode::kI16x8Q15mulrSatS: return binary<int16_t, kQ15>;
    case Opcode::kI8x16NarrowI16x8S: return narrow_lanes<int16_t, int8_t>;
    case Opcode::kI8x16NarrowI16x8U: return narrow_lanes<int16_t, uint8_t>;
    case Opcode::kI16x8NarrowI32x4S: return narrow_lanes<int32_t, int16_t>;
    case Opcode::kI16x8NarrowI32x4U: return narrow_lanes<int32_t, uint16_t>;
    case Opcode::kI16x8ExtaddPairwiseI8x16S: return extend_add_pairs<int8_t, int16_t>;
    case Opcode::kI16x8ExtaddPairwiseI8x16U: return extend_add_pairs<uint8_t, uint16_t>;
    case Opcode::kI32x4ExtaddPairwiseI16x8S: return extend_add_pairs<int16_t, int32_t>;
    case Opcode::kI32x4ExtaddPairwiseI16x8U: return extend_add_pairs<uint16_t, uint32_t>;
    case Opcode::kI32x4DotI16x8S: return dot;
    default: return nullptr;
  }
}

SimdFunction floats(Opcode op) {
  switch (op) {
#define SHAPE(shape, T)                                         \
  case Opcode::k##shape##Ceil: return unary<T, kCeil>;          \
  case Opcode::k##shape##Floor: return unary<T, kFloor>;        \
  case Opcode::k##shape##Trunc: return unary<T, kTrunc>;        \
  case Opcode::k##shape##Nearest: return unary<T, kNearest>;    \
  case Opcode::k##shape##Sqrt: return unary<T, kSqrt>;          \
  case Opcode::k##shape##Add: return binary<T, kFAdd>;          \
  case Opcode::k##shape##Sub: return binary<T, kFSub>;          \
  case Opcode::k##shape##Mul: return binary<T, kFMul>;          \
  case Opcode::k##shape##Div: return binary<T, kFDiv>;          \
  case Opcode::k##shape##Min: return binary<T, kFMin>;          \
  case Opcode::k##shape##Max: return binary<T, kFMax>;          \
  case Opcode::k##shape##Pmin: return binary<T, kPMin>;         \
  case Opcode::k##shape##Pmax: return binary<T, kPMax>;
    SHAPE(F32x4, float)
    SHAPE(F64x2, double)
#undef SHAPE
    case Opcode::kF32x4Abs: return unary<uint32_t, kFAbs32>;
    case Opcode::kF32x4Neg: return unary<uint32_t, kFNeg32>;
    case Opcode::kF64x2Abs: return unary<uint64_t, kFAbs64>;
    case Opcode::kF64x2Neg: return unary<uint64_t, kFNeg64>;
    case Opcode::kF32x4DemoteF64x2Zero: return convert<double, float, kResize<float>>;
    case Opcode::kF64x2PromoteLowF32x4: return convert<float, double, kResize<double>>;
    case Opcode::kI32x4TruncSatF32x4S: return convert<float, int32_t, kTruncSat<int32_t>>;
    case Opcode::kI32x4TruncSatF32x4U: return convert<float, uint32_t, kTruncSat<uint32_t>>;
    case Opcode::kF32x4ConvertI32x4S: return convert<int32_t, float, kConvert<float>>;
    case Opcode::kF32x4ConvertI32x4U: return convert<uint32_t, float, kConvert<float>>;
    case Opcode::kI32x4TruncSatF64x2SZero: return convert<double, int32_t, kTruncSat<int32_t>>;
    case Opcode::kI32x4TruncSatF64x2UZero: return convert<double, uint32_t, kTruncSat<uint32_t>>;
    case Opcode::kF64x2ConvertLowI32x4S: return convert<int32_t, double, kConvert<double>>;
    case Opcode::kF64x2ConvertLowI32x4U: return convert<uint32_t, double, kConvert<double>>;
    default: return nullptr;
  }
}

// clang-format on

}  // namespace

SimdFunction simd_function(Opcode op) {
  for (const auto family : {moves, comparisons, integers, floats}) {
    if (const SimdFunction function = family(op)) return function;
  }
  return nullptr;
}

}  // namespace canrec::engine
