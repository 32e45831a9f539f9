// SPDX-License-Identifier: Apache-2.0
// Queries: nothing they change stays. A composite query calls further queries, each on a copy of
// its canister, and goes on in its callbacks on its own copy.
#include <algorithm>
#include <utility>

#include <fmt/core.h>

#include "executor/network.h"

namespace canrec::executor {
namespace {

// What the calls of one composite query share.
struct Tree {
  uint64_t instructions_left;
  uint64_t calls = 0;
};

// One query of a tree, with its own copy of the canister's state.
class QueryNode {
 public:
  QueryNode(Network& network, Tree& tree, const Canister& canister, uint64_t depth)
      : network_(network), tree_(tree), canister_(canister), depth_(depth) {}

  Result<Answer> run(const std::string& method, ByteView argument, const ic::Principal& caller);

 private:
  Result<Answer> run_plain(wasm::FuncIdx function, const std::string& method, Inputs in);
  Result<Answer> run_composite(wasm::FuncIdx function, const std::string& method, Inputs in);
  Result<Answer> answer_call(const OutgoingCall& call);
  Result<std::optional<Failure>> continue_with(const OutgoingCall& call, const Answer& answer);
  Result<Run> step(const Entry& entry, std::string name, Inputs in);
  void take(Run& run);

  Network& network_;
  Tree& tree_;
  const Canister& canister_;
  uint64_t depth_;
  std::optional<WasmState> state_;
  ic::Principal caller_;
  uint64_t instructions_ = 0;
  std::optional<Answer> answer_;
  std::vector<OutgoingCall> pending_;
};

Result<Answer> QueryNode::run(const std::string& method, ByteView argument,
                              const ic::Principal& caller) {
  if (auto why = not_running(canister_)) return Answer(std::move(*why));
  if (!canister_.wasm) return Answer(no_module(canister_));
  if (network_.is_frozen(canister_)) {
    return Answer(failure(
        ic::ErrorCode::kOutOfCycles,
        fmt::format("Canister {} is unable to process query calls because it's frozen. Please top "
                    "up the canister with cycles and try again.",
                    canister_.id.text())));
  }
  caller_ = caller;
  const Code& code = *canister_.wasm->code;
  const auto plain = code.method(ic::MethodKind::kQuery, method);
  const auto composite = code.method(ic::MethodKind::kCompositeQuery, method);
  Inputs in = network_.inputs(
      canister_, plain ? ic::Context::kNonReplicatedQuery : ic::Context::kCompositeQuery);
  in.caller = caller;
  in.argument = argument;
  in.instructions = std::min(in.instructions, tree_.instructions_left);
  if (plain) return run_plain(*plain, method, in);
  if (composite) return run_composite(*composite, method, in);
  return Answer(no_method(canister_, "query", method));
}

Result<Answer> QueryNode::run_plain(wasm::FuncIdx function, const std::string& method, Inputs in) {
  // Runs on the canister itself, which is rolled back.
  CANREC_TRY(Canister* const target, network_.canister(canister_.id));
  CANREC_TRY(Run run,
             network_.execute(*target->wasm, function, fmt::format("canister_query {}", method), in,
                              Keep::kNo, nullptr));
  tree_.instructions_left -= std::min(tree_.instructions_left, run.report.instructions);
  if (!run.ok()) return Answer(failure_of(run.report));
  take(run);
  if (answer_) return std::move(*answer_);
  return Answer(did_not_reply(canister_));
}

Result<Run> QueryNode::step(const Entry& entry, std::string name, Inputs in) {
  in.already_replied = answer_.has_value();
  in.context_instructions = instructions_;
  CANREC_TRY(Run run, network_.execute(*state_, entry, std::move(name), in, Keep::kYes, nullptr));
  tree_.instructions_left -= std::min(tree_.instructions_left, run.report.instructions);
  instructions_ += run.report.instructions;
  return run;
}

// Keeps what a run that ended well wants: its answer and its calls.
void QueryNode::take(Run& run) {
  if (run.effects.response) answer_ = answer_of(std::move(*run.effects.response));
  for (OutgoingCall& call : run.effects.calls) pending_.push_back(std::move(call));
}

Result<Answer> QueryNode::run_composite(wasm::FuncIdx function, const std::string& method,
                                        Inputs in) {
  CANREC_TRY(WasmState copy, canister_.wasm->fork());
  state_.emplace(std::move(copy));
  CANREC_TRY(Run run, step(function, fmt::format("canister_composite_query {}", method), in));
  if (!run.ok()) return Answer(failure_of(run.report));
  take(run);
  std::optional<Failure> last;
  while (!pending_.empty()) {
    const OutgoingCall call = std::move(pending_.front());
    pending_.erase(pending_.begin());
    CANREC_TRY(const Answer answer, answer_call(call));
    CANREC_TRY(last, continue_with(call, answer));
  }
  if (answer_) return std::move(*answer_);
  if (last) return Answer(std::move(*last));
  return Answer(did_not_reply(canister_));
}

Result<Answer> QueryNode::answer_call(const OutgoingCall& call) {
  const Profile& profile = network_.options.profile;
  if (depth_ + 1 >= profile[Limit::kCompositeDepth]) {
    return Answer(failure(ic::ErrorCode::kQueryGraphTooDeep,
                          fmt::format("Composite query calls are nested too deeply: at most {}",
                                      profile[Limit::kCompositeDepth])));
  }
  const uint64_t overhead = profile[Limit::kCompositeCallOverhead];
  if (tree_.instructions_left <= overhead) {
    return Answer(failure(ic::ErrorCode::kQueryGraphInstructions,
                          "Composite query used up the instructions of its whole call tree"));
  }
  tree_.instructions_left -= overhead;
  ++tree_.calls;
  const auto found = network_.world.canisters.find(call.callee);
  if (found == network_.world.canisters.end()) {
    return Answer(not_found(network_, call.callee));
  }
  QueryNode node(network_, tree_, found->second, depth_ + 1);
  return node.run(call.method, call.payload, canister_.id);
}

// Runs the callback of an answered call, and its cleanup when that traps.
Result<std::optional<Failure>> QueryNode::continue_with(const OutgoingCall& call,
                                                        const Answer& answer) {
  const auto* reply = std::get_if<Bytes>(&answer);
  Inputs in = network_.inputs(canister_,
                              reply ? ic::Context::kCompositeReply : ic::Context::kCompositeReject);
  std::string reject_message;
  if (reply != nullptr) {
    in.argument = *reply;
  } else {
    const Failure& why = std::get<Failure>(answer);
    reject_message = why.text();
    in.reject_code = why.reject_code;
    in.reject_message = reject_message;
  }
  in.caller = caller_;
  in.instructions = std::min(in.instructions, tree_.instructions_left);
  CANREC_TRY(Run run, step(reply ? call.reply : call.reject,
                           reply ? "composite reply callback" : "composite reject callback", in));
  if (run.ok()) {
    take(run);
    return std::optional<Failure>();
  }
  Failure why = failure_of(run.report);
  if (!call.cleanup) return std::optional<Failure>(std::move(why));
  Inputs cleanup = network_.inputs(canister_, ic::Context::kCompositeCleanup);
  cleanup.caller = caller_;
  cleanup.instructions = std::min(cleanup.instructions, tree_.instructions_left);
  CANREC_TRY(const Run tidied, step(*call.cleanup, "composite cleanup callback", cleanup));
  if (!tidied.ok()) {
    why.description = fmt::format("{}\n\ncall_on_cleanup also failed:\n\n{}", why.description,
                                  failure_of(tidied.report).description);
  }
  return std::optional<Failure>(std::move(why));
}

}  // namespace

Result<CallOutcome> Network::query(const Call& call) {
  const uint64_t limit = options.profile[Limit::kIngressBytes];
  if (call.argument.size() > limit) return fail(argument_too_large(call.argument.size(), limit));
  (void)runs.take();
  absent.clear();
  CANREC_TRY(const Canister* const target, canister(call.canister));
  Tree tree{options.profile[Limit::kCompositeTreeInstructions]};
  QueryNode node(*this, tree, *target, 0);
  CANREC_TRY(Answer answer, node.run(call.method, call.argument, call.caller));
  return CallOutcome{std::move(answer), runs.take(), {absent.begin(), absent.end()}};
}

}  // namespace canrec::executor
