// fuzz: engine
// SPDX-License-Identifier: Apache-2.0
// Any bytes that validate run without harm: every exported function is called twice, with a small
// budget and a small stack, and the second run after roll-back behaves as the first.
#include <cstdlib>

#include "engine/engine.h"
#include "wasm/validate.h"

namespace canrec::engine {
namespace {

HostStatus answer_zeros(void*, HostCall&) { return nullptr; }

struct Seen {
  std::vector<Outcome> outcomes;
  int64_t counter = 0;
};

Seen run_all(const CompiledModule& module, Memory& memory,
             const std::vector<HostFunction>& imports) {
  Seen seen;
  std::vector<Value> globals = initial_globals(module);
  InstanceConfig config;
  config.instructions = 20'000;
  config.stack_bytes = 32 * 1024;
  config.call_depth = 100;
  config.page_model = PageModel::k2026;
  auto instance = Instance::attach(module, &memory, globals, imports, config);
  if (!instance) return seen;
  for (const wasm::Export& entry : module.module().exports) {
    if (entry.kind != wasm::ExternKind::kFunc) continue;
    const wasm::FuncIdx function{entry.index};
    const std::vector<Value> args(module.module().type_of(function).params.size());
    instance->set_counter(config.instructions);
    seen.outcomes.push_back(instance->call(function, args));
    seen.counter += instance->counter();
  }
  return seen;
}

bool equal(const Seen& a, const Seen& b) {
  if (a.outcomes.size() != b.outcomes.size() || a.counter != b.counter) return false;
  for (size_t i = 0; i < a.outcomes.size(); ++i) {
    const Outcome& x = a.outcomes[i];
    const Outcome& y = b.outcomes[i];
    if (x.ok() != y.ok() || x.results != y.results) return false;
    if (!x.ok() && (x.trap->kind != y.trap->kind || x.trap->backtrace != y.trap->backtrace)) {
      return false;
    }
  }
  return true;
}

void check(ByteView bytes) {
  const auto module = wasm::read_module(bytes);
  if (!module || !wasm::validate(*module)) return;
  const auto compiled = CompiledModule::compile(*module);
  if (!compiled || compiled->max_pages() < 1) return;
  auto memory = Memory::zeros(std::min<uint64_t>(module->memories[0].limits.min, 16), 32);
  if (!memory) std::abort();
  static_cast<void>(apply_active_segments(*compiled, *memory));
  memory->commit();
  const std::vector<HostFunction> imports(module->imported_functions,
                                          HostFunction{answer_zeros, nullptr});
  const Seen first = run_all(*compiled, *memory, imports);
  memory->rollback();
  const Seen second = run_all(*compiled, *memory, imports);
  if (!equal(first, second)) std::abort();
}

}  // namespace
}  // namespace canrec::engine

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  canrec::engine::check({data, size});
  return 0;
}
