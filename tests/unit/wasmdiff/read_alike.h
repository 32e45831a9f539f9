// SPDX-License-Identifier: Apache-2.0
#pragma once

// The two ways to read a body in canonical form, instruction by instruction side by side.

#include <gtest/gtest.h>

#include <algorithm>

#include "wasmdiff/canonical.h"

namespace canrec::wasmdiff::test {

/// Reads every function of a module with next() alone, and with next_plain() wherever it reads, as
/// the scan does. Gives how many instructions next_plain() read.
inline size_t expect_read_alike(const wasm::Module& module) {
  const auto denotations = denote(module, module, {});
  EXPECT_TRUE(denotations);
  if (!denotations) return 0;
  const Side side{&module, &(*denotations)[kOld]};
  CanonicalReader slow(side);
  CanonicalReader fast(side);
  size_t plain = 0;
  wasm::Instruction in;
  for (size_t i = module.imported_functions; i < module.functions.size(); ++i) {
    EXPECT_TRUE(slow.begin(module.functions[i]));
    EXPECT_TRUE(fast.begin(module.functions[i]));
    while (!slow.at_end()) {
      CanonicalInstruction want;
      CanonicalInstruction have;
      EXPECT_TRUE(slow.next(in, want));
      const uint64_t offset = in.offset;
      if (fast.next_plain(have)) {
        ++plain;
      } else {
        EXPECT_TRUE(fast.next(in, have));
      }
      const bool same = want.op == have.op && want.has_labels == have.has_labels &&
                        want.reference == have.reference && want.a == have.a && want.b == have.b &&
                        std::ranges::equal(want.vector, have.vector);
      EXPECT_TRUE(same) << "function " << i << ", instruction at " << offset;
      EXPECT_EQ(slow.at_end(), fast.at_end());
      if (!same || slow.at_end() != fast.at_end()) return plain;
    }
  }
  return plain;
}

}  // namespace canrec::wasmdiff::test
