// SPDX-License-Identifier: Apache-2.0
#pragma once

// What `canrec convert` and `canrec verify --repair` say of the directory that they wrote.

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "recover/convert.h"

namespace canrec::cli {

/// {"type": "convert", ...}: docs/formats/reports-json.md.
nlohmann::ordered_json converted_json(const recover::ConvertRequest& request,
                                      const std::vector<std::string>& notes);

}  // namespace canrec::cli
