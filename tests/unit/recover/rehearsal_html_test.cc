// SPDX-License-Identifier: Apache-2.0
// The HTML report from reports made by hand: what must be on the page, and how large it may get.
#include "recover/rehearsal_html.h"

#include <gtest/gtest.h>

#include "recover/memory_strip.h"
#include "recover/step_text.h"

namespace canrec::recover {
namespace {

constexpr uint64_t kGiB = uint64_t{1} << 30;

bool contains(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}
size_t count(const std::string& text, std::string_view part) {
  size_t found = 0;
  for (size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++found;
  return found;
}

StepReport step(std::string text, StepOutcome outcome) {
  StepReport report;
  report.step.text = std::move(text);
  report.outcome = outcome;
  return report;
}

TEST(MemoryStrip, ShowsOneSmallSegmentAndOnePageInFourGiB) {
  const std::vector<MapPiece> map = {{0, 1 << 20, "stack"},
                                     {1 << 20, (1 << 20) + 16, "data segment 0"},
                                     {(1 << 20) + 16, 4 * kGiB, "heap"}};
  const std::string strip =
      memory_strip(0, 4 * kGiB, heap_strip(map), {{3 * kGiB, 3 * kGiB + 4096}});
  EXPECT_TRUE(contains(strip, "x=\"0\" y=\"0\" width=\"1\" height=\"22\" fill=\"#f2a93b\""))
      << strip;
  EXPECT_TRUE(contains(strip, "data segments 0x00100000 to 0x00100010")) << strip;
  EXPECT_TRUE(contains(strip, "x=\"384\" y=\"25\" width=\"1\"")) << strip;
  EXPECT_TRUE(contains(strip, "changed in 0xc0000000 to 0xc0001000")) << strip;
  EXPECT_TRUE(contains(strip, "<span>0x100000000</span>"));
}

TEST(MemoryStrip, KeepsToItsWindow) {
  const std::vector<MapPiece> map = {{0, 65536, "stack"}, {65536, 1 << 20, "heap"}};
  const std::string strip = memory_strip(0, 65536, heap_strip(map), {{65536, 1 << 20}});
  EXPECT_EQ(count(strip, "<rect"), 1U);
  EXPECT_TRUE(contains(strip, "stack 0x00000000 to 0x00010000"));
  EXPECT_EQ(memory_strip(5, 5, heap_strip(map), {}), "");
}

StableRegion region(std::string name, std::vector<stable::Extent> extents,
                    stable::RegionKind kind = stable::RegionKind::kData) {
  StableRegion out;
  out.region = {kind, std::move(name), 0, std::move(extents)};
  for (const stable::Extent& each : out.region.extents) out.region.bytes += each.end - each.begin;
  return out;
}

TEST(MemoryStrip, HasTheSameSizeForAnyMemory) {
  std::vector<TouchedRange> everywhere;
  for (uint64_t at = 0; at < 500 * kGiB; at += kGiB / 16) everywhere.push_back({at, at + 4096});
  const StripMap one = stable_strip({region("stable memory", {{0, 500 * kGiB}})});
  EXPECT_LT(memory_strip(0, 500 * kGiB, one, everywhere).size(), 2000U);
  EXPECT_LT(change_strip(500 * kGiB, "#000000", everywhere).size(), 2000U);
}

TEST(MemoryStrip, ShowsASmallRegionAmongLargeOnesAndBeforeWhatIsNotInUse) {
  const StripMap map = stable_strip(
      {region("memory 0", {{65536, 4 * kGiB}}), region("memory 1", {{4 * kGiB, 4 * kGiB + 65536}}),
       region("table", {{0, 65536}}, stable::RegionKind::kTable),
       region("reserved", {{4 * kGiB + 65536, 8 * kGiB}}, stable::RegionKind::kReserved)});
  const std::string strip = memory_strip(0, 8 * kGiB, map, {});
  EXPECT_EQ(count(strip, "<rect"), 4U) << strip;
  EXPECT_TRUE(contains(strip, "x=\"0\" y=\"0\" width=\"1\" height=\"22\" fill=\"#8a8f98\""))
      << strip;
  EXPECT_TRUE(contains(strip, "x=\"256\" y=\"0\" width=\"1\" height=\"22\" fill=\"#8ecae6\""))
      << strip;
  EXPECT_TRUE(contains(strip, "memory 1 0x100000000 to 0x100010000")) << strip;
}

TEST(RehearsalHtml, SaysWhichRegionAStepChanged) {
  Rehearsal rehearsal;
  StepReport each = step("call put", StepOutcome::kDone);
  each.heap_after = 65536;
  each.map = {{0, 65536, "heap"}};
  each.stable_container = "memory manager";
  for (size_t i = 0; i < 30; ++i) {
    each.stable_regions.push_back(
        region("memory " + std::to_string(i), {{i << 23, (i + 1) << 23}}));
    each.stable_regions.back().contents = "BTreeMap, 7 <entries>";
  }
  each.stable_after = 30 << 23;
  each.stable_regions[29].changed = {
      {0, 4096}, {8192, 12288}, {16384, 20480}, {32768, 36864}, {65536, 69632}};
  rehearsal.steps.push_back(each);
  const std::string html = rehearsal_html(rehearsal);
  EXPECT_TRUE(contains(html, "stable memory: memory manager"));
  EXPECT_TRUE(contains(html, "<td>memory 29</td><td>BTreeMap, 7 &lt;entries&gt;</td>"));
  EXPECT_TRUE(contains(html,
                       "20,480 bytes (20.0 KiB) at 0x00000000, 0x00002000, 0x00004000, "
                       "0x00008000 and 1 more places"));
  EXPECT_EQ(count(html, "<td>nothing</td>"), 23U);
  EXPECT_TRUE(contains(html, "6 more regions"));
}

TEST(RehearsalHtml, EscapesWhatACanisterSays) {
  Rehearsal rehearsal;
  rehearsal.directory = "a<b>&\"c\"";
  rehearsal.steps.push_back(step("query x", StepOutcome::kDone));
  rehearsal.steps[0].words = "<script>alert(1)</script>\xff";
  rehearsal.succeeded = true;
  const std::string html = rehearsal_html(rehearsal);
  EXPECT_FALSE(contains(html, "<script"));
  EXPECT_TRUE(contains(html, "&lt;script&gt;alert(1)"));
  EXPECT_TRUE(contains(html, "a&lt;b&gt;&amp;&quot;c&quot;"));
  EXPECT_FALSE(contains(html, "\xff"));
  EXPECT_FALSE(contains(html, "http-equiv"));
}

TEST(RehearsalHtml, SaysWhichStepWentWrongAndWhere) {
  Rehearsal rehearsal;
  rehearsal.steps.push_back(step("replace a.wasm", StepOutcome::kDone));
  rehearsal.steps.push_back(step("upgrade b.wasm", StepOutcome::kFailed));
  rehearsal.steps.push_back(step("query x", StepOutcome::kNotRun));
  executor::RunReport run;
  run.stopped.emplace();
  run.stopped->backtrace = {{14, 0x7c6, "pre_upgrade"}};
  run.last_api_calls.push_back({ic::SystemApi::kStable64Write, {0, 65536, 4}, std::nullopt});
  rehearsal.steps[1].runs.push_back(run);
  const std::string html = rehearsal_html(rehearsal);
  EXPECT_TRUE(contains(html, "Step 2 of 3 failed and was rolled back; the steps behind it"));
  EXPECT_TRUE(contains(html, "pre_upgrade (function 14, 0x000007c6)"));
  EXPECT_TRUE(contains(html, "stable64_write(0, 65536, 4)"));
  EXPECT_TRUE(contains(html, "<span class=\"word dim\">not run</span>"));
}

// Colours are not all: a screen reader, and an eye that cannot tell them apart, get the same.
TEST(RehearsalHtml, SaysInWordsWhatColoursShow) {
  Rehearsal rehearsal;
  StepReport each = step("call put", StepOutcome::kDone);
  each.heap_after = 1 << 20;
  each.map = {{0, 65536, "stack"},
              {65536, 65600, "data segment 0"},
              {65600, 65700, "data segment 1"},
              {65700, 1 << 20, "heap"}};
  each.heap_changed = {{0, 4096}, {65536, 69632}};
  each.instructions = each.most_instructions = 50;
  each.executions = 1;
  each.instruction_limit = 100;
  rehearsal.steps.push_back(each);
  rehearsal.steps.push_back(each);
  rehearsal.steps[1].heap_changed.clear();
  const std::string html = rehearsal_html(rehearsal);
  EXPECT_TRUE(contains(html,
                       "From the left: stack to 0x00010000, data segments to 0x000100a4, heap "
                       "to 0x00100000"));
  EXPECT_TRUE(contains(html,
                       "role=\"img\" aria-label=\"memory from 0x00000000 to 0x00100000, "
                       "changed in 2 places\""));
  EXPECT_TRUE(contains(html, "aria-label=\"50.0 % of the limit\""));
  EXPECT_TRUE(contains(html, "heap (nothing changed)"));
  EXPECT_TRUE(contains(html, "in pages of: stack, data segments, heap"));
  EXPECT_EQ(count(html, "<svg"), count(html, " role=\"img\" aria-label=\"memory from"));
}

TEST(RehearsalHtml, TellsInstructionsOfManyExecutionsApart) {
  StepReport each = step("advance-time 10s", StepOutcome::kDone);
  each.instructions = 1'000;
  each.executions = 10;
  each.most_instructions = 110;
  each.instruction_limit = 400;
  EXPECT_EQ(instructions_text(each), "1,000 in 10 executions, at most 110 of 400 in one (27.5 %)");
  each.unlimited = Unlimited{false, true, 1'600, "IC0522"};
  EXPECT_EQ(beyond_text(each), "it was still running at 4 times the limit and was stopped there");
  each.executions = 1;
  each.unlimited = Unlimited{true, false, 1'000, ""};
  EXPECT_EQ(beyond_text(each),
            "without limits it succeeds after 1,000 instructions, 2.50 times the limit");
}

// 2,000 steps, each with all that can be long: nothing but the failure has room in full.
TEST(RehearsalHtml, StaysBelowTwoMegabytesAndKeepsTheFailure) {
  Rehearsal rehearsal;
  for (size_t i = 0; i < 2000; ++i) {
    StepReport each = step("call " + std::string(500, '"'), StepOutcome::kDone);
    each.words = std::string(10'000, '&');
    each.heap_after = 4 * kGiB;
    each.map = {{0, 4 * kGiB, "heap"}};
    for (uint64_t at = 0; at < 4 * kGiB; at += 16 << 20) each.heap_changed.push_back({at, at + 1});
    each.stable_after = 4 * kGiB;
    for (uint64_t at = 0; at < 4 * kGiB; at += 8 << 20) {
      each.stable_regions.push_back(region("memory 1", {{at, at + (8 << 20)}}));
      each.stable_regions.back().contents = std::string(64, '&');
      each.stable_regions.back().changed = {{0, 4096}, {8192, 12288}};
    }
    for (size_t n = 0; n < 300; ++n) each.changes.push_back("global " + std::to_string(n));
    executor::RunReport run;
    run.prints.assign(300, std::string(500, '<'));
    each.runs.push_back(run);
    rehearsal.steps.push_back(std::move(each));
  }
  rehearsal.steps.back().outcome = StepOutcome::kFailed;
  rehearsal.steps.back().next = "what to do next";
  const std::string html = rehearsal_html(rehearsal);
  EXPECT_LT(html.size(), 2'000'000U);
  EXPECT_TRUE(contains(html, "what to do next"));
  EXPECT_TRUE(contains(html, "<td>2000</td>"));
  EXPECT_TRUE(contains(html, "steps are left out; canrec rehearse --json has all"));
}

}  // namespace
}  // namespace canrec::recover
