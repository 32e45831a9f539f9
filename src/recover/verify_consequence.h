// SPDX-License-Identifier: Apache-2.0
#pragma once

// What an upload makes of a defect of a snapshot directory, and what to do about it. What icp does
// is what icp 1.5 was seen to do; dfx and the network as docs/formats/snapshot-directory.md has it.

#include <string>

#include "base/error.h"
#include "snapshot/directory.h"

namespace canrec::recover {

struct Consequence {
  std::string code;  ///< of the finding
  std::string why;
  std::string next;
};

/// Of a defect that the survey of a directory found; its message begins with the file's name.
/// Shape: `directory` is null when there is not even metadata.
Consequence consequence_of(const Error& error, const snapshot::Directory* directory);

/// What the survey only warns of, since the directory can be read, and the network refuses for
/// certain.
bool network_refuses(Errc code);

}  // namespace canrec::recover
