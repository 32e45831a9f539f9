// SPDX-License-Identifier: Apache-2.0
// The checks of `canrec verify`, in the order of the steps of run().
#include "recover/verify.h"

#include <fmt/core.h>

#include <algorithm>
#include <bit>
#include <iterator>
#include <thread>

#include "base/shell.h"
#include "recover/convert.h"
#include "recover/unfetched.h"
#include "recover/verify_consequence.h"
#include "recover/verify_hashes.h"
#include "recover/verify_module.h"

namespace canrec::recover {
namespace {

namespace fs = std::filesystem;

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
      if (!survey_.directory->module().empty()) hook_status();
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
      const bool is_refused = finding.severity == snapshot::Severity::kRefused;
      const bool bad = is_refused || network_refuses(finding.error.code());
      const Consequence consequence =
          consequence_of(finding.error, survey_.directory ? &*survey_.directory : nullptr);
      const std::string where =
          finding.error.offset() ? fmt::format("0x{:08x}", *finding.error.offset()) : "";
      add(bad ? Severity::kError : Severity::kWarning, std::string(consequence.code), where,
          finding.error.message(), std::string(consequence.why), std::string(consequence.next));
    }
  }

  void old_form() {
    const snapshot::MetadataForm form = survey_.directory->form();
    if (form == snapshot::MetadataForm::kCurrent) return;
    const std::string directory = shell_word(report_.path.string());
    const std::string convert = fmt::format("canrec convert {} -o NEW_DIR", directory);
    if (form != snapshot::MetadataForm::kJuno) {
      add(Severity::kWarning, "old-form", "metadata.json",
          fmt::format("written in the form of {}", report_.form),
          "today's icp and dfx do not read this form: an upload stops with a parse error before "
          "anything is sent",
          convert);
      return;
    }
    add(Severity::kNote, "juno-form", "metadata.json", "written in the form of Juno",
        "Juno uploads it; icp and dfx do not read this form and stop before anything is sent",
        "for icp and dfx: " + convert);
    if (!juno_cuts_elsewhere(survey_.directory->chunks())) return;
    add(Severity::kWarning, "juno-chunks", "chunks-store.bin",
        fmt::format("{} chunks of other sizes than the 1,000,000 bytes that Juno sends",
                    survey_.directory->chunks().size()),
        "Juno does not record where a chunk ends: its upload cuts them anew, under other hashes, "
        "and an installation that asks for the old hashes does not find them",
        convert + ", and upload that with icp: the borders are found again by the hashes");
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

  void hook_status() {
    const auto& status = report_.metadata->on_low_wasm_memory_hook_status;
    if (!status) return;
    if (!options_.wasm_memory_limit || !options_.wasm_memory_threshold) {
      report_.not_checked.push_back(
          "whether on_low_wasm_memory_hook_status fits the settings of the canister (give "
          "--status, or --wasm-memory-limit and --wasm-memory-threshold)");
      return;
    }
    const uint64_t heap = report_.metadata->wasm_memory_size;
    const uint64_t limit = *options_.wasm_memory_limit;
    // A limit of 0 is none.
    const bool roomy =
        limit == 0 || (limit >= heap && limit - heap >= *options_.wasm_memory_threshold);
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
            fmt::format("{} of zeros{} fill whole download slices of 2,000,000 bytes, with data "
                        "close to both ends",
                        human_size(range.end - range.begin),
                        range.is_hole ? " that were never written" : ""),
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
      std::ranges::move(judge_module(*survey_.directory, options_.module_hash),
                        std::back_inserter(report_.findings));
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
          "whether the directory is of the canister you mean: no file says (give --status, or "
          "--module-hash "
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
