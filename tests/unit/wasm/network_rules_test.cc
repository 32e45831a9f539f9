// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "base/leb128.h"
#include "unit/wasm/parts.h"
#include "wasm/validate.h"

namespace canrec::wasm {
namespace {

using namespace parts;

std::vector<std::string> texts(const Parts& parts) {
  const Bytes bytes = parts.module();
  const auto module = read_module(bytes);
  EXPECT_TRUE(module);
  const Status valid = validate(*module);
  EXPECT_TRUE(valid) << valid.error().message();
  std::vector<std::string> out;
  for (const RuleViolation& violation : check_network_rules(*module)) {
    EXPECT_LE(violation.offset, bytes.size());
    EXPECT_FALSE(violation.why.empty());
    out.push_back(violation.text);
  }
  return out;
}

using Texts = std::vector<std::string>;

Bytes imported(std::string_view module, std::string_view name, const Bytes& what) {
  return concat({name_bytes(module), name_bytes(name), what});
}

TEST(NetworkRules, AcceptAnOrdinaryCanister) {
  Parts parts;
  parts.imports = {import_func("ic0", "msg_reply", 0)};
  parts.exports = {export_of("canister_init", 0, 0), export_of("canister_query a b", 0, 0),
                   export_of("canister_update ", 0, 0), export_of("anything", 0, 0),
                   export_of("canister_on_low_wasm_memory", 0, 0)};
  parts.custom = {custom_section("icp:public candid:service", {}),
                  custom_section("icp:private x", {}), custom_section("anything", {})};
  EXPECT_EQ(texts(parts), Texts{});
}

TEST(NetworkRules, RejectImportsThatAreNotTheSystemApi) {
  Parts parts;
  parts.types.push_back(func_type({kI32}, {}));
  parts.imports = {import_func("ic0", "msg_replyy", 0)};
  EXPECT_EQ(texts(parts),
            Texts{"Wasm module has an invalid import section. Module imports function 'msg_replyy' "
                  "from 'ic0' that is not exported by the runtime."});
  parts.imports = {import_func("env", "msg_reply", 0)};
  EXPECT_EQ(texts(parts),
            Texts{"Wasm module has an invalid import section. Module imports function "
                  "\"msg_reply\" from \"env\", expected to be imported from one of [\"ic0\"] "
                  "instead."});
  parts.imports = {import_func("ic0", "msg_reply", 1)};
  EXPECT_EQ(texts(parts), Texts{"Wasm module has an invalid function signature. Expected input "
                                "params [] for 'msg_reply', got [I32]."});
  parts.imports = {import_func("ic0", "msg_arg_data_size", 0)};
  EXPECT_EQ(texts(parts), Texts{"Wasm module has an invalid function signature. Expected return "
                                "type [I32] for 'msg_arg_data_size', got []."});
}

TEST(NetworkRules, UseTheWidthOfTheMemoryForSignatures) {
  Parts parts;
  parts.types.push_back(func_type({}, {kI64}));
  parts.types.push_back(func_type({}, {kI32}));
  parts.imports = {import_func("ic0", "msg_arg_data_size", 1)};
  EXPECT_EQ(texts(parts).size(), 1u);
  parts.memories = {{0x04, 0x01}};
  EXPECT_EQ(texts(parts), Texts{});
  parts.imports = {import_func("ic0", "stable_size", 2)};
  EXPECT_EQ(texts(parts),
            Texts{"Wasm module has an invalid import section. Module imports function "
                  "'stable_size' from 'ic0' that is not exported by the runtime."});
  parts.memories = {{0x00, 0x01}};
  EXPECT_EQ(texts(parts), Texts{});
}

TEST(NetworkRules, RejectImportsOfOtherThings) {
  Parts parts;
  parts.imports = {imported("env", "g", {0x03, kI32, 0x00})};
  EXPECT_EQ(texts(parts),
            Texts{"Wasm module has an invalid import section. Importing globals is not allowed."});
  parts.imports = {imported("x", "table", {0x01, kFunc, 0x00, 0x01})};
  EXPECT_EQ(texts(parts), Texts{"Wasm module has an invalid import section. Only tables imported "
                                "from env.table are allowed."});
  parts.imports = {imported("x", "memory", {0x02, 0x00, 0x01})};
  EXPECT_EQ(texts(parts), Texts{"Wasm module has an invalid import section. Only memory imported "
                                "from env.memory is allowed."});
  parts.imports = {imported("env", "memory", {0x02, 0x00, 0x01})};
  EXPECT_EQ(texts(parts), Texts{"unknown import: `env::memory` has not been defined"});
}

TEST(NetworkRules, RejectReservedExports) {
  Parts parts;
  parts.exports = {export_of("canister_start", 0, 0)};
  EXPECT_EQ(texts(parts), Texts{"Wasm module has an invalid export section. Exporting reserved "
                                "symbol canister_start not allowed."});
  parts.exports = {export_of("canister_updat x", 0, 0)};
  EXPECT_EQ(texts(parts), Texts{"Wasm module has an invalid export section. Exporting reserved "
                                "function 'canister_updat x' with \"canister_\" prefix"});
  parts.exports = {export_of("canister_update f", 0, 0), export_of("canister_query f", 0, 0)};
  EXPECT_EQ(texts(parts), Texts{"Duplicate function 'f' exported multiple times with different "
                                "call types: update, query, or composite_query."});
  parts.types = {func_type({}, {kI32})};
  parts.code = {0x41, 0x00};
  parts.exports = {export_of("canister_init", 0, 0)};
  EXPECT_EQ(texts(parts), Texts{"Wasm module has an invalid function signature. Expected return "
                                "type [] for 'canister_init', got [I32]."});
}

TEST(NetworkRules, LimitTheNumberAndLengthOfMethods) {
  Parts parts;
  for (int i = 0; i < 1000; ++i) {
    parts.exports.push_back(export_of("canister_query " + std::to_string(i), 0, 0));
  }
  EXPECT_EQ(texts(parts), Texts{});
  parts.exports.push_back(export_of("canister_update x", 0, 0));
  EXPECT_EQ(texts(parts), Texts{"The number of exported functions called `canister_update <name>`, "
                                "`canister_query <name>`, or `canister_composite_query <name>` is "
                                "1001 which exceeds 1000."});
  parts.exports = {export_of("canister_query " + std::string(20'000, 'x'), 0, 0)};
  EXPECT_EQ(texts(parts), Texts{});
  parts.exports = {export_of("canister_query " + std::string(20'001, 'x'), 0, 0)};
  EXPECT_EQ(texts(parts), Texts{"The sum of `<name>` lengths in exported functions called "
                                "`canister_update <name>`, `canister_query <name>`, or "
                                "`canister_composite_query <name>` is 20001 which exceeds the "
                                "allowed limit of 20000."});
}

TEST(NetworkRules, RejectDataAtAnImportedPlaceOrBehindTheMemory) {
  Parts parts;
  parts.imports = {imported("env", "g", {0x03, kI32, 0x00})};
  parts.memories = {{0x00, 0x01}};
  parts.data = {{0x00, 0x23, 0x00, 0x0b, 0x00}};
  EXPECT_EQ(texts(parts).at(1),
            "Wasm module has an invalid data section. Invalid offset expression in data segment "
            "for 32bit memory: GlobalGet { global_index: 0 }");
  parts.imports.clear();
  parts.data = {{0x00, 0x41, 0xff, 0xff, 0x03, 0x0b, 0x01, 0x61}};  // 65,535
  EXPECT_EQ(texts(parts), Texts{});
  parts.data = {{0x00, 0x41, 0xff, 0xff, 0x03, 0x0b, 0x02, 0x61, 0x62}};
  EXPECT_EQ(texts(parts), Texts{"Wasm module has invalid data segment of 2 bytes at 65535"});
}

TEST(NetworkRules, LimitGlobals) {
  Parts parts;
  parts.globals.assign(1000, {kI32, 0x00, 0x41, 0x00, 0x0b});
  EXPECT_EQ(texts(parts), Texts{});
  parts.globals.push_back({kI32, 0x00, 0x41, 0x00, 0x0b});
  EXPECT_EQ(texts(parts),
            Texts{"Wasm module defined 1001 globals which exceeds the maximum number allowed "
                  "1000."});
  parts.globals = {{kFunc, 0x00, 0xd0, kFunc, 0x0b}};
  EXPECT_EQ(texts(parts), Texts{"Wasm module has an invalid global section. Unsupported global "
                                "type: Ref(funcref)"});
}

TEST(NetworkRules, LimitTheDeclaredMemoryAndTable) {
  Parts parts;
  parts.memories = {{0x04, 0x80, 0x80, 0x06}};  // 98,304 pages = 6 GiB
  EXPECT_EQ(texts(parts), Texts{});
  parts.memories = {{0x04, 0x81, 0x80, 0x06}};
  EXPECT_EQ(texts(parts), Texts{"Wasm module declares a memory of at least 98305 pages, 98304 are "
                                "allowed"});
  parts.memories.clear();
  parts.tables = {{kFunc, 0x00, 0xc0, 0x84, 0x3d}};  // 1,000,000
  EXPECT_EQ(texts(parts), Texts{});
  parts.tables = {{kFunc, 0x00, 0xc1, 0x84, 0x3d}};
  EXPECT_EQ(texts(parts), Texts{"table minimum size of 1000001 elements exceeds table limits"});
  parts.tables = {{kFunc, 0x00, 0x01}, {kFunc, 0x00, 0x01}};
  EXPECT_EQ(texts(parts), Texts{"resource limit exceeded: table count too high at 2"});
}

TEST(NetworkRules, LimitTheInstructionsAndComplexityOfAFunction) {
  Parts parts;
  parts.code.assign(999'999, 0x01);  // and the end
  EXPECT_EQ(texts(parts), Texts{});
  parts.code.assign(1'000'000, 0x01);
  EXPECT_EQ(texts(parts).at(0),
            "Wasm module contains a function at index 0 with complexity 1000001 which exceeds the "
            "maximum complexity allowed 1000000.");
  EXPECT_EQ(texts(parts).at(1),
            "Wasm module contains a function at index 0 of size 1000001 that exceeds the maximum "
            "allowed size of 1000000.");
  // 20,000 calls of weight 50 and the end of weight 1
  parts.code.clear();
  for (int i = 0; i < 20'000; ++i) append(parts.code, Bytes{0x10, 0x00});
  EXPECT_EQ(texts(parts),
            Texts{"Wasm module contains a function at index 0 with complexity 1000001 which "
                  "exceeds the maximum complexity allowed 1000000."});
}

TEST(NetworkRules, RejectInstructionsThatChangeTables) {
  Parts parts;
  parts.tables = {{kFunc, 0x00, 0x01}};
  parts.elements = {{0x01, 0x00, 0x00}};
  const auto text_of = [&](const Bytes& code) {
    parts.code = code;
    const Texts all = texts(parts);
    return all.size() == 1 ? all[0] : std::to_string(all.size()) + " violations";
  };
  const std::string begin =
      "Wasm module contains a function at index 0 with unsupported instruction ";
  EXPECT_EQ(text_of({0x41, 0, 0xd0, kFunc, 0x26, 0}), begin + "table.set.");
  EXPECT_EQ(text_of({0xd0, kFunc, 0x41, 0, 0xfc, 0x0f, 0, 0x1a}), begin + "table.grow.");
  EXPECT_EQ(text_of({0x41, 0, 0xd0, kFunc, 0x41, 0, 0xfc, 0x11, 0}), begin + "table.fill.");
  EXPECT_EQ(text_of({0x41, 0, 0x41, 0, 0x41, 0, 0xfc, 0x0e, 0, 0}), begin + "table.copy.");
  EXPECT_EQ(text_of({0x41, 0, 0x41, 0, 0x41, 0, 0xfc, 0x0c, 0, 0}), begin + "table.init.");
  EXPECT_EQ(text_of({0x41, 0, 0x25, 0, 0x1a}), "0 violations");
}

TEST(NetworkRules, LimitFunctionNames) {
  const auto with = [](size_t length) {
    Parts parts;
    Bytes names = {0x01, 0x00};
    append(names, name_bytes(std::string(length, 'n')));
    Bytes payload = {0x01};
    append_leb_u64(payload, names.size());
    append(payload, names);
    parts.custom = {custom_section("name", payload)};
    return texts(parts);
  };
  EXPECT_EQ(with(1'048'576), Texts{});
  EXPECT_EQ(with(1'048'577),
            Texts{"Wasm module contains a function at index 0 with name '" + std::string(100, 'n') +
                  "...' of size 1048577 bytes that exceeds the maximum allowed size of 1048576 "
                  "bytes."});
}

TEST(NetworkRules, LimitCustomSections) {
  Parts parts;
  parts.custom = {custom_section("icp:protected x", {})};
  EXPECT_EQ(texts(parts),
            Texts{"Wasm module has an invalid custom section. Invalid custom section: Custom "
                  "section 'icp:protected x' has no public/private scope defined."});
  parts.custom = {custom_section("icp:public", {})};
  EXPECT_EQ(texts(parts),
            Texts{"Wasm module has an invalid custom section. 'icp:' section names must have a "
                  "space after the public/private scope"});
  parts.custom = {custom_section("icp:public x", {}), custom_section("icp:private x", {})};
  EXPECT_EQ(texts(parts), Texts{"Wasm module has an invalid custom section. Invalid custom "
                                "section: name x already exists"});
  parts.custom = {custom_section("icp:public x", Bytes(1'048'575))};
  EXPECT_EQ(texts(parts), Texts{});
  parts.custom = {custom_section("icp:public x", Bytes(1'048'576))};
  EXPECT_EQ(texts(parts),
            Texts{"Wasm module has an invalid custom section. Invalid custom sections: total size "
                  "of the custom sections exceeds the maximum allowed: size 1048577 bytes, "
                  "allowed 1048576 bytes"});
  parts.custom.clear();
  for (int i = 0; i < 17; ++i) {
    EXPECT_EQ(texts(parts), Texts{});
    parts.custom.push_back(custom_section("icp:public " + std::to_string(i), {}));
  }
  EXPECT_EQ(texts(parts), Texts{"Wasm module defined 17 custom sections which exceeds the maximum "
                                "number allowed 16."});
}

// A module with `bytes` of code in bodies of 100 `nop`, or with so many functions.
Bytes large_module(size_t functions, size_t nops) {
  Bytes declared;
  append_leb_u64(declared, functions);
  declared.insert(declared.end(), functions, 0x00);
  Bytes code;
  append_leb_u64(code, functions);
  Bytes instructions(nops, 0x01);
  instructions.push_back(0x0b);
  const Bytes one_body = body(Bytes{0x00}, instructions);
  for (size_t i = 0; i < functions; ++i) append(code, one_body);
  return concat({module_header(), section(SectionId::kType, one(func_type({}, {}))),
                 section(SectionId::kFunction, declared), section(SectionId::kCode, code)});
}

TEST(NetworkRules, LimitFunctionsAndTheCodeSection) {
  const auto first = [](const Bytes& bytes) {
    const auto module = read_module(bytes);
    EXPECT_TRUE(module);
    const auto violations = check_network_rules(*module);
    return violations.empty() ? std::string() : violations[0].text;
  };
  EXPECT_EQ(first(large_module(50'000, 1)), "");
  EXPECT_EQ(first(large_module(50'001, 1)),
            "Wasm module defined 50001 functions which exceeds the maximum number allowed 50000.");
  const Bytes code = large_module(13, 1'000'000 - 1);
  EXPECT_EQ(first(code).substr(0, 33), "Wasm module code section size of ");
  EXPECT_TRUE(first(code).ends_with(" exceeds the maximum allowed size of 12582912."));
}

TEST(NetworkRules, LimitTheModule) {
  Parts parts;
  parts.custom = {custom_section("debug", Bytes(104'857'600))};
  EXPECT_EQ(texts(parts), Texts{"Wasm module size of " + std::to_string(parts.module().size()) +
                                " exceeds the maximum allowed size of 104857600."});
}

}  // namespace
}  // namespace canrec::wasm
