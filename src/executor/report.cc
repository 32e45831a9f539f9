// SPDX-License-Identifier: Apache-2.0
// Texts of reports.
#include "executor/report.h"

#include <fmt/core.h>

#include "wasm/names.h"

namespace canrec::executor {

std::string ApiCall::text() const {
  const ic::SystemApiFunction& row = ic::info(function);
  std::string out = fmt::format("{}(", row.name);
  for (size_t i = 0; i < row.parameters.size(); ++i) {
    out += fmt::format("{}{}", i == 0 ? "" : ", ", arguments[i]);
  }
  out += ")";
  if (result) out += fmt::format(" -> {}", *result);
  return out;
}

std::string network_backtrace(const wasm::Module& module, const std::vector<Frame>& frames,
                              uint64_t most_frames) {
  if (module.custom("name") == nullptr || frames.empty()) return {};
  const wasm::NameSection names = wasm::read_names(module);
  std::string out = "\nCanister Backtrace:\n";
  uint64_t shown = 0;
  for (const Frame& frame : frames) {
    if (module.functions[frame.function].is_import()) continue;
    if (shown++ == most_frames) break;
    const bool named =
        frame.function < names.functions.size() && !names.functions[frame.function].empty();
    out += named ? wasm::demangle(names.functions[frame.function])
                 : fmt::format("unknown function at index {}", frame.function);
    out += "\n";
  }
  return out;
}

}  // namespace canrec::executor
