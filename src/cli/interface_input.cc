// SPDX-License-Identifier: Apache-2.0
// Finding interfaces in files, modules and snapshot directories.
#include "cli/interface_input.h"

#include <fmt/core.h>

#include <nlohmann/json.hpp>

#include "base/gzip.h"
#include "base/input_file.h"
#include "candid/parser.h"
#include "snapshot/directory.h"
#include "wasm/load.h"
#include "wasmdiff/interface.h"

namespace canrec::cli {
namespace {

namespace fs = std::filesystem;

// Imports are relative to the importing file; two spellings of one file are one file.
Result<candid::ImportedFile> load_import(const fs::path& main, std::string_view importing,
                                         std::string_view path) {
  const fs::path from = importing.empty() ? main : fs::path(importing);
  const fs::path wanted = fs::weakly_canonical(from.parent_path() / path);
  CANREC_TRY(const InputFile file, InputFile::open(wanted));
  return candid::ImportedFile{wanted.string(), std::string(as_text(file.bytes()))};
}

void read_did(InterfaceInput& input) {
  const fs::path main = fs::absolute(input.path);
  auto program =
      candid::parse_program(input.text, [&main](std::string_view importing, std::string_view path) {
        return load_import(main, importing, path);
      });
  if (!program) {
    input.texts.interface_error = std::move(program).error();
    return;
  }
  if (!program->actor) return;
  candid::Interface interface;
  if (program->actor->constructor) {
    interface.init = candid::TypeTuple{program->env, *program->actor->constructor};
  }
  interface.program = std::move(*program);
  input.texts.interface = std::move(interface);
}

bool is_module(ByteView bytes) {
  return is_gzip(bytes) ||
         (bytes.size() >= 4 && as_text(bytes.first(4)) == std::string_view("\0asm", 4));
}

Status read_module_texts(ByteView stored, InterfaceInput& input) {
  CANREC_TRY(const wasm::LoadedModule loaded, wasm::load_module(stored));
  input.hash = loaded.hash;
  input.size = loaded.stored_size;
  input.texts = read_texts(loaded.module);
  return Ok{};
}

}  // namespace

ModuleTexts read_texts(const wasm::Module& module) {
  ModuleTexts texts;
  const candid::SectionLookup lookup = wasmdiff::section_lookup(module);
  if (auto interface = candid::read_module_interface(lookup)) {
    texts.interface = std::move(*interface);
  } else {
    texts.interface_error = std::move(interface).error();
  }
  if (const auto types = candid::find_metadata(lookup, "motoko:stable-types")) {
    texts.stable_types = std::string(as_text(*types));
  }
  return texts;
}

Result<InterfaceInput> open_interface(const std::string& path, bool did) {
  InterfaceInput input;
  input.path = path;
  if (fs::is_directory(path)) {
    input.kind = "snapshot";
    CANREC_TRY(const snapshot::Survey survey, snapshot::survey(path));
    if (!survey.directory) {
      if (survey.findings.empty()) return fail(Errc::kSnapshotMetadata, "no snapshot is here");
      return fail(survey.findings.front().error.copy());
    }
    CANREC_CHECK(read_module_texts(survey.directory->module(), input));
    return input;
  }
  CANREC_TRY(const InputFile file, InputFile::open(path));
  if (is_module(file.bytes())) {
    input.kind = "module";
    CANREC_CHECK(read_module_texts(file.bytes(), input));
    return input;
  }
  input.kind = "text";
  input.hash = sha256(file.bytes());
  input.size = file.size();
  if (!is_utf8(file.bytes())) {
    return fail(Errc::kUtf8, "neither a module nor UTF-8 text");
  }
  input.text = as_text(file.bytes());
  if (did) read_did(input);
  return input;
}

nlohmann::ordered_json input_json(const InterfaceInput& input) {
  return {{"path", input.path},
          {"kind", input.kind},
          {"sha256", to_hex(input.hash)},
          {"size", input.size}};
}

std::string input_line(std::string_view label, const InterfaceInput& input) {
  return fmt::format("  {}  sha256 {}  {}  {}  {}\n", label, to_hex(input.hash),
                     human_size(input.size), input.kind, input.path);
}

}  // namespace canrec::cli
