// SPDX-License-Identifier: Apache-2.0
// A rehearsal says when a heap is kept under a module that it does not fit, also when every answer
// is the same.
#include "recover/step_text.h"
#include "state.h"

namespace canrec::recover::test {
namespace {

class Layout : public State {
 protected:
  static std::string pair(const std::string& name, const std::string& module) {
    return fixture("pairs/" + name + "/" + module + ".wasm").string();
  }
  StepReport first_step(const fs::path& state, const std::string& step,
                        const std::string& behind = "expect-same get(7)") {
    const auto rehearsal = rehearse(state, steps({step, behind}), {});
    EXPECT_TRUE(rehearsal.has_value() && rehearsal->succeeded) << step;
    return rehearsal ? rehearsal->steps[0] : StepReport{};
  }
};

// Two functions have exchanged their slots: a query that calls through none of them does not
// notice.
TEST_F(Layout, SpeaksAgainstAnotherBuildUnderAKeptHeap) {
  const fs::path state = fill(pair("c_table_slots_swapped", "old"), {});
  const std::string other = pair("c_table_slots_swapped", "new");
  const StepReport replaced = first_step(state, "replace " + other);
  EXPECT_TRUE(replaced.layout.starts_with("unsafe by route S: ")) << replaced.layout;
  EXPECT_FALSE(replaced.next.empty());
  const StepReport kept = first_step(state, "upgrade " + other + " --skip-pre-upgrade --keep");
  EXPECT_TRUE(kept.layout.starts_with("unsafe by route K: ")) << kept.layout;
}

TEST_F(Layout, SaysNothingOfAHeapThatFitsOrBeginsAnew) {
  const fs::path state = fill(pair("c_table_slots_swapped", "old"), {});
  EXPECT_EQ(first_step(state, "replace " + pair("c_names_stripped", "new")).layout, "");
  const std::string anew =
      pair("c_table_slots_swapped", "new") + " --skip-pre-upgrade --replace-memory";
  EXPECT_EQ(first_step(state, "upgrade " + anew, "query get(7)").layout, "");
}

TEST_F(Layout, EndsTheProgramWithFindings) {
  const fs::path state = fill(pair("c_table_slots_swapped", "old"), {});
  const std::string words = output_of("'" CANREC_PROGRAM "' rehearse '" + state.string() +
                                      "' 'replace " + pair("c_table_slots_swapped", "new") +
                                      "' 'expect-same get(7)' 2>&1; echo \"ended $?\"");
  EXPECT_NE(words.find("UNSAFE LAYOUT: All 2 steps went as wanted."), std::string::npos) << words;
  EXPECT_NE(words.find("ended 1"), std::string::npos) << words;
}

}  // namespace
}  // namespace canrec::recover::test
