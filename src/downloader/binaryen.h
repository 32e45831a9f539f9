// SPDX-License-Identifier: Apache-2.0
#pragma once

// Binaryen, loaded when the first canister is generated. The library is 12 MB with 16,000
// relocations; linked in the ordinary way it would take half the start of every command.

#include <binaryen-c.h>

#include "base/error.h"

namespace canrec::downloader {

/// What we call in the library; each has the name and the type of its function in binaryen-c.h.
struct Binaryen {
  decltype(&::BinaryenModuleParse) ModuleParse;
  decltype(&::BinaryenModuleDispose) ModuleDispose;
  decltype(&::BinaryenModuleSetFeatures) ModuleSetFeatures;
  decltype(&::BinaryenModuleValidate) ModuleValidate;
  decltype(&::BinaryenModuleRunPasses) ModuleRunPasses;
  decltype(&::BinaryenModuleAllocateAndWrite) ModuleAllocateAndWrite;
  decltype(&::BinaryenSetOptimizeLevel) SetOptimizeLevel;
  decltype(&::BinaryenSetShrinkLevel) SetShrinkLevel;
  decltype(&::BinaryenSetDebugInfo) SetDebugInfo;
  decltype(&::BinaryenFeatureBulkMemory) FeatureBulkMemory;
  decltype(&::BinaryenFeatureMemory64) FeatureMemory64;
  decltype(&::BinaryenFeatureMutableGlobals) FeatureMutableGlobals;
};

/// Loads the library of this name, as the loader finds it; it stays loaded.
/// Errors: kNotFound (there is no such library, or it lacks a function); the message says which
///         package has it.
Result<Binaryen> load_binaryen(const char* name);

}  // namespace canrec::downloader
