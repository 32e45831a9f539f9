// SPDX-License-Identifier: Apache-2.0
#include "modules.h"
#include "patch/operations.h"
#include "wasm/persisted.h"
#include "wasm/validate.h"

namespace canrec::patch {
namespace {

Errc code_of_failure(const Result<Plan>& plan) {
  EXPECT_FALSE(plan.has_value());
  return plan ? Errc{} : plan.error().code();
}

TEST(RemoveCall, DropsArgumentsAndPushesResults) {
  const TestModule input = small_canister();
  const TestModule one = patched(input, remove_call(input.loaded(), "save:stable_write", {}));
  EXPECT_EQ(code_of(one, "save"), "i32.const 0\nlocal.get 0\nlocal.get 1\ndrop\ndrop\ndrop\nend\n");
  const TestModule two = patched(input, remove_call(input.loaded(), "stable_size", {"0x10"}));
  EXPECT_EQ(code_of(two, "pre"),
            "i32.const 64\ni32.const 100\ncall $save\ni32.const 16\nlocal.set 0\nend\n");
}

TEST(RemoveCall, ReturnsInPlaceOfATailCall) {
  const TestModule input = small_canister();
  const TestModule one = patched(input, remove_call(input.loaded(), "tail:stable_write", {}));
  EXPECT_EQ(code_of(one, "tail"),
            "local.get 0\nlocal.get 1\nlocal.get 2\ndrop\ndrop\ndrop\nreturn\nend\n");
}

TEST(RemoveCall, RejectsMissingAndSurplusResults) {
  const TestModule input = small_canister();
  EXPECT_EQ(code_of_failure(remove_call(input.loaded(), "stable_size", {})), Errc::kBadArgument);
  EXPECT_EQ(code_of_failure(remove_call(input.loaded(), "save:stable_write", {"0"})),
            Errc::kBadArgument);
  EXPECT_EQ(code_of_failure(remove_call(input.loaded(), "stable_size", {"4294967296"})),
            Errc::kBadArgument);
}

TEST(RemoveCall, RejectsAmbiguousSitesAndListsThem) {
  const TestModule input = small_canister();
  const auto plan = remove_call(input.loaded(), "stable_write", {});
  ASSERT_FALSE(plan.has_value());
  EXPECT_EQ(plan.error().code(), Errc::kPatchSite);
  EXPECT_NE(plan.error().message().find("save:stable_write @0x"), std::string::npos);
  EXPECT_NE(plan.error().message().find("update:stable_write @0x"), std::string::npos)
      << plan.error().message();
}

TEST(RemoveCall, RejectsUnreachableCode) {
  const TestModule input(R"((module
    (import "ic0" "msg_reply" (func $msg_reply))
    (func $f return call $msg_reply)
    (export "canister_update x" (func $f))))");
  EXPECT_EQ(code_of_failure(remove_call(input.loaded(), "msg_reply", {})), Errc::kPatchSite);
}

TEST(RemoveCall, KeepsAGzippedModuleGzipped) {
  const TestModule plain = small_canister();
  const TestModule input(gzip(plain.bytes()));
  const auto plan = remove_call(input.loaded(), "stable_size", {"0"});
  ASSERT_TRUE(plan.has_value());
  const auto result = apply(input.loaded(), *plan);
  ASSERT_TRUE(result.has_value()) << result.error().message();
  EXPECT_TRUE(is_gzip(result->stored));
  EXPECT_EQ(result->evidence.output, sha256(result->stored));
  const TestModule direct = patched(plain, remove_call(plain.loaded(), "stable_size", {"0"}));
  const auto unpacked = gunzip(result->stored, 1 << 20);
  ASSERT_TRUE(unpacked.has_value());
  EXPECT_EQ(*unpacked, direct.bytes());
}

TEST(InsertCall, AddsTheImportAndKeepsEveryFunctionWhereItIsNamed) {
  const TestModule input = small_canister();
  Insertion insertion;
  insertion.call = "ic0.stable64_grow(i64.const 160)";
  insertion.trap_if = "-1";
  const auto plan = insert_call(input.loaded(), "save:stable_write", insertion);
  const TestModule one = patched(input, plan);
  EXPECT_EQ(code_of(one, "save"),
            "i32.const 0\nlocal.get 0\nlocal.get 1\ni64.const 160\ncall $ic0.stable64_grow\n"
            "i64.const -1\ni64.eq\nif\nunreachable\nend\ncall $ic0.stable_write\nend\n");
  EXPECT_EQ(code_of(one, "helper"), "ref.func $update\ndrop\nend\n");
  EXPECT_EQ(code_of(one, "pre"), code_of(input, "pre"));
  const wasm::Module& now = one.module();
  EXPECT_EQ(now.imports.back().name, "stable64_grow");
  EXPECT_EQ(now.find_export("canister_update go")->index,
            input.module().find_export("canister_update go")->index + 1);
  EXPECT_EQ(std::to_underlying(*now.start), std::to_underlying(*input.module().start) + 1);
  const auto slots = wasm::table_image(now, wasm::TableIdx{0});
  const auto old_slots = wasm::table_image(input.module(), wasm::TableIdx{0});
  ASSERT_TRUE(slots && old_slots);
  EXPECT_EQ(*(*slots)[2], *(*old_slots)[2]);  // an import
  EXPECT_EQ(std::to_underlying(*(*slots)[1]), std::to_underlying(*(*old_slots)[1]) + 1);
  EXPECT_TRUE(std::ranges::equal(now.view(now.custom("icp:public candid:service")->payload),
                                 as_bytes("service : {}")));
  const wasm::NameSection names = wasm::read_names(now);
  EXPECT_EQ(names.functions[3], "stable64_grow");
  EXPECT_EQ(names.functions[5], "save");
  EXPECT_EQ(names.locals.at(5).at(1), "length");
}

TEST(InsertCall, TakesTheArgumentsOfTheSite) {
  const TestModule input = small_canister();
  Insertion insertion;
  insertion.call = "ic0.debug_print(arg1, arg2)";
  const TestModule before =
      patched(input, insert_call(input.loaded(), "save:stable_write", insertion));
  EXPECT_EQ(code_of(before, "save"),
            "i32.const 0\nlocal.get 0\nlocal.get 1\nlocal.set 4\nlocal.set 3\nlocal.set 2\n"
            "local.get 3\nlocal.get 4\ncall $ic0.debug_print\nlocal.get 2\nlocal.get 3\n"
            "local.get 4\ncall $ic0.stable_write\nend\n");
  insertion.where = Where::kAfter;
  const TestModule after =
      patched(input, insert_call(input.loaded(), "save:stable_write", insertion));
  EXPECT_EQ(code_of(after, "save"),
            "i32.const 0\nlocal.get 0\nlocal.get 1\nlocal.set 4\nlocal.set 3\nlocal.set 2\n"
            "local.get 2\nlocal.get 3\nlocal.get 4\ncall $ic0.stable_write\n"
            "local.get 3\nlocal.get 4\ncall $ic0.debug_print\nend\n");
}

TEST(InsertCall, WidensArgumentsAtAFunctionsEntry) {
  const TestModule input = small_canister();
  Insertion insertion;
  insertion.call = "stable64_grow(arg1)";
  insertion.where = Where::kAtEntry;
  const TestModule one = patched(input, insert_call(input.loaded(), "save", insertion));
  EXPECT_EQ(code_of(one, "save"),
            "local.get 1\ni64.extend_i32_u\ncall $ic0.stable64_grow\ndrop\ni32.const 0\n"
            "local.get 0\nlocal.get 1\ncall $ic0.stable_write\nend\n");
}

TEST(InsertCall, PutsARemovedCallBack) {
  const TestModule input = small_canister();
  const TestModule removed = patched(input, remove_call(input.loaded(), "save:stable_write", {}));
  const auto site = removed.module().functions[4].code.begin + 6;  // behind three operands
  Insertion insertion;
  insertion.call = "stable_write(pop, pop, pop)";
  insertion.where = Where::kOver;
  insertion.over = 3;
  const TestModule back =
      patched(removed, insert_call(removed.loaded(), fmt::format("@{}", site), insertion));
  EXPECT_EQ(back.bytes(), input.bytes());
}

TEST(InsertCall, RejectsWhatDoesNotFit) {
  const TestModule input = small_canister();
  const auto refused = [&](std::string_view site, std::string call, Where where = Where::kBefore) {
    Insertion insertion;
    insertion.call = std::move(call);
    insertion.where = where;
    return code_of_failure(insert_call(input.loaded(), site, insertion));
  };
  EXPECT_EQ(refused("stable_size", "stable64_grow"), Errc::kBadArgument);
  EXPECT_EQ(refused("stable_size", "no_such(1)"), Errc::kBadArgument);
  EXPECT_EQ(refused("stable_size", "stable64_grow(1, 2)"), Errc::kBadArgument);
  EXPECT_EQ(refused("stable_size", "stable64_grow(i32.const 1)"), Errc::kBadArgument);
  EXPECT_EQ(refused("stable_size", "stable64_grow(local9)"), Errc::kBadArgument);
  EXPECT_EQ(refused("stable_size", "stable64_grow(arg0)"), Errc::kBadArgument);
  EXPECT_EQ(refused("stable_size", "stable_write(1, pop, 2)"), Errc::kBadArgument);
  EXPECT_EQ(refused("nothing:stable_size", "msg_reply()"), Errc::kPatchSite);
  EXPECT_EQ(refused("@0x7", "msg_reply()"), Errc::kPatchSite);
  EXPECT_EQ(refused("tail:stable_write", "msg_reply()", Where::kAfter), Errc::kPatchSite);
  EXPECT_EQ(refused("msg_reply", "msg_reply()", Where::kAtEntry), Errc::kPatchSite);
}

TEST(InsertCall, RefusesAStackThatDoesNotFitAndWritesNothing) {
  const TestModule input = small_canister();
  Insertion insertion;
  insertion.call = "stable64_grow(pop)";  // an i32 lies there
  const auto plan = insert_call(input.loaded(), "save:stable_write", insertion);
  ASSERT_TRUE(plan.has_value());
  const auto result = apply(input.loaded(), *plan);
  ASSERT_FALSE(result.has_value());
  EXPECT_EQ(result.error().code(), Errc::kPatchProof);
}

TEST(InsertCall, RejectsA32BitFunctionInA64BitModule) {
  const TestModule input(R"((module
    (import "ic0" "msg_reply" (func $msg_reply))
    (memory i64 1)
    (func $f call $msg_reply)))");
  Insertion insertion;
  insertion.call = "stable_grow(1)";
  EXPECT_EQ(code_of_failure(insert_call(input.loaded(), "msg_reply", insertion)),
            Errc::kBadArgument);
}

TEST(Stub, ReturnsAtOnce) {
  const TestModule input(R"((module
    (func $f (param i32) (result i64 i32) (local i32) unreachable)))");
  const TestModule zeros = patched(input, stub(input.loaded(), "f", {}));
  EXPECT_EQ(code_of(zeros, "f"), "i64.const 0\ni32.const 0\nend\n");
  const TestModule given = patched(input, stub(input.loaded(), "f", {"-1", "7"}));
  EXPECT_EQ(code_of(given, "f"), "i64.const -1\ni32.const 7\nend\n");
  EXPECT_EQ(code_of_failure(stub(input.loaded(), "f", {"1"})), Errc::kBadArgument);
}

// The check of `save`, in the ways that compilers write it.
TestModule checked(std::string_view body, std::string_view result = "") {
  return TestModule(fmt::format(R"((module
    (import "ic0" "trap" (func $trap (param i32 i32)))
    (import "ic0" "msg_reply" (func $msg_reply))
    (func $save (param i32) {} {})
    (export "canister_pre_upgrade" (func $msg_reply))))",
                                result, body));
}

TEST(SkipTrap, LeavesTheBlock) {
  const TestModule input =
      checked("local.get 0 if i32.const 8 i32.const 4 call $trap unreachable end call $msg_reply");
  const TestModule one = patched(input, skip_trap(input.loaded(), "save:trap"));
  EXPECT_EQ(code_of(one, "save"),
            "local.get 0\nif\ni32.const 8\ni32.const 4\ndrop\ndrop\nbr 0\nend\n"
            "call $ic0.msg_reply\nend\n");
}

TEST(SkipTrap, LeavesLoopsToo) {
  const TestModule input =
      checked("block loop local.get 0 if nop end unreachable end end call $msg_reply");
  const uint64_t site = input.module().functions[2].code.begin + 10;
  const TestModule one = patched(input, skip_trap(input.loaded(), fmt::format("@{:#x}", site)));
  EXPECT_EQ(code_of(one, "save"),
            "block\nloop\nlocal.get 0\nif\nnop\nend\nbr 1\nend\nend\ncall $ic0.msg_reply\nend\n");
}

TEST(SkipTrap, ReturnsFromTheFunctionItself) {
  const TestModule input = checked("i32.const 8 i32.const 4 call $trap unreachable");
  const TestModule one = patched(input, skip_trap(input.loaded(), "save:trap"));
  EXPECT_EQ(code_of(one, "save"), "i32.const 8\ni32.const 4\ndrop\ndrop\nbr 0\nend\n");
}

TEST(SkipTrap, RejectsWhatIsNoTrapAndBlocksThatYieldValues) {
  const auto refused = [](const TestModule& input) {
    return code_of_failure(skip_trap(input.loaded(), "save:trap"));
  };
  EXPECT_EQ(refused(checked("i32.const 8 i32.const 4 call $trap")), Errc::kPatchSite);
  EXPECT_EQ(refused(checked("i32.const 8 i32.const 4 call $trap unreachable", "(result i32)")),
            Errc::kPatchSite);
  EXPECT_EQ(refused(checked(
                "block (result i32) i32.const 8 i32.const 4 call $trap unreachable end drop")),
            Errc::kPatchSite);
  EXPECT_EQ(refused(checked("return i32.const 8 i32.const 4 call $trap unreachable")),
            Errc::kPatchSite);
  EXPECT_EQ(code_of_failure(skip_trap(checked("nop").loaded(), "msg_reply")), Errc::kPatchSite);
}

}  // namespace
}  // namespace canrec::patch
