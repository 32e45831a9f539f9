// SPDX-License-Identifier: Apache-2.0
// Real canisters' snapshot directories: whole ones are called whole, and the files of two of them
// in one directory, or slices that were never fetched, are found.
#include "recover/verify.h"

#include <algorithm>

#include "state.h"

namespace canrec::recover::test {
namespace {

class VerifyReal : public State {
 protected:
  static std::vector<std::string> codes(const fs::path& state) {
    std::vector<std::string> out;
    const auto report = verify(state, {});
    EXPECT_TRUE(report.has_value());
    if (!report) return out;
    for (const Finding& finding : report->findings) out.push_back(finding.code);
    return out;
  }
  static bool is_bad(const fs::path& state) {
    const auto report = verify(state, {});
    return report.has_value() && worst(report->findings) == Severity::kError;
  }
  static bool is_enhanced(std::string_view module) {
    return module.starts_with("motoko/3.15") || module.starts_with("motoko/4");
  }
  fs::path copy_of(const fs::path& state) {
    const fs::path copy = directory_ / ("copy-" + std::to_string(++states_));
    fs::copy(state, copy, fs::copy_options::recursive);
    return copy;
  }
  static void zero(const fs::path& file, size_t begin, size_t end) {
    Bytes bytes = file_of(file);
    ASSERT_LE(end, bytes.size());
    std::fill(bytes.begin() + begin, bytes.begin() + end, uint8_t{0});
    canrec::test::write_bytes(file, bytes);
  }
};

const char* const kModules[] = {"canisters/notes.wasm",      "canisters/journal.wasm",
                                "azle/0.33.0/stable.wasm",   "azle/0.24.1/experimental.wasm",
                                "motoko/2.0.3/counter.wasm", "motoko/3.6.16/ledger.wasm",
                                "motoko/3.15.0/ledger.wasm", "motoko/4.10.0/ledger.wasm"};

TEST_F(VerifyReal, CallsWholeWhatIsWhole) {
  for (const char* module : kModules) {
    EXPECT_EQ(codes(fill(fixture(module), {})), std::vector<std::string>{}) << module;
  }
}

// The heap of one canister under module and metadata of another. Two programs of Motoko's enhanced
// persistence cannot be told apart this way: their data segments are passive, and the places that
// are fixed are the same in both.
TEST_F(VerifyReal, FindsTheMemoriesOfAnotherCanister) {
  std::vector<fs::path> states;
  for (const char* module : kModules) states.push_back(fill(fixture(module), {}));
  for (size_t module = 0; module < states.size(); ++module) {
    for (size_t heap = 0; heap < states.size(); ++heap) {
      if (module == heap || (is_enhanced(kModules[module]) && is_enhanced(kModules[heap])))
        continue;
      const fs::path mixed = copy_of(states[module]);
      fs::copy_file(states[heap] / "wasm_memory.bin", mixed / "wasm_memory.bin",
                    fs::copy_options::overwrite_existing);
      // What a resumed download leaves: the sizes are those of the first snapshot.
      fs::resize_file(mixed / "wasm_memory.bin", fs::file_size(states[module] / "wasm_memory.bin"));
      EXPECT_FALSE(codes(mixed).empty())
          << "heap of " << kModules[heap] << " under " << kModules[module];
    }
  }
}

TEST_F(VerifyReal, FindsMetadataOfAnotherModule) {
  const fs::path classical = copy_of(fill(fixture("motoko/3.6.16/ledger.wasm"), {}));
  const fs::path enhanced = fill(fixture("motoko/4.10.0/ledger.wasm"), {});
  fs::copy_file(enhanced / "wasm_module.bin", classical / "wasm_module.bin",
                fs::copy_options::overwrite_existing);
  EXPECT_TRUE(is_bad(classical));
}

// The slices of icp's download, of a heap that is an ordinary file of full length.
TEST_F(VerifyReal, FindsEverySliceOfAHeapThatNeverArrived) {
  const fs::path state = fill(fixture("azle/0.33.0/stable.wasm"), {});
  const fs::path first = copy_of(state);
  zero(first / "wasm_memory.bin", 0, file_of(state / "wasm_memory.bin").size());
  EXPECT_EQ(codes(first), std::vector<std::string>{"static-data-zero"});
  const fs::path one_page = copy_of(state);
  zero(one_page / "wasm_memory.bin", 0x110000, 0x111000);
  EXPECT_EQ(codes(one_page), std::vector<std::string>{"static-data-zero"});
}

// The lifecycle word of a Motoko program that was caught in the middle, or whose page is missing.
TEST_F(VerifyReal, FindsMotokoThatIsNotIdle) {
  for (const auto& [module, at] : {std::pair{"motoko/3.11.1/counter.wasm", 0x200000},
                                   {"motoko/2.0.3/counter.wasm", 0x10000},
                                   {"motoko/4.10.0/counter.wasm", 0x400000}}) {
    const fs::path state = fill(fixture(module), {});
    zero(state / "wasm_memory.bin", static_cast<size_t>(at), static_cast<size_t>(at) + 4);
    EXPECT_EQ(codes(state), std::vector<std::string>{"lifecycle"}) << module;
  }
  const fs::path state = fill(fixture("motoko/4.10.0/counter.wasm"), {});
  zero(state / "wasm_memory.bin", 0x480000, 0x480004);
  EXPECT_EQ(codes(state), std::vector<std::string>{"heap-of-another"});
}

// What is there is of the right program; only the size is wrong.
TEST_F(VerifyReal, FindsOnlyTheSizeWrongOfAMotokoHeapThatIsCut) {
  const fs::path state = fill(fixture("motoko/4.10.0/ledger.wasm"), {});
  for (const size_t size : {0x500000 - 4096, 0x480000 + 16, 0x400004}) {
    fs::resize_file(state / "wasm_memory.bin", size);
    EXPECT_EQ(codes(state), std::vector<std::string>{"wrong-size"}) << size;
  }
}

}  // namespace
}  // namespace canrec::recover::test
