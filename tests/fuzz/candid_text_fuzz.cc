// fuzz: candid
// SPDX-License-Identifier: Apache-2.0
// Text values: what is read can be written, and its print reads back to the same bytes.
#include <string_view>

#include "base/bytes.h"
#include "candid/binary.h"
#include "candid/text.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace canrec;
  const auto message = candid::parse_args(as_text({data, size}));
  if (!message) return 0;
  const auto bytes = candid::encode(message->env, message->types, message->values);
  CANREC_ASSERT(bytes);
  const std::string printed = candid::args_to_text(message->env, message->types, message->values);
  const auto again = candid::parse_args(printed, message->env, message->types);
  // One level more for the brackets of an annotated option may be one too many.
  if (!again) {
    CANREC_ASSERT(again.error().code() == Errc::kLimit);
    return 0;
  }
  const auto same = candid::encode(message->env, message->types, again->values);
  CANREC_ASSERT(same && *same == *bytes);
  return 0;
}
