// tool: engine
// SPDX-License-Identifier: Apache-2.0
// Runs exports of one module by a script on standard input, for comparisons with other engines:
//
//   engine_runner MODULE [--fuel N] [--pages none|2025|2026]
//     NAME ARG...   calls an export; arguments and results are hex, low digits last
//     :fresh        makes a new state
//     :memory       prints the SHA-256 of memory, and its pages
//     :globals      prints all globals
//     :time N NAME ARG...   calls N times; prints the least nanoseconds and the instructions
//
// Each call prints "= RESULT..." or "! KIND offset". Imported functions print "> NAME ARG..." and
// return zeros.
#include <fmt/core.h>

#include <chrono>
#include <cstdio>
#include <iostream>
#include <sstream>

#include "base/hash.h"
#include "engine/engine.h"
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
    if (module.module().start) call(*module.module().start, {});
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
      const auto start = std::chrono::steady_clock::now();
      const engine::Outcome outcome = instance->call(function, args);
      const auto end = std::chrono::steady_clock::now();
      if (!outcome.ok()) {
        fmt::print("! {}\n", to_string(outcome.trap->kind));
        return;
      }
      best = std::min<int64_t>(
          best, std::chrono::duration_cast<std::chrono::nanoseconds>(end - start).count());
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
    if (name == ":time") words >> rounds >> name;
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
