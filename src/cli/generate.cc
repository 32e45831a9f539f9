// SPDX-License-Identifier: Apache-2.0
// The options of the generator commands and what they write.
#include "cli/generate.h"

#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>

#include "base/checked.h"
#include "base/hash.h"
#include "recover/carrier.h"
#include "snapshot/directory.h"
#include "wasm/load.h"

namespace canrec::cli {
namespace {

namespace fs = std::filesystem;
using downloader::Access;
using downloader::Width;

struct Options {
  std::string subject;
  std::string width;
  std::string allow = "controllers";
  std::string output;
  bool force = false;
  bool wat = false;
  bool dry_run = false;
};

struct Chosen {
  Width width;
  std::string why;
};

Result<Chosen> width_for(const std::string& path) {
  if (!fs::is_directory(path)) {
    CANREC_TRY(const wasm::ModuleFile file, wasm::open_module(path));
    return Chosen{recover::width_of(file.module(), 0),
                  fmt::format("{} has a {}-bit memory", path, file.module().is_64() ? 64 : 32)};
  }
  CANREC_TRY(const snapshot::Directory directory, snapshot::Directory::open(path));
  CANREC_TRY(const wasm::LoadedModule loaded, wasm::load_module(directory.module()));
  const uint64_t heap = directory.heap().size();
  return Chosen{recover::width_of(loaded.module, heap),
                fmt::format("the heap of {} has {} under a module with {}-bit memory", path,
                            human_size(heap), loaded.module.is_64() ? 64 : 32)};
}

Result<Chosen> choose_width(const Options& options) {
  if (!options.width.empty()) {
    return Chosen{options.width == "64" ? Width::k64 : Width::k32, "--width"};
  }
  if (options.subject.empty()) {
    return fail(Errc::kBadArgument, "give --for SNAPSHOT_DIR|MODULE, or --width 32|64");
  }
  return width_for(options.subject);
}

void say_what_was_written(Session& session, const Generator& generator, const Options& options,
                          const Chosen& chosen, const downloader::Generated& made) {
  const std::string hash = to_hex(sha256(made.module));
  const int bits = chosen.width == Width::k64 ? 64 : 32;
  const std::string state = options.dry_run ? "would be written to" : "written to";
  if (session.json) {
    session.print_json({{"type", generator.name},
                        {"schema", 1},
                        {"output", options.output},
                        {"written", !options.dry_run},
                        {"sha256", hash},
                        {"size", made.module.size()},
                        {"code_size", made.code_size},
                        {"width", bits},
                        {"allow", options.allow}});
    return;
  }
  session.print(
      fmt::format("{} for a {}-bit heap ({})\n  module  {} {}\n  sha256  {}\n  size    {}, {} "
                  "without custom sections\n  callers {}\n",
                  generator.name, bits, chosen.why, state, options.output, hash,
                  human_size(made.module.size()), human_size(made.code_size), options.allow));
  session.print(fmt::format("  next    {}\n", generator.next));
}

ExitCode run(Session& session, const Generator& generator, const Options& options) {
  CLI_TRY(const Chosen chosen, session, options.subject, choose_width(options));
  CLI_TRY(const Access access, session, "--allow", parse_access(options.allow));
  CLI_TRY(const downloader::Generated made, session, "", generator.make(chosen.width, access));
  if (options.wat) {
    session.print(made.wat);
    return ExitCode::kDone;
  }
  if (options.output.empty()) return session.usage("give -o FILE, or --wat to read the source");
  if (access.kind == Access::Kind::kAnyone) {
    session.warn(fmt::format("--allow anyone: while the {} is installed, {}", generator.name,
                             generator.anyone));
  }
  if (!options.dry_run) {
    CLI_CHECK(session, options.output,
              session.write_output(options.output, made.module, options.force));
    if (options.output != "-") {
      const std::string did = fs::path(options.output).replace_extension(".did").string();
      CLI_CHECK(session, did, session.write_output(did, as_bytes(made.did), options.force));
    }
  }
  if (options.output != "-") say_what_was_written(session, generator, options, chosen, made);
  return ExitCode::kDone;
}

}  // namespace

Result<Access> parse_access(const std::string& text) {
  Access access;
  if (text == "controllers") return access;
  if (text == "anyone") {
    access.kind = Access::Kind::kAnyone;
    return access;
  }
  access.kind = Access::Kind::kPrincipals;
  for (size_t begin = 0; begin <= text.size();) {
    const size_t end = std::min(text.find(',', begin), text.size());
    CANREC_TRY(const ic::Principal principal,
               ic::Principal::parse(text.substr(begin, end - begin)));
    access.principals.push_back(principal);
    begin = end + 1;
  }
  return access;
}

void add_generator(CLI::App& app, Session& session, const Generator& generator) {
  const auto options = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand(generator.name, generator.description);
  command->add_option("--for", options->subject,
                      "snapshot directory or module whose heap it is for; decides the width");
  command->add_option("--width", options->width, "width of the memory, 32 or 64")
      ->check(CLI::IsMember({"32", "64"}));
  command
      ->add_option("--allow", options->allow,
                   "who may call it: controllers, anyone, or principals with commas between")
      ->capture_default_str();
  command->add_option("-o,--output", options->output,
                      "the module to write, - for standard output; its .did goes beside it");
  command->add_flag("--force", options->force, "replace existing files");
  command->add_flag("--wat", options->wat, "print the source instead");
  command->add_flag("--dry-run", options->dry_run, "say what would be written");
  command->add_flag("--json", session.json, "one JSON object");
  command->footer(
      fmt::format("EXAMPLE\n  canrec {0} --for SNAPSHOT_DIR -o {0}.wasm", generator.name));
  command->callback([options, &session, generator] {
    session.action = [options, &session, generator] { return run(session, generator, *options); };
  });
}

}  // namespace canrec::cli
