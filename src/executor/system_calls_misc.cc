// SPDX-License-Identifier: Apache-2.0
// System API: certified data, timer, counters, prices, environment variables, debugging.
#include <algorithm>
#include <array>
#include <iterator>
#include <utility>

#include <fmt/core.h>

#include "base/checked.h"
#include "candid/binary.h"
#include "candid/value.h"
#include "executor/system_calls.h"

namespace canrec::executor {
namespace {

// Prices on a subnet of 13 nodes, in cycles. Source: system-api.md 1.11 and 4.4;
// https://internetcomputer.org/docs/references/cycle-costs
constexpr uint64_t kCreateCanister = 500'000'000'000;
constexpr uint64_t kHttpRequestBase = 49'140'000;
constexpr uint64_t kHttpRequestPerByte = 5'200;
constexpr uint64_t kHttpResponsePerByte = 10'400;

// Bytes of printed lines that are kept of one execution, up to twice as many until the older ones
// go. Reason: a loop that prints would take all memory long before its instructions end.
constexpr uint64_t kKeptLineBytes = uint64_t{1} << 20;

// Adds a line to the last ones, which take `bytes`; the result is how many older ones went.
uint64_t keep(std::vector<std::string>& lines, uint64_t& bytes, std::string line) {
  const auto size = [](const std::string& text) { return text.size() + sizeof(std::string); };
  bytes += size(line);
  lines.push_back(std::move(line));
  if (bytes <= 2 * kKeptLineBytes) return 0;
  size_t gone = 0;
  for (; bytes > kKeptLineBytes; ++gone) bytes -= size(lines[gone]);
  lines.erase(lines.begin(), lines.begin() + static_cast<ptrdiff_t>(gone));
  return gone;
}

struct KeyPrice {
  std::string_view key;
  uint64_t cycles;
};
constexpr auto kKeyPrices = std::to_array<KeyPrice>({
    {"key_1", 26'153'846'153},
    {"test_key_1", 10'000'000'000},
});

// What a canister expects an HTTP request to use, for cost_http_request_v2.
struct HttpUsage {
  uint64_t request_bytes = 0;
  uint64_t milliseconds = 0;
  uint64_t raw_bytes = 0;
  uint64_t transformed_bytes = 0;
  uint64_t transform_instructions = 0;
};

// A record of these five nat64 and nothing else: the network skips no field it does not know.
Result<HttpUsage> read_http_usage(ByteView parameters) {
  CANREC_TRY(const candid::Message message, candid::decode(parameters));
  const auto record = candid::argument(message, 0);
  if (!record || record->kind() != candid::Kind::kRecord || record->size() != 5) {
    return fail(Errc::kCandidMismatch, "not a record of the five fields");
  }
  HttpUsage usage;
  const auto fields = std::to_array<std::pair<std::string_view, uint64_t*>>({
      {"request_bytes", &usage.request_bytes},
      {"http_roundtrip_time_ms", &usage.milliseconds},
      {"raw_response_bytes", &usage.raw_bytes},
      {"transformed_response_bytes", &usage.transformed_bytes},
      {"transform_instructions", &usage.transform_instructions},
  });
  for (const auto& [name, target] : fields) {
    const auto field = record->field(name);
    if (!field || field->kind() != candid::Kind::kNat64) {
      return fail(Errc::kCandidMismatch, fmt::format("no nat64 field {}", name));
    }
    *target = field->natural().value_or(0);
  }
  return usage;
}

// A fully replicated request on a subnet of 13 nodes. Source: dfinity/ic
// rs/cycles_account_manager/src/cycles_account_manager.rs, http_request_fee_v2.
Cycles http_price(const HttpUsage& usage) {
  constexpr uint64_t kNodes = 13;
  const Cycles one_node = 1'000'000 + Cycles{50} * usage.request_bytes + 140'000 * kNodes +
                          800 * kNodes * kNodes + Cycles{50} * usage.raw_bytes +
                          Cycles{300} * usage.milliseconds + usage.transform_instructions / 13 +
                          Cycles{10 * kNodes + 650} * usage.transformed_bytes;
  return one_node * kNodes;
}

}  // namespace

SystemCalls::Value SystemCalls::certified_data_set(uint64_t from, uint64_t length) {
  const uint64_t limit = profile_[Limit::kCertifiedDataBytes];
  if (length > limit) {
    return fail(violation(
        fmt::format("ic0_certified_data_set failed because the passed data must be no larger than "
                    "{} bytes. Found {} bytes.",
                    limit, length)));
  }
  CANREC_TRY(const ByteView bytes, heap_read("ic0.certified_data_set", from, length));
  effects_.certified_data = Bytes(bytes.begin(), bytes.end());
  return std::nullopt;
}

SystemCalls::Value SystemCalls::global_timer_set(uint64_t time_ns) {
  const uint64_t previous = effects_.global_timer_ns.value_or(in_.global_timer_ns);
  effects_.global_timer_ns = time_ns;
  return previous;
}

SystemCalls::Value SystemCalls::performance_counter(uint32_t type) {
  const uint64_t here = in_.instructions - static_cast<uint64_t>(machine_->meter.remaining());
  if (type == 0) return here;
  if (type == 1) return in_.context_instructions + here;
  return fail(violation(fmt::format("Error getting performance counter type {}", type)));
}

SystemCalls::Value SystemCalls::is_controller(uint64_t from, uint64_t length) {
  CANREC_TRY(const ic::Principal who, principal_at("ic0.is_controller", from, length));
  const auto& all = *in_.controllers;
  return uint64_t{std::find(all.begin(), all.end(), who) != all.end()};
}

SystemCalls::Value SystemCalls::cost(ic::SystemApi function, Arguments a) {
  const std::string_view name = ic::info(function).name;
  if (function == ic::SystemApi::kCostCreateCanister) {
    return write_amount(name, a[0], kCreateCanister);
  }
  if (function == ic::SystemApi::kCostCall) {
    const uint64_t bytes = checked_add(a[0], a[1]).value_or(UINT64_MAX);
    return write_amount(name, a[2], call_price(bytes));
  }
  if (function == ic::SystemApi::kCostHttpRequest) {
    return write_amount(name, a[2],
                        kHttpRequestBase + Cycles{kHttpRequestPerByte} * a[0] +
                            Cycles{kHttpResponsePerByte} * a[1]);
  }
  CANREC_TRY(const ByteView parameters, heap_read("ic0.cost_http_request_v2 heap", a[0], a[1]));
  const auto usage = read_http_usage(parameters);
  if (!usage) {
    return fail(toolchain_violation(fmt::format(
        "Failed to decode HttpRequestV2CostParams from Candid: {}", usage.error().message())));
  }
  return write_amount(name, a[2], http_price(*usage));
}

SystemCalls::Value SystemCalls::cost_sign(ic::SystemApi function, Arguments a,
                                          uint32_t algorithms) {
  const std::string_view name = ic::info(function).name;
  CANREC_TRY(const ByteView key, heap_read(Place(name, ""), a[0], a[1]));
  if (static_cast<uint32_t>(a[2]) >= algorithms) return uint64_t{1};
  for (const KeyPrice& row : kKeyPrices) {
    if (row.key != as_text(key)) continue;
    CANREC_CHECK(write_amount(name, a[3], row.cycles));
    return uint64_t{0};
  }
  return uint64_t{2};
}

OrStop<std::string> SystemCalls::variable_name(std::string_view function, uint64_t from,
                                               uint64_t length) {
  const uint64_t limit = profile_[Limit::kEnvironmentNameBytes];
  if (length > limit) {
    return fail(violation(
        fmt::format("ic0.{}: Variable name is too large. Maximum allowed size is {} bytes, but got "
                    "{} bytes.",
                    function, limit, length)));
  }
  CANREC_TRY(const ByteView bytes, heap_read(Place(function, ""), from, length));
  if (!is_utf8(bytes)) {
    return fail(
        violation(fmt::format("ic0.{}: Variable name is not a valid UTF-8 string.", function)));
  }
  return std::string(as_text(bytes));
}

OrStop<std::string_view> SystemCalls::variable_name_at(uint64_t index) {
  const auto& all = *in_.environment;
  if (index >= all.size()) {
    return fail(stop(ic::ExecutionError::kEnvironmentIndex,
                     {std::to_string(index), std::to_string(all.size())}));
  }
  return std::string_view(std::next(all.begin(), static_cast<ptrdiff_t>(index))->first);
}

OrStop<std::string_view> SystemCalls::variable_value(const std::string& name) {
  const auto it = in_.environment->find(name);
  if (it == in_.environment->end()) {
    return fail(stop(ic::ExecutionError::kEnvironmentName, {name}));
  }
  return std::string_view(it->second);
}

SystemCalls::Value SystemCalls::variables_call(ic::SystemApi function, Arguments a) {
  using enum ic::SystemApi;
  const std::string_view api = ic::info(function).name;
  if (function == kEnvVarCount) return in_.environment->size();
  if (function == kEnvVarNameSize || function == kEnvVarNameCopy) {
    CANREC_TRY(const std::string_view name, variable_name_at(a[0]));
    if (function == kEnvVarNameSize) return name.size();
    return copy_out(api, "name", as_bytes(name), a[1], a[2], a[3]);
  }
  CANREC_TRY(const std::string name, variable_name(api, a[0], a[1]));
  if (function == kEnvVarNameExists) return uint64_t{in_.environment->contains(name)};
  CANREC_TRY(const std::string_view value, variable_value(name));
  if (function == kEnvVarValueSize) return value.size();
  return copy_out(api, "value", as_bytes(value), a[2], a[3], a[4]);
}

std::string SystemCalls::log_text(uint64_t from, uint64_t length,
                                  std::string_view when_out_of_bounds) {
  const uint64_t kept = std::min(length, profile_[Limit::kLogMessageBytes]);
  const auto bytes = heap_read("log", from, kept);
  return bytes ? utf8_lossy(*bytes) : std::string(when_out_of_bounds);
}

SystemCalls::Value SystemCalls::debug_print(uint64_t from, uint64_t length) {
  const std::string text = log_text(from, length, "(debug message out of memory bounds)");
  report_.prints_dropped += keep(report_.prints, kept_print_bytes_, text);
  append_log(text);
  return std::nullopt;
}

SystemCalls::Value SystemCalls::trap(uint64_t from, uint64_t length) {
  std::string text = log_text(from, length, "(trap message out of memory bounds)");
  Stop end = stop(ic::ExecutionError::kCalledTrap, {text});
  end.log = std::move(text);
  return fail(std::move(end));
}

void SystemCalls::log_stop(const Stop& stop) {
  append_log(fmt::format("[TRAP]: {}", stop.log.empty() ? "(no message)" : stop.log));
}

void SystemCalls::append_log(std::string line) {
  log_bytes_ += line.size();
  keep(log_lines_, kept_log_bytes_, std::move(line));
}

}  // namespace canrec::executor
