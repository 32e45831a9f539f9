// SPDX-License-Identifier: Apache-2.0
// The table of names and the common ones.
#include "candid/names.h"

#include "candid/hash.h"

namespace canrec::candid {
namespace {

// Field and tag names of the management canister, the ICRC token standards, Internet Identity,
// asset canisters and HTTP requests, and the usual results.
constexpr std::string_view kCommon[] = {
    // results
    "ok", "err", "Ok", "Err", "some", "none", "error", "message", "code", "result", "status",
    "description", "reason", "details", "success", "failure",
    // identities, times, pages
    "id", "name", "owner", "user", "caller", "principal", "canister_id", "controller",
    "controllers", "created", "created_at", "updated_at", "timestamp", "time", "date", "version",
    "key", "value", "keys", "values", "data", "index", "start", "length", "offset", "limit",
    "total", "count", "size", "items", "entries", "content", "text", "title", "url", "email",
    "address", "next", "prev", "from", "to", "head", "tail", "left", "right", "first", "last",
    "hash", "kind", "type", "class", "symbol", "decimals", "metadata", "tags", "label", "config",
    "settings",
    // tokens
    "account", "subaccount", "from_subaccount", "to_subaccount", "spender", "spender_subaccount",
    "amount", "fee", "memo", "created_at_time", "expires_at", "expected_allowance", "allowance",
    "balance", "transfer", "approve", "mint", "burn", "block", "blocks", "block_index", "tx",
    "txid", "ledger", "e8s", "timestamp_nanos", "duplicate_of", "expected_fee", "min_burn_amount",
    "error_code", "ledger_time", "allowed_window_nanos", "current_allowance", "BadFee", "BadBurn",
    "InsufficientFunds", "InsufficientAllowance", "TooOld", "CreatedInFuture", "Duplicate",
    "TemporarilyUnavailable", "GenericError", "AllowanceChanged", "Expired", "TxTooOld",
    "TxCreatedInFuture", "TxDuplicate", "BadFee", "Transfer", "Approve", "Mint", "Burn", "Nat",
    "Int", "Text", "Blob", "Array", "Map", "Bool",
    // management canister
    "canister", "arg", "mode", "wasm_module", "wasm_chunk_store", "install", "reinstall", "upgrade",
    "skip_pre_upgrade", "wasm_memory_persistence", "keep", "replace", "module_hash", "cycles",
    "freezing_threshold", "compute_allocation", "memory_allocation", "memory_size",
    "memory_metrics", "reserved_cycles", "reserved_cycles_limit", "idle_cycles_burned_per_day",
    "log_visibility", "wasm_memory_limit", "wasm_memory_threshold", "query_stats", "running",
    "stopping", "stopped", "snapshot_id", "taken_at_timestamp", "total_size",
    "sender_canister_version", "chunk_hashes_list", "wasm_module_hash", "target_canister",
    "store_canister", "num_calls_total", "num_instructions_total", "request_payload_bytes_total",
    "response_payload_bytes_total", "timestamp_nanos", "canister_log_records", "idx", "public",
    "public_key", "signature", "derivation_path", "key_id", "curve", "environment_variables",
    // HTTP
    "method", "headers", "body", "status_code", "streaming_strategy", "Callback", "callback",
    "token", "certificate_version", "content_type", "content_encoding", "batch_id", "chunk_id",
    "chunk", "max_age", "sha256", "encodings", "accept_encodings", "operations", "CreateAsset",
    "DeleteAsset", "SetAssetContent", "UnsetAssetContent", "Clear", "GET", "POST", "PUT", "DELETE"};

}  // namespace

void NameTable::add_common() {
  for (const std::string_view name : kCommon) add(name);
}

void NameTable::add(std::string_view name) { names_.emplace(label_hash(name), name); }

void NameTable::add_all(const TypeEnv& env) {
  for (uint32_t i = 0; i < env.size(); ++i) {
    const Type& type = env.at(TypeIdx{i});
    for (const Field& field : type.fields) {
      if (field.name) add(*field.name);
    }
    for (const Arg& arg : type.args) {
      if (arg.name) add(*arg.name);
    }
  }
}

const std::string* NameTable::find(uint32_t label) const {
  const auto found = names_.find(label);
  return found == names_.end() ? nullptr : &found->second;
}

void NameTable::label(TypeEnv& env) const {
  for (uint32_t i = 0; i < env.size(); ++i) {
    Type& type = env.at(TypeIdx{i});
    if (type.kind == Kind::kRecord && is_tuple(type.fields)) continue;
    for (Field& field : type.fields) {
      if (field.name) continue;
      if (const std::string* name = find(field.label)) field.name = *name;
    }
  }
}

}  // namespace canrec::candid
