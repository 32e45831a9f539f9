// SPDX-License-Identifier: Apache-2.0
// Hashes, through OpenSSL, xxHash and zlib.
#include "base/hash.h"

#include <fmt/core.h>
#include <openssl/evp.h>
#include <xxhash.h>
#include <zlib.h>

#include "base/checked.h"

namespace canrec {

struct Sha256Stream::Impl {
  EVP_MD_CTX* context = EVP_MD_CTX_new();
  Impl() = default;
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;
  ~Impl() { EVP_MD_CTX_free(context); }
};

Sha256Stream::Sha256Stream() : impl_(std::make_unique<Impl>()) {
  CANREC_ASSERT(EVP_DigestInit_ex(impl_->context, EVP_sha256(), nullptr) == 1);
}
Sha256Stream::~Sha256Stream() = default;
Sha256Stream::Sha256Stream(Sha256Stream&&) noexcept = default;
Sha256Stream& Sha256Stream::operator=(Sha256Stream&&) noexcept = default;

void Sha256Stream::update(ByteView bytes) {
  CANREC_ASSERT(EVP_DigestUpdate(impl_->context, bytes.data(), bytes.size()) == 1);
}

Sha256 Sha256Stream::finish() {
  Sha256 out{};
  CANREC_ASSERT(EVP_DigestFinal_ex(impl_->context, out.data(), nullptr) == 1);
  return out;
}

Sha256 Sha256Stream::peek() const {
  Impl copy;
  CANREC_ASSERT(EVP_MD_CTX_copy_ex(copy.context, impl_->context) == 1);
  Sha256 out{};
  CANREC_ASSERT(EVP_DigestFinal_ex(copy.context, out.data(), nullptr) == 1);
  return out;
}

Sha256 sha256(ByteView bytes) {
  Sha256Stream stream;
  stream.update(bytes);
  return stream.finish();
}

std::array<uint8_t, 28> sha224(ByteView bytes) {
  std::array<uint8_t, 28> out{};
  CANREC_ASSERT(
      EVP_Digest(bytes.data(), bytes.size(), out.data(), nullptr, EVP_sha224(), nullptr) == 1);
  return out;
}

Hash128 xxh3_128(ByteView bytes) {
  const XXH128_hash_t hash = XXH3_128bits(bytes.data(), bytes.size());
  return {hash.high64, hash.low64};
}

uint64_t xxh3_64(ByteView bytes) { return XXH3_64bits(bytes.data(), bytes.size()); }

uint64_t xxh64(ByteView bytes, uint64_t seed) { return XXH64(bytes.data(), bytes.size(), seed); }

uint32_t crc32(ByteView bytes) { return narrow<uint32_t>(crc32_z(0, bytes.data(), bytes.size())); }

std::string to_hex(const Hash128& hash) {
  return fmt::format("{:016x}{:016x}", hash.high, hash.low);
}
std::string to_hex(const Sha256& hash) { return to_hex(ByteView(hash)); }

}  // namespace canrec
