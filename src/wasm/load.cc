// SPDX-License-Identifier: Apache-2.0
// From stored bytes to a module. A vector keeps its buffer when it is moved, so the views of the
// module into `unpacked` stay good; the same holds for the mapping of an InputFile.
#include "wasm/load.h"

#include <future>

#include "base/gzip.h"
#include "base/limits.h"

namespace canrec::wasm {

Result<LoadedModule> load_module(ByteView stored) {
  LoadedModule loaded;
  loaded.stored_size = stored.size();
  loaded.gzipped = is_gzip(stored);
  if (loaded.gzipped) {
    CANREC_TRY(loaded.unpacked, gunzip(stored, limits::kUnpackedModuleBytes));
  }
  // Both only read: each has a processor of its own.
  auto hash = std::async(std::launch::async, [stored] { return sha256(stored); });
  CANREC_TRY(loaded.module, read_module(loaded.gzipped ? ByteView(loaded.unpacked) : stored));
  loaded.hash = hash.get();
  return loaded;
}

Result<ModuleFile> open_module(const std::filesystem::path& path) {
  CANREC_TRY(InputFile file, InputFile::open(path));
  CANREC_TRY(LoadedModule loaded, load_module(file.bytes()));
  return ModuleFile{std::move(file), std::move(loaded)};
}

}  // namespace canrec::wasm
