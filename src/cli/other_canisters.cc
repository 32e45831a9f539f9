// SPDX-License-Identifier: Apache-2.0
// Canisters beside the one a message is sent to.
#include "cli/other_canisters.h"

#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <filesystem>
#include <utility>

#include "base/named_error.h"
#include "cli/install_report.h"
#include "snapshot/directory.h"

namespace canrec::cli {
namespace {

struct Named {
  ic::Principal id;
  std::string directory;
};

// "rwlgt-iiaaa-aaaaa-aaaaa-cai=DIR" in its parts.
Result<Named> parse_named(std::string_view option, const std::string& text) {
  const size_t equals = text.find('=');
  if (equals == std::string::npos || equals + 1 == text.size()) {
    return fail(Errc::kBadArgument, fmt::format("{} wants ID=DIR, not \"{}\"", option, text));
  }
  auto id = ic::Principal::parse(std::string_view(text).substr(0, equals));
  if (!id) return fail(std::move(id).error().in(fmt::format("{} {}", option, text)));
  return Named{*id, text.substr(equals + 1)};
}

// A place that need not be there, ending with a slash; two spellings of one place give the same.
std::string whole_path(const std::string& place) {
  namespace fs = std::filesystem;
  std::error_code failed;
  fs::path whole = fs::weakly_canonical(fs::absolute(place, failed), failed);
  if (failed) whole = place;
  return (whole / "").lexically_normal().string();
}

}  // namespace

void OtherCanisters::add_to(CLI::App& app, bool can_write) {
  app.add_option("--with", with_,
                 "load another canister that may be called: its id and its snapshot (repeatable)")
      ->type_name("ID=DIR")
      ->expected(1)
      ->take_all();
  if (!can_write) return;
  app.add_option("--output-with", output_with_,
                 "write the new state of a canister of --with (repeatable)")
      ->type_name("ID=DIR")
      ->expected(1)
      ->take_all();
}

Status OtherCanisters::add_outputs() {
  for (const std::string& text : output_with_) {
    CANREC_TRY(Named named, parse_named("--output-with", text));
    const auto it = std::find_if(all_.begin(), all_.end(),
                                 [&](const Canister& one) { return one.id == named.id; });
    if (it == all_.end()) {
      return fail(Errc::kBadArgument,
                  fmt::format("--output-with {}: no --with loads that canister", text));
    }
    if (!it->output.empty()) {
      return fail(Errc::kBadArgument,
                  fmt::format("--output-with {}: is written to {} already", text, it->output));
    }
    it->output = std::move(named.directory);
  }
  return Ok{};
}

Status OtherCanisters::load(executor::Executor& network) {
  for (const std::string& text : with_) {
    CANREC_TRY(Named named, parse_named("--with", text));
    all_.push_back({.id = named.id, .directory = std::move(named.directory), .output = {}});
  }
  CANREC_CHECK(add_outputs());
  for (Canister& one : all_) {
    const auto load_one = [&]() -> Status {
      CANREC_TRY(auto directory, snapshot::Directory::open(one.directory));
      CANREC_CHECK(network.load(std::move(directory), one.id));
      return Ok{};
    };
    if (auto loaded = load_one(); !loaded) {
      return fail(std::move(loaded).error().in(one.directory));
    }
    one.version = network.find(one.id)->version;
  }
  return Ok{};
}

Status OtherCanisters::check_outputs(Session& session, const std::string& main_output,
                                     bool force) const {
  std::vector<std::string> places;
  const auto check = [&](const std::string& place) -> Status {
    if (place.empty()) return Ok{};
    const std::string whole = whole_path(place);
    for (const std::string& other : places) {
      if (other == whole) {
        return fail(Errc::kBadArgument, fmt::format("{} is given for two canisters", place));
      }
      if (other.starts_with(whole) || whole.starts_with(other)) {
        return fail(
            Errc::kBadArgument,
            fmt::format("{}: the new state of one canister cannot lie in that of another", place));
      }
    }
    places.push_back(whole);
    return in_file(check_output(session, place, force), place);
  };
  CANREC_CHECK(check(main_output));
  for (const Canister& one : all_) CANREC_CHECK(check(one.output));
  return Ok{};
}

Status OtherCanisters::save(Session& session, const executor::Executor& network, bool force) const {
  for (const Canister& one : all_) {
    if (one.output.empty()) continue;
    CANREC_CHECK(in_file(
        network.save(one.id, session.files(), one.output, force ? Overwrite::kYes : Overwrite::kNo),
        one.output));
  }
  return Ok{};
}

std::vector<ic::Principal> OtherCanisters::changed(const executor::Executor& network,
                                                   bool all) const {
  std::vector<ic::Principal> out;
  for (const Canister& one : all_) {
    const bool is_changed = network.find(one.id)->version != one.version;
    if (is_changed && (all || one.output.empty())) out.push_back(one.id);
  }
  return out;
}

}  // namespace canrec::cli
