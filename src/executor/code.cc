// SPDX-License-Identifier: Apache-2.0
// Loading of modules for execution.
#include "executor/code.h"

#include <utility>

#include <fmt/core.h>

#include "executor/compile_cost.h"
#include "ic/system_api.h"
#include "wasm/validate.h"

namespace canrec::executor {
namespace {

constexpr std::string_view kKeptMemorySection = "enhanced-orthogonal-persistence";
constexpr std::string_view kMotokoHelper = "canister_update __motoko_async_helper";
constexpr std::string_view kMotokoCompiler = "motoko:compiler";

// Whether the module has the section under either visibility; the network does not tell them apart.
bool has_icp_section(const wasm::Module& module, std::string_view name) {
  return module.custom(fmt::format("icp:private {}", name)) != nullptr ||
         module.custom(fmt::format("icp:public {}", name)) != nullptr;
}

}  // namespace

Result<std::unique_ptr<Code>> Code::load(Bytes stored) {
  std::unique_ptr<Code> code(new Code());
  code->stored_ = std::move(stored);
  CANREC_TRY(code->loaded_, wasm::load_module(code->stored_));
  const wasm::Module& module = code->loaded_.module;
  CANREC_CHECK(wasm::validate(module));
  const auto violations = wasm::check_network_rules(module);
  if (!violations.empty()) {
    return fail(Errc::kWasmNetworkRule, violations[0].offset, violations[0].text);
  }
  for (const wasm::Import& import : module.imports) {
    const ic::SystemApiFunction* row = ic::find_system_api(import.name);
    if (import.kind != wasm::ExternKind::kFunc || row == nullptr) {
      return fail(Errc::kWasmNetworkRule, import.range.begin,
                  fmt::format("import {}.{} cannot be provided", import.module, import.name));
    }
    code->imports_.push_back(row->id);
  }
  CANREC_TRY(auto compiled, engine::CompiledModule::compile(module));
  code->compiled_.emplace(std::move(compiled));
  code->persisted_ = wasm::persisted_globals(module);
  CANREC_TRY(code->compile_instructions_, compile_cost(module));
  code->supports_kept_memory_ = has_icp_section(module, kKeptMemorySection);
  code->is_old_motoko_ =
      code->function(kMotokoHelper).has_value() && !has_icp_section(module, kMotokoCompiler);
  return code;
}

uint64_t Code::minimum_heap_bytes() const {
  return has_memory() ? module().memories[0].limits.min * wasm::kPageSize : 0;
}

std::optional<wasm::FuncIdx> Code::method(ic::MethodKind kind, std::string_view name) const {
  const ic::MethodPrefix& row = ic::kMethodPrefixes[static_cast<size_t>(kind)];
  return function(fmt::format("{}{}", row.prefix, name));
}

Result<const Code*> CodeLibrary::load(ByteView stored) {
  const Sha256 hash = sha256(stored);
  const auto found = all_.find(hash);
  if (found != all_.end()) return found->second.get();
  CANREC_TRY(auto code, Code::load(Bytes(stored.begin(), stored.end())));
  const Code* result = code.get();
  all_.emplace(hash, std::move(code));
  return result;
}

}  // namespace canrec::executor
