// SPDX-License-Identifier: Apache-2.0
// Who can act when an upgrade goes wrong, and what there is to go back to.
#include <fmt/core.h>

#include <algorithm>

#include "recover/check_rows.h"
#include "recover/way_back.h"

namespace canrec::recover {
namespace {

Answer answer_of(Severity severity) {
  if (severity == Severity::kError) return Answer::kBad;
  return severity == Severity::kWarning ? Answer::kLook : Answer::kGood;
}

}  // namespace

void check_controllers(const CheckRequest& request, CheckRow& r) {
  ask(r, "controllers", "who can still act when it goes wrong?");
  const std::vector<ic::Principal>& told = request.controllers;
  if (told.empty()) {
    return say(r, Answer::kNotAsked, "not told",
               "--controller ID for each of icp canister status, and --identity for yours");
  }
  const bool anonymous = std::ranges::find(told, ic::Principal::anonymous()) != told.end();
  if (anonymous) {
    return say(r, Answer::kBad, "the anonymous principal is a controller: anyone can do anything",
               "icp canister settings update --remove-controller 2vxsx-fae");
  }
  if (!request.identity) {
    return say(r, Answer::kUnknown, fmt::format("{} told, and not which one is yours", told.size()),
               "--identity ID (icp identity principal)");
  }
  if (std::ranges::find(told, *request.identity) == told.end()) {
    return say(r, Answer::kBad,
               fmt::format("{} is none of the {} controllers: the network refuses the upgrade and "
                           "every snapshot command",
                           request.identity->text(), told.size()),
               "use the identity of a controller");
  }
  if (told.size() == 1) {
    return say(r, Answer::kLook, "you are the only one: when the key is lost nobody can go back",
               "icp canister settings update --add-controller ID, of a key kept elsewhere");
  }
  say(r, Answer::kGood, fmt::format("you and {} more", told.size() - 1));
}

Status check_backup(const CheckRequest& request, const Sha256& module, CheckRow& r) {
  ask(r, "backup", "is there a way back?");
  const std::string& told = request.backup;
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
      request.executor.interrupt != nullptr ? *request.executor.interrupt : never;
  CANREC_TRY(const WayBack way, judge_way_back(told, module, request.state, interrupt));
  say(r, answer_of(way.severity), way.words, way.next);
  return Ok{};
}

}  // namespace canrec::recover
