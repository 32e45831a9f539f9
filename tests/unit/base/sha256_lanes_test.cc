// SPDX-License-Identifier: Apache-2.0
// SHA-256 from states, one after another and side by side.
#include "base/sha256_lanes.h"

#include <gtest/gtest.h>

#include "support/noise.h"

namespace canrec {
namespace {

TEST(Sha256Chain, GoesOnFromAState) {
  const Bytes bytes = test::noise(1000, 1);
  Sha256Chain first;
  first.update(ByteView(bytes).first(640));
  const Sha256State state = first.state();
  EXPECT_EQ(to_state(to_bytes(state)), state);
  Sha256Chain second(state, 640);
  second.update(ByteView(bytes).subspan(640));
  EXPECT_EQ(second.finish(), sha256(bytes));
  // The length counts in bits, beyond 32 of them.
  const uint64_t far = uint64_t{5} << 30;
  EXPECT_NE(Sha256Chain(state, far).finish(),
            Sha256Chain(state, far + (uint64_t{1} << 32)).finish());
}

class Sha256InLanes : public testing::TestWithParam<Sha256Lanes> {};

// Pieces of all lengths, more and fewer than lanes, some of zeros, some empty.
TEST_P(Sha256InLanes, IsTheSameAsOneAfterAnother) {
  const Bytes bytes = test::noise(64 * 2000, 2);
  const Bytes zeros(64 * 40);
  for (const size_t count : {0u, 1u, 2u, 3u, 7u, 8u, 9u, 15u, 16u, 17u, 50u}) {
    std::vector<Sha256Piece> pieces;
    std::vector<Sha256State> wanted;
    for (size_t i = 0; i < count; ++i) {
      // Of 8 and 16 pieces all: where every lane has zeros the work is done another way.
      const bool zero = i % 3 == 1 || count == 16 || count == 8;
      const size_t blocks = (i * 7 + count) % 39;
      const ByteView view = zero ? ByteView(zeros).first(64 * blocks)
                                 : ByteView(bytes).subspan(64 * 30 * i, 64 * blocks);
      const Sha256State begin = to_state(sha256(as_bytes(std::to_string(i))));
      pieces.push_back({begin, zero ? ByteView() : view, blocks});
      Sha256Chain alone(begin, 0);
      alone.update(view);
      wanted.push_back(alone.state());
    }
    sha256_advance(pieces, GetParam());
    for (size_t i = 0; i < count; ++i)
      EXPECT_EQ(pieces[i].state, wanted[i]) << i << " of " << count;
  }
}

INSTANTIATE_TEST_SUITE_P(All, Sha256InLanes,
                         testing::Values(Sha256Lanes::kOne, Sha256Lanes::kEight,
                                         Sha256Lanes::kSixteen));

}  // namespace
}  // namespace canrec
