// tool: engine
// SPDX-License-Identifier: Apache-2.0
// Runs exports of one module by a script on standard input, for comparisons with other engines:
//
//   engine_runner MODULE --instrument OUTPUT   writes the module with its charges made explicit, as
//                                              the network does, for engines that do not count
//   engine_runner MODULE [--fuel N] [--pages none|2025|2026]
//     NAME ARG...   calls an export (%20 = space); arguments and results are hex, low digits last
//     :fresh        makes a new state
//     :memory       prints the SHA-256 of memory, and its pages
//     :globals      prints all globals
//     :counter      prints the instructions executed since the state was made
//     :time N NAME ARG...   calls N times; prints the least processor time in nanoseconds
//                           and the instructions
//
// Each call prints "= RESULT..." or "! KIND offset". Imported functions print "> NAME ARG..." and
// return zeros.
#include <fmt/core.h>
#include <time.h>

#include <cstdio>
#include <fstream>
#include <iostream>
#include <sstream>

#include "base/hash.h"
#include "engine/engine.h"
#include "wasm/builder.h"
#include "wasm/load.h"
#include "wasm/validate.h"

namespace {

using namespace canrec;
using engine::Value;

std::string hex(wasm::ValType type, const Value& value) {
  if (type == wasm::ValType::kV128) return fmt::format("{:016x}{:016x}", value.hi, value.lo);
  if (type == wasm::ValType::kI32 || type == wasm::ValType::kF32) {
    return fmt::format("{:08x}", value.as_i32());
  }
  return fmt::format("{:016x}", value.lo);
}

Value from_hex(const std::string& text) {
  Value value;
  const size_t low = text.size() > 16 ? text.size() - 16 : 0;
  value.lo = std::stoull(text.substr(low), nullptr, 16);
  if (low > 0) value.hi = std::stoull(text.substr(0, low), nullptr, 16);
  return value;
}

// The module with system-api.md 5.2 carried out in its code: an exported global `canrec_counter`
// counts up. Written after the text, not after the translator, to be its judge.
class Instrumenter {
 public:
  explicit Instrumenter(const wasm::Module& module) : module_(module) {}

  Result<Bytes> run() {
    Bytes out = wasm::module_header();
    bool has_globals = false;
    for (const wasm::Section& section : module_.sections) {
      // The global section stands in front of the export section.
      if (section.id == wasm::SectionId::kExport && !has_globals) add_counter(out, {}, 0);
      if (section.id == wasm::SectionId::kGlobal) {
        has_globals = true;
        add_counter(out, entries(section), module_.globals.size());
      } else if (section.id == wasm::SectionId::kExport) {
        Bytes content = leb(module_.exports.size() + 1);
        append(content, entries(section));
        append(content, wasm::name_bytes("canrec_counter"));
        content.push_back(3);
        append(content, leb(module_.globals.size()));
        append(out, wasm::section(section.id, content));
      } else if (section.id == wasm::SectionId::kCode) {
        std::vector<Bytes> bodies;
        for (uint32_t i = module_.imported_functions; i < module_.functions.size(); ++i) {
          CANREC_TRY(Bytes body, instrument(wasm::FuncIdx{i}));
          bodies.push_back(std::move(body));
        }
        append(out, wasm::section(section.id, wasm::vec(bodies)));
      } else {
        append(out, module_.view(section.range));
      }
    }
    return out;
  }

 private:
  static Bytes leb(uint64_t value) {
    Bytes out;
    for (; value >= 0x80; value >>= 7) out.push_back(static_cast<uint8_t>(value | 0x80));
    out.push_back(static_cast<uint8_t>(value));
    return out;
  }
  static Bytes signed_leb(int64_t value) {
    Bytes out;
    for (; value < -64 || value > 63; value >>= 7) {
      out.push_back(static_cast<uint8_t>(value | 0x80));
    }
    out.push_back(static_cast<uint8_t>(value & 0x7f));
    return out;
  }
  // The content behind the count.
  ByteView entries(const wasm::Section& section) const {
    const ByteView content = module_.view(section.content);
    size_t at = 0;
    while (content[at] >= 0x80) ++at;
    return content.subspan(at + 1);
  }
  void add_counter(Bytes& out, ByteView before, uint64_t count) {
    Bytes content = leb(count + 1);
    append(content, before);
    append(content, Bytes{0x7e, 1, 0x42, 0, 0x0b});
    append(out, wasm::section(wasm::SectionId::kGlobal, content));
  }
  void charge(Bytes& code, const Bytes& amount) const {
    const Bytes global = leb(module_.globals.size());
    append(code, wasm::concat({{0x23}, global, amount, {0x7c, 0x24}, global}));
  }

  Result<Bytes> instrument(wasm::FuncIdx index) {
    using wasm::Opcode;
    const wasm::Function& function = module_.function(index);
    CANREC_TRY(const auto groups, wasm::read_locals(module_, function));
    uint64_t size_local = module_.type_of(index).params.size();
    Bytes locals = leb(groups.size() + 1);
    for (const wasm::LocalGroup& group : groups) {
      append(locals, leb(group.count));
      locals.push_back(static_cast<uint8_t>(group.type));
      size_local += group.count;
    }
    append(locals, Bytes{1, 0x7e});

    Bytes code;
    Bytes segment;
    int64_t cost = 1;
    const auto finish = [&] {
      if (cost > 0) charge(code, wasm::concat({{0x42}, signed_leb(cost)}));
      append(code, segment);
      segment.clear();
      cost = 0;
    };
    wasm::InstructionReader reader = module_.instructions(function);
    wasm::Instruction insn;
    while (!reader.at_end()) {
      CANREC_CHECK(reader.next(insn));
      const auto& info = wasm::info(insn.op);
      cost += module_.is_64() ? info.weight64 : info.weight32;
      const bool bulk = insn.op == Opcode::kMemoryFill || insn.op == Opcode::kMemoryCopy ||
                        insn.op == Opcode::kMemoryInit;
      if (bulk) {
        // The size waits in a local of 64 bits while it is charged; memory.init has a 32-bit one.
        const bool narrow = !module_.is_64() || insn.op == Opcode::kMemoryInit;
        const Bytes local = leb(size_local);
        if (narrow) segment.push_back(0xad);
        append(segment, wasm::concat({{0x21}, local}));
        charge(segment, wasm::concat({{0x20}, local}));
        append(segment, wasm::concat({{0x20}, local}));
        if (narrow) segment.push_back(0xa7);
      }
      append(segment, module_.view(insn.range()));
      switch (insn.op) {
        case Opcode::kLoop:
        case Opcode::kIf:
        case Opcode::kElse:
        case Opcode::kBr:
        case Opcode::kBrIf:
        case Opcode::kBrTable:
        case Opcode::kEnd:
        case Opcode::kReturn:
        case Opcode::kUnreachable:
        case Opcode::kReturnCall:
        case Opcode::kReturnCallIndirect:
          finish();
          break;
        default:
          break;
      }
    }
    return wasm::body(locals, code);
  }

  const wasm::Module& module_;
};

int instrument(const wasm::Module& module, const std::string& path) {
  const auto bytes = Instrumenter(module).run();
  if (!bytes) {
    fmt::print("! instrument {}\n", bytes.error().message());
    return 3;
  }
  std::ofstream out(path, std::ios::binary);
  out.write(reinterpret_cast<const char*>(bytes->data()),
            static_cast<std::streamsize>(bytes->size()));
  return out.good() ? 0 : 4;
}

struct Import {
  std::string name;
  const wasm::FuncType* type;
};

engine::HostStatus print_call(void* context, engine::HostCall& call) {
  const auto& import = *static_cast<const Import*>(context);
  std::string line = "> " + import.name;
  for (size_t i = 0; i < call.args.size(); ++i) {
    line += " " + hex(import.type->params[i], call.args[i]);
  }
  fmt::print("{}\n", line);
  return nullptr;
}

// Other processes do not count, which matters on a busy machine.
int64_t processor_ns() {
  timespec now{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

struct Session {
  const engine::CompiledModule& module;
  engine::InstanceConfig config;
  std::vector<engine::HostFunction> imports;
  std::optional<engine::Memory> memory;
  std::vector<Value> globals;
  std::optional<engine::Instance> instance;

  bool fresh() {
    instance.reset();
    auto made = engine::initial_memory(module);
    if (!made) return false;
    memory = std::move(*made);
    globals = engine::initial_globals(module);
    auto attached = engine::Instance::attach(module, &*memory, globals, imports, config);
    const auto applied = engine::apply_active_segments(module, *memory);
    if (!attached || !applied) {
      fmt::print("! instantiate {}\n",
                 attached ? applied.error().message() : attached.error().message());
      return false;
    }
    instance = std::move(*attached);
    if (module.module().start && !instance->call(*module.module().start, {}).ok()) {
      fmt::print("! start\n");
      return false;
    }
    return true;
  }

  void call(wasm::FuncIdx function, std::span<const Value> args) {
    const engine::Outcome outcome = instance->call(function, args);
    if (!outcome.ok()) {
      const uint64_t offset =
          outcome.trap->backtrace.empty() ? 0 : outcome.trap->backtrace[0].offset;
      fmt::print("! {} {:#x}\n", to_string(outcome.trap->kind), offset);
      return;
    }
    std::string line = "=";
    const wasm::FuncType& type = module.module().type_of(function);
    for (size_t i = 0; i < type.results.size(); ++i) {
      line += " " + hex(type.results[i], outcome.results[i]);
    }
    fmt::print("{}\n", line);
  }

  void time(int rounds, wasm::FuncIdx function, std::span<const Value> args) {
    int64_t best = INT64_MAX;
    int64_t instructions = 0;
    for (int i = 0; i < rounds; ++i) {
      instance->set_counter(config.instructions);
      const int64_t start = processor_ns();
      const engine::Outcome outcome = instance->call(function, args);
      const int64_t end = processor_ns();
      if (!outcome.ok()) {
        fmt::print("! {}\n", to_string(outcome.trap->kind));
        return;
      }
      best = std::min(best, end - start);
      instructions = config.instructions - instance->counter();
    }
    fmt::print("time {} {}\n", best, instructions);
  }

  void line(const std::string& text) {
    std::istringstream words(text);
    std::string name;
    words >> name;
    int rounds = 0;
    if (name == ":fresh") {
      fresh();
      return;
    }
    if (name == ":memory") {
      const ByteView bytes = *memory->peek(0, memory->size());
      fmt::print("memory {} {}\n", to_hex(sha256(bytes)), memory->pages());
      return;
    }
    if (name == ":globals") {
      for (size_t i = 0; i < globals.size(); ++i) {
        fmt::print("global {}\n", hex(module.module().globals[i].type.type, globals[i]));
      }
      return;
    }
    if (name == ":counter") {
      fmt::print("counter {}\n", config.instructions - instance->counter());
      return;
    }
    if (name == ":time") words >> rounds >> name;
    for (size_t at = 0; (at = name.find("%20")) != std::string::npos;) name.replace(at, 3, " ");
    const auto function = module.find_function(name);
    if (!function || !instance) {
      fmt::print("! no export {}\n", name);
      return;
    }
    std::vector<Value> args;
    for (std::string arg; words >> arg;) args.push_back(from_hex(arg));
    args.resize(module.module().type_of(*function).params.size());
    if (rounds > 0) {
      time(rounds, *function, args);
    } else {
      call(*function, args);
    }
  }
};

int run(int argc, char** argv) {
  if (argc < 2) {
    fmt::print(stderr, "usage: engine_runner MODULE [--fuel N] [--pages none|2025|2026]\n");
    return 2;
  }
  engine::InstanceConfig config;
  for (int i = 2; i + 1 < argc; i += 2) {
    const std::string_view flag = argv[i];
    const std::string value = argv[i + 1];
    if (flag == "--fuel") config.instructions = std::stoll(value);
    if (flag == "--pages" && value == "2025") config.page_model = engine::PageModel::k2025;
    if (flag == "--pages" && value == "2026") config.page_model = engine::PageModel::k2026;
  }
  const auto file = wasm::open_module(argv[1]);
  if (!file) {
    fmt::print("! load {}\n", file.error().message());
    return 3;
  }
  if (const auto valid = wasm::validate(file->module()); !valid) {
    fmt::print("! invalid {:#x} {}\n", valid.error().offset().value_or(0), valid.error().message());
    return 3;
  }
  if (argc > 3 && std::string_view(argv[2]) == "--instrument") {
    return instrument(file->module(), argv[3]);
  }
  const auto compiled = engine::CompiledModule::compile(file->module());
  if (!compiled) {
    fmt::print("! compile {}\n", compiled.error().message());
    return 3;
  }
  std::vector<Import> imports;
  for (const wasm::Import& import : file->module().imports) {
    imports.push_back(
        {std::string(import.name), &file->module().type_of(wasm::FuncIdx{import.index})});
  }
  Session session{.module = *compiled,
                  .config = config,
                  .imports = {},
                  .memory = {},
                  .globals = {},
                  .instance = {}};
  for (Import& import : imports) session.imports.push_back({print_call, &import});
  session.fresh();
  for (std::string text; std::getline(std::cin, text);) {
    if (!text.empty()) session.line(text);
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) { return run(argc, argv); }
