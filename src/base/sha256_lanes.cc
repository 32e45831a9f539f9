// SPDX-License-Identifier: Apache-2.0
// SHA-256's compression function on vectors of words, and pieces dealt to lanes.
#include "base/sha256_lanes.h"

#include <algorithm>

// SHA256_CTX shows the state between two blocks, which nothing else of OpenSSL does.
#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/sha.h>

#include "base/error.h"

#if defined(__x86_64__)
#include <cpuid.h>
#endif

namespace canrec {
namespace {

constexpr size_t kBlock = 64;
constexpr std::array<uint8_t, kBlock> kZeros{};

// FIPS 180-4, 4.2.2.
constexpr std::array<uint32_t, 64> kConstants = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

void advance_alone(Sha256Piece& piece) {
  Sha256Chain chain(piece.state, 0);
  if (!piece.bytes.empty()) {
    chain.update(piece.bytes);
  } else {
    for (uint64_t i = 0; i < piece.blocks; ++i) chain.update(kZeros);
  }
  piece.state = chain.state();
}

#if defined(__x86_64__)

// What the lanes are at: one column for each.
template <size_t kLanes>
struct Columns {
  alignas(64) std::array<std::array<uint32_t, kLanes>, 8> state;
  std::array<const uint8_t*, kLanes> data;
  std::array<size_t, kLanes> step;  // bytes from block to block; 0 for zeros and idle lanes
};

// The next block of every lane: word i of all of them one after another. `w` has 64 * kLanes bytes.
template <size_t kLanes>
[[gnu::always_inline]] inline void load(Columns<kLanes>& columns, void* w) {
  alignas(64) std::array<std::array<uint32_t, kLanes>, 16> input;
  for (size_t lane = 0; lane < kLanes; ++lane) {
    std::array<uint32_t, 16> block;
    std::memcpy(&block, columns.data[lane], kBlock);
    columns.data[lane] += columns.step[lane];
    for (size_t i = 0; i < 16; ++i) input[i][lane] = __builtin_bswap32(block[i]);
  }
  std::memcpy(w, &input, sizeof input);
}

// Takes every lane over so many blocks. Inlined into functions for one kind of processor each; the
// vectors are its registers. Where every lane has zeros so is the whole message schedule.
template <size_t kLanes, bool kAllZeros>
[[gnu::always_inline]] inline void compress(Columns<kLanes>& columns, uint64_t blocks) {
  using Word [[gnu::vector_size(4 * kLanes)]] = uint32_t;
  Word state[8];  // std::array would lose the attribute
  std::memcpy(&state, &columns.state, sizeof state);
  for (; blocks > 0; --blocks) {
    Word w[16];
    if constexpr (!kAllZeros) load(columns, &w);
    Word a = state[0], b = state[1], c = state[2], d = state[3];
    Word e = state[4], f = state[5], g = state[6], h = state[7];
    for (size_t i = 0; i < 64; ++i) {
      if (!kAllZeros && i >= 16) {
        const Word x = w[(i + 1) % 16], y = w[(i + 14) % 16];
        w[i % 16] += w[(i + 9) % 16] + ((x >> 7 | x << 25) ^ (x >> 18 | x << 14) ^ x >> 3) +
                     ((y >> 17 | y << 15) ^ (y >> 19 | y << 13) ^ y >> 10);
      }
      Word t1 = h + ((e >> 6 | e << 26) ^ (e >> 11 | e << 21) ^ (e >> 25 | e << 7)) +
                ((e & f) ^ (~e & g)) + kConstants[i];
      if constexpr (!kAllZeros) t1 += w[i % 16];
      const Word t2 = ((a >> 2 | a << 30) ^ (a >> 13 | a << 19) ^ (a >> 22 | a << 10)) +
                      ((a & b) | (c & (a | b)));
      h = g, g = f, f = e, e = d + t1;
      d = c, c = b, b = a, a = t1 + t2;
    }
    state[0] += a, state[1] += b, state[2] += c, state[3] += d;
    state[4] += e, state[5] += f, state[6] += g, state[7] += h;
  }
  std::memcpy(&columns.state, &state, sizeof state);
}

template <size_t kLanes>
[[gnu::always_inline]] inline void compress_columns(Columns<kLanes>& columns, uint64_t blocks) {
  if (columns.step == std::array<size_t, kLanes>{}) return compress<kLanes, true>(columns, blocks);
  compress<kLanes, false>(columns, blocks);
}

template <size_t kLanes>
void compress_anywhere(Columns<kLanes>& columns, uint64_t blocks) {
  compress_columns(columns, blocks);
}
[[gnu::target("avx2")]] void compress_avx2(Columns<8>& columns, uint64_t blocks) {
  compress_columns(columns, blocks);
}
[[gnu::target("avx512f")]] void compress_avx512(Columns<16>& columns, uint64_t blocks) {
  compress_columns(columns, blocks);
}

bool has_avx2() { return __builtin_cpu_supports("avx2"); }
bool has_avx512() { return __builtin_cpu_supports("avx512f"); }

// Deals pieces to lanes, the next one to whichever is free, while so many are at work that lanes
// are faster than one piece after another.
template <size_t kLanes>
void advance_in_lanes(std::span<Sha256Piece> pieces, size_t worth,
                      void (*compress_lanes)(Columns<kLanes>&, uint64_t)) {
  Columns<kLanes> columns{};
  std::array<Sha256Piece*, kLanes> at_work{};
  columns.data.fill(kZeros.data());
  size_t next = 0;
  size_t busy = 0;
  const auto deal = [&](size_t lane) {
    at_work[lane] = next < pieces.size() ? &pieces[next++] : nullptr;
    columns.data[lane] = kZeros.data();
    columns.step[lane] = 0;
    if (at_work[lane] == nullptr) return;
    ++busy;
    const Sha256Piece& piece = *at_work[lane];
    for (size_t i = 0; i < 8; ++i) columns.state[i][lane] = piece.state[i];
    if (piece.bytes.empty()) return;
    columns.data[lane] = piece.bytes.data();
    columns.step[lane] = kBlock;
  };
  for (size_t lane = 0; lane < kLanes; ++lane) deal(lane);
  while (busy >= worth) {
    uint64_t blocks = UINT64_MAX;
    for (const Sha256Piece* piece : at_work) {
      if (piece != nullptr) blocks = std::min(blocks, piece->blocks);
    }
    compress_lanes(columns, blocks);
    for (size_t lane = 0; lane < kLanes; ++lane) {
      Sha256Piece* piece = at_work[lane];
      if (piece == nullptr) continue;
      if (!piece->bytes.empty()) piece->bytes = piece->bytes.subspan(blocks * kBlock);
      piece->blocks -= blocks;
      if (piece->blocks > 0) continue;
      for (size_t i = 0; i < 8; ++i) piece->state[i] = columns.state[i][lane];
      --busy;
      deal(lane);
    }
  }
  for (size_t lane = 0; lane < kLanes; ++lane) {
    Sha256Piece* piece = at_work[lane];
    if (piece == nullptr) continue;
    for (size_t i = 0; i < 8; ++i) piece->state[i] = columns.state[i][lane];
    advance_alone(*piece);
  }
}

bool has_sha_instructions() {
  unsigned a = 0, b = 0, c = 0, d = 0;
  return __get_cpuid_count(7, 0, &a, &b, &c, &d) != 0 && (b >> 29 & 1) != 0;
}

#endif

}  // namespace

struct Sha256Chain::Impl {
  SHA256_CTX context{};
};

Sha256Chain::Sha256Chain() : impl_(std::make_unique<Impl>()) {
  CANREC_ASSERT(SHA256_Init(&impl_->context) == 1);
}
Sha256Chain::Sha256Chain(const Sha256State& state, uint64_t length) : Sha256Chain() {
  CANREC_ASSERT(length % kBlock == 0);
  std::ranges::copy(state, impl_->context.h);
  impl_->context.Nl = static_cast<uint32_t>(length << 3);  // bits, in two words
  impl_->context.Nh = static_cast<uint32_t>(length >> 29);
}
Sha256Chain::~Sha256Chain() = default;

void Sha256Chain::update(ByteView bytes) {
  CANREC_ASSERT(SHA256_Update(&impl_->context, bytes.data(), bytes.size()) == 1);
}

Sha256State Sha256Chain::state() const {
  CANREC_ASSERT(impl_->context.num == 0);
  return std::to_array(impl_->context.h);
}

Sha256 Sha256Chain::finish() {
  Sha256 out{};
  CANREC_ASSERT(SHA256_Final(out.data(), &impl_->context) == 1);
  return out;
}

Sha256 to_bytes(const Sha256State& state) {
  Sha256 out{};
  for (size_t i = 0; i < state.size(); ++i) store_le(&out[4 * i], std::byteswap(state[i]));
  return out;
}

Sha256State to_state(const Sha256& bytes) {
  Sha256State out{};
  for (size_t i = 0; i < out.size(); ++i) out[i] = std::byteswap(load_le<uint32_t>(&bytes[4 * i]));
  return out;
}

Sha256Lanes best_sha256_lanes() {
#if defined(__x86_64__)
  if (has_avx512()) return Sha256Lanes::kSixteen;
  if (has_avx2() && !has_sha_instructions()) return Sha256Lanes::kEight;
#endif
  return Sha256Lanes::kOne;
}

void sha256_advance(std::span<Sha256Piece> pieces, Sha256Lanes lanes) {
  for (const Sha256Piece& piece : pieces) {
    CANREC_ASSERT(piece.bytes.empty() || piece.bytes.size() == piece.blocks * kBlock);
  }
#if defined(__x86_64__)
  // Measured: a vector of 16 lanes does what SHA instructions do with 9 pieces, and what a
  // processor without them does with 3.
  const size_t worth = has_sha_instructions() ? 9 : 3;
  if (lanes == Sha256Lanes::kSixteen) {
    const auto compress_lanes = has_avx512() ? compress_avx512 : compress_anywhere<16>;
    return advance_in_lanes<16>(pieces, worth, compress_lanes);
  }
  if (lanes == Sha256Lanes::kEight) {
    return advance_in_lanes<8>(pieces, 3, has_avx2() ? compress_avx2 : compress_anywhere<8>);
  }
#endif
  for (Sha256Piece& piece : pieces) advance_alone(piece);
}

}  // namespace canrec
