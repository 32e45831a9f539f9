// SPDX-License-Identifier: Apache-2.0
// canrec patch calls: the System API call sites of a module.
#include <fmt/core.h>

#include <nlohmann/json.hpp>

#include "base/shell.h"
#include "cli/patch_command.h"
#include "patch/calls.h"

namespace canrec::cli {
namespace {

using nlohmann::ordered_json;
using patch::CallList;
using patch::CallSiteInfo;
using wasm::Reach;

struct CallsOptions {
  std::string module;
  std::string from;
  bool json = false;
};

std::string mode_words(const ic::ContextSet& contexts) {
  std::string out;
  for (const ic::ContextInfo& row : ic::kContexts) {
    if (!contexts.contains(row.context)) continue;
    const std::string word = fmt::format("{} mode", row.mode_word);
    if (out.find(word) != std::string::npos) continue;
    out += fmt::format("{}{}", out.empty() ? "" : ", ", word);
  }
  return out;
}

bool has_findings(const CallSiteInfo& site) {
  return !site.hazards.empty() ||
         std::ranges::any_of(site.reached_from, [](const patch::ReachedFrom& from) {
           return from.reach == Reach::kDirect && !from.forbidden.empty();
         });
}

std::string reach_text(const CallList& list, const CallSiteInfo& site, Reach reach) {
  std::string out;
  for (const patch::ReachedFrom& from : site.reached_from) {
    if (from.reach != reach) continue;
    out += fmt::format("{}{}", out.empty() ? "" : ", ",
                       printable(as_bytes(list.entries[from.entry].name)));
  }
  return out;
}

std::string site_text(const Session& session, const CallList& list, const CallSiteInfo& site) {
  std::string out = fmt::format("{}  {}\n", session.toned(Tone::kBold, site.import), site.place);
  const std::string direct = reach_text(list, site, Reach::kDirect);
  const std::string tables = reach_text(list, site, Reach::kThroughTables);
  if (!direct.empty()) out += fmt::format("  reached from   {}\n", direct);
  if (!tables.empty()) out += fmt::format("  possibly from  {}\n", tables);
  if (direct.empty() && tables.empty()) out += "  reached from   no entry point\n";
  for (const patch::ReachedFrom& from : site.reached_from) {
    if (from.forbidden.empty()) continue;
    const bool sure = from.reach == Reach::kDirect;
    out +=
        fmt::format("  {}  traps in {}, from {}{}\n",
                    session.toned(sure ? Tone::kBad : Tone::kNote, "NOT ALLOWED"),
                    mode_words(from.forbidden), printable(as_bytes(list.entries[from.entry].name)),
                    sure ? "" : " (if an indirect call comes here)");
  }
  for (const std::string& hazard : site.hazards) {
    out += fmt::format("  {}  {}\n", session.toned(Tone::kWarning, "HAZARD"), hazard);
  }
  for (const patch::ContextLine& line : site.around) {
    out += fmt::format("    {} 0x{:08x}  {}\n", line.is_site ? ">" : " ", line.offset, line.text);
  }
  return out + "\n";
}

ordered_json site_json(const CallList& list, const CallSiteInfo& site) {
  ordered_json from = ordered_json::array();
  for (const patch::ReachedFrom& entry : site.reached_from) {
    from.push_back({{"entry", list.entries[entry.entry].name},
                    {"direct", entry.reach == Reach::kDirect},
                    {"allowed", entry.forbidden.empty()},
                    {"forbidden_contexts", wasm::context_letters(entry.forbidden)}});
  }
  ordered_json around = ordered_json::array();
  for (const patch::ContextLine& line : site.around) {
    around.push_back({{"offset", line.offset}, {"text", line.text}, {"site", line.is_site}});
  }
  return {{"type", "call_site"},
          {"schema", 1},
          {"place", site.place},
          {"function", std::to_underlying(site.site.function)},
          {"offset", site.site.instruction.offset},
          {"import", site.import},
          {"known", site.api != nullptr},
          {"reached_from", std::move(from)},
          {"hazards", site.hazards},
          {"remedies", site.remedies},
          {"instructions", std::move(around)}};
}

// The commands that mend what was found, each once.
std::string next_text(const CallsOptions& options, const CallList& list) {
  constexpr size_t kShown = 8;
  std::vector<std::string> commands;
  for (const CallSiteInfo& site : list.sites) {
    for (const std::string& remedy : site.remedies) {
      std::string command = remedy;
      command.replace(command.find("MODULE"), 6, shell_word(options.module));
      if (std::ranges::find(commands, command) == commands.end()) {
        commands.push_back(std::move(command));
      }
    }
  }
  std::string out;
  for (size_t i = 0; i < std::min(commands.size(), kShown); ++i) {
    out += fmt::format("next  canrec patch {} -o fixed.wasm\n", commands[i]);
  }
  if (commands.size() > kShown) {
    out += fmt::format("      and {} more (--json lists them)\n", commands.size() - kShown);
  }
  return out;
}

ExitCode run(Session& session, const CallsOptions& options) {
  session.json = options.json;
  CLI_TRY(const wasm::ModuleFile file, session, options.module, wasm::open_module(options.module));
  CLI_TRY(const CallList list, session, options.module,
          patch::list_calls(file.module(), options.from));
  size_t findings = 0;
  for (const CallSiteInfo& site : list.sites) findings += has_findings(site) ? 1 : 0;
  const std::string hash = to_hex(file.loaded.hash);
  if (options.json) {
    session.print_json({{"type", "call_sites"},
                        {"schema", 1},
                        {"canrec", CANREC_VERSION},
                        {"path", options.module},
                        {"sha256", hash},
                        {"from", options.from},
                        {"sites", list.sites.size()},
                        {"with_findings", findings}});
    for (const CallSiteInfo& site : list.sites) session.print_json(site_json(list, site));
    return findings > 0 ? ExitCode::kFindings : ExitCode::kDone;
  }
  session.print(fmt::format("canrec patch calls  {}    canrec {}\n  sha256 {}\n\n", options.module,
                            CANREC_VERSION, hash));
  for (const CallSiteInfo& site : list.sites) session.print(site_text(session, list, site));
  session.print(fmt::format("{} call sites{}, {} with findings\n", list.sites.size(),
                            options.from.empty() ? "" : " reached from " + options.from, findings));
  session.print(next_text(options, list));
  return findings > 0 ? ExitCode::kFindings : ExitCode::kDone;
}

}  // namespace

void add_patch_calls(CLI::App& patch, Session& session) {
  const auto options = std::make_shared<CallsOptions>();
  CLI::App* command = patch.add_subcommand(
      "calls", "List System API call sites: where, reached from what, allowed, hazards.");
  command->add_option("MODULE", options->module, "module (.wasm or gzip'd)")->required();
  command->add_option("--from", options->from, "only what this hook, method or function reaches");
  command->add_flag("--json", options->json, "one JSON object a line");
  command->footer("EXAMPLE\n  canrec patch calls old.wasm --from canister_pre_upgrade");
  command->callback([options, &session] {
    session.action = [options, &session] { return run(session, *options); };
  });
}

}  // namespace canrec::cli
