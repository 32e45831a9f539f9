// SPDX-License-Identifier: Apache-2.0
// The toolchain as src/wasm tells it, reduced to the compiler proper.
#include "wasmdiff/toolchain.h"

#include <fmt/core.h>

namespace canrec::wasmdiff {
namespace {

// "rustc 1.88.0 (...)" for Rust, whatever C was linked in; else the C compiler, under the name that
// its distributor gave it.
std::string compiler_of(const wasm::ToolchainFacts& facts) {
  for (const std::string_view wanted : {"rustc", "clang"}) {
    for (const wasm::Producer& producer : facts.producers) {
      if (producer.field != "processed-by") continue;
      if (producer.name != wanted && !producer.name.ends_with(fmt::format(" {}", wanted))) continue;
      return fmt::format("{} {}", printable(as_bytes(producer.name)),
                         printable(as_bytes(producer.version)));
    }
  }
  return {};
}

}  // namespace

const wasm::Section* icp_section(const wasm::Module& module, std::string_view name) {
  for (const char* visibility : {"icp:private ", "icp:public "}) {
    if (const auto* section = module.custom(std::string(visibility) + std::string(name))) {
      return section;
    }
  }
  return nullptr;
}

ToolchainFacts recognise_toolchain(const wasm::Module& module, const wasm::FunctionNames& names) {
  ToolchainFacts out;
  if (const auto* section = icp_section(module, "enhanced-orthogonal-persistence")) {
    out.has_eop_section = true;
    out.eop = as_text(module.view(section->payload));
  }
  // Which collector runs is of no interest here, so no call graph.
  const wasm::ToolchainFacts facts = wasm::detect_toolchain(module, names, nullptr);
  out.kind = facts.toolchain;
  const bool motoko =
      out.kind == wasm::Toolchain::kMotokoClassical || out.kind == wasm::Toolchain::kMotokoEnhanced;
  if (!motoko) {
    out.compiler = compiler_of(facts);
  } else if (!facts.compiler.empty()) {
    out.compiler = "moc " + facts.compiler;
  }
  return out;
}

}  // namespace canrec::wasmdiff
