// SPDX-License-Identifier: Apache-2.0
#pragma once

// What made a module, told from its custom sections, exports and names. It decides which layout
// rules hold for the heap. Source: stable-layouts.md 0.2, 2.5, 3.13.

#include <string>
#include <string_view>
#include <vector>

#include "wasm/call_graph.h"
#include "wasm/module.h"
#include "wasm/names.h"

namespace canrec::wasm {

enum class Toolchain : uint8_t {
  kUnknown,
  kRust,
  kMotokoClassical,  ///< state goes through stable memory at an upgrade
  kMotokoEnhanced,   ///< enhanced orthogonal persistence: the heap is kept, 64-bit only
  kAzle,             ///< TypeScript or JavaScript on Rust
  kC,                ///< C or C++
};
/// "Rust", "Motoko, classical persistence", ...
std::string_view to_string(Toolchain toolchain);

/// One entry of the producers section: {"processed-by", "rustc", "1.88.0"}.
struct Producer {
  std::string_view field;
  std::string_view name;
  std::string_view version;
};

struct ToolchainFacts {
  Toolchain toolchain = Toolchain::kUnknown;
  std::string compiler;  ///< version or source id of the compiler; empty when not told
  std::string layout;    ///< of enhanced persistence: "64-bit, layout version 1"
  std::string
      collector;  ///< Motoko: "copying", "compacting", "generational", "incremental"; or empty
  std::string evidence;             ///< what the answer rests on, for people
  std::vector<Producer> producers;  ///< views into the module
};

/// Damage in the producers section hides the entries behind it and is no error. `graph` may be null
/// for a module that does not validate.
ToolchainFacts detect_toolchain(const Module& module, const FunctionNames& names,
                                const CallGraph* graph);

/// Visibility and name of a custom section that the network knows of.
struct IcpSection {
  bool is_public;
  std::string_view name;  ///< without "icp:public " or "icp:private "
};
/// Splits a section name; nothing for other sections.
std::optional<IcpSection> parse_icp_section(std::string_view section_name);

/// The first custom section `name`, with either visibility or as a plain name, or nullptr.
const Section* find_icp_section(const Module& module, std::string_view name);

}  // namespace canrec::wasm
