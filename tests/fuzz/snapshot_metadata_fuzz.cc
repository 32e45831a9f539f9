// fuzz: snapshot
// SPDX-License-Identifier: Apache-2.0
// Metadata that is accepted is written, and what is written is read as the same.
#include <cstddef>
#include <cstdint>

#include "snapshot/metadata.h"
#include "snapshot/progress.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace canrec;
  const std::string_view text = as_text({data, size});
  (void)snapshot::read_download_progress(text);
  (void)snapshot::read_upload_id(text);
  const auto read = snapshot::read_metadata(text);
  if (!read) return 0;
  const auto written = snapshot::write_metadata(read->metadata);
  CANREC_ASSERT(written.has_value());
  const auto again = snapshot::read_metadata(*written);
  CANREC_ASSERT(again.has_value());
  // An unknown key may be one that Juno's form has; everything else must come back.
  CANREC_ASSERT(again->metadata.globals == read->metadata.globals);
  CANREC_ASSERT(again->metadata.taken_at_timestamp_ns == read->metadata.taken_at_timestamp_ns);
  CANREC_ASSERT(again->metadata.certified_data == read->metadata.certified_data);
  return 0;
}
