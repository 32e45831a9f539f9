// SPDX-License-Identifier: Apache-2.0
// The face of the executor: canisters in and out, time, checkpoints.
#include "executor/executor.h"

#include <algorithm>
#include <utility>

#include <fmt/core.h>

#include "base/checked.h"
#include "executor/network.h"
#include "snapshot/writer.h"

namespace canrec::executor {
namespace {

// The main network's public key. Source: https://internetcomputer.org/docs, "IC root key".
constexpr std::string_view kRootKey =
    "308182301d060d2b0601040182dc7c0503010201060c2b0601040182dc7c05030201036100814c0e6ec71fab583b08"
    "bd81373c255c3c371b2e84863c98a4f1e08b74235d14fb5d9c0cd546d9685f913a0c0b2cc5341583bf4b4392e467db"
    "96d65b9bb4cb717112f8472e0d5a4d14505ffd7484b01291091c5f87b98883463f98091a0baaae";

// A memory over a file of the directory, or an empty one.
Result<engine::Memory> image_memory(const InputFile* file, uint64_t capacity_pages) {
  if (file == nullptr || file->size() == 0) return engine::Memory::zeros(0, capacity_pages);
  return engine::Memory::from_image(file->descriptor(), file->size(),
                                    file->size() / engine::kWasmPage, capacity_pages);
}

snapshot::Image image_of(const engine::Memory& memory, const InputFile* file) {
  snapshot::Image image{
      .size = memory.size(), .base = memory.image_length() > 0 ? file : nullptr, .extents = {}};
  for (const engine::MemoryRange& range : memory.modified_ranges()) {
    const uint64_t end = std::min(range.end, memory.size());
    if (const auto bytes = memory.peek(range.begin, end - range.begin)) {
      image.extents.push_back({range.begin, *bytes});
    }
  }
  return image;
}

Settings default_settings() {
  Settings settings;
  settings.controllers = {default_user()};
  return settings;
}

}  // namespace

ic::Principal default_user() {
  return ic::Principal::self_authenticating(as_bytes("canrec: the default user"));
}

ic::Principal default_subnet() {
  return ic::Principal::self_authenticating(as_bytes("canrec: the subnet"));
}

ByteView root_key() {
  static const Bytes key = [] {
    Bytes bytes;
    CANREC_ASSERT(from_hex(kRootKey, bytes));
    return bytes;
  }();
  return key;
}

struct Executor::Impl {
  Network network;
};

Executor::Executor(const Options& options) : impl_(new Impl{Network(options)}) {}
Executor::Executor(Executor&&) noexcept = default;
Executor& Executor::operator=(Executor&&) noexcept = default;
Executor::~Executor() = default;

// --- canisters
// ------------------------------------------------------------------------------------

ic::Principal Executor::create_canister() {
  const ic::Principal id = impl_->network.next_canister_id();
  CANREC_ASSERT(create_canister(id, default_settings()).has_value());
  return id;
}

Status Executor::create_canister(const ic::Principal& id, Settings settings) {
  auto& canisters = impl_->network.world.canisters;
  if (canisters.contains(id)) {
    return fail(Errc::kExists, fmt::format("canister {} is here already", id.text()));
  }
  Canister& canister = canisters[id];
  canister.id = id;
  canister.settings = std::move(settings);
  if (impl_->network.options.cycles) canister.balance = *impl_->network.options.cycles;
  std::sort(canister.settings.controllers.begin(), canister.settings.controllers.end());
  return Ok{};
}

Result<ic::Principal> Executor::load(snapshot::Directory directory,
                                     std::optional<ic::Principal> id) {
  Network& network = impl_->network;
  if (!id && !directory.ids().empty()) {
    CANREC_TRY(id, ic::Principal::from_bytes(directory.ids()[0].canister));
  }
  if (!id) id = network.next_canister_id();

  CANREC_TRY(const Code* const code, network.codes.load(directory.module()));
  const snapshot::Metadata& metadata = directory.metadata();
  if (auto misfit = memory_misfit(*code, directory.heap().size())) {
    return fail(Errc::kSnapshotMetadata, std::move(*misfit));
  }
  CANREC_TRY(std::vector<engine::Value> globals, restore_persisted(*code, metadata.globals));
  CANREC_TRY(engine::Memory heap, image_memory(directory.heap_file(), engine::kHeapPages64));
  CANREC_TRY(engine::Memory stable, image_memory(directory.stable_file(), engine::kStablePages));
  Settings settings = default_settings();
  settings.wasm_memory_limit = 0;
  CANREC_CHECK(create_canister(*id, std::move(settings)));

  Canister& canister = network.world.canisters.at(*id);
  canister.version = metadata.canister_version;
  canister.certified_data = metadata.certified_data;
  if (metadata.global_timer) {
    canister.global_timer_ns = metadata.global_timer->deadline_ns.value_or(0);
  }
  canister.hook_status =
      metadata.on_low_wasm_memory_hook_status.value_or(HookStatus::kConditionNotSatisfied);
  for (const snapshot::Chunk& chunk : directory.chunks()) {
    canister.chunks[chunk.hash] = Bytes(chunk.bytes.begin(), chunk.bytes.end());
  }
  // A canister has never seen an earlier time than the one its snapshot was taken at.
  network.world.time_ns = std::max(network.world.time_ns, metadata.taken_at_timestamp_ns);
  const snapshot::Directory& kept = network.directories.emplace_back(std::move(directory));
  canister.wasm.emplace(WasmState{.code = code,
                                  .heap = std::move(heap),
                                  .stable = std::move(stable),
                                  .globals = std::move(globals),
                                  .heap_file = kept.heap_file(),
                                  .stable_file = kept.stable_file()});
  return *id;
}

const Canister* Executor::find(const ic::Principal& id) const {
  const auto& canisters = impl_->network.world.canisters;
  const auto it = canisters.find(id);
  return it == canisters.end() ? nullptr : &it->second;
}

Status Executor::set_settings(const ic::Principal& id, Settings settings) {
  CANREC_TRY(Canister* const canister, impl_->network.canister(id));
  canister->settings = std::move(settings);
  std::sort(canister->settings.controllers.begin(), canister->settings.controllers.end());
  canister->update_hook_status();
  return Ok{};
}

Status Executor::set_status(const ic::Principal& id, RunStatus status) {
  CANREC_TRY(Canister* const canister, impl_->network.canister(id));
  canister->status = status;
  return Ok{};
}

Status Executor::set_balance(const ic::Principal& id, Cycles balance) {
  CANREC_TRY(Canister* const canister, impl_->network.canister(id));
  canister->balance = balance;
  return Ok{};
}

// --- code
// -----------------------------------------------------------------------------------------

Result<InstallOutcome> Executor::install(const InstallRequest& request) {
  (void)impl_->network.runs.take();
  CANREC_TRY(InstallOutcome outcome, impl_->network.install(request));
  outcome.runs = impl_->network.runs.take();
  return outcome;
}

Status Executor::replace(const ic::Principal& id, ByteView module) {
  CANREC_TRY(Canister* const canister, impl_->network.canister(id));
  return impl_->network.replace(*canister, module);
}

// --- messages
// -------------------------------------------------------------------------------------

Result<CallOutcome> Executor::update(const Call& call) { return impl_->network.update(call); }
Result<CallOutcome> Executor::query(const Call& call) { return impl_->network.query(call); }
Result<CallOutcome> Executor::inspect(const Call& call) { return impl_->network.inspect(call); }

Result<TaskOutcome> Executor::heartbeat(const ic::Principal& id) {
  return impl_->network.task_to_the_end(id, ic::Context::kHeartbeat, "canister_heartbeat");
}

Result<TaskOutcome> Executor::global_timer(const ic::Principal& id) {
  CANREC_TRY(Canister* const canister, impl_->network.canister(id));
  canister->global_timer_ns = 0;
  return impl_->network.task_to_the_end(id, ic::Context::kGlobalTimer, "canister_global_timer");
}

Result<TaskOutcome> Executor::low_memory_hook(const ic::Principal& id) {
  return impl_->network.task_to_the_end(id, ic::Context::kLowMemory, "canister_on_low_wasm_memory");
}

Result<TimeOutcome> Executor::advance_time(uint64_t nanoseconds) {
  World& world = impl_->network.world;
  const auto end = checked_add(world.time_ns, nanoseconds);
  if (!end) return fail(Errc::kBadArgument, "the time would not fit 64 bits of nanoseconds");
  const uint64_t target = *end;
  const uint64_t most = impl_->network.options.profile[Limit::kCommandMessages];
  TimeOutcome out;
  RunLog runs;
  while (true) {
    Canister* next = nullptr;
    for (auto& [id, canister] : world.canisters) {
      const uint64_t due = canister.global_timer_ns;
      if (due == 0 || due > target || canister.status != RunStatus::kRunning) continue;
      if (next == nullptr || due < next->global_timer_ns) next = &canister;
    }
    if (next == nullptr) break;
    world.time_ns = std::max(world.time_ns, next->global_timer_ns);
    CANREC_TRY(TaskOutcome outcome, global_timer(next->id));
    if (outcome.ran) ++out.timers;
    if (outcome.failure && !out.failure) out.failure = std::move(outcome.failure);
    for (RunReport& run : outcome.runs) runs.add(std::move(run));
    if (out.timers > most) {
      return fail(Errc::kMessageLimit,
                  fmt::format("still busy after {} timers: go on in shorter steps of time; nothing "
                              "they did is kept (--limit command-messages=N allows more)",
                              grouped(most)));
    }
  }
  world.time_ns = target;
  out.runs = runs.take();
  return out;
}

uint64_t Executor::time_ns() const { return impl_->network.world.time_ns; }
const Profile& Executor::profile() const { return impl_->network.options.profile; }
void Executor::set_profile(const Profile& profile) { impl_->network.options.profile = profile; }

// --- states
// ---------------------------------------------------------------------------------------

Result<Checkpoint> Executor::checkpoint() {
  CANREC_TRY(World copy, impl_->network.world.fork());
  const uint64_t number = impl_->network.checkpoints_made++;
  impl_->network.checkpoints.emplace(number, std::move(copy));
  return Checkpoint{number};
}

Status Executor::revert(Checkpoint checkpoint) {
  const auto it = impl_->network.checkpoints.find(std::to_underlying(checkpoint));
  if (it == impl_->network.checkpoints.end()) {
    return fail(Errc::kNotFound, "there is no such checkpoint");
  }
  CANREC_TRY(impl_->network.world, it->second.fork());
  return Ok{};
}

void Executor::discard(Checkpoint checkpoint) {
  impl_->network.checkpoints.erase(std::to_underlying(checkpoint));
}

Result<snapshot::Metadata> Executor::metadata(const ic::Principal& id) const {
  CANREC_TRY(const Canister* const canister, impl_->network.canister(id));
  if (!canister->wasm) return fail(Errc::kInstallRefused, "the canister has no module");
  snapshot::Metadata metadata;
  metadata.source = snapshot::Source::kTakenFromCanister;
  metadata.taken_at_timestamp_ns = impl_->network.world.time_ns;
  metadata.wasm_module_size = canister->wasm->code->stored().size();
  metadata.globals = persisted_values(*canister->wasm);
  metadata.wasm_memory_size = canister->wasm->heap.size();
  metadata.stable_memory_size = canister->wasm->stable.size();
  for (const auto& [hash, chunk] : canister->chunks) metadata.wasm_chunk_store.push_back(hash);
  metadata.canister_version = canister->version;
  metadata.certified_data = canister->certified_data;
  metadata.global_timer.emplace();
  if (canister->global_timer_ns != 0) {
    metadata.global_timer->deadline_ns = canister->global_timer_ns;
  }
  metadata.on_low_wasm_memory_hook_status = canister->hook_status;
  return metadata;
}

Status Executor::save(const ic::Principal& id, FileSystem& system,
                      const std::filesystem::path& path, Overwrite overwrite) const {
  CANREC_TRY(snapshot::Metadata described, metadata(id));
  const Canister& canister = impl_->network.world.canisters.at(id);
  const WasmState& state = *canister.wasm;
  snapshot::NewSnapshot written{.metadata = std::move(described),
                                .module = snapshot::Image::of(state.code->stored()),
                                .heap = image_of(state.heap, state.heap_file),
                                .stable = image_of(state.stable, state.stable_file),
                                .chunks = {}};
  for (const auto& [hash, chunk] : canister.chunks) written.chunks.push_back(chunk);
  const Interrupt never;
  const Interrupt* interrupt = impl_->network.options.interrupt;
  return snapshot::write_directory(system, path, written, overwrite,
                                   interrupt != nullptr ? *interrupt : never);
}

}  // namespace canrec::executor
