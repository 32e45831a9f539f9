// SPDX-License-Identifier: Apache-2.0
#pragma once

// Real modules on the executor, spoken to in Candid text.

#include <gtest/gtest.h>

#include <string>

#include "base/input_file.h"
#include "candid/binary.h"
#include "candid/text.h"
#include "executor/executor.h"

namespace canrec::executor::test {

inline Bytes fixture(const std::string& name) {
  const auto file = InputFile::open(std::string(CANREC_FIXTURES "/") + name);
  EXPECT_TRUE(file) << "fetch the fixtures: " << (file ? "" : file.error().message());
  if (!file) return {};
  return {file->bytes().begin(), file->bytes().end()};
}

/// "(42, \"x\")" as bytes.
inline Bytes candid_bytes(std::string_view text) {
  const auto message = candid::parse_args(text);
  EXPECT_TRUE(message) << text;
  return *candid::encode(message->env, message->types, message->values);
}
inline std::string candid_text(ByteView bytes) {
  const auto message = candid::decode(bytes);
  EXPECT_TRUE(message);
  return message ? candid::args_to_text(message->env, message->types, message->values) : "";
}

/// One canister, installed from a fixture.
class RealCanister {
 public:
  explicit RealCanister(const std::string& module, const Options& options = {})
      : network(options), id(network.create_canister()) {
    const InstallOutcome outcome = install(InstallMode::kInstall, module);
    EXPECT_TRUE(outcome.ok()) << outcome.failure->text();
  }

  InstallOutcome install(InstallMode mode, const std::string& module,
                         std::optional<MemoryPersistence> memory = std::nullopt) {
    InstallRequest request;
    request.canister = id;
    request.mode = mode;
    request.module = fixture(module);
    request.argument = candid_bytes("()");
    request.memory = memory;
    auto outcome = network.install(request);
    EXPECT_TRUE(outcome) << (outcome ? "" : outcome.error().message());
    return std::move(*outcome);
  }
  /// Upgrades as the network does: stopped, then started again.
  InstallOutcome upgrade(const std::string& module,
                         std::optional<MemoryPersistence> memory = std::nullopt) {
    EXPECT_TRUE(network.set_status(id, RunStatus::kStopped));
    InstallOutcome outcome = install(InstallMode::kUpgrade, module, memory);
    EXPECT_TRUE(network.set_status(id, RunStatus::kRunning));
    return outcome;
  }
  CallOutcome update(std::string method, std::string_view argument = "()") {
    auto outcome = network.update({id, std::move(method), candid_bytes(argument)});
    EXPECT_TRUE(outcome) << (outcome ? "" : outcome.error().message());
    return std::move(*outcome);
  }
  /// The reply as Candid text, or the failure's text.
  std::string call(std::string method, std::string_view argument = "()") {
    return text_of(update(std::move(method), argument));
  }
  std::string query(std::string method, std::string_view argument = "()") {
    auto outcome = network.query({id, std::move(method), candid_bytes(argument)});
    EXPECT_TRUE(outcome) << (outcome ? "" : outcome.error().message());
    return text_of(*outcome);
  }
  static std::string text_of(const CallOutcome& outcome) {
    return outcome.replied() ? candid_text(outcome.reply()) : outcome.failure().text();
  }

  Executor network;
  ic::Principal id;
};

}  // namespace canrec::executor::test
