// SPDX-License-Identifier: Apache-2.0
// Hooks that cannot run, patched on a snapshot: the three incidents that patches are for, on the
// embedded executor, in C, Rust and Motoko modules.
//
//   the hook traps -> the module is patched -> `replace` on the same state -> the upgrade succeeds
//   and the data is there; the module that was not patched fails in the same run
//
// Where the canister of a language has not the mistake in its source, a patch puts it there first.
#include <fmt/core.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <functional>

#include "base/leb128.h"
#include "executor/executor.h"
#include "patch/apply.h"
#include "patch/operations.h"
#include "snapshot/directory.h"

namespace canrec::recover {
namespace {

using patch::Insertion;
using patch::Plan;
using patch::Scope;
using patch::Where;

Bytes fixture(const std::string& name) {
  const auto file = InputFile::open(std::filesystem::path(CANREC_FIXTURES) / (name + ".wasm"));
  EXPECT_TRUE(file.has_value()) << name;
  if (!file) return {};
  return Bytes(file->bytes().begin(), file->bytes().end());
}

using MakePlan = std::function<Result<Plan>(const wasm::LoadedModule&)>;

// The module with a proven patch.
Bytes patched(const Bytes& module, const MakePlan& make) {
  const auto loaded = wasm::load_module(module);
  EXPECT_TRUE(loaded.has_value());
  const auto plan = make(*loaded);
  EXPECT_TRUE(plan.has_value()) << plan.error().message();
  if (!plan) return {};
  auto result = patch::apply(*loaded, *plan);
  EXPECT_TRUE(result.has_value()) << result.error().message();
  return result ? std::move(result->stored) : Bytes{};
}

MakePlan insert_at_entry(std::string function, std::string call) {
  return [=](const wasm::LoadedModule& input) {
    Insertion insertion;
    insertion.call = call;
    insertion.where = Where::kAtEntry;
    return patch::insert_call(input, function, insertion);
  };
}
MakePlan grow_before_write() {
  return [](const wasm::LoadedModule& input) {
    return patch::grow_before_write(input, Scope{std::nullopt, "canister_pre_upgrade"});
  };
}
MakePlan retarget() {
  return [](const wasm::LoadedModule& input) {
    return patch::retarget(input, Scope{std::nullopt, "canister_pre_upgrade"});
  };
}
MakePlan remove(std::string site, std::vector<std::string> results = {}) {
  return [=](const wasm::LoadedModule& input) { return patch::remove_call(input, site, results); };
}

// Candid, written by hand.
Bytes text_argument(std::string_view text) {
  Bytes out{'D', 'I', 'D', 'L', 0, 1, 0x71};
  append_leb_u64(out, text.size());
  append(out, as_bytes(text));
  return out;
}
Bytes nat32_argument(uint32_t number) {
  Bytes out{'D', 'I', 'D', 'L', 0, 1, 0x79, 0, 0, 0, 0};
  store_le(out.data() + 7, number);
  return out;
}
Bytes note_argument(uint32_t key, std::string_view text) {
  Bytes out{'D', 'I', 'D', 'L', 0, 2, 0x79, 0x71, 0, 0, 0, 0};
  store_le(out.data() + 8, key);
  append_leb_u64(out, text.size());
  append(out, as_bytes(text));
  return out;
}

// One incident: a module whose hook cannot run, what mends it, and what is upgraded to.
struct Incident {
  std::string name;
  Bytes broken;
  std::vector<MakePlan> mend;
  std::string words;  // of the network, when the hook traps
  bool motoko = false;
  std::optional<executor::MemoryPersistence> memory;
  Bytes next;
  bool above_4_gib = false;  // the stable memory of the state
};

class PatchedHooks : public testing::Test {
 protected:
  void TearDown() override { std::filesystem::remove_all(directory_); }

  executor::Answer call(const std::string& method, Bytes argument, bool query) {
    const executor::Call call{id_, method, std::move(argument)};
    auto outcome = query ? network_->query(call) : network_->update(call);
    EXPECT_TRUE(outcome.has_value());
    EXPECT_TRUE(outcome->replied()) << method << ": " << outcome->failure().text();
    return outcome ? std::move(outcome->answer) : executor::Answer{Bytes{}};
  }

  void fill(const Incident& incident) {
    if (incident.motoko) {
      call("write", text_argument("only on the heap"), false);
      return;
    }
    for (uint32_t key = 1; key <= 40; ++key) {
      call("put", note_argument(key, fmt::format("note {}{}", key, std::string(3000, '.'))), false);
    }
  }

  void expect_data(const Incident& incident) {
    const auto has = [](const executor::Answer& answer, std::string_view text) {
      const Bytes* reply = std::get_if<Bytes>(&answer);
      return reply != nullptr && as_text(*reply).find(text) != std::string_view::npos;
    };
    if (incident.motoko) {
      EXPECT_TRUE(has(call("read", Bytes{'D', 'I', 'D', 'L', 0, 0}, true), "only on the heap"));
      return;
    }
    for (uint32_t key = 1; key <= 40; ++key) {
      EXPECT_TRUE(has(call("get", nat32_argument(key), true), fmt::format("note {}.", key))) << key;
    }
  }

  executor::InstallOutcome upgrade(const Incident& incident) {
    executor::InstallRequest request;
    request.canister = id_;
    request.mode = executor::InstallMode::kUpgrade;
    request.module = incident.next;
    request.argument = Bytes{'D', 'I', 'D', 'L', 0, 0};
    request.memory = incident.memory;
    auto outcome = network_->install(request);
    EXPECT_TRUE(outcome.has_value()) << outcome.error().message();
    return std::move(*outcome);
  }

  // A canister with data, installed from the broken module; through a snapshot directory unless
  // its stable memory is too large to write out in a test.
  void make_state(const Incident& incident) {
    network_.emplace(executor::Options{});
    id_ = network_->create_canister();
    executor::InstallRequest request;
    request.canister = id_;
    request.module = incident.broken;
    request.argument = Bytes{'D', 'I', 'D', 'L', 0, 0};
    const auto installed = network_->install(request);
    ASSERT_TRUE(installed.has_value()) << installed.error().message();
    ASSERT_TRUE(installed->ok()) << installed->failure->text();
    fill(incident);
    if (incident.above_4_gib) {
      const std::string method = incident.motoko ? "canister_update write" : "canister_update put";
      const Bytes grower =
          patched(incident.broken, insert_at_entry(method, "stable64_grow(i64.const 65600)"));
      ASSERT_TRUE(network_->replace(id_, grower).has_value());
      call(incident.motoko ? "write" : "put",
           incident.motoko ? text_argument("only on the heap") : note_argument(1, "note 1."),
           false);
      ASSERT_TRUE(network_->replace(id_, incident.broken).has_value());
      return;
    }
    directory_ =
        std::filesystem::temp_directory_path() / fmt::format("canrec-patched-hooks-{}", ::getpid());
    const Status saved = network_->save(id_, posix_file_system(), directory_, Overwrite::kYes);
    ASSERT_TRUE(saved.has_value()) << saved.error().message();
    auto opened = snapshot::Directory::open(directory_);
    ASSERT_TRUE(opened.has_value()) << opened.error().message();
    network_.emplace(executor::Options{});
    const auto loaded = network_->load(std::move(*opened), id_);
    ASSERT_TRUE(loaded.has_value()) << loaded.error().message();
  }

  void run(const Incident& incident) {
    SCOPED_TRACE(incident.name);
    make_state(incident);
    if (HasFatalFailure()) return;
    const auto snapshot = network_->checkpoint();
    ASSERT_TRUE(snapshot.has_value());
    const auto expect_trap = [&] {
      const executor::InstallOutcome outcome = upgrade(incident);
      ASSERT_FALSE(outcome.ok());
      EXPECT_EQ(outcome.stage, "canister_pre_upgrade");
      EXPECT_NE(outcome.failure->text().find(incident.words), std::string::npos)
          << outcome.failure->text();
    };
    expect_trap();

    Bytes mended = incident.broken;
    for (const MakePlan& step : incident.mend) mended = patched(mended, step);
    ASSERT_TRUE(network_->revert(*snapshot).has_value());
    const Status replaced = network_->replace(id_, mended);
    ASSERT_TRUE(replaced.has_value()) << replaced.error().message();
    expect_data(incident);
    const executor::InstallOutcome outcome = upgrade(incident);
    ASSERT_TRUE(outcome.ok()) << outcome.failure->text();
    expect_data(incident);

    // The control: the same state, not patched.
    ASSERT_TRUE(network_->revert(*snapshot).has_value());
    expect_trap();
  }

  std::optional<executor::Executor> network_;
  ic::Principal id_;
  std::filesystem::path directory_;
};

constexpr std::string_view kOutOfBounds = "stable memory out of bounds";
constexpr std::string_view kWrongMode = "cannot be executed in pre upgrade mode";
constexpr std::string_view kAbove4GiB = "32 bit stable memory api used on a memory larger than 4GB";

Incident in_c(std::string name, std::string module, std::vector<MakePlan> mend,
              std::string_view words) {
  Incident incident;
  incident.name = std::move(name);
  incident.broken = fixture("canisters/" + module);
  incident.mend = std::move(mend);
  incident.words = words;
  incident.next = fixture("canisters/notes_v2");
  return incident;
}

// journal_fixed with a call at the beginning of its hook.
Incident in_rust(std::string name, const std::string& call, std::vector<MakePlan> mend,
                 std::string_view words) {
  Incident incident;
  incident.name = std::move(name);
  incident.broken =
      patched(fixture("canisters/journal_fixed"), insert_at_entry("canister_pre_upgrade", call));
  incident.mend = std::move(mend);
  incident.words = words;
  incident.next = fixture("canisters/journal_v2");
  return incident;
}

// stuck_fixed of a Motoko version with a call at the beginning of its hook.
Incident in_motoko(const std::string& version, const std::string& call, std::vector<MakePlan> mend,
                   std::string_view words) {
  Incident incident;
  incident.name = "Motoko " + version + ": " + call;
  const Bytes good = fixture("motoko/" + version + "/stuck_fixed");
  incident.broken = patched(good, insert_at_entry("canister_pre_upgrade", call));
  incident.mend = std::move(mend);
  incident.words = words;
  incident.motoko = true;
  if (version >= "3.15" || version >= "4") incident.memory = executor::MemoryPersistence::kKeep;
  incident.next = good;
  return incident;
}

TEST_F(PatchedHooks, GrowBeforeTheyWriteInC) {
  run(in_c("C: no grow", "notes_no_grow", {grow_before_write()}, kOutOfBounds));
}

TEST_F(PatchedHooks, GrowBeforeTheyWriteInRust) {
  Incident incident = in_c("Rust: no grow", "journal", {grow_before_write()}, kOutOfBounds);
  incident.next = fixture("canisters/journal_v2");
  run(incident);
}

TEST_F(PatchedHooks, GrowBeforeTheyWriteInMotoko) {
  for (const char* version : {"4.10.0", "4.0.0", "3.15.0", "3.11.1"}) {
    run(in_motoko(version, "stable64_write(i64.const 0, i64.const 0, i64.const 4)",
                  {grow_before_write()}, kOutOfBounds));
    TearDown();
  }
}

TEST_F(PatchedHooks, LoseACallThatIsNotAllowedInC) {
  run(in_c("C: reply", "notes_replies",
           {remove("canister_pre_upgrade:msg_reply_data_append"),
            remove("canister_pre_upgrade:msg_reply")},
           kWrongMode));
}

TEST_F(PatchedHooks, LoseACallThatIsNotAllowedInRust) {
  run(in_rust("Rust: reply", "msg_reply()", {remove("canister_pre_upgrade:msg_reply")},
              kWrongMode));
}

TEST_F(PatchedHooks, LoseACallThatIsNotAllowedInMotoko) {
  for (const char* version : {"4.10.0", "3.11.1"}) {
    run(in_motoko(version, "call_perform()", {remove("canister_pre_upgrade:call_perform", {"0"})},
                  kWrongMode));
    TearDown();
  }
}

TEST_F(PatchedHooks, ReachStableMemoryAbove4GiBInC) {
  Incident incident = in_c("C: 32-bit", "notes_32_bit", {retarget()}, kAbove4GiB);
  incident.above_4_gib = true;
  run(incident);
}

TEST_F(PatchedHooks, ReachStableMemoryAbove4GiBInRust) {
  Incident incident = in_rust("Rust: 32-bit", "stable_size()", {retarget()}, kAbove4GiB);
  // journal_v2 reads all of stable memory, and 4 GiB are more than it can: the heap is kept
  // instead, under the module with the right hook.
  incident.next = patched(fixture("canisters/journal_fixed"), [](const wasm::LoadedModule& input) {
    return patch::prepare_route_k(input, {});
  });
  incident.memory = executor::MemoryPersistence::kKeep;
  incident.above_4_gib = true;
  run(incident);
}

TEST_F(PatchedHooks, ReachStableMemoryAbove4GiBInMotoko) {
  Incident incident = in_motoko("3.11.1", "stable_size()", {retarget()}, kAbove4GiB);
  incident.above_4_gib = true;
  run(incident);
}

}  // namespace
}  // namespace canrec::recover
