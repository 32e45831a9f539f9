// SPDX-License-Identifier: Apache-2.0
// From a failure to the patches for it.
#include "recover/autopsy_repairs.h"

#include <fmt/core.h>

#include <algorithm>
#include <optional>
#include <set>

#include "base/shell.h"
#include "patch/operations.h"
#include "recover/autopsy_explain.h"
#include "wasm/entry_points.h"
#include "wasm/names.h"

namespace canrec::recover {
namespace {

constexpr size_t kMostStubs = 8;
constexpr size_t kMostOutermost = 4;
// In the names of functions that get memory or make room in a container.
constexpr std::string_view kAllocators[] = {"alloc", "reserve", "grow", "Vec", "Heap", "memory"};

class Finder {
 public:
  Finder(const wasm::LoadedModule& module, const executor::RunReport& run, Cause cause,
         std::string_view hook)
      : module_(module),
        run_(run),
        cause_(cause),
        hook_(hook),
        named_(!wasm::read_names(module.module).functions.empty()) {
    if (module.module.start && hook == "(start)") {
      hook_ = fmt::format("#{}", std::to_underlying(*module.module.start));
    }
  }

  std::vector<Repair> run() {
    of_cause();
    if (cause_ == Cause::kInstructions || cause_ == Cause::kMemory) {
      outermost_callees();
    } else if (cause_ == Cause::kCalledTrap || cause_ == Cause::kUnreachable ||
               cause_ == Cause::kOther || cause_ == Cause::kStackOverflow ||
               cause_ == Cause::kForbiddenCall || cause_ == Cause::kStableOutOfBounds) {
      callees();
    }
    if (cause_ == Cause::kCalledTrap || cause_ == Cause::kUnreachable) skip_trap();
    return std::move(out_);
  }

 private:
  void add(Repair repair, Result<patch::Plan> plan) {
    if (!plan) return;
    repair.plan = std::move(*plan);
    out_.push_back(std::move(repair));
  }

  void of_cause() {
    Repair repair;
    switch (cause_) {
      case Cause::kStableOutOfBounds:
        repair.verb = "grow-before-write";
        repair.rest = shell_word(hook_);
        repair.what = fmt::format("stable memory grows before each write of {}", hook_);
        add(std::move(repair), patch::grow_before_write(module_, {std::nullopt, hook_}));
        break;
      case Cause::kStable32Bit:
        repair.verb = "retarget";
        repair.rest = fmt::format("--from {}", shell_word(hook_));
        repair.what = fmt::format("the stable calls of {} become 64-bit ones", hook_);
        repair.costs = "offsets stay 32-bit: the hook still reaches only the first 4 GiB";
        add(std::move(repair), patch::retarget(module_, {std::nullopt, hook_}));
        break;
      case Cause::kForbiddenCall:
      case Cause::kCalledTrap:
        take_out();
        break;
      default:
        break;
    }
  }

  // The failing call is the last one, and stands in the innermost frame.
  void take_out() {
    if (run_.stopped->backtrace.empty()) return;
    const executor::ApiCall& call = run_.last_api_calls.back();
    if (never_returns(run_.stopped->backtrace.front())) return;
    const std::string site = fmt::format("@0x{:08x}", run_.stopped->backtrace.front().offset);
    const std::string name(ic::info(call.function).name);
    const std::vector<std::string> results(ic::info(call.function).results.size(), "0");
    Repair repair;
    repair.verb = "remove";
    repair.rest = site;
    for (const std::string& result : results) repair.rest += " --result " + result;
    repair.what = fmt::format("the call of ic0.{} at {} is taken out", name, site);
    repair.costs = name == "trap" ? "the check behind the trap is gone: the hook goes on with "
                                    "what it meant to refuse"
                                  : fmt::format("what ic0.{} was to do does not happen", name);
    add(std::move(repair), patch::remove_call(module_, site, results));
  }

  // Where the check stands in the middle of a function: the call that never returns, or the
  // `unreachable` itself. What such a call runs into is the machinery of a panic, so it is the
  // outermost one that counts. It comes behind the functions that return: these do nothing more,
  // and what goes on behind a check may compute with a number or an index that is wrong.
  void skip_trap() {
    const std::vector<executor::Frame>& frames = run_.stopped->backtrace;
    if (frames.empty()) return;
    size_t outermost = 0;
    if (cause_ == Cause::kCalledTrap && !never_returns(frames[0])) return;
    while (outermost + 1 < frames.size() && never_returns(frames[outermost + 1])) ++outermost;
    const executor::Frame& frame = frames[outermost];
    const std::string site = fmt::format("@0x{:08x}", frame.offset);
    Repair repair;
    repair.verb = "skip-trap";
    repair.rest = site;
    repair.what = fmt::format("{} leaves the block at {} in place of giving up", frame.name, site);
    repair.costs =
        "the check there is gone: the program goes on with what it meant to refuse, a wrong number "
        "or place perhaps; read it with canrec patch edit" +
        used_elsewhere(frame.function);
    add(std::move(repair), patch::skip_trap(module_, site));
  }

  // A program that gives up does so in a function of its own (a user's preupgrade, a check), called
  // by the hook that also saves the data: that function alone is made to return. Those without a
  // result come first: a zero that nobody returned may be taken for an answer.
  void callees() {
    const std::vector<executor::Frame>& frames = run_.stopped->backtrace;
    std::vector<const executor::Frame*> with_result;
    std::set<uint32_t> seen;
    if (const auto hook = hook_function()) seen.insert(*hook);
    size_t stubs = 0;
    for (size_t i = 0; i < frames.size(); ++i) {
      const executor::Frame& frame = frames[i];
      if (frame.offset == 0 || (i + 1 < frames.size() && never_returns(frames[i + 1]))) continue;
      if (!seen.insert(frame.function).second) continue;
      if (++stubs > kMostStubs) break;
      if (has_result(frame)) {
        with_result.push_back(&frame);
      } else {
        stub(frame);
      }
    }
    for (const executor::Frame* frame : with_result) stub(*frame);
  }

  // A backtrace of a deep recursion does not reach it.
  std::optional<uint32_t> hook_function() const {
    if (hook_.starts_with('#')) return std::to_underlying(*module_.module.start);
    const wasm::Export* hook = module_.module.find_export(hook_);
    return hook != nullptr ? std::optional(hook->index) : std::nullopt;
  }

  // Where instructions or memory ran out says little; what the hook itself called, and what that
  // called, is what uses them. No allocator is ever made to return: it would hand out memory that
  // is not there.
  void outermost_callees() {
    const std::vector<executor::Frame>& frames = run_.stopped->backtrace;
    if (frames.empty() || frames.back().function != hook_function()) return;
    std::set<uint32_t> seen = {frames.back().function};
    size_t stubs = 0;
    for (size_t i = frames.size() - 1; i-- > 0 && stubs < kMostOutermost;) {
      const executor::Frame& frame = frames[i];
      if (frame.offset == 0 || never_returns(frames[i + 1])) return;
      if (cause_ == Cause::kMemory && may_allocate(frame)) continue;
      if (!seen.insert(frame.function).second) continue;
      stub(frame);
      ++stubs;
    }
  }

  // Told by the name; by the signature where the module has no names.
  bool may_allocate(const executor::Frame& frame) const {
    if (!named_) return has_result(frame);
    return std::ranges::any_of(kAllocators, [&](std::string_view words) {
      return frame.name.find(words) != std::string::npos;
    });
  }

  bool never_returns(const executor::Frame& caller) const {
    return recover::never_returns(module_.module, caller.function, caller.offset);
  }

  bool has_result(const executor::Frame& frame) const {
    return frame.function < module_.module.functions.size() &&
           !module_.module.type_of(wasm::FuncIdx{frame.function}).results.empty();
  }

  // Who else calls the function: a check that is taken out of the hook is taken out of them too.
  std::string used_elsewhere(uint32_t function) {
    constexpr size_t kNamed = 3;
    if (!graph_) {
      auto built = wasm::CallGraph::build(module_.module);
      if (!built) return "; who else calls it was not found out";
      graph_.emplace(std::move(*built));
    }
    const wasm::FuncIdx target{function};
    const std::vector<wasm::Reach> reaching = graph_->reaching({&target, 1});
    std::string names;
    size_t count = 0;
    for (const wasm::EntryPoint& entry : wasm::entry_points(module_.module, *graph_)) {
      // Motoko's own methods, which nobody calls, are not counted.
      if (entry.name == hook_ || entry.name == "(callbacks)" ||
          entry.name.find(" __motoko_") != std::string::npos) {
        continue;
      }
      const bool direct = std::ranges::any_of(entry.functions, [&](wasm::FuncIdx fn) {
        return reaching[std::to_underlying(fn)] == wasm::Reach::kDirect;
      });
      if (!direct || ++count > kNamed) continue;
      names += (names.empty() ? "" : ", ") + entry.name;
    }
    if (count == 0) return {};
    if (count > kNamed) names += fmt::format(" and {} more", count - kNamed);
    return fmt::format(
        "; it is called from {} too: while the patched module is installed these go on without it "
        "as well, and let through what it refuses",
        names);
  }

  void stub(const executor::Frame& frame) {
    const std::string function = fmt::format("#{}", frame.function);
    Repair repair;
    repair.verb = "stub";
    repair.rest = shell_word(function);
    repair.what = fmt::format("{} (function {}) returns at once", frame.name, frame.function);
    repair.costs =
        has_result(frame)
            ? "what such a function does is left out, and its caller takes the 0 that it returns "
              "for an answer; read both with canrec patch edit"
            : "what such a function does is left out, and its caller goes on as if it were done; "
              "read it with canrec patch edit";
    repair.costs += used_elsewhere(frame.function);
    repair.stubs = true;
    add(std::move(repair), patch::stub(module_, function, {}));
  }

  const wasm::LoadedModule& module_;
  const executor::RunReport& run_;
  Cause cause_;
  std::string hook_;
  bool named_;  ///< the module says how its functions are called
  std::optional<wasm::CallGraph> graph_;
  std::vector<Repair> out_;
};

}  // namespace

bool never_returns(const wasm::Module& module, uint32_t function, uint64_t offset) {
  if (function >= module.functions.size() || module.functions[function].is_import()) return false;
  wasm::InstructionReader reader = module.instructions(module.functions[function]);
  wasm::Instruction instruction;
  while (!reader.at_end()) {
    const bool behind = reader.pos() > offset;
    if (!reader.next(instruction)) return false;
    if (behind) return instruction.op == wasm::Opcode::kUnreachable;
  }
  return false;
}

std::string Repair::command(std::string_view input, std::string_view output) const {
  return fmt::format("canrec patch {} {} {} -o {}", verb, shell_word(input), rest,
                     shell_word(output));
}

std::vector<Repair> repairs_of(const wasm::LoadedModule& module,
                               const executor::InstallOutcome& outcome, std::string_view hook,
                               uint64_t heap_limit) {
  const executor::RunReport* run = stopped_run(outcome);
  if (run == nullptr) return {};
  return Finder(module, *run, cause_of(outcome, heap_limit), hook).run();
}

}  // namespace canrec::recover
