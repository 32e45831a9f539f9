// SPDX-License-Identifier: Apache-2.0
// What the repairs of a failing hook say of themselves.
#include "recover/autopsy_repairs.h"

#include "patch/apply.h"
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

// What an upgrade of the module to itself brings.
executor::InstallOutcome upgraded(ByteView module) {
  Subject subject = Subject::fresh({});
  executor::InstallRequest request;
  request.canister = subject.id();
  request.module = Bytes(module.begin(), module.end());
  const auto installed = subject.executor().install(request);
  EXPECT_TRUE(installed.has_value() && installed->ok());
  request.mode = executor::InstallMode::kUpgrade;
  auto outcome = subject.executor().install(request);
  EXPECT_TRUE(outcome.has_value());
  return outcome ? std::move(*outcome) : executor::InstallOutcome{};
}

std::vector<Repair> repairs(const wasm::LoadedModule& module, ByteView bytes) {
  const executor::InstallOutcome failed = upgraded(bytes);
  EXPECT_FALSE(failed.ok());
  return repairs_of(module, failed, "canister_pre_upgrade", 1 << 20);
}

// The costs of making $check return, after the upgrade of the module to itself has failed.
std::string costs_of_stub(std::string_view method) {
  const Bytes module = module_with(method);
  const auto loaded = wasm::load_module(module);
  if (!loaded) return "no module";
  for (const Repair& repair : repairs(*loaded, module)) {
    if (repair.stubs && repair.rest.find('0') != std::string::npos) return repair.costs;
  }
  return "no such repair";
}

// (func $hook (if (i32.const 1) (then BODY))), as compilers inline a check.
Bytes hook_with_check(const Bytes& body) {
  const Bytes code = wasm::concat({{0x41, 1, 0x04, 0x40}, body, {0x0b, 0x0b}});
  return wasm::concat(
      {wasm::module_header(),
       wasm::section(SectionId::kType, wasm::vec({{0x60, 0, 0}, {0x60, 2, 0x7f, 0x7f, 0}})),
       wasm::section(
           SectionId::kImport,
           wasm::vec({wasm::concat({wasm::name_bytes("ic0"), wasm::name_bytes("trap"), {0, 1}})})),
       wasm::section(SectionId::kFunction, wasm::vec({{0}})),
       wasm::section(SectionId::kMemory, wasm::vec({{0, 1}})),
       wasm::section(SectionId::kExport, wasm::vec({exported("canister_pre_upgrade", 1)})),
       wasm::section(SectionId::kCode, wasm::vec({wasm::body(Bytes{0}, code)}))});
}

TEST(AutopsyRepairs, SkipATrapInTheMiddleOfTheHook) {
  const Bytes call = {0x41, 0, 0x41, 0, 0x10, 0, 0x00};  // ic0.trap, unreachable
  for (const Bytes& body : {Bytes{0x00}, call}) {
    const Bytes module = hook_with_check(body);
    const auto loaded = wasm::load_module(module);
    ASSERT_TRUE(loaded.has_value());
    const std::vector<Repair> found = repairs(*loaded, module);
    ASSERT_EQ(found.size(), 1u);
    EXPECT_EQ(found[0].verb, "skip-trap");
    const auto patched = patch::apply(*loaded, found[0].plan);
    ASSERT_TRUE(patched.has_value()) << patched.error().message();
    EXPECT_TRUE(upgraded(patched->stored).ok());
  }
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
