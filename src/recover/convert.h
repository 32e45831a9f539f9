// SPDX-License-Identifier: Apache-2.0
#pragma once

// Writing a snapshot directory in another tool's form, with the same content.

#include <filesystem>

#include "base/file_system.h"
#include "base/interrupt.h"
#include "base/output_file.h"

namespace canrec::recover {

/// Writes `from`, in any form that can be read (icp, dfx, the two oldest of dfx, Juno), as `to` in
/// the form that icp and dfx read today. Juno's chunk store is cut at the borders that the hashes
/// give. Errors: those of snapshot::Directory::open (only whole directories are converted) and
///         snapshot::write_directory.
Status convert(FileSystem& fs, const std::filesystem::path& from, const std::filesystem::path& to,
               Overwrite overwrite, const Interrupt& interrupt);

}  // namespace canrec::recover
