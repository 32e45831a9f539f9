// SPDX-License-Identifier: Apache-2.0
// Backups and snapshot directories as a way back.
#include "recover/way_back.h"

#include <fmt/core.h>

#include <algorithm>
#include <map>

#include "base/input_file.h"
#include "base/shell.h"
#include "base/utc_text.h"
#include "recover/verify.h"
#include "snapshot/directory.h"
#include "snapshot/limits.h"
#include "snapshot/store_jobs.h"
#include "snapshot/store_reader.h"

namespace canrec::recover {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kMetadata = "metadata.json";
constexpr std::string_view kBlobs[] = {"wasm_module.bin", "wasm_memory.bin", "stable_memory.bin"};

using Hashes = std::map<std::string, Sha256, std::less<>>;

// What is known of a snapshot, wherever it is kept.
struct Contents {
  Hashes hashes;
  std::optional<snapshot::Metadata> metadata;
  std::string canister;  ///< text form; empty = nothing says it
};

WayBack no(std::string words, std::string next) {
  return {Severity::kError, std::move(words), std::move(next)};
}

// What verify says of a directory, and the files in it when nothing is certainly wrong.
struct Looked {
  Severity worst = Severity::kError;
  std::string problem;  ///< the worst, when there is one
  Contents contents;
};

std::string canister_text(ByteView bytes) {
  const auto principal = ic::Principal::from_bytes(bytes);
  return principal ? principal->text() : "";
}

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
  for (const VerifiedFile& file : report->files) out.contents.hashes[file.name] = file.hash;
  CANREC_TRY(const InputFile metadata, InputFile::open(directory / kMetadata));
  out.contents.hashes[std::string(kMetadata)] = sha256(metadata.bytes());
  out.contents.metadata = report->metadata;
  CANREC_TRY(const snapshot::Directory opened, snapshot::Directory::open(directory));
  if (!opened.ids().empty()) out.contents.canister = canister_text(opened.ids()[0].canister);
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

// The metadata of a backup; nothing when it cannot be read, as of files that are no snapshot.
std::optional<snapshot::Metadata> metadata_of(const snapshot::Store& store,
                                              const snapshot::Manifest& manifest,
                                              const Interrupt& interrupt) {
  const snapshot::ManifestFile* file = manifest.file(kMetadata);
  if (file == nullptr || file->size > snapshot::limits::kMetadataBytes) return std::nullopt;
  std::vector<Error> damage;
  const auto index = store.index(damage);
  if (!index) return std::nullopt;
  const snapshot::JobControl control{interrupt};
  snapshot::FileReader reader(store, *index, control);
  std::string text(file->size, '\0');
  const auto take = [&text](const snapshot::Window& window) -> Status {
    std::ranges::copy(as_text(window.bytes), text.begin() + static_cast<ptrdiff_t>(window.offset));
    return Ok{};
  };
  if (!reader.read(manifest, *file, snapshot::Salvage::kNo, nullptr, take)) return std::nullopt;
  auto read = snapshot::read_metadata(text);
  if (!read) return std::nullopt;
  return std::move(read->metadata);
}

// Which canister the notes of a backup name.
std::string canister_of(const snapshot::Manifest& manifest) {
  if (const std::string* canister = manifest.note("canister_id")) return *canister;
  const std::string* text = manifest.note("snapshot_id");
  if (text == nullptr) return "";
  const auto id = snapshot::parse_snapshot_id(*text);
  return id ? canister_text(id->canister) : "";
}

Result<WayBack> judge_store(const StorePlace& place, const Interrupt& interrupt,
                            Contents& contents) {
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
    contents.hashes[std::string(name)] = file != nullptr ? file->sha256 : sha256(ByteView{});
  }
  if (const auto* metadata = manifest->file(kMetadata)) {
    contents.hashes[std::string(kMetadata)] = metadata->sha256;
  }
  contents.metadata = metadata_of(*store, *manifest, interrupt);
  contents.canister = canister_of(*manifest);
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

std::string taken_text(const Contents& contents) {
  if (!contents.metadata) return "";
  return fmt::format(", taken {}", utc_text(contents.metadata->taken_at_timestamp_ns));
}

// How much older than the state a backup is that holds something else.
std::string age_text(const Contents& backup, const Contents& state) {
  if (!backup.metadata || !state.metadata) return "";
  const uint64_t then = backup.metadata->taken_at_timestamp_ns;
  const uint64_t now = state.metadata->taken_at_timestamp_ns;
  if (then == now) return ", although both say the same time";
  return fmt::format(": it was taken {} {} the state",
                     duration_text(then < now ? now - then : then - now),
                     then < now ? "before" : "after");
}

// Module, and canister where both sides name one.
std::optional<WayBack> of_another(const WayBack& way, const Contents& contents,
                                  const Sha256& module, const std::string& canister) {
  const auto hash = contents.hashes.find("wasm_module.bin");
  if (hash == contents.hashes.end() || hash->second != module) {
    return no(way.words + ", but of another module than the one that is installed",
              "take a snapshot of the canister as it is now");
  }
  if (!canister.empty() && !contents.canister.empty() && canister != contents.canister) {
    return no(
        fmt::format("{}, but of canister {}, not of {}", way.words, contents.canister, canister),
        "point to a backup of this canister");
  }
  return std::nullopt;
}

// The backup against the state at hand.
WayBack against_state(WayBack way, const Contents& backup, const Looked& now,
                      const std::string& directory) {
  const std::string another_backup = fmt::format(
      "make a backup of the state at hand: canrec backup create {} --store STORE", directory);
  const auto same = [&](std::string_view name) {
    const auto hash = backup.hashes.find(name);
    return hash != backup.hashes.end() && hash->second == now.contents.hashes.find(name)->second;
  };
  for (const std::string_view name : kBlobs) {
    if (same(name)) continue;
    return no(fmt::format("{}; but its {} is another than the state's{}", way.words, name,
                          age_text(backup, now.contents)),
              another_backup);
  }
  if (!same(kMetadata)) {
    // Globals, timer and certified data, or only another tool's way to write them.
    return {Severity::kWarning,
            fmt::format("{}; module, heap and stable memory are the state's, its {} is another{}",
                        way.words, kMetadata, age_text(backup, now.contents)),
            "compare the two files, or " + another_backup};
  }
  way.words += "; it holds the state at hand byte for byte";
  if (now.worst == Severity::kWarning && way.severity == Severity::kNote) {
    return {Severity::kWarning,
            fmt::format("{}, and that state is doubtful: {}", way.words, now.problem),
            "canrec verify " + directory};
  }
  return way;
}

}  // namespace

Result<WayBack> judge_way_back(const std::string& place, const WantedState& wanted,
                               const Interrupt& interrupt) {
  Contents backup;
  WayBack way;
  if (const auto store = store_place(place)) {
    CANREC_TRY(way, judge_store(*store, interrupt, backup));
  } else {
    CANREC_TRY(Looked found, look_at(place, interrupt));
    way = judge_directory(place, found);
    backup = std::move(found.contents);
  }
  if (way.severity == Severity::kError) return way;
  way.words += taken_text(backup);
  std::string canister = wanted.canister ? wanted.canister->text() : "";
  if (!wanted.directory) {
    if (auto other = of_another(way, backup, wanted.module, canister)) return std::move(*other);
    way.words += "; it is of this module, whether it has the newest data was not asked (--state)";
    return way;
  }
  const std::string directory = shell_word(wanted.directory->string());
  CANREC_TRY(const Looked now, look_at(*wanted.directory, interrupt));
  if (canister.empty()) canister = now.contents.canister;
  if (auto other = of_another(way, backup, wanted.module, canister)) return std::move(*other);
  if (now.worst == Severity::kError) {
    return no("the state itself is not whole: " + now.problem, "canrec verify " + directory);
  }
  return against_state(std::move(way), backup, now, directory);
}

}  // namespace canrec::recover
