// SPDX-License-Identifier: Apache-2.0
#pragma once

// Stores for tests: small sources, and the jobs with little to write.

#include <gtest/gtest.h>

#include <map>
#include <string>

#include "snapshot/store_jobs.h"
#include "support/faulty_file_system.h"
#include "support/noise.h"
#include "support/temporary_directory.h"

namespace canrec::snapshot {

inline constexpr uint32_t kTestChunk = 4096;
using Files = std::map<std::string, Bytes>;

class BytesSource final : public ChunkSource {
 public:
  explicit BytesSource(Bytes bytes) : bytes_(std::move(bytes)) {}
  uint64_t size() const override { return bytes_.size(); }
  Status read(uint64_t offset, std::span<uint8_t> out) const override {
    std::copy_n(bytes_.begin() + static_cast<std::ptrdiff_t>(offset), out.size(), out.begin());
    return Ok{};
  }

 private:
  Bytes bytes_;
};

using test::noise;

inline std::vector<NamedSource> sources_of(const Files& files) {
  std::vector<NamedSource> out;
  for (const auto& [name, bytes] : files) {
    out.push_back({name, std::make_unique<BytesSource>(bytes)});
  }
  return out;
}

/// A store in a temporary directory.
struct TestStore {
  explicit TestStore(const std::filesystem::path& where) : path(where) {
    EXPECT_TRUE(Store::init(test::quick_file_system(), path, kTestChunk));
  }
  Store open() const {
    auto store = Store::open(path);
    EXPECT_TRUE(store);
    return std::move(*store);
  }
  Result<CreateReport> create(const Files& files, uint64_t time = 1,
                              FileSystem& system = test::quick_file_system()) const {
    CreateOptions options;
    options.created_ns = time;
    options.notes = {{"label", "test"}};
    return create_backup(open(), system, sources_of(files), options, control);
  }
  Result<RestoreReport> restore(const std::string& id, const std::filesystem::path& target,
                                Salvage salvage = Salvage::kNo,
                                FileSystem& system = test::quick_file_system()) const {
    const Store store = open();
    CANREC_TRY(const Manifest manifest, store.backup(id));
    return restore_backup(store, system, manifest, target, {.salvage = salvage}, control);
  }
  VerifyReport verify(bool deep = true) const {
    auto report = verify_store(open(), deep, control);
    EXPECT_TRUE(report) << report.error().message();
    return std::move(*report);
  }
  /// Whether the backup gives back exactly these files.
  testing::AssertionResult holds(const std::string& id, const Files& files) const {
    const test::TemporaryDirectory temporary;
    const auto report = restore(id, temporary / "out");
    if (!report) return testing::AssertionFailure() << report.error().message();
    size_t found = 0;
    for (const auto& [name, content] : test::read_tree(temporary / "out")) {
      if (content == "<dir>") continue;
      const auto wanted = files.find(name);
      if (wanted == files.end() || as_text(wanted->second) != content) {
        return testing::AssertionFailure() << name << " differs";
      }
      ++found;
    }
    if (found != files.size()) return testing::AssertionFailure() << found << " files";
    return testing::AssertionSuccess();
  }

  std::filesystem::path path;
  Interrupt interrupt;
  JobControl control{interrupt};
};

/// Something like a snapshot: a module, a heap with zeros and repetitions, an odd small file.
inline Files sample_files(uint64_t seed) {
  Files files;
  files["metadata.json"] = Bytes{'{', '}'};
  files["wasm_module.bin"] = noise(5000, seed);
  Bytes heap = noise(200 * kTestChunk, seed + 1);
  std::fill_n(heap.begin() + 50 * kTestChunk, 40 * kTestChunk, 0);
  std::copy_n(heap.begin(), 10 * kTestChunk, heap.begin() + 150 * kTestChunk);
  files["wasm_memory.bin"] = heap;
  files["stable_memory.bin"] = Bytes();
  files["wasm_chunk_store/aa.bin"] = Bytes(3 * kTestChunk);
  return files;
}

}  // namespace canrec::snapshot
