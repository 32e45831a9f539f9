// SPDX-License-Identifier: Apache-2.0
// Every real module: read, labelled, written back byte for byte, validated, inspected.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>

#include "wasm/inspect.h"
#include "wasm/load.h"
#include "wasm/text.h"

namespace canrec::wasm {
namespace {

namespace fs = std::filesystem;

std::vector<fs::path> real_modules() {
  std::vector<fs::path> paths;
  for (const char* folder : {"azle", "motoko", "ic-wasm", "pairs", "canisters"}) {
    const fs::path root = fs::path(CANREC_FIXTURES) / folder;
    if (!fs::exists(root)) continue;
    for (const auto& entry : fs::recursive_directory_iterator(root)) {
      if (entry.path().extension() == ".wasm") paths.push_back(entry.path());
    }
  }
  std::ranges::sort(paths);
  return paths;
}

TEST(RealModules, AreThere) {
  for (const char* path :
       {"azle/0.33.0/experimental.wasm", "azle/0.24.1/stable.wasm", "motoko/2.0.3/counter.wasm",
        "motoko/4.10.0/ledger.wasm", "ic-wasm/motoko-4.10.0-ledger-shrink.wasm"}) {
    EXPECT_TRUE(fs::exists(fs::path(CANREC_FIXTURES) / path)) << path;
  }
}

TEST(RealModules, AreWrittenBackByteForByte) {
  for (const fs::path& path : real_modules()) {
    const auto file = open_module(path);
    ASSERT_TRUE(file) << path << ": " << file.error().message();
    const Bytes written = write_module(file->module());
    EXPECT_TRUE(std::ranges::equal(written, file->module().bytes)) << path;
  }
}

TEST(RealModules, HaveEveryByteLabelledOnce) {
  for (const fs::path& path : real_modules()) {
    const auto file = open_module(path);
    ASSERT_TRUE(file) << path;
    uint64_t at = 0;
    for (const LabelledRange& piece : coverage(file->module())) {
      ASSERT_EQ(piece.range.begin, at) << path << ": " << piece.label;
      ASSERT_GT(piece.range.end, at) << path << ": " << piece.label;
      at = piece.range.end;
    }
    EXPECT_EQ(at, file->module().bytes.size()) << path;
  }
}

TEST(RealModules, ValidateAndKeepTheNetworksRules) {
  for (const fs::path& path : real_modules()) {
    const auto file = open_module(path);
    ASSERT_TRUE(file) << path;
    const Status valid = validate(file->module());
    EXPECT_TRUE(valid) << path << ": " << valid.error().message();
    for (const RuleViolation& violation : check_network_rules(file->module())) {
      ADD_FAILURE() << path << ": " << violation.text;
    }
  }
}

ModuleFacts facts_of(const ModuleFile& file) {
  return inspect_module(file.module(),
                        FunctionNames(file.module(), FunctionNames::Style::kReadable));
}

TEST(RealModules, TellTheirToolchain) {
  for (const fs::path& path : real_modules()) {
    const std::string text = path.string();
    const auto file = open_module(path);
    ASSERT_TRUE(file) << path;
    const Toolchain toolchain = facts_of(*file).toolchain.toolchain;
    const bool motoko = text.find("motoko") != std::string::npos;
    if (text.find("/azle") != std::string::npos) {
      EXPECT_EQ(toolchain, Toolchain::kAzle) << path;
    } else if (text.find("/motoko/") != std::string::npos) {
      EXPECT_EQ(toolchain,
                file->module().is_64() ? Toolchain::kMotokoEnhanced : Toolchain::kMotokoClassical)
          << path;
    } else if (motoko) {
      EXPECT_TRUE(toolchain == Toolchain::kMotokoEnhanced ||
                  toolchain == Toolchain::kMotokoClassical)
          << path;
    } else if (text.find("/pairs/rust_") != std::string::npos) {
      EXPECT_TRUE(toolchain == Toolchain::kRust || file->module().custom("producers") == nullptr)
          << path;
    }
  }
}

TEST(RealModules, SplitMotokoVersionsByCollectorAndLayout) {
  const auto toolchain_of = [](const char* name) {
    const auto file = open_module(fs::path(CANREC_FIXTURES) / "motoko" / name / "counter.wasm");
    EXPECT_TRUE(file);
    return facts_of(*file).toolchain;
  };
  EXPECT_EQ(toolchain_of("2.0.3").collector, "copying");
  EXPECT_EQ(toolchain_of("2.0.3").layout, "");
  EXPECT_EQ(toolchain_of("4.10.0").collector, "incremental");
  EXPECT_EQ(toolchain_of("4.10.0").layout, "64-bit, layout version 1");
  EXPECT_EQ(toolchain_of("3.15.0").compiler, "0.16.3-37-g96f17fc61-dirty");
}

TEST(RealModules, PersistTheGlobalsTheNetworkPersists) {
  const auto count = [](const char* name) {
    const auto file = open_module(fs::path(CANREC_FIXTURES) / name);
    EXPECT_TRUE(file);
    return persisted_globals(file->module()).size();
  };
  EXPECT_EQ(count("azle/0.33.0/stable.wasm"), 1u);
  EXPECT_EQ(count("motoko/2.0.3/counter.wasm"), 9u);
  EXPECT_EQ(count("motoko/3.11.1/ledger.wasm"), 28u);
}

TEST(RealModules, LeadFromPreUpgradeToStableMemory) {
  const auto file = open_module(fs::path(CANREC_FIXTURES) / "motoko/3.11.1/ledger.wasm");
  ASSERT_TRUE(file);
  const ModuleFacts facts = facts_of(*file);
  const auto use = std::ranges::find(facts.uses, "stable64_write", &ApiUse::name);
  ASSERT_NE(use, facts.uses.end());
  const auto from = std::ranges::find_if(use->from, [&](const ApiUse::From& one) {
    return facts.entries[one.entry].name == "canister_pre_upgrade";
  });
  ASSERT_NE(from, use->from.end());
  EXPECT_EQ(from->reach, Reach::kDirect);
  EXPECT_TRUE(from->forbidden.empty());
}

TEST(RealModules, PrintEveryBody) {
  const auto file = open_module(fs::path(CANREC_FIXTURES) / "motoko/4.10.0/ledger.wasm");
  ASSERT_TRUE(file);
  const Module& module = file->module();
  const FunctionNames names(module, FunctionNames::Style::kReadable);
  for (uint32_t i = module.imported_functions; i < module.functions.size(); ++i) {
    const auto lines = body_text(module, names, FuncIdx{i});
    ASSERT_TRUE(lines);
    uint64_t at = module.functions[i].code.begin;
    for (const TextLine& line : *lines) {
      ASSERT_EQ(line.range.begin, at);
      ASSERT_FALSE(line.text.empty());
      at = line.range.end;
    }
    EXPECT_EQ(at, module.functions[i].code.end);
    EXPECT_EQ(lines->back().depth, 0u);
  }
}

}  // namespace
}  // namespace canrec::wasm
