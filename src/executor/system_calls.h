// SPDX-License-Identifier: Apache-2.0
#pragma once

// The System API: what the functions of ic/system_api.def do. A call is charged, then its context
// is tested, then its arguments; the first thing wrong stops the execution. Everything that
// outlives the execution is put into Effects.
//
// Source: https://internetcomputer.org/docs/references/ic-interface-spec#system-api-imports and
// dfinity/ic rs/embedders/src/wasmtime_embedder/system_api.rs.

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "executor/execution.h"
#include "executor/memory_access.h"
#include "executor/profile.h"
#include "executor/report.h"
#include "executor/stop.h"
#include "ic/system_api.h"

namespace canrec::executor {

/// The instance that calls. Nothing is owned.
struct Machine {
  MeteredMemory* heap = nullptr;  ///< null when the module declares no memory
  MeteredMemory& stable;
  Meter& meter;
  bool is_64 = false;
};

/// What a range belongs to, as the network names it: "ic0.msg_arg_data_copy heap". Put together
/// only when something is wrong with the range.
struct Place {
  Place(const char* whole) : prefix(whole) {}
  Place(std::string_view api, std::string_view what) : prefix("ic0."), function(api), part(what) {}
  std::string text() const;

  std::string_view prefix;
  std::string_view function;
  std::string_view part;
};

/// IC0522 for a slice that took so much that nothing was left for the next.
Stop slice_overrun(const Inputs& inputs, uint64_t instructions);

/// The functions of one execution.
class SystemCalls {
 public:
  /// All three outlive this object; the report gets counts, the last calls and the prints.
  SystemCalls(const Profile& profile, const Inputs& inputs, RunReport& report)
      : profile_(profile), in_(inputs), report_(report), log_bytes_(inputs.log_bytes_used) {}

  /// Performs one call of a canister.
  ///
  /// Shape:  as many arguments as the function has, i32 zero-extended; the result likewise.
  OrStop<std::optional<uint64_t>> call(ic::SystemApi function, std::span<const uint64_t> arguments,
                                       Machine& machine);

  /// What the execution wants changed; complete when the export has returned.
  Effects& effects() { return effects_; }
  /// Takes a stop's text into the canister's log, as the network does for every trap.
  void log_stop(const Stop& stop);
  /// Whether the heap may grow by so much, as far as cycles go; to be asked once for each growth.
  OrStop<Ok> pay_for_growth(uint64_t bytes);
  /// Whether it was stopped because its calls took more room than there is, which is a limit of
  /// ours.
  bool out_of_message_room() const { return out_of_message_room_; }
  /// Lines for the canister's log; they stay when the execution is undone.
  const std::vector<std::string>& log_lines() const { return log_lines_; }

 private:
  using Value = OrStop<std::optional<uint64_t>>;
  using Arguments = std::span<const uint64_t>;

  // The frame of every call.
  Value perform(ic::SystemApi function, Arguments a);
  Value dispatch(ic::SystemApi function, Arguments a);
  OrStop<Ok> charge(ic::SystemApi function, Arguments a);
  OrStop<Ok> spend(uint64_t instructions);
  OrStop<Ok> check_budget();

  // The heap: bounds first, then pages.
  OrStop<Ok> heap_check(const Place& place, uint64_t at, uint64_t length);
  OrStop<ByteView> heap_read(const Place& place, uint64_t from, uint64_t length);
  Value copy_out(std::string_view function, std::string_view source_name, ByteView source,
                 uint64_t to, uint64_t offset, uint64_t length);
  Value write_amount(std::string_view function, uint64_t to, Cycles amount);
  OrStop<ic::Principal> principal_at(const Place& place, uint64_t from, uint64_t length);

  // Answering (system_calls_reply.cc).
  Value reply_data_append(uint64_t from, uint64_t length);
  Value reply();
  Value reject(uint64_t from, uint64_t length);
  Value accept_message();
  OrStop<Ok> not_yet_replied(std::string_view text);
  OrStop<Ok> payload_fits(std::string_view function, uint64_t bytes);

  // Cycles and calls (system_calls_call.cc).
  Value cycles_call(ic::SystemApi function, Arguments a);
  Value in_64_bits(Cycles amount);
  Cycles accept(Cycles most);
  Cycles burn(Cycles most);
  Cycles available() const;
  Cycles balance() const;
  Cycles liquid_balance() const;
  Cycles threshold() const;
  Cycles call_price(uint64_t bytes) const;
  Value call_new(Arguments a);
  Value call_on_cleanup(Continuation cleanup);
  Value call_data_append(uint64_t from, uint64_t length);
  Value call_with_best_effort_response(uint32_t seconds);
  Value call_cycles_add(std::string_view function, Cycles amount);
  Value call_perform();
  OrStop<Ok> take_message_room(uint64_t bytes);
  OrStop<OutgoingCall*> under_construction(std::string_view function);

  // Stable memory (system_calls_stable.cc).
  Value stable_size(bool is_32);
  Value stable_grow(uint64_t more, bool is_32);
  Value stable_read(uint64_t to, uint64_t from, uint64_t length, bool is_32);
  Value stable_write(uint64_t to, uint64_t from, uint64_t length, bool is_32);
  OrStop<Ok> small_enough_for_32_bits();
  OrStop<Ok> stable_bounds(uint64_t at, uint64_t length);
  OrStop<Ok> heap_bounds(uint64_t at, uint64_t length);
  OrStop<Ok> wide_address(uint64_t at, uint64_t length);
  OrStop<Ok> may_access(uint64_t at, uint64_t length);
  OrStop<Ok> may_write(uint64_t at, uint64_t length);

  // Everything else (system_calls_misc.cc).
  Value certified_data_set(uint64_t from, uint64_t length);
  Value global_timer_set(uint64_t time_ns);
  Value performance_counter(uint32_t type);
  Value is_controller(uint64_t from, uint64_t length);
  Value cost(ic::SystemApi function, Arguments a);
  Value cost_sign(ic::SystemApi function, Arguments a, uint32_t algorithms);
  Value variables_call(ic::SystemApi function, Arguments a);
  OrStop<std::string> variable_name(std::string_view function, uint64_t from, uint64_t length);
  OrStop<std::string_view> variable_name_at(uint64_t index);
  OrStop<std::string_view> variable_value(const std::string& name);
  Value debug_print(uint64_t from, uint64_t length);
  Value trap(uint64_t from, uint64_t length);
  std::string log_text(uint64_t from, uint64_t length, std::string_view when_out_of_bounds);
  void append_log(std::string line);

  const Profile& profile_;
  const Inputs& in_;
  RunReport& report_;
  Machine* machine_ = nullptr;  // of the call being performed
  Effects effects_;
  Bytes reply_data_;
  std::optional<OutgoingCall> call_;
  uint64_t grown_bytes_ = 0;
  uint64_t message_bytes_ = 0;  // of all calls so far
  bool out_of_message_room_ = false;
  uint64_t log_bytes_;
  uint64_t kept_log_bytes_ = 0;
  uint64_t kept_print_bytes_ = 0;
  std::vector<std::string> log_lines_;
};

}  // namespace canrec::executor
