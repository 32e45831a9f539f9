// SPDX-License-Identifier: Apache-2.0
// Zero runs that begin and end where download slices do.
#include "recover/unfetched.h"

#include <unistd.h>

#include <algorithm>

#include "snapshot/image.h"

namespace canrec::recover {
namespace {

constexpr uint64_t kSlice = 2'000'000;
constexpr uint64_t kPage = 4096;
// Where data must be, beside a border: programs that use memory thinly still leave something in
// each page. Zeros of a program's own have both borders so near by chance once in 200,000 times.
constexpr uint64_t kNear = kPage;
// With one border only, as at the end of a memory, chance has to be made as rare by that one.
constexpr uint64_t kNearTail = 64;

bool has_data(ByteView bytes, uint64_t begin, uint64_t end) {
  return !snapshot::all_zero(bytes.subspan(begin, end - begin));
}

// Whether the file system keeps no block for the whole pages of the range.
bool is_hole(const InputFile& file, uint64_t begin, uint64_t end) {
  const uint64_t first = (begin + kPage - 1) / kPage * kPage;
  const uint64_t last = end / kPage * kPage;
  if (first >= last) return false;
  const off_t data = ::lseek(file.descriptor(), static_cast<off_t>(first), SEEK_DATA);
  return data < 0 || static_cast<uint64_t>(data) >= last;
}

}  // namespace

std::vector<UnfetchedRange> find_unfetched(const InputFile& file) {
  const ByteView bytes = file.bytes();
  std::vector<UnfetchedRange> found;
  uint64_t run_begin = 0;
  bool in_run = false;
  const auto close = [&](uint64_t end) {
    // Data beside the run on both sides; the ends of the file count as borders only on one side, an
    // image of zeros altogether is an empty memory.
    const auto data_before = [&](uint64_t near) {
      return run_begin == 0 || has_data(bytes, run_begin - near, run_begin);
    };
    const bool starts = data_before(kNear);
    const bool ends =
        end == bytes.size() || has_data(bytes, end, std::min<uint64_t>(end + kNear, bytes.size()));
    const bool whole_file = run_begin == 0 && end == bytes.size();
    // A zero tail is ordinary: fresh pages of a memory that grew. It counts as a hole, and where
    // the data before it ends at the very border.
    const bool tail = end == bytes.size();
    const bool hole = is_hole(file, run_begin, end);
    if (starts && ends && !whole_file && (!tail || hole || data_before(kNearTail))) {
      found.push_back({run_begin, end, hole});
    }
    in_run = false;
  };
  for (uint64_t at = 0; at < bytes.size(); at += kSlice) {
    const uint64_t end = std::min<uint64_t>(at + kSlice, bytes.size());
    const bool zero = snapshot::all_zero(bytes.subspan(at, end - at));
    if (zero && !in_run) {
      in_run = true;
      run_begin = at;
    } else if (!zero && in_run) {
      close(at);
    }
  }
  if (in_run) close(bytes.size());
  return found;
}

}  // namespace canrec::recover
