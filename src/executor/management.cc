// SPDX-License-Identifier: Apache-2.0
// The management canister: finding the method, its argument and its reply.
#include "executor/management.h"

#include <array>
#include <utility>

#include <fmt/core.h>

#include "executor/management_did.h"

namespace canrec::executor {
namespace {

const candid::Program& interface() {
  static const candid::Program program = [] {
    auto parsed = candid::parse_program(kManagementInterface);
    CANREC_ASSERT(parsed.has_value());
    return std::move(*parsed);
  }();
  return program;
}

}  // namespace

Bytes empty_arguments() { return {'D', 'I', 'D', 'L', 0, 0}; }

Result<std::optional<Answer>> Network::manage(Request& request) {
  return ManagementCall(*this, request, interface()).answer();
}

const ManagementCall::Row* ManagementCall::find(std::string_view method) {
  using M = ManagementCall;
  static constexpr auto kRows = std::to_array<Row>({
      {"canister_status", &M::canister_status, true},
      {"canister_info", &M::canister_info, false},
      {"update_settings", &M::update_settings, true},
      {"install_code", &M::install_code, true},
      {"install_chunked_code", &M::install_chunked_code, true},
      {"uninstall_code", &M::uninstall_code, true},
      {"upload_chunk", &M::upload_chunk, true},
      {"stored_chunks", &M::stored_chunks, true},
      {"clear_chunk_store", &M::clear_chunk_store, true},
      {"start_canister", &M::start_canister, true},
      {"stop_canister", &M::stop_canister, true},
      {"deposit_cycles", &M::deposit_cycles, false},
      {"raw_rand", &M::raw_rand, false},
      {"take_canister_snapshot", &M::take_snapshot, true},
      {"load_canister_snapshot", &M::load_snapshot, true},
      {"list_canister_snapshots", &M::list_snapshots, true},
      {"delete_canister_snapshot", &M::delete_snapshot, true},
      {"read_canister_snapshot_metadata", &M::read_snapshot_metadata, true},
      {"read_canister_snapshot_data", &M::read_snapshot_data, true},
      {"upload_canister_snapshot_metadata", &M::upload_snapshot_metadata, true},
      {"upload_canister_snapshot_data", &M::upload_snapshot_data, true},
  });
  for (const Row& row : kRows) {
    if (row.method == method) return &row;
  }
  return nullptr;
}

Result<std::optional<Answer>> ManagementCall::answer() {
  const Row* row = find(request_.method);
  if (row == nullptr) {
    return Answer(failure(ic::ErrorCode::kUnknownManagementMessage,
                          fmt::format("Management canister has no method '{}'", request_.method)));
  }
  const candid::TypeEnv& env = interface_.env;
  method_ = candid::find_method(env.resolved(interface_.actor->service), request_.method);
  CANREC_ASSERT(method_ != nullptr);
  std::vector<candid::TypeIdx> wanted;
  for (const candid::Arg& arg : env.resolved(method_->type).args) wanted.push_back(arg.type);
  auto decoded = candid::decode(request_.payload, {&env, wanted});
  if (!decoded) {
    return Answer(failure(ic::ErrorCode::kInvalidManagementPayload,
                          fmt::format("Error decoding candid: {}", decoded.error().message())));
  }
  arguments_ = std::move(*decoded);
  if (!wanted.empty()) {
    if (auto why = find_target()) return Answer(std::move(*why));
    const bool about_itself =
        request_.method == "canister_status" && request_.caller == target_->id;
    if (row->for_controllers && !about_itself && !target_->is_controller(request_.caller)) {
      return Answer(not_controller(*target_, request_.caller));
    }
  }
  CANREC_TRY(Managed managed, (this->*row->handler)());
  if (answers_later_) return std::optional<Answer>();
  if (auto* why = std::get_if<Failure>(&managed)) return Answer(std::move(*why));
  std::vector<candid::TypeIdx> types;
  for (const candid::Arg& result : env.resolved(method_->type).results)
    types.push_back(result.type);
  CANREC_TRY(
      Bytes reply,
      candid::encode(env, types, std::span(&std::get<candid::Value>(managed), types.size())));
  return Answer(std::move(reply));
}

// --- arguments and replies
// ------------------------------------------------------------------------

candid::View ManagementCall::field(std::string_view name) const {
  const candid::TypeEnv& env = interface_.env;
  const candid::View record(env, env.resolved(method_->type).args[0].type, arguments_.values[0]);
  const auto found = record.field(name);
  CANREC_ASSERT(found.has_value());
  return *found;
}

ic::Principal ManagementCall::principal_field(std::string_view name) const {
  return field(name).principal().value_or(ic::Principal());
}

Bytes ManagementCall::blob_field(std::string_view name) const {
  const ByteView bytes = field(name).blob().value_or(ByteView{});
  return {bytes.begin(), bytes.end()};
}

std::optional<Failure> ManagementCall::find_target() {
  const bool chunked = request_.method == "install_chunked_code";
  const ic::Principal id = principal_field(chunked ? "target_canister" : "canister_id");
  const auto it = network_.world.canisters.find(id);
  if (it == network_.world.canisters.end()) {
    return failure(ic::ErrorCode::kCanisterNotFound,
                   fmt::format("Canister {} not found", id.text()));
  }
  target_ = &it->second;
  return std::nullopt;
}

candid::TypeIdx ManagementCall::result_type() const {
  return interface_.env.resolved(method_->type).results[0].type;
}

candid::TypeIdx ManagementCall::type_in(candid::TypeIdx record, std::string_view name) const {
  for (const candid::Field& field : interface_.env.resolved(record).fields) {
    if (field.name == name) return field.type;
  }
  CANREC_ASSERT(false);
  return record;
}

Result<candid::Value> ManagementCall::record(candid::TypeIdx type, candid::NamedValues fields) {
  return candid::make_record(arena_, interface_.env, type, fields);
}

candid::Value ManagementCall::amount(Cycles value) {
  if (fits_64_bits(value)) return candid::Value::natural(static_cast<uint64_t>(value));
  Bytes leb;
  while (value >= 0x80) {
    leb.push_back(static_cast<uint8_t>(0x80 | static_cast<uint8_t>(value & 0x7f)));
    value >>= 7;
  }
  leb.push_back(static_cast<uint8_t>(value));
  return candid::Value::nat(arena_, candid::BigInt::from_unsigned_leb(leb));
}

}  // namespace canrec::executor
