// SPDX-License-Identifier: Apache-2.0
// Messages: the examples of the format, reading at expected types, and bad bytes.
#include "candid/binary.h"

#include <gtest/gtest.h>

#include "unit/candid/support.h"

namespace canrec::candid {
namespace {

using test::decoded;
using test::encoded;
using test::hex;
using test::types;

struct Example {
  const char* values;
  const char* types;
  const char* bytes;
};

// Source: the examples of the reference, checked there with released programs.
constexpr Example kExamples[] = {
    {"(-1_234_567 : int)", "(int)", "4449444c00017c f9d2b47f"},
    {"(1.5 : float32, -2.25 : float64, true, null : null, null : reserved)",
     "(float32, float64, bool, null, reserved)",
     "4449444c0005 73727e7f70 0000c03f 00000000000002c0 01"},
    {"(vec { record { id = 300 : nat; tag = \"\xc3\xa9\" } })",
     "(vec record { id : nat; tag : text })",
     "4449444c026d016c02dbb7017ddab4e102710100 01ac0202c3a9"},
    {"(variant { busy = 513 : nat16 })", "(variant { done; failed : text; busy : nat16 })",
     "4449444c016b03b9aa8089047a82e1b793047fbd8bfbbf0e710100 000102"},
    {"(opt record { -1 : int; opt record { 200 : int; null } })",
     "type chain = opt record { int; chain }; (chain)",
     "4449444c026e016c02007c01000100 017f01c80100"},
    {"(func \"2vxsx-fae\".lookup, service \"aaaaa-aa\")",
     "(func (text) -> (nat) query, service { ping : () -> () oneway })",
     "4449444c036a0171017d010169010470696e67026a00000102 020001 01010104066c6f6f6b757001 00"},
    {"(record { l = opt record { r = vec { record { l = null } } } })",
     "type a = record { l : opt b }; type b = record { r : vec a }; (a)",
     "4449444c046c016c016e026c0172036d000100 010100"},
};

TEST(CandidBinary, WritesAndReadsTheExamplesOfTheFormat) {
  for (const Example& example : kExamples) {
    EXPECT_EQ(encoded(example.values, example.types), to_hex(hex(example.bytes))) << example.values;
    EXPECT_EQ(decoded(hex(example.bytes), example.types), example.values);
  }
}

}  // namespace
}  // namespace canrec::candid
