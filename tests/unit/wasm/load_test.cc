// SPDX-License-Identifier: Apache-2.0
#include "wasm/load.h"

#include <gtest/gtest.h>

#include "base/gzip.h"
#include "unit/wasm/parts.h"

namespace canrec::wasm {
namespace {

using namespace parts;

TEST(LoadModule, HashesTheStoredBytesOfACompressedModule) {
  Parts parts;
  parts.exports = {export_of("canister_init", 0, 0)};
  const Bytes plain = parts.module();
  const Bytes packed = gzip(plain);
  auto loaded = load_module(packed);
  ASSERT_TRUE(loaded);
  EXPECT_TRUE(loaded->gzipped);
  EXPECT_EQ(loaded->hash, sha256(packed));
  EXPECT_EQ(loaded->stored_size, packed.size());
  const LoadedModule moved = std::move(*loaded);
  EXPECT_EQ(moved.module.exports.at(0).name, "canister_init");
  EXPECT_EQ(moved.module.bytes.data(), moved.unpacked.data());
}

TEST(LoadModule, RejectsADamagedGzipStream) {
  Bytes packed = gzip(Parts{}.module());
  packed.pop_back();
  const auto loaded = load_module(packed);
  ASSERT_FALSE(loaded);
  EXPECT_EQ(loaded.error().code(), Errc::kGzip);
}

TEST(LoadModule, RejectsTextAndEmptyFiles) {
  for (const std::string_view text : {"", "\0", "not a module at all"}) {
    const auto loaded = load_module(as_bytes(text));
    ASSERT_FALSE(loaded);
    EXPECT_EQ(loaded.error().code(), Errc::kWasmMagic);
    EXPECT_EQ(loaded.error().offset(), 0u);
  }
}

TEST(OpenModule, RejectsAMissingFile) {
  const auto file = open_module("/nonexistent/module.wasm");
  ASSERT_FALSE(file);
  EXPECT_EQ(file.error().code(), Errc::kNotFound);
}

}  // namespace
}  // namespace canrec::wasm
