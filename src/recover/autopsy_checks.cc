// SPDX-License-Identifier: Apache-2.0
// Asks them three times: now, a day later, and in an empty canister.
#include "recover/autopsy_checks.h"

#include <map>

#include "ic/context.h"
#include "recover/script.h"

namespace canrec::recover {
namespace {

constexpr size_t kMostChecks = 8;
constexpr size_t kMostAsked = 64;
constexpr size_t kMostText = 2000;  // bytes; a longer reply is nothing to show
constexpr uint64_t kDay = uint64_t{86'400} * 1'000'000'000;

// Replies by query; one that fails has none.
using Replies = std::map<std::string, std::string>;

Result<Replies> replies_of(Subject& subject, const std::vector<std::string>& queries) {
  Replies replies;
  for (const std::string& query : queries) {
    CANREC_TRY(const executor::CallOutcome outcome, subject.query(query, ""));
    if (outcome.replied()) replies[query] = subject.reply_text(query, outcome.reply());
  }
  return replies;
}

// Exported queries that take nothing, as far as the interface tells.
std::vector<std::string> candidates(const Subject& subject, const wasm::Module& module) {
  std::vector<std::string> out;
  for (const wasm::Export& each : module.exports) {
    const auto method = ic::parse_method(each.name);
    if (!method || method->kind != ic::MethodKind::kQuery || out.size() == kMostAsked) continue;
    if (method->name.starts_with("__")) continue;  // of the runtime, not of the program
    const auto step = parse_query(method->name);   // a name that a user can type
    if (!step || step->subject != method->name) continue;
    if (subject.encode(method->name, "()")) out.emplace_back(method->name);
  }
  return out;
}

// An empty canister of the module; nothing when it wants an argument or traps.
Result<std::optional<Subject>> empty_canister(ByteView module, const executor::Options& options) {
  Subject empty = Subject::fresh(options);
  executor::InstallRequest request;
  request.canister = empty.id();
  request.module = Bytes(module.begin(), module.end());
  auto argument = encode_install_argument(module, "");
  if (!argument) return std::optional<Subject>();
  request.argument = std::move(*argument);
  CANREC_TRY(const executor::InstallOutcome outcome, empty.executor().install(request));
  if (!outcome.ok()) return std::optional<Subject>();
  empty.refresh_interface();
  return std::optional(std::move(empty));
}

}  // namespace

Result<std::vector<std::string>> choose_checks(Subject& subject,
                                               const std::filesystem::path& directory,
                                               const executor::Options& options) {
  std::vector<std::string> chosen;
  const ByteView stored = *subject.module_bytes();
  CANREC_TRY(const wasm::LoadedModule loaded, wasm::load_module(stored));
  const std::vector<std::string> queries = candidates(subject, loaded.module);
  if (queries.empty()) return chosen;
  CANREC_TRY(std::optional<Subject> empty, empty_canister(stored, options));
  if (!empty) return chosen;
  executor::Options later = options;
  later.time_ns += kDay;
  CANREC_TRY(Subject next_day, Subject::open(directory, later));
  CANREC_TRY(const Replies now, replies_of(subject, queries));
  CANREC_TRY(const Replies then, replies_of(next_day, queries));
  CANREC_TRY(const Replies nothing, replies_of(*empty, queries));
  for (const std::string& query : queries) {
    const auto reply = now.find(query);
    if (reply == now.end() || reply->second.size() > kMostText) continue;
    const auto again = then.find(query);
    if (again == then.end() || again->second != reply->second) continue;
    const auto without_state = nothing.find(query);
    if (without_state != nothing.end() && without_state->second == reply->second) continue;
    if (chosen.size() < kMostChecks) chosen.push_back(query);
  }
  return chosen;
}

}  // namespace canrec::recover
