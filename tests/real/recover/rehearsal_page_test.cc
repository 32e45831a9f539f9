// SPDX-License-Identifier: Apache-2.0
// The HTML report as a browser shows it: rendered in headless Chromium, and the maps measured in
// the screenshot against the report they were drawn from.
#include <gtest/gtest.h>

#include <map>
#include <sstream>

#include "patch/apply.h"
#include "patch/operations.h"
#include "recover/memory_strip.h"
#include "recover/rehearsal_html.h"
#include "state.h"

namespace canrec::recover::test {
namespace {

constexpr int kWidth = 1100;
constexpr int kHeight = 4000;

// A run of one colour: pixels [begin, end) of a row.
struct Pixels {
  int begin = 0;
  int end = 0;
};
// A block of equal rows, with the runs of every colour in it.
struct Block {
  int top = 0;
  int bottom = 0;
  std::multimap<std::string, Pixels> runs;

  double share(const std::string& colour, const Pixels& of) const {
    int pixels = 0;
    const auto [first, last] = runs.equal_range(colour);
    for (auto it = first; it != last; ++it) pixels += it->second.end - it->second.begin;
    return static_cast<double>(pixels) / (of.end - of.begin);
  }
};

struct Page {
  std::vector<std::string> headings;
  std::vector<Block> strips;  ///< blocks that go across the page: maps of memories
  std::vector<Block> lines;   ///< bars of single regions that were changed
  std::vector<Block> marks;   ///< blocks of changes, below their strip
};

class RehearsalPage : public State {
 protected:
  // Where the maps of a page begin and end, in pixels; the style says 62rem in the middle.
  static constexpr Pixels kColumn = {54, 1046};
  // Where the bar of one region lies: 16rem in the last column.
  static constexpr Pixels kBar = {774, 1030};

  Page render(const std::string& html) {
    const fs::path path = directory_ / "page.html";
    canrec::test::write_text(path, html);
    std::string command = std::string(CANREC_SOURCE_DIR) + "/tests/real/recover/screenshot.py '" +
                          path.string() + "' " + std::to_string(kWidth) + " " +
                          std::to_string(kHeight);
    for (const StripKind& kind : strip_kinds()) command += " '" + std::string(kind.colour) + "'";
    for (const std::string& colour : region_colours()) command += " '" + colour + "'";
    command += " '" + std::string(kStripTable) + "' '" + std::string(kStripReserved) + "' '" +
               std::string(kStripChanged) + "'";
    std::istringstream lines(output_of(command));
    Page page;
    for (std::string line; std::getline(lines, line);) {
      if (line.starts_with("text ")) page.headings.push_back(line.substr(5));
      if (!line.starts_with("rows ")) continue;
      std::istringstream words(line.substr(5));
      Block block;
      words >> block.top >> block.bottom;
      Pixels all{kWidth, 0};
      for (std::string word; words >> word;) {
        Pixels run;
        EXPECT_EQ(std::sscanf(word.c_str() + 8, "%d-%d", &run.begin, &run.end), 2) << word;
        block.runs.emplace(word.substr(0, 7), run);
        all.begin = std::min(all.begin, run.begin);
        all.end = std::max(all.end, run.end);
      }
      const bool across = all.begin == kColumn.begin && all.end == kColumn.end;
      const bool only_marks = block.runs.count(std::string(kStripChanged)) == block.runs.size();
      // The swatch of the region stands in some of these rows.
      int bar = 0;
      for (const auto& [colour, run] : block.runs) {
        if (run.begin >= kBar.begin && run.end <= kBar.end) bar += run.end - run.begin;
      }
      if (bar == kBar.end - kBar.begin && block.runs.contains(std::string(kStripChanged))) {
        const bool same = !page.lines.empty() && page.lines.back().bottom == block.top;
        if (!same) page.lines.push_back(std::move(block));
      } else if (only_marks) {
        page.marks.push_back(std::move(block));
      } else if (across) {
        page.strips.push_back(std::move(block));
      }
    }
    return page;
  }

  static double share_of(const std::vector<MapPiece>& map, std::string_view begins) {
    uint64_t bytes = 0;
    for (const MapPiece& piece : map) {
      if (piece.what.starts_with(begins)) bytes += piece.end - piece.begin;
    }
    return static_cast<double>(bytes) / static_cast<double>(map.back().end);
  }

  // The marks of a step's changes lie where the bytes are.
  static void expect_marks(const Block& marks, const std::vector<TouchedRange>& changed,
                           uint64_t size) {
    const auto pixel = [&](uint64_t address) {
      return kColumn.begin + static_cast<double>(address) / static_cast<double>(size) *
                                 (kColumn.end - kColumn.begin);
    };
    ASSERT_FALSE(changed.empty());
    EXPECT_NEAR(marks.runs.begin()->second.begin, pixel(changed.front().begin), 4);
    EXPECT_NEAR(marks.runs.rbegin()->second.end, pixel(changed.back().end), 4);
  }
};

TEST_F(RehearsalPage, ShowsTheMapsAsTheReportHasThem) {
  const fs::path state =
      fill(canister("notes_no_grow"), {{"put", "(7, \"seven\")"}, {"fill", "(3000)"}});
  const Bytes broken = file_of(canister("notes_no_grow"));
  const auto loaded = wasm::load_module(broken);
  ASSERT_TRUE(loaded.has_value());
  const auto plan = patch::grow_before_write(*loaded, {std::nullopt, "canister_pre_upgrade"});
  ASSERT_TRUE(plan.has_value());
  const fs::path fixed = directory_ / "fixed.wasm";
  const auto patched = patch::apply(*loaded, *plan);
  ASSERT_TRUE(patched.has_value());
  canrec::test::write_bytes(fixed, patched->stored);
  const std::string upgrade = "upgrade " + canister("notes_v2").string();
  const auto rehearsal = rehearse(
      state,
      steps({upgrade, "expect-trap", "replace " + fixed.string(), upgrade, "expect-same count"}),
      {});
  ASSERT_TRUE(rehearsal.has_value()) << rehearsal.error().message();
  const std::string html = rehearsal_html(*rehearsal);
  EXPECT_LT(html.size(), 100'000U);
  const Page page = render(html);

  ASSERT_EQ(page.headings.size(), 6U);
  EXPECT_TRUE(page.headings[0].ends_with("as wanted"));
  EXPECT_TRUE(page.headings[1].ends_with("notes_v2.wasm failed as expected"));
  EXPECT_EQ(page.headings[5], "5. expect-same count done");

  // Heaps of steps 1, 3 and 4, and the stable memory that step 4 wrote.
  ASSERT_EQ(page.strips.size(), 4U);
  ASSERT_EQ(page.marks.size(), 2U);
  const size_t drawn[] = {0, 2, 3};
  for (size_t i = 0; i < 3; ++i) {
    const StepReport& step = rehearsal->steps[drawn[i]];
    ASSERT_FALSE(step.map.empty());
    for (const StripKind& kind : strip_kinds()) {
      EXPECT_NEAR(page.strips[i].share(std::string(kind.colour), kColumn),
                  share_of(step.map, kind.begins), 0.005)
          << kind.name << " of step " << drawn[i] + 1;
    }
    EXPECT_EQ(page.strips[i].bottom - page.strips[i].top, 22);
  }
  EXPECT_EQ(page.strips[3].share(region_colours()[0], kColumn), 1.0);
  const StepReport& last = rehearsal->steps[3];
  expect_marks(page.marks[0], last.heap_changed, last.heap_after);
  expect_marks(page.marks[1], last.stable_changed, last.stable_after);
  EXPECT_GT(page.marks[0].top, page.strips[2].bottom);
  EXPECT_LT(page.marks[0].bottom, page.strips[3].top);
}

// A real canister with a heap far larger than its static area: its beginning is drawn again.
TEST_F(RehearsalPage, EnlargesTheStaticAreaOfALargeHeapAndShowsAFailure) {
  const fs::path module = canister("notes_no_grow");
  const fs::path state = fill(module, {{"fill", "(30000)"}});
  const auto rehearsal = rehearse(
      state, steps({"call put (1, \"x\")", "upgrade " + module.string(), "query count"}), {});
  ASSERT_TRUE(rehearsal.has_value()) << rehearsal.error().message();
  const Page page = render(rehearsal_html(*rehearsal));
  const std::string stack(strip_kinds()[2].colour);
  const std::string heap(strip_kinds()[3].colour);
  ASSERT_EQ(page.strips.size(), 4U);
  EXPECT_LT(page.strips[0].share(stack, kColumn), 0.25);
  EXPECT_GT(page.strips[1].share(stack, kColumn), 0.9);
  EXPECT_GT(page.strips[0].share(heap, kColumn), 0.75);
  EXPECT_EQ(page.strips[1].share(heap, kColumn), 0);
  ASSERT_EQ(page.headings.size(), 4U);
  EXPECT_TRUE(page.headings[0].ends_with("not as wanted"));
  EXPECT_EQ(page.headings[3], "3. query count not run");
}

// Motoko's regions by both of its persistences: the strip is cut as the report says, each region
// has its line with a bar of its own, and the one that a step changed carries the mark.
TEST_F(RehearsalPage, ShowsTheRegionsOfStableMemory) {
  for (const std::string version : {"3.11.1", "4.10.0"}) {
    const fs::path state = fill(fixture("motoko/" + version + "/drawers.wasm"), {{"build", "()"}});
    const auto rehearsal =
        rehearse(state, steps({"call put (0, 8_400_000, 7)", "call put (2, 0, 9)"}), {});
    ASSERT_TRUE(rehearsal.has_value()) << rehearsal.error().message();
    ASSERT_TRUE(rehearsal->succeeded);
    const std::vector<StableRegion>& first = rehearsal->steps[0].stable_regions;
    ASSERT_EQ(first.size(), 5U);
    EXPECT_EQ(first[0].region.name, "region 16");
    EXPECT_EQ(first[0].region.bytes, 200U * 65536);
    EXPECT_EQ(first[0].region.extents.size(), 2U);
    // The place as the program counts it, although the block lies elsewhere.
    ASSERT_EQ(first[0].changed.size(), 1U);
    EXPECT_EQ(first[0].changed[0].begin, 8'400'000U / 4096 * 4096);
    EXPECT_TRUE(first[2].changed.empty());
    const std::vector<StableRegion>& second = rehearsal->steps[1].stable_regions;
    EXPECT_TRUE(second[0].changed.empty());
    ASSERT_EQ(second[2].changed.size(), 1U);
    EXPECT_EQ(second[2].changed[0].begin, 0U);

    const Page page = render(rehearsal_html(*rehearsal));
    ASSERT_EQ(page.strips.size(), 4U) << version;
    for (const size_t strip : {size_t{1}, size_t{3}}) {
      double all = 0;
      for (size_t i = 0; i < first.size(); ++i) {
        const double share = static_cast<double>(first[i].region.bytes) /
                             static_cast<double>(rehearsal->stable_bytes);
        EXPECT_NEAR(page.strips[strip].share(region_colour(first, i), kColumn), share, 0.01)
            << first[i].region.name;
        all += page.strips[strip].share(region_colour(first, i), kColumn);
      }
      EXPECT_NEAR(all, 1.0, 1e-9);
    }
    // A bar of a region: its colour, with the mark of the step's change in it.
    ASSERT_EQ(page.lines.size(), 2U) << version;
    const auto mark = page.lines[0].runs.find(std::string(kStripChanged))->second;
    EXPECT_NEAR(mark.begin, kBar.begin + 256.0 * 8'400'000 / (200 * 65536), 2);
    EXPECT_TRUE(page.lines[0].runs.contains(region_colours()[0]));
    // The first of the sixteen pages of 4 KiB that region 18 has.
    EXPECT_EQ(page.lines[1].share(std::string(kStripChanged), kBar), 1.0 / 16);
    EXPECT_TRUE(page.lines[1].runs.contains(region_colours()[2]));
  }
}

}  // namespace
}  // namespace canrec::recover::test
