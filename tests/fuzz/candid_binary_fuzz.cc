// fuzz: candid
// SPDX-License-Identifier: Apache-2.0
// Messages: at their own types and at a few expected ones; what is read can be written and reads
// the same, and what has no error at its own types has none but a mismatch at others.
#include "base/bytes.h"
#include "candid/binary.h"
#include "candid/json.h"
#include "candid/parser.h"
#include "candid/text.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace canrec;
  const ByteView bytes(data, size);
  const auto own = candid::decode(bytes);
  if (own) {
    // Values of types that are not known yet cannot be written.
    if (const auto written = candid::encode(own->env, own->types, own->values)) {
      const auto again = candid::decode(*written);
      CANREC_ASSERT(again);
      const auto same = candid::encode(again->env, again->types, again->values);
      CANREC_ASSERT(same && *same == *written);
    }
    static_cast<void>(candid::args_to_text(own->env, own->types, own->values));
    candid::JsonPrinter json([](std::string_view) { return Status(Ok{}); });
    candid::walk(own->env, own->types, own->values, json);
    CANREC_ASSERT(json.finish());
  }
  static const auto kWanted = candid::parse_type_tuple(
      "type l = opt record { int; l }; type v = variant { a : nat; b : opt v; 0 : text };\n"
      "(l, opt v, opt vec record { a : opt nat; id : opt text }, reserved, opt func () -> (), opt "
      "service {}, opt vec nat8)");
  static const auto kTypes = [] {
    std::vector<candid::TypeIdx> types;
    for (const auto& arg : kWanted->args) types.push_back(arg.type);
    return types;
  }();
  const auto typed = candid::decode(bytes, {&kWanted->env, kTypes});
  if (typed) CANREC_ASSERT(candid::encode(kWanted->env, kTypes, typed->values));
  return 0;
}
