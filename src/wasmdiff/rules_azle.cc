// SPDX-License-Identifier: Apache-2.0
// Rule 42 of the decision table: Azle canisters, whose program is a script in the heap.
//
// The script lies in a passive data segment. Installing and canister_post_upgrade copy it into the
// heap and run it there; a method is a function that calls Azle's dispatcher with the method's
// number in the script:
//
//   (func (export "canister_query get") (call $execute_method_js (i32.const 2)))
//
// So a module that is put over an old heap calls, by the numbers of its own script, functions of
// the script that the heap has.
//
// Source: https://github.com/demergent-labs/azle (src/stable/build/commands/build/wasm_binary/
//         manipulate.ts, rust/stable_canister_template/src/execute_method_js.rs)
#include <fmt/core.h>

#include <algorithm>
#include <map>

#include "wasmdiff/subject.h"

namespace canrec::wasmdiff {
namespace {

constexpr std::string_view kDispatcher = "execute_method_js";
constexpr std::string_view kPostUpgrade = "canister_post_upgrade";
constexpr uint64_t kLongestMethod = 64;
constexpr size_t kMostLines = 8;

using MethodNumbers = std::map<std::string, int32_t>;

// A function that passes one value to another function and does nothing else, but for calls behind
// it that take nothing (wasm-ld's wrappers of exports end with __wasm_call_dtors).
struct PassesOn {
  wasm::Opcode value;  // i32.const or local.get
  int32_t operand;
  uint32_t callee;
};
std::optional<PassesOn> passes_on(const wasm::Module& module, uint32_t function) {
  const wasm::Function& fn = module.functions[function];
  if (fn.is_import() || fn.code.size() > kLongestMethod) return std::nullopt;
  std::optional<PassesOn> found;
  bool called = false;
  wasm::InstructionReader reader = module.instructions(fn);
  wasm::Instruction at;
  while (!reader.at_end()) {
    if (!reader.next(at)) return std::nullopt;
    const bool is_value = at.op == wasm::Opcode::kI32Const || at.op == wasm::Opcode::kLocalGet;
    if (is_value && !found) {
      found = {at.op, static_cast<int32_t>(at.index()), 0};
    } else if (at.op == wasm::Opcode::kCall && found) {
      if (!called) found->callee = static_cast<uint32_t>(at.index());
      called = true;
    } else if (at.op != wasm::Opcode::kBlock && at.op != wasm::Opcode::kEnd) {
      return std::nullopt;
    }
  }
  return called ? found : std::nullopt;
}

// Which function runs a method: the one that is exported for it, or what that one only passes on
// to.
uint32_t dispatcher_of(const wasm::Module& module, uint32_t exported) {
  const auto through = passes_on(module, exported);
  return through && through->value == wasm::Opcode::kLocalGet ? through->callee : exported;
}

MethodNumbers method_numbers(const wasm::Module& module) {
  MethodNumbers out;
  const wasm::Export* exported = module.find_export(kDispatcher);
  if (exported == nullptr || exported->kind != wasm::ExternKind::kFunc) return out;
  const uint32_t dispatcher = dispatcher_of(module, exported->index);
  for (const EntryPoint& entry : entry_points(module)) {
    const auto call = passes_on(module, entry.fn);
    if (!call || call->value != wasm::Opcode::kI32Const) continue;
    if (dispatcher_of(module, call->callee) == dispatcher) out.emplace(entry.name, call->operand);
  }
  return out;
}

std::string_view name_of(const MethodNumbers& numbers, int32_t number) {
  const auto found = std::ranges::find(numbers, number, &MethodNumbers::value_type::second);
  return found == numbers.end() ? "nothing" : std::string_view(found->first);
}

// Methods of the new module whose numbers mean something else in the old script.
std::vector<std::string> misdirected(const MethodNumbers& old_numbers,
                                     const MethodNumbers& new_numbers) {
  std::vector<std::string> lines;
  for (const auto& [name, number] : new_numbers) {
    const auto old = old_numbers.find(name);
    if (old != old_numbers.end() && old->second == number) continue;
    lines.push_back(fmt::format("\"{}\" calls number {}; in the heap's script that is {}", name,
                                number, name_of(old_numbers, number)));
  }
  if (lines.size() > kMostLines) {
    const size_t more = lines.size() - kMostLines;
    lines.resize(kMostLines);
    lines.push_back(fmt::format("and {} more", more));
  }
  return lines;
}

// By route K canister_post_upgrade loads the new script, where the module has that hook.
Weights weights_of(const Subject& subject, Severity severity) {
  const bool reloads = subject.module(kNew).find_export(kPostUpgrade) != nullptr;
  return {severity, reloads ? Severity::kReview : severity};
}

bool same_scripts(const Subject& subject) {
  Both<std::vector<ByteView>> scripts;
  for (const Which w : {kOld, kNew}) {
    const auto& data = subject.module(w).data;
    for (size_t i = 0; i < data.size(); ++i) {
      const bool used = subject.scans[w].segment_used[i];
      if (data[i].mode != wasm::SegmentMode::kPassive || !used) continue;
      scripts[w].push_back(subject.module(w).view(data[i].bytes));
    }
  }
  return std::ranges::equal(scripts[kOld], scripts[kNew],
                            [](ByteView a, ByteView b) { return std::ranges::equal(a, b); });
}

}  // namespace

void azle_script_rules(const Subject& subject, std::vector<Finding>& out) {
  const MethodNumbers old_numbers = method_numbers(subject.module(kOld));
  const MethodNumbers new_numbers = method_numbers(subject.module(kNew));
  if (old_numbers.empty() || new_numbers.empty() || same_scripts(subject)) return;
  Finding finding{
      .code = "script.old",
      .area = "segment",
      .rows = "42",
      .weights = weights_of(subject, Severity::kReview),
      .what = "the new module's JavaScript does not run: the old one in the heap does",
      .evidence = {},
      .why =
          "Azle loads its script when the canister is installed or upgraded, and route S does "
          "neither: what was mended in the script stays as it was, a preUpgrade that throws "
          "throws again",
      .next =
          "try an upgrade that starts the heap anew, which loads the new script and leaves every "
          "StableBTreeMap as it is: canrec rehearse DIR 'upgrade NEW --skip-pre-upgrade'",
      .place = {}};
  std::vector<std::string> lines = misdirected(old_numbers, new_numbers);
  if (!lines.empty()) {
    finding.code = "script.methods";
    finding.weights = weights_of(subject, Severity::kUnsafe);
    finding.what =
        "methods of the new module would run other functions of the JavaScript in the heap";
    finding.evidence = std::move(lines);
    finding.why =
        "Azle calls a method by its number in the script, and the script in the heap stays "
        "the old one: a query may run what an update or a hook was to run";
  }
  out.push_back(std::move(finding));
}

}  // namespace canrec::wasmdiff
