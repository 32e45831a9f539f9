// SPDX-License-Identifier: Apache-2.0
// The loader finds the library by its name, as it would for one that is linked.
#include "downloader/binaryen.h"

#include <dlfcn.h>
#include <fmt/core.h>

namespace canrec::downloader {
namespace {

std::unexpected<Error> not_loaded() {
  const char* why = ::dlerror();
  return fail(
      Errc::kNotFound,
      fmt::format("the library Binaryen, which assembles downloader and uploader, cannot be "
                  "loaded ({}); install the package binaryen (apt-get install binaryen)",
                  why != nullptr ? why : "unknown reason"));
}

template <typename Function>
Status find(void* library, const char* name, Function& out) {
  out = reinterpret_cast<Function>(::dlsym(library, name));
  return out != nullptr ? Status(Ok{}) : Status(not_loaded());
}

}  // namespace

Result<Binaryen> load_binaryen(const char* name) {
  void* library = ::dlopen(name, RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) return not_loaded();
  Binaryen out{};
  CANREC_CHECK(find(library, "BinaryenModuleParse", out.ModuleParse));
  CANREC_CHECK(find(library, "BinaryenModuleDispose", out.ModuleDispose));
  CANREC_CHECK(find(library, "BinaryenModuleSetFeatures", out.ModuleSetFeatures));
  CANREC_CHECK(find(library, "BinaryenModuleValidate", out.ModuleValidate));
  CANREC_CHECK(find(library, "BinaryenModuleRunPasses", out.ModuleRunPasses));
  CANREC_CHECK(find(library, "BinaryenModuleAllocateAndWrite", out.ModuleAllocateAndWrite));
  CANREC_CHECK(find(library, "BinaryenSetOptimizeLevel", out.SetOptimizeLevel));
  CANREC_CHECK(find(library, "BinaryenSetShrinkLevel", out.SetShrinkLevel));
  CANREC_CHECK(find(library, "BinaryenSetDebugInfo", out.SetDebugInfo));
  CANREC_CHECK(find(library, "BinaryenFeatureBulkMemory", out.FeatureBulkMemory));
  CANREC_CHECK(find(library, "BinaryenFeatureMemory64", out.FeatureMemory64));
  CANREC_CHECK(find(library, "BinaryenFeatureMutableGlobals", out.FeatureMutableGlobals));
  return out;
}

}  // namespace canrec::downloader
