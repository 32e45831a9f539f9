// SPDX-License-Identifier: Apache-2.0
// Pull on the embedded executor:
//
//   1. install the downloader over the canister, ask for sizes and stamp
//   2. fill the two images in the working directory
//   3. put module and metadata beside them: a snapshot directory, inside the working directory
//   4. move it to its place, or back it up into a chunk store
//   5. remove the working directory
//
// Killed anywhere, the next run finds the images and compares them chunk by chunk.
#include <nlohmann/json.hpp>

#include "downloader/downloader.h"
#include "recover/carrier.h"
#include "recover/executor_port.h"
#include "recover/transfer_flow.h"
#include "recover/work_directory.h"
#include "snapshot/staged_directory.h"
#include "snapshot/writer.h"

namespace canrec::recover {
namespace {

namespace fs = std::filesystem;

Result<Subject> open_under_downloader(const PullRequest& request, const Carrier& downloader) {
  CANREC_TRY(Subject subject, Subject::open(request.source, request.executor));
  Status installed =
      install_over(subject, executor::InstallMode::kUpgrade, downloader.module, Memory::kKeep);
  if (!installed) {
    return fail(std::move(installed).error().in("installing the downloader by route K"));
  }
  return subject;
}

Result<std::string> state_text(const snapshot::Directory& source, const DownloaderInfo& info) {
  CANREC_TRY(const std::string identity, identity_of(source));
  const nlohmann::ordered_json state = {{"schema", 1},
                                        {"source", identity},
                                        {"state_stamp", info.state_stamp},
                                        {"heap_size", info.heap_size},
                                        {"stable_size", info.stable_size}};
  return state.dump(2) + "\n";
}

Status seed(PullTarget& target, const PullRequest& request) {
  CANREC_TRY(const snapshot::Directory older, snapshot::Directory::open(*request.older));
  CANREC_CHECK(target.seed(Region::kHeap, older.heap_file(), request.transfer.interrupt));
  return target.seed(Region::kStable, older.stable_file(), request.transfer.interrupt);
}

// The images become part of the directory by a second name; nothing is copied.
Status write_snapshot(FileSystem& system, const snapshot::Directory& source,
                      const PullTarget& target, const fs::path& path, const Interrupt& interrupt) {
  snapshot::NewSnapshot out = snapshot::NewSnapshot::of(source);
  out.heap = snapshot::Image::of(&target.image(Region::kHeap));
  out.stable = snapshot::Image::of(&target.image(Region::kStable));
  out.heap.may_link = out.stable.may_link = true;
  return snapshot::write_directory(system, path, out, Overwrite::kYes, interrupt);
}

Result<snapshot::CreateReport> back_up(FileSystem& system, const fs::path& directory,
                                       const StoreTarget& target, const Interrupt& interrupt) {
  CANREC_TRY(const snapshot::Store store,
             snapshot::Store::open_or_init(system, target.path, target.chunk_size));
  CANREC_TRY(const auto sources, snapshot::directory_sources(directory));
  return snapshot::create_backup(store, system, sources, target.options,
                                 snapshot::JobControl{interrupt});
}

}  // namespace

Result<PullReport> pull_directory(FileSystem& system, const PullRequest& request) {
  if (!request.store) {
    CANREC_CHECK(snapshot::StagedDirectory::check(system, request.output, request.overwrite));
  }
  CANREC_TRY(const snapshot::Directory source, snapshot::Directory::open(request.source));
  CANREC_TRY(const wasm::LoadedModule module, wasm::load_module(source.module()));
  CANREC_TRY(const Carrier downloader, carrier(request.carrier, downloader::make_downloader,
                                               width_of(module.module, source.heap().size())));
  CANREC_TRY(Subject subject, open_under_downloader(request, downloader));
  ExecutorPort port(subject);
  CANREC_TRY(TransferClient client, TransferClient::open(port, downloader.did));
  CANREC_TRY(const DownloaderInfo info, client.downloader_info());

  const fs::path result =
      snapshot::without_slash(request.store ? request.store->path : request.output);
  CANREC_TRY(const std::string state, state_text(source, info));
  CANREC_TRY(WorkDirectory work,
             WorkDirectory::open(system, result.string() + ".canrec-pull", state));
  CANREC_TRY(PullTarget target, PullTarget::open(system, work.path(), info));
  PullReport report;
  report.resumed = work.resumed();
  if (request.older && !report.resumed) CANREC_CHECK(seed(target, request));

  TransferOptions options = request.transfer;
  options.most_bytes = carried(request.executor, executor::Limit::kQueryReplyBytes);
  Renewal renewal;
  options.after_chunk = [&](Region, uint64_t, uint64_t length, ByteView) -> Status {
    if (!renewal.due(length)) return Ok{};
    CANREC_TRY(subject, open_under_downloader(request, downloader));
    return Ok{};
  };
  CANREC_TRY(report.counts, pull(client, info, target, options));
  report.heap_size = info.heap_size;
  report.stable_size = info.stable_size;
  report.messages = port.messages();
  report.instructions = port.instructions();

  const fs::path made = work.path() / "snapshot";
  const Interrupt& interrupt = interrupt_of(request.transfer);
  CANREC_CHECK(write_snapshot(system, source, target, made, interrupt));
  if (request.store) {
    CANREC_TRY(report.backup, back_up(system, made, *request.store, interrupt));
  } else {
    CANREC_CHECK(work.publish(made, request.output, request.overwrite));
  }
  CANREC_CHECK(work.remove());
  return report;
}

}  // namespace canrec::recover
