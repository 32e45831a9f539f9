// SPDX-License-Identifier: Apache-2.0
// Backups and snapshot directories as a way back.
#include "recover/way_back.h"

#include <fmt/core.h>

#include <algorithm>
#include <map>

#include "base/input_file.h"
#include "base/shell.h"
#include "recover/verify.h"
#include "snapshot/store_jobs.h"

namespace canrec::recover {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kMetadata = "metadata.json";
constexpr std::string_view kBlobs[] = {"wasm_module.bin", "wasm_memory.bin", "stable_memory.bin"};

using Hashes = std::map<std::string, Sha256, std::less<>>;

WayBack no(std::string words, std::string next) {
  return {Severity::kError, std::move(words), std::move(next)};
}

// What verify says of a directory, and the files in it when nothing is certainly wrong.
struct Looked {
  Severity worst = Severity::kError;
  std::string problem;  ///< the worst, when there is one
  Hashes hashes;
};

Result<Looked> look_at(const fs::path& directory, const Interrupt& interrupt) {
  VerifyOptions options;
  options.interrupt = &interrupt;
  auto report = verify(directory, options);
  if (!report) {
    if (report.error().code() == Errc::kInterrupted) return fail(std::move(report).error());
    return Looked{Severity::kError, report.error().message(), {}};
  }
  Looked out;
  out.worst = worst(report->findings);
  if (out.worst != Severity::kNote) out.problem = report->findings.front().what;
  if (out.worst == Severity::kError) return out;
  for (const VerifiedFile& file : report->files) out.hashes[file.name] = file.hash;
  CANREC_TRY(const InputFile metadata, InputFile::open(directory / kMetadata));
  out.hashes[std::string(kMetadata)] = sha256(metadata.bytes());
  return out;
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
  const std::string where = "--store " + shell_word(place.store.string());
  auto store = snapshot::Store::open(place.store);
  if (!store) return no(store.error().message(), "canrec backup verify " + where);
  auto manifest = place.id.empty() ? store->newest() : store->backup(place.id);
  if (!manifest) {
    return no(manifest.error().message(),
              fmt::format("canrec backup list {} shows what there is", where));
  }
  auto report = snapshot::verify_store(*store, false, {interrupt});
  if (!report) {
    if (report.error().code() == Errc::kInterrupted) return fail(std::move(report).error());
    return no(report.error().message(), "canrec backup verify " + where);
  }
  if (std::ranges::find(report->whole, manifest->id()) == report->whole.end()) {
    return no(fmt::format("backup {} is damaged", manifest->id().substr(0, 12)),
              fmt::format("canrec backup verify {} says what is lost; make another one", where));
  }
  for (const std::string_view name : kBlobs) {
    const snapshot::ManifestFile* file = manifest->file(name);
    hashes[std::string(name)] = file != nullptr ? file->sha256 : sha256(ByteView{});
  }
  if (const auto* metadata = manifest->file(kMetadata)) {
    hashes[std::string(kMetadata)] = metadata->sha256;
  }
  return WayBack{Severity::kNote, fmt::format("backup {} is whole", manifest->id().substr(0, 12)),
                 ""};
}

WayBack judge_directory(const std::string& place, const Looked& looked) {
  const std::string next = fmt::format("canrec verify {}", shell_word(place));
  switch (looked.worst) {
    case Severity::kError:
      return no(fmt::format("{}: {}", place, looked.problem), next);
    case Severity::kWarning:
      return {Severity::kWarning,
              fmt::format("in the snapshot directory {} nothing is certainly wrong, but {}", place,
                          looked.problem),
              next};
    case Severity::kNote:
      break;
  }
  return {Severity::kNote, fmt::format("the snapshot directory {} is whole", place), ""};
}

}  // namespace

Result<WayBack> judge_way_back(const std::string& place, const Sha256& module,
                               const std::optional<fs::path>& state, const Interrupt& interrupt) {
  Hashes hashes;
  WayBack out;
  if (const auto store = store_place(place)) {
    CANREC_TRY(out, judge_store(*store, interrupt, hashes));
  } else {
    CANREC_TRY(Looked found, look_at(place, interrupt));
    out = judge_directory(place, found);
    hashes = std::move(found.hashes);
  }
  if (out.severity == Severity::kError) return out;
  if (hashes["wasm_module.bin"] != module) {
    return no(out.words + ", but of another module than the one that is installed",
              "take a snapshot of the canister as it is now");
  }
  if (!state) {
    out.words += "; it is of this module, whether it has the newest data was not asked (--state)";
    return out;
  }
  CANREC_TRY(const Looked now, look_at(*state, interrupt));
  const std::string verify_state = fmt::format("canrec verify {}", shell_word(state->string()));
  if (now.worst == Severity::kError) {
    return no("the state itself is not whole: " + now.problem, verify_state);
  }
  const std::string another_backup =
      fmt::format("make a backup of the state at hand: canrec backup create {} --store STORE",
                  shell_word(state->string()));
  for (const std::string_view name : kBlobs) {
    if (hashes.find(name)->second == now.hashes.find(name)->second) continue;
    return no(fmt::format("{}; but its {} is another than the state's", out.words, name),
              another_backup);
  }
  if (hashes[std::string(kMetadata)] != now.hashes.find(kMetadata)->second) {
    // Globals, timer and certified data, or only another tool's way to write them.
    return WayBack{Severity::kWarning,
                   fmt::format("{}; module, heap and stable memory are the state's, its {} is "
                               "another",
                               out.words, kMetadata),
                   "compare the two files, or " + another_backup};
  }
  out.words += "; it holds the state at hand byte for byte";
  if (now.worst == Severity::kWarning && out.severity == Severity::kNote) {
    return WayBack{Severity::kWarning,
                   fmt::format("{}, and that state is doubtful: {}", out.words, now.problem),
                   verify_state};
  }
  return out;
}

}  // namespace canrec::recover
