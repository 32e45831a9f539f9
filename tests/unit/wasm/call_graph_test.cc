// SPDX-License-Identifier: Apache-2.0
#include "wasm/call_graph.h"

#include <gtest/gtest.h>

#include "unit/wasm/parts.h"
#include "wasm/entry_points.h"

namespace canrec::wasm {
namespace {

using namespace parts;

// ic0.msg_reply f0, ic0.trap f1, ic0.call_new f2
// f3 init:     call f5
// f4 update:   call_indirect type 0
// f5:          call f0
// f6 in table: call f0, call f6        (recursion)
// f7 in table, (i32) -> (): call f1
// f8 unused:   return_call f5
Bytes program() {
  const Bytes call_new(8, kI32);
  const std::vector<Bytes> types = {func_type({}, {}), func_type({kI32, kI32}, {}),
                                    func_type(call_new, {}), func_type({kI32}, {}),
                                    func_type({}, {})};
  const auto code = [](const Bytes& instructions) {
    return body(Bytes{0x00}, concat({instructions, {0x0b}}));
  };
  return concat({
      module_header(),
      section(SectionId::kType, vec(types)),
      section(SectionId::kImport,
              vec({import_func("ic0", "msg_reply", 0), import_func("ic0", "trap", 1),
                   import_func("ic0", "call_new", 2)})),
      section(SectionId::kFunction, Bytes{6, 0, 0, 0, 0, 3, 0}),
      section(SectionId::kTable, one({kFunc, 0x00, 0x02})),
      section(SectionId::kExport,
              vec({export_of("canister_init", 0, 3), export_of("canister_update go", 0, 4)})),
      section(SectionId::kElement, one({0x00, 0x41, 0x00, 0x0b, 0x02, 6, 7})),
      section(SectionId::kCode,
              vec({code({0x10, 5}), code({0x41, 0, 0x11, 4, 0}), code({0x10, 0, 0x10, 0}),
                   code({0x10, 0, 0x10, 6}), code({0x41, 0, 0x41, 0, 0x10, 1}), code({0x12, 5})})),
  });
}

TEST(CallGraph, ListsCalleesAndCallersOnce) {
  const Bytes bytes = program();
  const auto module = read_module(bytes);
  ASSERT_TRUE(module) << module.error().message();
  const auto graph = CallGraph::build(*module);
  ASSERT_TRUE(graph);
  const auto list = [](std::span<const FuncIdx> fns) {
    std::vector<uint32_t> out;
    for (const FuncIdx fn : fns) out.push_back(std::to_underlying(fn));
    return out;
  };
  EXPECT_EQ(list(graph->callees(FuncIdx{5})), std::vector<uint32_t>{0});
  EXPECT_EQ(list(graph->callees(FuncIdx{6})), (std::vector<uint32_t>{0, 6}));
  EXPECT_EQ(list(graph->callers(FuncIdx{0})), (std::vector<uint32_t>{5, 6}));
  EXPECT_EQ(list(graph->callers(FuncIdx{5})), (std::vector<uint32_t>{3, 8}));
  EXPECT_TRUE(graph->callers(FuncIdx{8}).empty());
  EXPECT_TRUE(graph->has_indirect_calls(FuncIdx{4}));
  EXPECT_FALSE(graph->has_indirect_calls(FuncIdx{5}));
  EXPECT_TRUE(graph->is_address_taken(FuncIdx{7}));
  EXPECT_FALSE(graph->is_address_taken(FuncIdx{5}));
  EXPECT_EQ(list(graph->targets_like(FuncIdx{4})), std::vector<uint32_t>{6});
}

TEST(CallGraph, TellsDirectReachFromReachThroughTables) {
  const Bytes bytes = program();
  const auto module = read_module(bytes);
  ASSERT_TRUE(module);
  const auto graph = CallGraph::build(*module);
  ASSERT_TRUE(graph);
  const std::vector<FuncIdx> msg_reply = {FuncIdx{0}};
  const auto to_reply = graph->reaching(msg_reply);
  EXPECT_EQ(to_reply[3], Reach::kDirect);
  // Type 4 equals type 0, so the call through the table may reach f6.
  EXPECT_EQ(to_reply[4], Reach::kThroughTables);
  EXPECT_EQ(to_reply[7], Reach::kNone);
  EXPECT_EQ(to_reply[8], Reach::kDirect);
  const std::vector<FuncIdx> update = {FuncIdx{4}};
  const auto from_update = graph->reachable_from(update);
  EXPECT_EQ(from_update[4], Reach::kDirect);
  EXPECT_EQ(from_update[6], Reach::kThroughTables);
  EXPECT_EQ(from_update[0], Reach::kThroughTables);
  EXPECT_EQ(from_update[7], Reach::kNone);
  EXPECT_EQ(from_update[5], Reach::kNone);
}

TEST(CallGraph, FindsCallSitesInFileOrder) {
  const Bytes bytes = program();
  const auto module = read_module(bytes);
  ASSERT_TRUE(module);
  const std::vector<FuncIdx> msg_reply = {FuncIdx{0}};
  const auto sites = find_call_sites(*module, msg_reply);
  ASSERT_TRUE(sites);
  ASSERT_EQ(sites->size(), 3u);
  EXPECT_EQ((*sites)[0].caller, FuncIdx{5});
  EXPECT_EQ((*sites)[1].caller, FuncIdx{5});
  EXPECT_EQ((*sites)[2].caller, FuncIdx{6});
  const Bytes call = {0x10, 0x00};
  EXPECT_TRUE(std::ranges::equal(module->view((*sites)[1].instruction), call));
}

TEST(CallGraph, RejectsACallOfAMissingFunction) {
  Parts parts;
  parts.code = {0x10, 0x07};
  const Bytes bytes = parts.module();
  const auto module = read_module(bytes);
  ASSERT_TRUE(module);
  const auto graph = CallGraph::build(*module);
  ASSERT_FALSE(graph);
  EXPECT_EQ(graph.error().code(), Errc::kWasmIndex);
  EXPECT_EQ(graph.error().offset(), module->functions[0].code.begin);
}

TEST(ApiUses, NamesEntriesReachAndForbiddenContexts) {
  const Bytes bytes = program();
  const auto module = read_module(bytes);
  ASSERT_TRUE(module);
  const auto graph = CallGraph::build(*module);
  ASSERT_TRUE(graph);
  const auto entries = entry_points(*module, *graph);
  ASSERT_EQ(entries.size(), 3u);
  EXPECT_EQ(entries[0].name, "canister_init");
  EXPECT_EQ(entries[1].name, "canister_update go");
  EXPECT_EQ(entries[2].name, "(callbacks)");
  EXPECT_EQ(entries[2].functions, std::vector<FuncIdx>{FuncIdx{7}});
  EXPECT_EQ(context_letters(entries[2].contexts), "Ry Rt CRy CRt C CC");

  const auto uses = api_uses(*module, *graph, entries);
  ASSERT_EQ(uses.size(), 3u);
  EXPECT_EQ(uses[0].name, "msg_reply");
  ASSERT_EQ(uses[0].from.size(), 2u);
  EXPECT_EQ(uses[0].from[0].reach, Reach::kDirect);
  EXPECT_EQ(context_letters(uses[0].from[0].forbidden), "I");
  EXPECT_EQ(uses[0].from[1].reach, Reach::kThroughTables);
  EXPECT_TRUE(uses[0].from[1].forbidden.empty());
  ASSERT_EQ(uses[1].from.size(), 1u);
  EXPECT_EQ(uses[1].from[0].entry, 2u);
  EXPECT_TRUE(uses[1].from[0].forbidden.empty());
  EXPECT_TRUE(uses[2].from.empty());
}

}  // namespace
}  // namespace canrec::wasm
