// SPDX-License-Identifier: Apache-2.0
// The producers section, the sections of the Motoko compiler, the exports of Azle.
// Source of the format:
// https://github.com/WebAssembly/tool-conventions/blob/main/ProducersSection.md
#include "wasmdiff/toolchain.h"

#include <fmt/core.h>

#include <map>

#include "base/cursor.h"

namespace canrec::wasmdiff {
namespace {

// field ("language", "processed-by", "sdk") -> value -> version. Damage ends the reading: the
// section is only a hint.
using Producers = std::map<std::string_view, std::map<std::string_view, std::string_view>>;

Status read_producers(Cursor in, Producers& out) {
  CANREC_TRY(const uint32_t fields, in.count(2, "fields"));
  for (uint32_t i = 0; i < fields; ++i) {
    CANREC_TRY(const auto field, in.name());
    CANREC_TRY(const uint32_t values, in.count(2, "values"));
    for (uint32_t j = 0; j < values; ++j) {
      CANREC_TRY(const auto value, in.name());
      CANREC_TRY(const auto version, in.name());
      out[field][value] = version;
    }
  }
  return Ok{};
}

bool is_azle(const wasm::Module& module) {
  for (const wasm::Export& e : module.exports) {
    if (e.name.find("_azle_") != std::string_view::npos) return true;
  }
  return false;
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

ToolchainFacts recognise_toolchain(const wasm::Module& module) {
  ToolchainFacts out;
  if (const auto* section = icp_section(module, "enhanced-orthogonal-persistence")) {
    out.has_eop_section = true;
    out.eop = as_text(module.view(section->payload));
  }
  const auto* compiler = icp_section(module, "motoko:compiler");
  const bool motoko = compiler != nullptr || module.custom("motoko") != nullptr ||
                      icp_section(module, "motoko:stable-types") != nullptr;
  if (motoko) {
    const bool eop = out.has_eop_section && module.is_64();
    out.kind = eop ? Toolchain::kMotokoEop : Toolchain::kMotokoClassical;
    if (compiler != nullptr) {
      out.compiler = fmt::format("moc {}", printable(module.view(compiler->payload)));
    }
    return out;
  }
  Producers producers;
  if (const auto* section = module.custom("producers")) {
    // A damaged section tells nothing.
    const Status status =
        read_producers(Cursor(module.view(section->payload), section->payload.begin), producers);
    if (!status) producers.clear();
  }
  const auto& languages = producers["language"];
  const auto& tools = producers["processed-by"];
  if (const auto rustc = tools.find("rustc"); rustc != tools.end()) {
    out.compiler = fmt::format("rustc {}", printable(as_bytes(rustc->second)));
  } else if (const auto clang = tools.find("clang"); clang != tools.end()) {
    out.compiler = fmt::format("clang {}", printable(as_bytes(clang->second)));
  }
  if (is_azle(module)) {
    out.kind = Toolchain::kAzle;
  } else if (languages.contains("Rust")) {
    out.kind = Toolchain::kRust;
  } else if (languages.contains("C11") || languages.contains("C_plus_plus_14") ||
             tools.contains("clang")) {
    out.kind = Toolchain::kC;
  }
  return out;
}

std::string_view to_string(Toolchain toolchain) {
  switch (toolchain) {
    case Toolchain::kUnknown:
      return "unknown toolchain";
    case Toolchain::kRust:
      return "Rust";
    case Toolchain::kAzle:
      return "Azle";
    case Toolchain::kC:
      return "C or C++";
    case Toolchain::kMotokoClassical:
      return "Motoko, classical persistence";
    case Toolchain::kMotokoEop:
      return "Motoko, enhanced orthogonal persistence";
  }
  return "";
}

}  // namespace canrec::wasmdiff
