// SPDX-License-Identifier: Apache-2.0
// Pull and push on the embedded executor.
#include "recover/transfer_flow.h"

#include <fmt/core.h>

#include "base/hash.h"
#include "base/input_file.h"
#include "downloader/downloader.h"
#include "recover/executor_port.h"
#include "recover/route_k.h"
#include "recover/subject.h"
#include "snapshot/writer.h"
#include "uploader/uploader.h"

namespace canrec::recover {
namespace {

namespace fs = std::filesystem;

constexpr uint64_t kHeap32 = uint64_t{4} << 30;

downloader::Width width_of(const wasm::Module& module, uint64_t heap_bytes) {
  const bool wide = module.is_64() || heap_bytes > kHeap32;
  return wide ? downloader::Width::k64 : downloader::Width::k32;
}

const Interrupt& interrupt_of(const TransferOptions& options) {
  static const Interrupt never;
  return options.interrupt != nullptr ? *options.interrupt : never;
}

std::string did_of(ByteView stored_module, const std::string& generated) {
  if (!generated.empty()) return generated;
  const auto loaded = wasm::load_module(stored_module);
  if (!loaded) return {};
  const wasm::Section* section = loaded->module.custom("icp:public candid:service");
  return section == nullptr ? std::string{}
                            : std::string(as_text(loaded->module.view(section->payload)));
}

struct Carrier {
  Bytes module;
  std::string did;
};

// The module given, or a generated one.
Result<Carrier> carrier(const std::optional<Bytes>& given,
                        Result<downloader::Generated> (*make)(downloader::Width,
                                                              const downloader::Access&),
                        downloader::Width width) {
  if (given) {
    Carrier out{*given, did_of(*given, {})};
    if (out.did.empty()) {
      return fail(Errc::kBadArgument,
                  "the module has no icp:public candid:service section; generate it with canrec");
    }
    return out;
  }
  CANREC_TRY(downloader::Generated made, make(width, downloader::Access{}));
  return Carrier{std::move(made.module), std::move(made.did)};
}

Status install_over(Subject& subject, executor::InstallMode mode, const Bytes& module, bool keep) {
  executor::InstallRequest request;
  request.canister = subject.id();
  request.mode = mode;
  request.module = module;
  request.argument = Bytes{'D', 'I', 'D', 'L', 0, 0};
  request.skip_pre_upgrade = true;
  if (keep) request.memory = executor::MemoryPersistence::kKeep;
  CANREC_TRY(const executor::InstallOutcome outcome, subject.executor().install(request));
  if (outcome.ok()) return Ok{};
  return fail(Errc::kInstallRefused, fmt::format("{}: {}", outcome.stage, outcome.failure->text()));
}

std::string identity_of(const snapshot::Directory& directory) {
  const auto metadata = snapshot::write_metadata(directory.metadata());
  return metadata ? to_hex(sha256(as_bytes(*metadata))) : std::string("unwritable metadata");
}

Status write_pulled(FileSystem& system, const snapshot::Directory& source, const PullTarget& target,
                    const PullRequest& request) {
  CANREC_TRY(const InputFile heap, InputFile::open(target.path(Region::kHeap)));
  CANREC_TRY(const InputFile stable, InputFile::open(target.path(Region::kStable)));
  snapshot::NewSnapshot out;
  out.metadata = source.metadata();
  out.module = snapshot::Image::of(source.module_file());
  out.heap = snapshot::Image::of(&heap);
  out.stable = snapshot::Image::of(&stable);
  for (const snapshot::Chunk& chunk : source.chunks()) out.chunks.push_back(chunk.bytes);
  return snapshot::write_directory(system, request.output, out, request.overwrite,
                                   interrupt_of(request.transfer));
}

Status refuse_existing(const fs::path& output, Overwrite overwrite) {
  std::error_code ignored;
  if (overwrite == Overwrite::kYes || !fs::exists(output, ignored)) return Ok{};
  return fail(Errc::kExists, fmt::format("{} exists; give --force to replace it", output.string()));
}

}  // namespace

Result<TransferReport> pull_directory(FileSystem& system, const PullRequest& request) {
  CANREC_CHECK(refuse_existing(request.output, request.overwrite));
  CANREC_TRY(const snapshot::Directory source, snapshot::Directory::open(request.source));
  CANREC_TRY(const wasm::LoadedModule module, wasm::load_module(source.module()));
  CANREC_TRY(const Carrier downloader, carrier(request.downloader, downloader::make_downloader,
                                               width_of(module.module, source.heap().size())));
  CANREC_TRY(Subject subject, Subject::open(request.source, request.executor));
  if (Status installed =
          install_over(subject, executor::InstallMode::kUpgrade, downloader.module, true);
      !installed) {
    return fail(std::move(installed).error().in("installing the downloader by route K"));
  }
  ExecutorPort port(subject.executor(), subject.id());
  CANREC_TRY(TransferClient client, TransferClient::open(port, downloader.did));
  CANREC_TRY(const DownloaderInfo info, client.downloader_info());

  const fs::path work = request.output.string() + ".canrec-pull";
  CANREC_TRY(PullTarget target, PullTarget::open(system, work, info, identity_of(source)));
  TransferReport report;
  report.resumed = target.resumed();
  if (request.older && !target.resumed()) {
    CANREC_TRY(const snapshot::Directory older, snapshot::Directory::open(*request.older));
    CANREC_CHECK(target.seed(Region::kHeap, older.heap(), request.transfer.interrupt));
    CANREC_CHECK(target.seed(Region::kStable, older.stable(), request.transfer.interrupt));
  }
  CANREC_TRY(report.counts, pull(client, info, target, request.transfer));
  report.heap_size = info.heap_size;
  report.stable_size = info.stable_size;
  report.messages = port.messages();
  report.instructions = port.instructions();
  CANREC_CHECK(write_pulled(system, source, target, request));
  CANREC_CHECK(system.remove_all(work));
  return report;
}

namespace {

// Whether the real module may follow by route K, over this state whose pre-upgrade does not run.
Status check_route_k(const snapshot::Directory& source, ByteView stored_module) {
  CANREC_TRY(const wasm::LoadedModule loaded, wasm::load_module(stored_module));
  for (const Finding& finding :
       judge_route_k(loaded.module, {&source.metadata(), source.heap(), false})) {
    if (finding.severity != Severity::kError) continue;
    return fail(Errc::kInstallRefused, fmt::format("{}: {}; {}. Next: {}", finding.where,
                                                   finding.what, finding.why, finding.next));
  }
  return Ok{};
}

Result<std::string> ask(Subject& subject, const PushRequest& request) {
  CANREC_TRY(const executor::CallOutcome outcome,
             subject.query(request.check_method, request.check_argument));
  return outcome.replied() ? subject.reply_text(request.check_method, outcome.reply())
                           : outcome.failure().text();
}

}  // namespace

Result<PushReport> push_directory(FileSystem& system, const PushRequest& request) {
  CANREC_CHECK(refuse_existing(request.output, request.overwrite));
  CANREC_TRY(const snapshot::Directory source, snapshot::Directory::open(request.source));
  const Bytes module =
      request.module ? *request.module : Bytes(source.module().begin(), source.module().end());
  CANREC_CHECK(check_route_k(source, module));
  CANREC_TRY(const wasm::LoadedModule loaded, wasm::load_module(module));
  CANREC_TRY(const Carrier uploader, carrier(request.uploader, uploader::make_uploader,
                                             width_of(loaded.module, source.heap().size())));

  PushReport report;
  const fs::path work = request.output.string() + ".canrec-push";
  std::error_code ignored;
  report.transfer.resumed = fs::exists(work, ignored);
  std::optional<Subject> subject;
  if (report.transfer.resumed) {
    CANREC_TRY(subject, Subject::open(work, request.executor));
    const auto installed = subject->module_bytes();
    if (!installed || sha256(*installed) != sha256(uploader.module)) {
      return fail(
          Errc::kSnapshotMixed,
          fmt::format("{} holds another program than this uploader; remove it to start anew",
                      work.string()));
    }
  } else {
    subject = Subject::fresh(request.executor);
    CANREC_CHECK(install_over(*subject, executor::InstallMode::kInstall, uploader.module, false));
  }
  ExecutorPort port(subject->executor(), subject->id());
  CANREC_TRY(TransferClient client, TransferClient::open(port, uploader.did));
  auto counts = push(client, {source.heap(), source.stable()}, request.transfer);
  if (!counts) {
    if (counts.error().code() == Errc::kInterrupted) {
      CANREC_CHECK(subject->executor().save(subject->id(), system, work, Overwrite::kYes));
    }
    return fail(std::move(counts).error());
  }
  report.transfer.counts = *counts;
  report.transfer.heap_size = source.heap().size();
  report.transfer.stable_size = source.stable().size();
  report.transfer.messages = port.messages();
  report.transfer.instructions = port.instructions();

  CANREC_CHECK(install_over(*subject, executor::InstallMode::kUpgrade, module, true));
  subject->refresh_interface();
  if (!request.check_method.empty()) {
    CANREC_TRY(Subject original, Subject::open(request.source, request.executor));
    CANREC_TRY(report.answer_source, ask(original, request));
    CANREC_TRY(report.answer, ask(*subject, request));
    if (report.answer != report.answer_source) {
      return fail(Errc::kVerification,
                  fmt::format("{}{} answers {} in the new canister and {} in the source",
                              request.check_method, request.check_argument, report.answer,
                              report.answer_source));
    }
  }
  CANREC_CHECK(subject->executor().save(subject->id(), system, request.output, request.overwrite));
  if (report.transfer.resumed) CANREC_CHECK(system.remove_all(work));
  return report;
}

}  // namespace canrec::recover
