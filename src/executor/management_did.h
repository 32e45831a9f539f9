// SPDX-License-Identifier: Apache-2.0
#pragma once

// The interface of the management canister, as far as it is imitated.
// Source: https://internetcomputer.org/docs/references/ic-interface-spec, ic.did (August 2026).

#include <string_view>

namespace canrec::executor {

inline constexpr std::string_view kManagementInterface = R"(
type canister_id = principal;
type snapshot_id = blob;
type change_origin = variant {
  from_user : record { user_id : principal };
  from_canister : record { canister_id : principal; canister_version : opt nat64 };
};
type change = record { timestamp_nanos : nat64; canister_version : nat64; origin : change_origin };
type environment_variable = record { name : text; value : text };
type visibility = variant { controllers; public; allowed_viewers : vec principal };
type canister_settings = record {
  controllers : opt vec principal;
  compute_allocation : opt nat;
  memory_allocation : opt nat;
  freezing_threshold : opt nat;
  reserved_cycles_limit : opt nat;
  wasm_memory_limit : opt nat;
  wasm_memory_threshold : opt nat;
  environment_variables : opt vec environment_variable;
};
type definite_canister_settings = record {
  controllers : vec principal;
  compute_allocation : nat;
  memory_allocation : nat;
  freezing_threshold : nat;
  reserved_cycles_limit : nat;
  log_visibility : visibility;
  snapshot_visibility : visibility;
  wasm_memory_limit : nat;
  wasm_memory_threshold : nat;
  environment_variables : vec environment_variable;
};
type install_mode = variant {
  install;
  reinstall;
  upgrade : opt record {
    skip_pre_upgrade : opt bool;
    wasm_memory_persistence : opt variant { keep; replace };
  };
};
type global = variant { i32 : int32; i64 : int64; f32 : float32; f64 : float64; v128 : nat };
type timer = variant { inactive; active : nat64 };
type hook_status = variant { condition_not_satisfied; ready; executed };
type snapshot = record { id : snapshot_id; taken_at_timestamp : nat64; total_size : nat64 };

service : {
  canister_status : (record { canister_id : canister_id }) -> (record {
    status : variant { running; stopping; stopped };
    ready_for_migration : bool;
    version : nat64;
    settings : definite_canister_settings;
    module_hash : opt blob;
    memory_size : nat;
    memory_metrics : record {
      wasm_memory_size : nat;
      stable_memory_size : nat;
      global_memory_size : nat;
      wasm_binary_size : nat;
      custom_sections_size : nat;
      canister_history_size : nat;
      wasm_chunk_store_size : nat;
      snapshots_size : nat;
    };
    cycles : nat;
    reserved_cycles : nat;
    idle_cycles_burned_per_day : nat;
    query_stats : record {
      num_calls_total : nat;
      num_instructions_total : nat;
      request_payload_bytes_total : nat;
      response_payload_bytes_total : nat;
    };
  });
  canister_info : (record { canister_id : canister_id; num_requested_changes : opt nat64 }) ->
    (record {
      total_num_changes : nat64;
      recent_changes : vec change;
      module_hash : opt blob;
      controllers : vec principal;
    });
  update_settings : (record { canister_id : canister_id; settings : canister_settings }) -> ();
  install_code : (record {
    mode : install_mode; canister_id : canister_id; wasm_module : blob; arg : blob;
    sender_canister_version : opt nat64;
  }) -> ();
  install_chunked_code : (record {
    mode : install_mode; target_canister : canister_id; store_canister : opt canister_id;
    chunk_hashes_list : vec record { hash : blob }; wasm_module_hash : blob; arg : blob;
    sender_canister_version : opt nat64;
  }) -> ();
  uninstall_code : (record { canister_id : canister_id }) -> ();
  upload_chunk : (record { canister_id : canister_id; chunk : blob }) -> (record { hash : blob });
  stored_chunks : (record { canister_id : canister_id }) -> (vec record { hash : blob });
  clear_chunk_store : (record { canister_id : canister_id }) -> ();
  start_canister : (record { canister_id : canister_id }) -> ();
  stop_canister : (record { canister_id : canister_id }) -> ();
  deposit_cycles : (record { canister_id : canister_id }) -> ();
  raw_rand : () -> (blob);
  take_canister_snapshot : (record {
    canister_id : canister_id; replace_snapshot : opt snapshot_id; uninstall_code : opt bool;
    sender_canister_version : opt nat64;
  }) -> (snapshot);
  load_canister_snapshot : (record {
    canister_id : canister_id; snapshot_id : snapshot_id; sender_canister_version : opt nat64;
  }) -> ();
  list_canister_snapshots : (record { canister_id : canister_id }) -> (vec snapshot);
  delete_canister_snapshot : (record { canister_id : canister_id; snapshot_id : snapshot_id }) -> ();
  read_canister_snapshot_metadata : (record {
    canister_id : canister_id; snapshot_id : snapshot_id;
  }) -> (record {
    source : variant { taken_from_canister : reserved; metadata_upload : reserved };
    taken_at_timestamp : nat64;
    wasm_module_size : nat64;
    globals : vec global;
    wasm_memory_size : nat64;
    stable_memory_size : nat64;
    wasm_chunk_store : vec record { hash : blob };
    canister_version : nat64;
    certified_data : blob;
    global_timer : opt timer;
    on_low_wasm_memory_hook_status : opt hook_status;
  });
  read_canister_snapshot_data : (record {
    canister_id : canister_id; snapshot_id : snapshot_id;
    kind : variant {
      wasm_module : record { offset : nat64; size : nat64 };
      wasm_memory : record { offset : nat64; size : nat64 };
      stable_memory : record { offset : nat64; size : nat64 };
      wasm_chunk : record { hash : blob };
    };
  }) -> (record { chunk : blob });
  upload_canister_snapshot_metadata : (record {
    canister_id : canister_id; replace_snapshot : opt snapshot_id; wasm_module_size : nat64;
    globals : vec global; wasm_memory_size : nat64; stable_memory_size : nat64;
    certified_data : blob; global_timer : opt timer;
    on_low_wasm_memory_hook_status : opt hook_status;
  }) -> (record { snapshot_id : snapshot_id });
  upload_canister_snapshot_data : (record {
    canister_id : canister_id; snapshot_id : snapshot_id;
    kind : variant {
      wasm_module : record { offset : nat64 };
      wasm_memory : record { offset : nat64 };
      stable_memory : record { offset : nat64 };
      wasm_chunk;
    };
    chunk : blob;
  }) -> ();
}
)";

}  // namespace canrec::executor
