// SPDX-License-Identifier: Apache-2.0
#pragma once

// The byte-exact module model. A Module is a description of bytes that stay where they are: every
// entity knows its byte range, sections keep the width of their size field, and nothing is copied
// that can be viewed. write_module(read_module(bytes)) == bytes for every module that can be read.
//
//   offset 0   "\0asm" version
//   offset 8   section*:  id (1 byte)  size (LEB128, any width)  content
//
// Source: https://webassembly.github.io/spec/core/binary/modules.html

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "base/error.h"
#include "wasm/instruction.h"
#include "wasm/types.h"

namespace canrec::wasm {

enum class SectionId : uint8_t {
  kCustom = 0,
  kType = 1,
  kImport = 2,
  kFunction = 3,
  kTable = 4,
  kMemory = 5,
  kGlobal = 6,
  kExport = 7,
  kStart = 8,
  kElement = 9,
  kCode = 10,
  kData = 11,
  kDataCount = 12,
};
/// "type", "import", ..., "custom".
std::string_view to_string(SectionId id);

/// One section as it lies in the file.
struct Section {
  SectionId id;
  uint8_t size_width;     ///< bytes of the size LEB128
  ByteRange range;        ///< with id and size
  ByteRange content;      ///< what the size counts; for a custom section it begins with the name
  std::string_view name;  ///< of a custom section
  ByteRange payload;      ///< of a custom section: behind the name; otherwise = content
};

/// What kind of thing is imported or exported; the enumerators are the bytes of the format.
enum class ExternKind : uint8_t { kFunc = 0, kTable = 1, kMemory = 2, kGlobal = 3 };

struct GlobalType {
  ValType type;
  bool is_mutable;
  bool operator==(const GlobalType&) const = default;
};

struct TableType {
  ValType element;
  Limits limits;
  bool operator==(const TableType&) const = default;
};

struct Import {
  std::string_view module;
  std::string_view name;
  ExternKind kind;
  uint32_t index;  ///< in the index space of its kind
  ByteRange range;
};

struct Export {
  std::string_view name;
  ExternKind kind;
  uint32_t index;
  ByteRange range;
  ByteRange index_range;  ///< the LEB128 of the index
};

/// A constant expression of one instruction; more than one is the refused proposal
/// "extended constant expressions".
struct ConstExpr {
  Instruction instruction;  ///< *.const, global.get, ref.null or ref.func
  ByteRange range;          ///< with the final `end`
};

struct Function {
  TypeIdx type;
  std::optional<uint32_t> import;  ///< index into Module::imports when imported
  ByteRange type_range;            ///< LEB128 of the type index (import or function section)
  ByteRange entry;                 ///< of a defined function: size LEB128 and body
  ByteRange body;                  ///< locals and code
  ByteRange locals;                ///< the local declarations
  ByteRange code;                  ///< the instructions with the final `end`
  bool is_import() const { return import.has_value(); }
};

struct Table {
  TableType type;
  std::optional<uint32_t> import;
  ByteRange range;
};

struct Memory {
  Limits limits;
  std::optional<uint32_t> import;
  ByteRange range;
};

struct Global {
  GlobalType type;
  std::optional<uint32_t> import;
  ConstExpr init;  ///< of a defined global
  ByteRange range;
};

enum class SegmentMode : uint8_t { kActive, kPassive, kDeclarative };

struct ElementSegment {
  SegmentMode mode;
  ValType type;
  TableIdx table;    ///< of an active segment
  ConstExpr offset;  ///< of an active segment
  bool has_exprs;    ///< items are expressions, not function indices
  uint32_t count;
  ByteRange items;  ///< the item vector behind its count
  ByteRange range;
};

struct DataSegment {
  SegmentMode mode;  ///< kActive or kPassive
  MemoryIdx memory;  ///< of an active segment
  ConstExpr offset;  ///< of an active segment
  ByteRange bytes;   ///< the data
  ByteRange range;
};

/// A module that was read. Views point into `bytes`, which its owner keeps alive.
struct Module {
  ByteView bytes;
  std::vector<Section> sections;  ///< in file order, covering [8, bytes.size())
  std::vector<FuncType> types;
  std::vector<ByteRange> type_ranges;  ///< one for each of `types`
  std::vector<Import> imports;
  std::vector<Function> functions;  ///< imported ones first: the function index space
  std::vector<Table> tables;
  std::vector<Memory> memories;
  std::vector<Global> globals;
  std::vector<Export> exports;
  std::optional<FuncIdx> start;
  ByteRange start_range;  ///< the LEB128 of the start function's index
  std::vector<ElementSegment> elements;
  std::optional<uint32_t> data_count;
  std::vector<DataSegment> data;

  uint32_t imported_functions = 0;
  uint32_t imported_tables = 0;
  uint32_t imported_memories = 0;
  uint32_t imported_globals = 0;

  ByteView view(ByteRange range) const {
    return bytes.subspan(static_cast<size_t>(range.begin), static_cast<size_t>(range.size()));
  }
  const Function& function(FuncIdx f) const { return functions[std::to_underlying(f)]; }
  const FuncType& type_of(FuncIdx f) const { return types[std::to_underlying(function(f).type)]; }
  /// Whether addresses are 64-bit: the module declares one 64-bit memory.
  bool is_64() const { return !memories.empty() && memories[0].limits.is_64; }
  /// The first custom section of that name, or nullptr.
  const Section* custom(std::string_view name) const;
  /// The section with that id (not kCustom), or nullptr.
  const Section* section(SectionId id) const;
  /// The export of that name, or nullptr.
  const Export* find_export(std::string_view name) const;
  InstructionReader instructions(const Function& fn) const {
    return InstructionReader(view(fn.code), fn.code.begin);
  }
};

/// Reads the structure of a module: every section and entity, not the instructions in bodies.
///
/// Shape:   `bytes` is a whole unpacked module; see load.h for files and gzip.
/// Errors:  kWasmMagic, kWasmVersion, kWasmMalformed, kWasmSectionOrder, kWasmSectionSize,
///          kWasmUnsupported (names the proposal), kWasmIndex (function without a type, ...),
///          kLimit, and those of Cursor; offset = first offending byte. No instruction of a body is
///          decoded.
/// Owns:    result views point into `bytes`.
Result<Module> read_module(ByteView bytes);

/// One local declaration: `count` locals of one type.
struct LocalGroup {
  uint32_t count;
  ValType type;
};
/// The local declarations of a defined function, checked against limits::kFunctionLocals.
Result<std::vector<LocalGroup>> read_locals(const Module& module, const Function& fn);

/// One item of an element segment.
struct ElementItem {
  std::optional<FuncIdx> function;  ///< nothing = null (or a global.get, which the network refuses)
  ByteRange index_range;            ///< LEB128 of the function index, empty for null
};
/// The items of an element segment, in order. The segment was read, so this cannot fail.
std::vector<ElementItem> read_items(const Module& module, const ElementSegment& segment);

/// A labelled piece of the file, for `inspect --bytes` and the coverage invariant.
struct LabelledRange {
  ByteRange range;
  std::string label;  ///< "code section, function 17, locals"
};
/// Ranges in file order that cover [0, bytes.size()) exactly, without gaps or overlaps.
std::vector<LabelledRange> coverage(const Module& module);

/// The bytes of the module, written from its model section by section: equal to `module.bytes`.
Bytes write_module(const Module& module);

/// The value of an i32.const or i64.const expression as an unsigned address; i32 is zero-extended.
std::optional<uint64_t> constant_address(const ConstExpr& expr);

}  // namespace canrec::wasm
