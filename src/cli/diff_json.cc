// SPDX-License-Identifier: Apache-2.0
// The JSON object of canrec diff; docs/formats/diff-json.md describes every key.
#include <nlohmann/json.hpp>

#include "cli/diff_report.h"

namespace canrec::cli {
namespace {

using Json = nlohmann::ordered_json;
using wasmdiff::kNew;
using wasmdiff::kOld;
using wasmdiff::Route;

Json module_json(const std::string& path, const wasm::LoadedModule& loaded,
                 const wasmdiff::Layout& layout) {
  const wasm::Module& module = loaded.module;
  Json out = {{"file", path},
              {"sha256", to_hex(loaded.hash)},
              {"size", loaded.stored_size},
              {"gzip", loaded.gzipped},
              {"toolchain", to_string(layout.toolchain.kind)},
              {"compiler", layout.toolchain.compiler}};
  if (!module.memories.empty()) {
    const wasm::Limits& limits = module.memories[0].limits;
    out["memory"] = {{"bits", limits.is_64 ? 64 : 32}, {"minimum_pages", limits.min}};
    out["memory"]["maximum_pages"] = limits.has_max ? Json(limits.max) : Json(nullptr);
  }
  return out;
}

template <typename T>
void put(Json& out, const char* key, const std::optional<T>& value) {
  if (value) out[key] = *value;
}

Json place_json(const wasmdiff::Place& place) {
  Json out = Json::object();
  put(out, "address", place.address);
  put(out, "length", place.length);
  put(out, "old_offset", place.old_offset);
  put(out, "new_offset", place.new_offset);
  put(out, "table", place.table);
  put(out, "slot", place.slot);
  put(out, "old_function", place.old_function);
  put(out, "new_function", place.new_function);
  put(out, "persisted_global", place.persisted);
  return out;
}

Json finding_json(const wasmdiff::Finding& finding) {
  return {{"severity", to_string(finding.weights.worst())},
          {"S", to_string(finding.weights.s)},
          {"K", to_string(finding.weights.k)},
          {"code", finding.code},
          {"area", finding.area},
          {"rows", finding.rows},
          {"what", finding.what},
          {"evidence", finding.evidence},
          {"why", finding.why},
          {"next", finding.next},
          {"where", place_json(finding.place)}};
}

Json exports_of(const wasm::Module& module, uint32_t fn) {
  Json out = Json::array();
  for (const wasm::Export& e : module.exports) {
    if (e.kind == wasm::ExternKind::kFunc && e.index == fn) out.push_back(e.name);
  }
  return out;
}

Json function_json(const wasmdiff::Subject& subject, wasmdiff::Which which, uint32_t fn) {
  return {{"name", subject.name(which, fn)},
          {"exports", exports_of(subject.module(which), fn)},
          {"function", fn},
          {"offset", subject.module(which).functions[fn].body.begin}};
}

std::string_view to_string(wasmdiff::PairedBy by) {
  switch (by) {
    case wasmdiff::PairedBy::kExport:
      return "export";
    case wasmdiff::PairedBy::kName:
      return "name";
    case wasmdiff::PairedBy::kText:
      return "text";
    case wasmdiff::PairedBy::kCaller:
      return "caller";
    case wasmdiff::PairedBy::kTableSlot:
      return "table slot";
    case wasmdiff::PairedBy::kNearest:
      return "likeness";
  }
  return "";
}

std::string_view to_string(wasmdiff::BodyChange change) {
  switch (change) {
    case wasmdiff::BodyChange::kNone:
      return "none";
    case wasmdiff::BodyChange::kSystemApi:
      return "system-api";
    case wasmdiff::BodyChange::kConstants:
      return "constants";
    case wasmdiff::BodyChange::kOther:
      return "other";
  }
  return "";
}

Json changed_json(const wasmdiff::Subject& subject, const wasmdiff::ChangedFunction& changed) {
  Json api = Json::array();
  for (const wasmdiff::ApiEdit& edit : changed.diff.api) {
    api.push_back(
        {{"added", edit.added}, {"call", ic::info(edit.function).name}, {"offset", edit.offset}});
  }
  return {{"name", subject.name(kNew, changed.new_fn)},
          {"exports", exports_of(subject.module(kNew), changed.new_fn)},
          {"old", function_json(subject, kOld, changed.old_fn)},
          {"new", function_json(subject, kNew, changed.new_fn)},
          {"matched_by", to_string(changed.by)},
          {"change", to_string(changed.diff.change)},
          {"system_api", api},
          {"constants", changed.diff.constants.size()},
          {"reason", changed.diff.reason}};
}

Json evidence_json(const std::string& path, const wasmdiff::Evidence& evidence) {
  Json statics = Json::array();
  for (const wasmdiff::StaticStretch& stretch : evidence.statics) {
    statics.push_back({{"address", stretch.address},
                       {"length", stretch.length},
                       {"segment", stretch.segment},
                       {"changed_bytes", stretch.changed}});
  }
  Json ranges = Json::array();
  for (const wasmdiff::RangeInHeap& found : evidence.ranges) {
    ranges.push_back({{"address", found.range.address},
                      {"length", found.range.length},
                      {"heap_has_old", found.as_old},
                      {"heap_has_new", found.as_new}});
  }
  Json out = {{"directory", path},
              {"same_module", evidence.same_module},
              {"heap_bytes", evidence.heap_bytes},
              {"old_data", statics},
              {"changed_data", ranges}};
  if (evidence.scan) {
    out["scan"] = {{"words", evidence.scan->words},
                   {"to_changed_data", evidence.scan->addresses},
                   {"to_changed_slots", evidence.scan->slots}};
  }
  return out;
}

Json code_json(const wasmdiff::SideBySide& code) {
  Json rows = Json::array();
  for (const wasmdiff::CodeRow& row : code.rows) {
    Json one = {{"same", row.same}};
    if (row.old_offset) one["old"] = {{"offset", *row.old_offset}, {"text", row.old_text}};
    if (row.new_offset) one["new"] = {{"offset", *row.new_offset}, {"text", row.new_text}};
    rows.push_back(std::move(one));
  }
  Json out = Json::object();
  put(out, "old_function", code.old_fn);
  put(out, "new_function", code.new_fn);
  out["rows"] = std::move(rows);
  return out;
}

}  // namespace

void print_diff_json(Session& session, const DiffReport& report) {
  const wasmdiff::Comparison& comparison = *report.comparison;
  const wasmdiff::Subject& subject = *comparison.subject;
  const Route route = report.route.value_or(
      comparison.word(Route::kK) < comparison.word(Route::kS) ? Route::kK : Route::kS);
  Json out = {{"type", "diff"},
              {"schema", 1},
              {"version", CANREC_VERSION},
              {"verdict", to_string(report.verdict())},
              {"route", to_string(route)},
              {"routes",
               {{"S", {{"verdict", to_string(comparison.word(Route::kS))}}},
                {"K", {{"verdict", to_string(comparison.word(Route::kK))}}}}},
              {"clients", to_string(comparison.clients)},
              {"old", module_json(report.old_path, *report.old_module, subject.layouts[kOld])},
              {"new", module_json(report.new_path, *report.new_module, subject.layouts[kNew])}};
  const wasmdiff::FunctionCounts& counts = comparison.counts;
  out["functions"] = {{"same", counts.same},
                      {"changed", counts.changed},
                      {"callees_changed", counts.callees},
                      {"added", counts.added},
                      {"removed", counts.removed}};
  out["facts"] = Json::object();
  for (const wasmdiff::Fact& fact : comparison.facts)
    out["facts"][std::string(fact.name)] = fact.text;
  out["findings"] = Json::array();
  for (const auto& finding : comparison.findings) out["findings"].push_back(finding_json(finding));
  out["changed_functions"] = Json::array();
  for (const auto& changed : subject.changed) {
    out["changed_functions"].push_back(changed_json(subject, changed));
  }
  out["added_functions"] = Json::array();
  for (const uint32_t fn : subject.pairing.added) {
    out["added_functions"].push_back(function_json(subject, kNew, fn));
  }
  out["removed_functions"] = Json::array();
  for (const uint32_t fn : subject.pairing.removed) {
    out["removed_functions"].push_back(function_json(subject, kOld, fn));
  }
  out["not_checked"] = comparison.not_seen;
  out["gates"] = Json::array();
  for (const wasmdiff::GateResult& gate : report.gates) {
    out["gates"].push_back({{"gate", gate.gate}, {"passed", gate.passed}, {"text", gate.text}});
  }
  if (report.evidence) out["state"] = evidence_json(report.state_path, *report.evidence);
  if (report.code) out["code"] = code_json(*report.code);
  session.print_json(out);
}

}  // namespace canrec::cli
