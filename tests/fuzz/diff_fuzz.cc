// fuzz: wasmdiff
// SPDX-License-Identifier: Apache-2.0
// Two modules from one input: a 4-byte length, the old module, the new one. The comparison must
// answer without a crash; a module against itself is safe by route S unless a rule about the module
// alone speaks; and the two directions agree on whether every function is common.
#include <algorithm>

#include "base/bytes.h"
#include "wasmdiff/compare.h"
#include "wasmdiff/gates.h"

namespace {

using namespace canrec;

// Findings that one module alone can have.
bool speaks_of_one_module(const wasmdiff::Finding& finding) {
  return finding.code == "import.refused" || finding.code == "data.unknown" ||
         finding.code == "table.unknown" || finding.code == "global.reference";
}

void check_itself(const wasm::Module& module) {
  const auto same = wasmdiff::compare(module, module, {});
  if (!same) return;
  CANREC_ASSERT(same->counts.changed == 0 && same->counts.added == 0 && same->counts.removed == 0);
  const bool excused = std::ranges::any_of(same->findings, speaks_of_one_module);
  CANREC_ASSERT(excused || same->word(wasmdiff::Route::kS) == wasmdiff::Word::kSafe);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 4) return 0;
  const size_t first = std::min<size_t>(load_le<uint32_t>(data), size - 4);
  const ByteView old_bytes(data + 4, first);
  const ByteView new_bytes(data + 4 + first, size - 4 - first);
  const auto a = wasm::read_module(old_bytes);
  if (a) check_itself(*a);
  const auto b = wasm::read_module(new_bytes);
  if (!a || !b) return 0;
  const auto forward = wasmdiff::compare(*a, *b, {});
  const auto back = wasmdiff::compare(*b, *a, {});
  if (!forward || !back) return 0;
  CANREC_ASSERT(forward->subject->identity.count == back->subject->identity.count);
  CANREC_ASSERT(wasmdiff::apply_gates(*forward, {.max_changed_functions = 0, .only_in = {}}));
  return 0;
}
