// SPDX-License-Identifier: Apache-2.0
// What the repairs of a failing hook say of themselves.
#include "recover/autopsy_repairs.h"

#include "support.h"

namespace canrec::recover::test {
namespace {

using wasm::SectionId;

Bytes exported(std::string_view name, uint8_t function) {
  Bytes out = {static_cast<uint8_t>(name.size())};
  out.insert(out.end(), name.begin(), name.end());
  return wasm::concat({out, {0, function}});
}

// (func $check unreachable) (func $hook call $check) (func $method call $check), both exported.
Bytes module_with(std::string_view method) {
  const Bytes no_locals = {0};
  const Bytes trap = {0x00, 0x0b};
  const Bytes call = {0x10, 0, 0x0b};
  return wasm::concat(
      {wasm::module_header(), wasm::section(SectionId::kType, wasm::vec({{0x60, 0, 0}})),
       wasm::section(SectionId::kFunction, wasm::vec({{0}, {0}, {0}})),
       wasm::section(SectionId::kMemory, wasm::vec({{0, 1}})),
       wasm::section(SectionId::kExport,
                     wasm::vec({exported("canister_pre_upgrade", 1), exported(method, 2)})),
       wasm::section(SectionId::kCode,
                     wasm::vec({wasm::body(no_locals, trap), wasm::body(no_locals, call),
                                wasm::body(no_locals, call)}))});
}

// The costs of making $check return, after the upgrade of the module to itself has failed.
std::string costs_of_stub(std::string_view method) {
  const Bytes module = module_with(method);
  Subject subject = Subject::fresh({});
  executor::InstallRequest request;
  request.canister = subject.id();
  request.module = module;
  const auto installed = subject.executor().install(request);
  EXPECT_TRUE(installed.has_value() && installed->ok());
  request.mode = executor::InstallMode::kUpgrade;
  const auto failed = subject.executor().install(request);
  EXPECT_TRUE(failed.has_value() && !failed->ok());
  const auto loaded = wasm::load_module(module);
  if (!failed || !loaded) return "no module, no failure";
  for (const Repair& repair : repairs_of(*loaded, *failed, "canister_pre_upgrade", 1 << 20)) {
    if (repair.stubs && repair.rest.find('0') != std::string::npos) return repair.costs;
  }
  return "no such repair";
}

TEST(AutopsyRepairs, SayWhichMethodsLoseACheckThatIsTakenFromTheHook) {
  const std::string costs = costs_of_stub("canister_update pay");
  EXPECT_NE(costs.find("; it is called from canister_update pay too: "), std::string::npos)
      << costs;
}

TEST(AutopsyRepairs, SayNothingOfMethodsThatNobodyCalls) {
  const std::string costs = costs_of_stub("canister_update __motoko_stabilize_before_upgrade");
  EXPECT_NE(costs.find("left out"), std::string::npos) << costs;
  EXPECT_EQ(costs.find("called from"), std::string::npos) << costs;
}

}  // namespace
}  // namespace canrec::recover::test
