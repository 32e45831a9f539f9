// SPDX-License-Identifier: Apache-2.0
#pragma once

// Writing a snapshot directory in another tool's form, with the same content.

#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/file_system.h"
#include "base/interrupt.h"
#include "base/output_file.h"
#include "snapshot/directory.h"
#include "snapshot/snapshot_id.h"

namespace canrec::recover {

/// A form to write; docs/formats/snapshot-directory.md has them side by side.
enum class DirectoryForm : uint8_t {
  kBoth,    ///< "both": what icp and dfx both accept
  kIcp,     ///< "icp": as icp downloads it
  kDfx,     ///< "dfx": as dfx 0.31 and later download it
  kDfx030,  ///< "dfx-0.30": for dfx 0.29.2 to 0.30.2 and icp 0.1
  kDfx029,  ///< "dfx-0.29": for dfx 0.29.0 and 0.29.1
  kJuno,    ///< "juno"
};
/// The name of a form on a command line; nothing for an unknown one.
std::optional<DirectoryForm> directory_form(std::string_view name);
/// Names in the order above.
const std::vector<std::string>& directory_form_names();

struct ConvertRequest {
  std::filesystem::path from;
  std::filesystem::path to;
  DirectoryForm form = DirectoryForm::kBoth;
  std::optional<snapshot::SnapshotId> id = {};  ///< for Juno; nothing = the one a file names
  Overwrite overwrite = Overwrite::kNo;
};

/// Whether an upload by Juno would make other chunks of these: it joins them and cuts anew every
/// 1,000,000 bytes.
bool juno_cuts_elsewhere(std::span<const snapshot::Chunk> chunks);

/// Writes a directory of any form that can be read in the form asked for. Juno's chunk store is cut
/// at the borders that the hashes give. The result are notes: what the form has no place for.
///
/// Errors: those of snapshot::Directory::open (only whole directories are converted), of
///         snapshot::write_directory and write_juno_directory: kSnapshotMetadata where the form
///         cannot hold the content; kBadArgument when Juno's form lacks a snapshot id.
Result<std::vector<std::string>> convert(FileSystem& fs, const ConvertRequest& request,
                                         const Interrupt& interrupt);

}  // namespace canrec::recover
