// SPDX-License-Identifier: Apache-2.0
// The checks of `canrec verify`, in the order of the steps of run().
#include "recover/verify.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <iterator>
#include <mutex>
#include <thread>

#include "base/shell.h"
#include "ic/limits.h"
#include "recover/mixture.h"
#include "recover/unfetched.h"
#include "snapshot/globals.h"
#include "wasm/load.h"
#include "wasm/names.h"
#include "wasm/persisted.h"
#include "wasm/validate.h"

namespace canrec::recover {
namespace {

namespace fs = std::filesystem;

// What an upload makes of a defect that the survey of the directory found.
struct Consequence {
  std::string_view code;
  std::string_view why;
  std::string_view next;
};

Consequence consequence_of(Errc code) {
  switch (code) {
    case Errc::kSnapshotUnfinished:
      return {"unfinished",
              "an upload does not look at the progress file: every missing byte becomes zero",
              "run the download again with --resume, from the same snapshot"};
    case Errc::kSnapshotSize:
      return {"wrong-size",
              "an upload sends what is there: the rest of the memory stays zero, a cut module is "
              "noticed only when the snapshot is loaded",
              "download the snapshot again into an empty directory; where dfx was interrupted, dfx "
              "canister snapshot download --resume goes on"};
    case Errc::kHashMismatch:
      return {"wrong-hash",
              "an upload stores the chunk under the hash of what it is now; the code that asks for "
              "the old hash does not find it",
              "download the snapshot again into an empty directory"};
    case Errc::kSnapshotMixed:
      return {"mixed",
              "files of two tools or two snapshots in one directory: an upload mixes them without "
              "a word",
              "download the snapshot again into an empty directory, with one tool"};
    case Errc::kSnapshotMetadata:
    case Errc::kUtf8:
      return {"metadata", "the clients stop at it or the network refuses the upload",
              "download the snapshot again; canrec verify --repair writes old forms anew"};
    case Errc::kLocked:
      return {"in-use", "another process is writing this directory",
              "wait until the download or upload has ended"};
    case Errc::kWasmMagic:
      return {"module", "the module is not a WebAssembly module: loading the snapshot fails",
              "download the snapshot again into an empty directory"};
    case Errc::kLimit:
      return {"limit", "the network refuses the upload", "see the limit that is named"};
    case Errc::kNotFound:
      return {"missing-file", "an upload stops at it or takes the file for empty",
              "download the snapshot again into an empty directory"};
    default:
      return {"file", "the file could not be read", "look at the disk and at the permissions"};
  }
}

// Leftovers are told by their names; the directory itself may be whole.
Consequence consequence_of(const Error& error) {
  if (error.message().starts_with(".upload_progress.json")) {
    return {"unfinished-upload",
            "the snapshot that the upload was making lacks the rest of its bytes: loading it loads "
            "zeros",
            "icp canister snapshot upload --resume, or delete that snapshot and upload anew"};
  }
  if (error.message().starts_with(".download_progress.json.tmp")) {
    return {"leftover",
            "a download crashed while it noted how far it had come; without the note nothing tells "
            "which bytes are missing",
            "unless you know that a later download was finished, download the snapshot again into "
            "an empty directory"};
  }
  if (error.message().starts_with(".snapshot_write_test")) {
    return {"leftover",
            "dfx makes this file before it downloads and removes it at once: it crashed",
            "download the snapshot again into an empty directory"};
  }
  return consequence_of(error.code());
}

// What the survey only warns of, since the directory can be read, and the network refuses for
// certain.
bool network_refuses(Errc code) { return code == Errc::kLimit || code == Errc::kSnapshotSize; }

// The files of a directory and their hashes, made by any number of threads.
class FileHashes {
 public:
  FileHashes(const snapshot::Directory& directory, const VerifyOptions& options)
      : options_(options),
        jobs_{{"wasm_module.bin", directory.module_file()},
              {"wasm_memory.bin", directory.heap_file()},
              {"stable_memory.bin", directory.stable_file()}},
        done_(jobs_.size()) {
    std::ranges::sort(order_, std::greater{}, [&](size_t i) { return bytes_of(jobs_[i]).size(); });
  }

  /// Takes files, the largest first, until there is none left or the user interrupts.
  /// Then fetches what the other threads will come to, so that they only hash.
  void work() {
    for (size_t turn = next_++; turn < order_.size(); turn = next_++) {
      std::atomic<uint64_t>& position = positions_[order_[turn]];
      hash(order_[turn], position);
      position = kOver;
      position.notify_all();
    }
    for (const size_t index : order_) fetch(index);
  }
  /// In the order of the directory; after every thread has returned from work().
  std::vector<VerifiedFile> take() { return std::move(done_); }

 private:
  static constexpr size_t kPiece = size_t{4} << 20;
  static constexpr size_t kAhead = 4 * kPiece;
  static constexpr size_t kFetched = 16 * kPiece;
  static constexpr uint64_t kOver = ~uint64_t{0};

  struct Job {
    std::string name;
    const InputFile* file;  // null when it is missing, and so empty
  };

  static ByteView bytes_of(const Job& job) {
    return job.file != nullptr ? job.file->bytes() : ByteView{};
  }

  void hash(size_t index, std::atomic<uint64_t>& position) {
    const Job& job = jobs_[index];
    const ByteView bytes = bytes_of(job);
    Sha256Stream stream;
    for (ByteView rest = bytes; !rest.empty();) {
      if (options_.interrupt != nullptr && options_.interrupt->requested()) return;
      const ByteView piece = rest.first(std::min<size_t>(rest.size(), kPiece));
      // The disk reads the next pieces while this one is hashed.
      job.file->read_ahead(bytes.size() - rest.size() + kPiece, kAhead);
      stream.update(piece);
      rest = rest.subspan(piece.size());
      position = bytes.size() - rest.size();
      position.notify_all();
      const uint64_t total = read_ += piece.size();
      if (options_.progress) {
        const std::lock_guard lock(reporting_);
        options_.progress(total);
      }
    }
    done_[index] = {job.name, bytes.size(), stream.finish()};
  }

  // Stays some pieces in front of the thread that hashes the file, until that is done.
  void fetch(size_t index) {
    const Job& job = jobs_[index];
    const uint64_t size = bytes_of(job).size();
    uint64_t fetched = 0;
    for (uint64_t at = positions_[index]; at < size; at = positions_[index]) {
      fetched = std::max(fetched, at);
      if (fetched < std::min<uint64_t>(size, at + kFetched)) {
        job.file->fetch(fetched, kPiece);
        fetched += kPiece;
      } else {
        positions_[index].wait(at);
      }
    }
  }

  const VerifyOptions& options_;
  const std::vector<Job> jobs_;
  std::array<size_t, 3> order_ = {0, 1, 2};
  std::vector<VerifiedFile> done_;
  std::array<std::atomic<uint64_t>, 3> positions_{};  // bytes hashed, or kOver
  std::atomic<size_t> next_{0};
  std::atomic<uint64_t> read_{0};
  std::mutex reporting_;
};

class Verifier {
 public:
  Verifier(const fs::path& path, const VerifyOptions& options) : options_(options) {
    report_.path = path;
  }

  Result<VerifyReport> run() {
    CANREC_TRY(survey_, snapshot::survey(report_.path));
    directory_findings();
    if (survey_.directory) {
      report_.metadata = survey_.directory->metadata();
      report_.form = to_string(survey_.directory->form());
      old_form();
      empty_heap_without_file();
      damaged_integers();
      CANREC_CHECK(hash_and_look());
    }
    std::ranges::stable_sort(report_.findings, std::greater{}, &Finding::severity);
    say_what_was_not_checked();
    return std::move(report_);
  }

 private:
  void add(Severity severity, std::string code, std::string where, std::string what,
           std::string why, std::string next) {
    report_.findings.push_back({severity, std::move(code), std::move(where), std::move(what),
                                std::move(why), std::move(next)});
  }

  void directory_findings() {
    report_.missing = std::move(survey_.missing);
    for (const snapshot::Finding& finding : survey_.findings) {
      const Consequence consequence = consequence_of(finding.error);
      const bool bad =
          finding.severity == snapshot::Severity::kRefused || network_refuses(finding.error.code());
      const std::string where =
          finding.error.offset() ? fmt::format("0x{:08x}", *finding.error.offset()) : "";
      add(bad ? Severity::kError : Severity::kWarning, std::string(consequence.code), where,
          finding.error.message(), std::string(consequence.why), std::string(consequence.next));
    }
  }

  void old_form() {
    if (survey_.directory->form() == snapshot::MetadataForm::kCurrent) return;
    add(Severity::kWarning, "old-form", "metadata.json",
        fmt::format("written in the form of {}", report_.form),
        "today's icp and dfx do not read this form: an upload stops with a parse error",
        fmt::format("canrec convert {} -o NEW_DIR", shell_word(report_.path.string())));
  }

  void empty_heap_without_file() {
    if (survey_.directory->form() == snapshot::MetadataForm::kJuno ||
        survey_.directory->heap_file() != nullptr || report_.metadata->wasm_memory_size != 0) {
      return;
    }
    add(Severity::kWarning, "dfx-needs-file", "wasm_memory.bin",
        "missing, because the heap is empty: icp leaves the file out",
        "dfx opens it always, so its upload stops; icp's does not mind",
        fmt::format(
            "canrec convert {} -o NEW_DIR writes what both clients take, or upload with icp",
            shell_word(report_.path.string())));
  }

  // An integer that passed through a double keeps 53 bits. Printed the shortest way it has 16 or 17
  // digits and then zeros; printed exactly its low bits are zero. Times in whole microseconds or
  // longer units have fewer digits and are not meant.
  static bool looks_rounded(uint64_t value) {
    if (value < (uint64_t{1} << 53)) return false;
    const std::string digits = std::to_string(value);
    const size_t significant = digits.find_last_not_of('0') + 1;
    if (significant <= 15) return false;
    if (significant <= 17) return digits.size() - significant >= 2;
    const uint64_t unit = uint64_t{1} << (std::bit_width(value) - 53);
    return unit >= 128 && value % unit == 0;
  }

  void damaged_integers() {
    const snapshot::Metadata& metadata = *report_.metadata;
    const auto check = [&](std::string where, uint64_t value) {
      if (!looks_rounded(value)) return;
      add(Severity::kWarning, "rounded-integer", std::move(where),
          fmt::format("{} looks like a number that was rounded to 53 bits", value),
          "a JSON tool that keeps numbers as doubles (JavaScript, old jq) damages 64-bit integers "
          "without a word; a wrong i64 global is wrong program state. About one honest value in a "
          "hundred looks the same",
          "compare with the file as it was downloaded, or download again");
    };
    check("metadata.json, taken_at_timestamp", metadata.taken_at_timestamp_ns);
    if (metadata.global_timer && metadata.global_timer->deadline_ns) {
      check("metadata.json, global_timer", *metadata.global_timer->deadline_ns);
    }
    for (size_t i = 0; i < metadata.globals.size(); ++i) {
      const snapshot::GlobalValue& global = metadata.globals[i];
      if (global.type != snapshot::GlobalType::kI64) continue;
      const auto value = static_cast<int64_t>(global.low);
      check(fmt::format("metadata.json, globals[{}]", i),
            value < 0 ? uint64_t{0} - global.low : global.low);
    }
  }

  void module_findings() {
    const ByteView stored = survey_.directory->module();
    if (stored.empty()) return;
    module_hash(sha256(stored));
    auto loaded = wasm::load_module(stored);
    if (!loaded) {
      add(Severity::kError, "module", "wasm_module.bin", loaded.error().message(),
          "loading the snapshot fails on the network",
          "download the snapshot again into an empty directory");
      return;
    }
    if (const Status valid = wasm::validate(loaded->module); !valid) {
      add(Severity::kError, "module-invalid",
          fmt::format("wasm_module.bin, 0x{:08x}", valid.error().offset().value_or(0)),
          valid.error().message(), "loading the snapshot fails on the network",
          "compare the module's SHA-256 with the hash that the network reports for the canister");
      return;
    }
    for (const wasm::RuleViolation& rule : wasm::check_network_rules(loaded->module)) {
      add(Severity::kError, "network-rule", fmt::format("wasm_module.bin, 0x{:08x}", rule.offset),
          rule.text, "the network refuses this module today: loading the snapshot fails",
          "canrec inspect wasm_module.bin shows the place");
    }
    globals_against(loaded->module);
    memory_against(loaded->module);
    stack_pointer_against(loaded->module);
    std::ranges::move(contradictions({&loaded->module, &*report_.metadata,
                                      survey_.directory->heap(), survey_.directory->stable()}),
                      std::back_inserter(report_.findings));
    hook_status();
  }

  void module_hash(const Sha256& found) {
    if (!options_.module_hash || found == *options_.module_hash) return;
    add(Severity::kError, "module-hash", "wasm_module.bin",
        fmt::format("sha256 {}, and {} was asked for", to_hex(found),
                    to_hex(*options_.module_hash)),
        "the directory is of another canister or another time, or files of two snapshots are in it",
        "look up the snapshot that you mean, and download it into an empty directory");
  }

  static std::string_view type_name(wasm::ValType type) { return to_string(type); }

  void globals_against(const wasm::Module& module) {
    const std::vector<wasm::PersistedGlobal> wanted = wasm::persisted_globals(module);
    const std::vector<snapshot::GlobalValue>& found = report_.metadata->globals;
    if (wanted.size() != found.size()) {
      add(Severity::kError, "globals-count", "metadata.json, globals",
          fmt::format("{} values, the module persists {} globals", found.size(), wanted.size()),
          "the network refuses to load the snapshot: \"Wasm exported globals of canister module "
          "and snapshot metadata do not match.\"",
          "the module or the metadata belongs to another snapshot; canrec inspect shows the list");
      return;
    }
    for (size_t i = 0; i < wanted.size(); ++i) {
      if (to_string(found[i].type) == type_name(wanted[i].type.type)) continue;
      add(Severity::kError, "globals-type", fmt::format("metadata.json, globals[{}]", i),
          fmt::format("{}, the module's global {} is {}", to_string(found[i].type),
                      std::to_underlying(wanted[i].global), type_name(wanted[i].type.type)),
          "the network refuses to load the snapshot; with equal types it would not notice a swap",
          "the module or the metadata belongs to another snapshot");
    }
  }

  void memory_against(const wasm::Module& module) {
    const uint64_t heap = report_.metadata->wasm_memory_size;
    if (module.memories.empty()) {
      if (heap == 0) return;
      add(Severity::kError, "memory", "metadata.json, wasm_memory_size",
          fmt::format("{} of heap, the module declares no memory", human_size(heap)),
          "the network refuses to load the snapshot",
          "the module and the heap belong to different snapshots");
      return;
    }
    const wasm::Limits& limits = module.memories[0].limits;
    const uint64_t pages = heap / wasm::kPageSize;
    const uint64_t most = limits.is_64 ? ic::limits::kHeapBytes64 : ic::limits::kHeapBytes32;
    const auto refuse = [&](std::string what, std::string why) {
      add(Severity::kError, "memory", "metadata.json, wasm_memory_size", std::move(what),
          std::move(why), "the module and the heap belong to different snapshots");
    };
    if (pages < limits.min) {
      refuse(fmt::format("{} pages of heap, the module declares at least {}", pages, limits.min),
             "the network refuses to load the snapshot");
    }
    if (limits.has_max && pages > limits.max) {
      refuse(fmt::format("{} pages of heap, the module declares at most {}", pages, limits.max),
             "the snapshot loads, and then every message fails");
    }
    if (heap > most) {
      refuse(fmt::format("{} of heap, a {}-bit module can have {}", human_size(heap),
                         limits.is_64 ? 64 : 32, human_size(most)),
             "the network refuses to load the snapshot");
    }
  }

  // The stack pointer: exported or named so, else the only mutable global.
  static std::optional<size_t> stack_pointer_of(const wasm::Module& module,
                                                const std::vector<wasm::PersistedGlobal>& globals) {
    const wasm::NameSection names = wasm::read_names(module);
    std::optional<size_t> only;
    size_t mutables = 0;
    for (size_t i = 0; i < globals.size(); ++i) {
      if (!globals[i].type.is_mutable) continue;
      const auto name = names.globals.find(std::to_underlying(globals[i].global));
      if (globals[i].export_name == "__stack_pointer" ||
          (name != names.globals.end() && name->second == "__stack_pointer")) {
        return i;
      }
      only = i;
      ++mutables;
    }
    return mutables == 1 ? only : std::nullopt;
  }

  // Between messages the shadow stack is empty, so its pointer has its initial value.
  void stack_pointer_against(const wasm::Module& module) {
    const std::vector<wasm::PersistedGlobal> globals = wasm::persisted_globals(module);
    const std::vector<snapshot::GlobalValue>& values = report_.metadata->globals;
    if (globals.size() != values.size()) return;
    const auto at = stack_pointer_of(module, globals);
    if (!at) return;
    const auto initial = snapshot::initial_value(module, globals[*at].global);
    if (!initial || initial->low == values[*at].low) return;
    add(Severity::kWarning, "stack-pointer", fmt::format("metadata.json, globals[{}]", *at),
        fmt::format("what looks like the stack pointer is {}, its initial value is {}",
                    values[*at].low, initial->low),
        "between messages the stack is empty: the snapshot was taken while a call was under way, "
        "or the metadata belongs to another module",
        "stop the canister and take the snapshot again, or make sure that the global is none");
  }

  void hook_status() {
    const auto& status = report_.metadata->on_low_wasm_memory_hook_status;
    if (!status) return;
    if (!options_.wasm_memory_limit || !options_.wasm_memory_threshold) {
      report_.not_checked.push_back(
          "whether on_low_wasm_memory_hook_status fits the settings of the canister (give "
          "--wasm-memory-limit and --wasm-memory-threshold)");
      return;
    }
    const uint64_t heap = report_.metadata->wasm_memory_size;
    const uint64_t limit = *options_.wasm_memory_limit;
    const bool roomy = limit >= heap && limit - heap >= *options_.wasm_memory_threshold;
    if (roomy == (*status == snapshot::HookStatus::kConditionNotSatisfied)) return;
    add(Severity::kError, "hook-status", "metadata.json, on_low_wasm_memory_hook_status",
        fmt::format("{}, although heap and threshold {} the limit", to_string(*status),
                    roomy ? "are within" : "exceed"),
        "the network refuses to load the snapshot: \"Hook status ... is inconsistent with the "
        "canister's state\"",
        roomy ? "set it to \"condition_not_satisfied\", or null"
              : "raise wasm_memory_limit, or set it to \"ready\", or null");
  }

  void unfetched_ranges() {
    const auto look = [&](std::string_view name, const InputFile* file) {
      if (file == nullptr) return;
      for (const UnfetchedRange& range : find_unfetched(*file)) {
        add(Severity::kWarning, "never-fetched",
            fmt::format("{}, [0x{:08x}, 0x{:08x})", name, range.begin, range.end),
            fmt::format("{} of zeros {} exactly where download slices of 2,000,000 bytes do",
                        human_size(range.end - range.begin),
                        range.is_hole ? "that were never written begin and end" : "begin and end"),
            "looks like slices that never arrived: an upload sends them as zeros. Data can look "
            "the same, but rarely does",
            "download the snapshot again into an empty directory and compare with canrec backup "
            "diff, or cmp");
      }
    };
    look("wasm_memory.bin", survey_.directory->heap_file());
    look("stable_memory.bin", survey_.directory->stable_file());
  }

  // Two threads: one hashes from the largest file on, the other looks at module, globals and what
  // contradicts them, and then hashes what is left. Each file is read once: what looks for slices
  // that never arrived comes last, over pages that the hash has brought into memory.
  Status hash_and_look() {
    FileHashes hashes(*survey_.directory, options_);
    {
      std::jthread second([&] { hashes.work(); });
      module_findings();
      hashes.work();
    }
    if (options_.interrupt != nullptr) CANREC_CHECK(options_.interrupt->check());
    report_.files = hashes.take();
    unfetched_ranges();
    return Ok{};
  }

  void say_what_was_not_checked() {
    if (!options_.module_hash) {
      report_.not_checked.push_back(
          "whether the directory is of the canister you mean: no file says (give --module-hash "
          "with "
          "the hash that the network reports)");
    }
    report_.not_checked.push_back(
        "whether every byte is as the network sent it, and whether heap and stable memory are of "
        "the same moment: the memories carry no hash");
    report_.not_checked.push_back(
        "settings, controllers and cycles: they are not part of a snapshot");
  }

  const VerifyOptions& options_;
  VerifyReport report_;
  snapshot::Survey survey_;
};

}  // namespace

Result<VerifyReport> verify(const fs::path& path, const VerifyOptions& options) {
  return Verifier(path, options).run();
}

}  // namespace canrec::recover
