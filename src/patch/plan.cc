// SPDX-License-Identifier: Apache-2.0
// Plans as JSON, and whether a plan belongs to a module.
#include "patch/plan.h"

#include <fmt/core.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/checked.h"
#include "ic/system_api.h"

namespace canrec::patch {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::string_view kType = "patch_plan";
constexpr uint32_t kSchema = 1;

constexpr std::array<std::string_view, 3> kScopes = {"body", "section", "file"};

std::unexpected<Error> bad_plan(std::string message) {
  return fail(Errc::kPatchPlan, std::move(message));
}

// Typed access to the members of a JSON object, with the member's name in the error.
class Fields {
 public:
  Fields(const Json& object, std::string where) : object_(object), where_(std::move(where)) {}

  Result<const Json*> member(const char* name) const {
    if (!object_.is_object()) return bad_plan(fmt::format("{} is not an object", where_));
    const auto it = object_.find(name);
    if (it == object_.end()) return bad_plan(fmt::format("{} has no \"{}\"", where_, name));
    return &*it;
  }
  Result<std::string> text(const char* name) const {
    CANREC_TRY(const Json* value, member(name));
    if (!value->is_string()) return wrong(name, "a text");
    return value->get<std::string>();
  }
  Result<uint64_t> number(const char* name) const {
    CANREC_TRY(const Json* value, member(name));
    if (!value->is_number_unsigned()) return wrong(name, "a whole number");
    return value->get<uint64_t>();
  }
  Result<const Json*> list(const char* name) const {
    CANREC_TRY(const Json* value, member(name));
    if (!value->is_array()) return wrong(name, "a list");
    return value;
  }
  Result<Bytes> hex(const char* name) const {
    CANREC_TRY(const std::string digits, text(name));
    Bytes bytes;
    if (!from_hex(digits, bytes)) return wrong(name, "bytes in hex");
    return bytes;
  }

 private:
  std::unexpected<Error> wrong(const char* name, std::string_view kind) const {
    return bad_plan(fmt::format("\"{}\" of {} is not {}", name, where_, kind));
  }
  const Json& object_;
  std::string where_;
};

Json change_json(const Change& change) {
  return {{"reason", change.reason},      {"scope", kScopes[std::to_underlying(change.scope)]},
          {"offset", change.range.begin}, {"length", change.range.size()},
          {"old", to_hex(change.before)}, {"new", to_hex(change.after)}};
}

Result<Change> read_change(const Json& json, size_t index) {
  const Fields fields(json, fmt::format("change {}", index));
  Change change{};
  CANREC_TRY(change.reason, fields.text("reason"));
  CANREC_TRY(const std::string scope, fields.text("scope"));
  const auto it = std::ranges::find(kScopes, scope);
  if (it == kScopes.end()) {
    return bad_plan(fmt::format("change {} has the unknown scope \"{}\"", index, scope));
  }
  change.scope = wasm::EditScope{narrow<uint8_t>(it - kScopes.begin())};
  CANREC_TRY(change.range.begin, fields.number("offset"));
  CANREC_TRY(const uint64_t length, fields.number("length"));
  const auto end = checked_add(change.range.begin, length);
  if (!end) return bad_plan(fmt::format("change {} ends beyond 2^64", index));
  change.range.end = *end;
  CANREC_TRY(change.before, fields.hex("old"));
  CANREC_TRY(change.after, fields.hex("new"));
  if (change.before.size() != length) {
    return bad_plan(fmt::format("change {} says {} bytes and gives {} old ones", index, length,
                                change.before.size()));
  }
  return change;
}

Status read_lists(const Fields& top, Plan& plan) {
  CANREC_TRY(const Json* changes, top.list("changes"));
  for (const Json& json : *changes) {
    CANREC_TRY(Change change, read_change(json, plan.changes.size()));
    plan.changes.push_back(std::move(change));
  }
  CANREC_TRY(const Json* names, top.list("added_names"));
  for (const Json& json : *names) {
    const Fields fields(json, fmt::format("added name {}", plan.names.size()));
    AddedName added{};
    CANREC_TRY(const uint64_t function, fields.number("function"));
    if (function > UINT32_MAX) return bad_plan("an added name is for a function beyond 2^32");
    added.function = static_cast<uint32_t>(function);
    CANREC_TRY(added.name, fields.text("name"));
    plan.names.push_back(std::move(added));
  }
  CANREC_TRY(const Json* notes, top.list("notes"));
  for (const Json& note : *notes) {
    if (!note.is_string()) return bad_plan("a note is not a text");
    plan.notes.push_back(note.get<std::string>());
  }
  return Ok{};
}

// Deeper JSON than a plan needs would cost the parser host stack.
bool too_deep(std::string_view text) {
  int depth = 0;
  bool quoted = false;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (quoted) {
      if (c == '\\') ++i;
      if (c == '"') quoted = false;
      continue;
    }
    if (c == '"') quoted = true;
    if (c == '[' || c == '{') {
      if (++depth > 16) return true;
    }
    if (c == ']' || c == '}') --depth;
  }
  return false;
}

}  // namespace

std::string to_json(const Plan& plan) {
  Json changes = Json::array();
  for (const Change& change : plan.changes) changes.push_back(change_json(change));
  Json names = Json::array();
  for (const AddedName& added : plan.names) {
    names.push_back({{"function", added.function}, {"name", added.name}});
  }
  const Json json = {{"type", kType},
                     {"schema", kSchema},
                     {"canrec", CANREC_VERSION},
                     {"command", plan.command},
                     {"input", {{"sha256", to_hex(plan.input)}, {"size", plan.input_size}}},
                     {"added_imports", plan.added_imports},
                     {"changes", std::move(changes)},
                     {"added_names", std::move(names)},
                     {"notes", plan.notes}};
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

Result<Plan> plan_from_json(std::string_view text) {
  if (too_deep(text)) return bad_plan("JSON is nested deeper than a plan is");
  const Json json = Json::parse(text, nullptr, false);
  if (json.is_discarded()) return bad_plan("not a JSON document");
  const Fields top(json, "the plan");
  CANREC_TRY(const std::string type, top.text("type"));
  CANREC_TRY(const uint64_t schema, top.number("schema"));
  if (type != kType || schema != kSchema) {
    return bad_plan(fmt::format("not a patch plan of schema {} (type \"{}\", schema {})", kSchema,
                                type, schema));
  }
  Plan plan;
  CANREC_TRY(plan.command, top.text("command"));
  CANREC_TRY(const Json* input, top.member("input"));
  const Fields input_fields(*input, "\"input\"");
  CANREC_TRY(const Bytes hash, input_fields.hex("sha256"));
  if (hash.size() != plan.input.size()) return bad_plan("\"sha256\" is not 32 bytes");
  std::ranges::copy(hash, plan.input.begin());
  CANREC_TRY(plan.input_size, input_fields.number("size"));
  CANREC_TRY(const uint64_t imports, top.number("added_imports"));
  if (imports > ic::kSystemApi.size()) {
    return bad_plan(
        fmt::format("{} added imports are more than the System API has functions", imports));
  }
  plan.added_imports = static_cast<uint32_t>(imports);
  CANREC_CHECK(read_lists(top, plan));
  return plan;
}

Status check_fits(const Plan& plan, const wasm::LoadedModule& input) {
  if (plan.input != input.hash) {
    return bad_plan(fmt::format("the plan is for the module with SHA-256 {}, this one has {}",
                                to_hex(plan.input), to_hex(input.hash)));
  }
  for (size_t i = 0; i < plan.changes.size(); ++i) {
    const Change& change = plan.changes[i];
    if (!in_bounds(change.range.begin, change.range.size(), input.module.bytes.size()) ||
        !std::ranges::equal(input.module.view(change.range), change.before)) {
      return fail(Errc::kPatchPlan, change.range.begin,
                  fmt::format("change {}: the old bytes of the plan do not stand here", i));
    }
  }
  return Ok{};
}

}  // namespace canrec::patch
