// SPDX-License-Identifier: Apache-2.0
// What pull and push share.
#include "recover/carrier.h"

#include <fmt/core.h>

#include "base/hash.h"

namespace canrec::recover {

namespace {

constexpr uint64_t kHeap32 = uint64_t{4} << 30;

std::string did_of(ByteView stored_module) {
  const auto loaded = wasm::load_module(stored_module);
  if (!loaded) return {};
  const wasm::Section* section = loaded->module.custom("icp:public candid:service");
  return section == nullptr ? std::string{}
                            : std::string(as_text(loaded->module.view(section->payload)));
}

}  // namespace

downloader::Width width_of(const wasm::Module& module, uint64_t heap_bytes) {
  const bool wide = module.is_64() || heap_bytes > kHeap32;
  return wide ? downloader::Width::k64 : downloader::Width::k32;
}

Result<Carrier> carrier(const std::optional<Bytes>& given,
                        Result<downloader::Generated> (*make)(downloader::Width,
                                                              const downloader::Access&),
                        downloader::Width width) {
  if (given) {
    Carrier out{*given, did_of(*given)};
    if (out.did.empty()) {
      return fail(Errc::kBadArgument,
                  "the downloader or uploader that was given has no icp:public candid:service "
                  "section; generate it with canrec downloader or canrec uploader");
    }
    return out;
  }
  CANREC_TRY(downloader::Generated made, make(width, downloader::Access{}));
  return Carrier{std::move(made.module), std::move(made.did)};
}

Status install_over(Subject& subject, executor::InstallMode mode, const Bytes& module,
                    Memory memory) {
  executor::InstallRequest request;
  request.canister = subject.id();
  request.mode = mode;
  request.module = module;
  request.argument = Bytes{'D', 'I', 'D', 'L', 0, 0};
  request.skip_pre_upgrade = true;
  if (memory == Memory::kKeep) request.memory = executor::MemoryPersistence::kKeep;
  CANREC_TRY(const executor::InstallOutcome outcome, subject.executor().install(request));
  if (outcome.ok()) return Ok{};
  return fail(Errc::kInstallRefused, fmt::format("{}: {}", outcome.stage, outcome.failure->text()));
}

Result<std::string> identity_of(const snapshot::Directory& directory) {
  CANREC_TRY(const std::string metadata, snapshot::write_metadata(directory.metadata()));
  return to_hex(sha256(as_bytes(metadata)));
}

uint64_t carried(const executor::Options& options, executor::Limit limit) {
  static constexpr uint64_t kHeader = 23;  // the longest: of a piece that is put
  const uint64_t bytes = options.profile[limit];
  return bytes - std::min(bytes, kHeader);
}

const Interrupt& interrupt_of(const TransferOptions& options) {
  static const Interrupt never;
  return options.interrupt != nullptr ? *options.interrupt : never;
}

}  // namespace canrec::recover
