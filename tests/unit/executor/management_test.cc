// SPDX-License-Identifier: Apache-2.0
// The management canister, asked directly with Candid text.
#include <fmt/core.h>
#include <gtest/gtest.h>

#include "candid/binary.h"
#include "candid/parser.h"
#include "candid/text.h"
#include "executor/management_did.h"
#include "executor/network.h"
#include "test_module.h"

namespace canrec::executor {
namespace {

using test::call;
using test::operator+;
using test::drop;
using test::global_set;
using test::i32;
using test::i64;
using test::increment;
using test::Replies;
using test::TestModule;

class Management : public ::testing::Test {
 protected:
  Management()
      : network(Options{}), interface(std::move(*candid::parse_program(kManagementInterface))) {
    make(1);
  }

  Canister& make(uint64_t number) {
    const ic::Principal id = ic::Principal::canister(number);
    Canister& canister = network.world.canisters[id];
    canister.id = id;
    canister.settings.controllers = {default_user()};
    return canister;
  }
  Canister& canister(uint64_t number = 1) {
    return network.world.canisters.at(ic::Principal::canister(number));
  }
  static std::string id(uint64_t number = 1) {
    return fmt::format("principal \"{}\"", ic::Principal::canister(number).text());
  }
  std::vector<candid::TypeIdx> types(std::string_view method, bool results) {
    std::vector<candid::TypeIdx> out;
    const candid::TypeEnv& env = interface.env;
    const candid::Type& function =
        env.resolved(candid::find_method(env.resolved(interface.actor->service), method)->type);
    for (const candid::Arg& arg : results ? function.results : function.args) {
      out.push_back(arg.type);
    }
    return out;
  }
  Bytes encoded(std::string_view method, const std::string& text) {
    const auto argument_types = types(method, false);
    const auto values = candid::parse_args(text, interface.env, argument_types);
    EXPECT_TRUE(values) << (values ? "" : values.error().message());
    return *candid::encode(interface.env, argument_types, values->values);
  }
  // The reply as text, or "IC0NNN: ...".
  std::string ask(std::string method, const std::string& text,
                  const ic::Principal& caller = default_user()) {
    Request request;
    request.caller = caller;
    request.method = method;
    request.origin = IngressOrigin{77};
    request.cycles = cycles;
    request.payload = encoded(method, text);
    auto answer = network.manage(request);
    EXPECT_TRUE(answer) << (answer ? "" : answer.error().message());
    cycles = request.cycles;
    if (!*answer) return "later";
    if (const auto* failure = std::get_if<Failure>(&**answer)) return failure->text();
    const auto result_types = types(method, true);
    const auto reply = candid::decode(std::get<Bytes>(**answer), {&interface.env, result_types});
    EXPECT_TRUE(reply) << (reply ? "" : reply.error().message());
    return candid::args_to_text(interface.env, result_types, reply->values);
  }
  std::string blob(ByteView bytes) {
    std::string out = "blob \"";
    for (const uint8_t byte : bytes) out += fmt::format("\\{:02x}", byte);
    return out + "\"";
  }
  static Bytes counter_module() {
    TestModule module;
    const Replies replies(module);
    const uint32_t grow = module.import("stable64_grow");
    const uint32_t global = module.global(1);
    module.exported("canister_init",
                    increment(0, 5) + i32(42) + global_set(global) + i64(1) + call(grow) + drop());
    module.exported("canister_update add", increment(0) + replies.empty());
    module.exported("canister_query get", replies.with(0, 4));
    return module.build();
  }
  std::string install(uint64_t number = 1) {
    return ask("install_code",
               fmt::format("(record {{ mode = variant {{ install }}; canister_id = {}; wasm_module "
                           "= {}; arg = blob \"\" }})",
                           id(number), blob(counter_module())));
  }
  uint32_t counter(uint64_t number = 1) {
    const auto outcome = network.query({ic::Principal::canister(number), "get", {}});
    EXPECT_TRUE(outcome && outcome->replied());
    return load_le<uint32_t>(outcome->reply().data());
  }
  std::string first_snapshot(uint64_t number = 1) {
    return blob(canister(number).snapshots.begin()->first);
  }
  std::string about(const std::string& rest = "", uint64_t number = 1) {
    return fmt::format("(record {{ canister_id = {}; {} }})", id(number), rest);
  }

  Network network;
  candid::Program interface;
  Cycles cycles = 0;
};

TEST_F(Management, InstallsAndUpgradesAndTellsTheStatus) {
  EXPECT_EQ(install(), "()");
  EXPECT_EQ(counter(), 5u);
  const std::string status = ask("canister_status", about());
  EXPECT_NE(status.find("status = variant { running }"), std::string::npos) << status;
  EXPECT_NE(status.find("stable_memory_size = 65_536"), std::string::npos) << status;
  EXPECT_NE(status.find("cycles = 1_000_000_000_000_000"), std::string::npos) << status;
  EXPECT_EQ(
      ask("install_code",
          fmt::format("(record {{ mode = variant {{ upgrade = opt record {{ skip_pre_upgrade = opt "
                      "true; wasm_memory_persistence = opt variant {{ keep }} }} }}; canister_id = "
                      "{}; wasm_module = {}; arg = blob \"\" }})",
                      id(), blob(counter_module()))),
      "IC0504: Invalid upgrade option: The `wasm_memory_persistence: opt Keep` upgrade option "
      "requires that the new canister module supports enhanced orthogonal persistence.");
}

TEST_F(Management, AnswersControllersOnly) {
  EXPECT_TRUE(ask("stop_canister", about(), ic::Principal::anonymous())
                  .starts_with("IC0512: Only the controllers of the canister"));
  EXPECT_TRUE(ask("canister_status", about(), ic::Principal::canister(1)).starts_with("("));
  EXPECT_TRUE(ask("canister_info", about(), ic::Principal::anonymous()).starts_with("("));
}

TEST_F(Management, TellsUnknownMethodsCanistersAndArguments) {
  Request request;
  request.method = "make_coffee";
  const auto unknown = network.manage(request);
  EXPECT_EQ(std::get<Failure>(**unknown).text(),
            "IC0407: Management canister has no method 'make_coffee'");
  EXPECT_EQ(ask("start_canister", about("", 9)),
            fmt::format("IC0301: Canister {} not found", ic::Principal::canister(9).text()));
  request.method = "start_canister";
  request.payload = Bytes{1, 2, 3};
  EXPECT_EQ(std::get<Failure>(**network.manage(request)).code,
            ic::ErrorCode::kInvalidManagementPayload);
}

TEST_F(Management, StopsWhenTheLastCallContextIsGone) {
  canister().contexts[0].origin = TaskOrigin{};
  EXPECT_EQ(ask("stop_canister", about()), "later");
  EXPECT_EQ(canister().status, RunStatus::kStopping);
  canister().contexts.clear();
  network.settle_stop(canister());
  EXPECT_EQ(canister().status, RunStatus::kStopped);
  EXPECT_TRUE(network.answers.contains(77));
  EXPECT_EQ(ask("stop_canister", about()), "()");
  EXPECT_EQ(ask("start_canister", about()), "()");
  EXPECT_EQ(canister().status, RunStatus::kRunning);
}

// A call of another canister that is on its way, with the callback and the context it is for.
struct Waiting {
  explicit Waiting(Canister& caller) : origin{caller.id, 0} {
    caller.contexts[0].origin = TaskOrigin{};
    caller.contexts[0].outstanding = 1;
    caller.callbacks[0].callee = ic::Principal::canister(5);
    caller.calls_under_way[ic::Principal::canister(5)] = 1;
  }
  CanisterOrigin origin;
};

TEST_F(Management, GivesCyclesBackAfterCodeWasUninstalled) {
  install();
  const Waiting call(canister());
  const Cycles before = canister().balance;
  EXPECT_EQ(ask("uninstall_code", about()), "()");
  EXPECT_EQ(ask("stop_canister", about()), "later");  // the answer is still to come
  network.world.queue.push(Response{call.origin, Bytes{}, 30});
  ASSERT_TRUE(network.deliver_all());
  EXPECT_EQ(canister().balance, before + 30);
  EXPECT_TRUE(canister().contexts.empty());
  EXPECT_TRUE(canister().calls_under_way.empty());
  EXPECT_EQ(canister().status, RunStatus::kStopped);
}

TEST_F(Management, RunsNoCallbackOfCodeThatWasUninstalled) {
  install();
  const Waiting call(canister());
  EXPECT_EQ(ask("uninstall_code", about()), "()");
  install();  // other code, which knows nothing of the call
  network.world.queue.push(Response{call.origin, Bytes{}, 30});
  (void)network.runs.take();
  ASSERT_TRUE(network.deliver_all());
  EXPECT_TRUE(network.runs.take().empty());
  EXPECT_TRUE(canister().contexts.empty());
}

TEST_F(Management, GivesCyclesBackThatCameWithAStop) {
  make(2);
  const Waiting call(canister(2));
  canister(2).contexts[0].deleted = canister(2).contexts[0].replied = true;
  canister().contexts[0].origin = TaskOrigin{};
  canister().settings.controllers = {canister(2).id};
  const Cycles before = canister(2).balance;
  Request stop{.origin = call.origin,
               .caller = canister(2).id,
               .callee = {},
               .method = "stop_canister",
               .payload = encoded("stop_canister", about()),
               .cycles = 10};
  const auto later = network.manage(stop);
  ASSERT_TRUE(later);
  EXPECT_FALSE(later->has_value());
  EXPECT_EQ(stop.cycles, Cycles{0});
  canister().contexts.clear();
  network.settle_stop(canister());
  ASSERT_TRUE(network.deliver_all());
  EXPECT_EQ(canister(2).balance, before + 10);
}

TEST_F(Management, CancelsAStopWhenStarted) {
  canister().contexts[0].origin = TaskOrigin{};
  EXPECT_EQ(ask("stop_canister", about()), "later");
  EXPECT_EQ(ask("start_canister", about()), "()");
  EXPECT_EQ(std::get<Failure>(network.answers.at(77)).code, ic::ErrorCode::kStoppingCancelled);
}

TEST_F(Management, InstallsFromChunks) {
  const Bytes module = counter_module();
  const Bytes first(module.begin(), module.begin() + 20);
  const Bytes second(module.begin() + 20, module.end());
  for (const Bytes& part : {first, second}) {
    EXPECT_EQ(ask("upload_chunk", about(fmt::format("chunk = {}", blob(part)))),
              candid::args_to_text(interface.env, types("upload_chunk", true), [&] {
                static candid::Arena arena;
                const candid::Value hash = candid::Value::blob(arena, sha256(part));
                return std::vector{candid::Value::list(arena, std::span(&hash, 1))};
              }()));
  }
  const auto install_chunked = [&](const Sha256& hash) {
    return ask("install_chunked_code",
               fmt::format("(record {{ mode = variant {{ install }}; target_canister = {}; "
                           "chunk_hashes_list = vec {{ record {{ hash = {} }}; record {{ hash = {} "
                           "}} }}; wasm_module_hash = {}; arg = blob \"\" }})",
                           id(), blob(sha256(first)), blob(sha256(second)), blob(hash)));
  };
  EXPECT_TRUE(install_chunked(sha256(first)).starts_with("IC0408: Wasm module hash"));
  EXPECT_EQ(install_chunked(sha256(module)), "()");
  EXPECT_EQ(counter(), 5u);
  EXPECT_EQ(ask("clear_chunk_store", about()), "()");
  EXPECT_EQ(ask("stored_chunks", about()), "(vec {})");
}

TEST_F(Management, ChangesSettings) {
  EXPECT_EQ(ask("update_settings",
                about(fmt::format(
                    "settings = record {{ controllers = opt vec {{ {} }}; wasm_memory_limit = opt "
                    "1000; environment_variables = opt vec {{ record {{ name = \"A\"; value = "
                    "\"b\" }} }} }}",
                    id(5)))),
            "()");
  EXPECT_EQ(canister().settings.wasm_memory_limit, 1000u);
  EXPECT_EQ(canister().settings.environment.at("A"), "b");
  EXPECT_FALSE(canister().is_controller(default_user()));
  EXPECT_TRUE(canister().is_controller(ic::Principal::canister(5)));
}

TEST_F(Management, GivesTheSameRandomBytesForTheSameSeed) {
  const std::string first = ask("raw_rand", "()");
  EXPECT_NE(ask("raw_rand", "()"), first);
  network.world.random_made = 0;
  EXPECT_EQ(ask("raw_rand", "()"), first);
}

TEST_F(Management, DepositsCyclesAndUninstalls) {
  install();
  cycles = 10;
  const Cycles before = canister().balance;
  EXPECT_EQ(ask("deposit_cycles", about()), "()");
  EXPECT_EQ(canister().balance, before + 10);
  EXPECT_EQ(cycles, Cycles{0});
  EXPECT_EQ(ask("uninstall_code", about()), "()");
  EXPECT_FALSE(canister().wasm.has_value());
}

// --- snapshots
// ------------------------------------------------------------------------------------

TEST_F(Management, TakesAndLoadsASnapshot) {
  EXPECT_EQ(ask("take_canister_snapshot", about()),
            fmt::format("IC0406: Failed to create snapshot for empty canister {}.",
                        canister().id.text()));
  install();
  EXPECT_TRUE(ask("take_canister_snapshot", about()).starts_with("("));
  ASSERT_TRUE(network.update({canister().id, "add", {}})->replied());
  EXPECT_EQ(counter(), 6u);
  const uint64_t version = canister().version;
  EXPECT_EQ(ask("load_canister_snapshot", about("snapshot_id = " + first_snapshot())), "()");
  EXPECT_EQ(counter(), 5u);
  EXPECT_EQ(canister().version, version + 1);
  EXPECT_EQ(canister().wasm->globals[0].as_i32(), 42u);
  EXPECT_EQ(ask("delete_canister_snapshot", about("snapshot_id = " + first_snapshot())), "()");
  EXPECT_EQ(ask("list_canister_snapshots", about()), "(vec {})");
}

TEST_F(Management, KeepsTenSnapshotsAndReplacesOne) {
  install();
  for (int i = 0; i < 10; ++i) ask("take_canister_snapshot", about());
  EXPECT_EQ(ask("take_canister_snapshot", about()),
            fmt::format("IC0406: Canister {} has reached the maximum number of snapshots allowed: "
                        "10.",
                        canister().id.text()));
  const Bytes replaced = canister().snapshots.begin()->first;
  EXPECT_TRUE(ask("take_canister_snapshot", about("replace_snapshot = opt " + first_snapshot()))
                  .starts_with("("));
  EXPECT_EQ(canister().snapshots.size(), 10u);
  EXPECT_FALSE(canister().snapshots.contains(replaced));
}

TEST_F(Management, RefusesSnapshotsOfOthers) {
  make(2);
  install();
  ask("take_canister_snapshot", about());
  const std::string snapshot = "snapshot_id = " + first_snapshot();
  EXPECT_NE(ask("delete_canister_snapshot", about(snapshot, 2)).find("does not belong to canister"),
            std::string::npos);
  EXPECT_EQ(ask("load_canister_snapshot", about(snapshot, 2)), "()");
  EXPECT_EQ(counter(2), 5u);
  EXPECT_TRUE(ask("load_canister_snapshot", about("snapshot_id = blob \"\\00\""))
                  .starts_with("IC0305: Could not find the snapshot ID 00"));
}

TEST_F(Management, DownloadsAndUploadsASnapshot) {
  install();
  ask("take_canister_snapshot", about());
  const std::string from = "snapshot_id = " + first_snapshot();
  const std::string metadata = ask("read_canister_snapshot_metadata", about(from));
  EXPECT_NE(metadata.find("globals = vec { variant { i32 = 42 : int32 } }"), std::string::npos)
      << metadata;
  EXPECT_NE(metadata.find("wasm_memory_size = 65_536 : nat64"), std::string::npos);
  EXPECT_EQ(ask("read_canister_snapshot_data",
                about(from + "; kind = variant { wasm_memory = record { offset = 0; size = 4 } }")),
            "(record { chunk = blob \"\\05\\00\\00\\00\" })");
  EXPECT_EQ(
      ask("read_canister_snapshot_data",
          about(from + "; kind = variant { stable_memory = record { offset = 65_535; size = 2 "
                       "} }")),
      "IC0408: Invalid subslice into stable memory: offset: 65535, size: 2");
  EXPECT_EQ(ask("read_canister_snapshot_data",
                about(from + "; kind = variant { wasm_module = record { offset = 0; size = "
                             "2_000_001 } }")),
            "IC0408: Requested slice too large: 2000001 > 2000000");

  make(2);
  const Bytes module = counter_module();
  ask("upload_canister_snapshot_metadata",
      about(fmt::format("wasm_module_size = {}; globals = vec {{ variant {{ i32 = 7 }} }}; "
                        "wasm_memory_size = 65_536; stable_memory_size = 0; certified_data = blob "
                        "\"ab\"; global_timer = opt variant {{ active = 99 }}",
                        module.size()),
            2));
  const std::string to = "snapshot_id = " + first_snapshot(2);
  EXPECT_EQ(ask("upload_canister_snapshot_data",
                about(to + fmt::format("; kind = variant {{ wasm_module = record {{ offset = 0 }} "
                                       "}}; chunk = {}",
                                       blob(module)),
                      2)),
            "()");
  EXPECT_EQ(ask("upload_canister_snapshot_data",
                about(to + "; kind = variant { wasm_memory = record { offset = 0 } }; chunk = blob "
                           "\"\\09\"",
                      2)),
            "()");
  EXPECT_EQ(ask("upload_canister_snapshot_data",
                about(to + "; kind = variant { wasm_memory = record { offset = 65_536 } }; chunk = "
                           "blob \"\\09\"",
                      2)),
            "IC0408: Invalid subslice into main memory: offset: 65536, size: 1");
  EXPECT_EQ(ask("load_canister_snapshot", about(to, 2)), "()");
  EXPECT_EQ(counter(2), 9u);
  EXPECT_EQ(canister(2).wasm->globals[0].as_i32(), 7u);
  EXPECT_EQ(canister(2).global_timer_ns, 99u);
  EXPECT_EQ(as_text(canister(2).certified_data), "ab");
}

TEST_F(Management, RefusesMetadataAndGlobalsThatDoNotFit) {
  const auto upload = [&](std::string_view heap, std::string_view globals) {
    return ask(
        "upload_canister_snapshot_metadata",
        about(fmt::format("wasm_module_size = {}; globals = vec {{ {} }}; wasm_memory_size = "
                          "{}; stable_memory_size = 0; certified_data = blob \"\"",
                          counter_module().size(), globals, heap)));
  };
  EXPECT_EQ(upload("1000", ""),
            "IC0408: Snapshot Metadata contains invalid data: WasmMemoryNotPageAligned");
  EXPECT_TRUE(upload("65_536", "variant { i64 = 1 }").starts_with("("));
  const std::string snapshot = "snapshot_id = " + first_snapshot();
  ask("upload_canister_snapshot_data",
      about(snapshot + fmt::format("; kind = variant {{ wasm_module = record {{ offset = 0 }} }}; "
                                   "chunk = {}",
                                   blob(counter_module()))));
  EXPECT_EQ(ask("load_canister_snapshot", about(snapshot)),
            "IC0408: Wasm exported globals of canister module and snapshot metadata do not match.");
  install();
  ask("take_canister_snapshot", about());
  const std::string taken = "snapshot_id = " + blob(canister().snapshots.rbegin()->first);
  EXPECT_EQ(ask("upload_canister_snapshot_data",
                about(taken + "; kind = variant { wasm_chunk }; chunk = blob \"\"")),
            "IC0409: Only canister snapshots created by metadata upload can be mutated.");
}

}  // namespace
}  // namespace canrec::executor
