// SPDX-License-Identifier: Apache-2.0
#pragma once

// Names for people: the name section, exports and imports, demangled.
// Source: https://webassembly.github.io/spec/core/appendix/custom.html#name-section

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "wasm/module.h"

namespace canrec::wasm {

/// What the name section says. Damage in it is not an error of the module: what could be read is
/// kept and `problem` tells the rest.
struct NameSection {
  std::vector<std::string_view> functions;  ///< by function index, empty view = no name
  std::map<uint32_t, std::map<uint32_t, std::string_view>> locals;  ///< function -> local -> name
  std::map<uint32_t, std::string_view> globals;
  std::map<uint32_t, std::string_view> types;
  std::map<uint32_t, std::string_view> tables;
  std::map<uint32_t, std::string_view> memories;
  std::map<uint32_t, std::string_view> elements;
  std::map<uint32_t, std::string_view> data;
  std::optional<Error> problem;
};
NameSection read_names(const Module& module);
/// NameSection::functions alone, for who needs no more.
std::vector<std::string_view> read_function_names(const Module& module);

/// Rust (legacy and v0) and Itanium C++ names made readable; other names as they are, also those
/// whose readable form would be longer than 16 KiB.
std::string demangle(std::string_view name);

/// Display names of functions: "ic0.msg_reply" for an import, else name section, else export, else
/// "f17".
class FunctionNames {
 public:
  enum class Style { kReadable, kRaw };
  FunctionNames(const Module& module, Style style);
  /// The name as it stands in reports: never empty, printable ASCII with everything else as \xx.
  std::string of(FuncIdx fn) const;
  /// The undecorated name: of an import without its module, else from the name section, else of the
  /// first export; empty when there is none.
  std::string_view raw(FuncIdx fn) const;

 private:
  Style style_;
  std::vector<std::string_view> raw_;
  std::vector<std::string_view> imported_;  // module names of the imports
};

}  // namespace canrec::wasm
