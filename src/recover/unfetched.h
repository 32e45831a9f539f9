// SPDX-License-Identifier: Apache-2.0
#pragma once

// Finding slices of a download that never arrived, in a blob that has its full length.
//
// icp makes each blob at its final length and fills it with slices of 2,000,000 bytes. A slice that
// did not arrive is a run of zeros from one multiple of 2,000,000 to another (or to the end), with
// other data close to both borders. Zeros of the program itself rarely begin and end there.

#include <cstdint>
#include <vector>

#include "base/input_file.h"

namespace canrec::recover {

struct UnfetchedRange {
  uint64_t begin = 0;
  uint64_t end = 0;
  bool is_hole = false;  ///< the file system never stored the whole pages inside
};

/// Slices of zeros with data close to their borders, ascending. Reads only slices that begin with
/// zeros.
std::vector<UnfetchedRange> find_unfetched(const InputFile& file);

}  // namespace canrec::recover
