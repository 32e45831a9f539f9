// SPDX-License-Identifier: Apache-2.0
#pragma once

// A module as a user has it: a file, perhaps compressed with gzip.

#include <filesystem>

#include "base/hash.h"
#include "base/input_file.h"
#include "wasm/module.h"

namespace canrec::wasm {

/// A module read from stored bytes. Keeps the unpacked copy when there is one; movable, the views
/// in `module` stay good.
struct LoadedModule {
  bool gzipped = false;
  Bytes unpacked;  ///< empty unless gzipped
  Sha256 hash{};   ///< of the stored bytes, as the network reports it
  uint64_t stored_size = 0;
  Module module;
};

/// Reads a module from its stored form, `\0asm` or gzip.
/// Errors: those of gunzip and read_module; offsets count in the unpacked module unless the code is
///         kGzip. Owns: views point into `stored` or into LoadedModule::unpacked.
Result<LoadedModule> load_module(ByteView stored);

/// The same from a file that stays mapped.
struct ModuleFile {
  InputFile file;
  LoadedModule loaded;
  const Module& module() const { return loaded.module; }
};
Result<ModuleFile> open_module(const std::filesystem::path& path);

}  // namespace canrec::wasm
