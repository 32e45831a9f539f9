// SPDX-License-Identifier: Apache-2.0
// Detection from the most certain sign to the least.
#include "wasm/toolchain.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>

#include "base/cursor.h"

namespace canrec::wasm {
namespace {

Status read_producers(const Module& module, std::vector<Producer>& out) {
  const Section* section = module.custom("producers");
  if (section == nullptr) return Ok{};
  Cursor in(module.view(section->payload), section->payload.begin);
  CANREC_TRY(const uint32_t fields, in.count(2, "fields"));
  for (uint32_t i = 0; i < fields; ++i) {
    CANREC_TRY(const std::string_view field, in.name());
    CANREC_TRY(const uint32_t values, in.count(2, "values"));
    for (uint32_t j = 0; j < values; ++j) {
      CANREC_TRY(const std::string_view name, in.name());
      CANREC_TRY(const std::string_view version, in.name());
      out.push_back({field, name, version});
    }
  }
  return Ok{};
}

const Producer* find_producer(const ToolchainFacts& facts, std::string_view field,
                              std::string_view begin) {
  const auto it = std::ranges::find_if(facts.producers, [&](const Producer& p) {
    return p.field == field && p.name.starts_with(begin);
  });
  return it == facts.producers.end() ? nullptr : &*it;
}

std::string section_text(const Module& module, const Section& section) {
  constexpr size_t kMost = 200;
  const ByteView bytes = module.view(section.payload);
  return printable(bytes.first(std::min(bytes.size(), kMost)));
}

bool has_export(const Module& module, auto predicate) {
  return std::ranges::any_of(module.exports,
                             [&](const Export& entry) { return predicate(entry.name); });
}

// The runtime of older compilers holds every collector; the one in use is scheduled by code of the
// program, the others by nobody.
std::string motoko_collector(const Module& module, const FunctionNames& names,
                             const CallGraph* graph) {
  static constexpr std::array<std::string_view, 4> kCollectors = {"incremental", "generational",
                                                                  "compacting", "copying"};
  std::vector<std::string_view> present;
  std::vector<std::string_view> called;
  for (const std::string_view collector : kCollectors) {
    const std::string schedule = fmt::format("schedule_{}_gc", collector);
    for (uint32_t i = module.imported_functions; i < module.functions.size(); ++i) {
      if (names.raw(FuncIdx{i}) != schedule) continue;
      present.push_back(collector);
      if (graph != nullptr && !graph->callers(FuncIdx{i}).empty()) called.push_back(collector);
      break;
    }
  }
  if (called.size() == 1) return std::string(called[0]);
  if (present.size() == 1) return std::string(present[0]);
  return {};
}

bool detect_motoko(const Module& module, const FunctionNames& names, const CallGraph* graph,
                   ToolchainFacts& facts) {
  const Section* compiler = find_icp_section(module, "motoko:compiler");
  const Section* types = find_icp_section(module, "motoko:stable-types");
  const Section* labels = module.custom("motoko");
  const Section* persistence = find_icp_section(module, "enhanced-orthogonal-persistence");
  const bool helper = has_export(module, [](std::string_view name) {
    return name == "canister_update __motoko_async_helper";
  });
  if (compiler == nullptr && types == nullptr && labels == nullptr && !helper) return false;
  // The section does not tell them apart: a 32-bit module may have been given one for an upgrade
  // that keeps memory.
  const bool enhanced = module.is_64();
  facts.toolchain = enhanced ? Toolchain::kMotokoEnhanced : Toolchain::kMotokoClassical;
  if (compiler != nullptr) facts.compiler = section_text(module, *compiler);
  if (enhanced && persistence != nullptr) facts.layout = section_text(module, *persistence);
  facts.collector = motoko_collector(module, names, graph);
  const Section* sign = compiler != nullptr ? compiler : types != nullptr ? types : labels;
  facts.evidence = sign != nullptr
                       ? fmt::format("custom section \"{}\"", printable(as_bytes(sign->name)))
                       : "export \"canister_update __motoko_async_helper\"";
  return true;
}

bool detect_azle(const Module& module, ToolchainFacts& facts) {
  const auto sign = std::ranges::find_if(module.exports, [](const Export& entry) {
    return entry.name == "execute_method_js" ||
           entry.name.find(" _azle_") != std::string_view::npos;
  });
  if (sign == module.exports.end()) return false;
  facts.toolchain = Toolchain::kAzle;
  facts.evidence = fmt::format("export \"{}\"", printable(as_bytes(sign->name)));
  return true;
}

bool detect_llvm(const Module& module, const FunctionNames& names, ToolchainFacts& facts) {
  if (const Producer* rust = find_producer(facts, "language", "Rust")) {
    facts.toolchain = Toolchain::kRust;
    facts.evidence = fmt::format("producers section, language {}", printable(as_bytes(rust->name)));
    return true;
  }
  for (uint32_t i = module.imported_functions; i < module.functions.size(); ++i) {
    const std::string_view name = names.raw(FuncIdx{i});
    const bool legacy = name.starts_with("_ZN") && name.find("17h") != std::string_view::npos;
    if (!legacy && !name.starts_with("_R")) continue;
    facts.toolchain = Toolchain::kRust;
    facts.evidence = fmt::format("function name {}", printable(as_bytes(name.substr(0, 80))));
    return true;
  }
  const Producer* c = find_producer(facts, "language", "C");
  if (c == nullptr) c = find_producer(facts, "processed-by", "clang");
  if (c == nullptr) c = find_producer(facts, "processed-by", "Debian clang");
  if (c == nullptr) c = find_producer(facts, "processed-by", "Ubuntu clang");
  if (c == nullptr) return false;
  facts.toolchain = Toolchain::kC;
  facts.evidence = fmt::format("producers section, {} {}", printable(as_bytes(c->field)),
                               printable(as_bytes(c->name)));
  return true;
}

// Compilers named by the producers section: "rustc 1.88.0 (6b00bc388 2025-06-23), clang 18.1.2".
std::string producers_text(const ToolchainFacts& facts) {
  std::string out;
  for (const Producer& producer : facts.producers) {
    if (producer.field != "processed-by") continue;
    out += fmt::format("{}{}{}{}", out.empty() ? "" : ", ", printable(as_bytes(producer.name)),
                       producer.version.empty() ? "" : " ", printable(as_bytes(producer.version)));
  }
  return out;
}

}  // namespace

std::string_view to_string(Toolchain toolchain) {
  switch (toolchain) {
    case Toolchain::kUnknown:
      return "unknown";
    case Toolchain::kRust:
      return "Rust";
    case Toolchain::kMotokoClassical:
      return "Motoko, classical persistence";
    case Toolchain::kMotokoEnhanced:
      return "Motoko, enhanced orthogonal persistence";
    case Toolchain::kAzle:
      return "Azle";
    case Toolchain::kC:
      return "C or C++";
  }
  return "unknown";
}

std::optional<IcpSection> parse_icp_section(std::string_view section_name) {
  constexpr std::string_view kPublic = "icp:public ";
  constexpr std::string_view kPrivate = "icp:private ";
  if (section_name.starts_with(kPublic)) {
    return IcpSection{true, section_name.substr(kPublic.size())};
  }
  if (section_name.starts_with(kPrivate)) {
    return IcpSection{false, section_name.substr(kPrivate.size())};
  }
  return std::nullopt;
}

const Section* find_icp_section(const Module& module, std::string_view name) {
  for (const Section& section : module.sections) {
    if (section.id != SectionId::kCustom) continue;
    const std::optional<IcpSection> icp = parse_icp_section(section.name);
    if ((icp && icp->name == name) || section.name == name) return &section;
  }
  return nullptr;
}

ToolchainFacts detect_toolchain(const Module& module, const FunctionNames& names,
                                const CallGraph* graph) {
  ToolchainFacts facts;
  // What was read before the damage is still true.
  static_cast<void>(read_producers(module, facts.producers));
  if (detect_motoko(module, names, graph, facts)) return facts;
  if (!detect_azle(module, facts) && !detect_llvm(module, names, facts)) {
    facts.evidence = "nothing in the module tells it";
  }
  facts.compiler = producers_text(facts);
  return facts;
}

}  // namespace canrec::wasm
