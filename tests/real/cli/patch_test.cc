// SPDX-License-Identifier: Apache-2.0
// `canrec patch` as a user runs it, and what other tools say of its results.
#include <fmt/core.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <tuple>
#include <vector>

#include "support/shell.h"

namespace {

using canrec::test::Answer;
using canrec::test::canrec_with;
using canrec::test::shell;

std::string read(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

void write(const std::filesystem::path& path, const std::string& text) {
  std::ofstream(path, std::ios::binary) << text;
}

const std::string kFixtures = CANREC_FIXTURES "/";
const std::string kMotoko = kFixtures + "motoko/4.10.0/stuck.wasm";
const std::string kNotes = kFixtures + "canisters/notes_no_grow.wasm";

class PatchCommand : public testing::Test {
 protected:
  PatchCommand()
      : directory_(std::filesystem::temp_directory_path() /
                   fmt::format("canrec-patch-test-{}", ::getpid())) {
    std::filesystem::create_directory(directory_);
  }
  ~PatchCommand() override { std::filesystem::remove_all(directory_); }

  static Answer patch(const std::string& arguments) { return canrec_with("patch " + arguments); }
  std::string file(const std::string& name) const { return directory_ / name; }
  static bool has(const Answer& answer, std::string_view text) {
    return answer.out.find(text) != std::string::npos;
  }

  // Runs the program's own way to an editor that is this shell script.
  Answer edit_with(const std::string& script) const {
    write(file("editor"), "#!/bin/sh\n" + script + "\n");
    std::filesystem::permissions(file("editor"), std::filesystem::perms::owner_all);
    return shell("VISUAL= EDITOR=" + file("editor") + " TMPDIR=" + directory_.string() + " " +
                 CANREC_PROGRAM + " patch edit " + kMotoko + " canister_pre_upgrade --editor -o " +
                 file("edited.wasm"));
  }
  // The texts for an editor that were left behind.
  std::vector<std::string> texts_left() const {
    std::vector<std::string> left;
    for (const auto& entry : std::filesystem::directory_iterator(directory_)) {
      if (entry.path().extension() == ".wat") left.push_back(entry.path());
    }
    return left;
  }

  // Bad input: what is given, the exit status and words of the answer. Nothing may be written.
  struct Refused {
    const char* name;
    std::string arguments;
    int status;
    std::vector<std::string> words;
  };
  void expect_refused(const Refused& refusal) const {
    SCOPED_TRACE(refusal.name);
    const Answer run = patch(refusal.arguments + " -o " + file("refused.wasm"));
    EXPECT_EQ(run.status, refusal.status) << run.out;
    for (const std::string& word : refusal.words) EXPECT_TRUE(has(run, word)) << run.out;
    EXPECT_FALSE(std::filesystem::exists(file("refused.wasm")));
  }

  std::filesystem::path directory_;
};

TEST_F(PatchCommand, ListsCallsAndSignalsHazards) {
  const Answer run = patch("calls " + kNotes + " --from canister_pre_upgrade");
  EXPECT_EQ(run.status, 1) << run.out;
  EXPECT_TRUE(has(run, "ic0.stable64_write")) << run.out;
  EXPECT_TRUE(has(run, "no stable grow before it on any path")) << run.out;
  const Answer json = patch("calls " + kNotes + " --json");
  const auto head = nlohmann::json::parse(json.out.substr(0, json.out.find('\n')));
  EXPECT_EQ(head["type"], "call_sites");
  EXPECT_GT(head["with_findings"], 0);
}

// The commands at the end of the list can be run as they stand.
TEST_F(PatchCommand, OffersCommandsThatMend) {
  size_t offered = 0;
  for (const char* name : {"notes_no_grow", "notes_replies", "notes_32_bit"}) {
    const std::string module = kFixtures + "canisters/" + name + ".wasm";
    std::istringstream lines(patch("calls " + module + " --from canister_pre_upgrade").out);
    for (std::string line; std::getline(lines, line);) {
      const std::string next = "next  canrec patch ";
      const size_t output = line.find(" -o fixed.wasm");
      if (!line.starts_with(next) || output == std::string::npos) continue;
      ++offered;
      const Answer run = patch(line.substr(next.size(), output - next.size()) + " --dry-run");
      EXPECT_EQ(run.status, 0) << line << "\n" << run.out;
      EXPECT_TRUE(has(run, "PROVEN")) << run.out;
    }
  }
  EXPECT_GE(offered, 4U);
}

TEST_F(PatchCommand, WritesAProvenModuleAndLeavesTheInputAlone) {
  const std::string before = read(kNotes);
  const std::string arguments =
      "grow-before-write " + kNotes + " canister_pre_upgrade -o " + file("fixed.wasm");
  const Answer run = patch(arguments);
  EXPECT_EQ(run.status, 0) << run.out;
  EXPECT_TRUE(has(run, "PROVEN")) << run.out;
  EXPECT_TRUE(has(run, "route S (snapshot with the new module): ")) << run.out;
  EXPECT_TRUE(has(run, "+ call $canrec_growing_stable64_write")) << run.out;
  EXPECT_EQ(read(kNotes), before);
  EXPECT_EQ(patch(arguments).status, 4);
  EXPECT_EQ(patch(arguments + " --force").status, 0);
  EXPECT_EQ(patch("stub " + kNotes + " canister_pre_upgrade -o " + kNotes + " --force").status, 2);
  EXPECT_EQ(read(kNotes), before);
}

TEST_F(PatchCommand, WritesNothingOnADryRunOrWithoutAnOutput) {
  EXPECT_EQ(patch("stub " + kNotes + " canister_pre_upgrade --dry-run -o " + file("x")).status, 0);
  EXPECT_FALSE(std::filesystem::exists(file("x")));
  EXPECT_EQ(patch("stub " + kNotes + " canister_pre_upgrade").status, 2);
}

TEST_F(PatchCommand, KeepsAPlanAndAppliesItOnlyToItsInput) {
  const std::string plan = file("plan.json");
  ASSERT_EQ(patch("plan grow-before-write " + kNotes + " canister_pre_upgrade -o " + plan).status,
            0);
  const Answer shown = patch("show-diff " + plan + " " + kNotes);
  EXPECT_EQ(shown.status, 0);
  EXPECT_TRUE(has(shown, "- call $ic0.stable64_write")) << shown.out;
  ASSERT_EQ(patch("apply " + plan + " " + kNotes + " -o " + file("a.wasm")).status, 0);
  ASSERT_EQ(
      patch("grow-before-write " + kNotes + " canister_pre_upgrade -o " + file("b.wasm")).status,
      0);
  EXPECT_EQ(read(file("a.wasm")), read(file("b.wasm")));
  const Answer other = patch("apply " + plan + " " + kMotoko + " -o " + file("c.wasm"));
  EXPECT_EQ(other.status, 5) << other.out;
  EXPECT_FALSE(std::filesystem::exists(file("c.wasm")));
}

TEST_F(PatchCommand, GivesErrorsInTheUsersTextByLineAndColumn) {
  const std::string text = file("f.wat");
  ASSERT_EQ(patch("edit " + kMotoko + " canister_pre_upgrade -o " + text).status, 0);
  std::string wat = read(text);
  const Answer same = patch("edit " + kMotoko + " canister_pre_upgrade --from " + text + " -o " +
                            file("same.wasm"));
  EXPECT_EQ(same.status, 0) << same.out;
  EXPECT_EQ(read(file("same.wasm")), read(kMotoko));
  const size_t at = wat.find("(local ");
  ASSERT_NE(at, std::string::npos);
  const auto line =
      2 + std::count(wat.begin(), wat.begin() + static_cast<std::ptrdiff_t>(at), '\n');
  wat.insert(wat.find('\n', at) + 1, "  call $nobody\n");
  write(text, wat);
  const Answer run =
      patch("edit " + kMotoko + " canister_pre_upgrade --from " + text + " -o " + file("bad.wasm"));
  EXPECT_EQ(run.status, 3) << run.out;
  EXPECT_TRUE(has(run, fmt::format("line {}, column 8: undefined function", line))) << run.out;
  EXPECT_FALSE(std::filesystem::exists(file("bad.wasm")));
}

TEST_F(PatchCommand, OpensAnEditor) {
  const Answer run = edit_with("sed -i 's/i32.const 3$/i32.const 4/' \"$1\"");
  EXPECT_EQ(run.status, 0) << run.out;
  EXPECT_TRUE(has(run, "+ i32.const 4")) << run.out;
  EXPECT_TRUE(texts_left().empty());
}

TEST_F(PatchCommand, WritesTheSameModuleWhenTheEditorChangedNothing) {
  const Answer run = edit_with("true");
  EXPECT_EQ(run.status, 0) << run.out;
  EXPECT_TRUE(has(run, "NOTHING CHANGED")) << run.out;
  EXPECT_EQ(read(file("edited.wasm")), read(kMotoko));
}

TEST_F(PatchCommand, RejectsAnEditorThatFails) {
  const Answer run = edit_with("exit 3");
  EXPECT_EQ(run.status, 2) << run.out;
  EXPECT_TRUE(has(run, "the editor \"" + file("editor") + "\" failed")) << run.out;
  EXPECT_FALSE(std::filesystem::exists(file("edited.wasm")));
  EXPECT_TRUE(texts_left().empty());
  // One that was killed, after it had written something: the text stays, and is named.
  const Answer killed = edit_with("echo '(; half' >> \"$1\"; kill -9 $$");
  EXPECT_EQ(killed.status, 2) << killed.out;
  EXPECT_FALSE(std::filesystem::exists(file("edited.wasm")));
  ASSERT_EQ(texts_left().size(), 1U);
  EXPECT_TRUE(has(killed, texts_left()[0])) << killed.out;
}

TEST_F(PatchCommand, KeepsATextWithAMistakeAndSaysWhere) {
  const Answer run = edit_with("sed -i 's/call $pre_exp/call $pre_export/' \"$1\"");
  EXPECT_EQ(run.status, 3) << run.out;
  EXPECT_FALSE(std::filesystem::exists(file("edited.wasm")));
  ASSERT_EQ(texts_left().size(), 1U);
  EXPECT_TRUE(has(run, texts_left()[0] + ": line ")) << run.out;
}

TEST_F(PatchCommand, RejectsPlacesThatAreNotOne) {
  const std::vector<Refused> refusals = {
      {"many",
       "remove " + kMotoko + " stable64_write",
       2,
       {"\"stable64_write\" names 94 calls:", "pre_exp:stable64_write#1 @0x", "... 82 more"}},
      {"many in a function",
       "remove " + kMotoko + " pre_exp:stable64_write",
       2,
       {"names 4 calls:", "pre_exp:stable64_write#4 @0x"}},
      {"number too high", "remove " + kMotoko + " pre_exp:stable64_write#5", 2, {"names 4 calls:"}},
      {"not called", "remove " + kMotoko + " stable_write", 2, {"no call of ic0.stable_write"}},
      {"not called there",
       "remove " + kMotoko + " canister_pre_upgrade:stable64_write",
       2,
       {"in that function; its calls are:", "pre_upgrade:canister_status @0x"}},
      {"no such function", "stub " + kMotoko + " pre_expp", 2, {"no function \"pre_expp\""}},
      {"similar functions",
       "stub " + kMotoko + " graph_stab",
       2,
       {"similar:", "graph_stabilization_increment (#439)"}},
      {"an import", "stub " + kMotoko + " ic0.time", 2, {"is imported and has no body"}},
      {"no code there", "remove " + kMotoko + " @0x10", 2, {"lies in no function's code"}},
      {"not an offset", "remove " + kMotoko + " @here", 2, {"not an offset such as @0x2a10"}},
      {"no such index", "stub " + kMotoko + " '#99999'", 2, {"no function 99999"}},
      {"no such hook", "drop-hook " + kMotoko + " canister_pre_update", 2, {"hooks are "}},
      {"a hook that is not there",
       "drop-hook " + kMotoko + " canister_on_low_wasm_memory",
       2,
       {"does not export"}},
      {"no such section",
       "remove-section " + kMotoko + " nome",
       2,
       {"there are:", "candid:service"}},
  };
  for (const Refused& refusal : refusals) expect_refused(refusal);
}

TEST_F(PatchCommand, RejectsTextsByLineAndColumnOfTheUsersFile) {
  const std::string type = "(type $t8:->)";
  const std::vector<std::tuple<const char*, std::string, int, std::string>> texts = {
      {"no such instruction", "(func $f " + type + "\n  call $pre_exp\n  i32.cost 5)", 3,
       "line 3, column 3: "},
      {"never closed", "(func $f " + type + "\n  nop\n", 3,
       "line 3, column 1: the text ends inside"},
      {"closed twice", "(func $f\n  nop))", 3, "line 2, column 7: this parenthesis closes nothing"},
      {"other parameters", "(func $f (param i32)\n  nop)", 3,
       "the signature is (i32) -> () and must stay () -> ()"},
      {"a function more", ";; mine\n(func $f\n  nop)\n(func $g)", 3,
       "line 4, column 1: only one (func ...) may stand here"},
      {"a global more", "(func $f)\n  (global i32 (i32.const 1))", 3, "line 2, column 3: only one"},
      {"unknown function", "(func $f\n  call $nobody)", 3,
       "line 2, column 8: undefined function variable \"$nobody\""},
      {"unknown local", "(func $f\n\n  local.get $x\n  drop)", 3,
       "line 3, column 13: undefined local variable \"$x\""},
      {"unknown global", "(func $f\n  global.get $g99999 drop)", 3, "line 2, column 14: undefined"},
      {"unknown type", "(func $f (type $t99999))", 3, "line 1, column 16: undefined"},
      {"no such local", "(func $f (local i32)\n  local.get 1\n  drop)", 3,
       "line 2, column 3: local.get: no local 1"},
      {"no such function index", "(func $f\n  call 99999)", 3,
       "line 2, column 3: call: no function"},
      {"left on the stack", "(func $f\n  i32.const 1\n  nop)", 3, "line 3, column 3: end: 1 more"},
      {"other operand",
       "(func $f\n  (if (i32.const 1)\n    (then (drop (i32.eqz (i64.const 4))))))", 3,
       "line 3, column 18: i32.eqz: i32 expected, i64 found"},
      {"of another feature", "(func $f\n  (drop (ref.is_null (ref.null exn))))", 3,
       "line 2, column "},
  };
  for (const auto& [name, text, status, words] : texts) {
    write(file("bad.wat"), text);
    expect_refused({name,
                    "edit " + kMotoko + " canister_pre_upgrade --from " + file("bad.wat"),
                    status,
                    {"bad.wat: ", words}});
  }
}

TEST_F(PatchCommand, RejectsWhatCannotStandThere) {
  // Behind `unreachable`, and under operands of no known type.
  write(file("dead.wat"),
        "(module (import \"ic0\" \"stable_write\" (func $write (param i32 i32 i32)))\n"
        "  (memory 1)\n"
        "  (func $hook unreachable call $write)\n"
        "  (func $jump (block (br 0) (call $write (i32.const 1) (i32.const 2) (i32.const 3))))\n"
        "  (export \"canister_pre_upgrade\" (func $hook)))");
  const std::string dead = file("dead.wasm");
  ASSERT_EQ(shell("wat2wasm --debug-names " + file("dead.wat") + " -o " + dead).status, 0);
  const std::string never = "is never reached: the instruction stands behind a branch";
  expect_refused(
      {"polymorphic stack", "remove " + dead + " canister_pre_upgrade:stable_write", 2, {never}});
  expect_refused({"unreachable", "remove " + dead + " jump:stable_write", 2, {never}});
  expect_refused({"insert where nothing runs",
                  "insert " + dead + " jump:stable_write 'stable_size()' --after",
                  2,
                  {never}});
  expect_refused({"nothing to grow",
                  "grow-before-write " + dead + " canister_pre_upgrade",
                  2,
                  {"no stable write in the 1 functions"}});
  expect_refused({"32-bit call in a 64-bit module",
                  "insert " + kMotoko + " canister_pre_upgrade --at-entry 'stable_size()'",
                  2,
                  {}});
  expect_refused({"no such System API function",
                  "insert " + kMotoko + " canister_pre_upgrade --at-entry 'stable65_size()'",
                  2,
                  {"stable65_size"}});
  expect_refused({"a result too few",
                  "remove " + kMotoko + " canister_pre_upgrade:canister_status",
                  2,
                  {"--result is wanted 1 times, 0 given"}});
  expect_refused({"nothing on the stack",
                  "insert " + kMotoko +
                      " canister_pre_upgrade:canister_status "
                      "'debug_print(pop, pop)' --before",
                  5,
                  {"does not validate"}});
}

TEST_F(PatchCommand, RejectsResultsThatBreakTheNetworksLimits) {
  // One byte more of custom sections than the network takes.
  write(file("big"), std::string(1'048'577, 'x'));
  expect_refused({"custom sections",
                  "set-section " + kNotes + " 'icp:public big' --file " + file("big"),
                  5,
                  {"the result breaks a rule of the network"}});
  std::string function = "(func $f\n";
  for (int i = 0; i < 1'100'000; ++i) function += "nop\n";
  write(file("long.wat"), function + ")");
  expect_refused({"size of a function",
                  "edit " + kNotes + " canister_pre_upgrade --from " + file("long.wat"),
                  5,
                  {"the result breaks a rule of the network"}});
}

TEST_F(PatchCommand, RejectsPlansThatAreNotForTheModule) {
  const std::string plan = file("plan.json");
  ASSERT_EQ(patch("plan stub " + kNotes + " canister_pre_upgrade -o " + plan).status, 0);
  const std::string good = read(plan);
  const auto with = [&](const std::string& from, const std::string& to) {
    std::string text = good;
    const size_t at = text.find(from);
    EXPECT_NE(at, std::string::npos) << from;
    if (at != std::string::npos) text.replace(at, from.size(), to);
    write(plan, text);
  };
  const std::string apply = "apply " + plan + " " + kNotes;
  expect_refused(
      {"another module", "apply " + plan + " " + kMotoko, 5, {"the plan is for the module"}});
  with("\"old\": \"", "\"old\": \"00");
  expect_refused({"other old bytes", apply, 5, {"old ones"}});
  with("\"offset\": ", "\"offset\": 9");
  expect_refused({"other place", apply, 5, {"old bytes of the plan do not stand here"}});
  with("\"new\": \"", "\"new\": \"6a");
  expect_refused({"code that is cut or invalid", apply, 5, {}});
  with("\"schema\": 1", "\"schema\": 2");
  expect_refused({"another schema", apply, 5, {"not a patch plan of schema 1"}});
  write(plan, "{ \"type\": ");
  expect_refused({"no JSON", apply, 5, {"not a JSON document"}});
}

TEST_F(PatchCommand, SaysWhenTheDiskIsFull) {
  const std::string stub = std::string(CANREC_PROGRAM) + " patch stub " + kMotoko + " pre_upgrade";
  const Answer full = shell("( " + stub + " -o - > /dev/full )");
  EXPECT_EQ(full.status, 4) << full.out;
  EXPECT_TRUE(has(full, "No space left on device")) << full.out;
  // Both streams: nothing can be told but by the exit status.
  EXPECT_EQ(shell(stub + " --dry-run > /dev/full").status, 4);
  // A device is not replaced by a file, not even with --force.
  const Answer device = patch("stub " + kMotoko + " pre_upgrade --force -o /dev/full");
  EXPECT_EQ(device.status, 4) << device.out;
  EXPECT_TRUE(std::filesystem::is_character_file("/dev/full"));
  // A limit in the middle of the file: the half is gone again.
  const Answer limit = shell("ulimit -f 64; " + stub + " -o " + file("out.wasm"));
  EXPECT_EQ(limit.status, 4) << limit.out;
  EXPECT_TRUE(std::filesystem::is_empty(directory_)) << limit.out;
}

TEST_F(PatchCommand, KeepsGzip) {
  ASSERT_EQ(shell("gzip -nc " + kNotes + " > " + file("in.wasm.gz")).status, 0);
  const Answer run =
      patch("drop-hook " + file("in.wasm.gz") + " canister_pre_upgrade -o " + file("out.wasm.gz"));
  EXPECT_EQ(run.status, 0) << run.out;
  EXPECT_EQ(shell("gzip -t < " + file("out.wasm.gz")).status, 0);
}

// What other tools make of a patched module.
TEST_F(PatchCommand, ResultsAreReadByOtherTools) {
  const std::vector<std::pair<std::string, std::string>> modules = {
      {"canisters/notes", "canister_pre_upgrade"},
      {"canisters/journal", "canister_pre_upgrade"},
      {"motoko/3.11.1/ledger", "canister_pre_upgrade"},
      {"azle/0.33.0/stable", "raw_init"}};
  for (const auto& [name, function] : modules) {
    SCOPED_TRACE(name);
    const std::string input = kFixtures + name + ".wasm";
    const std::string output = file("out.wasm");
    const Answer run = patch("insert " + input + " " + function +
                             " --at-entry 'in_replicated_execution()' --force -o " + output);
    ASSERT_EQ(run.status, 0) << run.out;
    // wasm-validate knows no tail calls without an option; where it takes the input it must take
    // the result.
    const std::string validate = "wasm-validate --enable-tail-call ";
    ASSERT_EQ(shell(validate + input).status, 0);
    EXPECT_EQ(shell(validate + output).status, 0);
    const Answer info = shell(kFixtures + "bin/ic-wasm " + output + " info");
    EXPECT_EQ(info.status, 0) << info.out;
    EXPECT_TRUE(has(info, "in_replicated_execution")) << info.out.substr(0, 2000);
  }
  // The newest Motoko module has a 64-bit table, which wasm-validate cannot parse; ic-wasm can.
  const std::string output = file("out64.wasm");
  ASSERT_EQ(patch("grow-before-write " + kMotoko + " canister_pre_upgrade -o " + output).status, 0);
  EXPECT_NE(shell("wasm-validate --enable-memory64 --enable-tail-call " + kMotoko).status, 0);
  const Answer info = shell(kFixtures + "bin/ic-wasm " + output + " info");
  EXPECT_EQ(info.status, 0) << info.out;
}

}  // namespace
