// SPDX-License-Identifier: Apache-2.0
#pragma once

// What pull and push print.

#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "cli/session.h"
#include "recover/transfer_flow.h"

namespace canrec::cli {

/// A progress line a region.
class TransferLine {
 public:
  explicit TransferLine(const Session& session) : session_(session) {}
  recover::TransferProgress callback();
  void clear() { line_.reset(); }

 private:
  const Session& session_;
  std::unique_ptr<Progress> line_;
  recover::Region region_ = recover::Region::kHeap;
};

/// One transfer, done.
struct Transferred {
  std::string_view verb;
  const std::string& from;
  const std::string& to;
  const recover::TransferReport& report;
  std::string backup = {};  ///< id of the store's backup that was made or read; empty = no store
  std::span<const recover::CheckedAnswer> answers = {};
  std::string_view layout = {};  ///< of a module that was given; empty = the source's own
};

void print_transfer(Session& session, const Transferred& done);

}  // namespace canrec::cli
