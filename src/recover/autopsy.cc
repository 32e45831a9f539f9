// SPDX-License-Identifier: Apache-2.0
// Runs the upgrade, then tries the fixes that fit:
//
//  1. the repair of the cause (grow before write, 64-bit calls, the call taken out), and when
//     another failure shows behind it the repair of that one, up to kMostRounds;
//  2. the functions between the failure and the hook, each made to return at once;
//  3. without the hook, and past the hook over a kept heap (route K), where that is sound.
//
// Each is the library behind `canrec patch`, so a fix is proven to move nothing else before it
// runs.
#include "recover/autopsy.h"

#include <fmt/core.h>

#include <algorithm>
#include <set>

#include "base/checked.h"
#include "base/input_file.h"
#include "base/shell.h"
#include "patch/apply.h"
#include "patch/operations.h"
#include "recover/autopsy_explain.h"
#include "recover/checks.h"
#include "recover/route_k.h"
#include "recover/script.h"
#include "recover/subject.h"
#include "wasm/toolchain.h"
#include "wasmdiff/compare.h"

namespace canrec::recover {
namespace {

constexpr size_t kMostRounds = 8;
constexpr std::string_view kHook = "canister_pre_upgrade";

// A repair of one cause: the plan and how a user types it.
struct Repair {
  patch::Plan plan;
  std::string verb;  ///< "grow-before-write canister_pre_upgrade"
  std::string what;
  std::string costs;
};

class Examiner {
 public:
  Examiner(const AutopsyRequest& request, Subject subject)
      : request_(request), subject_(std::move(subject)) {}

  Result<Autopsy> run() {
    autopsy_.directory = request_.directory.string();
    const ByteView installed = *subject_.module_bytes();
    original_ = Bytes(installed.begin(), installed.end());
    CANREC_TRY(loaded_, wasm::load_module(original_));
    if (request_.upgrade) {
      autopsy_.upgrade = request_.upgrade->string();
      CANREC_TRY(const InputFile file, InputFile::open(*request_.upgrade));
      target_ = Bytes(file.bytes().begin(), file.bytes().end());
    } else {
      target_ = original_;
    }
    CANREC_TRY(checks_, Checks::ask(subject_, request_.checks));
    CANREC_TRY(start_, subject_.executor().checkpoint());

    CANREC_TRY(const executor::InstallOutcome outcome, upgrade(std::nullopt, kept()));
    if (outcome.ok()) {
      autopsy_.succeeds = true;
      autopsy_.words = "the upgrade succeeds";
      return std::move(autopsy_);
    }
    CANREC_CHECK(describe(outcome));
    if (autopsy_.stage == kHook) {
      CANREC_CHECK(repair_chain(outcome));
      CANREC_CHECK(without_callee(outcome));
      if (!kept()) CANREC_CHECK(over_kept_heap());
      CANREC_CHECK(without_hook());  // last: what the others keep, this one may lose
    }
    std::ranges::stable_sort(autopsy_.fixes,
                             [](const Fix& a, const Fix& b) { return a.works() > b.works(); });
    return std::move(autopsy_);
  }

 private:
  // The upgrade as the network's tools would do it: keep where both programs are made for it.
  std::optional<executor::MemoryPersistence> kept() const {
    const auto target = wasm::load_module(target_);
    if (!target) return std::nullopt;
    const bool both =
        wasm::find_icp_section(target->module, "enhanced-orthogonal-persistence") != nullptr &&
        wasm::find_icp_section(loaded_.module, "enhanced-orthogonal-persistence") != nullptr;
    return both ? std::optional(executor::MemoryPersistence::kKeep) : std::nullopt;
  }

  // From the start: the module replaced by `patched` where given, then the upgrade.
  Result<executor::InstallOutcome> upgrade(const std::optional<Bytes>& patched,
                                           std::optional<executor::MemoryPersistence> memory) {
    CANREC_CHECK(subject_.executor().revert(start_));
    if (patched) CANREC_CHECK(subject_.executor().replace(subject_.id(), *patched));
    return install(target_, memory, false);
  }

  Result<executor::InstallOutcome> install(const Bytes& module,
                                           std::optional<executor::MemoryPersistence> memory,
                                           bool skip_pre_upgrade) {
    CANREC_TRY(Bytes argument, encode_install_argument(module, request_.argument));
    executor::InstallRequest request;
    request.canister = subject_.id();
    request.mode = executor::InstallMode::kUpgrade;
    request.module = module;
    request.argument = std::move(argument);
    request.memory = memory;
    request.skip_pre_upgrade = skip_pre_upgrade;
    auto outcome = subject_.executor().install(request);
    subject_.refresh_interface();
    return outcome;
  }

  Status describe(const executor::InstallOutcome& outcome) {
    autopsy_.stage = outcome.stage;
    autopsy_.cause = cause_of(outcome, heap_limit());
    autopsy_.code = ic::error_code_text(outcome.failure->code);
    autopsy_.words = outcome.failure->text();
    const executor::RunReport* run = stopped_run(outcome);
    if (run == nullptr) return Ok{};
    autopsy_.run = *run;
    CANREC_CHECK(subject_.executor().revert(start_));
    if (autopsy_.stage == kHook) {
      const engine::Memory& heap = subject_.canister().wasm->heap;
      const auto bytes = heap.peek(0, heap.size());
      autopsy_.explanation =
          explain(*run, autopsy_.cause, loaded_.module, bytes ? *bytes : ByteView{});
    } else {  // code of the new module, over a heap that was made for it
      CANREC_TRY(const wasm::LoadedModule target, wasm::load_module(target_));
      autopsy_.explanation = explain(*run, autopsy_.cause, target.module, {});
    }
    if (autopsy_.cause == Cause::kInstructions) return try_without_limits();
    if (autopsy_.cause == Cause::kMemory) say_heap_limit(*run);
    return Ok{};
  }

  // No option of an installer gives more heap; only the setting can be too low.
  void say_heap_limit(const executor::RunReport& run) {
    const bool setting = run.stopped->stop.error == ic::ExecutionError::kMemoryLimit;
    const bool own = !loaded_.module.memories.empty() && loaded_.module.memories[0].limits.has_max;
    autopsy_.explanation.push_back(
        setting ? std::string("the limit is the canister's setting wasm_memory_limit: raise it, or "
                              "set it to 0, and upgrade again")
                : fmt::format("the heap can have {} at most, by {}: no option of the upgrade gives "
                              "more",
                              human_size(heap_limit()),
                              own ? "what the module itself declares"
                                  : "the network's limit for such a module"));
  }

  // Bytes of heap that the installed module can have.
  uint64_t heap_limit() const {
    const executor::Profile& profile = request_.executor.profile;
    if (loaded_.module.memories.empty()) return 0;
    const wasm::Limits& limits = loaded_.module.memories[0].limits;
    const uint64_t network =
        profile[limits.is_64 ? executor::Limit::kHeapBytes64 : executor::Limit::kHeapBytes32];
    if (!limits.has_max) return network;
    return std::min(network, checked_mul(limits.max, wasm::kPageSize).value_or(network));
  }

  Status try_without_limits() {
    const executor::Profile profile = subject_.executor().profile();
    executor::Profile bounded = executor::Profile::no_limits();
    bounded.set(executor::Limit::kInstallInstructions,
                profile[executor::Limit::kInstallInstructions] * kBeyondLimit);
    subject_.executor().set_profile(bounded);
    auto outcome = upgrade(std::nullopt, kept());
    subject_.executor().set_profile(profile);
    CANREC_TRY(const executor::InstallOutcome free, std::move(outcome));
    autopsy_.unlimited =
        Unlimited{free.ok(), !free.ok() && free.failure->code == ic::ErrorCode::kInstructionLimit,
                  free.instructions, free.ok() ? "" : free.failure->text()};
    autopsy_.explanation.push_back(
        free.ok()
            ? fmt::format("with a larger limit it would succeed: it needs {} instructions, {} "
                          "are allowed",
                          grouped(free.instructions),
                          grouped(profile[executor::Limit::kInstallInstructions]))
            : fmt::format("not even {} times the limit is enough", kBeyondLimit));
    return Ok{};
  }

  Status repair_chain(const executor::InstallOutcome& first) {
    Bytes module = original_;
    Fix fix;
    std::vector<std::string> verbs;
    std::optional<executor::InstallOutcome> outcome;
    const executor::InstallOutcome* failed = &first;
    for (size_t round = 0; round < kMostRounds; ++round) {
      auto repair = repair_of(module, *failed);
      if (!repair || std::ranges::find(verbs, repair->verb) != verbs.end()) break;
      CANREC_TRY(const wasm::LoadedModule loaded, wasm::load_module(module));
      auto patched = patch::apply(loaded, repair->plan);
      if (!patched) break;
      add_step(fix, *repair, verbs.size());
      verbs.push_back(repair->verb);
      module = std::move(patched->stored);
      auto next = upgrade(module, kept());
      if (!next) return fail(std::move(next).error());
      outcome.emplace(std::move(*next));
      failed = &*outcome;
      if (failed->ok() || failed->stage != kHook) break;
    }
    if (verbs.empty()) return Ok{};
    return finish(std::move(fix), *failed, module, kept());
  }

  // Appends the command for a repair; each one reads what the one before wrote.
  void add_step(Fix& fix, const Repair& repair, size_t index) const {
    const std::string input =
        index == 0 ? shell_word(request_.module_name) : fmt::format("fixed-{}.wasm", index);
    fix.commands.push_back(fmt::format("canrec patch {} {} {} -o fixed-{}.wasm", verb_word(repair),
                                       input, verb_rest(repair), index + 1));
    if (!fix.what.empty()) fix.what += ", and then ";
    fix.what += repair.what;
    if (!repair.costs.empty()) fix.costs += (fix.costs.empty() ? "" : "; ") + repair.costs;
  }
  static std::string verb_word(const Repair& repair) {
    return repair.verb.substr(0, repair.verb.find(' '));
  }
  static std::string verb_rest(const Repair& repair) {
    return repair.verb.substr(repair.verb.find(' ') + 1);
  }

  // What mends this failure of the module, if anything does.
  std::optional<Repair> repair_of(const Bytes& module,
                                  const executor::InstallOutcome& outcome) const {
    const auto loaded = wasm::load_module(module);
    const executor::RunReport* run = stopped_run(outcome);
    if (!loaded || run == nullptr) return std::nullopt;
    Repair repair;
    Result<patch::Plan> plan = fail(Errc::kPatchSite, "nothing mends this");
    switch (cause_of(outcome, heap_limit())) {
      case Cause::kStableOutOfBounds:
        plan = patch::grow_before_write(*loaded, {std::nullopt, std::string(kHook)});
        repair.verb = fmt::format("grow-before-write {}", kHook);
        repair.what = "stable memory grows before each write of the hook";
        break;
      case Cause::kStable32Bit:
        plan = patch::retarget(*loaded, {std::nullopt, std::string(kHook)});
        repair.verb = fmt::format("retarget --from {}", kHook);
        repair.what = "the hook's stable calls become 64-bit ones";
        repair.costs = "offsets stay 32-bit: the hook still reaches only the first 4 GiB";
        break;
      case Cause::kForbiddenCall:
      case Cause::kCalledTrap: {
        if (run->stopped->backtrace.empty()) return std::nullopt;
        const std::string site = fmt::format("@0x{:08x}", run->stopped->backtrace.front().offset);
        const std::string name(ic::info(run->last_api_calls.back().function).name);
        plan = patch::remove_call(*loaded, site, results_of(run->last_api_calls.back()));
        repair.verb = fmt::format("remove {}", site);
        for (const std::string& result : results_of(run->last_api_calls.back())) {
          repair.verb += fmt::format(" --result {}", result);
        }
        repair.what = fmt::format("the call of ic0.{} at {} is taken out", name, site);
        repair.costs = name == "trap" ? "the check behind the trap is gone: the hook goes on with "
                                        "what it meant to refuse"
                                      : fmt::format("what ic0.{} was to do does not happen", name);
        break;
      }
      default:
        return std::nullopt;
    }
    if (!plan) return std::nullopt;
    repair.plan = std::move(*plan);
    return repair;
  }

  static std::vector<std::string> results_of(const executor::ApiCall& call) {
    const bool has_result = !ic::info(call.function).results.empty();
    return has_result ? std::vector<std::string>{"0"} : std::vector<std::string>{};
  }

  // A program that gives up does so in a function of its own (a user's preupgrade, a check), called
  // by the hook that also saves the data: that function alone is made to return.
  Status without_callee(const executor::InstallOutcome& failed) {
    const Cause cause = cause_of(failed, heap_limit());
    const executor::RunReport* run = stopped_run(failed);
    const bool gives_up = cause == Cause::kCalledTrap || cause == Cause::kUnreachable ||
                          cause == Cause::kOther || cause == Cause::kStackOverflow;
    if (!gives_up || run == nullptr) return Ok{};
    const std::vector<executor::Frame>& frames = run->stopped->backtrace;
    std::set<uint32_t> tried;
    // The last frame is the hook itself.
    for (size_t i = 0; i + 1 < frames.size() && tried.size() < kMostRounds; ++i) {
      const uint32_t function = frames[i].function;
      if (function == frames.back().function || !tried.insert(function).second) continue;
      const std::string name = fmt::format("#{}", function);
      const auto plan = patch::stub(loaded_, name, {});
      if (!plan) continue;
      const auto patched = patch::apply(loaded_, *plan);
      if (!patched) continue;
      CANREC_TRY(const executor::InstallOutcome outcome, upgrade(patched->stored, kept()));
      if (!outcome.ok()) continue;
      Fix fix;
      fix.commands.push_back(fmt::format("canrec patch stub {} {} -o fixed-1.wasm",
                                         shell_word(request_.module_name), shell_word(name)));
      fix.what = fmt::format("{} (function {}) returns at once, the rest of the hook runs",
                             frames[i].name, function);
      fix.costs = "whatever else that function does is left out; read it with canrec patch edit";
      CANREC_CHECK(finish(std::move(fix), outcome, patched->stored, kept()));
    }
    return Ok{};
  }

  // The hook dropped, and an ordinary upgrade.
  Status without_hook() {
    auto plan = patch::drop_hook(loaded_, kHook);
    if (!plan) return Ok{};
    CANREC_TRY(patch::Patched patched, patch::apply(loaded_, *plan));
    Fix fix;
    fix.commands.push_back(fmt::format("canrec patch drop-hook {} {} -o fixed-1.wasm",
                                       shell_word(request_.module_name), kHook));
    fix.what = "the hook is dropped, the upgrade runs without it";
    fix.costs = kept() ? "whatever the hook was to save is not saved"
                       : "the upgrade clears the heap, and whatever the hook was to save is not "
                         "saved: data that is in the heap alone is LOST";
    CANREC_TRY(const executor::InstallOutcome outcome, upgrade(patched.stored, kept()));
    CANREC_CHECK(finish(fix, outcome, patched.stored, kept()));
    return Ok{};
  }

  // The failing hook is skipped and the new program goes on with the heap as it is. Everything that
  // speaks against that is asked first; only a fix that is sound counts as one that succeeds.
  Status over_kept_heap() {
    Fix fix;
    Bytes module = target_;
    std::string name = request_.upgrade ? autopsy_.upgrade : request_.module_name;
    CANREC_TRY(const wasm::LoadedModule target, wasm::load_module(target_));
    if (wasm::find_icp_section(target.module, "enhanced-orthogonal-persistence") == nullptr) {
      const auto plan = patch::prepare_route_k(target, {});
      if (!plan) return Ok{};
      CANREC_TRY(patch::Patched patched, patch::apply(target, *plan));
      module = std::move(patched.stored);
      fix.commands.push_back(
          fmt::format("canrec patch prepare-route-k {} -o fixed-1.wasm", shell_word(name)));
      name = "fixed-1.wasm";
    }
    fix.what = "the hook is skipped and the heap kept: the new program goes on with the old data";
    fix.costs = "the new program must read the heap as the old one wrote it";
    CANREC_TRY(const std::string against, against_keeping(module, fix));
    CANREC_CHECK(subject_.executor().revert(start_));
    CANREC_TRY(const executor::InstallOutcome outcome,
               install(module, executor::MemoryPersistence::kKeep, true));
    CANREC_CHECK(judge(fix, outcome, module));
    if (outcome.ok() && !against.empty()) {
      fix.succeeds = false;
      fix.words = "the network would do it, but it is not sound: " + against;
    }
    fix.commands.push_back(
        rehearsal({"upgrade " + script_text(name) + " --skip-pre-upgrade --keep" + argument()}));
    autopsy_.fixes.push_back(std::move(fix));
    return Ok{};
  }

  // Why the heap must not be kept under this module; empty when nothing speaks against it.
  Result<std::string> against_keeping(const Bytes& stored, Fix& fix) {
    CANREC_CHECK(subject_.executor().revert(start_));
    CANREC_TRY(const wasm::LoadedModule module, wasm::load_module(stored));
    CANREC_TRY(const snapshot::Metadata metadata, subject_.executor().metadata(subject_.id()));
    const engine::Memory& heap = subject_.canister().wasm->heap;
    const ByteView bytes = heap.peek(0, heap.size()).value_or(ByteView{});
    for (const Finding& finding : judge_route_k(module.module, {&metadata, bytes, false})) {
      if (finding.severity == Severity::kError) return finding.what;
      fix.costs += fmt::format("; {}: {}: {}", finding.where, finding.what, finding.why);
    }
    CANREC_TRY(const wasmdiff::Comparison comparison,
               wasmdiff::compare(loaded_.module, module.module, {}));
    fix.costs += fmt::format("; layout verdict {} by route K (canrec diff)",
                             to_string(comparison.word(wasmdiff::Route::kK)));
    for (const wasmdiff::Finding& finding : comparison.findings) {
      if (finding.weights.k == wasmdiff::Severity::kUnsafe) return finding.what;
    }
    return std::string();
  }

  // What became of an attempt, and whether the checks still answer as before.
  Status judge(Fix& fix, const executor::InstallOutcome& outcome, const Bytes& module) {
    fix.module_hash = sha256(module);
    fix.succeeds = outcome.ok();
    if (outcome.ok()) {
      if (checks_.empty()) {
        fix.words = "the upgrade succeeds; whether the data came through was not asked (--check)";
        return Ok{};
      }
      CANREC_TRY(const std::vector<CheckedAnswer> answers, checks_.again(subject_));
      const CheckedAnswer* other = first_other(answers);
      fix.answers_same = other == nullptr;
      fix.words = other == nullptr
                      ? "this one succeeds, and the checks answer as before"
                      : fmt::format(
                            "this one succeeds, but the checks do not answer as before: "
                            "{} was {} and is {}",
                            other->query, other->before, other->after);
    } else {
      fix.words =
          fmt::format("this one still fails in {}: {}", outcome.stage,
                      outcome.failure->text().substr(0, outcome.failure->text().find('\n')));
    }
    return Ok{};
  }

  std::string argument() const {
    return request_.argument.empty() ? std::string() : " --arg " + request_.argument;
  }

  // The command that goes these steps and asks the checks.
  std::string rehearsal(std::vector<std::string> steps) const {
    for (const std::string& each : request_.checks) steps.push_back("expect-same " + each);
    std::string out = "canrec rehearse " + shell_word(autopsy_.directory);
    for (const std::string& step : steps) out += " " + shell_word(step);
    return out;
  }

  Status finish(Fix fix, const executor::InstallOutcome& outcome, const Bytes& module,
                std::optional<executor::MemoryPersistence> memory) {
    CANREC_CHECK(judge(fix, outcome, module));
    const std::string last = fmt::format("fixed-{}.wasm", fix.commands.size());
    const std::string target = request_.upgrade ? autopsy_.upgrade : request_.module_name;
    const bool keep = memory == executor::MemoryPersistence::kKeep;
    fix.commands.push_back(
        rehearsal({"replace " + last,
                   "upgrade " + script_text(target) + (keep ? " --keep" : "") + argument()}));
    autopsy_.fixes.push_back(std::move(fix));
    return Ok{};
  }

  const AutopsyRequest& request_;
  Subject subject_;
  Autopsy autopsy_;
  Bytes original_;
  Bytes target_;
  wasm::LoadedModule loaded_;
  Checks checks_;
  executor::Checkpoint start_{};
};

}  // namespace

Result<Autopsy> autopsy(const AutopsyRequest& request) {
  CANREC_TRY(Subject subject, Subject::open(request.directory, request.executor));
  return Examiner(request, std::move(subject)).run();
}

}  // namespace canrec::recover
