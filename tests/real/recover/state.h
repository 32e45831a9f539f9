// SPDX-License-Identifier: Apache-2.0
#pragma once

// Real canisters in states made by their own calls, for the tests of this folder.

#include <gtest/gtest.h>

#include <memory>

#include "recover/rehearse.h"
#include "recover/subject.h"
#include "support/shell.h"
#include "support/temporary_directory.h"

namespace canrec::recover::test {

namespace fs = std::filesystem;
using canrec::test::output_of;

inline fs::path fixture(const std::string& name) { return fs::path(CANREC_FIXTURES) / name; }
inline fs::path canister(const std::string& name) { return fixture("canisters/" + name + ".wasm"); }

inline Bytes file_of(const fs::path& path) {
  const auto file = InputFile::open(path);
  EXPECT_TRUE(file.has_value()) << path << ": run scripts/test, which fetches the fixtures";
  return file ? Bytes(file->bytes().begin(), file->bytes().end()) : Bytes{};
}

class State : public testing::Test {
 protected:
  /// Installs a module, runs update calls, and saves the state.
  fs::path fill(const fs::path& module,
                const std::vector<std::pair<std::string, std::string>>& calls) {
    Subject subject = Subject::fresh({});
    executor::InstallRequest install;
    install.canister = subject.id();
    install.module = file_of(module);
    install.argument = Bytes{'D', 'I', 'D', 'L', 0, 0};
    const auto installed = subject.executor().install(install);
    EXPECT_TRUE(installed.has_value() && installed->ok()) << module;
    subject.refresh_interface();
    for (const auto& [method, arguments] : calls) {
      const auto outcome = subject.update(method, arguments);
      EXPECT_TRUE(outcome.has_value() && outcome->replied()) << method;
    }
    const fs::path path = directory_.path() / ("state-" + std::to_string(++states_));
    const Status saved =
        subject.executor().save(subject.id(), posix_file_system(), path, Overwrite::kNo);
    EXPECT_TRUE(saved.has_value()) << (saved ? "" : saved.error().message());
    return path;
  }
  std::string ask(const fs::path& state, const std::string& method, const std::string& arguments) {
    auto subject = Subject::open(state, {});
    EXPECT_TRUE(subject.has_value());
    const auto outcome = subject->query(method, arguments);
    EXPECT_TRUE(outcome.has_value() && outcome->replied());
    return subject->reply_text(method, outcome->reply());
  }
  std::vector<Step> steps(const std::vector<std::string>& texts) {
    std::vector<Step> out;
    for (size_t i = 0; i < texts.size(); ++i) {
      auto step = parse_step(texts[i], StepSource::kCommandLine, static_cast<uint32_t>(i + 1));
      EXPECT_TRUE(step.has_value()) << texts[i];
      if (step) out.push_back(std::move(*step));
    }
    return out;
  }

  canrec::test::TemporaryDirectory directory_;
  int states_ = 0;
};

}  // namespace canrec::recover::test
