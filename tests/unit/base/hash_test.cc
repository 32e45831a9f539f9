// SPDX-License-Identifier: Apache-2.0
// Hashes against published vectors.
#include "base/hash.h"

#include <gtest/gtest.h>

namespace canrec {
namespace {

TEST(Hashes, Sha256Vectors) {
  // FIPS 180-4 examples.
  EXPECT_EQ(to_hex(sha256(as_bytes(""))),
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(to_hex(sha256(as_bytes("abc"))),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(to_hex(sha256(as_bytes("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"))),
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
}

TEST(Hashes, Sha256InPiecesIsTheSame) {
  const std::string text(1000, 'a');
  for (const size_t piece : {1u, 7u, 63u, 64u, 65u, 999u, 1000u}) {
    Sha256Stream stream;
    for (size_t at = 0; at < text.size(); at += piece) {
      EXPECT_EQ(stream.peek(), sha256(as_bytes(text).first(at)));
      stream.update(as_bytes(text).subspan(at, std::min(piece, text.size() - at)));
    }
    EXPECT_EQ(stream.finish(), sha256(as_bytes(text))) << piece;
  }
}

TEST(Hashes, Sha224Vectors) {
  EXPECT_EQ(to_hex(ByteView(sha224(as_bytes("")))),
            "d14a028c2a3a2bc9476102bb288234c415a2b01f828ea62ac5b3e42f");
  EXPECT_EQ(to_hex(ByteView(sha224(as_bytes("abc")))),
            "23097d223405d8228642a477bda255b32aadbce4bda0b3f7e36c9da7");
}

TEST(Hashes, XxhVectors) {
  // xxHash, tests/sanity_test_vectors.h and the specification.
  EXPECT_EQ(xxh64(as_bytes("")), 0xef46db3751d8e999u);
  EXPECT_EQ(xxh64(as_bytes("abc")), 0x44bc2cf5ad770999u);
  EXPECT_EQ(xxh64(as_bytes(""), 2654435761u), 0xac75fda2929b17efu);
  EXPECT_EQ(xxh3_64(as_bytes("")), 0x2d06800538d394c2u);
  EXPECT_EQ(to_hex(xxh3_128(as_bytes(""))), "99aa06d3014798d86001c324468d497f");
  EXPECT_EQ(xxh3_128(as_bytes("")).high, 0x99aa06d3014798d8u);
}

TEST(Hashes, Crc32Vectors) {
  EXPECT_EQ(crc32(as_bytes("")), 0u);
  EXPECT_EQ(crc32(as_bytes("123456789")), 0xcbf43926u);
}

}  // namespace
}  // namespace canrec
