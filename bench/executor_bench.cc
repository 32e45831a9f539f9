// bench: executor
// SPDX-License-Identifier: Apache-2.0
// What the executor costs beside the engine: opening a large snapshot and answering one query, one
// System API call, rolling back. Prints a table; times are the best of several runs.
#include <fmt/core.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <functional>
#include <string>

#include "../tests/unit/executor/test_module.h"
#include "executor/executor.h"
#include "snapshot/writer.h"

namespace {

using namespace canrec;
using namespace canrec::executor;
using namespace canrec::executor::test;
using Clock = std::chrono::steady_clock;

double microseconds(const std::function<void()>& work) {
  const auto begin = Clock::now();
  work();
  return std::chrono::duration<double, std::micro>(Clock::now() - begin).count();
}

double best_of(int runs, const std::function<double()>& measure) {
  double best = measure();
  for (int i = 1; i < runs; ++i) best = std::min(best, measure());
  return best;
}

// The most memory this process has had resident, in KiB.
uint64_t peak_resident_kib() {
  std::ifstream status("/proc/self/status");
  std::string word;
  while (status >> word) {
    if (word == "VmHWM:") {
      uint64_t kib = 0;
      status >> kib;
      return kib;
    }
  }
  return 0;
}

// `get` replies the word at 0. `calls` calls ic0.time a million times, `loops` only counts.
Bytes module_bytes() {
  constexpr int64_t kRounds = 1'000'000;
  TestModule module;
  const Replies replies(module);
  const uint32_t time = module.import("time");
  const uint32_t counter = module.global(0);
  const auto rounds = [&](const Bytes& body) {
    return i32(kRounds) + global_set(counter) + Bytes{0x03, 0x40} + body + global_get(counter) +
           i32(-1) + i32_add() + global_set(counter) + global_get(counter) +
           Bytes{0x0d, 0x00, 0x0b} + replies.empty();
  };
  module.exported("canister_query get", replies.with(0, 4));
  module.exported("canister_query loops", rounds({}));
  module.exported("canister_query calls", rounds(call(time) + drop()));
  return module.build();
}

void write_snapshot(const std::filesystem::path& path, uint64_t heap_bytes) {
  Executor network((Options()));
  const ic::Principal id = network.create_canister();
  InstallRequest request;
  request.canister = id;
  request.module = module_bytes();
  CANREC_ASSERT(network.install(request)->ok());
  snapshot::NewSnapshot written;
  written.metadata = *network.metadata(id);
  const Bytes first_page(65536, 7);
  written.module = snapshot::Image::of(request.module);
  written.heap = snapshot::Image::of(first_page);
  written.heap.size = heap_bytes;
  const Interrupt never;
  CANREC_ASSERT(snapshot::write_directory(posix_file_system(), path, written, Overwrite::kNo, never)
                    .has_value());
}

void open_and_ask(const std::filesystem::path& path) {
  Executor network((Options()));
  const auto id = network.load(std::move(*snapshot::Directory::open(path)));
  CANREC_ASSERT(id.has_value());
  CANREC_ASSERT(network.query({*id, "get", {}})->replied());
}

// In a process of its own, so that its memory is its own too.
void measure_opening(const std::filesystem::path& path, uint64_t heap_bytes) {
  if (fork() == 0) {
    const double best = best_of(5, [&] { return microseconds([&] { open_and_ask(path); }); });
    fmt::print("open a heap of {:>5} MiB and answer a query  {:>9.2f} ms  {:>6.1f} MiB resident\n",
               heap_bytes >> 20, best / 1000, static_cast<double>(peak_resident_kib()) / 1024);
    std::fflush(stdout);
    _exit(0);
  }
  wait(nullptr);
}

void measure_calls() {
  Executor network((Options()));
  const ic::Principal id = network.create_canister();
  InstallRequest request;
  request.canister = id;
  request.module = module_bytes();
  CANREC_ASSERT(network.install(request)->ok());
  const auto run = [&](const char* method) {
    return best_of(5, [&] {
      return microseconds([&] { CANREC_ASSERT(network.query({id, method, {}})->replied()); });
    });
  };
  const double calls = run("calls") - run("loops");
  fmt::print("one System API call                          {:>9.1f} ns\n", calls / 1000);
}

void measure_rollback(uint64_t pages) {
  auto memory = engine::Memory::zeros(65536, 65536);
  CANREC_ASSERT(memory.has_value());
  const double best = best_of(5, [&] {
    for (uint64_t page = 0; page < pages; ++page) (*memory->write(page * 4096, 8))[0] = 1;
    return microseconds([&] { memory->rollback(); });
  });
  fmt::print("roll back {:>7} OS pages                    {:>9.2f} ms\n", pages, best / 1000);
}

}  // namespace

int main() {
  const std::filesystem::path directory =
      std::filesystem::temp_directory_path() / fmt::format("canrec-bench-{}", getpid());
  std::filesystem::create_directory(directory);
  for (const uint64_t heap_bytes : {uint64_t{64} << 20, uint64_t{4} << 30}) {
    const std::filesystem::path path = directory / std::to_string(heap_bytes);
    write_snapshot(path, heap_bytes);
    std::fflush(stdout);
    measure_opening(path, heap_bytes);
  }
  measure_calls();
  for (const uint64_t pages : {100, 10'000, 100'000}) measure_rollback(pages);
  std::filesystem::remove_all(directory);
}
