// SPDX-License-Identifier: Apache-2.0
// The rows of the checklist that are about people and ways back, and its SARIF against the
// standard's schema.
#include "recover/check.h"

#include <algorithm>

#include "recover/way_back.h"
#include "snapshot/store_jobs.h"
#include "state.h"

namespace canrec::recover::test {
namespace {

class CheckReal : public State {
 protected:
  CheckReal() {
    state_ = fill(canister("notes"), {{"put", "(7, \"seven\")"}});
    question_.old_module = canister("notes");
    question_.new_module = canister("notes_v2");
  }
  CheckRow row(const std::string& id) {
    const auto list = check(question_);
    EXPECT_TRUE(list.has_value()) << (list ? "" : list.error().message());
    const auto it = std::ranges::find(list->rows, id, &CheckRow::id);
    EXPECT_NE(it, list->rows.end());
    return *it;
  }
  std::string backed_up() {
    const fs::path path = directory_ / "store";
    auto store = snapshot::Store::open_or_init(posix_file_system(), path, 4096);
    EXPECT_TRUE(store.has_value());
    const auto sources = snapshot::directory_sources(state_);
    EXPECT_TRUE(sources.has_value());
    const auto made = snapshot::create_backup(*store, posix_file_system(), *sources, {}, {never_});
    EXPECT_TRUE(made.has_value()) << (made ? "" : made.error().message());
    return path.string();
  }

  const Interrupt never_;
  fs::path state_;
  CheckRequest question_;
};

TEST_F(CheckReal, LooksAtTheWayBackThatItIsPointedTo) {
  EXPECT_EQ(row("backup").answer, Answer::kUnknown);
  question_.backup = "no";
  EXPECT_EQ(row("backup").answer, Answer::kBad);
  question_.backup = "yes";
  EXPECT_EQ(row("backup").answer, Answer::kLook);
  EXPECT_TRUE(row("backup").text.starts_with("told, not looked at")) << row("backup").text;
  question_.backup = state_.string();
  EXPECT_EQ(row("backup").answer, Answer::kGood);
  EXPECT_NE(row("backup").text.find("was not asked"), std::string::npos);
  question_.state = state_;
  EXPECT_NE(row("backup").text.find("byte for byte"), std::string::npos);
  question_.backup = backed_up();
  EXPECT_EQ(row("backup").answer, Answer::kGood);
  EXPECT_NE(row("backup").text.find("byte for byte"), std::string::npos);
  const auto store = snapshot::Store::open(question_.backup);
  const std::string id = store->newest()->id();
  question_.backup += ":" + id.substr(0, 8);
  EXPECT_EQ(row("backup").answer, Answer::kGood);
  question_.backup += "00000000";
  EXPECT_EQ(row("backup").answer, Answer::kBad);
}

TEST_F(CheckReal, CallsNoWayBackWhatWouldNotRestoreThisState) {
  const std::string store = backed_up();
  // Another state of the same canister, a damaged store, another module, no directory at all.
  question_.state = fill(canister("notes"), {{"put", "(8, \"eight\")"}});
  question_.backup = store;
  EXPECT_EQ(row("backup").answer, Answer::kBad);
  EXPECT_NE(row("backup").text.find("another than the state's"), std::string::npos);
  EXPECT_NE(row("backup").next.find("backup create " + question_.state->string()),
            std::string::npos);
  question_.state = std::nullopt;
  EXPECT_EQ(row("backup").answer, Answer::kGood);
  question_.old_module = canister("journal");
  EXPECT_EQ(row("backup").answer, Answer::kBad);
  question_.old_module = canister("notes");
  for (const auto& entry : fs::recursive_directory_iterator(store)) {
    if (!entry.is_regular_file() || entry.path().string().find("pack") == std::string::npos) {
      continue;
    }
    Bytes bytes = file_of(entry.path());
    for (size_t i = bytes.size() / 2; i < bytes.size() / 2 + 8; ++i) bytes[i] ^= 0xff;
    fs::permissions(entry.path(), fs::perms::owner_all);
    canrec::test::write_bytes(entry.path(), bytes);
  }
  EXPECT_EQ(row("backup").answer, Answer::kBad) << row("backup").text;
  EXPECT_NE(row("backup").next.find("backup verify --store " + store), std::string::npos)
      << row("backup").next;
  question_.backup = (directory_ / "nowhere").string();
  EXPECT_EQ(row("backup").answer, Answer::kBad);
  fs::resize_file(state_ / "wasm_memory.bin", 65536);
  question_.backup = state_.string();
  EXPECT_EQ(row("backup").answer, Answer::kBad);
}

TEST_F(CheckReal, NamesWhatIsKnownToTrapInTheHooks) {
  EXPECT_EQ(row("hooks").answer, Answer::kLook);  // its loops grow with the state
  question_.old_module = canister("notes_no_grow");
  const CheckRow no_grow = row("hooks");
  EXPECT_EQ(no_grow.answer, Answer::kLook);
  const auto grows = [](const Finding& finding) {
    return finding.what.find("no stable grow before it") != std::string::npos;
  };
  EXPECT_EQ(std::ranges::count_if(no_grow.findings, grows), 1);
  question_.old_module = canister("notes");
  EXPECT_EQ(std::ranges::count_if(row("hooks").findings, grows), 0);
  question_.old_module = canister("notes_calls");
  EXPECT_EQ(row("hooks").answer, Answer::kBad);
  EXPECT_EQ(row("hooks").findings.front().code, "forbidden-call");
  EXPECT_TRUE(row("hooks").findings.front().next.starts_with(
      "canrec patch calls " + question_.old_module.string() + " --from canister_pre_upgrade "));
  question_.old_module = canister("cellar");
  question_.new_module = canister("cellar");
  EXPECT_TRUE(row("hooks").findings.empty());
}

TEST_F(CheckReal, TellsTheHeadroomOfARehearsal) {
  question_.state = state_;
  const CheckRow roomy = row("rehearsal");
  EXPECT_EQ(roomy.answer, Answer::kGood) << roomy.text;
  EXPECT_NE(roomy.text.find("of 300,000,000,000 instructions"), std::string::npos);
  EXPECT_NE(roomy.text.find("4.0 GiB) heap"), std::string::npos) << roomy.text;
  question_.executor.profile.set(executor::Limit::kInstallInstructions, 50'000'000);
  EXPECT_EQ(row("rehearsal").answer, Answer::kLook) << row("rehearsal").text;
}

TEST_F(CheckReal, AsksWhoCanStillAct) {
  const ic::Principal mine = *ic::Principal::parse("rrkah-fqaaa-aaaaa-aaaaq-cai");
  const ic::Principal other = *ic::Principal::parse("rwlgt-iiaaa-aaaaa-aaaaa-cai");
  EXPECT_EQ(row("controllers").answer, Answer::kNotAsked);
  question_.controllers = {mine, other};
  EXPECT_EQ(row("controllers").answer, Answer::kUnknown);
  question_.identity = mine;
  EXPECT_EQ(row("controllers").answer, Answer::kLook);
  EXPECT_EQ(row("controllers").text, "told, not looked at: you and 1 more");
  question_.controllers = {mine};
  EXPECT_EQ(row("controllers").answer, Answer::kLook);
  question_.controllers = {other};
  EXPECT_EQ(row("controllers").answer, Answer::kBad);
  question_.controllers = {mine, ic::Principal::anonymous()};
  EXPECT_EQ(row("controllers").answer, Answer::kBad);
}

// What the network says itself, as the real icp prints it (icp_client_test.cc has it made anew).
TEST_F(CheckReal, LooksAtTheStatusThatTheNetworkGave) {
  EXPECT_EQ(row("installed").answer, Answer::kNotAsked);
  const auto status = [&](const std::string& controllers, const std::string& hash) {
    const fs::path path = directory_ / "status.json";
    canrec::test::write_text(
        path,
        R"({"id":"rrkah-fqaaa-aaaaa-aaaaq-cai","status":"Stopped","settings":{"controllers":[)" +
            controllers +
            R"(],"wasm_memory_limit":"3_221_225_472","wasm_memory_threshold":"0"},)"
            R"("module_hash":)" +
            hash + "}");
    question_.status = path;
  };
  const std::string mine = R"("rrkah-fqaaa-aaaaa-aaaaq-cai")";
  const std::string installed = "\"0x" + to_hex(sha256(file_of(canister("notes")))) + "\"";
  question_.identity = *ic::Principal::parse("rrkah-fqaaa-aaaaa-aaaaq-cai");
  status(mine + R"(,"rwlgt-iiaaa-aaaaa-aaaaa-cai")", installed);
  EXPECT_EQ(row("controllers").answer, Answer::kGood);
  EXPECT_EQ(row("installed").answer, Answer::kGood);
  status(R"("rwlgt-iiaaa-aaaaa-aaaaa-cai")", "\"0x" + std::string(64, 'a') + "\"");
  EXPECT_EQ(row("controllers").answer, Answer::kBad);
  EXPECT_EQ(row("installed").answer, Answer::kBad);
  status(mine, "null");
  EXPECT_EQ(row("installed").answer, Answer::kBad);
  // Nobody controls it any more.
  status("", installed);
  EXPECT_EQ(row("controllers").answer, Answer::kBad);
  canrec::test::write_text(*question_.status, R"({"id":"rrkah-fqaaa-aaaaa-aaaaq-cai"})");
  const auto refused = check(question_);
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code(), Errc::kSnapshotMetadata);
  EXPECT_NE(refused.error().message().find("status.json:0x"), std::string::npos)
      << refused.error().message();
}

// The standard's own schema: what canrec prints is valid, and the validator does see a mistake.
TEST_F(CheckReal, PrintsSarifThatIsValidByTheStandard) {
  const fs::path odd = directory_ / "new module #1 100%.wasm";
  fs::copy_file(canister("journal_v2"), odd);
  const std::string validate =
      "python3 -c 'import json, sys, jsonschema\n"
      "schema = json.load(open(sys.argv[1]))\n"
      "checker = jsonschema.Draft7Validator(schema, format_checker=jsonschema.FormatChecker())\n"
      "sarif = json.load(sys.stdin)\n"
      "if len(sys.argv) > 2: sarif[\"runs\"][0][\"results\"][0][\"level\"] = sys.argv[2]\n"
      "wrong = [e.message for e in checker.iter_errors(sarif)]\n"
      "print(len(wrong), len(sarif[\"runs\"][0][\"results\"]), "
      "sarif[\"runs\"][0][\"results\"][0][\"locations\"][0][\"physicalLocation\"]"
      "[\"artifactLocation\"][\"uri\"].rsplit(\"/\")[-1], *wrong[:1])' '" +
      fixture("schemas/sarif-2.1.0.json").string() + "'";
  const auto print = [&](const std::string& old_module, const fs::path& module,
                         const std::string& more) {
    return output_of("{ '" CANREC_PROGRAM "' check '" + canister(old_module).string() + "' '" +
                     module.string() + "' --sarif || [ $? -eq 1 ]; } | " + validate + more);
  };
  const std::string words = print("notes", odd, "");
  EXPECT_TRUE(words.starts_with("0 ")) << words;
  EXPECT_NE(words.find(" new%20module%20%231%20100%25.wasm"), std::string::npos) << words;
  const fs::path motoko = fixture("motoko/4.10.0/counter_incompatible.wasm");
  EXPECT_TRUE(print("../motoko/4.10.0/counter", motoko, "").starts_with("0 "));
  EXPECT_TRUE(print("notes", odd, " worst").starts_with("1 "));
}

}  // namespace
}  // namespace canrec::recover::test
