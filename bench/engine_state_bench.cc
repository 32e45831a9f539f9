// bench: engine
// SPDX-License-Identifier: Apache-2.0
// What state costs: opening a heap image and answering one query, rolling back, calling the host.
//
//   engine_state_bench [DIRECTORY]     makes sparse images in DIRECTORY (default /tmp)
//
// Each image is opened in a process of its own, so that the resident size is its alone. Opening is
// wall time, the rest processor time.
#include <fcntl.h>
#include <fmt/core.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <string>

#include "engine/engine.h"
#include "wasm/builder.h"
#include "wasm/validate.h"

namespace {

using namespace canrec;
using engine::Value;
using wasm::SectionId;
using Clock = std::chrono::steady_clock;

double wall_milliseconds(Clock::time_point since) {
  return std::chrono::duration<double, std::milli>(Clock::now() - since).count();
}
// Processor time of this process, which other processes do not disturb.
double milliseconds() {
  timespec now{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) * 1e3 + static_cast<double>(now.tv_nsec) / 1e6;
}
double milliseconds(double since) { return milliseconds() - since; }

// (module (import "e" "h" (func (param i32) (result i32))) (memory 1)
//   (func (export "get") (param i32) (result i32) (i32.load (local.get 0)))
//   (func (export "host") (param i32) (result i32)
//     (loop (drop (call 0 (local.get 0)))
//       (br_if 0 (local.tee 0 (i32.sub (local.get 0) (i32.const 1))))) (local.get 0)))
Bytes make_module() {
  const Bytes get{0x20, 0, 0x28, 2, 0, 0x0b};
  const Bytes host{0x03, 0x40, 0x20, 0, 0x10, 0, 0x1a, 0x20, 0, 0x41,
                   1,    0x6b, 0x22, 0, 0x0d, 0, 0x0b, 0x20, 0, 0x0b};
  const auto name = [](std::string_view text) { return wasm::name_bytes(text); };
  return wasm::concat(
      {wasm::module_header(),
       wasm::section(SectionId::kType, wasm::vec({{0x60, 1, 0x7f, 1, 0x7f}})),
       wasm::section(SectionId::kImport, wasm::vec({wasm::concat({name("e"), name("h"), {0, 0}})})),
       wasm::section(SectionId::kFunction, wasm::vec({{0}, {0}})),
       wasm::section(SectionId::kMemory, wasm::vec({{0, 1}})),
       wasm::section(SectionId::kExport, wasm::vec({wasm::concat({name("get"), {0, 1}}),
                                                    wasm::concat({name("host"), {0, 2}})})),
       wasm::section(SectionId::kCode,
                     wasm::vec({wasm::body(Bytes{0}, get), wasm::body(Bytes{0}, host)}))});
}

engine::HostStatus echo(void*, engine::HostCall& call) {
  call.results[0] = call.args[0];
  return nullptr;
}

struct Fixture {
  Bytes bytes = make_module();
  wasm::Module module = *wasm::read_module(bytes);
  engine::CompiledModule compiled = *engine::CompiledModule::compile(module);
  std::vector<engine::HostFunction> imports{{echo, nullptr}};
};

void open_and_query(const std::string& directory, uint64_t pages) {
  const std::string path = directory + "/canrec-bench-image";
  const int fd = open(path.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  const uint64_t length = pages * engine::kWasmPage;
  if (fd < 0 || ftruncate(fd, static_cast<off_t>(length)) != 0) {
    fmt::print(stderr, "cannot make {}\n", path);
    _exit(1);
  }
  unlink(path.c_str());
  const auto start = Clock::now();
  Fixture fixture;
  auto memory = engine::Memory::from_image(fd, length, pages, engine::kHeapPages32);
  auto instance = engine::Instance::attach(fixture.compiled, &*memory, {}, fixture.imports, {});
  uint64_t sum = 0;
  for (uint64_t i = 0; i < 64; ++i) {
    const std::vector<Value> args{Value::i32(static_cast<uint32_t>(length / 64 * i))};
    sum += instance->call(wasm::FuncIdx{1}, args).results[0].lo;
  }
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  fmt::print("open {:>6} MiB and touch 64 pages   {:8.3f} ms  {:6} KiB resident  (sum {})\n",
             length >> 20, wall_milliseconds(start), usage.ru_maxrss, sum);
  std::fflush(stdout);
  _exit(0);
}

void roll_back(uint64_t os_pages, bool modified_before) {
  auto memory = engine::Memory::zeros(engine::kHeapPages32, engine::kHeapPages32);
  const auto write = [&] {
    // Every third page, so that no two are neighbours.
    for (uint64_t i = 0; i < os_pages; ++i) (*memory->write(i * 3 * engine::kOsPage, 8))[0] = 1;
  };
  if (modified_before) {
    write();
    memory->commit();
  }
  double start = milliseconds();
  write();
  const double writing = milliseconds(start);
  start = milliseconds();
  memory->rollback();
  const double rolling = milliseconds(start);
  fmt::print("write {:>7} scattered pages {:>8.3f} ms, roll back {:>8.3f} ms  {}\n", os_pages,
             writing, rolling, modified_before ? "(modified before)" : "(clean before)");
}

void host_calls() {
  Fixture fixture;
  auto memory = engine::initial_memory(fixture.compiled);
  auto instance = engine::Instance::attach(fixture.compiled, &*memory, {}, fixture.imports, {});
  constexpr uint32_t kCalls = 5'000'000;
  const std::vector<Value> args{Value::i32(kCalls)};
  const double start = milliseconds();
  static_cast<void>(instance->call(wasm::FuncIdx{2}, args));
  fmt::print("host call in a loop {:.1f} ns\n", milliseconds(start) * 1e6 / kCalls);
}

void instances() {
  Fixture fixture;
  auto memory = engine::initial_memory(fixture.compiled);
  constexpr int kTimes = 10'000;
  const double start = milliseconds();
  for (int i = 0; i < kTimes; ++i) {
    auto instance = engine::Instance::attach(fixture.compiled, &*memory, {}, fixture.imports, {});
    const std::vector<Value> args{Value::i32(0)};
    static_cast<void>(instance->call(wasm::FuncIdx{1}, args));
    memory->rollback();
  }
  fmt::print("attach, call, roll back {:.2f} us\n", milliseconds(start) * 1e3 / kTimes);
}

}  // namespace

int main(int argc, char** argv) {
  const std::string directory = argc > 1 ? argv[1] : "/tmp";
  for (const uint64_t pages : {uint64_t{1'024}, engine::kHeapPages32}) {
    if (const pid_t child = fork(); child == 0) {
      open_and_query(directory, pages);
    } else {
      waitpid(child, nullptr, 0);
    }
  }
  for (const uint64_t pages : {100, 10'000, 100'000}) {
    roll_back(pages, false);
    roll_back(pages, true);
  }
  host_calls();
  instances();
}
