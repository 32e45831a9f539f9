// SPDX-License-Identifier: Apache-2.0
// grow-before-write and retarget: patches of stable memory calls.
//
// What the 32- and the 64-bit functions do exactly stands in the specification and, step by step,
// in docs/design/patch.md.
#include <fmt/core.h>

#include <algorithm>

#include "base/checked.h"
#include "patch/draft.h"
#include "patch/operations.h"
#include "patch/reach.h"

namespace canrec::patch {
namespace {

using ic::SystemApi;
using wasm::FuncIdx;
using wasm::Module;
using wasm::Opcode;
using wasm::ValType;

struct ApiSite {
  Site site;
  SystemApi api;
};

// The calls of some System API functions in a set of functions, reachable ones only: code that is
// never reached needs no patch.
Result<std::vector<ApiSite>> calls_in(const Module& module, const ScopeFunctions& reach,
                                      std::span<const SystemApi> wanted) {
  std::vector<ApiSite> found;
  for (const FuncIdx fn : reach.functions) {
    CANREC_CHECK(walk(module, fn, [&](const Site& site) {
      if (!site.reachable || !is_import_call(module, site.instruction)) return;
      const wasm::Import& import =
          module.imports[*module.functions[site.instruction.index()].import];
      if (import.module != ic::kSystemApiModule) return;
      const ic::SystemApiFunction* function = ic::find_system_api(import.name);
      if (function != nullptr && std::ranges::find(wanted, function->id) != wanted.end()) {
        found.push_back({site, function->id});
      }
    }));
  }
  return found;
}

std::string scope_text(const Scope& scope) {
  if (scope.function) return *scope.function;
  return scope.from ? fmt::format("--from {}", *scope.from) : "everywhere";
}

void note_tables(Draft& draft, const ScopeFunctions& reach) {
  if (reach.through_tables == 0) return;
  draft.note(
      fmt::format("{} of the {} functions looked at are reached only if an indirect call "
                  "picks them",
                  reach.through_tables, reach.functions.size()));
}

// (offset, source, length) -> (): grows to offset + length when needed, then writes.
//
//   local 3 (i64)  offset + length
//   local 4 (i64)  pages that this needs, rounded up
//
// A growth that fails is not tested: the write then traps with the network's own words.
Bytes growing_writer(const Draft& draft, bool wide) {
  const Opcode get = Opcode::kLocalGet;
  const auto widened = [&](Code& code, uint32_t local) -> Code& {
    code.op(get, local);
    return wide ? code : code.op(Opcode::kI64ExtendI32U);
  };
  Code code;
  code.raw(Bytes{0x01, 0x02, std::to_underlying(ValType::kI64)});
  widened(code, 0);
  widened(code, 2).op(Opcode::kI64Add).op(Opcode::kLocalSet, 3);
  // pages = (end >> 16) + ((end & 0xffff) != 0), which cannot overflow
  code.op(get, 3).i64(16).op(Opcode::kI64ShrU);
  code.op(get, 3).i64(0xffff).op(Opcode::kI64And).i64(0).op(Opcode::kI64Ne);
  code.op(Opcode::kI64ExtendI32U).op(Opcode::kI64Add).op(Opcode::kLocalSet, 4);
  // A sum that wrapped is left to the write, which traps; so is a 64-bit write of nothing.
  code.op(get, 3);
  widened(code, 0).op(Opcode::kI64GeU);
  if (wide) code.op(get, 2).i64(0).op(Opcode::kI64Ne).op(Opcode::kI32And);
  code.if_();
  const SystemApi size = wide ? SystemApi::kStable64Size : SystemApi::kStableSize;
  const SystemApi grow = wide ? SystemApi::kStable64Grow : SystemApi::kStableGrow;
  const auto pages_now = [&]() {
    code.op(Opcode::kCall, draft.system_api(size));
    if (!wide) code.op(Opcode::kI64ExtendI32U);
  };
  code.op(get, 4);
  pages_now();
  code.op(Opcode::kI64GtU).if_();
  code.op(get, 4);
  pages_now();
  code.op(Opcode::kI64Sub);
  if (!wide) code.op(Opcode::kI32WrapI64);
  code.op(Opcode::kCall, draft.system_api(grow)).op(Opcode::kDrop).end().end();
  code.op(get, 0).op(get, 1).op(get, 2);
  code.op(Opcode::kCall,
          draft.system_api(wide ? SystemApi::kStable64Write : SystemApi::kStableWrite));
  return code.end().bytes();
}

// The index of a call is all that changes.
void redirect(Draft& draft, const Site& site, uint32_t target, std::string reason) {
  draft.in_body(site.instruction.range(), Code().op(site.instruction.op, target).bytes(),
                std::move(reason));
}

// Retargets one function: conversions around each call, two i64 locals for the operands below the
// top of the stack.
class Retargeter {
 public:
  explicit Retargeter(Draft& draft) : draft_(draft) {}

  Status one(const ApiSite& call) {
    Code code;
    if (call.api == SystemApi::kStableSize) {
      code.op(Opcode::kCall, draft_.system_api(SystemApi::kStable64Size));
      code.op(Opcode::kI32WrapI64);
    } else if (call.api == SystemApi::kStableGrow) {
      code.op(Opcode::kI64ExtendI32U);
      code.op(Opcode::kCall, draft_.system_api(SystemApi::kStable64Grow));
      code.op(Opcode::kI32WrapI64);
    } else {
      CANREC_TRY(const uint32_t local, locals_of(call.site.function));
      code.op(Opcode::kI64ExtendI32U).op(Opcode::kLocalSet, local + 1);
      code.op(Opcode::kI64ExtendI32U).op(Opcode::kLocalSet, local);
      code.op(Opcode::kI64ExtendI32U);
      code.op(Opcode::kLocalGet, local).op(Opcode::kLocalGet, local + 1);
      code.op(Opcode::kCall,
              draft_.system_api(call.api == SystemApi::kStableRead ? SystemApi::kStable64Read
                                                                   : SystemApi::kStable64Write));
    }
    if (call.site.instruction.op == Opcode::kReturnCall) code.op(Opcode::kReturn);
    draft_.in_body(call.site.instruction.range(), code.bytes(),
                   fmt::format("ic0.{} becomes its stable64 form", ic::info(call.api).name));
    return Ok{};
  }

 private:
  Result<uint32_t> locals_of(FuncIdx function) {
    if (function_ != function) {
      const std::array types = {ValType::kI64, ValType::kI64};
      CANREC_TRY(local_, draft_.add_locals(draft_.module().function(function), types,
                                           "locals for the conversions"));
      function_ = function;
    }
    return local_;
  }

  Draft& draft_;
  std::optional<FuncIdx> function_;
  uint32_t local_ = 0;
};

// "0x000007c6 stable_write, 0x000007d7 stable_write and 3 more".
std::string listed(std::span<const ApiSite* const> sites) {
  constexpr size_t kShown = 8;
  std::string text;
  for (size_t i = 0; i < std::min(sites.size(), kShown); ++i) {
    text += fmt::format("{}0x{:08x} {}", i == 0 ? "" : ", ", sites[i]->site.instruction.offset,
                        ic::info(sites[i]->api).name);
  }
  if (sites.size() > kShown) text += fmt::format(" and {} more", sites.size() - kShown);
  return text;
}

// What a retargeted call still cannot do, function by function: the code around it computes offsets
// and sizes as it did, in 32 bits.
void note_32_bit_offsets(Draft& draft, const Places& places, std::span<const ApiSite> sites) {
  constexpr size_t kFunctions = 12;
  size_t functions = 0;
  size_t left_out = 0;
  for (auto begin = sites.begin(); begin != sites.end();) {
    const FuncIdx fn = begin->site.function;
    const auto end = std::find_if(begin, sites.end(),
                                  [&](const ApiSite& site) { return site.site.function != fn; });
    std::vector<const ApiSite*> accesses;
    std::vector<const ApiSite*> sizes;
    for (; begin != end; ++begin) {
      const bool access =
          begin->api == SystemApi::kStableRead || begin->api == SystemApi::kStableWrite;
      (access ? accesses : sizes).push_back(&*begin);
    }
    if (++functions > kFunctions) {
      left_out += accesses.size() + sizes.size();
      continue;
    }
    const std::string name =
        fmt::format("function {} ({})", std::to_underlying(fn), places.names().of(fn));
    if (!accesses.empty()) {
      draft.note(fmt::format(
          "{}: the offset of {} is computed as 32 bits, so {} can begin below 4 GiB (2^32) only: "
          "{}",
          name, accesses.size() == 1 ? "1 access" : fmt::format("{} accesses", accesses.size()),
          accesses.size() == 1 ? "it" : "they", listed(accesses)));
    }
    if (!sizes.empty()) {
      draft.note(fmt::format(
          "{}: sizes stay 32-bit numbers of pages, which every stable memory fits; code that turns "
          "one into bytes in 32 bits wraps from 65,536 pages (4 GiB) on: {}",
          name, listed(sizes)));
    }
  }
  if (left_out > 0) {
    draft.note(fmt::format("the same holds for {} calls in {} more functions", left_out,
                           functions - kFunctions));
  }
}

// Calls outside the scope.
Status note_left_alone(Draft& draft, size_t changed, std::span<const SystemApi> apis) {
  ScopeFunctions all;
  const Module& module = draft.module();
  for (uint32_t i = module.imported_functions; i < module.functions.size(); ++i) {
    all.functions.push_back(FuncIdx{i});
  }
  CANREC_TRY(const auto everywhere, calls_in(module, all, apis));
  const size_t left = everywhere.size() - changed;
  if (left > 0) {
    draft.note(
        fmt::format("{} call{} of the 32-bit stable API outside the scope {} left as {}: {} "
                    "once stable memory is larger than 4 GiB",
                    left, left == 1 ? "" : "s", left == 1 ? "is" : "are",
                    left == 1 ? "it is" : "they are", left == 1 ? "it traps" : "they trap"));
  }
  return Ok{};
}

// Sites of an import that no direct call shows.
void note_indirect(Draft& draft, std::span<const SystemApi> apis) {
  const Module& module = draft.module();
  for (const wasm::ElementSegment& segment : module.elements) {
    for (const wasm::ElementItem& item : wasm::read_items(module, segment)) {
      if (!item.function || !module.function(*item.function).is_import()) continue;
      const auto& import = module.imports[*module.function(*item.function).import];
      const ic::SystemApiFunction* api = ic::find_system_api(import.name);
      if (api == nullptr || std::ranges::find(apis, api->id) == apis.end()) continue;
      draft.note(fmt::format("ic0.{} also stands in a table; indirect calls of it are not changed",
                             import.name));
    }
  }
}

}  // namespace

Result<Plan> grow_before_write(const wasm::LoadedModule& input, const Scope& scope) {
  const Module& module = input.module;
  const Places places(module);
  CANREC_TRY(const ScopeFunctions reach, in_scope(places, scope));
  const std::array writes = {SystemApi::kStableWrite, SystemApi::kStable64Write};
  CANREC_TRY(const auto sites, calls_in(module, reach, writes));
  if (sites.empty()) {
    return fail(Errc::kPatchSite, fmt::format("no stable write in the {} functions of scope {}",
                                              reach.functions.size(), scope_text(scope)));
  }
  const auto any = [&](SystemApi api) {
    return std::ranges::any_of(sites, [&](const ApiSite& site) { return site.api == api; });
  };
  std::vector<SystemApi> needed;
  if (any(SystemApi::kStableWrite)) {
    needed = {SystemApi::kStableSize, SystemApi::kStableGrow, SystemApi::kStableWrite};
  }
  if (any(SystemApi::kStable64Write)) {
    needed.insert(needed.end(),
                  {SystemApi::kStable64Size, SystemApi::kStable64Grow, SystemApi::kStable64Write});
  }
  CANREC_TRY(Draft draft, Draft::begin(module, needed));
  std::array<std::optional<uint32_t>, 2> helpers;
  for (const ApiSite& site : sites) {
    const bool wide = site.api == SystemApi::kStable64Write;
    std::optional<uint32_t>& helper = helpers[wide ? 1 : 0];
    const std::string_view name = ic::info(site.api).name;
    if (!helper) {
      helper = draft.add_function(
          signature(ic::info(site.api), module.is_64()), growing_writer(draft, wide),
          fmt::format("canrec_growing_{}", name),
          fmt::format("function that grows stable memory to offset + length, then calls ic0.{}",
                      name));
    }
    redirect(draft, site.site, *helper, fmt::format("grow before ic0.{}", name));
  }
  note_tables(draft, reach);
  note_indirect(draft, writes);
  return std::move(draft).finish(input, fmt::format("grow-before-write {}", scope_text(scope)));
}

Result<Plan> retarget(const wasm::LoadedModule& input, const Scope& scope) {
  const Module& module = input.module;
  const Places places(module);
  CANREC_TRY(const ScopeFunctions reach, in_scope(places, scope));
  const std::array narrow_calls = {SystemApi::kStableSize, SystemApi::kStableGrow,
                                   SystemApi::kStableRead, SystemApi::kStableWrite};
  CANREC_TRY(const auto sites, calls_in(module, reach, narrow_calls));
  if (sites.empty()) {
    return fail(Errc::kPatchSite,
                fmt::format("no call of the 32-bit stable API in the {} functions of scope {}",
                            reach.functions.size(), scope_text(scope)));
  }
  std::vector<SystemApi> needed;
  for (const ApiSite& site : sites) {
    needed.push_back(site.api == SystemApi::kStableSize   ? SystemApi::kStable64Size
                     : site.api == SystemApi::kStableGrow ? SystemApi::kStable64Grow
                     : site.api == SystemApi::kStableRead ? SystemApi::kStable64Read
                                                          : SystemApi::kStable64Write);
  }
  CANREC_TRY(Draft draft, Draft::begin(module, needed));
  Retargeter retargeter(draft);
  for (const ApiSite& site : sites) CANREC_CHECK(retargeter.one(site));
  note_32_bit_offsets(draft, places, sites);
  CANREC_CHECK(note_left_alone(draft, sites.size(), narrow_calls));
  note_tables(draft, reach);
  note_indirect(draft, narrow_calls);
  return std::move(draft).finish(input, fmt::format("retarget {}", scope_text(scope)));
}

}  // namespace canrec::patch
