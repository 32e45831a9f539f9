// SPDX-License-Identifier: Apache-2.0
// Runs a fuzz target as an ordinary test: every file of the corpus folder, every truncation of the
// small ones, and every single flipped byte of the tiny ones.
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

namespace {

constexpr size_t kTruncateUpTo = 4096;
constexpr size_t kFlipUpTo = 512;

size_t replay(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  std::vector<uint8_t> bytes((std::istreambuf_iterator<char>(in)),
                             std::istreambuf_iterator<char>());
  size_t runs = 1;
  LLVMFuzzerTestOneInput(bytes.data(), bytes.size());
  if (bytes.size() <= kTruncateUpTo) {
    for (size_t n = 0; n < bytes.size(); ++n) {
      const std::vector<uint8_t> cut(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(n));
      LLVMFuzzerTestOneInput(cut.data(), cut.size());
      ++runs;
    }
  }
  if (bytes.size() <= kFlipUpTo) {
    for (size_t n = 0; n < bytes.size(); ++n) {
      for (const unsigned mask : {0x01U, 0x80U, 0xffU}) {
        std::vector<uint8_t> flipped = bytes;
        flipped[n] = static_cast<uint8_t>(flipped[n] ^ mask);
        LLVMFuzzerTestOneInput(flipped.data(), flipped.size());
        ++runs;
      }
    }
  }
  return runs;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2 || !std::filesystem::is_directory(argv[1])) {
    std::fprintf(stderr, "usage: %s CORPUS_DIR (a folder that exists)\n", argv[0]);
    return 2;
  }
  size_t files = 0;
  size_t runs = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(argv[1])) {
    if (entry.is_regular_file()) {
      runs += replay(entry.path());
      ++files;
    }
  }
  std::printf("%zu corpus files, %zu runs\n", files, runs);
  return files == 0 ? 1 : 0;
}
