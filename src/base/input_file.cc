// SPDX-License-Identifier: Apache-2.0
// Mapping input files.
#include "base/input_file.h"

#include <sys/mman.h>

#include <algorithm>
#include <cerrno>
#include <utility>

namespace canrec {

Result<InputFile> InputFile::open(const std::filesystem::path& path) {
  CANREC_TRY(RegularFile opened, RegularFile::open(path));
  InputFile file(std::move(opened));
  if (file.size() == 0) return file;
  void* data = ::mmap(nullptr, file.size(), PROT_READ, MAP_PRIVATE, file.descriptor(), 0);
  if (data == MAP_FAILED) return fail(errno_error(errno, "map", path));
  file.data_ = data;
  return file;
}

InputFile::InputFile(InputFile&& other) noexcept
    : file_(std::move(other.file_)), data_(std::exchange(other.data_, nullptr)) {}

InputFile& InputFile::operator=(InputFile&& other) noexcept {
  std::swap(file_, other.file_);
  std::swap(data_, other.data_);
  return *this;
}

void InputFile::fetch(uint64_t offset, uint64_t length) const {
  const ByteView range = bytes().subspan(offset, std::min(length, size() - offset));
  (void)::madvise(const_cast<uint8_t*>(range.data()), range.size(), MADV_POPULATE_READ);
}

InputFile::~InputFile() {
  if (data_ != nullptr) ::munmap(data_, file_.size());
}

}  // namespace canrec
