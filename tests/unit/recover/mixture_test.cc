// SPDX-License-Identifier: Apache-2.0
// Contradictions between the files of a snapshot directory.
#include "recover/mixture.h"

#include <algorithm>

#include "recover/motoko_heap.h"
#include "support.h"
#include "wasm/load.h"

namespace canrec::recover::test {
namespace {

constexpr uint64_t kPage = 65536;
constexpr uint64_t kDataAt = 4096;
constexpr uint64_t kDataSize = 3 * 4096;

void store(Bytes& out, uint64_t at, uint64_t value, size_t width) {
  for (size_t i = 0; i < width; ++i) out[at + i] = static_cast<uint8_t>(value >> (8 * i));
}

// (module (memory 1) (global (export "c") i32 (i32.const 7)) (data (i32.const 4096) "12 KiB")),
// with a name for the data segment when there is one.
Bytes module_with_data(const Bytes& data, std::string_view segment_name = "") {
  const Bytes global = {1, 0x7f, 0, 0x41, 7, 0x0b};
  const Bytes exports = {1, 1, 'c', 3, 0};
  const Bytes memory = {1, 0, 1};
  Bytes segment = {1, 0, 0x41, 0x80, 0x20, 0x0b};
  for (uint64_t n = data.size();; n >>= 7) {
    segment.push_back(static_cast<uint8_t>((n & 0x7f) | (n > 0x7f ? 0x80 : 0)));
    if (n <= 0x7f) break;
  }
  segment.insert(segment.end(), data.begin(), data.end());
  Bytes names = {4,
                 'n',
                 'a',
                 'm',
                 'e',
                 9,
                 static_cast<uint8_t>(3 + segment_name.size()),
                 1,
                 0,
                 static_cast<uint8_t>(segment_name.size())};
  names.insert(names.end(), segment_name.begin(), segment_name.end());
  Bytes out = wasm::concat({wasm::module_header(), wasm::section(wasm::SectionId::kMemory, memory),
                            wasm::section(wasm::SectionId::kGlobal, global),
                            wasm::section(wasm::SectionId::kExport, exports),
                            wasm::section(wasm::SectionId::kData, segment)});
  if (segment_name.empty()) return out;
  return wasm::concat({out, wasm::section(wasm::SectionId::kCustom, names)});
}

class Mixture : public testing::Test {
 protected:
  Mixture() : data_(noise(kDataSize)), module_(module_with_data(data_)), heap_(2 * kPage) {
    std::ranges::copy(data_, heap_.begin() + kDataAt);
    metadata_.globals = {{snapshot::GlobalType::kI32, 7, 0}};
  }

  std::vector<Finding> findings() const {
    const auto loaded = wasm::load_module(module_);
    EXPECT_TRUE(loaded.has_value());
    if (!loaded) return {};
    std::vector<Finding> out = contradictions({&loaded->module, &metadata_, heap_, stable_});
    for (const Finding& finding : out) {
      EXPECT_FALSE(finding.why.empty()) << finding.code;
      EXPECT_FALSE(finding.next.empty()) << finding.code;
      EXPECT_FALSE(finding.where.empty()) << finding.code;
    }
    return out;
  }
  std::vector<std::string> codes() const {
    std::vector<std::string> out;
    for (const Finding& finding : findings()) out.push_back(finding.code);
    return out;
  }
  using Codes = std::vector<std::string>;

  Bytes data_;
  Bytes module_;
  Bytes heap_;
  Bytes stable_;
  snapshot::Metadata metadata_;
};

TEST_F(Mixture, FindsNothingWherePartsAgree) { EXPECT_EQ(codes(), Codes{}); }

TEST_F(Mixture, FindsAnotherModulesGlobals) {
  metadata_.globals[0].low = 8;
  ASSERT_EQ(codes(), Codes{"globals-value"});
  EXPECT_EQ(findings()[0].severity, Severity::kError);
  EXPECT_NE(findings()[0].what.find("the value 7 in the module and has 8"), std::string::npos);
}

TEST_F(Mixture, FollowsAGlobalToTheOneItBeginsWith) {
  // (global i32 (i32.const 7)) (global (export "c") i32 (global.get 0))
  module_ =
      wasm::concat({wasm::module_header(), wasm::section(wasm::SectionId::kMemory, Bytes{1, 0, 1}),
                    wasm::section(wasm::SectionId::kGlobal,
                                  Bytes{2, 0x7f, 0, 0x41, 7, 0x0b, 0x7f, 0, 0x23, 0, 0x0b}),
                    wasm::section(wasm::SectionId::kExport, Bytes{1, 1, 'c', 3, 1})});
  EXPECT_EQ(codes(), Codes{});
  metadata_.globals[0].low = 8;
  EXPECT_EQ(codes(), Codes{"globals-value"});
}

TEST_F(Mixture, ComparesAllBitsOfAnImmutableGlobal) {
  // (global (export "c") v128 (v128.const i64x2 7 1))
  module_ = wasm::concat(
      {wasm::module_header(), wasm::section(wasm::SectionId::kMemory, Bytes{1, 0, 1}),
       wasm::section(wasm::SectionId::kGlobal, Bytes{1, 0x7b, 0, 0xfd, 12, 7, 0, 0, 0, 0, 0,
                                                     0, 0,    1, 0,    0,  0, 0, 0, 0, 0, 0x0b}),
       wasm::section(wasm::SectionId::kExport, Bytes{1, 1, 'c', 3, 0})});
  metadata_.globals = {{snapshot::GlobalType::kV128, 7, 1}};
  EXPECT_EQ(codes(), Codes{});
  metadata_.globals[0].high = 2;
  EXPECT_EQ(codes(), Codes{"globals-value"});
}

TEST_F(Mixture, FindsDataThatWasNeverFetched) {
  std::fill_n(heap_.begin() + 2 * 4096, 4096, uint8_t{0});
  ASSERT_EQ(codes(), Codes{"static-data-zero"});
  EXPECT_EQ(findings()[0].severity, Severity::kWarning);
  EXPECT_EQ(findings()[0].where, "wasm_memory.bin, [0x00002000, 0x00003000)");
  module_ = module_with_data(data_, ".rodata");
  ASSERT_EQ(codes(), Codes{"static-data-zero"});
  EXPECT_EQ(findings()[0].severity, Severity::kError);
  // One byte that is not zero, and it may be the program's own doing.
  heap_[2 * 4096 + 77] = 1;
  EXPECT_EQ(codes(), Codes{});
  // Where the module has almost nothing, zeros mean nothing.
  std::fill_n(heap_.begin() + 2 * 4096, 4096, uint8_t{0});
  std::fill_n(data_.begin() + 4096, 4096 - 63, uint8_t{0});
  module_ = module_with_data(data_, ".rodata");
  EXPECT_EQ(codes(), Codes{});
}

TEST_F(Mixture, FindsTheHeapOfAnotherModule) {
  std::ranges::copy(noise(kDataSize, 5), heap_.begin() + kDataAt);
  ASSERT_EQ(codes(), Codes{"static-data-other"});
  EXPECT_EQ(findings()[0].severity, Severity::kWarning);
  // A program may rewrite a third of its initial values.
  std::ranges::copy(data_, heap_.begin() + kDataAt);
  std::ranges::copy(noise(4096, 6), heap_.begin() + kDataAt);
  EXPECT_EQ(codes(), Codes{});
}

TEST_F(Mixture, FindsAMotokoHeapUnderAnotherModule) {
  heap_.resize(motoko::kHeap + kPage);
  for (size_t i = 0; i < motoko::kFingerprint.size(); ++i) {
    store(heap_, motoko::kMetadata + 4 * i, static_cast<uint8_t>(motoko::kFingerprint[i]), 4);
  }
  EXPECT_EQ(codes(), Codes{"heap-of-another"});
  heap_[motoko::kMetadata] ^= 1;
  EXPECT_EQ(codes(), Codes{});
}

TEST_F(Mixture, FindsAStableMemoryThatItsHeaderCountsLonger) {
  stable_.resize(kPage * 257);
  const uint8_t header[] = {'M', 'G', 'R', 1, 2, 0, 128, 0};
  std::ranges::copy(header, stable_.begin());
  EXPECT_EQ(codes(), Codes{});
  stable_.resize(kPage * 256);
  ASSERT_EQ(codes(), Codes{"stable-index"});
  EXPECT_EQ(findings()[0].severity, Severity::kError);
  stable_[3] = 2;  // a version that was never released says nothing
  EXPECT_EQ(codes(), Codes{});
}

TEST_F(Mixture, FindsRegionsThatEndBehindStableMemory) {
  stable_.resize((uint64_t{1} << 20) + (uint64_t{3} << 23));
  std::ranges::copy(as_bytes("MOREGION"), stable_.begin());
  store(stable_, 12, 128, 2);
  store(stable_, 14, uint64_t{1} << 20, 8);
  store(stable_, 22, 3, 4);
  EXPECT_EQ(codes(), Codes{});
  store(stable_, 22, 4, 4);
  EXPECT_EQ(codes(), Codes{"stable-index"});
  store(stable_, 14, ~uint64_t{0}, 8);
  EXPECT_EQ(codes(), Codes{"stable-index"});
}

TEST_F(Mixture, ReadsNothingBeyondShortParts) {
  for (const size_t size : {size_t{0}, size_t{1}, size_t{4096}, size_t{8191}, kPage * 2}) {
    heap_.assign(size, 1);
    stable_.assign(size, 'M');
    (void)codes();
  }
}

}  // namespace
}  // namespace canrec::recover::test
