// SPDX-License-Identifier: Apache-2.0
// Breadth first, so that the shortest sequence is found first.
#include "recover/autopsy_search.h"

#include <algorithm>
#include <set>

#include "patch/apply.h"
#include "recover/autopsy_explain.h"
#include "recover/autopsy_repairs.h"

namespace canrec::recover {
namespace {

constexpr size_t kMostRepairs = 8;
constexpr size_t kMostStubbed = 4;
constexpr size_t kMostUpgrades = 64;
// Upgrades that end at the instruction limit take minutes; after two more of them it is enough.
constexpr uint64_t kMostLimitsSpent = 2;

struct Node {
  Attempt attempt;
  executor::InstallOutcome outcome;
};

class Search {
 public:
  explicit Search(Trial& trial) : trial_(trial), most_(trial.tried() + kMostUpgrades) {}

  Result<Found> run(const executor::InstallOutcome& failure) {
    std::vector<Node> level;
    level.push_back({trial_.unpatched(), failure});
    for (size_t depth = 0; depth < kMostRepairs && !level.empty(); ++depth) {
      std::vector<Node> next;
      for (const Node& node : level) CANREC_CHECK(expand(node, next));
      if (std::ranges::any_of(found_.fixes, &Fix::works)) break;
      std::ranges::stable_sort(next, {}, [](const Node& node) { return node.attempt.stubbed; });
      level = std::move(next);
    }
    CANREC_CHECK(add_furthest());
    return std::move(found_);
  }

 private:
  // Tries every repair of a failure. The repair of a cause is followed by that of the next cause at
  // once (three calls that are not allowed are one mistake), before any function is stubbed.
  Status expand(const Node& node, std::vector<Node>& next) {
    CANREC_TRY(std::vector<Attempt> attempts, repaired(node));
    for (Attempt& attempt : attempts) {
      const bool of_cause = attempt.stubbed == node.attempt.stubbed;
      std::optional<Attempt> current = std::move(attempt);
      while (current) {
        if (trial_.tried() >= most_ || spent_ > most_spent()) {
          found_.exhausted = false;
          return Ok{};
        }
        CANREC_TRY(std::optional<Node> failed, try_it(std::move(*current)));
        current.reset();
        if (!failed) break;
        if (of_cause && failed->attempt.files < kMostRepairs) {
          CANREC_TRY(std::vector<Attempt> more, repaired(*failed));
          const bool goes_on = !more.empty() && more.front().stubbed == failed->attempt.stubbed;
          if (goes_on) current = std::move(more.front());
        }
        if (!current) next.push_back(std::move(*failed));
      }
    }
    return Ok{};
  }

  // The attempts that are one repair further than this one, those that keep most first.
  Result<std::vector<Attempt>> repaired(const Node& node) {
    std::vector<Attempt> attempts;
    const Side side = side_of(node.outcome.stage);
    if (side == Side::kNeither) return attempts;
    const Bytes& stored = side == Side::kInstalled ? node.attempt.installed : node.attempt.target;
    CANREC_TRY(const wasm::LoadedModule module, wasm::load_module(stored));
    for (const Repair& repair :
         repairs_of(module, node.outcome, node.outcome.stage, heap_limit(module.module))) {
      if (repair.stubs && node.attempt.stubbed == kMostStubbed) continue;
      auto patched = patch::apply(module, repair.plan);
      if (!patched) continue;
      Attempt attempt = with(node.attempt, side, repair, std::move(patched->stored));
      if (seen_.insert({sha256(attempt.installed), sha256(attempt.target)}).second) {
        attempts.push_back(std::move(attempt));
      }
    }
    return attempts;
  }

  uint64_t most_spent() const {
    const executor::Profile& profile = trial_.request().executor.profile;
    return profile[executor::Limit::kInstallInstructions] * kMostLimitsSpent;
  }

  // The failure that is left; nothing when the upgrade went through.
  Result<std::optional<Node>> try_it(Attempt attempt) {
    CANREC_TRY(executor::InstallOutcome outcome, trial_.upgrade(attempt));
    if (outcome.ok()) {
      CANREC_CHECK(finish(std::move(attempt), outcome));
      return std::optional<Node>();
    }
    spent_ += std::min(outcome.instructions, most_spent());
    if (attempt.stubbed <= 1 && (!furthest_ || attempt.files > furthest_->attempt.files)) {
      furthest_ = Node{attempt, outcome};
    }
    return std::optional(Node{std::move(attempt), std::move(outcome)});
  }

  static Attempt with(const Attempt& before, Side side, const Repair& repair, Bytes patched) {
    Attempt attempt = before;
    std::string& name = side == Side::kInstalled ? attempt.installed_name : attempt.target_name;
    const std::string output = attempt.next_file();
    attempt.fix.commands.push_back(repair.command(name, output));
    attempt.fix.module_hash = sha256(patched);
    name = output;
    if (side == Side::kInstalled) {
      attempt.installed = std::move(patched);
      attempt.patches_installed = true;
    } else {
      attempt.target = std::move(patched);
    }
    attempt.stubbed += repair.stubs ? 1 : 0;
    attempt.say(side == Side::kTarget ? "in the new module " + repair.what : repair.what,
                repair.costs);
    return attempt;
  }

  Status finish(Attempt attempt, const executor::InstallOutcome& outcome) {
    CANREC_CHECK(trial_.judge(attempt, outcome));
    attempt.fix.commands.push_back(trial_.rehearsal(attempt));
    attempt.name_modules(attempt.patches_installed ? Goes::kBySnapshot : Goes::kByUpgrade);
    found_.fixes.push_back(std::move(attempt.fix));
    return Ok{};
  }

  // When all is in vain, what lies behind the failure is told.
  Status add_furthest() {
    if (found_.fixes.empty() && furthest_) {
      return finish(std::move(furthest_->attempt), furthest_->outcome);
    }
    return Ok{};
  }

  Trial& trial_;
  size_t most_;
  uint64_t spent_ = 0;
  std::set<std::pair<Sha256, Sha256>> seen_;
  std::optional<Node> furthest_;
  Found found_;
};

}  // namespace

Side side_of(std::string_view stage) {
  if (stage == "canister_pre_upgrade") return Side::kInstalled;
  if (stage == "canister_post_upgrade" || stage == "(start)") return Side::kTarget;
  return Side::kNeither;
}

Result<Found> search_repairs(Trial& trial, const executor::InstallOutcome& failure) {
  return Search(trial).run(failure);
}

}  // namespace canrec::recover
