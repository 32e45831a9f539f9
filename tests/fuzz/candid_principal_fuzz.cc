// fuzz: candid
// SPDX-License-Identifier: Apache-2.0
// Principals: text that reads prints to itself in lower case; bytes print to text that reads back.
#include <string_view>

#include "base/bytes.h"
#include "ic/principal.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace canrec;
  const ByteView bytes(data, size);
  if (const auto parsed = ic::Principal::parse(as_text(bytes))) {
    CANREC_ASSERT(*ic::Principal::parse(parsed->text()) == *parsed);
  }
  if (const auto principal = ic::Principal::from_bytes(bytes)) {
    CANREC_ASSERT(*ic::Principal::parse(principal->text()) == *principal);
  }
  return 0;
}
