// SPDX-License-Identifier: Apache-2.0
// Route K's packages as the network would take them: the encoded arguments go, byte for byte, to
// the management canister of a fresh executor that holds the state.
#include "recover/package.h"

#include <algorithm>

#include "candid/binary.h"
#include "candid/interface.h"
#include "candid/parser.h"
#include "candid/text.h"
#include "candid/value.h"
#include "executor/management_did.h"
#include "ic/limits.h"
#include "patch/apply.h"
#include "patch/operations.h"
#include "recover/management_message.h"
#include "state.h"
#include "wasm/load.h"

namespace canrec::recover::test {
namespace {

constexpr std::string_view kCanister = "rrkah-fqaaa-aaaaa-aaaaq-cai";

class PackageReal : public State {
 protected:
  // The module with the section that route K asks for.
  fs::path prepared(const fs::path& module) {
    const Bytes bytes = file_of(module);
    const auto loaded = wasm::load_module(bytes);
    EXPECT_TRUE(loaded.has_value());
    const auto plan = patch::prepare_route_k(*loaded, {});
    EXPECT_TRUE(plan.has_value()) << (plan ? "" : plan.error().message());
    const auto patched = patch::apply(*loaded, *plan);
    EXPECT_TRUE(patched.has_value()) << (patched ? "" : patched.error().message());
    const fs::path path = directory_ / "prepared.wasm";
    canrec::test::write_bytes(path, patched->stored);
    return path;
  }
  Package made(const fs::path& state, const fs::path& module, std::vector<std::string> checks) {
    PackageRequest request;
    request.directory = state;
    request.module = module;
    request.output = directory_ / "package";
    request.route = wasmdiff::Route::kK;
    request.canister = *ic::Principal::parse(kCanister);
    request.checks = std::move(checks);
    auto result = package(posix_file_system(), request);
    EXPECT_TRUE(result.has_value()) << (result ? "" : result.error().message());
    return result ? std::move(*result) : Package{};
  }
  fs::path packaged(const std::string& name) { return directory_ / "package" / name; }

  // The state in a network of its own, under the id that the package is for.
  executor::Executor network(const fs::path& state) {
    executor::Executor out((executor::Options()));
    auto directory = snapshot::Directory::open(state);
    EXPECT_TRUE(directory.has_value());
    EXPECT_TRUE(out.load(std::move(*directory), *ic::Principal::parse(kCanister)).has_value());
    return out;
  }
  // What the network does with the argument of install_code and install_chunked_code.
  static void install(executor::Executor& network, const candid::View& record,
                      const std::string& canister_field, const Bytes& module) {
    executor::InstallRequest request;
    request.canister = *record.field(canister_field)->principal();
    const auto mode = *record.field("mode")->tag();
    ASSERT_EQ(candid::label_text(*mode.first), "upgrade");
    const auto options = *mode.second.some();
    request.mode = executor::InstallMode::kUpgrade;
    request.skip_pre_upgrade = *options.field("skip_pre_upgrade")->some()->boolean();
    const auto memory = *options.field("wasm_memory_persistence")->some()->tag();
    ASSERT_EQ(candid::label_text(*memory.first), "keep");
    request.memory = executor::MemoryPersistence::kKeep;
    request.module = module;
    const ByteView argument = *record.field("arg")->blob();
    request.argument = Bytes(argument.begin(), argument.end());
    const auto outcome = network.install(request);
    ASSERT_TRUE(outcome.has_value()) << outcome.error().message();
    EXPECT_TRUE(outcome->ok()) << outcome->failure->text();
    EXPECT_TRUE(request.skip_pre_upgrade);
    EXPECT_EQ(network.find(request.canister)->wasm->code->hash(), sha256(module));
  }
  struct Decoded {
    candid::Program program;
    candid::Values values;
    std::vector<candid::TypeIdx> types;
    candid::View record() const { return {program.env, types[0], values.values[0]}; }
  };
  // The argument at the types of the management canister's interface.
  static Decoded decode(std::string_view method, ByteView argument) {
    Decoded out;
    out.program = *candid::parse_program(executor::kManagementInterface);
    const candid::Method* found =
        candid::find_method(out.program.env.resolved(out.program.actor->service), method);
    for (const candid::Arg& arg : out.program.env.resolved(found->type).args) {
      out.types.push_back(arg.type);
    }
    auto values = candid::decode(argument, candid::Expected{&out.program.env, out.types});
    EXPECT_TRUE(values.has_value()) << (values ? "" : values.error().message());
    if (values) out.values = std::move(*values);
    return out;
  }
  // What the JavaScript library of the network's clients reads in an argument.
  std::string oracle(const std::string& method, const std::string& name) {
    return output_of("node '" + std::string(CANREC_SOURCE_DIR) +
                     "/tests/real/recover/install_oracle.mjs' '" +
                     fixture("npm/node_modules/@icp-sdk/core/lib/esm/candid/index.js").string() +
                     "' " + method + " '" + packaged(name).string() + "'");
  }
  // What the text form of an argument is in bytes.
  Bytes encoded(const std::string& method, const std::string& name) {
    const auto bytes = management_argument(method, canrec::test::read_text(packaged(name)));
    EXPECT_TRUE(bytes.has_value()) << (bytes ? "" : bytes.error().message());
    return bytes ? *bytes : Bytes{};
  }
  std::string runbook() { return canrec::test::read_text(packaged("runbook.txt")); }
  // The state after an upgrade, which leaves the data in stable memory.
  fs::path upgraded(const fs::path& state, const fs::path& module) {
    auto subject = Subject::open(state, {});
    EXPECT_TRUE(subject.has_value());
    executor::InstallRequest install;
    install.canister = subject->id();
    install.mode = executor::InstallMode::kUpgrade;
    install.module = file_of(module);
    install.argument = Bytes{'D', 'I', 'D', 'L', 0, 0};
    const auto outcome = subject->executor().install(install);
    EXPECT_TRUE(outcome.has_value() && outcome->ok());
    const fs::path path = directory_ / "upgraded";
    EXPECT_TRUE(subject->executor()
                    .save(subject->id(), posix_file_system(), path, Overwrite::kNo)
                    .has_value());
    return path;
  }
  static size_t count_of(std::string_view text, std::string_view words) {
    size_t count = 0;
    for (size_t at = text.find(words); at != text.npos; at = text.find(words, at + 1)) ++count;
    return count;
  }
  std::string decoded(const std::string& name) {
    return output_of("'" CANREC_PROGRAM "' candid decode --file '" + packaged(name).string() + "'");
  }
};

TEST_F(PackageReal, GivesTheArgumentThatInstallsTheModule) {
  const fs::path state = fill(canister("notes"), {{"put", "(7, \"seven\")"}});
  const fs::path module = prepared(canister("notes"));
  const Package package = made(state, module, {"get(7)"});
  EXPECT_EQ(package.chunks, 0U);
  const Bytes argument = file_of(packaged("install_code.bin"));
  EXPECT_EQ(canrec::test::read_text(packaged("install_code.hex")), to_hex(argument) + "\n");

  const Decoded message = decode("install_code", argument);
  const candid::View record = message.record();
  EXPECT_EQ(record.field("canister_id")->principal()->text(), kCanister);
  const ByteView sent = *record.field("wasm_module")->blob();
  EXPECT_EQ(Bytes(sent.begin(), sent.end()), file_of(module));
  EXPECT_EQ(oracle("install_code", "install_code.bin"),
            "{\"arg\":\"4449444c0000\",\"wasm_module\":\"" + std::to_string(sent.size()) +
                " bytes " + to_hex(sha256(sent)) +
                "\",\"mode\":{\"upgrade\":[{\"wasm_memory_persistence\":[{\"keep\":null}],"
                "\"skip_pre_upgrade\":[true]}]},\"canister_id\":\"" +
                std::string(kCanister) + "\",\"sender_canister_version\":[]}\n");
  EXPECT_EQ(encoded("install_code", "install_code.candid"), argument);
  // And to a person `canrec candid decode` shows it.
  EXPECT_NE(decoded("install_code.bin").find("principal \"" + std::string(kCanister) + "\""),
            std::string::npos);

  executor::Executor network = this->network(state);
  install(network, record, "canister_id", Bytes(sent.begin(), sent.end()));
  const auto answer = network.query(
      {*ic::Principal::parse(kCanister), "get", Bytes{'D', 'I', 'D', 'L', 0, 1, 0x79, 7, 0, 0, 0}});
  ASSERT_TRUE(answer.has_value() && answer->replied());
  EXPECT_NE(as_text(answer->reply()).find("seven"), std::string_view::npos);
}

// An edited snapshot takes two slots, and sending it is what costs.
TEST_F(PackageReal, SaysWhatAnEditedSnapshotCosts) {
  const fs::path state =
      fill(canister("notes_no_grow"), {{"put", "(7, \"seven\")"}, {"fill", "(30000)"}});
  PackageRequest request;
  request.directory = state;
  request.module = canister("notes");
  request.output = directory_ / "package";
  request.checks = {"get(7)"};
  const auto made = package(posix_file_system(), request);
  ASSERT_TRUE(made.has_value()) << made.error().message();
  ASSERT_EQ(made->route, wasmdiff::Route::kS);
  uint64_t bytes = 0;
  for (const char* name : {"wasm_module.bin", "wasm_memory.bin", "stable_memory.bin"}) {
    bytes += fs::file_size(packaged("snapshot") / name);
  }
  // One global of 16 bytes.
  EXPECT_EQ(made->costs.new_snapshot_bytes, bytes + 16);
  // The argument of load_canister_snapshot, its name and the envelope: 418 bytes.
  EXPECT_EQ(static_cast<uint64_t>(made->costs.restore),
            2'005'000'000 + bytes + 16 + 1'200'000 + 2'000 * 418);
  EXPECT_GT(made->costs.upload, executor::Cycles{2'000} * bytes);
  const std::string runbook = canrec::test::read_text(packaged("runbook.txt"));
  for (const std::string& words :
       {"Cost: " + cycles_words(made->costs.upload) + " for " + human_size(bytes + 16),
        "Cost: " + cycles_words(made->costs.restore), "Cost: " + cycles_words(made->costs.take),
        std::string("snapshots: 2 of the 10"),
        "rises with the snapshots from " + cycles_words(made->costs.reserve_before) + " to " +
            cycles_words(made->costs.reserve_during)}) {
    EXPECT_NE(runbook.find(words), std::string::npos) << words;
  }
}

// Azle's template: 6.7 MB as it is, far over the message limit.
TEST_F(PackageReal, CutsAModuleOverTheMessageLimitIntoChunks) {
  const fs::path template_module = fixture("azle/0.33.0/experimental.wasm");
  const fs::path state = fill(template_module, {});
  const fs::path module = prepared(template_module);
  ASSERT_GT(fs::file_size(module), ic::limits::kIngressBytes);
  const Package package = made(state, module, {});
  ASSERT_GT(package.chunks, 6U);
  EXPECT_FALSE(fs::exists(packaged("install_code.bin")));

  executor::Executor network = this->network(state);
  Bytes joined;
  std::vector<Sha256> hashes;
  for (uint32_t i = 0; i < package.chunks; ++i) {
    const std::string name = "chunks/0" + std::to_string(i) + ".bin";
    const Bytes argument = file_of(packaged(name));
    EXPECT_LE(argument.size(), ic::limits::kIngressBytes);
    const Decoded message = decode("upload_chunk", argument);
    EXPECT_EQ(message.record().field("canister_id")->principal()->text(), kCanister);
    const ByteView chunk = *message.record().field("chunk")->blob();
    EXPECT_LE(chunk.size(), ic::limits::kChunkBytes);
    joined.insert(joined.end(), chunk.begin(), chunk.end());
    hashes.push_back(sha256(chunk));
  }
  EXPECT_EQ(joined, file_of(module));
  const Bytes argument = file_of(packaged("install_chunked_code.bin"));
  EXPECT_EQ(canrec::test::read_text(packaged("install_chunked_code.hex")), to_hex(argument) + "\n");
  const Decoded message = decode("install_chunked_code", argument);
  const candid::View record = message.record();
  const candid::View list = *record.field("chunk_hashes_list");
  ASSERT_EQ(list.size(), hashes.size());
  for (size_t i = 0; i < hashes.size(); ++i) {
    EXPECT_TRUE(std::ranges::equal(*list.at(i)->field("hash")->blob(), hashes[i])) << i;
  }
  EXPECT_TRUE(std::ranges::equal(*record.field("wasm_module_hash")->blob(), sha256(joined)));
  EXPECT_EQ(encoded("install_chunked_code", "install_chunked_code.candid"), argument);
  std::string listed;
  for (const Sha256& hash : hashes) {
    listed += (listed.empty() ? "{\"hash\":\"" : ",{\"hash\":\"") + to_hex(hash) + "\"}";
  }
  EXPECT_EQ(oracle("install_chunked_code", "install_chunked_code.bin"),
            "{\"arg\":\"4449444c0000\",\"wasm_module_hash\":\"" + to_hex(sha256(joined)) +
                "\",\"mode\":{\"upgrade\":[{\"wasm_memory_persistence\":[{\"keep\":null}],"
                "\"skip_pre_upgrade\":[true]}]},\"chunk_hashes_list\":[" +
                listed + "],\"target_canister\":\"" + std::string(kCanister) +
                "\",\"store_canister\":[],\"sender_canister_version\":[]}\n");
  const ByteView last = ByteView(joined).subspan((package.chunks - 1) * ic::limits::kChunkBytes);
  EXPECT_EQ(oracle("upload_chunk", "chunks/06.bin"),
            "{\"chunk\":\"" + std::to_string(last.size()) + " bytes " + to_hex(sha256(last)) +
                "\",\"canister_id\":\"" + std::string(kCanister) + "\"}\n");
  install(network, record, "target_canister", joined);
  // What it costs, by the price list, of what is sent here and was charged in the rehearsal.
  constexpr uint64_t kEnvelope = 333;
  uint64_t sent_bytes =
      argument.size() + std::string_view("install_chunked_code").size() + kEnvelope;
  for (uint32_t i = 0; i < package.chunks; ++i) {
    sent_bytes += fs::file_size(packaged("chunks/0" + std::to_string(i) + ".bin")) +
                  std::string_view("upload_chunk").size() + kEnvelope;
  }
  const uint64_t messages = package.chunks + 1;
  EXPECT_GT(package.compile_instructions, 10'000'000'000U);
  EXPECT_GE(package.install_instructions, package.compile_instructions);
  const uint64_t install = messages * (ic::limits::kIngressCycles + ic::limits::kExecutionCycles) +
                           ic::limits::kIngressByteCycles * sent_bytes +
                           package.chunks * ic::limits::kUploadChunkInstructions +
                           package.install_instructions;
  EXPECT_EQ(static_cast<uint64_t>(package.costs.install), install);
  const std::string runbook = canrec::test::read_text(packaged("runbook.txt"));
  EXPECT_NE(runbook.find("Cost: " + cycles_words(install) + " for " +
                         grouped(package.install_instructions) + " instructions, as rehearsed"),
            std::string::npos);
  EXPECT_NE(runbook.find("snapshots: 1 of the 10"), std::string::npos);
  EXPECT_NE(runbook.find("uploads its " + std::to_string(package.chunks) + " chunks"),
            std::string::npos);
}

// What the hook does is seen in the rehearsal: the warning is one, and says it.
TEST_F(PackageReal, SaysOnceWhatPostUpgradeDidInTheRehearsal) {
  const fs::path before = fill(canister("notes"), {{"put", "(7, \"seven\")"}});
  const Package fresh = made(before, canister("notes_v2_kept"), {"get(7)"});
  const auto about_hook = [](const Package& package) {
    std::vector<std::string> out;
    for (const Finding& finding : package.findings) {
      if (finding.code.find("post-upgrade") != std::string::npos) out.push_back(finding.what);
    }
    return out;
  };
  ASSERT_EQ(about_hook(fresh).size(), 1U);
  EXPECT_NE(about_hook(fresh)[0].find("read no stable memory"), std::string::npos)
      << about_hook(fresh)[0];
  EXPECT_EQ(count_of(runbook(), "hook ran in the rehearsal"), 1U);
  EXPECT_EQ(count_of(runbook(), "post_upgrade over the kept heap"), 0U);
  fs::remove_all(directory_ / "package");

  const fs::path after = upgraded(fill(canister("journal_fixed"), {}), canister("journal_v2"));
  const Package later = made(after, prepared(canister("journal_v2")), {});
  ASSERT_EQ(about_hook(later).size(), 1U);
  EXPECT_NE(about_hook(later)[0].find("of stable memory and wrote"), std::string::npos)
      << about_hook(later)[0];
}

// Behind route K the network refuses the ordinary upgrade; the runbook gives the one that it takes.
TEST_F(PackageReal, GivesTheUpgradeThatTheNetworkTakesAfterwards) {
  const fs::path state = fill(canister("notes"), {{"put", "(7, \"seven\")"}});
  made(state, prepared(canister("notes")), {"get(7)"});
  EXPECT_NE(runbook().find("--wasm-memory-persistence replace --wasm NEXT.wasm"),
            std::string::npos);
  EXPECT_NE(runbook().find("'upgrade NEXT.wasm --replace-memory' 'expect-same get(7)'"),
            std::string::npos);
  const std::string kept =
      "upgrade " + packaged("module.wasm").string() + " --keep --skip-pre-upgrade";
  const std::string next = "upgrade " + canister("notes_v2").string();
  const auto ordinary = rehearse(state, steps({kept, next}), {});
  ASSERT_TRUE(ordinary.has_value());
  EXPECT_FALSE(ordinary->succeeded);
  const auto replaced =
      rehearse(state, steps({kept, next + " --replace-memory", "expect-same get(7)"}), {});
  ASSERT_TRUE(replaced.has_value());
  EXPECT_TRUE(replaced->succeeded);
  // An edited snapshot without the section needs no option.
  fs::remove_all(directory_ / "package");
  PackageRequest edited;
  edited.directory = state;
  edited.module = canister("notes");
  edited.output = directory_ / "package";
  ASSERT_TRUE(package(posix_file_system(), edited).has_value());
  EXPECT_NE(runbook().find("--mode upgrade --wasm NEXT.wasm"), std::string::npos);
  EXPECT_EQ(runbook().find("replace-memory"), std::string::npos);
  // Motoko keeps its heap.
  edited.directory = fill(fixture("motoko/4.10.0/ledger.wasm"), {});
  edited.module = fixture("motoko/4.10.0/ledger.wasm");
  edited.overwrite = Overwrite::kYes;
  ASSERT_TRUE(package(posix_file_system(), edited).has_value());
  EXPECT_NE(runbook().find("'upgrade NEXT.wasm --keep'"), std::string::npos);
  EXPECT_NE(runbook().find("--wasm-memory-persistence keep --wasm NEXT.wasm"), std::string::npos);
}

TEST_F(PackageReal, ComparesTheMemoriesBeforeAnEditedSnapshotIsSent) {
  const fs::path state = fill(canister("notes"), {{"put", "(7, \"seven\")"}});
  PackageRequest request;
  request.directory = state;
  request.module = canister("notes");
  request.output = directory_ / "package";
  ASSERT_TRUE(package(posix_file_system(), request).has_value());
  const std::string words = runbook();
  const size_t compare = words.find("cmp backup/wasm_memory.bin snapshot/wasm_memory.bin");
  EXPECT_LT(compare, words.find("snapshot upload"));
  EXPECT_EQ(words.find("cmp backup/stable_memory.bin"), std::string::npos);  // there is none
  EXPECT_NE(words.find("CANISTER_ID stands for the principal"), std::string::npos);
  // The command is true: the memories are those that the package was made from.
  EXPECT_EQ(output_of("cmp '" + (state / "wasm_memory.bin").string() + "' '" +
                      packaged("snapshot/wasm_memory.bin").string() + "'"),
            "");
}

TEST_F(PackageReal, GivesThePricesOfTheSubnetOrOfTheUsualOnes) {
  const fs::path state = fill(canister("notes"), {{"put", "(7, \"seven\")"}});
  PackageRequest request;
  request.directory = state;
  request.module = canister("notes");
  request.output = directory_ / "package";
  const auto of_13 = package(posix_file_system(), request);
  ASSERT_TRUE(of_13.has_value());
  for (const char* row : {"\n   13  ", "\n   28  ", "\n   34  ", "\n   40  "}) {
    EXPECT_EQ(count_of(runbook(), row), 1U) << row;
  }
  request.subnet_nodes = 34;
  request.overwrite = Overwrite::kYes;
  const auto of_34 = package(posix_file_system(), request);
  ASSERT_TRUE(of_34.has_value());
  EXPECT_EQ(static_cast<uint64_t>(of_34->costs.upload),
            static_cast<uint64_t>(of_13->costs.upload) * 34 / 13);
  EXPECT_NE(runbook().find("Cost: " + cycles_words(of_34->costs.upload)), std::string::npos);
  EXPECT_NE(runbook().find("subnet of 34 nodes, as told"), std::string::npos);
  EXPECT_EQ(count_of(runbook(), "\n   28  "), 0U);
}

// What verify calls wrong would be sent to the network as it is.
TEST_F(PackageReal, RefusesAStateThatIsNotWhole) {
  const fs::path state = fill(fixture("azle/0.33.0/stable.wasm"), {});
  Bytes heap = file_of(state / "wasm_memory.bin");
  std::fill(heap.begin() + 0x110000, heap.begin() + 0x112000, uint8_t{0});
  canrec::test::write_bytes(state / "wasm_memory.bin", heap);
  PackageRequest request;
  request.directory = state;
  request.module = fixture("azle/0.33.0/stable.wasm");
  request.output = directory_ / "package";
  const auto refused = package(posix_file_system(), request);
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code(), Errc::kVerification);
  EXPECT_NE(refused.error().message().find("pages of zeros"), std::string::npos);
  EXPECT_FALSE(fs::exists(request.output));
}

TEST_F(PackageReal, NamesTheModuleThatIsAtFault) {
  const fs::path state = fill(canister("notes"), {});
  const fs::path cut = directory_ / "cut.wasm";
  Bytes bytes = file_of(canister("notes"));
  bytes.resize(2000);
  canrec::test::write_bytes(cut, bytes);
  const std::string said =
      output_of("'" CANREC_PROGRAM "' package '" + state.string() + "' '" + cut.string() +
                "' -o '" + packaged("").string() + "' --json 2>&1 || [ $? -eq 3 ]");
  EXPECT_TRUE(said.starts_with("canrec: " + cut.string() + ":0x")) << said;
  EXPECT_NE(said.find("\"input\":\"" + cut.string() + "\""), std::string::npos) << said;
}

}  // namespace
}  // namespace canrec::recover::test
