// SPDX-License-Identifier: Apache-2.0
// What callers are told in place of a reply, in the network's words.
#include <utility>

#include <fmt/core.h>

#include "executor/network.h"

namespace canrec::executor {

Answer answer_of(CanisterResponse&& response) {
  if (auto* reply = std::get_if<Bytes>(&response)) return std::move(*reply);
  return canister_reject(std::move(std::get<CanisterReject>(response).message));
}

Error argument_too_large(uint64_t bytes, uint64_t limit) {
  return {Errc::kMessageLimit, std::nullopt,
          fmt::format("the argument of {} is over the limit of {} for a message from outside",
                      human_size(bytes), human_size(limit))};
}

Failure failure_of(const RunReport& report) {
  return failure_of(report.stopped->stop, report.canister.text(),
                    report.stopped->network_backtrace);
}

Failure no_method(const Canister& canister, std::string_view kind, std::string_view name) {
  return failure_of(stop(ic::ExecutionError::kNoSuchMethod, {std::string(kind), std::string(name)}),
                    canister.id.text(), {});
}

Failure not_controller(const Canister& canister, const ic::Principal& sender) {
  std::string controllers;
  for (const ic::Principal& one : canister.settings.controllers) {
    controllers += (controllers.empty() ? "" : " ") + one.text();
  }
  return failure(ic::ErrorCode::kInvalidController,
                 fmt::format("Only the controllers of the canister {} can control it.\n"
                             "Canister's controllers: {}\nSender's ID: {}",
                             canister.id.text(), controllers, sender.text()));
}

Failure did_not_reply(const Canister& canister) {
  return failure(ic::ErrorCode::kDidNotReply,
                 fmt::format("Canister {} did not reply to the call", canister.id.text()));
}

std::optional<Failure> not_running(const Canister& canister) {
  switch (canister.status) {
    case RunStatus::kRunning:
      break;
    case RunStatus::kStopped:
      return failure(ic::ErrorCode::kStopped,
                     fmt::format("Canister {} is stopped", canister.id.text()));
    case RunStatus::kStopping:
      return failure(ic::ErrorCode::kStopping,
                     fmt::format("Canister {} is stopping", canister.id.text()));
  }
  return std::nullopt;
}

Failure no_module(const Canister& canister) {
  return failure_of(stop(ic::ExecutionError::kNoModule), canister.id.text(), {});
}

Failure not_found(Network& network, const ic::Principal& callee) {
  if (callee != ic::Principal()) network.absent.insert(callee);
  return failure(ic::ErrorCode::kCanisterNotFound,
                 fmt::format("Canister {} not found", callee.text()));
}

Network::Network(const Options& given) : options(given) { world.time_ns = given.time_ns; }

}  // namespace canrec::executor
