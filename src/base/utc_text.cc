// SPDX-License-Identifier: Apache-2.0
// Dates of the Gregorian calendar, and stretches of time.
#include "base/utc_text.h"

#include <fmt/core.h>

#include <chrono>

namespace canrec {

std::string utc_text(uint64_t ns) {
  namespace chrono = std::chrono;
  const chrono::sys_seconds time(chrono::seconds(ns / 1'000'000'000));
  const auto day = chrono::floor<chrono::days>(time);
  const chrono::year_month_day date(day);
  const chrono::hh_mm_ss clock(time - day);
  return fmt::format("{:04}-{:02}-{:02} {:02}:{:02}:{:02} UTC", static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                     clock.hours().count(), clock.minutes().count(), clock.seconds().count());
}

std::string duration_text(uint64_t ns) {
  struct Unit {
    const char* name;
    uint64_t seconds;
  };
  static constexpr Unit kUnits[] = {
      {"day", 86'400}, {"hour", 3'600}, {"minute", 60}, {"second", 1}};
  uint64_t seconds = ns / 1'000'000'000;
  std::string out;
  int units = 0;
  for (const Unit& unit : kUnits) {
    const uint64_t count = seconds / unit.seconds;
    seconds %= unit.seconds;
    if (count == 0 || units == 2) continue;
    out +=
        fmt::format("{}{} {}{}", units++ == 0 ? "" : " ", count, unit.name, count == 1 ? "" : "s");
  }
  return out.empty() ? "0 seconds" : out;
}

}  // namespace canrec
