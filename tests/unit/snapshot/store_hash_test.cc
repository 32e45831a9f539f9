// SPDX-License-Identifier: Apache-2.0
// The SHA-256 of a file from the states that its manifest has.
#include "snapshot/store_hash.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "support/noise.h"

namespace canrec::snapshot {
namespace {

constexpr uint64_t kMiB = uint64_t{1} << 20;

// What create writes into the manifest.
ManifestFile manifest_file(ByteView content) {
  ManifestFile out;
  out.name = "wasm_memory.bin";
  out.size = content.size();
  out.sha256 = sha256(content);
  Sha256Chain stream;
  const uint64_t stride = state_stride(out.size);
  for (uint64_t i = 0; i < state_count(out.size); ++i) {
    stream.update(content.subspan(i * stride, stride));
    out.states.push_back(stream.state());
  }
  return out;
}

Status check(const ManifestFile& file, ByteView content, size_t window) {
  FileHash hash(file);
  for (size_t at = 0; at < content.size(); at += window) {
    const ByteView bytes = content.subspan(at, std::min(window, content.size() - at));
    const bool zeros = std::ranges::all_of(bytes, [](uint8_t byte) { return byte == 0; });
    hash.add(zeros ? ByteView() : bytes, bytes.size());
  }
  return hash.finish();
}

// Two megabytes of it are zeros.
Bytes content_of(size_t size) {
  Bytes out = test::noise(size);
  for (size_t i = 4 * kMiB; i < std::min<size_t>(size, 6 * kMiB); ++i) out[i] = 0;
  return out;
}

TEST(FileHash, IsTheHashOfTheWholeFile) {
  for (const size_t size :
       {size_t{0}, size_t{1}, size_t{63}, size_t{64}, size_t{65}, size_t{kMiB} - 1, size_t{kMiB},
        size_t{kMiB} + 1, size_t{20 * kMiB} + 4096 + 17}) {
    const Bytes content = content_of(size);
    const ManifestFile file = manifest_file(content);
    for (const size_t window : {size_t{64} << 10, size_t{kMiB}, size_t{16 * kMiB} - 12288}) {
      const Status status = check(file, content, window);
      EXPECT_TRUE(status) << size << " " << window << " " << status.error().message();
    }
  }
}

TEST(FileHash, RejectsAChangedByteAndSaysWhere) {
  const Bytes content = content_of(20 * kMiB + 100);
  const ManifestFile file = manifest_file(content);
  for (const uint64_t at : {uint64_t{0}, kMiB - 1, kMiB, 5 * kMiB, 20 * kMiB - 1, 20 * kMiB + 99}) {
    Bytes changed = content;
    changed[at] ^= 1;
    for (const size_t window : {size_t{64} << 10, size_t{16 * kMiB} - 12288}) {
      const Status status = check(file, changed, window);
      ASSERT_FALSE(status) << at;
      EXPECT_EQ(status.error().code(), Errc::kHashMismatch);
      EXPECT_EQ(status.error().offset(), at / kMiB * kMiB);
    }
  }
}

// No state is believed: each is what the bytes in front of it give, or the file is refused.
TEST(FileHash, RejectsEveryWrongState) {
  const Bytes content = content_of(18 * kMiB + 5);
  const ManifestFile file = manifest_file(content);
  ASSERT_EQ(file.states.size(), 18u);
  for (size_t i = 0; i < file.states.size(); ++i) {
    ManifestFile wrong = file;
    wrong.states[i][i % 8] ^= 1;
    const Status status = check(wrong, content, 16 * kMiB);
    ASSERT_FALSE(status) << i;
    EXPECT_EQ(status.error().offset(), i * kMiB);
  }
  ManifestFile wrong = file;
  wrong.sha256[31] ^= 1;
  const Status status = check(wrong, content, 16 * kMiB);
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().offset(), 18 * kMiB);
}

TEST(FileHash, KeepsAtMostSoManyStates) {
  EXPECT_EQ(state_count(0), 0u);
  EXPECT_EQ(state_count(kMiB), 0u);
  EXPECT_EQ(state_count(kMiB + 1), 1u);
  EXPECT_EQ(state_stride(65'536 * kMiB - 1), kMiB);
  EXPECT_EQ(state_count(65'536 * kMiB - 1), 65'535u);
  EXPECT_EQ(state_stride(65'536 * kMiB), 2 * kMiB);
  EXPECT_EQ(state_count(65'536 * kMiB), 32'767u);
  EXPECT_EQ(state_count(UINT64_MAX), 65'535u);
}

}  // namespace
}  // namespace canrec::snapshot
