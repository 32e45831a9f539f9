// SPDX-License-Identifier: Apache-2.0
#pragma once

// Everything that the one try on the network needs, in one directory: the state or the argument to
// send, and a runbook. The package is rehearsed from its own files before it counts as done.
//
//   route S   OUT/snapshot/        a complete snapshot directory: the new module under the old
//                                  memories
//   route K   OUT/module.wasm      the module, and OUT/install_code.candid, .bin and .hex, the
//                                  argument as Candid text, bytes and digits; above the message
//                                  limit OUT/chunks/NN.bin (upload_chunk arguments) and
//                                  OUT/install_chunked_code.candid, .bin and .hex
//   both      OUT/runbook.md       OUT/runbook.txt

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/file_system.h"
#include "base/output_file.h"
#include "executor/executor.h"
#include "recover/costs.h"
#include "recover/finding.h"
#include "wasmdiff/finding.h"

namespace canrec::recover {

struct PackageRequest {
  std::filesystem::path directory;  ///< snapshot directory of the canister
  std::filesystem::path module;     ///< the new module
  std::filesystem::path output;
  std::optional<wasmdiff::Route> route;   ///< nothing = the sound one, S when both are
  std::optional<ic::Principal> canister;  ///< nothing = the one that a progress file names
  std::string network = "ic";
  std::vector<std::string> checks;  ///< queries "get(7)": answers go into the runbook
  std::string argument;             ///< of route K's post-upgrade, Candid text
  uint32_t subnet_nodes = 0;        ///< of the canister's subnet; 0 = not told
  Overwrite overwrite = Overwrite::kNo;
  executor::Options executor;
};

/// Stands for the canister's id in commands where it is not known.
inline constexpr std::string_view kUnknownCanister = "CANISTER_ID";

/// A query and what it must answer.
struct ExpectedAnswer {
  std::string query;
  std::string answer;
};

struct Package {
  wasmdiff::Route route = wasmdiff::Route::kS;
  wasmdiff::Word word = wasmdiff::Word::kReview;  ///< of that route
  std::string canister;                           ///< text form, or kUnknownCanister
  std::string module_hash;                        ///< of the new module
  std::string old_module_hash;
  uint64_t module_size = 0;
  uint64_t heap_size = 0;
  uint64_t stable_size = 0;
  uint64_t heap_limit = 0;            ///< what the network allows a heap of the module's width
  uint64_t install_instructions = 0;  ///< of route K's installation, as rehearsed
  uint64_t compile_instructions = 0;  ///< of them for compiling the module
  Costs costs;                ///< on a subnet of `subnet_nodes`, of kPriceNodes when not told
  uint32_t subnet_nodes = 0;  ///< 0 = not told
  uint32_t chunks = 0;        ///< upload_chunk calls (route K, large modules)
  /// Whether the new module has the section of route K, so that every later upgrade must say what
  /// becomes of the heap, and whether Motoko's own installer says it.
  bool keeps_heap = false, is_motoko = false;
  std::string argument_hex;  ///< of route K's post-upgrade, encoded
  std::string network;
  std::vector<ExpectedAnswer> answers;
  std::vector<Finding> findings;   ///< warnings for the case at hand
  std::vector<std::string> files;  ///< relative to the output
};

/// Builds and rehearses a package.
///
/// Errors: kVerification with the reasons when the state is not whole, when no route (or not the
///         one asked for) is sound, or when the rehearsal of the package fails or answers
///         otherwise; those of reading and writing.
///         Nothing is left under the output's name then.
Result<Package> package(FileSystem& fs, const PackageRequest& request);

}  // namespace canrec::recover
