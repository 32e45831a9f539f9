// SPDX-License-Identifier: Apache-2.0
// canrec snapshot show DIR: what a snapshot directory holds.
#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <bit>
#include <memory>
#include <nlohmann/json.hpp>

#include "cli/session.h"
#include "ic/context.h"
#include "snapshot/directory.h"
#include "wasm/load.h"
#include "wasm/persisted.h"

namespace canrec::cli {
namespace {

std::string global_text(const snapshot::GlobalValue& value) {
  switch (value.type) {
    case snapshot::GlobalType::kI32:
      return fmt::format("{}", static_cast<int32_t>(static_cast<uint32_t>(value.low)));
    case snapshot::GlobalType::kI64:
      return fmt::format("{}", static_cast<int64_t>(value.low));
    case snapshot::GlobalType::kF32:
      return fmt::format("{}", std::bit_cast<float>(static_cast<uint32_t>(value.low)));
    case snapshot::GlobalType::kF64:
      return fmt::format("{}", std::bit_cast<double>(value.low));
    case snapshot::GlobalType::kV128:
      return fmt::format("0x{:016x}{:016x}", value.high, value.low);
  }
  return {};
}

// What is known of the module behind the snapshot.
struct ModuleFacts {
  wasm::LoadedModule loaded;
  std::vector<wasm::PersistedGlobal> persisted;
};

std::string export_names(const wasm::Module& module, bool hooks) {
  std::string out;
  for (const wasm::Export& entry : module.exports) {
    const auto method = ic::parse_method(entry.name);
    const bool wanted = hooks ? ic::find_hook(entry.name) != nullptr : method.has_value();
    if (!wanted) continue;
    const std::string_view kind =
        method ? ic::kMethodPrefixes[static_cast<size_t>(method->kind)].word : "";
    out += fmt::format("{}{}{}", out.empty() ? "" : ", ", hooks ? entry.name : method->name,
                       hooks ? std::string() : fmt::format(" ({})", kind));
  }
  return out.empty() ? "none" : out;
}

void print_text(Session& session, const snapshot::Directory& directory, const ModuleFacts& facts) {
  const snapshot::Metadata& metadata = directory.metadata();
  const wasm::Module& module = facts.loaded.module;
  const auto line = [&](std::string_view label, const std::string& value) {
    session.print(fmt::format("  {:<12} {}\n", label, value));
  };
  session.print(fmt::format("snapshot {} (written by {})\n", directory.path().string(),
                            snapshot::to_string(directory.form())));
  line("module", fmt::format("{}{}, sha256 {}", human_size(facts.loaded.stored_size),
                             facts.loaded.gzipped ? " gzip" : "", to_hex(facts.loaded.hash)));
  line("memory",
       fmt::format("{}-bit, heap {}, stable {}", module.is_64() ? 64 : 32,
                   human_size(directory.heap().size()), human_size(directory.stable().size())));
  line("taken at", fmt::format("{} ns, canister version {}", metadata.taken_at_timestamp_ns,
                               metadata.canister_version));
  for (const snapshot::SnapshotId& id : directory.ids()) {
    line("id", snapshot::to_string(id));
  }
  line("certified",
       metadata.certified_data.empty() ? "nothing" : to_hex(ByteView(metadata.certified_data)));
  std::string timer = "unknown";
  if (metadata.global_timer) {
    timer = metadata.global_timer->deadline_ns
                ? fmt::format("due at {} ns", *metadata.global_timer->deadline_ns)
                : "off";
  }
  line("timer", timer);
  line("low memory",
       metadata.on_low_wasm_memory_hook_status
           ? std::string(snapshot::to_string(*metadata.on_low_wasm_memory_hook_status))
           : "unknown");
  line("chunks", fmt::format("{}", directory.chunks().size()));
  line("hooks", export_names(module, true));
  line("methods", export_names(module, false));
  for (size_t i = 0; i < metadata.globals.size(); ++i) {
    const snapshot::GlobalValue& value = metadata.globals[i];
    std::string place = "not in the module";
    if (i < facts.persisted.size()) {
      place = fmt::format("global {}", std::to_underlying(facts.persisted[i].global));
      if (!facts.persisted[i].export_name.empty()) {
        place += fmt::format(" \"{}\"", facts.persisted[i].export_name);
      }
    }
    line(fmt::format("global {}", i),
         fmt::format("{} {} ({})", snapshot::to_string(value.type), global_text(value), place));
  }
  if (facts.persisted.size() != metadata.globals.size()) {
    session.print(session.toned(
        Tone::kBad, fmt::format("  the module keeps {} globals, the snapshot has {}: the network "
                                "would refuse to load it\n",
                                facts.persisted.size(), metadata.globals.size())));
  }
}

void print_json(Session& session, const snapshot::Directory& directory, const ModuleFacts& facts) {
  const snapshot::Metadata& metadata = directory.metadata();
  nlohmann::ordered_json globals = nlohmann::ordered_json::array();
  for (const snapshot::GlobalValue& value : metadata.globals) {
    globals.push_back({{"type", snapshot::to_string(value.type)}, {"value", global_text(value)}});
  }
  session.print_json({{"type", "snapshot"},
                      {"schema", 1},
                      {"path", directory.path().string()},
                      {"form", snapshot::to_string(directory.form())},
                      {"module_sha256", to_hex(facts.loaded.hash)},
                      {"module_bytes", facts.loaded.stored_size},
                      {"module_gzip", facts.loaded.gzipped},
                      {"memory_bits", facts.loaded.module.is_64() ? 64 : 32},
                      {"heap_bytes", directory.heap().size()},
                      {"stable_bytes", directory.stable().size()},
                      {"taken_at_ns", metadata.taken_at_timestamp_ns},
                      {"canister_version", metadata.canister_version},
                      {"certified_data", to_hex(ByteView(metadata.certified_data))},
                      {"chunks", directory.chunks().size()},
                      {"globals", std::move(globals)},
                      {"module_globals", facts.persisted.size()}});
}

ExitCode show(Session& session, const std::string& path) {
  CLI_TRY(const auto directory, session, path, snapshot::Directory::open(path));
  ModuleFacts facts;
  CLI_TRY(facts.loaded, session, path + "/wasm_module.bin", wasm::load_module(directory.module()));
  facts.persisted = wasm::persisted_globals(facts.loaded.module);
  if (session.json) {
    print_json(session, directory, facts);
  } else {
    print_text(session, directory, facts);
  }
  return ExitCode::kDone;
}

}  // namespace

void add_snapshot_command(CLI::App& app, Session& session) {
  CLI::App* group = app.add_subcommand("snapshot", "Look at snapshot directories.");
  group->require_subcommand(1);
  group->footer("EXAMPLE\n  canrec snapshot show SNAPSHOT");
  auto path = std::make_shared<std::string>();
  CLI::App* command = group->add_subcommand("show", "Show what a snapshot directory holds.");
  command->add_option("DIR", *path, "snapshot directory")->required();
  command->add_flag("--json", session.json, "one JSON object");
  command->footer("Example:  canrec snapshot show SNAPSHOT");
  command->callback(
      [path, &session] { session.action = [path, &session] { return show(session, *path); }; });
}

}  // namespace canrec::cli
