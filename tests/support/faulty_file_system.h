// SPDX-License-Identifier: Apache-2.0
#pragma once

// A file system whose k-th operation fails, so that a test can try every place where a disk may be
// full or a process may die:
//
//   for (size_t k = 0;; ++k) {
//     FaultyFileSystem faulty(posix_file_system(), k, Fault::kDeath);
//     const auto result = write_something(faulty);
//     if (!faulty.failed()) break;         // k is past the last operation
//     ... the old output is whole ...
//   }

#include <atomic>
#include <memory>

#include "base/file_system.h"

namespace canrec::test {

enum class Fault : uint8_t {
  kOnce,   // the k-th operation fails, later ones work: cleaning up is possible
  kDeath,  // the k-th and all later ones fail: nothing is cleaned up, as after kill -9
};

/// Counts operations, fails as told. The first failing write leaves half of its bytes. Several
/// threads may use it; then which operation is the k-th depends on their timing.
class FaultyFileSystem final : public FileSystem {
 public:
  FaultyFileSystem(FileSystem& real, size_t fail_at, Fault fault)
      : real_(real), fail_at_(fail_at), fault_(fault) {}

  bool failed() const { return failed_; }
  size_t operations() const { return operations_; }

  Result<std::unique_ptr<WritableFile>> create(const std::filesystem::path& path) override {
    CANREC_CHECK(step());
    CANREC_TRY(auto file, real_.create(path));
    return wrap(std::move(file));
  }
  Result<std::unique_ptr<WritableFile>> open(const std::filesystem::path& path) override {
    CANREC_CHECK(step());
    CANREC_TRY(auto file, real_.open(path));
    return wrap(std::move(file));
  }
  Status make_directory(const std::filesystem::path& path) override {
    CANREC_CHECK(step());
    return real_.make_directory(path);
  }
  Status rename(const std::filesystem::path& from, const std::filesystem::path& to) override {
    CANREC_CHECK(step());
    return real_.rename(from, to);
  }
  Status exchange(const std::filesystem::path& a, const std::filesystem::path& b) override {
    CANREC_CHECK(step());
    return real_.exchange(a, b);
  }
  Status hard_link(const std::filesystem::path& from, const std::filesystem::path& to) override {
    CANREC_CHECK(step());
    return real_.hard_link(from, to);
  }
  Status remove(const std::filesystem::path& path) override {
    CANREC_CHECK(step());
    return real_.remove(path);
  }
  Status remove_all(const std::filesystem::path& path) override {
    CANREC_CHECK(step());
    return real_.remove_all(path);
  }
  Status sync_directory(const std::filesystem::path&) override { return step(); }

 private:
  class File final : public WritableFile {
   public:
    File(FaultyFileSystem& system, std::unique_ptr<WritableFile> real)
        : system_(system), real_(std::move(real)) {}
    Status write_at(ByteView bytes, uint64_t offset) override {
      if (Status status = system_.step(); !status) {
        // After a first failure the disk takes nothing more, not even half.
        if (!system_.half_written_.exchange(true)) {
          CANREC_CHECK(real_->write_at(bytes.first(bytes.size() / 2), offset));
        }
        return status;
      }
      return real_->write_at(bytes, offset);
    }
    Status copy_from(int descriptor, uint64_t from, uint64_t length, uint64_t to) override {
      CANREC_CHECK(system_.step());
      return real_->copy_from(descriptor, from, length, to);
    }
    Status resize(uint64_t size) override {
      CANREC_CHECK(system_.step());
      return real_->resize(size);
    }
    // A test cannot see whether bytes reached the disk, only wait for it.
    Status sync() override { return system_.step(); }

   private:
    FaultyFileSystem& system_;
    std::unique_ptr<WritableFile> real_;
  };

  std::unique_ptr<WritableFile> wrap(std::unique_ptr<WritableFile> file) {
    return std::make_unique<File>(*this, std::move(file));
  }
  Status step() {
    const size_t number = operations_++;
    if (number == fail_at_ || (fault_ == Fault::kDeath && number > fail_at_)) {
      failed_ = true;
      return fail(Errc::kNoSpace, "no space left (made by the test)");
    }
    return Ok{};
  }

  FileSystem& real_;
  size_t fail_at_;
  Fault fault_;
  std::atomic<size_t> operations_ = 0;
  std::atomic<bool> failed_ = false;
  std::atomic<bool> half_written_ = false;
};

/// The real file system without the waiting for the disk, for tests that write much.
inline FileSystem& quick_file_system() {
  static FaultyFileSystem system(posix_file_system(), ~size_t{0}, Fault::kOnce);
  return system;
}

}  // namespace canrec::test
