// SPDX-License-Identifier: Apache-2.0
// Who can act when an upgrade goes wrong, and what there is to go back to.
#include <fmt/core.h>

#include <algorithm>
#include <string_view>

#include "recover/check_rows.h"
#include "recover/way_back.h"

namespace canrec::recover {
namespace {

constexpr std::string_view kGiveStatus =
    "icp canister status ID --json > status.json, and --status status.json";

Answer answer_of(Severity severity) {
  if (severity == Severity::kError) return Answer::kBad;
  return severity == Severity::kWarning ? Answer::kLook : Answer::kGood;
}

}  // namespace

void check_installed(const CanisterStatus* status, const Sha256& module, CheckRow& r) {
  ask(r, "installed", "is OLD what is installed?");
  if (status == nullptr) {
    return say(r, Answer::kNotAsked, "not told", std::string(kGiveStatus));
  }
  const std::string canister = status->canister.text();
  if (!status->module_hash) {
    return say(r, Answer::kBad, fmt::format("no module is installed on {}", canister),
               "find the canister that you mean");
  }
  if (*status->module_hash != module) {
    return say(r, Answer::kBad,
               fmt::format("sha256 {} is installed on {}, so every answer here is about another "
                           "upgrade",
                           to_hex(*status->module_hash), canister),
               "give the module that is installed, or find the canister that you mean");
  }
  say(r, Answer::kGood, fmt::format("its hash is that of {} in the status", canister));
}

void check_controllers(const CheckRequest& request, const CanisterStatus* status, CheckRow& r) {
  ask(r, "controllers", "who can still act when it goes wrong?");
  const std::vector<ic::Principal>& found =
      status != nullptr ? status->controllers : request.controllers;
  if (found.empty() && status == nullptr) {
    return say(r, Answer::kNotAsked, "not told",
               std::string(kGiveStatus) + ", and --identity for yours (icp identity principal)");
  }
  if (std::ranges::find(found, ic::Principal::anonymous()) != found.end()) {
    return say(r, Answer::kBad, "the anonymous principal is a controller: anyone can do anything",
               "icp canister settings update --remove-controller 2vxsx-fae");
  }
  if (!request.identity) {
    return say(r, Answer::kUnknown,
               fmt::format("{} {}, and not which one is yours", found.size(),
                           status != nullptr ? "in the status" : "told"),
               "--identity ID (icp identity principal)");
  }
  if (std::ranges::find(found, *request.identity) == found.end()) {
    return say(r, Answer::kBad,
               fmt::format("{} is none of the {} controllers: the network refuses the upgrade and "
                           "every snapshot command",
                           request.identity->text(), found.size()),
               "use the identity of a controller");
  }
  if (found.size() == 1) {
    return say(r, Answer::kLook, "you are the only one: when the key is lost nobody can go back",
               "icp canister settings update --add-controller ID, of a key kept elsewhere");
  }
  const std::string words = fmt::format("you and {} more", found.size() - 1);
  if (status == nullptr) {
    return say(r, Answer::kLook, "told, not looked at: " + words, std::string(kGiveStatus));
  }
  say(r, Answer::kGood, words);
}

Status check_backup(const CheckRequest& request, const CanisterStatus* status, const Sha256& module,
                    CheckRow& r) {
  ask(r, "backup", "is there a way back?");
  const std::string& told = request.backup;
  static constexpr std::string_view kPoint = "--backup DIR or --backup STORE[:ID]";
  if (told.empty()) {
    say(r, Answer::kUnknown, "not told",
        fmt::format(
            "take a snapshot before (icp canister snapshot create, and download), and point "
            "to it: {}",
            kPoint));
    return Ok{};
  }
  if (told == "yes") {
    say(r, Answer::kLook, "told, not looked at: you say that there is one",
        fmt::format("point to it, then it is looked at: {}", kPoint));
    return Ok{};
  }
  if (told == "no") {
    say(r, Answer::kBad, "you say that there is none",
        "icp canister snapshot create, and download it");
    return Ok{};
  }
  static const Interrupt never;
  const Interrupt& interrupt =
      request.executor.interrupt != nullptr ? *request.executor.interrupt : never;
  WantedState wanted;
  wanted.module = module;
  wanted.directory = request.state;
  if (status != nullptr) wanted.canister = status->canister;
  CANREC_TRY(const WayBack way, judge_way_back(told, wanted, interrupt));
  say(r, answer_of(way.severity), way.words, way.next);
  return Ok{};
}

}  // namespace canrec::recover
