// SPDX-License-Identifier: Apache-2.0
// Push on the embedded executor:
//
//   1. a backup is restored into the working directory; a snapshot directory is used as it is
//   2. a fresh canister gets the uploader and its sizes, and is saved in the working directory
//   3. every chunk that is put goes into the images of that saved canister too, once its hash was
//      right: so the working directory always holds the canister as it is
//   4. the real module is installed by route K, the check query is asked in both canisters
//   5. the canister is saved and moved to its place, the working directory removed
//
// Killed anywhere, the next run opens the saved canister and compares it chunk by chunk.
#include <fmt/core.h>

#include <array>
#include <nlohmann/json.hpp>

#include "base/hash.h"
#include "base/named_error.h"
#include "recover/carrier.h"
#include "recover/executor_port.h"
#include "recover/route_k.h"
#include "recover/transfer_flow.h"
#include "recover/work_directory.h"
#include "snapshot/staged_directory.h"
#include "uploader/uploader.h"
#include "wasm/load.h"
#include "wasmdiff/compare.h"

namespace canrec::recover {
namespace {

namespace fs = std::filesystem;

// --- where the state comes from

// What state.json says: which state, by the backup's id or the metadata.
Result<std::string> state_text(const PushRequest& request) {
  nlohmann::ordered_json state = {{"schema", 1}};
  if (!request.backup.empty()) {
    state["backup"] = request.backup;
  } else {
    CANREC_TRY(const snapshot::Directory source, snapshot::Directory::open(request.source));
    CANREC_TRY(state["source"], identity_of(source));
  }
  return state.dump(2) + "\n";
}

Result<fs::path> source_directory(FileSystem& system, const PushRequest& request,
                                  const WorkDirectory& work) {
  if (request.backup.empty()) return request.source;
  const fs::path restored = work.path() / "source";
  std::error_code ignored;
  if (fs::exists(restored, ignored)) return restored;  // it appears when it is whole
  CANREC_TRY(const snapshot::Store store, snapshot::Store::open(request.source));
  CANREC_TRY(const snapshot::Manifest manifest, store.backup(request.backup));
  CANREC_CHECK(restore_backup(store, system, manifest, restored, {},
                              snapshot::JobControl{interrupt_of(request.transfer)}));
  return restored;
}

// Whether the real module may follow by route K, over this state whose pre-upgrade does not run.
// Every reason against it is told: who mends the first should not find the second afterwards.
Status check_route_k(const snapshot::Directory& source, const wasm::Module& module,
                     const std::optional<wasmdiff::Comparison>& layout) {
  std::string reasons;
  const auto against = [&](std::string_view where, const auto& finding) {
    reasons +=
        fmt::format("\n  - {}: {}; {}. Next: {}", where, finding.what, finding.why, finding.next);
  };
  for (const Finding& finding : judge_route_k(module, {&source.metadata(), source.heap(), false})) {
    if (finding.severity == Severity::kError) against(finding.where, finding);
  }
  if (layout) {
    for (const wasmdiff::Finding& finding : layout->findings) {
      if (finding.weights.k != wasmdiff::Severity::kUnsafe) continue;
      // With the state at hand the judgement above knows more of these two.
      if (finding.code == "section.route-k" || finding.code == "global.restart") continue;
      against("modules", finding);
    }
  }
  if (reasons.empty()) return Ok{};
  return fail(Errc::kInstallRefused,
              "the real module cannot follow the uploader by route K:" + reasons);
}

// How the layout of another module than the source's own compares with that one's.
Result<std::optional<wasmdiff::Comparison>> compare_layouts(const PushRequest& request,
                                                            const wasm::Module& own,
                                                            const wasm::Module& module) {
  if (!request.module) return std::optional<wasmdiff::Comparison>{};
  CANREC_TRY(wasmdiff::Comparison comparison, wasmdiff::compare(own, module, {}));
  return std::optional(std::move(comparison));
}

// What is looked at before anything is pushed.
struct FirstLook {
  Checks checks;
  std::string layout;
};

Result<FirstLook> look_first(const PushRequest& request, const fs::path& path,
                             const snapshot::Directory& source, const wasm::Module& module) {
  FirstLook out;
  CANREC_TRY(const wasm::LoadedModule own, wasm::load_module(source.module()));
  CANREC_TRY(const auto layout, compare_layouts(request, own.module, module));
  CANREC_CHECK(check_route_k(source, module, layout));
  if (layout) {
    out.layout = fmt::format("{} by route K", to_string(layout->word(wasmdiff::Route::kK)));
    for (const wasmdiff::Finding& finding : layout->findings) {
      if (finding.weights.k == wasmdiff::Severity::kReview) out.layout += "; " + finding.what;
    }
  }
  if (request.checks.empty()) return out;
  CANREC_TRY(Subject original, Subject::open(path, request.executor));
  CANREC_TRY(out.checks, Checks::ask(original, request.checks));
  return out;
}

// --- the canister under the uploader

// The canister in the working directory; made when it is not there yet.
Result<Subject> open_under_uploader(FileSystem& system, const PushRequest& request,
                                    const Carrier& uploader, const PushSource& source,
                                    const fs::path& saved) {
  std::error_code ignored;
  if (!fs::exists(saved, ignored)) {
    Subject fresh = Subject::fresh(request.executor);
    CANREC_CHECK(
        install_over(fresh, executor::InstallMode::kInstall, uploader.module, Memory::kReplace));
    ExecutorPort port(fresh);
    CANREC_TRY(TransferClient client, TransferClient::open(port, uploader.did));
    CANREC_CHECK(begin_push(client, source));
    CANREC_CHECK(fresh.executor().save(fresh.id(), system, saved, Overwrite::kNo));
  }
  CANREC_TRY(Subject subject, Subject::open(saved, request.executor));
  const auto installed = subject.module_bytes();
  if (installed && sha256(*installed) == sha256(uploader.module)) return subject;
  return fail(Errc::kSnapshotMixed,
              fmt::format("{} holds another program than this uploader; remove {} to start anew",
                          saved.string(), saved.parent_path().string()));
}

// The images of the saved canister, open for writing.
class Mirror {
 public:
  static Result<Mirror> open(FileSystem& system, const fs::path& saved) {
    Mirror out;
    CANREC_TRY(out.files_[0], system.open(saved / "wasm_memory.bin"));
    CANREC_TRY(out.files_[1], system.open(saved / "stable_memory.bin"));
    return out;
  }
  Status write(Region region, uint64_t offset, ByteView bytes) {
    return files_[std::to_underlying(region)]->write_at(bytes, offset);
  }

 private:
  std::array<std::unique_ptr<WritableFile>, 2> files_;
};

// --- the end

Status compare_answers(Subject& subject, const Checks& checks, PushReport& report) {
  CANREC_TRY(report.answers, checks.again(subject));
  const CheckedAnswer* other = first_other(report.answers);
  if (other == nullptr) return Ok{};
  return fail(Errc::kVerification,
              fmt::format("{} answers {} in the new canister and {} in the source", other->query,
                          other->after, other->before));
}

}  // namespace

Result<PushReport> push_directory(FileSystem& system, const PushRequest& request) {
  CANREC_CHECK(snapshot::StagedDirectory::check(system, request.output, request.overwrite));
  CANREC_TRY(const std::string state, state_text(request));
  CANREC_TRY(WorkDirectory work,
             WorkDirectory::open(
                 system, snapshot::without_slash(request.output).string() + ".canrec-push", state));
  CANREC_TRY(const fs::path source_path, source_directory(system, request, work));
  CANREC_TRY(const snapshot::Directory source, snapshot::Directory::open(source_path));
  const Bytes module =
      request.module ? *request.module : Bytes(source.module().begin(), source.module().end());
  // Nothing of a transfer that cannot be is kept, but what an earlier one did may still be used.
  const auto cannot_be = [&](Error&& error) -> Result<PushReport> {
    if (!work.resumed()) CANREC_CHECK(work.remove());
    return fail(std::move(error));
  };
  auto loaded = in_file(wasm::load_module(module), "the real module");
  if (!loaded) return cannot_be(std::move(loaded).error());
  auto first = look_first(request, source_path, source, loaded->module);
  if (!first) return cannot_be(std::move(first).error());
  CANREC_TRY(const Carrier uploader, carrier(request.carrier, uploader::make_uploader,
                                             width_of(loaded->module, source.heap().size())));

  PushReport report;
  report.layout = first->layout;
  report.transfer.resumed = work.resumed();
  const fs::path saved = work.path() / "canister";
  const PushSource images{source.heap_file(), source.stable_file()};
  const auto open = [&] { return open_under_uploader(system, request, uploader, images, saved); };
  CANREC_TRY(Subject subject, open());
  CANREC_TRY(Mirror mirror, Mirror::open(system, saved));
  ExecutorPort port(subject);
  CANREC_TRY(TransferClient client, TransferClient::open(port, uploader.did));
  CANREC_CHECK(begin_push(client, images));

  TransferOptions options = request.transfer;
  options.most_bytes = carried(request.executor, executor::Limit::kIngressBytes);
  Renewal renewal;
  options.after_chunk = [&](Region region, uint64_t offset, uint64_t length,
                            ByteView sent) -> Status {
    if (!sent.empty()) CANREC_CHECK(mirror.write(region, offset, sent));
    if (!renewal.due(length)) return Ok{};
    CANREC_TRY(subject, open());
    return Ok{};
  };
  CANREC_TRY(report.transfer.counts, push(client, images, options));
  report.transfer.heap_size = images.size(Region::kHeap);
  report.transfer.stable_size = images.size(Region::kStable);
  report.transfer.messages = port.messages();
  report.transfer.instructions = port.instructions();

  CANREC_CHECK(install_over(subject, executor::InstallMode::kUpgrade, module, Memory::kKeep));
  subject.refresh_interface();
  CANREC_CHECK(compare_answers(subject, first->checks, report));
  const fs::path made = work.path() / "result";
  CANREC_CHECK(subject.executor().save(subject.id(), system, made, Overwrite::kYes));
  CANREC_CHECK(work.publish(made, request.output, request.overwrite));
  CANREC_CHECK(work.remove());
  return report;
}

}  // namespace canrec::recover
