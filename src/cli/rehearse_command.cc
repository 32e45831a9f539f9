// SPDX-License-Identifier: Apache-2.0
// canrec rehearse: try a recovery on a copy of the state, step by step.
#include "recover/rehearse.h"

#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>

#include "cli/executor_options.h"
#include "cli/rehearsal_report.h"
#include "cli/session.h"
#include "recover/outside.h"
#include "recover/rehearsal_html.h"

namespace canrec::cli {
namespace {

struct Options {
  std::string directory;
  std::vector<std::string> steps;
  std::string script;
  std::string save;
  std::string html;
  bool force = false;
  bool twice = false;
  std::string replies = "text";
  ExecutorOptions executor;
};

Result<std::vector<recover::Step>> read_steps(const Options& options) {
  if (!options.script.empty()) {
    CANREC_TRY(const InputFile file, InputFile::open(options.script));
    return recover::parse_script(as_text(file.bytes()));
  }
  std::vector<recover::Step> steps;
  for (size_t i = 0; i < options.steps.size(); ++i) {
    CANREC_TRY(recover::Step step,
               recover::parse_step(options.steps[i], recover::StepSource::kCommandLine,
                                   static_cast<uint32_t>(i + 1)));
    steps.push_back(std::move(step));
  }
  CANREC_CHECK(recover::check_script(steps));
  return steps;
}

// Which steps the comparison without the upgrade leaves out: those that change the code, and the
// expectations about them.
std::vector<bool> about_upgrades(const std::vector<recover::Step>& steps) {
  std::vector<bool> out(steps.size());
  bool after_upgrade = false;
  for (size_t i = 0; i < steps.size(); ++i) {
    const bool expectation = steps[i].kind == recover::StepKind::kExpectTrap ||
                             steps[i].kind == recover::StepKind::kExpectReply;
    out[i] = recover::changes_code(steps[i].kind) || (expectation && after_upgrade);
    after_upgrade = out[i];
  }
  return out;
}

// Whether something is asked behind an upgrade; without that, "the same answers" says nothing.
bool asks_after_upgrade(const std::vector<recover::Step>& steps) {
  const auto first = std::ranges::find_if(
      steps, [](const recover::Step& step) { return recover::changes_code(step.kind); });
  return std::any_of(first, steps.end(), [](const recover::Step& step) {
    return step.kind == recover::StepKind::kCall || step.kind == recover::StepKind::kQuery ||
           step.kind == recover::StepKind::kExpectSame;
  });
}

// The platform's advice for upgrade tests: the same script without the upgrades, answers compared.
ExitCode compare_without_upgrade(Session& session, const Options& options,
                                 const std::vector<recover::Step>& steps,
                                 const recover::Rehearsal& with,
                                 const recover::RehearseOptions& rehearse_options) {
  const std::vector<bool> left_out = about_upgrades(steps);
  std::vector<recover::Step> plain;
  for (size_t i = 0; i < steps.size(); ++i) {
    if (!left_out[i]) plain.push_back(steps[i]);
  }
  CLI_TRY(const recover::Rehearsal without, session, options.directory,
          recover::rehearse(options.directory, plain, rehearse_options));
  nlohmann::ordered_json differences = nlohmann::ordered_json::array();
  size_t at = 0;
  for (size_t i = 0; i < with.steps.size(); ++i) {
    if (left_out[i]) continue;
    const recover::StepReport& step = with.steps[i];
    const recover::StepReport& other = without.steps[at++];
    if (step.outcome == other.outcome && step.words == other.words) continue;
    differences.push_back(
        {{"step", step.step.text}, {"with", step.words}, {"without", other.words}});
    if (session.json) continue;
    session.print(fmt::format("\n{}  {}\n  with the upgrade     {}\n  without the upgrade  {}\n",
                              session.toned(Tone::kBad, "DIFFERENT ANSWER"), step.step.text,
                              step.words, other.words));
  }
  if (session.json) {
    session.print_json({{"type", "without_upgrade"},
                        {"schema", 1},
                        {"steps", plain.size()},
                        {"differences", differences}});
  } else {
    session.print(
        differences.empty()
            ? "\nthe same script without the upgrade gives the same answers\n"
            : fmt::format("\n{} from the same script without the upgrade (only what comes from "
                          "raw_rand may, and be right)\n",
                          differences.size() == 1
                              ? std::string("1 answer differs")
                              : fmt::format("{} answers differ", differences.size())));
  }
  return differences.empty() ? exit_code_of_rehearsal(with) : ExitCode::kVerification;
}

// Said before the steps run, which may take minutes.
Status html_can_be_written(const Options& options) {
  std::error_code ignored;
  if (options.html.empty() || options.html == "-") return Ok{};
  CANREC_CHECK(recover::check_outside(options.directory, options.html));
  if (options.force || !std::filesystem::exists(options.html, ignored)) return Ok{};
  return fail(Errc::kExists, options.html + " exists; give --force to replace it");
}

ExitCode run(Session& session, const Options& options) {
  CLI_TRY(const std::vector<recover::Step> steps, session, options.script, read_steps(options));
  if (steps.empty()) return session.usage("give steps, or --script FILE");
  if (options.twice && !asks_after_upgrade(steps)) {
    return session.usage(
        "--twice compares what is answered behind an upgrade with what is answered without it; "
        "these steps ask nothing there (add a query, a call or expect-same)");
  }
  recover::RehearseOptions rehearse_options;
  rehearse_options.replies = *candid::parse_reply_form(options.replies);
  // An error behind the first step is about the steps, which it names, and not about the state.
  bool at_steps = false;
  rehearse_options.on_step = [&at_steps](size_t, const recover::Step&) { at_steps = true; };
  CLI_CHECK(session, options.html, html_can_be_written(options));
  ProgressSink progress(session);
  CLI_TRY(rehearse_options.executor, session, "", options.executor.options(session, &progress));
  auto result = options.save.empty()
                    ? recover::rehearse(options.directory, steps, rehearse_options)
                    : recover::rehearse_and_save(options.directory, steps, rehearse_options,
                                                 session.files(), options.save,
                                                 options.force ? Overwrite::kYes : Overwrite::kNo);
  if (!result) {
    return session.report(at_steps ? options.script : options.directory, result.error());
  }
  if (session.json) {
    session.print_json(rehearsal_json(*result));
  } else {
    print_rehearsal(session, *result);
    if (!options.save.empty()) {
      session.print(
          result->succeeded
              ? fmt::format("\nstate saved to {}\n", options.save)
              : fmt::format("\nnothing was saved to {}: not all went as wanted\n", options.save));
    }
  }
  if (!options.html.empty()) {
    const std::string html = recover::rehearsal_html(*result);
    CLI_CHECK(session, options.html,
              session.write_output(options.html, as_bytes(html), options.force));
  }
  if (options.twice && result->succeeded) {
    return compare_without_upgrade(session, options, steps, *result, rehearse_options);
  }
  if (options.twice && !session.json) {
    session.print("\nnot compared with the script without the upgrade, since a step failed\n");
  }
  return exit_code_of_rehearsal(*result);
}

}  // namespace

void add_rehearse_command(CLI::App& app, Session& session) {
  const auto options = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand(
      "rehearse", "Try a recovery on a copy of the state, step by step, as often as you like.");
  command->add_option("DIR", options->directory, "snapshot directory; it is only read")->required();
  command->add_option("STEP", options->steps, "steps, one argument each");
  command->add_option("--script", options->script, "a file with one step a line, # for comments")
      ->excludes("STEP");
  command->add_option("--save", options->save, "write the resulting state as a snapshot directory");
  command->add_option("--html", options->html, "write the report as one HTML file");
  command->add_flag("--force", options->force, "replace existing output");
  command->add_flag("--twice", options->twice,
                    "run the script again without its upgrades and compare the answers");
  command->add_option("--output", options->replies, "show replies as text (Candid), json or hex")
      ->check(CLI::IsMember({"text", "json", "hex"}));
  options->executor.add_to(*command);
  command->add_flag("--json", session.json, "one JSON object");
  command->footer(
      "STEPS\n"
      "  replace MODULE               swap the code, keep heap and globals, run nothing\n"
      "  upgrade MODULE [--skip-pre-upgrade] [--keep|--replace-memory] [ARGUMENT]\n"
      "  install MODULE [ARGUMENT]    a fresh start\n"
      "                               ARGUMENT: --arg ARGS, --arg-hex HEX or --arg-file FILE\n"
      "  call METHOD [ARGS]           query METHOD [ARGS]      ARGS is Candid text: (\"x\", 1)\n"
      "  advance-time 90s             checkpoint NAME          revert NAME\n"
      "  expect-same METHOD [ARGS]    the same answer as before the first step\n"
      "  expect-trap [TEXT]           expect-reply ARGS        about the step before\n\n"
      "EXAMPLE\n"
      "  canrec rehearse ./snapshot 'replace fixed.wasm' 'upgrade v2.wasm' 'expect-same "
      "get(\"alice\")'");
  command->callback([options, &session] {
    session.action = [options, &session] { return run(session, *options); };
  });
}

}  // namespace canrec::cli
