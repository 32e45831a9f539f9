// SPDX-License-Identifier: Apache-2.0
#pragma once

// One call of the management canister: its argument decoded, its target found, its reply built.
// Used by management.cc (canisters and code) and management_snapshot.cc (snapshots).

#include <initializer_list>
#include <optional>
#include <string_view>
#include <utility>

#include "candid/binary.h"
#include "candid/parser.h"
#include "candid/value.h"
#include "executor/network.h"

namespace canrec::executor {

/// The reply's value, or the failure that ends the call.
using Managed = std::variant<candid::Value, Failure>;

class ManagementCall {
 public:
  ManagementCall(Network& network, Request& request, const candid::Program& interface)
      : network_(network), request_(request), interface_(interface) {}

  /// Answers the call; nothing when the answer comes later.
  Result<std::optional<Answer>> answer();

 private:
  using Handler = Result<Managed> (ManagementCall::*)();
  struct Row {
    std::string_view method;
    Handler handler;
    bool for_controllers;
  };
  static const Row* find(std::string_view method);

  // The argument record and its parts; all fields are there, since the argument was decoded at its
  // type.
  candid::View field(std::string_view name) const;
  ic::Principal principal_field(std::string_view name) const;
  Bytes blob_field(std::string_view name) const;
  std::optional<Failure> find_target();

  // Building replies.
  candid::TypeIdx result_type() const;
  candid::TypeIdx type_in(candid::TypeIdx record, std::string_view field) const;
  Result<candid::Value> record(candid::TypeIdx type, candid::NamedValues fields);
  candid::Value blob(ByteView bytes) { return candid::Value::blob(arena_, bytes); }
  candid::Value amount(Cycles value);
  Managed nothing() const { return candid::Value(); }
  Managed invalid(std::string text) const {
    return failure(ic::ErrorCode::kInvalidManagementPayload, std::move(text));
  }

  // management_settings.cc
  Result<Managed> canister_status();
  Result<Managed> canister_info();
  Result<Managed> update_settings();
  Result<candid::Value> settings_value(candid::TypeIdx type);

  // management_code.cc
  Result<Managed> install_code();
  Result<Managed> install_chunked_code();
  Result<Managed> uninstall_code();
  Result<Managed> upload_chunk();
  Result<Managed> stored_chunks();
  Result<Managed> clear_chunk_store();
  Result<Managed> start_canister();
  Result<Managed> stop_canister();
  Result<Managed> deposit_cycles();
  Result<Managed> raw_rand();
  Result<Managed> install(const ic::Principal& target, Bytes module);
  candid::Value hash_list(candid::TypeIdx list, const std::map<Sha256, Bytes>& chunks);

  // management_snapshot.cc
  Result<Managed> take_snapshot();
  Result<Managed> load_snapshot();
  Result<Managed> list_snapshots();
  Result<Managed> delete_snapshot();
  Result<Managed> read_snapshot_metadata();
  Result<Managed> read_snapshot_data();
  Result<Managed> upload_snapshot_metadata();
  Result<Managed> upload_snapshot_data();
  std::variant<KeptSnapshot*, Failure> named_snapshot();
  std::optional<Failure> make_room(std::optional<Bytes> replaced);
  Bytes next_snapshot_id();
  Result<candid::Value> snapshot_value(candid::TypeIdx type, ByteView id,
                                       const KeptSnapshot& snapshot);
  Result<candid::Value> global_value(candid::TypeIdx type, const snapshot::GlobalValue& global);
  Result<std::vector<snapshot::GlobalValue>> globals_argument();

  Network& network_;
  Request& request_;
  const candid::Program& interface_;
  const candid::Method* method_ = nullptr;
  candid::Values arguments_;
  candid::Arena arena_;
  Canister* target_ = nullptr;
  bool answers_later_ = false;
};

}  // namespace canrec::executor
