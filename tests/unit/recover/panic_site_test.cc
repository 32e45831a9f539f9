// SPDX-License-Identifier: Apache-2.0
// Panics as rustc compiles them: constants before a call, and what they point to at 0x400.
#include "recover/panic_site.h"

#include <gtest/gtest.h>

#include "wasm/builder.h"

namespace canrec::recover {
namespace {

using wasm::SectionId;

// i32.const of an address between 0x400 and 0x1fff, or of a small number.
Bytes constant(uint32_t value) {
  if (value < 0x40) return {0x41, static_cast<uint8_t>(value)};
  return {0x41, static_cast<uint8_t>((value & 0x7f) | 0x80), static_cast<uint8_t>(value >> 7)};
}
const Bytes kCall = {0x10, 0x00};         // call 0
const Bytes kNop = {0x01};                // nop
const Bytes kBlock = {0x02, 0x40, 0x0b};  // block end
const Bytes kEnd = {0x0b};
const Bytes kStore = {0x36, 0x02, 0x00};  // i32.store

Bytes words(std::initializer_list<uint32_t> values) {
  Bytes out;
  for (const uint32_t value : values) {
    for (int shift = 0; shift < 32; shift += 8) out.push_back(static_cast<uint8_t>(value >> shift));
  }
  return out;
}

// 0x400 "src/lib.rs", 0x40a "no place", 0x412 two zeros, 0x414 the Location, 0x424 the pieces,
// 0x42c a Location whose file is "no place".
Bytes statics(uint32_t line = 172, uint32_t column = 42) {
  const std::string texts = std::string("src/lib.rsno place") + std::string(2, '\0');
  return wasm::concat({Bytes(texts.begin(), texts.end()), words({0x400, 10, line, column}),
                       words({0x40a, 8}), words({0x40a, 8, 1, 1})});
}

// A module whose function 1 has this code; the call is the last instruction before `end`.
Bytes module_of(std::initializer_list<Bytes> code, const Bytes& data = statics()) {
  const Bytes no_locals = {0};
  return wasm::concat(
      {wasm::module_header(), wasm::section(SectionId::kType, wasm::vec({{0x60, 0, 0}})),
       wasm::section(SectionId::kFunction, wasm::vec({{0}, {0}})),
       wasm::section(SectionId::kMemory, wasm::vec({{0, 1}})),
       wasm::section(
           SectionId::kCode,
           wasm::vec({wasm::body(no_locals, kEnd),
                      wasm::body(no_locals, wasm::concat({wasm::concat(code), kCall, kEnd}))})),
       wasm::section(
           SectionId::kData,
           wasm::vec({wasm::concat(
               {{0}, constant(0x400), kEnd, {static_cast<uint8_t>(data.size())}, data})}))});
}

std::string found(const Bytes& bytes, uint64_t offset_from_end = 3) {
  const auto module = wasm::read_module(bytes);
  EXPECT_TRUE(module.has_value());
  if (!module) return "malformed";
  const std::vector<executor::Frame> frames = {
      {0, module->functions[0].code.begin, "panic"},
      {1, module->functions[1].code.end - offset_from_end, "hook"}};
  const auto site = panic_site(*module, frames);
  return site ? site->sentence() : "none";
}

TEST(PanicSite, ReadsPlaceAndWordsOfAnUnwrap) {
  EXPECT_EQ(found(module_of({constant(0x40a), constant(8), constant(0x414)})),
            "it panicked at src/lib.rs:172:42, in hook, with the words \"no place\"");
}

TEST(PanicSite, ReadsTheWordsOfAnExpectBeforeItsOtherArguments) {
  EXPECT_EQ(found(module_of({constant(0x40a), constant(8), kNop, constant(16), constant(0x414)})),
            "it panicked at src/lib.rs:172:42, in hook, with the words \"no place\"");
}

TEST(PanicSite, ReadsTheFirstPieceOfAFormattedMessage) {
  EXPECT_EQ(found(module_of({constant(0), constant(0x424), kStore, constant(0x414)})),
            "it panicked at src/lib.rs:172:42, in hook, with words that begin \"no place\"");
}

TEST(PanicSite, SaysThatWordsAreNotInTheCode) {
  EXPECT_EQ(found(module_of({constant(3), constant(4), constant(0x414)})),
            "it panicked at src/lib.rs:172:42, in hook; its words are not in the code");
}

TEST(PanicSite, TakesNoWordsFromBeforeABranch) {
  EXPECT_EQ(found(module_of({constant(0x40a), constant(8), kBlock, constant(0x414)})),
            "it panicked at src/lib.rs:172:42, in hook; its words are not in the code");
}

TEST(PanicSite, RejectsWhatIsNoLocation) {
  EXPECT_EQ(found(module_of({kNop})), "none");                            // no constant
  EXPECT_EQ(found(module_of({constant(0x414), kNop})), "none");           // not the last one
  EXPECT_EQ(found(module_of({constant(0x42c)})), "none");                 // not a .rs file
  EXPECT_EQ(found(module_of({constant(0x430)})), "none");                 // ends with the data
  EXPECT_EQ(found(module_of({constant(0x43c)})), "none");                 // behind the data
  EXPECT_EQ(found(module_of({constant(8)})), "none");                     // before the data
  EXPECT_EQ(found(module_of({constant(0x414)}, statics(0, 1))), "none");  // lines begin at 1
  EXPECT_EQ(found(module_of({constant(0x414)}, statics(1, 0))), "none");  // and so do columns
  EXPECT_EQ(found(module_of({constant(0x414)}), 2), "none");  // no instruction begins there
}

TEST(PanicSite, RejectsFramesThatTheModuleDoesNotHave) {
  const Bytes bytes = module_of({constant(0x414)});
  const auto module = wasm::read_module(bytes);
  ASSERT_TRUE(module.has_value());
  const std::vector<executor::Frame> frames = {{7, 3, "elsewhere"}};
  EXPECT_FALSE(panic_site(*module, frames).has_value());
}

}  // namespace
}  // namespace canrec::recover
