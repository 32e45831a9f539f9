// SPDX-License-Identifier: Apache-2.0
#pragma once

// Moments as people read them.

#include <cstdint>
#include <string>

namespace canrec {

/// "2026-11-22 07:15:00 UTC" for nanoseconds since 1970.
std::string utc_text(uint64_t ns);
/// A stretch of time in its two largest units: "3 days 2 hours", "1 minute", "0 seconds".
std::string duration_text(uint64_t ns);

}  // namespace canrec
