// SPDX-License-Identifier: Apache-2.0
// The network's rules for modules, in the network's order: sizes, imports, exports, data, globals,
// functions, memory, code, custom sections; then what shows only when the module is prepared and
// an instance is made. Texts are the network's.
// Source: dfinity/ic rs/embedders/src/wasm_utils/validation.rs, rs/types/wasm_types/src/errors.rs;
// system-api.md 2.1 to 2.6.
#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <unordered_set>

#include "base/checked.h"
#include "ic/limits.h"
#include "ic/system_api.h"
#include "wasm/names.h"
#include "wasm/validate.h"

namespace canrec::wasm {
namespace {

constexpr std::string_view kRefused = "the network refuses to install the module";
constexpr size_t kMostViolations = 1000;

constexpr std::array<std::string_view, 6> kReservedSymbols = {
    "canister counter_instructions",   "canister_start", "canister counter_dirty_pages",
    "canister counter_accessed_pages", "stable_memory",  "stable_bytemap_memory"};

// "[I32, I64]", as the network prints types.
std::string type_list(std::string_view letters, bool wide) {
  std::string out = "[";
  for (const char letter : letters) {
    if (out.size() > 1) out += ", ";
    out += ic::resolve_width(letter, wide) == 'l' ? "I64" : "I32";
  }
  return out + ']';
}

std::string_view type_word(ValType type) {
  switch (type) {
    case ValType::kI32:
      return "I32";
    case ValType::kI64:
      return "I64";
    case ValType::kF32:
      return "F32";
    case ValType::kF64:
      return "F64";
    case ValType::kV128:
      return "V128";
    case ValType::kFuncRef:
      return "Ref(funcref)";
    case ValType::kExternRef:
      return "Ref(externref)";
  }
  return "unknown";
}

std::string type_list(const std::vector<ValType>& types) {
  std::string out = "[";
  for (const ValType type : types) {
    if (out.size() > 1) out += ", ";
    out += type_word(type);
  }
  return out + ']';
}

class Checker {
 public:
  explicit Checker(const Module& module) : module_(module) {}

  std::vector<RuleViolation> run() {
    sizes();
    imports();
    exports();
    data_offsets();
    globals();
    functions();
    memory();
    code();
    function_names();
    custom_sections();
    data_places();
    tables();
    return std::move(out_);
  }

 private:
  void violated(uint64_t offset, std::string text, std::string_view why = kRefused) {
    if (out_.size() < kMostViolations) {
      out_.push_back({std::move(text), offset, std::string(why)});
    }
  }

  void sizes() {
    if (module_.bytes.size() > ic::limits::kModuleBytes) {
      violated(0, fmt::format("Wasm module size of {} exceeds the maximum allowed size of {}.",
                              module_.bytes.size(), ic::limits::kModuleBytes));
    }
    const Section* code = module_.section(SectionId::kCode);
    if (code != nullptr && code->content.size() > ic::limits::kCodeSectionBytes) {
      violated(code->range.begin,
               fmt::format("Wasm module code section size of {} exceeds the maximum allowed size "
                           "of {}.",
                           code->content.size(), ic::limits::kCodeSectionBytes));
    }
  }

  void imports() {
    for (const Import& import : module_.imports) {
      const auto invalid = [&](std::string_view text) {
        violated(import.range.begin,
                 fmt::format("Wasm module has an invalid import section. {}", text));
      };
      switch (import.kind) {
        case ExternKind::kFunc:
          imported_function(import, invalid);
          break;
        case ExternKind::kGlobal:
          invalid("Importing globals is not allowed.");
          break;
        case ExternKind::kTable:
          if (import.name == "table" && import.module != "env") {
            invalid("Only tables imported from env.table are allowed.");
          } else {
            nothing_provides(import, "table");
          }
          break;
        case ExternKind::kMemory:
          if (import.name == "memory" && import.module != "env") {
            invalid("Only memory imported from env.memory is allowed.");
          } else {
            nothing_provides(import, "memory");
          }
          break;
      }
    }
  }

  void nothing_provides(const Import& import, std::string_view what) {
    late_.push_back(
        {fmt::format("unknown import: `{}::{}` has not been defined",
                     printable(as_bytes(import.module)), printable(as_bytes(import.name))),
         import.range.begin,
         fmt::format("the imported {} is provided by nobody: no instance can be made", what)});
  }

  template <typename Invalid>
  void imported_function(const Import& import, Invalid invalid) {
    const ic::SystemApiFunction* api = ic::find_system_api(import.name);
    if (api != nullptr && module_.is_64() && !api->importable_by_64_bit()) api = nullptr;
    const std::string name = printable(as_bytes(import.name));
    const std::string from = printable(as_bytes(import.module));
    if (api == nullptr) {
      invalid(
          fmt::format("Module imports function '{}' from '{}' that is not exported by the runtime.",
                      name, from));
    } else if (import.module != ic::kSystemApiModule) {
      invalid(
          fmt::format("Module imports function \"{}\" from \"{}\", expected to be imported "
                      "from one of [\"{}\"] instead.",
                      name, from, ic::kSystemApiModule));
    } else {
      signature(import.range.begin, name, module_.type_of(FuncIdx{import.index}),
                type_list(api->parameters, module_.is_64()),
                type_list(api->results, module_.is_64()));
    }
  }

  void signature(uint64_t offset, std::string_view name, const FuncType& type,
                 const std::string& params, const std::string& results) {
    const auto wrong = [&](std::string_view what, const std::string& expected,
                           const std::string& found) {
      violated(offset,
               fmt::format("Wasm module has an invalid function signature. Expected {} {} for "
                           "'{}', got {}.",
                           what, expected, name, found));
    };
    if (const std::string found = type_list(type.params); found != params) {
      wrong("input params", params, found);
    } else if (const std::string given = type_list(type.results); given != results) {
      wrong("return type", results, given);
    }
  }

  void exports() {
    std::unordered_set<std::string_view> methods;
    uint64_t count = 0;
    uint64_t length = 0;
    for (const Export& entry : module_.exports) {
      const std::string shown = printable(as_bytes(entry.name));
      if (std::ranges::find(kReservedSymbols, entry.name) != kReservedSymbols.end()) {
        violated(entry.range.begin,
                 fmt::format("Wasm module has an invalid export section. Exporting reserved symbol "
                             "{} not allowed.",
                             shown));
        continue;
      }
      if (entry.kind != ExternKind::kFunc) continue;
      const auto method = ic::parse_method(entry.name);
      if (method) {
        ++count;
        length += method->name.size();
        if (!methods.insert(method->name).second) {
          violated(entry.range.begin,
                   fmt::format("Duplicate function '{}' exported multiple times with different "
                               "call types: update, query, or composite_query.",
                               printable(as_bytes(method->name))));
        }
      } else if (ic::find_hook(entry.name) == nullptr) {
        if (!entry.name.starts_with("canister_")) continue;
        violated(entry.range.begin,
                 fmt::format("Wasm module has an invalid export section. Exporting reserved "
                             "function '{}' with \"canister_\" prefix",
                             shown));
        continue;
      }
      signature(entry.range.begin, shown, module_.type_of(FuncIdx{entry.index}), "[]", "[]");
    }
    method_limits(count, length);
  }

  void method_limits(uint64_t count, uint64_t length) {
    const Section* section = module_.section(SectionId::kExport);
    const uint64_t offset = section != nullptr ? section->range.begin : 0;
    constexpr std::string_view kKinds =
        "`canister_update <name>`, `canister_query <name>`, or `canister_composite_query <name>`";
    if (count > ic::limits::kExportedMethods) {
      violated(offset, fmt::format("The number of exported functions called {} is {} which exceeds "
                                   "{}.",
                                   kKinds, count, ic::limits::kExportedMethods));
    }
    if (length > ic::limits::kExportedMethodNameBytes) {
      violated(offset, fmt::format("The sum of `<name>` lengths in exported functions called {} is "
                                   "{} which exceeds the allowed limit of {}.",
                                   kKinds, length, ic::limits::kExportedMethodNameBytes));
    }
  }

  void data_offsets() {
    for (const DataSegment& segment : module_.data) {
      if (segment.mode != SegmentMode::kActive || constant_address(segment.offset)) continue;
      violated(segment.offset.range.begin,
               fmt::format("Wasm module has an invalid data section. Invalid offset expression in "
                           "data segment for {}bit memory: GlobalGet {{ global_index: {} }}",
                           module_.is_64() ? 64 : 32, segment.offset.instruction.index()));
    }
  }

  void globals() {
    const size_t defined = module_.globals.size() - module_.imported_globals;
    if (defined > ic::limits::kGlobals) {
      violated(module_.globals[module_.imported_globals].range.begin,
               fmt::format("Wasm module defined {} globals which exceeds the maximum number "
                           "allowed {}.",
                           defined, ic::limits::kGlobals));
    }
    for (const Global& global : module_.globals) {
      if (global.import || !is_reference(global.type.type)) continue;
      violated(global.range.begin, fmt::format("Wasm module has an invalid global section. "
                                               "Unsupported global type: {}",
                                               type_word(global.type.type)));
    }
  }

  void functions() {
    const size_t defined = module_.functions.size() - module_.imported_functions;
    if (defined <= ic::limits::kDefinedFunctions) return;
    violated(module_.functions[module_.imported_functions].type_range.begin,
             fmt::format("Wasm module defined {} functions which exceeds the maximum number "
                         "allowed {}.",
                         defined, ic::limits::kDefinedFunctions));
  }

  void memory() {
    if (module_.memories.empty()) return;
    const Memory& memory = module_.memories[0];
    const uint64_t most =
        (memory.limits.is_64 ? ic::limits::kHeapBytes64 : ic::limits::kHeapBytes32) / kPageSize;
    if (memory.limits.min <= most) return;
    violated(memory.range.begin,
             fmt::format("Wasm module declares a memory of at least {} pages, {} are allowed",
                         memory.limits.min, most),
             "the network refuses to install the module; its own words for this are not known");
  }

  // Whether the opcode of table.set, or the prefix of the other table instructions, stands anywhere
  // in a body: without it there is none of them.
  static bool has_table_bytes(ByteView code) {
    return std::memchr(code.data(), 0x26, code.size()) != nullptr ||
           std::memchr(code.data(), 0xfc, code.size()) != nullptr;
  }

  // Sizes and complexities are counted and reported by the index of the body.
  void code() {
    for (size_t i = module_.imported_functions; i < module_.functions.size(); ++i) {
      const Function& fn = module_.functions[i];
      // Every instruction is at least a byte and of a complexity of at most 50.
      const bool may_be_large = fn.code.size() * 50 > ic::limits::kFunctionComplexity;
      const bool may_write_tables =
          !module_.tables.empty() && has_table_bytes(module_.view(fn.code));
      if (may_be_large || may_write_tables) {
        one_body(fn, i - module_.imported_functions, may_be_large);
      }
    }
  }

  void one_body(const Function& fn, size_t index, bool may_be_large) {
    uint64_t size = 0;
    uint64_t complexity = 0;
    InstructionReader reader = module_.instructions(fn);
    Instruction in;
    while (!reader.at_end()) {
      // No instruction that can be peeked at changes a table.
      if (const PeekedInstruction peeked = reader.peek(); peeked.good) {
        ++size;
        complexity += info(peeked.op).complexity;
        reader.pass(peeked);
        continue;
      }
      if (!reader.next(in)) break;
      ++size;
      complexity += info(in.op).complexity;
      switch (in.op) {
        case Opcode::kTableSet:
        case Opcode::kTableGrow:
        case Opcode::kTableFill:
        case Opcode::kTableCopy:
        case Opcode::kTableInit:
          violated(in.offset, fmt::format("Wasm module contains a function at index {} with "
                                          "unsupported instruction {}.",
                                          index, info(in.op).text));
          return;
        default:
          break;
      }
    }
    if (!may_be_large) return;
    if (complexity > ic::limits::kFunctionComplexity) {
      violated(fn.entry.begin,
               fmt::format("Wasm module contains a function at index {} with complexity {} which "
                           "exceeds the maximum complexity allowed {}.",
                           index, complexity, ic::limits::kFunctionComplexity));
    }
    if (size > ic::limits::kFunctionInstructions) {
      violated(fn.entry.begin,
               fmt::format("Wasm module contains a function at index {} of size {} that exceeds "
                           "the maximum allowed size of {}.",
                           index, size, ic::limits::kFunctionInstructions));
    }
  }

  void function_names() {
    const Section* section = module_.custom("name");
    if (section == nullptr || section->payload.size() <= ic::limits::kFunctionNameBytes) return;
    const FunctionNames names(module_, FunctionNames::Style::kRaw);
    for (size_t i = module_.imported_functions; i < module_.functions.size(); ++i) {
      const std::string_view name = names.raw(FuncIdx{narrow<uint32_t>(i)});
      if (name.size() <= ic::limits::kFunctionNameBytes) continue;
      violated(section->range.begin,
               fmt::format("Wasm module contains a function at index {} with name '{}...' of size "
                           "{} bytes that exceeds the maximum allowed size of {} bytes.",
                           i - module_.imported_functions, printable(as_bytes(name.substr(0, 100))),
                           name.size(), ic::limits::kFunctionNameBytes));
    }
  }

  void custom_sections() {
    std::unordered_set<std::string_view> names;
    uint64_t total = 0;
    for (const Section& section : module_.sections) {
      if (section.id != SectionId::kCustom || !section.name.starts_with("icp:")) continue;
      const auto invalid = [&](std::string_view text) {
        violated(section.range.begin,
                 fmt::format("Wasm module has an invalid custom section. {}", text));
      };
      const std::string shown = printable(as_bytes(section.name));
      std::string_view name;
      if (section.name.starts_with("icp:public ")) {
        name = section.name.substr(11);
      } else if (section.name.starts_with("icp:private ")) {
        name = section.name.substr(12);
      } else if (section.name == "icp:public" || section.name == "icp:private") {
        invalid("'icp:' section names must have a space after the public/private scope");
        continue;
      } else {
        invalid(
            fmt::format("Invalid custom section: Custom section '{}' has no public/private "
                        "scope defined.",
                        shown));
        continue;
      }
      if (!names.insert(name).second) {
        invalid(fmt::format("Invalid custom section: name {} already exists",
                            printable(as_bytes(name))));
        continue;
      }
      total += section.payload.size() + name.size();
      if (total > ic::limits::kCustomSectionBytes) {
        invalid(
            fmt::format("Invalid custom sections: total size of the custom sections exceeds "
                        "the maximum allowed: size {} bytes, allowed {} bytes",
                        total, ic::limits::kCustomSectionBytes));
      }
      if (names.size() > ic::limits::kCustomSections) {
        violated(section.range.begin,
                 fmt::format("Wasm module defined {} custom sections which exceeds the maximum "
                             "number allowed {}.",
                             names.size(), ic::limits::kCustomSections));
      }
    }
  }

  void data_places() {
    for (const DataSegment& segment : module_.data) {
      const std::optional<uint64_t> address = constant_address(segment.offset);
      if (segment.mode != SegmentMode::kActive || !address) continue;
      const uint64_t pages = module_.memories[std::to_underlying(segment.memory)].limits.min;
      const auto size = checked_mul(pages, kPageSize);
      if (!size || in_bounds(*address, segment.bytes.size(), *size)) continue;
      violated(segment.range.begin,
               fmt::format("Wasm module has invalid data segment of {} bytes at {}",
                           segment.bytes.size(), *address),
               "the segment lies behind the declared minimum of the memory: the module cannot be "
               "prepared for execution");
    }
  }

  // The engine's limits on an instance.
  void tables() {
    for (RuleViolation& violation : late_) {
      violated(violation.offset, std::move(violation.text), violation.why);
    }
    constexpr std::string_view kWhy = "no instance of the module can be made";
    if (module_.tables.size() > 1) {
      violated(
          module_.tables[1].range.begin,
          fmt::format("resource limit exceeded: table count too high at {}", module_.tables.size()),
          kWhy);
    }
    for (const Table& table : module_.tables) {
      if (table.type.limits.min <= ic::limits::kTableElements) continue;
      violated(table.range.begin,
               fmt::format("table minimum size of {} elements exceeds table limits",
                           table.type.limits.min),
               kWhy);
    }
  }

  const Module& module_;
  std::vector<RuleViolation> out_;
  std::vector<RuleViolation> late_;
};

}  // namespace

std::vector<RuleViolation> check_network_rules(const Module& module) {
  return Checker(module).run();
}

}  // namespace canrec::wasm
