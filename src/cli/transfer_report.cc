// SPDX-License-Identifier: Apache-2.0
// Transfers for people and for scripts.
#include "cli/transfer_report.h"

#include <fmt/core.h>

#include <nlohmann/json.hpp>

#include "cli/findings.h"

namespace canrec::cli {

recover::TransferProgress TransferLine::callback() {
  return [this](recover::Region region, uint64_t done, uint64_t total) {
    if (!line_ || region != region_) {
      line_.reset();
      line_ = std::make_unique<Progress>(session_, std::string(to_string(region)), total);
      region_ = region;
    }
    line_->update(done);
  };
}

void print_transfer(Session& session, const Transferred& done) {
  const recover::TransferReport& report = done.report;
  const recover::TransferCounts& counts = report.counts;
  const uint64_t bytes = report.heap_size + report.stable_size;
  if (session.json) {
    nlohmann::ordered_json object = {{"type", done.verb},
                                     {"schema", 1},
                                     {"source", done.from},
                                     {"output", done.to},
                                     {"heap_size", report.heap_size},
                                     {"stable_size", report.stable_size},
                                     {"resumed", report.resumed},
                                     {"chunks", counts.chunks},
                                     {"chunks_sent", counts.chunks_sent},
                                     {"bytes_sent", counts.bytes_sent},
                                     {"messages", report.messages},
                                     {"instructions", report.instructions}};
    if (!done.backup.empty()) object["backup"] = done.backup;
    if (!done.layout.empty()) object["layout"] = done.layout;
    for (const recover::CheckedAnswer& each : done.answers) {
      object["answers"].push_back({{"query", each.query}, {"answer", each.after}});
    }
    session.print_json(object);
    return;
  }
  session.print(fmt::format("{}  {} -> {}{}\n", done.verb, done.from, done.to,
                            report.resumed ? "  (continued)" : ""));
  if (!done.backup.empty()) session.print(fmt::format("  backup    {}\n", done.backup));
  session.print(fmt::format("  heap      {}\n  stable    {}\n", human_size(report.heap_size),
                            human_size(report.stable_size)));
  session.print(fmt::format("  chunks    {} compared by XXH64, {} sent ({})\n", counts.chunks,
                            counts.chunks_sent, human_size(counts.bytes_sent)));
  session.print(fmt::format(
      "  cost      {} messages, {} instructions as the network counts ({:.1f} per byte)\n",
      grouped(report.messages), grouped(report.instructions),
      bytes == 0 ? 0.0 : static_cast<double>(report.instructions) / static_cast<double>(bytes)));
  if (!done.layout.empty()) {
    session.print(fmt::format("  layout    {}\n", wrapped(done.layout, 12, session.width())));
  }
  for (const recover::CheckedAnswer& each : done.answers) {
    session.print(
        fmt::format("  check     {} answers the same in both: {}\n", each.query, each.after));
  }
}

}  // namespace canrec::cli
