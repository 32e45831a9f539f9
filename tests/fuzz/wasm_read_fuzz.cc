// fuzz: wasm
// SPDX-License-Identifier: Apache-2.0
// Whatever can be read is written back as it was, with every byte labelled once; every reader of a
// module survives it.
#include <algorithm>
#include <cstdlib>

#include "wasm/edit.h"
#include "wasm/inspect.h"
#include "wasm/load.h"
#include "wasm/text.h"

using namespace canrec;
using namespace canrec::wasm;

namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

void labelled_once(const Module& module) {
  uint64_t at = 0;
  for (const LabelledRange& piece : coverage(module)) {
    require(piece.range.begin == at && piece.range.end > at);
    at = piece.range.end;
  }
  require(at == module.bytes.size());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto loaded = load_module({data, size});
  if (!loaded) {
    require(loaded.error().offset().has_value());
    return 0;
  }
  const Module& module = loaded->module;
  const Bytes written = write_module(module);
  require(std::ranges::equal(written, module.bytes));
  labelled_once(module);
  const auto unchanged = apply_edits(module, {});
  require(unchanged && std::ranges::equal(*unchanged, module.bytes));

  static_cast<void>(read_names(module));
  const FunctionNames names(module, FunctionNames::Style::kReadable);
  for (uint32_t i = 0; i < module.functions.size(); ++i) {
    require(!names.of(FuncIdx{i}).empty());
    if (!module.functions[i].is_import()) static_cast<void>(body_text(module, names, FuncIdx{i}));
  }
  static_cast<void>(persisted_globals(module));
  for (uint32_t i = 0; i < module.tables.size(); ++i) {
    static_cast<void>(table_image(module, TableIdx{i}));
  }
  return 0;
}
