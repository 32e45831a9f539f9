// fuzz: snapshot
// SPDX-License-Identifier: Apache-2.0
// A manifest that is accepted can be walked: every list has as many chunks as its file's size says.
// The SHA-256 in the trailer is set right first, or nothing behind it would be reached.
#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "base/hash.h"
#include "snapshot/store_manifest.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace canrec;
  Bytes bytes(data, data + size);
  if (size >= 32) {
    const Sha256 hash = sha256(ByteView(bytes).first(size - 32));
    std::copy(hash.begin(), hash.end(), bytes.end() - 32);
  }
  const auto manifest = snapshot::Manifest::parse(bytes);
  if (!manifest) return 0;
  for (const snapshot::ManifestFile& file : manifest->files()) {
    CANREC_ASSERT(snapshot::is_safe_name(file.name));
    uint64_t chunks = 0;
    for (const snapshot::Reference& reference : manifest->references(file)) {
      CANREC_ASSERT(reference.chunks() > 0);
      chunks += reference.chunks();
    }
    const uint64_t size_of_chunk = manifest->chunk_size();
    CANREC_ASSERT(chunks == file.size / size_of_chunk + (file.size % size_of_chunk != 0));
  }
  return 0;
}
