// fuzz: snapshot
// SPDX-License-Identifier: Apache-2.0
// An index that is accepted finds each of its entries, and nothing in it points to a pack that it
// does not list. Its two hashes are set right first.
#include <cstddef>
#include <cstdint>

#include "snapshot/store_index.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace canrec;
  Bytes bytes(data, data + size);
  if (size >= 40) {
    store_le(bytes.data() + 24, xxh3_64(ByteView(bytes).subspan(40)));
    store_le(bytes.data() + 32, xxh3_64(ByteView(bytes).first(32)));
  }
  const auto index = snapshot::Index::parse(bytes);
  if (!index) return 0;
  for (uint64_t row = 0; row < index->file_entries(); ++row) {
    const auto found = index->find(index->file_address(row));
    CANREC_ASSERT(found.has_value());
    CANREC_ASSERT(*found == index->file_location(row));
  }
  return 0;
}
