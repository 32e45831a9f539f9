// fuzz: candid
// SPDX-License-Identifier: Apache-2.0
// .did files and init tuples: whatever parses prints to something that parses to the same print,
// and the relation with itself holds.
#include <string_view>

#include "base/bytes.h"
#include "candid/parser.h"
#include "candid/printer.h"
#include "candid/upgrade.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace canrec;
  const std::string_view text = as_text({data, size});
  if (const auto program = candid::parse_program(text)) {
    const std::string once = candid::print_program(*program);
    const auto again = candid::parse_program(once);
    CANREC_ASSERT(again);
    CANREC_ASSERT(candid::print_program(*again) == once);
    if (program->actor) {
      const auto verdict = candid::check_upgrade(*again, *program);
      CANREC_ASSERT(!verdict || verdict->strict);
    }
  }
  static_cast<void>(candid::parse_type_tuple(text));
  return 0;
}
