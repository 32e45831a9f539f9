// SPDX-License-Identifier: Apache-2.0
// The incidents that one autopsy must find and solve, beside those of story_test.cc: instructions,
// heap, stable memory above 4 GiB, a hook that calls out.
#include "recover/autopsy.h"

#include <fmt/core.h>

#include <algorithm>
#include <fstream>

#include "base/leb128.h"
#include "snapshot/writer.h"
#include "state.h"
#include "wasm/builder.h"
#include "wasm/load.h"

namespace canrec::recover::test {
namespace {

const std::vector<std::pair<std::string, std::string>> kNotes = {{"put", "(7, \"seven\")"},
                                                                 {"fill", "(3000)"}};

class AutopsyReal : public State {
 protected:
  Autopsy examine(const fs::path& state, const executor::Profile& profile,
                  const std::string& next = "notes_v2") {
    AutopsyRequest question;
    question.directory = state;
    question.module_name = (state / "wasm_module.bin").string();
    question.upgrade = canister(next);
    question.checks = {"get(7)", "count"};
    question.executor.profile = profile;
    auto result = autopsy(question);
    EXPECT_TRUE(result.has_value()) << (result ? "" : result.error().message());
    return result ? std::move(*result) : Autopsy{};
  }
  static bool explains(const Autopsy& autopsy, const std::string& words) {
    return std::ranges::any_of(autopsy.explanation, [&](const std::string& line) {
      return line.find(words) != std::string::npos;
    });
  }
  // The first fix succeeds with all data, and its last command is a rehearsal that can be typed.
  static void expect_solved(const Autopsy& autopsy, const std::string& command) {
    ASSERT_FALSE(autopsy.fixes.empty());
    const Fix& fix = autopsy.fixes.front();
    EXPECT_TRUE(fix.succeeds) << fix.words;
    EXPECT_TRUE(fix.answers_same) << fix.words;
    EXPECT_NE(fix.commands.front().find(command), std::string::npos) << fix.commands.front();
    EXPECT_TRUE(fix.commands.back().starts_with("canrec rehearse ")) << fix.commands.back();
  }
  // The first fix does what it says when its commands are typed, and so does the way onto the
  // network.
  void expect_typed(const Autopsy& autopsy) {
    ASSERT_FALSE(autopsy.fixes.empty());
    ASSERT_FALSE(autopsy.ways.empty());
    std::vector<std::string> commands = autopsy.fixes.front().commands;
    commands.push_back(autopsy.ways.front().command);
    for (std::string& command : commands) {
      if (const size_t at = command.find("CANISTER_ID"); at != std::string::npos) {
        command.replace(at, 11, "rrkah-fqaaa-aaaaa-aaaaq-cai");
      }
      ASSERT_TRUE(command.starts_with("canrec ")) << command;
      // A package or a checklist with a warning ends with 1.
      const bool may_warn =
          command.starts_with("canrec package ") || command.starts_with("canrec check ");
      output_of(fmt::format("cd {} && {} 2>&1{}", directory_.path().string(),
                            CANREC_PROGRAM + command.substr(6), may_warn ? " || [ $? = 1 ]" : ""));
    }
    for (const auto& entry : fs::directory_iterator(directory_.path())) {
      const std::string name = entry.path().filename().string();
      if (name.starts_with("fixed-") || name == "package") fs::remove_all(entry.path());
    }
  }
  // The state with a heap of that many bytes; what is new is a hole.
  fs::path with_heap(const fs::path& state, uint64_t bytes) {
    const auto directory = snapshot::Directory::open(state);
    EXPECT_TRUE(directory.has_value());
    snapshot::NewSnapshot large;
    large.metadata = directory->metadata();
    large.module = snapshot::Image::of(directory->module_file());
    large.heap = snapshot::Image::of(directory->heap_file());
    large.heap.size = bytes;
    large.heap.may_link = false;
    const Interrupt never;
    const fs::path path = directory_ / "with-heap";
    EXPECT_TRUE(snapshot::write_directory(posix_file_system(), path, large, Overwrite::kNo, never));
    return path;
  }
  // A module with another maximum of its memory; sections are otherwise as they were.
  static Bytes with_maximum(const Bytes& module, uint32_t pages) {
    const auto loaded = wasm::load_module(module);
    EXPECT_TRUE(loaded.has_value());
    const wasm::Limits& limits = loaded->module.memories[0].limits;
    Bytes out = wasm::module_header();
    for (const wasm::Section& section : loaded->module.sections) {
      Bytes payload(loaded->module.view(section.payload).begin(),
                    loaded->module.view(section.payload).end());
      if (section.id == wasm::SectionId::kMemory) {
        payload = {1, static_cast<uint8_t>(limits.is_64 ? 5 : 1)};
        append_leb_u64(payload, limits.min);
        append_leb_u64(payload, pages);
      }
      out = wasm::concat({out, section.id == wasm::SectionId::kCustom
                                   ? wasm::custom_section(section.name, payload)
                                   : wasm::section(section.id, payload)});
    }
    return out;
  }
  // The state whose module has a heap of at most `spare` pages more than it has now.
  fs::path with_spare_pages(const fs::path& state, uint32_t spare) {
    Subject subject = *Subject::open(state, {});
    const uint64_t heap = subject.canister().wasm->heap.size();
    const Bytes narrow = with_maximum(file_of(state / "wasm_module.bin"),
                                      static_cast<uint32_t>(heap / 65536) + spare);
    EXPECT_TRUE(subject.executor().replace(subject.id(), narrow).has_value());
    const fs::path path = state.string() + "-narrow";
    EXPECT_TRUE(subject.executor().save(subject.id(), posix_file_system(), path, Overwrite::kNo));
    return path;
  }
  // The state with that much stable memory; what is new is a hole.
  fs::path with_stable(const fs::path& state, uint64_t bytes) {
    const auto directory = snapshot::Directory::open(state);
    EXPECT_TRUE(directory.has_value());
    snapshot::NewSnapshot large;
    large.metadata = directory->metadata();
    large.module = snapshot::Image::of(directory->module_file());
    large.heap = snapshot::Image::of(directory->heap_file());
    large.stable.size = bytes;
    const Interrupt never;
    const fs::path path = state.string() + "-large";
    EXPECT_TRUE(snapshot::write_directory(posix_file_system(), path, large, Overwrite::kNo, never));
    return path;
  }
};

TEST_F(AutopsyReal, SolvesAHookThatNeedsTooManyInstructions) {
  executor::Profile profile = executor::Profile::mainnet();
  profile.set(executor::Limit::kInstallInstructions, 100'000'000);
  const Autopsy found = examine(fill(canister("notes_quadratic"), kNotes), profile);
  EXPECT_EQ(found.cause, Cause::kInstructions);
  EXPECT_EQ(found.code, "IC0522");
  ASSERT_TRUE(found.unlimited.has_value());
  EXPECT_TRUE(found.unlimited->succeeded);
  EXPECT_GT(found.unlimited->instructions, 100'000'000U);
  EXPECT_TRUE(explains(found, "with a larger limit it would succeed"));
  expect_solved(found, "canrec patch prepare-route-k ");
}

TEST_F(AutopsyReal, SolvesAHookThatNeedsAHeapItCannotHave) {
  const fs::path state =
      fill(canister("notes_buffers"), {{"put", "(7, \"seven\")"}, {"fill", "(20000)"}});
  ASSERT_EQ(file_of(state / "wasm_memory.bin").size(), 11U * 65536);
  const fs::path full = with_spare_pages(state, 1);
  const Autopsy found = examine(full, executor::Profile::mainnet());
  EXPECT_EQ(found.cause, Cause::kMemory);
  EXPECT_TRUE(explains(found, "the program's own words: \"out of memory\""));
  EXPECT_TRUE(explains(found, "786,432 bytes"));
  EXPECT_TRUE(explains(found, "what the module itself declares"));
  expect_solved(found, "canrec patch stub ");  // the function that makes the copy
  EXPECT_TRUE(std::ranges::any_of(found.fixes, [](const Fix& fix) {
    return fix.works() && fix.commands.front().find("prepare-route-k") != std::string::npos;
  }));
  // Without its trap the allocator would hand out memory that is not there.
  for (const Fix& fix : found.fixes) {
    EXPECT_EQ(fix.commands.front().find("canrec patch remove"), std::string::npos);
  }
}

// The heap of a 32-bit canister at its 4 GiB, sparse: Rust's allocator gets nothing for the copy
// that the hook makes. The comparison finds that the next version reads another heap, so keeping
// it is no way out, and the allocator's own trap stays.
TEST_F(AutopsyReal, ExplainsARustHeapAtTheNetworksLimit) {
  const fs::path state =
      fill(canister("journal_fixed"), {{"fill", "(60000)"}, {"put", "(7, \"seven\")"}});
  const fs::path full = with_heap(state, uint64_t{4} << 30);
  const Autopsy found = examine(full, executor::Profile::mainnet(), "journal_v2");
  EXPECT_EQ(found.cause, Cause::kMemory);
  EXPECT_TRUE(explains(found, "the heap has 4,294,967,296 bytes (4.0 GiB) already"));
  EXPECT_TRUE(explains(found, "by the network's limit for such a module"));
  for (const Fix& fix : found.fixes) {
    EXPECT_FALSE(fix.works()) << fix.commands.front();
    EXPECT_EQ(fix.commands.front().find("canrec patch remove"), std::string::npos);
  }
}

// The allocator of a C program counts in 32 bits: at the end of the heap its sum begins again at
// 0, and the hook writes beyond the heap instead of giving up.
TEST_F(AutopsyReal, SolvesACHeapAtTheNetworksLimit) {
  const fs::path state =
      fill(canister("notes_buffers"), {{"fill", "(60000)"}, {"put", "(7, \"seven\")"}});
  const fs::path full = with_heap(state, (uint64_t{4} << 30) - 65536);
  Bytes next(4);
  store_le(next.data(), uint32_t{0xfffe0000});
  // The only word of the static area that holds the end of what is allocated.
  Bytes head = file_of(state / "wasm_memory.bin");
  uint64_t place = 0;
  for (uint64_t at = 65536; at < 65536 + 1024; at += 4) {
    const auto word = load_le<uint32_t>(&head[at]);
    if (word + 65536 > head.size() && word <= head.size()) place = at;
  }
  ASSERT_NE(place, 0U);
  std::fstream heap(full / "wasm_memory.bin", std::ios::in | std::ios::out | std::ios::binary);
  heap.seekp(static_cast<std::streamoff>(place));
  heap.write(reinterpret_cast<const char*>(next.data()), 4);
  heap.close();
  const Autopsy found = examine(full, executor::Profile::mainnet(), "notes_v2");
  EXPECT_EQ(found.cause, Cause::kOther);
  EXPECT_TRUE(found.words.find("heap out of bounds") != std::string::npos) << found.words;
  EXPECT_TRUE(explains(found,
                       "the heap address 0xffff0000 is beyond the heap, which ends at "
                       "0xffff0000"));
  expect_solved(found, "canrec patch stub ");
}

TEST_F(AutopsyReal, SolvesThe32BitInterfaceAbove4GiB) {
  const fs::path state = fill(canister("notes_32_bit"), kNotes);
  const Autopsy found =
      examine(with_stable(state, (uint64_t{4} << 30) + 65536), executor::Profile::mainnet());
  EXPECT_EQ(found.cause, Cause::kStable32Bit);
  expect_solved(found, "canrec patch retarget ");
}

TEST_F(AutopsyReal, SolvesAHookThatCallsOut) {
  const Autopsy found =
      examine(fill(canister("notes_calls"), kNotes), executor::Profile::mainnet());
  EXPECT_EQ(found.cause, Cause::kForbiddenCall);
  expect_solved(found, "canrec patch remove ");
}

// Skipping the hook of classical Motoko over a kept heap is what must never be called a success:
// its heap pointer is a global, and globals restart.
TEST_F(AutopsyReal, NeverCallsAKeptHeapSoundWhereGlobalsRestart) {
  AutopsyRequest question;
  question.directory = fill(fixture("motoko/3.6.16/stuck.wasm"), {{"write", "(\"kept\")"}});
  question.upgrade = fixture("motoko/3.6.16/stuck_fixed.wasm");
  question.checks = {"read"};
  const auto found = autopsy(question);
  ASSERT_TRUE(found.has_value()) << found.error().message();
  EXPECT_FALSE(found->succeeds);
  const auto kept = std::ranges::find_if(found->fixes, [](const Fix& fix) {
    return fix.commands.back().find("--keep") != std::string::npos;
  });
  ASSERT_NE(kept, found->fixes.end());
  EXPECT_FALSE(kept->succeeds) << kept->words;
}

// The same where the upgrade runs and even the check answers as before: the new program is
// another one altogether, and reads this heap as what it is not.
TEST_F(AutopsyReal, NeverCallsAKeptHeapSoundWhereTheLayoutMoved) {
  AutopsyRequest question;
  question.directory = fill(canister("notes_traps"), kNotes);
  question.upgrade = canister("cellar");
  const auto found = autopsy(question);
  ASSERT_TRUE(found.has_value()) << found.error().message();
  const auto kept = std::ranges::find_if(found->fixes, [](const Fix& fix) {
    return fix.commands.back().find("--keep") != std::string::npos;
  });
  ASSERT_NE(kept, found->fixes.end());
  EXPECT_FALSE(kept->succeeds) << kept->words;
  EXPECT_NE(kept->words.find("not sound"), std::string::npos) << kept->words;
}

// The hook of the old module and then the new one's: both are patched, in this order.
TEST_F(AutopsyReal, MendsTheNewModuleBehindTheOldOne) {
  const Autopsy found = examine(fill(canister("notes_calls"), kNotes), executor::Profile::mainnet(),
                                "notes_v2_trips");
  EXPECT_EQ(found.stage, "canister_pre_upgrade");
  expect_solved(found, "canrec patch remove ");
  EXPECT_NE(found.fixes.front().what.find("in the new module "), std::string::npos);
  EXPECT_NE(found.fixes.front().target_name, canister("notes_v2_trips").string());
  expect_typed(found);
}

TEST_F(AutopsyReal, MendsAPostUpgradeThatFails) {
  const Autopsy found =
      examine(fill(canister("notes"), kNotes), executor::Profile::mainnet(), "notes_v2_trips");
  EXPECT_EQ(found.stage, "canister_post_upgrade");
  EXPECT_EQ(found.cause, Cause::kForbiddenCall);
  expect_solved(found, "canrec patch remove ");
  EXPECT_EQ(found.fixes.front().goes, Goes::kByUpgrade);
  expect_typed(found);
}

// A panic inlined into the hook, and a next version of another layout: nothing can be mended, and
// the ways that are left can be gone as they are printed.
TEST_F(AutopsyReal, NamesWaysThatCanBeTypedWhereNothingHelps) {
  const Autopsy found =
      examine(fill(canister("journal_panics_silently"), {{"put", "(7, \"seven\")"}}),
              executor::Profile::mainnet(), "journal_v2");
  EXPECT_TRUE(std::ranges::none_of(found.fixes, &Fix::works));
  size_t typed = 0;
  for (const Way& way : found.ways) {
    const std::string& command = way.command;
    if (command.find("METHOD") != std::string::npos ||
        command.find("NEW.wasm") != std::string::npos) {
      continue;  // with words that only the user knows
    }
    output_of(fmt::format("cd {} && canrec() {{ {} \"$@\"; }} && {} 2>&1",
                          directory_.path().string(), CANREC_PROGRAM, command));
    ++typed;
  }
  EXPECT_EQ(typed, 3U);  // keep a copy, mend the hook by hand, carry the state over
  EXPECT_EQ(ask(directory_.path() / "fresh", "get", "(7)"), "(opt \"seven\")");
}

// What stands in stable memory is not what the hook would have written, and the new module reads it
// over the heap that is kept: without its post-upgrade the data is there.
TEST_F(AutopsyReal, KeepsTheHeapWithoutAPostUpgradeThatSpoilsIt) {
  executor::Profile profile = executor::Profile::mainnet();
  profile.set(executor::Limit::kInstallInstructions, 100'000'000);
  const fs::path state = with_stable(fill(canister("notes_quadratic"), kNotes), 65536);
  const Autopsy found = examine(state, profile, "notes_v2_trusts");
  EXPECT_EQ(found.cause, Cause::kInstructions);
  expect_solved(found, " --drop-post-upgrade ");
  const Fix& fix = found.fixes.front();
  EXPECT_EQ(fix.goes, Goes::kByKeptHeap);
  EXPECT_NE(fix.costs.find("timers that it sets"), std::string::npos) << fix.costs;
  // With it the same fails, and that is told.
  EXPECT_TRUE(std::ranges::any_of(found.fixes, [](const Fix& each) {
    return !each.works() && each.goes == Goes::kByKeptHeap &&
           each.words.find("canister_post_upgrade") != std::string::npos;
  }));
  expect_typed(found);
}

// Both programs count in the same place, so the one query that canrec finds by itself says nothing.
TEST_F(AutopsyReal, DoubtsAModuleOfAnotherCanister) {
  AutopsyRequest question;
  question.directory = fill(canister("notes"), {{"put", "(7, \"seven\")"}});
  question.upgrade = canister("cellar");
  const auto found = autopsy(question);
  ASSERT_TRUE(found.has_value()) << found.error().message();
  EXPECT_TRUE(found->succeeds);
  EXPECT_TRUE(found->chose_checks);
  EXPECT_TRUE(explains(*found, "2 of the 4 methods of the installed program are not in the new"));
}

// `version` says the same in an empty canister, `get` wants an argument, an empty canister tells
// nothing.
TEST_F(AutopsyReal, AsksOnlyWhatTellsOfTheState) {
  AutopsyRequest question;
  question.directory = fill(canister("notes_v2"), kNotes);
  const auto full = autopsy(question);
  ASSERT_TRUE(full.has_value()) << full.error().message();
  EXPECT_EQ(full->checks, std::vector<std::string>{"count"});
  EXPECT_EQ(full->answers_same, true);
  question.directory = fill(canister("notes_v2"), {});
  const auto empty = autopsy(question);
  ASSERT_TRUE(empty.has_value()) << empty.error().message();
  EXPECT_TRUE(empty->checks.empty());
  EXPECT_FALSE(empty->answers_same.has_value());
}

// A hook that saves nothing: the upgrade goes through, and that is the worst of all.
TEST_F(AutopsyReal, SaysThatAnUpgradeThatRunsLosesTheData) {
  AutopsyRequest question;
  question.directory = fill(canister("notes"), kNotes);
  const auto found = autopsy(question);  // to itself; it has no post-upgrade
  ASSERT_TRUE(found.has_value()) << found.error().message();
  EXPECT_TRUE(found->succeeds);
  EXPECT_EQ(found->answers_same, false);
  EXPECT_EQ(found->checks, std::vector<std::string>{"count"});
  EXPECT_TRUE(explains(*found, "an upgrade of the installed module to itself"));
  expect_solved(*found, "canrec patch prepare-route-k ");
}

// Enhanced persistence cannot become the classical one: nothing to mend, and the reason is told.
TEST_F(AutopsyReal, ExplainsWhatTheNetworkRefuses) {
  AutopsyRequest question;
  question.directory = fill(fixture("motoko/4.10.0/snags.wasm"), {{"put", "(7, \"seven\")"}});
  question.upgrade = fixture("motoko/3.6.16/snags_fixed.wasm");
  const auto found = autopsy(question);
  ASSERT_TRUE(found.has_value()) << found.error().message();
  EXPECT_EQ(found->cause, Cause::kRefused);
  EXPECT_TRUE(explains(*found, "by Motoko, enhanced orthogonal persistence, the new module by"));
  EXPECT_TRUE(std::ranges::none_of(found->fixes, &Fix::works));
  EXPECT_TRUE(std::ranges::any_of(found->ways, [](const Way& way) {
    return way.what.find("the same memory and persistence") != std::string::npos;
  }));
}

// One way of a hook to fail, in a canister whose `arm` chooses it.
struct Snag {
  int way = 0;
  Cause cause{};
  std::string repair;  // the verb of the first repair
  std::string explains;
  int notes = 10;
  uint64_t instructions = 1'000'000'000;  // the limit, where it is what fails
};
void PrintTo(const Snag& snag, std::ostream* out) { *out << "way " << snag.way; }

class Snags : public AutopsyReal,
              public testing::WithParamInterface<std::tuple<std::string, Snag>> {
 protected:
  void solve(const fs::path& module, const fs::path& next, const Snag& snag) {
    fs::path state = fill(module, {{"put", "(7, \"seven\")"},
                                   {"put", "(8, \"\")"},
                                   {"fill", fmt::format("({})", snag.notes)},
                                   {"arm", fmt::format("({})", snag.way)}});
    AutopsyRequest question;
    if (snag.cause == Cause::kMemory) state = with_spare_pages(state, 40);
    if (snag.cause == Cause::kStable32Bit) state = with_stable(state, (uint64_t{4} << 30) + 65536);
    if (snag.cause == Cause::kInstructions) {
      question.executor.profile.set(executor::Limit::kInstallInstructions, snag.instructions);
    }
    question.directory = state;
    question.module_name = (state / "wasm_module.bin").string();
    question.upgrade = next;
    question.checks = {"get(7)", "get(8)", "count"};
    const auto found = autopsy(question);
    ASSERT_TRUE(found.has_value()) << found.error().message();
    EXPECT_EQ(found->cause, snag.cause) << found->words;
    EXPECT_TRUE(explains(*found, snag.explains)) << testing::PrintToString(found->explanation);
    expect_solved(*found, "canrec patch " + snag.repair);
    // Limits are options of the commands as of the autopsy; what is typed runs with the
    // network's.
    expect_typed(*found);
  }
};

class RustSnags : public Snags {};
TEST_P(RustSnags, AreExplainedAndSolvedByWhatIsTyped) {
  const auto& [name, snag] = GetParam();
  solve(canister(name), canister("snags_fixed"), snag);
}
const Snag kRustSnags[] = {
    {1, Cause::kStableOutOfBounds, "grow-before-write", "it goes 169 bytes beyond the end"},
    {2, Cause::kStable32Bit, "retarget", "stable_write("},
    {3, Cause::kForbiddenCall, "remove", "call_new("},
    {4, Cause::kInstructions, "stub", "with a larger limit it would succeed", 1500, 200'000'000},
    {5, Cause::kMemory, "stub", "what the module itself declares", 1000},
    {6, Cause::kCalledTrap, "stub", "called `Option::unwrap()` on a `None` value"},
    {7, Cause::kCalledTrap, "stub", "attempt to add with overflow"},
    {8, Cause::kStackOverflow, "stub", "snags::ways::descend calls itself"},
    {9, Cause::kOther, "stub", "beyond the heap"},
    {10, Cause::kOther, "stub", "a function of another type in the table"},
    {11, Cause::kStableOutOfBounds, "stub", "where no stable memory can ever be"},
    {12, Cause::kForbiddenCall, "", "msg_reply_data_append("},
    {13, Cause::kCalledTrap, "stub", "too many notes", 6000},
    {14, Cause::kCalledTrap, "stub", "called `Option::unwrap()` on a `None` value"},
    {15, Cause::kCalledTrap, "stub", "called `Option::unwrap()` on a `None` value"},
};
INSTANTIATE_TEST_SUITE_P(Rust, RustSnags,
                         testing::Combine(testing::Values("snags", "snags_speed"),
                                          testing::ValuesIn(kRustSnags)),
                         [](const auto& test) {
                           return fmt::format("{}_{}", std::get<0>(test.param),
                                              std::get<1>(test.param).way);
                         });

class MotokoSnags : public Snags {};
TEST_P(MotokoSnags, AreExplainedAndSolvedByWhatIsTyped) {
  const auto& [version, snag] = GetParam();
  solve(fixture("motoko/" + version + "/snags.wasm"),
        fixture("motoko/" + version + "/snags_fixed.wasm"), snag);
}
const Snag kMotokoSnags[] = {
    {1, Cause::kCalledTrap, "stub", "preupgrade: cannot keep this"},
    {2, Cause::kInstructions, "stub", "it may never end"},
    {3, Cause::kInstructions, "stub", "with a larger limit it would succeed", 4000},
    {4, Cause::kMemory, "stub", "what the module itself declares"},
    {6, Cause::kCalledTrap, "stub", "Natural subtraction underflow"},
    {7, Cause::kCalledTrap, "stub", "arithmetic overflow"},
    {8, Cause::kCalledTrap, "stub", "Array index out of bounds"},
    {9, Cause::kForbiddenCall, "remove", "msg_cycles_available"},
    {10, Cause::kCalledTrap, "stub", "Natural subtraction underflow"},
    {11, Cause::kCalledTrap, "stub", "assertion failed at main.mo"},
};
INSTANTIATE_TEST_SUITE_P(Motoko, MotokoSnags,
                         testing::Combine(testing::Values("2.0.3", "3.6.16", "3.11.1", "3.15.0",
                                                          "4.0.0", "4.10.0"),
                                          testing::ValuesIn(kMotokoSnags)),
                         [](const auto& test) {
                           std::string name = "v" + std::get<0>(test.param);
                           std::ranges::replace(name, '.', '_');
                           return fmt::format("{}_way_{}", name, std::get<1>(test.param).way);
                         });

}  // namespace
}  // namespace canrec::recover::test
