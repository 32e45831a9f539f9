// SPDX-License-Identifier: Apache-2.0
// Turning misfits of types into problems of clients.
#include "candid/upgrade.h"

#include <fmt/core.h>

#include "candid/printer.h"

namespace canrec::candid {
namespace {

// Levels of a type shown in a report; the rest is "...".
constexpr uint32_t kShownDepth = 6;

std::string step_words(const Step& step) {
  switch (step.kind) {
    case StepKind::kMethod:
      return fmt::format("method {}", step.label);
    case StepKind::kArgument:
      return fmt::format("argument {}", step.label);
    case StepKind::kResult:
      return fmt::format("result {}", step.label);
    case StepKind::kField:
      return fmt::format("field {}", step.label);
    case StepKind::kTag:
      return fmt::format("tag {}", step.label);
    case StepKind::kOption:
      return "option";
    case StepKind::kElement:
      return "element";
  }
  CANREC_ASSERT(false);
}

std::string path_words(const std::vector<Step>& path) {
  std::string words;
  for (const Step& step : path) {
    if (!words.empty()) words += ", ";
    words += step_words(step);
  }
  return words;
}

// The problem a misfit is: one behind an argument has the old callers on the sending side.
UpgradeProblem classify(const Misfit& misfit) {
  switch (misfit.kind) {
    case ProblemKind::kMethodMissing:
      return UpgradeProblem::kMethodMissing;
    case ProblemKind::kAnnotation:
      return UpgradeProblem::kAnnotationChanged;
    case ProblemKind::kFieldMissing:
      return misfit.swapped ? UpgradeProblem::kFieldRequired : UpgradeProblem::kFieldMissing;
    case ProblemKind::kTagUnknown:
      return misfit.swapped ? UpgradeProblem::kTagNotHandled : UpgradeProblem::kTagUnknown;
    case ProblemKind::kMismatch:
      return UpgradeProblem::kMismatch;
  }
  CANREC_ASSERT(false);
}

// One sentence on who sends what to whom. `server` and `client` are "new"/"old" in some order.
std::string sentence(const InterfaceProblem& problem, const Misfit& misfit, std::string_view server,
                     std::string_view client) {
  const std::string label = misfit.path.empty() ? "" : step_words(misfit.path.back());
  if (misfit.below_option) {
    const std::string_view reader = misfit.swapped ? server : client;
    const bool canister = misfit.swapped;
    return fmt::format(
        "the {} {} silently reads null where the {} {} sends a value that does not "
        "fit",
        reader, canister ? "canister" : "clients", canister ? client : server,
        canister ? "client" : "canister");
  }
  switch (problem.kind) {
    case UpgradeProblem::kMethodMissing:
      return fmt::format("{} clients call the {}, which the {} canister does not have", client,
                         label, server);
    case UpgradeProblem::kAnnotationChanged:
      return fmt::format("{} clients call it as {}, the {} canister has it as {}", client,
                         mode_name(misfit.super.env->resolved(misfit.super.type).mode), server,
                         mode_name(misfit.sub.env->resolved(misfit.sub.type).mode));
    case UpgradeProblem::kFieldRequired:
      return fmt::format("the {} canister requires {}, which {} clients do not send", server, label,
                         client);
    case UpgradeProblem::kFieldMissing:
      return fmt::format("{} clients require {}, which the {} canister does not give", client,
                         label, server);
    case UpgradeProblem::kTagNotHandled:
      return fmt::format("{} clients may send the {}, which the {} canister does not know", client,
                         label, server);
    case UpgradeProblem::kTagUnknown:
      return fmt::format("the {} canister may give the {}, which {} clients do not know", server,
                         label, client);
    case UpgradeProblem::kMismatch:
      return misfit.swapped
                 ? fmt::format("the {} canister cannot read what {} clients send", server, client)
                 : fmt::format("{} clients cannot read what the {} canister gives", client, server);
  }
  CANREC_ASSERT(false);
}

// Compares `server` <: `client`, method by method, so that a type that many methods use is
// reported for each of them.
class ServiceCheck {
 public:
  ServiceCheck(const Program& server, const Program& client, bool upgrade)
      : server_(server), client_(client), upgrade_(upgrade), checker_(server.env, client.env) {}

  Result<InterfaceVerdict> run();

 private:
  Status method(const Method& wanted);
  void add(const Misfit& misfit);

  const Program& server_;
  const Program& client_;
  bool upgrade_;
  SubtypeChecker checker_;
  InterfaceVerdict verdict_;
};

void ServiceCheck::add(const Misfit& misfit) {
  verdict_.strict = false;
  if (!misfit.below_option) verdict_.compatible = false;
  if (verdict_.problems.size() == kMaxProblems) {
    verdict_.truncated = true;
    return;
  }
  InterfaceProblem problem;
  problem.kind = classify(misfit);
  problem.path = path_words(misfit.path);
  if (!misfit.path.empty()) problem.method = misfit.path.front().label;
  // `sub` is of the server unless swapped.
  const TypeRef& server = misfit.swapped ? misfit.super : misfit.sub;
  const TypeRef& client = misfit.swapped ? misfit.sub : misfit.super;
  const auto shown = [](const TypeRef& ref) {
    return ref.env == nullptr ? std::string() : print_type(*ref.env, ref.type, kShownDepth);
  };
  problem.new_type = shown(upgrade_ ? server : client);
  problem.old_type = shown(upgrade_ ? client : server);
  problem.breaks = !misfit.below_option;
  problem.hurts_old = upgrade_;
  problem.message = sentence(problem, misfit, upgrade_ ? "new" : "old", upgrade_ ? "old" : "new");
  verdict_.problems.push_back(std::move(problem));
}

// The misfits of one method, or that it is missing.
Status ServiceCheck::method(const Method& wanted) {
  const Step step{StepKind::kMethod, wanted.name};
  const Method* given = find_method(server_.env.resolved(server_.actor->service), wanted.name);
  if (given == nullptr) {
    Misfit misfit;
    misfit.kind = ProblemKind::kMethodMissing;
    misfit.path = {step};
    misfit.sub = {nullptr, {}};
    misfit.super = {&client_.env, wanted.type};
    add(misfit);
    return Ok{};
  }
  CANREC_TRY(const bool strict, checker_.strict(given->type, wanted.type));
  if (strict) return Ok{};
  CANREC_TRY(std::vector<Misfit> found,
             checker_.misfits(given->type, wanted.type, kMaxProblems + 1));
  for (Misfit& misfit : found) {
    misfit.path.insert(misfit.path.begin(), step);
    add(misfit);
  }
  return Ok{};
}

Result<InterfaceVerdict> ServiceCheck::run() {
  const Type& wanted = client_.env.resolved(client_.actor->service);
  for (const Method& method : wanted.methods) CANREC_CHECK(this->method(method));
  return std::move(verdict_);
}

}  // namespace

std::string_view upgrade_problem_words(UpgradeProblem problem) {
  switch (problem) {
    case UpgradeProblem::kMethodMissing:
      return "method missing";
    case UpgradeProblem::kAnnotationChanged:
      return "annotation changed";
    case UpgradeProblem::kFieldRequired:
      return "field required but not sent";
    case UpgradeProblem::kFieldMissing:
      return "field missing";
    case UpgradeProblem::kTagNotHandled:
      return "tag not handled";
    case UpgradeProblem::kTagUnknown:
      return "tag unknown to old clients";
    case UpgradeProblem::kMismatch:
      return "type mismatch";
  }
  CANREC_ASSERT(false);
}

Result<InterfaceVerdict> check_upgrade(const Program& next, const Program& previous) {
  return ServiceCheck(next, previous, true).run();
}

Result<InterfaceVerdict> check_rollback(const Program& next, const Program& previous) {
  return ServiceCheck(previous, next, false).run();
}

}  // namespace canrec::candid
