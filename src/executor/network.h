// SPDX-License-Identifier: Apache-2.0
#pragma once

// The inside of the executor: canisters, the queue of messages between them, and the rules by which
// messages become executions. Used by the files of this folder only.
//
//   network.cc     the canisters, what an execution is given, what is paid for it
//   message.cc     update calls and responses
//   effects.cc     what executions leave behind: call contexts, and tasks
//   query.cc       queries and composite queries
//   install.cc     install_code and replace
//   management*.cc the management canister
//   failures.cc    what callers are told in place of a reply
//
// Only one execution is under way at a time, and messages are delivered in the order they were
// sent.

#include <cstdint>
#include <deque>
#include <list>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "executor/canister.h"
#include "executor/executor.h"
#include "executor/run.h"
#include "executor/run_log.h"

namespace canrec::executor {

/// A call on its way to a canister.
struct Request {
  Origin origin;
  ic::Principal caller;
  ic::Principal callee;
  std::string method;
  Bytes payload;
  Cycles cycles = 0;
  uint64_t deadline_ns = 0;
};

/// An answer on its way to a callback.
struct Response {
  CanisterOrigin to;
  Answer answer;
  Cycles refund = 0;
};
using Message = std::variant<Request, Response>;

/// Messages on their way, first in, first out.
class MessageQueue {
 public:
  void push(Message message);
  /// The oldest one; there must be one.
  Message pop();
  bool empty() const { return messages_.empty(); }
  /// What they hold in memory.
  uint64_t bytes() const { return bytes_; }

 private:
  static uint64_t bytes_of(const Message& message);
  std::deque<Message> messages_;
  uint64_t bytes_ = 0;
};

/// What revert() goes back to.
struct World {
  std::map<ic::Principal, Canister> canisters;
  MessageQueue queue;
  uint64_t time_ns = 0;
  uint64_t canisters_made = 0;
  uint64_t ingress_made = 0;
  uint64_t random_made = 0;

  Result<World> fork() const;
};

/// Whether what a run changed is to stay.
enum class Keep : bool { kNo, kYes };

class Network {
 public:
  explicit Network(const Options& options);

  // network.cc
  Result<Canister*> canister(const ic::Principal& id);
  ic::Principal next_canister_id();

  // message.cc
  Result<CallOutcome> update(const Call& call);
  Result<CallOutcome> inspect(const Call& call);
  /// Delivers messages until none is left.
  Status deliver_all();
  /// Sends an answer to whoever waits for it.
  void respond(const Origin& origin, Answer answer, Cycles refund);

  // effects.cc
  /// Answers stop_canister calls when the last call context is gone.
  void settle_stop(Canister& canister);
  /// Runs a task to its end as a call context of its own.
  Result<TaskOutcome> task(Canister& canister, ic::Context context, std::string_view hook);
  /// The same from outside, with every message that it sets off.
  Result<TaskOutcome> task_to_the_end(const ic::Principal& id, ic::Context context,
                                      std::string_view hook);

  // query.cc
  Result<CallOutcome> query(const Call& call);

  // install.cc
  Result<InstallOutcome> install(const InstallRequest& request);
  Status replace(Canister& canister, ByteView module);

  // management.cc
  /// Answers a call of the management canister; nothing when the answer comes later. What is left
  /// of the request's cycles goes back.
  Result<std::optional<Answer>> manage(Request& request);

  // network.cc
  /// Runs an entry over a state, then commits or rolls back; `log` may be null.
  Result<Run> execute(WasmState& state, const Entry& entry, std::string name, const Inputs& inputs,
                      Keep keep, Canister* log, uint64_t memory_limit_bytes = 0);
  /// Takes what an execution of so many instructions may cost at most, and `more`; or says why the
  /// canister cannot pay. The result is what refund() settles.
  std::variant<Cycles, Failure> prepay(Canister& canister, uint64_t instructions, Cycles more,
                                       const ic::Principal& caller);
  /// Gives back what executions of so many instructions did not need.
  void refund(Canister& canister, Cycles prepaid, uint64_t instructions) const;
  bool is_frozen(const Canister& canister) const;

  /// What every execution of a canister is given: its state and the limits of the context.
  Inputs inputs(const Canister& canister, ic::Context context) const;
  /// The setting, where it is enforced.
  uint64_t memory_limit(const Canister& canister) const;
  RunFrame frame() const { return {options.profile, options.events, options.interrupt}; }

  Options options;
  CodeLibrary codes;
  World world;
  std::list<snapshot::Directory> directories;  ///< mapped as long as the executor
  std::map<uint64_t, World> checkpoints;
  uint64_t checkpoints_made = 0;
  std::map<uint64_t, Answer> answers;  ///< of ingress messages
  RunLog runs;                         ///< of the command under way
  std::set<ic::Principal> absent;      ///< canisters it called that are not here

 private:
  Status deliver(Request request);
  Status deliver(Response response);
  Status run_method(Canister& canister, Request request);
  Status run_hook_if_due(Canister& canister);
  void apply(Canister& canister, uint64_t context, Run& run, Keep keep);
  void apply_effects(Canister& canister, uint64_t context, Run& run, Keep keep);
  void finish(Canister& canister, uint64_t context, std::optional<Failure> failure);
};

/// The description of a run that was stopped.
Failure failure_of(const RunReport& report);
/// "Canister has no update method 'x'." as an answer.
Failure no_method(const Canister& canister, std::string_view kind, std::string_view name);
Failure no_module(const Canister& canister);
/// IC0512.
Failure not_controller(const Canister& canister, const ic::Principal& sender);
/// IC0506.
Failure did_not_reply(const Canister& canister);
/// The refusal of a canister that is stopped or stopping.
std::optional<Failure> not_running(const Canister& canister);
Answer answer_of(CanisterResponse&& response);
/// An argument over the limit for messages from outside.
Error argument_too_large(uint64_t bytes, uint64_t limit);
/// The encoding of no values at all, which most management calls are answered with.
Bytes empty_arguments();
/// The answer to a call of a canister that is not here, which is remembered.
Failure not_found(Network& network, const ic::Principal& callee);
/// A subnet's principal and the network's public key, for canisters that ask.
ic::Principal default_subnet();
ByteView root_key();

}  // namespace canrec::executor
