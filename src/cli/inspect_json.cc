// SPDX-License-Identifier: Apache-2.0
// The JSON of `canrec inspect`; every key is described in docs/formats/inspect-json.md.
#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/hash.h"
#include "cli/inspect_report.h"
#include "snapshot/globals.h"
#include "wasm/text.h"

namespace canrec::cli {
namespace {

using Json = nlohmann::ordered_json;

Json function_indices(const std::vector<wasm::FuncIdx>& functions) {
  Json list = Json::array();
  for (const wasm::FuncIdx fn : functions) list.push_back(std::to_underlying(fn));
  return list;
}

std::string_view short_name(wasm::Toolchain toolchain) {
  switch (toolchain) {
    case wasm::Toolchain::kUnknown:
      return "unknown";
    case wasm::Toolchain::kRust:
      return "rust";
    case wasm::Toolchain::kMotokoClassical:
      return "motoko-classical";
    case wasm::Toolchain::kMotokoEnhanced:
      return "motoko-enhanced";
    case wasm::Toolchain::kAzle:
      return "azle";
    case wasm::Toolchain::kC:
      return "c";
  }
  return "unknown";
}

Json text_or_null(const std::string& text) { return text.empty() ? Json(nullptr) : Json(text); }

Json error_json(const Error& error) {
  return {{"errc", static_cast<unsigned>(error.code())},
          {"offset", error.offset() ? Json(*error.offset()) : Json(nullptr)},
          {"message", error.message()}};
}

Json toolchain_json(const wasm::ToolchainFacts& facts) {
  Json producers = Json::array();
  for (const wasm::Producer& producer : facts.producers) {
    producers.push_back(
        {{"field", producer.field}, {"name", producer.name}, {"version", producer.version}});
  }
  return {{"name", short_name(facts.toolchain)},  {"compiler", text_or_null(facts.compiler)},
          {"layout", text_or_null(facts.layout)}, {"collector", text_or_null(facts.collector)},
          {"evidence", facts.evidence},           {"producers", std::move(producers)}};
}

Json sections_json(const wasm::Module& module) {
  Json list = Json::array();
  for (const wasm::Section& section : module.sections) {
    Json row = {{"id", to_string(section.id)},
                {"begin", section.range.begin},
                {"end", section.range.end},
                {"content", section.content.begin}};
    if (const auto count = entry_count(module, section)) row["entries"] = *count;
    if (section.id == wasm::SectionId::kCustom) {
      row["name"] = section.name;
      if (const auto icp = wasm::parse_icp_section(section.name)) {
        row["visibility"] = icp->is_public ? "public" : "private";
      }
    }
    list.push_back(std::move(row));
  }
  return list;
}

Json limits_json(const wasm::Limits& limits) {
  return {{"bits", limits.is_64 ? 64 : 32},
          {"minimum", limits.min},
          {"maximum", limits.has_max ? Json(limits.max) : Json(nullptr)}};
}

Json memory_json(const wasm::Module& module) {
  if (module.memories.empty()) return nullptr;
  Json memory = limits_json(module.memories[0].limits);
  memory["imported"] = module.memories[0].import.has_value();
  return memory;
}

Json tables_json(const wasm::Module& module) {
  Json list = Json::array();
  for (uint32_t i = 0; i < module.tables.size(); ++i) {
    Json table = limits_json(module.tables[i].type.limits);
    table["element"] = to_string(module.tables[i].type.element);
    table["imported"] = module.tables[i].import.has_value();
    table["filled"] = nullptr;
    if (const auto image = wasm::table_image(module, wasm::TableIdx{i})) {
      table["filled"] =
          std::ranges::count_if(*image, [](const auto& slot) { return slot.has_value(); });
    }
    list.push_back(std::move(table));
  }
  return list;
}

std::string_view mode_word(wasm::SegmentMode mode) {
  switch (mode) {
    case wasm::SegmentMode::kActive:
      return "active";
    case wasm::SegmentMode::kPassive:
      return "passive";
    case wasm::SegmentMode::kDeclarative:
      return "declarative";
  }
  return "";
}

Json place_json(wasm::SegmentMode mode, const wasm::ConstExpr& offset) {
  if (mode != wasm::SegmentMode::kActive) return nullptr;
  const auto address = constant_address(offset);
  return address ? Json(*address) : Json(nullptr);
}

Json data_json(const wasm::Module& module) {
  Json list = Json::array();
  for (const wasm::DataSegment& segment : module.data) {
    list.push_back({{"mode", mode_word(segment.mode)},
                    {"address", place_json(segment.mode, segment.offset)},
                    {"begin", segment.bytes.begin},
                    {"end", segment.bytes.end}});
  }
  return list;
}

Json elements_json(const wasm::Module& module) {
  Json list = Json::array();
  for (const wasm::ElementSegment& segment : module.elements) {
    Json row = {{"mode", mode_word(segment.mode)},
                {"table", nullptr},
                {"slot", place_json(segment.mode, segment.offset)},
                {"type", to_string(segment.type)},
                {"count", segment.count}};
    if (segment.mode == wasm::SegmentMode::kActive)
      row["table"] = std::to_underlying(segment.table);
    list.push_back(std::move(row));
  }
  return list;
}

Json globals_json(const InspectInput& input) {
  const snapshot::Metadata* metadata = globals_match(input) ? input.metadata() : nullptr;
  Json list = Json::array();
  for (size_t i = 0; i < input.facts.globals.size(); ++i) {
    const wasm::PersistedGlobal& global = input.facts.globals[i];
    const uint32_t index = std::to_underlying(global.global);
    const wasm::Global& declared = input.module().globals[index];
    Json row = {
        {"global", index},
        {"type", to_string(global.type.type)},
        {"mutable", global.type.is_mutable},
        {"export", text_or_null(std::string(global.export_name))},
        {"initial",
         declared.import ? Json(nullptr) : Json(wasm::constant_text(declared.init.instruction))}};
    if (metadata != nullptr) row["value"] = snapshot::value_text(metadata->globals[i]);
    list.push_back(std::move(row));
  }
  return list;
}

Json entries_json(const InspectInput& input) {
  Json list = Json::array();
  for (const wasm::EntryPoint& entry : input.facts.entries) {
    list.push_back(
        {{"name", entry.name},
         {"contexts", wasm::context_letters(entry.contexts)},
         {"functions", function_indices(entry.functions)},
         {"function_name",
          entry.functions.size() == 1 ? Json(input.names.of(entry.functions[0])) : Json(nullptr)}});
  }
  return list;
}

Json system_api_json(const wasm::ModuleFacts& facts) {
  Json list = Json::array();
  for (const wasm::ApiUse& use : facts.uses) {
    Json from = Json::array();
    for (const wasm::ApiUse::From& one : use.from) {
      from.push_back({{"entry", facts.entries[one.entry].name},
                      {"reach", one.reach == wasm::Reach::kDirect ? "direct" : "tables"},
                      {"forbidden", wasm::context_letters(one.forbidden)}});
    }
    list.push_back({{"name", use.name},
                    {"functions", function_indices(use.imports)},
                    {"known", use.known != nullptr},
                    {"from", std::move(from)}});
  }
  return list;
}

Json exports_json(const wasm::Module& module) {
  static constexpr std::array<std::string_view, 4> kKinds = {"function", "table", "memory",
                                                             "global"};
  Json list = Json::array();
  for (const wasm::Export& entry : module.exports) {
    list.push_back({{"name", entry.name},
                    {"kind", kKinds[std::to_underlying(entry.kind)]},
                    {"index", entry.index}});
  }
  return list;
}

Json rules_json(const wasm::ModuleFacts& facts) {
  Json list = Json::array();
  for (const wasm::RuleViolation& violation : facts.violations) {
    list.push_back(
        {{"text", violation.text}, {"offset", violation.offset}, {"why", violation.why}});
  }
  return list;
}

Json snapshot_json(const InspectInput& input) {
  if (input.survey == nullptr) return nullptr;
  Json findings = Json::array();
  for (const snapshot::Finding& finding : input.survey->findings) {
    Json row = error_json(finding.error);
    row["severity"] = finding.severity == snapshot::Severity::kRefused ? "bad" : "warning";
    findings.push_back(std::move(row));
  }
  const snapshot::Metadata& metadata = *input.metadata();
  return {{"form", to_string(input.survey->directory->form())},
          {"taken_at_timestamp_ns", metadata.taken_at_timestamp_ns},
          {"canister_version", metadata.canister_version},
          {"wasm_memory_size", metadata.wasm_memory_size},
          {"stable_memory_size", metadata.stable_memory_size},
          {"chunks", metadata.wasm_chunk_store.size()},
          {"certified_data", to_hex(metadata.certified_data)},
          {"globals_match", globals_match(input)},
          {"findings", std::move(findings)}};
}

}  // namespace

nlohmann::ordered_json inspect_json(const InspectInput& input) {
  const wasm::Module& module = input.module();
  const wasm::ModuleFacts& facts = input.facts;
  return {{"type", "inspect"},
          {"schema", 1},
          {"canrec", CANREC_VERSION},
          {"input", input.path},
          {"sha256", to_hex(input.loaded.hash)},
          {"stored_size", input.loaded.stored_size},
          {"gzip", input.loaded.gzipped},
          {"size", module.bytes.size()},
          {"valid", !facts.invalid},
          {"invalid", facts.invalid ? error_json(*facts.invalid) : Json(nullptr)},
          {"toolchain", toolchain_json(facts.toolchain)},
          {"sections", sections_json(module)},
          {"memory", memory_json(module)},
          {"tables", tables_json(module)},
          {"data", data_json(module)},
          {"elements", elements_json(module)},
          {"globals", globals_json(input)},
          {"start", module.start ? Json(std::to_underlying(*module.start)) : Json(nullptr)},
          {"entry_points", entries_json(input)},
          {"exports", exports_json(module)},
          {"system_api", system_api_json(facts)},
          {"network_rules", rules_json(facts)},
          {"snapshot", snapshot_json(input)}};
}

}  // namespace canrec::cli
