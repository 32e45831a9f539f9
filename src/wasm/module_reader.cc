// SPDX-License-Identifier: Apache-2.0
// Reads the structure of a module. One method a section; every count is checked against the bytes
// that are left before anything is allocated for it.
#include <fmt/core.h>

#include "base/checked.h"
#include "base/cursor.h"
#include "base/limits.h"
#include "wasm/module.h"

namespace canrec::wasm {
namespace {

std::unexpected<Error> refused(uint64_t offset, std::string_view what, std::string_view proposal) {
  return fail(
      Errc::kWasmUnsupported, offset,
      fmt::format("{} belongs to the proposal \"{}\", which the network refuses", what, proposal));
}

Result<ValType> read_val_type(Cursor& in) {
  const uint64_t offset = in.pos();
  CANREC_TRY(const uint8_t byte, in.u8());
  switch (byte) {
    case 0x7f:
    case 0x7e:
    case 0x7d:
    case 0x7c:
    case 0x7b:
    case 0x70:
    case 0x6f:
      return ValType{byte};
    case 0x69:
    case 0x74:
      return refused(offset, "exception reference type", "exception handling");
    case 0x63:
    case 0x64:
      return refused(offset, "typed reference", "typed function references");
    default:
      if (byte >= 0x68 && byte <= 0x78) {
        return refused(offset, fmt::format("value type 0x{:02x}", byte), "garbage collection");
      }
      return fail(Errc::kWasmMalformed, offset, fmt::format("unknown value type 0x{:02x}", byte));
  }
}

Result<Limits> read_limits(Cursor& in, bool table) {
  const uint64_t offset = in.pos();
  CANREC_TRY(const uint8_t flags, in.u8());
  if ((flags & 0x08) != 0 && !table && flags < 0x10) {
    return refused(offset, "memory with its own page size", "custom page sizes");
  }
  if ((flags & 0x02) != 0 && flags < 0x08) {
    return refused(offset, table ? "shared table" : "shared memory", "threads and atomics");
  }
  if (flags > 0x05) {
    return fail(Errc::kWasmMalformed, offset, fmt::format("unknown limits flag 0x{:02x}", flags));
  }
  Limits limits;
  limits.has_max = (flags & 0x01) != 0;
  limits.is_64 = (flags & 0x04) != 0;
  if (limits.is_64) {
    CANREC_TRY(limits.min, in.u64());
    if (limits.has_max) {
      CANREC_TRY(limits.max, in.u64());
    }
  } else {
    CANREC_TRY(limits.min, in.u32());
    if (limits.has_max) {
      CANREC_TRY(limits.max, in.u32());
    }
  }
  return limits;
}

Result<TableType> read_table_type(Cursor& in) {
  TableType table;
  const uint64_t offset = in.pos();
  CANREC_TRY(table.element, read_val_type(in));
  if (!is_reference(table.element)) {
    return fail(Errc::kWasmMalformed, offset, "table element type is not a reference type");
  }
  CANREC_TRY(table.limits, read_limits(in, true));
  return table;
}

Result<GlobalType> read_global_type(Cursor& in) {
  GlobalType global;
  CANREC_TRY(global.type, read_val_type(in));
  const uint64_t offset = in.pos();
  CANREC_TRY(const uint8_t flag, in.u8());
  if ((flag & 0x02) != 0) return refused(offset, "shared global", "shared-everything threads");
  if (flag > 1) return fail(Errc::kWasmMalformed, offset, "global mutability is neither 0 nor 1");
  global.is_mutable = flag == 1;
  return global;
}

bool may_extend_a_constant(Opcode op) {
  switch (op) {
    case Opcode::kI32Const:
    case Opcode::kI64Const:
    case Opcode::kGlobalGet:
      return true;
    default:
      return false;
  }
}

Result<ConstExpr> read_const_expr(Cursor& in) {
  ConstExpr expr;
  const uint64_t begin = in.pos();
  InstructionReader reader(in.rest(), begin);
  CANREC_CHECK(reader.next(expr.instruction));
  if (expr.instruction.op == Opcode::kEnd) {
    return fail(Errc::kWasmInvalid, begin, "constant expression is empty");
  }
  Instruction last;
  CANREC_CHECK(reader.next(last));
  if (last.op != Opcode::kEnd) {
    if (may_extend_a_constant(expr.instruction.op)) {
      return refused(last.offset, "constant expression of several instructions",
                     "extended constant expressions");
    }
    return fail(Errc::kWasmInvalid, last.offset, "constant expression of several instructions");
  }
  expr.range = {begin, last.end};
  CANREC_CHECK(in.skip(last.end - begin));
  return expr;
}

// Where a section may stand among the others; custom sections anywhere.
int section_order(SectionId id) {
  switch (id) {
    case SectionId::kDataCount:
      return 10;
    case SectionId::kCode:
      return 11;
    case SectionId::kData:
      return 12;
    default:
      return std::to_underlying(id);
  }
}

class Reader {
 public:
  explicit Reader(ByteView bytes) : in_(bytes) { module_.bytes = bytes; }

  Result<Module> read() {
    CANREC_CHECK(header());
    while (!in_.at_end()) CANREC_CHECK(next_section());
    CANREC_CHECK(agreements());
    return std::move(module_);
  }

 private:
  Status header() {
    const ByteView bytes = module_.bytes;
    if (bytes.size() < 4 || load_le<uint32_t>(bytes.data()) != 0x6d736100) {
      return fail(Errc::kWasmMagic, 0,
                  bytes.empty() ? "empty file, not a WebAssembly module"
                                : "not a WebAssembly module (it does not begin with \\0asm)");
    }
    CANREC_CHECK(in_.skip(4));
    CANREC_TRY(const uint32_t version, in_.le<uint32_t>());
    if (version == 0x1000d) return refused(4, "component", "component model");
    if (version != 1) {
      return fail(Errc::kWasmVersion, 4, fmt::format("unknown version {}, 1 expected", version));
    }
    return Ok{};
  }

  Status next_section() {
    Section section{};
    section.range.begin = in_.pos();
    if (module_.sections.size() >= limits::kModuleEntries) {
      return fail(Errc::kLimit, section.range.begin,
                  fmt::format("more than {} sections", limits::kModuleEntries));
    }
    CANREC_TRY(const uint8_t id, in_.u8());
    if (id == 13) return refused(section.range.begin, "tag section", "exception handling");
    if (id > 12) {
      return fail(Errc::kWasmMalformed, section.range.begin, fmt::format("unknown section {}", id));
    }
    section.id = SectionId{id};
    const uint64_t size_at = in_.pos();
    CANREC_TRY(const uint32_t size, in_.u32());
    section.size_width = narrow<uint8_t>(in_.pos() - size_at);
    section.content = {in_.pos(), in_.pos() + size};
    section.range.end = section.content.end;
    if (size > in_.left()) {
      return fail(Errc::kUnexpectedEof, size_at,
                  fmt::format("{} section of {} bytes does not fit in the {} bytes that are left",
                              to_string(section.id), size, in_.left()));
    }
    CANREC_TRY(const ByteView content, in_.bytes(size));
    section.payload = section.content;
    if (section.id == SectionId::kCustom) {
      Cursor custom(content, section.content.begin);
      auto name = custom.name();
      if (!name) return fail(std::move(name).error().in("custom section name"));
      section.name = *name;
      section.payload.begin = custom.pos();
      module_.sections.push_back(section);
      return Ok{};
    }
    const int order = section_order(section.id);
    if (order <= last_order_) {
      return fail(Errc::kWasmSectionOrder, section.range.begin,
                  fmt::format("{} section {}", to_string(section.id),
                              order == last_order_ ? "appears twice" : "is out of order"));
    }
    last_order_ = order;
    module_.sections.push_back(section);
    Cursor in(content, section.content.begin);
    Status status = dispatch(section.id, in);
    if (!status) {
      return fail(std::move(status).error().in(fmt::format("{} section", to_string(section.id))));
    }
    if (!in.at_end()) {
      return fail(Errc::kWasmSectionSize, in.pos(),
                  fmt::format("{} section has {} bytes behind its content", to_string(section.id),
                              in.left()));
    }
    return Ok{};
  }

  Status dispatch(SectionId id, Cursor& in) {
    switch (id) {
      case SectionId::kType:
        return each(in, 3, limits::kModuleEntries, "types", &Reader::type);
      case SectionId::kImport:
        return each(in, 4, limits::kModuleEntries, "imports", &Reader::import);
      case SectionId::kFunction:
        return each(in, 1, limits::kModuleEntries, "functions", &Reader::function);
      case SectionId::kTable:
        return each(in, 3, limits::kTables, "tables", &Reader::table);
      case SectionId::kMemory:
        return each(in, 2, limits::kTables, "memories", &Reader::memory);
      case SectionId::kGlobal:
        return each(in, 4, limits::kModuleEntries, "globals", &Reader::global);
      case SectionId::kExport:
        return each(in, 3, limits::kModuleEntries, "exports", &Reader::export_entry);
      case SectionId::kStart:
        return start(in);
      case SectionId::kElement:
        return each(in, 2, limits::kSegments, "element segments", &Reader::element);
      case SectionId::kDataCount: {
        CANREC_TRY(module_.data_count, in.u32());
        return Ok{};
      }
      case SectionId::kCode:
        return each(in, 3, limits::kModuleEntries, "function bodies", &Reader::code);
      case SectionId::kData:
        return each(in, 2, limits::kSegments, "data segments", &Reader::data);
      case SectionId::kCustom:
        break;
    }
    return Ok{};
  }

  // Reads a vector; an entry's error says which one it was.
  Status each(Cursor& in, uint64_t min_size, uint32_t most, std::string_view what,
              Status (Reader::*entry)(Cursor&)) {
    const uint64_t offset = in.pos();
    CANREC_TRY(const uint32_t n, in.count(min_size, what));
    if (n > most)
      return fail(Errc::kLimit, offset, fmt::format("{} {}, at most {}", n, what, most));
    for (uint32_t i = 0; i < n; ++i) {
      if (Status status = (this->*entry)(in); !status) {
        return fail(std::move(status).error().in(fmt::format("entry {}", i)));
      }
    }
    return Ok{};
  }

  Status type(Cursor& in) {
    const uint64_t begin = in.pos();
    CANREC_TRY(const uint8_t form, in.u8());
    if (form != 0x60) {
      if (form == 0x5e || form == 0x5f || form == 0x50 || form == 0x4f || form == 0x4e) {
        return refused(begin, "composite type", "garbage collection");
      }
      return fail(Errc::kWasmMalformed, begin, fmt::format("unknown type form 0x{:02x}", form));
    }
    FuncType type;
    for (std::vector<ValType>* list : {&type.params, &type.results}) {
      CANREC_TRY(const uint32_t n, in.count(1, "value types"));
      list->reserve(n);
      for (uint32_t i = 0; i < n; ++i) {
        CANREC_TRY(const ValType value, read_val_type(in));
        list->push_back(value);
      }
    }
    module_.types.push_back(std::move(type));
    module_.type_ranges.push_back({begin, in.pos()});
    return Ok{};
  }

  Result<TypeIdx> type_index(Cursor& in) {
    const uint64_t offset = in.pos();
    CANREC_TRY(const uint32_t index, in.u32());
    if (index >= module_.types.size()) {
      return fail(Errc::kWasmIndex, offset, fmt::format("no type {}", index));
    }
    return TypeIdx{index};
  }

  Status import(Cursor& in) {
    Import import{};
    import.range.begin = in.pos();
    CANREC_TRY(import.module, in.name());
    CANREC_TRY(import.name, in.name());
    const uint64_t kind_at = in.pos();
    CANREC_TRY(const uint8_t kind, in.u8());
    const auto index = narrow<uint32_t>(module_.imports.size());
    const uint64_t at = in.pos();
    switch (kind) {
      case 0: {
        Function fn{};
        CANREC_TRY(fn.type, type_index(in));
        fn.type_range = {at, in.pos()};
        fn.import = index;
        import.index = module_.imported_functions++;
        module_.functions.push_back(fn);
        break;
      }
      case 1: {
        CANREC_TRY(const TableType type, read_table_type(in));
        import.index = module_.imported_tables++;
        module_.tables.push_back({type, index, {at, in.pos()}});
        break;
      }
      case 2: {
        CANREC_TRY(const Limits limits, read_limits(in, false));
        import.index = module_.imported_memories++;
        module_.memories.push_back({limits, index, {at, in.pos()}});
        break;
      }
      case 3: {
        CANREC_TRY(const GlobalType type, read_global_type(in));
        import.index = module_.imported_globals++;
        module_.globals.push_back({type, index, {}, {at, in.pos()}});
        break;
      }
      case 4:
        return refused(kind_at, "tag import", "exception handling");
      default:
        return fail(Errc::kWasmMalformed, kind_at, fmt::format("unknown import kind {}", kind));
    }
    import.kind = ExternKind{kind};
    import.range.end = in.pos();
    module_.imports.push_back(import);
    return Ok{};
  }

  Status function(Cursor& in) {
    Function fn{};
    fn.type_range.begin = in.pos();
    CANREC_TRY(fn.type, type_index(in));
    fn.type_range.end = in.pos();
    module_.functions.push_back(fn);
    return Ok{};
  }

  Status table(Cursor& in) {
    const uint64_t begin = in.pos();
    CANREC_TRY(const uint8_t first, in.peek());
    if (first == 0x40) {
      return refused(begin, "table with an initialiser", "typed function references");
    }
    CANREC_TRY(const TableType type, read_table_type(in));
    module_.tables.push_back({type, std::nullopt, {begin, in.pos()}});
    return Ok{};
  }

  Status memory(Cursor& in) {
    const uint64_t begin = in.pos();
    CANREC_TRY(const Limits limits, read_limits(in, false));
    if (!module_.memories.empty()) {
      return refused(begin, "a second memory", "multiple memories");
    }
    module_.memories.push_back({limits, std::nullopt, {begin, in.pos()}});
    return Ok{};
  }

  Status global(Cursor& in) {
    Global global{};
    global.range.begin = in.pos();
    CANREC_TRY(global.type, read_global_type(in));
    CANREC_TRY(global.init, read_const_expr(in));
    global.range.end = in.pos();
    module_.globals.push_back(global);
    return Ok{};
  }

  Status export_entry(Cursor& in) {
    Export entry{};
    entry.range.begin = in.pos();
    CANREC_TRY(entry.name, in.name());
    const uint64_t kind_at = in.pos();
    CANREC_TRY(const uint8_t kind, in.u8());
    if (kind == 4) return refused(kind_at, "tag export", "exception handling");
    if (kind > 4) {
      return fail(Errc::kWasmMalformed, kind_at, fmt::format("unknown export kind {}", kind));
    }
    entry.kind = ExternKind{kind};
    entry.index_range.begin = in.pos();
    CANREC_TRY(entry.index, in.u32());
    entry.index_range.end = entry.range.end = in.pos();
    const std::array<size_t, 4> sizes = {module_.functions.size(), module_.tables.size(),
                                         module_.memories.size(), module_.globals.size()};
    if (entry.index >= sizes[kind]) {
      return fail(
          Errc::kWasmIndex, entry.index_range.begin,
          fmt::format("export \"{}\" names index {}, of {}", entry.name, entry.index, sizes[kind]));
    }
    module_.exports.push_back(entry);
    return Ok{};
  }

  Status start(Cursor& in) {
    module_.start_range.begin = in.pos();
    CANREC_TRY(const uint32_t index, in.u32());
    module_.start_range.end = in.pos();
    if (index >= module_.functions.size()) {
      return fail(Errc::kWasmIndex, module_.start_range.begin,
                  fmt::format("no function {}", index));
    }
    module_.start = FuncIdx{index};
    return Ok{};
  }

  // The eight forms by flag: bit 0 not active, bit 1 explicit table or declarative, bit 2
  // expressions.
  Status element(Cursor& in) {
    ElementSegment segment{};
    segment.range.begin = in.pos();
    CANREC_TRY(const uint32_t flags, in.u32());
    if (flags > 7) {
      return fail(Errc::kWasmMalformed, segment.range.begin,
                  fmt::format("unknown element segment flag {}", flags));
    }
    segment.has_exprs = (flags & 4) != 0;
    segment.type = ValType::kFuncRef;
    segment.mode = (flags & 1) == 0   ? SegmentMode::kActive
                   : (flags & 2) == 0 ? SegmentMode::kPassive
                                      : SegmentMode::kDeclarative;
    if (segment.mode == SegmentMode::kActive) {
      const uint64_t table_at = in.pos();
      uint32_t table = 0;
      if ((flags & 2) != 0) {
        CANREC_TRY(table, in.u32());
      }
      if (table >= module_.tables.size()) {
        return fail(Errc::kWasmIndex, table_at, fmt::format("no table {}", table));
      }
      segment.table = TableIdx{table};
      CANREC_TRY(segment.offset, read_const_expr(in));
    }
    if ((flags & 3) != 0) CANREC_CHECK(element_type(in, segment));
    const uint64_t count_at = in.pos();
    CANREC_TRY(segment.count, in.count(segment.has_exprs ? 3 : 1, "items"));
    if (segment.count > limits::kSegmentItems) {
      return fail(Errc::kLimit, count_at,
                  fmt::format("{} items, at most {}", segment.count, limits::kSegmentItems));
    }
    segment.items.begin = in.pos();
    for (uint32_t i = 0; i < segment.count; ++i) {
      const uint64_t item_at = in.pos();
      std::optional<uint64_t> function;
      if (segment.has_exprs) {
        CANREC_TRY(const ConstExpr expr, read_const_expr(in));
        if (expr.instruction.op == Opcode::kRefFunc) function = expr.instruction.index();
      } else {
        CANREC_TRY(function, in.u32());
      }
      if (function && *function >= module_.functions.size()) {
        return fail(Errc::kWasmIndex, item_at,
                    fmt::format("item {} names function {}, of {}", i, *function,
                                module_.functions.size()));
      }
    }
    segment.items.end = segment.range.end = in.pos();
    module_.elements.push_back(segment);
    return Ok{};
  }

  static Status element_type(Cursor& in, ElementSegment& segment) {
    const uint64_t offset = in.pos();
    if (!segment.has_exprs) {
      CANREC_TRY(const uint8_t kind, in.u8());
      if (kind != 0) {
        return fail(Errc::kWasmMalformed, offset, fmt::format("unknown element kind {}", kind));
      }
      return Ok{};
    }
    CANREC_TRY(segment.type, read_val_type(in));
    if (!is_reference(segment.type)) {
      return fail(Errc::kWasmMalformed, offset, "element type is not a reference type");
    }
    return Ok{};
  }

  Status code(Cursor& in) {
    const uint64_t begin = in.pos();
    const size_t index = module_.imported_functions + bodies_;
    if (index >= module_.functions.size()) {
      return fail(Errc::kWasmMalformed, begin,
                  fmt::format("more bodies than the {} functions declared",
                              module_.functions.size() - module_.imported_functions));
    }
    ++bodies_;
    CANREC_TRY(const uint32_t size, in.u32());
    Function& fn = module_.functions[index];
    fn.body.begin = in.pos();
    CANREC_TRY(const ByteView body, in.bytes(size));
    fn.body.end = in.pos();
    fn.entry = {begin, fn.body.end};
    Cursor locals(body, fn.body.begin);
    CANREC_TRY(const uint32_t groups, locals.count(2, "local groups"));
    uint64_t total = 0;
    for (uint32_t i = 0; i < groups; ++i) {
      const uint64_t at = locals.pos();
      CANREC_TRY(const uint32_t n, locals.u32());
      CANREC_CHECK(read_val_type(locals));
      total += n;
      if (total > limits::kFunctionLocals) {
        return fail(Errc::kLimit, at,
                    fmt::format("more than {} locals in a function", limits::kFunctionLocals));
      }
    }
    fn.locals = {fn.body.begin, locals.pos()};
    fn.code = {locals.pos(), fn.body.end};
    if (locals.at_end() || body.back() != 0x0b) {
      return fail(Errc::kWasmMalformed, fn.body.end, "function body does not finish with `end`");
    }
    return Ok{};
  }

  Status data(Cursor& in) {
    DataSegment segment{};
    segment.range.begin = in.pos();
    CANREC_TRY(const uint32_t flags, in.u32());
    if (flags > 2) {
      return fail(Errc::kWasmMalformed, segment.range.begin,
                  fmt::format("unknown data segment flag {}", flags));
    }
    segment.mode = flags == 1 ? SegmentMode::kPassive : SegmentMode::kActive;
    if (segment.mode == SegmentMode::kActive) {
      const uint64_t memory_at = in.pos();
      uint32_t memory = 0;
      if (flags == 2) {
        CANREC_TRY(memory, in.u32());
      }
      if (memory >= module_.memories.size()) {
        return fail(Errc::kWasmIndex, memory_at, fmt::format("no memory {}", memory));
      }
      segment.memory = MemoryIdx{memory};
      CANREC_TRY(segment.offset, read_const_expr(in));
    }
    CANREC_TRY(const uint32_t size, in.u32());
    segment.bytes.begin = in.pos();
    CANREC_CHECK(in.skip(size));
    segment.bytes.end = segment.range.end = in.pos();
    module_.data.push_back(segment);
    return Ok{};
  }

  // What sections must agree on with each other.
  Status agreements() {
    const size_t declared = module_.functions.size() - module_.imported_functions;
    const Section* code = module_.section(SectionId::kCode);
    const Section* data = module_.section(SectionId::kData);
    if (declared != bodies_) {
      return fail(Errc::kWasmMalformed, code != nullptr ? code->range.begin : module_.bytes.size(),
                  fmt::format("{} functions are declared and {} have a body", declared, bodies_));
    }
    if (module_.data_count && *module_.data_count != module_.data.size()) {
      return fail(Errc::kWasmMalformed, data != nullptr ? data->range.begin : module_.bytes.size(),
                  fmt::format("data count says {}, the data section has {} segments",
                              *module_.data_count, module_.data.size()));
    }
    if (module_.memories.size() > 1) {
      return refused(module_.memories[1].range.begin, "a second memory", "multiple memories");
    }
    return Ok{};
  }

  Cursor in_;
  Module module_;
  int last_order_ = 0;
  size_t bodies_ = 0;
};

}  // namespace

Result<Module> read_module(ByteView bytes) { return Reader(bytes).read(); }

Result<std::vector<LocalGroup>> read_locals(const Module& module, const Function& fn) {
  Cursor in(module.view(fn.locals), fn.locals.begin);
  CANREC_TRY(const uint32_t n, in.count(2, "local groups"));
  std::vector<LocalGroup> groups;
  groups.reserve(n);
  for (uint32_t i = 0; i < n; ++i) {
    CANREC_TRY(const uint32_t count, in.u32());
    CANREC_TRY(const ValType type, read_val_type(in));
    groups.push_back({count, type});
  }
  return groups;
}

std::vector<ElementItem> read_items(const Module& module, const ElementSegment& segment) {
  std::vector<ElementItem> items;
  items.reserve(segment.count);
  Cursor in(module.view(segment.items), segment.items.begin);
  for (uint32_t i = 0; i < segment.count; ++i) {
    if (segment.has_exprs) {
      const auto expr = read_const_expr(in);
      CANREC_ASSERT(expr.has_value());
      const Instruction& at = expr->instruction;
      if (at.op == Opcode::kRefFunc) {
        items.push_back({FuncIdx{static_cast<uint32_t>(at.index())},
                         {at.offset + at.imm[0].begin, at.offset + at.imm[0].end}});
      } else {
        items.push_back({std::nullopt, {expr->range.begin, expr->range.begin}});
      }
      continue;
    }
    const uint64_t begin = in.pos();
    const auto index = in.u32();
    CANREC_ASSERT(index.has_value());
    items.push_back({FuncIdx{*index}, {begin, in.pos()}});
  }
  return items;
}

}  // namespace canrec::wasm
