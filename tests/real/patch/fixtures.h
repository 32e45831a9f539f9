// SPDX-License-Identifier: Apache-2.0
#pragma once

// The real modules that the patch tests run on.

#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <string>
#include <vector>

#include "wasm/load.h"

namespace canrec::patch {

/// Modules under these folders of the fixtures, by path; every motoko version with a few programs.
inline std::vector<std::string> real_modules() {
  const std::filesystem::path root = CANREC_FIXTURES;
  std::vector<std::string> found;
  for (const char* folder : {"motoko", "azle", "ic-wasm", "canisters"}) {
    if (!std::filesystem::is_directory(root / folder)) continue;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(root / folder)) {
      if (entry.path().extension() != ".wasm") continue;
      const std::string stem = entry.path().stem();
      const std::string path = std::filesystem::relative(entry.path(), root);
      // The counter variants differ in a few bytes.
      if (stem.starts_with("counter_")) continue;
      // The older templates are built like the newest.
      if (path.starts_with("azle/0.24") || path.starts_with("azle/0.32")) continue;
      found.push_back(path);
    }
  }
  std::ranges::sort(found);
  return found;
}

inline std::string test_name(const testing::TestParamInfo<std::string>& info) {
  std::string name = info.param;
  for (char& c : name) {
    if (std::isalnum(static_cast<unsigned char>(c)) == 0) c = '_';
  }
  return name;
}

inline Result<wasm::ModuleFile> open_fixture(const std::string& path) {
  return wasm::open_module(std::filesystem::path(CANREC_FIXTURES) / path);
}

}  // namespace canrec::patch
