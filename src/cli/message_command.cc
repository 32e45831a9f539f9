// SPDX-License-Identifier: Apache-2.0
// A message to a canister from a snapshot: run it, print the answer, keep the state where asked.
#include "cli/message_command.h"

#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <memory>
#include <nlohmann/json.hpp>

#include "cli/executor_options.h"
#include "cli/install_report.h"
#include "cli/run_report.h"
#include "cli/session.h"
#include "ic/context.h"
#include "recover/subject.h"
#include "snapshot/directory.h"
#include "wasm/load.h"

namespace canrec::cli {
namespace {

void print_outcome(Session& session, const MessageOptions& given, ByteView module,
                   const executor::CallOutcome& outcome) {
  if (session.json) {
    for (const executor::RunReport& run : outcome.runs) session.print_json(run_json(run));
    nlohmann::ordered_json answer = {{"type", "answer"}, {"schema", 1}, {"method", given.method}};
    if (outcome.replied()) {
      answer["reply"] = to_hex(ByteView(outcome.reply()));
      if (const auto text = reply_text(outcome.reply(), module, given.method)) {
        answer["reply_text"] = *text;
      }
    } else {
      answer.update(failure_json(outcome.failure()));
    }
    if (!outcome.absent.empty()) {
      nlohmann::ordered_json& absent = answer["canisters_not_here"];
      for (const ic::Principal& one : outcome.absent) absent.push_back(one.text());
    }
    session.print_json(answer);
    return;
  }
  if (given.report) {
    const bool several = given.others.any();
    for (const executor::RunReport& run : outcome.runs) {
      session.warn(several ? fmt::format("{}: {}", run.canister.text(), run_text(run))
                           : run_text(run));
    }
  }
  if (outcome.replied()) given.reply.print(session, outcome.reply(), module, given.method);
}

// For a method that is not there, or not of the kind that was asked for.
void tell_methods(Session& session, const MessageOptions& given, ByteView stored_module) {
  constexpr size_t kShown = 20;
  const auto loaded = wasm::load_module(stored_module);
  if (!loaded) return;
  std::string all;
  size_t count = 0;
  for (const wasm::Export& entry : loaded->module.exports) {
    const auto method = ic::parse_method(entry.name);
    if (!method) continue;
    const bool is_update = method->kind == ic::MethodKind::kUpdate;
    const std::string_view word = ic::kMethodPrefixes[static_cast<size_t>(method->kind)].word;
    if (method->name == given.method && is_update != given.is_update) {
      session.warn(fmt::format("{} is {} {} method: use canrec {}", given.method,
                               is_update ? "an" : "a", word, is_update ? "call" : "query"));
      return;
    }
    if (++count <= kShown) {
      all += fmt::format("{}{} ({})", all.empty() ? "" : ", ", method->name, word);
    }
  }
  if (count > kShown) all += fmt::format(", and {} more", count - kShown);
  session.warn(fmt::format("its methods: {}", all.empty() ? "none" : all));
}

// The canister's own words on an argument that it could not read do not say why it was of that
// type.
void tell_about_numbers(Session& session, const MessageOptions& given, ByteView stored_module) {
  const bool has_number = given.argument.text.find_first_of("0123456789") != std::string::npos;
  if (!has_number || recover::interface_of(stored_module)) return;
  session.warn(
      "the module tells no Candid interface, so a number without a type was sent as int; where the "
      "method takes another one, write it, as in (5 : nat)");
}

// What a call changed.
struct Changes {
  bool main = false;
  std::vector<ic::Principal> others;  // that are not written
};

void tell_about_others(Session& session, const MessageOptions& given,
                       const executor::CallOutcome& outcome, const Changes& changes) {
  for (const ic::Principal& one : outcome.absent) {
    session.warn(fmt::format(
        "canister {0} was called and is not here, so the call was rejected (IC0301); its snapshot "
        "can be given: --with {0}=DIR",
        one.text()));
  }
  // Without -o it is plain that nothing is kept; on a terminal it is said all the same.
  const bool asked = !given.output.empty() || given.others.saves_any();
  if (!asked && !session.shows_progress()) return;
  const bool failed = !outcome.replied();
  const std::string_view why =
      failed ? ", since the call failed; on the network it would stay" : "";
  if (changes.main && (given.output.empty() || failed)) {
    session.warn(fmt::format("{} changed; its new state is not kept{}{}", given.directory, why,
                             failed ? "" : " (use -o DIR)"));
  }
  for (const ic::Principal& one : changes.others) {
    session.warn(fmt::format(
        "canister {} changed; its new state is not kept{}{}", one.text(), why,
        failed ? std::string() : fmt::format(" (use --output-with {}=DIR)", one.text())));
  }
}

ExitCode run(Session& session, const MessageOptions& given) {
  ProgressSink progress(session);
  CLI_TRY(const auto options, session, "", given.executor.options(session, &progress));
  CLI_TRY(const auto caller, session, "--caller", given.executor.user());
  CLI_TRY(auto directory, session, given.directory, snapshot::Directory::open(given.directory));
  const Bytes module(directory.module().begin(), directory.module().end());
  CLI_TRY(const auto argument, session, "argument", given.argument.bytes(module, given.method));
  CLI_TRY(const auto id, session, "--canister-id", given.executor.canister_id());

  executor::Executor network(options);
  OtherCanisters others = given.others;
  CLI_CHECK(session, "", others.load(network));
  CLI_CHECK(session, "", others.check_outputs(session, given.output, given.force));
  CLI_TRY(const auto canister, session, given.directory, network.load(std::move(directory), id));
  const uint64_t version = network.find(canister)->version;
  const executor::Call call{
      canister, recover::exported_method(*network.find(canister), given.method), argument, caller};
  CLI_TRY(const auto outcome, session, given.directory,
          given.is_update ? network.update(call) : network.query(call));
  print_outcome(session, given, module, outcome);
  const Changes changes{network.find(canister)->version != version,
                        others.changed(network, !outcome.replied())};
  tell_about_others(session, given, outcome, changes);
  if (!outcome.replied()) {
    if (session.json) return ExitCode::kTrapped;
    const ExitCode code = report_failure(session, outcome.failure(), outcome.runs);
    if (outcome.runs.empty()) tell_methods(session, given, module);
    if (!outcome.runs.empty()) tell_about_numbers(session, given, module);
    return code;
  }
  if (auto saved = others.save(session, network, given.force); !saved) {
    session.warn("what was written before belongs to a call whose other states are missing");
    return session.report("", saved.error());
  }
  const ExitCode kept = keep_state(session, network, canister, given.output, given.force);
  if (kept != ExitCode::kDone && given.others.saves_any()) {
    session.warn("what --output-with wrote belongs to a call whose own state is missing");
  }
  return kept;
}

}  // namespace

std::shared_ptr<MessageOptions> add_message_options(CLI::App& command, Session& session,
                                                    bool is_update) {
  auto given = std::make_shared<MessageOptions>();
  given->is_update = is_update;
  command.add_option("DIR", given->directory, "snapshot directory")->required();
  command.add_option("METHOD", given->method, "method of the canister")->required();
  given->argument.add_to(command);
  given->reply.add_to(command);
  given->executor.add_to(command);
  given->executor.add_canister_id_to(command);
  given->others.add_to(command, is_update);
  command.add_flag("--report", given->report, "tell about every execution on standard error");
  command.add_flag("--json", session.json, "one JSON object a line: the executions, the answer");
  command.callback(
      [given, &session] { session.action = [given, &session] { return run(session, *given); }; });
  return given;
}

}  // namespace canrec::cli
