// fuzz: wasm
// SPDX-License-Identifier: Apache-2.0
// Validation answers, its errors have a place inside the module, and what is said about a valid
// module can be gathered.
#include <cstdlib>

#include "wasm/inspect.h"
#include "wasm/module.h"

using namespace canrec;
using namespace canrec::wasm;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto module = read_module({data, size});
  if (!module) return 0;
  const Status valid = validate(*module);
  if (!valid && (!valid.error().offset() || *valid.error().offset() > size)) std::abort();
  const ModuleFacts facts =
      inspect_module(*module, FunctionNames(*module, FunctionNames::Style::kRaw));
  if (facts.invalid.has_value() == valid.has_value()) std::abort();
  return 0;
}
