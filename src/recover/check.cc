// SPDX-License-Identifier: Apache-2.0
// The rows of the checklist, in the order they are asked.
#include "recover/check.h"

#include <fmt/core.h>

#include <algorithm>
#include <map>
#include <set>

#include "base/input_file.h"
#include "base/named_error.h"
#include "base/shell.h"
#include "candid/interface.h"
#include "candid/motoko_check.h"
#include "candid/upgrade.h"
#include "ic/limits.h"
#include "patch/calls.h"
#include "recover/subject.h"
#include "recover/way_back.h"
#include "wasm/call_graph.h"
#include "wasm/entry_points.h"
#include "wasm/load.h"
#include "wasm/toolchain.h"
#include "wasm/validate.h"
#include "wasmdiff/compare.h"
#include "wasmdiff/interface.h"

namespace canrec::recover {
namespace {

Answer answer_of(Severity severity) {
  if (severity == Severity::kError) return Answer::kBad;
  return severity == Severity::kWarning ? Answer::kLook : Answer::kGood;
}

constexpr double kHeadroom = 0.5;  // of a limit; beyond it the next data growth may hit it

class Checker {
 public:
  explicit Checker(const CheckRequest& request) : request_(request) {}

  Result<Checklist> run() {
    CANREC_TRY(old_, in_file(wasm::open_module(request_.old_module), request_.old_module.string()));
    CANREC_TRY(new_, in_file(wasm::open_module(request_.new_module), request_.new_module.string()));
    list_.old_path = request_.old_module.string();
    list_.new_path = request_.new_module.string();
    list_.old_hash = to_hex(old_->loaded.hash);
    list_.new_hash = to_hex(new_->loaded.hash);
    network();
    persistence();
    CANREC_CHECK(layout());
    hooks();
    methods();
    CANREC_CHECK(candid());
    motoko();
    CANREC_CHECK(state());
    controllers();
    CANREC_CHECK(backup());
    return std::move(list_);
  }

 private:
  CheckRow& row(std::string id, std::string question) {
    list_.rows.push_back({std::move(id), std::move(question), Answer::kUnknown, {}, {}, {}});
    return list_.rows.back();
  }
  static void say(CheckRow& row, Answer answer, std::string text, std::string next = {}) {
    row.answer = answer;
    row.text = std::move(text);
    row.next = std::move(next);
  }
  static bool keeps(const wasm::Module& module) {
    return wasm::find_icp_section(module, "enhanced-orthogonal-persistence") != nullptr;
  }

  void network() {
    CheckRow& r = row("network", "does the network accept the new module?");
    if (const Status valid = wasm::validate(new_->module()); !valid) {
      say(r, Answer::kBad, valid.error().message(),
          "build it again; canrec inspect shows the place");
      return;
    }
    const std::vector<wasm::RuleViolation> broken = wasm::check_network_rules(new_->module());
    if (broken.empty()) return say(r, Answer::kGood, "valid, and all rules kept");
    say(r, Answer::kBad, broken.front().text, "canrec inspect lists all of them");
  }

  void persistence() {
    CheckRow& r = row("persistence", "which upgrade option must the installer give?");
    const bool was = keeps(old_->module());
    const bool is = keeps(new_->module());
    kept_ = was && is;
    if (was && is) {
      return say(r, Answer::kLook,
                 "wasm_memory_persistence = keep; without it the network refuses, "
                 "with replace the heap is lost",
                 "dfx and icp give keep by themselves");
    }
    if (was) {
      return say(r, Answer::kBad,
                 "the old module keeps its heap over upgrades, the new one cannot: only replace is "
                 "accepted, and the heap is lost",
                 "build the new module with enhanced orthogonal persistence");
    }
    if (is) {
      return say(r, Answer::kLook,
                 "none: the heap starts anew and what the program needs must come through stable "
                 "memory; keep would put the new program over the old heap",
                 "canrec diff OLD NEW --route K tells whether keep is sound");
    }
    say(r, Answer::kGood, "none: the heap starts anew, stable memory stays");
  }

  Status layout() {
    CheckRow& r = row("layout", "does the kept heap fit the new module?");
    if (!kept_) {
      say(r, Answer::kNotAsked, "the heap is not kept by this upgrade");
      return Ok{};
    }
    CANREC_TRY(const wasmdiff::Comparison comparison,
               wasmdiff::compare(old_->module(), new_->module(), {}));
    const wasmdiff::Word word = comparison.word(wasmdiff::Route::kK);
    const Answer answer = word == wasmdiff::Word::kSafe     ? Answer::kGood
                          : word == wasmdiff::Word::kReview ? Answer::kLook
                                                            : Answer::kBad;
    say(r, answer, fmt::format("{} by route K", to_string(word)),
        answer == Answer::kGood
            ? ""
            : fmt::format("canrec diff {} {} --route K", shell_word(list_.old_path),
                          shell_word(list_.new_path)));
    for (const wasmdiff::Finding& finding : comparison.findings) {
      if (finding.weights.k < wasmdiff::Severity::kReview) continue;
      r.findings.push_back(
          {finding.weights.k == wasmdiff::Severity::kUnsafe ? Severity::kError : Severity::kWarning,
           std::string(finding.code), "", finding.what, finding.why, finding.next});
    }
    return Ok{};
  }

  void hooks() {
    CheckRow& r = row("hooks", "can the hooks trap for a known reason?");
    const wasm::Export* pre = old_->module().find_export("canister_pre_upgrade");
    const wasm::Export* post = new_->module().find_export("canister_post_upgrade");
    std::string text = fmt::format(
        "{} canister_pre_upgrade in the old module, {} "
        "canister_post_upgrade in the new one",
        pre != nullptr ? "a" : "no", post != nullptr ? "a" : "no");
    if (!kept_ && pre == nullptr && post == nullptr) {
      return say(r, Answer::kLook, text + ": nothing carries heap data over",
                 "fine when all data is in stable memory; canrec rehearse tells");
    }
    if (pre != nullptr && post == nullptr && !kept_) {
      return say(r, Answer::kBad, text + ": what the old module saves is never read back",
                 "add canister_post_upgrade to the new module");
    }
    const bool listed = hazards_of(r, old_->module(), list_.old_path, "canister_pre_upgrade") &&
                        hazards_of(r, new_->module(), list_.new_path, "canister_post_upgrade");
    if (!listed) {
      return say(r, Answer::kUnknown, text + "; their calls could not be listed",
                 "a rehearsal (--state) shows whether they trap");
    }
    if (r.findings.empty()) return say(r, Answer::kGood, text + "; no known hazard in them");
    const bool certain = worst(r.findings) == Severity::kError;
    say(r, certain ? Answer::kBad : Answer::kLook,
        text + (certain ? "; one of them calls what traps there"
                        : "; whether these strike depends on the state"),
        fmt::format(
            "canrec patch calls {} --from canister_pre_upgrade shows the places; a rehearsal "
            "(--state) whether they strike",
            shell_word(list_.old_path)));
  }

  // What is known to trap in a hook: calls that the network forbids there, and what `canrec patch
  // calls` warns of. Warnings that differ only in their place are one finding. False when the calls
  // cannot be listed.
  static bool hazards_of(CheckRow& r, const wasm::Module& module, const std::string& path,
                         std::string_view hook) {
    if (module.find_export(hook) == nullptr) return true;
    const auto calls = patch::list_calls(module, hook);
    if (!calls) return false;
    const std::string shows =
        fmt::format("canrec patch calls {} --from {}", shell_word(path), hook);
    struct Warned {
      std::string words, place;  // of the first call site
      size_t others = 0;
    };
    std::map<std::string, Warned> seen;  // by the warning, wherever it stands
    for (const patch::CallSiteInfo& site : calls->sites) {
      for (const patch::ReachedFrom& from : site.reached_from) {
        if (calls->entries[from.entry].name != hook || from.forbidden.empty() ||
            from.reach != wasm::Reach::kDirect) {
          continue;
        }
        r.findings.push_back({Severity::kError, "forbidden-call", site.place,
                              fmt::format("{} calls {}", hook, site.import),
                              "the network traps this call there",
                              shows + " shows its site, canrec patch remove takes it out"});
      }
      for (const std::string& hazard : site.hazards) {
        if (hazard.find(hook) == std::string::npos) continue;
        const auto [it, is_first] = seen.try_emplace(hazard.substr(0, hazard.find(" at 0x")));
        if (is_first) it->second = {hazard, site.place};
        if (!is_first) ++it->second.others;
      }
    }
    for (const auto& [kind, warned] : seen) {
      std::string words = warned.words;
      if (warned.others > 0) {
        words +=
            fmt::format(" (and {} more place{})", warned.others, warned.others == 1 ? "" : "s");
      }
      r.findings.push_back({Severity::kWarning, "hazard", warned.place, std::move(words),
                            "hooks have trapped for this", shows});
    }
    return true;
  }

  static std::set<std::string> methods_of(const wasm::Module& module) {
    std::set<std::string> out;
    for (const wasm::Export& entry : module.exports) {
      if (entry.kind != wasm::ExternKind::kFunc) continue;
      for (const std::string_view kind :
           {"canister_update ", "canister_query ", "canister_composite_query "}) {
        if (entry.name.starts_with(kind)) out.insert(std::string(entry.name));
      }
    }
    return out;
  }

  void methods() {
    CheckRow& r = row("methods", "are methods gone that callers may use?");
    const std::set<std::string> before = methods_of(old_->module());
    const std::set<std::string> after = methods_of(new_->module());
    std::vector<std::string> gone;
    std::ranges::set_difference(before, after, std::back_inserter(gone));
    if (gone.empty()) {
      return say(r, Answer::kGood, fmt::format("all {} are still there", before.size()));
    }
    std::string names;
    for (const std::string& name : gone) names += (names.empty() ? "" : ", ") + name;
    say(r, Answer::kLook, fmt::format("{} gone: {}", gone.size(), names),
        "make sure that nobody calls them");
  }

  Status candid() {
    CheckRow& r = row("candid", "do clients of the old interface still work?");
    std::string unknown;
    const auto read = [&unknown](const wasm::Module& module, std::string_view side) {
      auto interface = candid::read_module_interface(wasmdiff::section_lookup(module));
      if (interface && *interface) return std::move(*interface);
      unknown += fmt::format("{}the {} module's interface {}", unknown.empty() ? "" : "; ", side,
                             interface ? "is not in it (candid:service)"
                                       : "cannot be read: " + interface.error().message());
      return std::optional<candid::Interface>();
    };
    const auto before = read(old_->module(), "old");
    const auto after = read(new_->module(), "new");
    if (!before || !after) {
      say(r, Answer::kUnknown, unknown, "canrec candid check OLD.did NEW.did");
      return Ok{};
    }
    CANREC_TRY(const candid::InterfaceVerdict verdict,
               candid::check_upgrade(after->program, before->program));
    if (verdict.strict) {
      say(r, Answer::kGood, "compatible, also strictly");
      return Ok{};
    }
    say(r, verdict.compatible ? Answer::kLook : Answer::kBad,
        verdict.compatible ? "compatible, but values silently become null" : "not compatible",
        fmt::format("canrec candid check {} {}", shell_word(list_.old_path),
                    shell_word(list_.new_path)));
    for (const candid::InterfaceProblem& problem : verdict.problems) {
      r.findings.push_back({problem.breaks ? Severity::kError : Severity::kWarning,
                            std::string(upgrade_problem_words(problem.kind)), problem.path,
                            problem.message, "", ""});
    }
    return Ok{};
  }

  static std::optional<std::string> stable_types(const wasm::Module& module) {
    const wasm::Section* section = wasm::find_icp_section(module, "motoko:stable-types");
    if (section == nullptr) return std::nullopt;
    return std::string(as_text(module.view(section->payload)));
  }

  void motoko() {
    CheckRow& r = row("motoko", "do Motoko's stable variables carry over?");
    const wasm::FunctionNames names(old_->module(), wasm::FunctionNames::Style::kRaw);
    const wasm::Toolchain toolchain =
        wasm::detect_toolchain(old_->module(), names, nullptr).toolchain;
    const auto before = stable_types(old_->module());
    const auto after = stable_types(new_->module());
    const bool is_motoko = toolchain == wasm::Toolchain::kMotokoClassical ||
                           toolchain == wasm::Toolchain::kMotokoEnhanced || before;
    if (!is_motoko) return say(r, Answer::kNotAsked, "not a Motoko module");
    if (!before || !after) {
      return say(
          r, Answer::kUnknown,
          fmt::format("the {} module has no motoko:stable-types section", !before ? "old" : "new"),
          "build with the metadata, or canrec motoko check OLD.most NEW.most");
    }
    const auto verdict = candid::motoko::check_stable(*before, *after);
    if (!verdict) return say(r, Answer::kUnknown, verdict.error().message());
    const bool accepted = verdict->runtime == candid::motoko::Runtime::kAccepts ||
                          toolchain != wasm::Toolchain::kMotokoEnhanced;
    if (verdict->lossless && accepted) return say(r, Answer::kGood, "compatible");
    const bool good = verdict->compatible && accepted;
    say(r, good ? Answer::kLook : Answer::kBad,
        !verdict->compatible ? "not compatible"
        : !accepted          ? "compatible to the compiler, but refused at run time"
        : verdict->data_lost ? "compatible, but values are lost"
                             : "compatible, with warnings",
        fmt::format("canrec motoko check {} {}", shell_word(list_.old_path),
                    shell_word(list_.new_path)));
    for (const candid::motoko::Finding& finding : verdict->findings) {
      r.findings.push_back({finding.severity == candid::motoko::Severity::kError
                                ? Severity::kError
                                : Severity::kWarning,
                            finding.code, finding.path, finding.message, "", ""});
    }
  }

  // The upgrade, run on the state.
  Status state() {
    CheckRow& r = row("rehearsal", "does the upgrade run on the state at hand, with headroom?");
    if (!request_.state) {
      say(r, Answer::kNotAsked, "no state given",
          "--state DIR rehearses the upgrade on a snapshot");
      return Ok{};
    }
    list_.state_path = request_.state->string();
    CANREC_TRY(Subject subject,
               in_file(Subject::open(*request_.state, request_.executor), list_.state_path));
    const auto installed = subject.module_bytes();
    if (!installed || sha256(*installed) != old_->loaded.hash) {
      say(r, Answer::kBad, "the state was taken under another module than OLD",
          "give the module that is in the snapshot directory");
      return Ok{};
    }
    CANREC_TRY(Bytes argument, encode_install_argument(new_->file.bytes(), request_.argument));
    executor::InstallRequest install;
    install.canister = subject.id();
    install.mode = executor::InstallMode::kUpgrade;
    install.module = Bytes(new_->file.bytes().begin(), new_->file.bytes().end());
    install.argument = std::move(argument);
    if (kept_) install.memory = executor::MemoryPersistence::kKeep;
    CANREC_TRY(const executor::InstallOutcome outcome, subject.executor().install(install));
    if (!outcome.ok()) {
      const std::string words = outcome.failure->text();
      say(r, Answer::kBad,
          fmt::format("it fails in {}: {}", outcome.stage, words.substr(0, words.find('\n'))),
          fmt::format("canrec autopsy {} --upgrade {}", shell_word(list_.state_path),
                      shell_word(list_.new_path)));
      return Ok{};
    }
    headroom(r, outcome, *subject.canister().wasm);
    return Ok{};
  }

  static void headroom(CheckRow& r, const executor::InstallOutcome& outcome,
                       const executor::WasmState& after) {
    const auto share = [](uint64_t used, uint64_t limit) {
      return static_cast<double>(used) / static_cast<double>(std::max<uint64_t>(limit, 1));
    };
    const std::vector<wasm::Memory>& memories = after.code->module().memories;
    const bool wide = !memories.empty() && memories[0].limits.is_64;
    const uint64_t most = wide ? ic::limits::kHeapBytes64 : ic::limits::kHeapBytes32;
    uint64_t heap = after.heap.size();
    for (const executor::RunReport& run : outcome.runs) heap = std::max(heap, run.heap.after_bytes);
    const double instructions = share(outcome.instructions, outcome.instruction_limit);
    const double memory = share(heap, most);
    const bool tight = instructions > kHeadroom || memory > kHeadroom;
    say(r, tight ? Answer::kLook : Answer::kGood,
        fmt::format("it runs: {} of {} instructions ({:.1f} %), at most {} of {} heap ({:.1f} %)",
                    grouped(outcome.instructions), grouped(outcome.instruction_limit),
                    instructions * 100, human_size(heap), human_size(most), memory * 100),
        tight ? "more data needs more of both: move data to stable structures" : "");
  }

  void controllers() {
    CheckRow& r = row("controllers", "who can still act when it goes wrong?");
    const std::vector<ic::Principal>& told = request_.controllers;
    if (told.empty()) {
      return say(r, Answer::kNotAsked, "not told",
                 "--controller ID for each of icp canister status, and --identity for yours");
    }
    const bool anonymous = std::ranges::find(told, ic::Principal::anonymous()) != told.end();
    if (anonymous) {
      return say(r, Answer::kBad, "the anonymous principal is a controller: anyone can do anything",
                 "icp canister settings update --remove-controller 2vxsx-fae");
    }
    if (!request_.identity) {
      return say(r, Answer::kUnknown,
                 fmt::format("{} told, and not which one is yours", told.size()),
                 "--identity ID (icp identity principal)");
    }
    if (std::ranges::find(told, *request_.identity) == told.end()) {
      return say(
          r, Answer::kBad,
          fmt::format("{} is none of the {} controllers: the network refuses the upgrade and "
                      "every snapshot command",
                      request_.identity->text(), told.size()),
          "use the identity of a controller");
    }
    if (told.size() == 1) {
      return say(r, Answer::kLook, "you are the only one: when the key is lost nobody can go back",
                 "icp canister settings update --add-controller ID, of a key kept elsewhere");
    }
    say(r, Answer::kGood, fmt::format("you and {} more", told.size() - 1));
  }

  Status backup() {
    CheckRow& r = row("backup", "is there a way back?");
    const std::string& told = request_.backup;
    if (told.empty()) {
      say(r, Answer::kUnknown, "not told",
          "take a snapshot before (icp canister snapshot create, and download), and point to it: "
          "--backup DIR or --backup STORE[:ID]");
      return Ok{};
    }
    if (told == "yes" || told == "no") {
      say(r, told == "yes" ? Answer::kGood : Answer::kBad,
          told == "yes" ? "you say so; nothing was looked at" : "you say there is none",
          told == "yes" ? "" : "icp canister snapshot create");
      return Ok{};
    }
    static const Interrupt never;
    const Interrupt& interrupt =
        request_.executor.interrupt != nullptr ? *request_.executor.interrupt : never;
    CANREC_TRY(const WayBack way,
               judge_way_back(told, old_->loaded.hash, request_.state, interrupt));
    say(r, answer_of(way.severity), way.words, way.next);
    return Ok{};
  }

  const CheckRequest& request_;
  Checklist list_;
  std::optional<wasm::ModuleFile> old_;
  std::optional<wasm::ModuleFile> new_;
  bool kept_ = false;
};

}  // namespace

std::string_view to_string(Answer answer) {
  switch (answer) {
    case Answer::kGood:
      return "good";
    case Answer::kLook:
      return "look";
    case Answer::kBad:
      return "bad";
    case Answer::kUnknown:
      return "unknown";
    case Answer::kNotAsked:
      return "not asked";
  }
  return "unknown";
}

Answer Checklist::worst() const {
  const auto weight = [](Answer answer) {
    switch (answer) {
      case Answer::kGood:
      case Answer::kNotAsked:
        return 0;
      case Answer::kLook:
        return 1;
      case Answer::kUnknown:
        return 2;
      case Answer::kBad:
        return 3;
    }
    return 3;
  };
  Answer worst = Answer::kGood;
  for (const CheckRow& row : rows) {
    if (weight(row.answer) > weight(worst)) worst = row.answer;
  }
  return worst;
}

Result<Checklist> check(const CheckRequest& request) { return Checker(request).run(); }

}  // namespace canrec::recover
