// SPDX-License-Identifier: Apache-2.0
// Backups and snapshot directories as a way back.
#include "recover/way_back.h"

#include <fmt/core.h>

#include <algorithm>
#include <map>

#include "base/shell.h"
#include "recover/verify.h"
#include "snapshot/store_jobs.h"

namespace canrec::recover {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kBlobs[] = {"wasm_module.bin", "wasm_memory.bin", "stable_memory.bin"};

using Hashes = std::map<std::string, Sha256, std::less<>>;

WayBack no(std::string words, std::string next) {
  return {false, std::move(words), std::move(next)};
}

// The blobs of a directory that is whole; nothing when it is not.
Result<std::optional<Hashes>> hashes_of(const fs::path& directory, const Interrupt& interrupt,
                                        std::string& problem) {
  VerifyOptions options;
  options.interrupt = &interrupt;
  auto report = verify(directory, options);
  if (!report) {
    if (report.error().code() == Errc::kInterrupted) return fail(std::move(report).error());
    problem = report.error().message();
    return std::optional<Hashes>{};
  }
  for (const Finding& finding : report->findings) {
    if (finding.severity != Severity::kError) continue;
    problem = finding.what;
    return std::optional<Hashes>{};
  }
  Hashes out;
  for (const VerifiedFile& file : report->files) out[file.name] = file.hash;
  return std::optional(std::move(out));
}

// STORE or STORE:ID.
struct StorePlace {
  fs::path store;
  std::string id;  ///< empty = the newest
};
std::optional<StorePlace> store_place(const std::string& place) {
  if (snapshot::Store::is_store(place)) return StorePlace{place, ""};
  const size_t colon = place.rfind(':');
  if (colon == std::string::npos || !snapshot::Store::is_store(place.substr(0, colon))) {
    return std::nullopt;
  }
  return StorePlace{place.substr(0, colon), place.substr(colon + 1)};
}

Result<WayBack> judge_store(const StorePlace& place, const Interrupt& interrupt, Hashes& hashes) {
  auto store = snapshot::Store::open(place.store);
  if (!store) return no(store.error().message(), "canrec backup verify");
  auto manifest = place.id.empty() ? store->newest() : store->backup(place.id);
  if (!manifest) return no(manifest.error().message(), "canrec backup list shows what there is");
  auto report = snapshot::verify_store(*store, false, {interrupt});
  if (!report) {
    if (report.error().code() == Errc::kInterrupted) return fail(std::move(report).error());
    return no(report.error().message(), "canrec backup verify");
  }
  if (std::ranges::find(report->whole, manifest->id()) == report->whole.end()) {
    return no(fmt::format("backup {} is damaged", manifest->id().substr(0, 12)),
              "canrec backup verify says what is lost; make another one");
  }
  for (const std::string_view name : kBlobs) {
    const snapshot::ManifestFile* file = manifest->file(name);
    hashes[std::string(name)] = file != nullptr ? file->sha256 : sha256(ByteView{});
  }
  return WayBack{true, fmt::format("backup {} is whole", manifest->id().substr(0, 12)), ""};
}

}  // namespace

Result<WayBack> judge_way_back(const std::string& place, const Sha256& module,
                               const std::optional<fs::path>& state, const Interrupt& interrupt) {
  Hashes hashes;
  WayBack out;
  if (const auto store = store_place(place)) {
    CANREC_TRY(out, judge_store(*store, interrupt, hashes));
  } else {
    std::string problem;
    CANREC_TRY(std::optional<Hashes> found, hashes_of(place, interrupt, problem));
    out = found ? WayBack{true, fmt::format("the snapshot directory {} is whole", place), ""}
                : no(fmt::format("{}: {}", place, problem),
                     fmt::format("canrec verify {}", shell_word(place)));
    if (found) hashes = std::move(*found);
  }
  if (!out.exists) return out;
  if (hashes["wasm_module.bin"] != module) {
    return no(out.words + ", but of another module than the one that is installed",
              "take a snapshot of the canister as it is now");
  }
  if (!state) {
    out.words += " and of this module; whether it has the newest data was not asked (--state)";
    return out;
  }
  std::string problem;
  CANREC_TRY(const std::optional<Hashes> now, hashes_of(*state, interrupt, problem));
  if (!now) return no("the state itself is not whole: " + problem, "canrec verify");
  for (const std::string_view name : kBlobs) {
    if (hashes.find(name)->second == now->find(name)->second) continue;
    return no(fmt::format("{}, but its {} is another than the state's", out.words, name),
              "make a backup of the state at hand: canrec backup create");
  }
  out.words += " and holds the state at hand byte for byte";
  return out;
}

}  // namespace canrec::recover
