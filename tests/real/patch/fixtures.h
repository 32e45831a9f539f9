// SPDX-License-Identifier: Apache-2.0
#pragma once

// The real modules that the patch tests run on, and other tools to ask about them.

#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <set>
#include <string>
#include <vector>

#include "base/hash.h"
#include "base/input_file.h"
#include "support/shell.h"
#include "wasm/load.h"

namespace canrec::patch {

/// Every module of the fixtures once, by path: files of the same bytes are one module.
inline std::vector<std::string> real_modules() {
  const std::filesystem::path root = CANREC_FIXTURES;
  std::vector<std::string> paths;
  for (const char* folder : {"azle", "canisters", "ic-wasm", "motoko", "pairs"}) {
    if (!std::filesystem::is_directory(root / folder)) continue;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(root / folder)) {
      if (entry.path().extension() != ".wasm") continue;
      paths.push_back(std::filesystem::relative(entry.path(), root));
    }
  }
  std::ranges::sort(paths);
  std::set<Sha256> seen;
  std::erase_if(paths, [&](const std::string& path) {
    const auto file = InputFile::open(root / path);
    return file.has_value() && !seen.insert(sha256(file->bytes())).second;
  });
  return paths;
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

using canrec::test::Answer;
using canrec::test::shell;

/// WABT's validator, with what the network accepts.
inline Answer wasm_validate(const std::filesystem::path& module) {
  return shell("wasm-validate --enable-memory64 --enable-tail-call '" + module.string() + "'");
}
/// `ic-wasm MODULE info`.
inline Answer ic_wasm_info(const std::filesystem::path& module) {
  return shell("'" CANREC_FIXTURES "/bin/ic-wasm' '" + module.string() + "' info");
}

}  // namespace canrec::patch
