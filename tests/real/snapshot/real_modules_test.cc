// SPDX-License-Identifier: Apache-2.0
// Snapshot directories and backups of real modules: every compiled module of the fixtures with its
// first memory image as heap and the globals it would persist.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>

#include "snapshot/directory.h"
#include "snapshot/store_jobs.h"
#include "snapshot/writer.h"
#include "support/faulty_file_system.h"
#include "support/temporary_directory.h"
#include "wasm/module.h"
#include "wasm/persisted.h"

namespace canrec::snapshot {
namespace {

namespace fs = std::filesystem;

std::vector<fs::path> modules() {
  std::vector<fs::path> out;
  for (const char* folder : {"canisters", "motoko"}) {
    for (const auto& entry : fs::recursive_directory_iterator(fs::path(CANREC_FIXTURES) / folder)) {
      if (entry.path().extension() == ".wasm") out.push_back(entry.path());
    }
  }
  std::sort(out.begin(), out.end());
  return out;
}

// A heap in which data segments lie somewhere among zeros; where exactly does not matter here.
Bytes heap_of(const wasm::Module& module) {
  Bytes heap(uint64_t{4} << 20);
  size_t at = 1 << 20;
  for (const wasm::DataSegment& segment : module.data) {
    const ByteView bytes = module.view(segment.bytes);
    if (at + bytes.size() > heap.size()) break;
    std::ranges::copy(bytes, heap.begin() + static_cast<std::ptrdiff_t>(at));
    at += bytes.size();
  }
  return heap;
}

std::vector<GlobalValue> globals_of(const wasm::Module& module) {
  std::vector<GlobalValue> out;
  for (const wasm::PersistedGlobal& global : wasm::persisted_globals(module)) {
    out.push_back({global.type.type == wasm::ValType::kI64 ? GlobalType::kI64 : GlobalType::kI32,
                   0x7fffffff - out.size(), 0});
  }
  return out;
}

TEST(RealSnapshots, ComeBackFromDirectoryAndStore) {
  const test::TemporaryDirectory temporary;
  FileSystem& system = test::quick_file_system();
  const Interrupt interrupt;
  const JobControl control{interrupt};
  ASSERT_TRUE(Store::init(system, temporary / "store", store::kDefaultChunkSize));
  const auto opened_store = Store::open(temporary / "store");
  ASSERT_TRUE(opened_store);
  size_t count = 0;
  for (const fs::path& path : modules()) {
    const auto file = InputFile::open(path);
    ASSERT_TRUE(file);
    const auto module = wasm::read_module(file->bytes());
    ASSERT_TRUE(module) << path << module.error().message();
    const Bytes heap = heap_of(*module);
    NewSnapshot snapshot;
    snapshot.metadata.globals = globals_of(*module);
    snapshot.module = Image::of(file->bytes());
    snapshot.heap = Image::of(heap);
    const fs::path dir = temporary / ("snapshot" + std::to_string(count));
    ASSERT_TRUE(write_directory(system, dir, snapshot, Overwrite::kNo, interrupt));
    const auto directory = Directory::open(dir);
    ASSERT_TRUE(directory) << directory.error().message();
    EXPECT_TRUE(std::ranges::equal(directory->module(), file->bytes()));
    EXPECT_EQ(directory->metadata().globals, snapshot.metadata.globals);

    const auto sources = directory_sources(dir);
    ASSERT_TRUE(sources);
    CreateOptions options;
    options.created_ns = ++count;
    const auto report = create_backup(*opened_store, system, *sources, options, control);
    ASSERT_TRUE(report) << report.error().message();
    const auto manifest = opened_store->backup(report->id);
    ASSERT_TRUE(manifest);
    const fs::path out = temporary / "out";
    ASSERT_TRUE(restore_backup(*opened_store, system, *manifest, out, {}, control));
    EXPECT_EQ(test::read_tree(out), test::read_tree(dir)) << path;
    fs::remove_all(out);
    fs::remove_all(dir);
  }
  // A folder without modules would prove nothing.
  ASSERT_GE(count, 20u);
  const auto verified = verify_store(*opened_store, true, control);
  ASSERT_TRUE(verified);
  EXPECT_TRUE(verified->errors.empty());
  EXPECT_EQ(verified->whole.size(), count);
}

}  // namespace
}  // namespace canrec::snapshot
