// SPDX-License-Identifier: Apache-2.0
#pragma once

// What happens while the executor works, for whoever draws progress.

#include <cstdint>
#include <string_view>

namespace canrec::executor {

struct RunReport;

/// Receives events in order, on the thread that executes. Every method does nothing by default.
class EventSink {
 public:
  virtual ~EventSink() = default;
  /// An execution begins; `limit` in instructions.
  virtual void on_run_begin(std::string_view /*entry*/, uint64_t /*limit*/) {}
  /// Now and then while it goes on.
  virtual void on_instructions(uint64_t /*executed*/) {}
  virtual void on_run_end(const RunReport& /*report*/) {}
};

}  // namespace canrec::executor
