// SPDX-License-Identifier: Apache-2.0
// The JSON of a conversion.
#include "cli/convert_report.h"

namespace canrec::cli {

nlohmann::ordered_json converted_json(const recover::ConvertRequest& request,
                                      const std::vector<std::string>& notes) {
  const auto form = static_cast<size_t>(request.form);
  return {{"type", "convert"},
          {"schema", 1},
          {"version", CANREC_VERSION},
          {"directory", request.from.string()},
          {"output", request.to.string()},
          {"form", recover::directory_form_names()[form]},
          {"notes", notes}};
}

}  // namespace canrec::cli
