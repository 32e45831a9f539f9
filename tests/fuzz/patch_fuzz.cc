// fuzz: patch
// SPDX-License-Identifier: Apache-2.0
// Any plan on any module: the result is a valid module that differs only in the plan, or the plan
// is refused.
//
//   byte 0       which operation; 0..3 = the rest is "plan JSON \0 module", given to apply as it is
//   byte 1       which function or site
//   the rest     the module
#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include "patch/apply.h"
#include "patch/calls.h"
#include "patch/operations.h"
#include "patch/wat_window.h"
#include "wasm/validate.h"

namespace {

using namespace canrec;

constexpr uint8_t kOperations = 16;

[[noreturn]] void wrong(const char* what) {
  std::fprintf(stderr, "%s\n", what);
  std::abort();
}

// Without the proof's help: what no patch may touch has the same bytes, and so has every body that
// the plan does not name, when no function moved.
void check_bytes(const wasm::Module& old, const patch::Plan& plan, const wasm::Module& now) {
  using wasm::SectionId;
  for (const SectionId id :
       {SectionId::kTable, SectionId::kMemory, SectionId::kData, SectionId::kDataCount}) {
    const wasm::Section* a = old.section(id);
    const wasm::Section* b = now.section(id);
    if ((a == nullptr) != (b == nullptr)) wrong("a section came or went");
    if (a != nullptr && !std::ranges::equal(old.view(a->content), now.view(b->content))) {
      wrong("storage changed");
    }
  }
  if (now.functions.size() < old.functions.size() + plan.added_imports) wrong("functions went");
  if (plan.added_imports > 0) return;
  for (size_t i = old.imported_functions; i < old.functions.size(); ++i) {
    const wasm::ByteRange body = old.functions[i].body;
    const bool planned = std::ranges::any_of(plan.changes, [&](const patch::Change& change) {
      return change.range.begin <= body.end && change.range.end >= body.begin;
    });
    if (!planned && !std::ranges::equal(old.view(body), now.view(now.functions[i].body))) {
      wrong("a body changed that the plan does not name");
    }
  }
}

void check(const wasm::LoadedModule& input, const patch::Plan& plan) {
  const auto again = patch::plan_from_json(patch::to_json(plan));
  // Names that are not UTF-8 are shown as U+FFFD; everything else survives.
  if (!again || again->changes.size() != plan.changes.size()) wrong("a plan lost something");
  const auto result = patch::apply(input, plan);
  if (!result) return;
  const auto module = wasm::load_module(result->stored);
  if (!module || !wasm::validate(module->module)) wrong("an invalid module came out");
  if (plan.changes.empty() && plan.added_imports == 0 &&
      !std::ranges::equal(module->module.bytes, input.module.bytes)) {
    wrong("an empty plan changed the module");
  }
  check_bytes(input.module, plan, module->module);
}

Result<patch::Plan> make(const wasm::LoadedModule& input, uint8_t operation, uint8_t which) {
  const std::string function = "#" + std::to_string(which);
  patch::Insertion insertion;
  insertion.call = "in_replicated_execution()";
  switch (operation % kOperations) {
    case 4:
      return patch::stub(input, function, {});
    case 5:
      insertion.where = patch::Where::kAtEntry;
      return patch::insert_call(input, function, insertion);
    case 6:
      return patch::grow_before_write(input, {std::nullopt, function});
    case 7:
      return patch::retarget(input, {});
    case 8:
      return patch::drop_hook(input, "canister_pre_upgrade");
    case 9:
      return patch::prepare_route_k(input, {(which & 1) != 0, {}, {}});
    case 10: {
      CANREC_TRY(const auto calls, patch::list_calls(input.module, ""));
      if (calls.sites.empty()) return fail(Errc::kPatchSite, "no site");
      const auto& site = calls.sites[which % calls.sites.size()];
      const std::string place = "@" + std::to_string(site.site.instruction.offset);
      if ((which & 1) != 0) return patch::insert_call(input, place, insertion);
      const std::vector<std::string> results(site.api != nullptr ? site.api->results.size() : 0,
                                             "0");
      return patch::remove_call(input, place, results);
    }
    case 12:
      insertion.call = which % 2 == 0 ? "stable64_grow(arg0)" : "stable64_write(arg0, arg1, arg2)";
      insertion.where = patch::Where::kAtEntry;
      if (which % 2 == 0) insertion.trap_if = "-1";
      return patch::insert_call(input, function, insertion);
    case 13:
      return patch::retarget(input, {function, std::nullopt});
    case 14:
      return patch::set_section(
          input, "icp:public x",
          input.module.bytes.first(std::min<size_t>(which, input.module.bytes.size())));
    case 15:
      return patch::remove_section(input, "name");
    default: {
      CANREC_TRY(const wasm::FuncIdx fn, patch::Places(input.module).defined(function));
      CANREC_CHECK(wasm::validate(input.module));
      CANREC_TRY(const std::string text, patch::function_to_wat(input, fn));
      return patch::edit_function(input, fn, text);
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2) return 0;
  const uint8_t operation = data[0];
  ByteView rest(data + 2, size - 2);
  if (operation % kOperations < 4) {
    const std::string_view text = as_text(rest);
    const size_t end = text.find('\0');
    if (end == std::string_view::npos) return 0;
    auto plan = patch::plan_from_json(text.substr(0, end));
    const auto input = wasm::load_module(rest.subspan(end + 1));
    if (!plan || !input) return 0;
    // The hash is not what is tried here.
    plan->input = input->hash;
    check(*input, *plan);
    return 0;
  }
  const auto input = wasm::load_module(rest);
  if (!input) return 0;
  const auto plan = make(*input, operation, data[1]);
  if (plan) check(*input, *plan);
  return 0;
}
