// SPDX-License-Identifier: Apache-2.0
// The System API table against rows of the specification.
#include "ic/system_api.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

namespace canrec::ic {
namespace {

// The letters of a function's contexts, tasks once.
std::string letters(const SystemApiFunction& function) {
  std::string out;
  std::string_view last;
  for (const ContextInfo& row : kContexts) {
    if (!function.allowed(row.context) || row.letter == last) continue;
    last = row.letter;
    if (!out.empty()) out += ' ';
    out += row.letter;
  }
  return out;
}

TEST(SystemApi, HasEveryFunctionOfTheSpecification) {
  size_t both = 0;
  size_t only_32 = 0;
  size_t unspecified = 0;
  for (const SystemApiFunction& function : kSystemApi) {
    both += function.widths == SystemApiWidths::kBoth;
    only_32 += function.widths == SystemApiWidths::kOnly32;
    unspecified += function.widths == SystemApiWidths::kUnspecified;
  }
  EXPECT_EQ(both, 65u);
  EXPECT_EQ(only_32, 9u);
  EXPECT_EQ(unspecified, 2u);
}

TEST(SystemApi, RowsAreInEnumerationOrderAndNamesAreUnique) {
  std::set<std::string_view> names;
  for (size_t i = 0; i < kSystemApi.size(); ++i) {
    EXPECT_EQ(static_cast<size_t>(kSystemApi[i].id), i);
    EXPECT_TRUE(names.insert(kSystemApi[i].name).second) << kSystemApi[i].name;
    EXPECT_EQ(find_system_api(kSystemApi[i].name), &kSystemApi[i]);
    EXPECT_FALSE(kSystemApi[i].contexts.empty()) << kSystemApi[i].name;
  }
}

TEST(SystemApi, DoesNotKnowRetiredNames) {
  for (const char* name :
       {"", "cost_vetkd_derive_encrypted_key", "controller_size", "controller_copy", "msg_repl",
        "msg_replyx", "random", "subnet_size", "replication_factor"}) {
    EXPECT_EQ(find_system_api(name), nullptr) << name;
  }
}

TEST(SystemApi, SignaturesUseThreeLettersAndAtMostOneResult) {
  for (const SystemApiFunction& function : kSystemApi) {
    EXPECT_EQ(function.parameters.find_first_not_of("ilI"), std::string_view::npos);
    EXPECT_EQ(function.results.find_first_not_of("ilI"), std::string_view::npos);
    EXPECT_LE(function.results.size(), 1u);
    if (function.widths == SystemApiWidths::kOnly32) {
      // Nothing to widen in a function that 64-bit modules may not import.
      EXPECT_EQ(function.parameters.find('I'), std::string_view::npos) << function.name;
      EXPECT_EQ(function.results.find('I'), std::string_view::npos) << function.name;
    }
  }
}

struct Row {
  const char* name;
  const char* signature;
  const char* contexts;
  uint32_t fixed;
  SystemApiCharge charge;
};

TEST(SystemApi, RowsAgreeWithTheSpecification) {
  constexpr const char* kAny = "I G U RQ NRQ TQ CQ Ry Rt CRy CRt C CC F T";
  constexpr const char* kAll = "s I G U RQ NRQ TQ CQ Ry Rt CRy CRt C CC F T";
  using enum SystemApiCharge;
  const Row rows[] = {
      {"msg_arg_data_size", ":I", "I U RQ NRQ TQ CQ Ry CRy F", 500, kNone},
      {"msg_caller_copy", "III:", kAny, 500, kBytes},
      {"msg_caller_info_data_size", ":I", "U RQ NRQ CQ Ry Rt CRy CRt C CC F", 500, kNone},
      {"msg_caller_info_signer_copy", "III:", "U RQ NRQ CQ Ry Rt CRy CRt C CC F", 500, kBytes},
      {"msg_reject_code", ":i", "Ry Rt CRy CRt C", 500, kNone},
      {"msg_reject_msg_copy", "III:", "Rt CRt", 500, kBytes},
      {"msg_deadline", ":l", "U RQ NRQ TQ CQ Ry Rt CRy CRt", 500, kNone},
      {"msg_reply_data_append", "II:", "U RQ NRQ TQ CQ Ry Rt CRy CRt", 500, kBytes50},
      {"msg_cycles_accept128", "llI:", "U RQ Ry Rt", 500, kNone},
      {"msg_cycles_refunded128", "I:", "Ry Rt", 500, kNone},
      {"cycles_burn128", "llI:", "I G U RQ Ry Rt C T", 500, kNone},
      {"accept_message", ":", "F", 500, kNone},
      {"call_new", "IIIIIIII:", "U CQ Ry Rt CRy CRt T", 1500, kBytes},
      {"call_with_best_effort_response", "i:", "U CQ Ry Rt CRy CRt T", 500, kNone},
      {"call_cycles_add128", "ll:", "U Ry Rt T", 500, kNone},
      {"call_perform", ":i", "U CQ Ry Rt CRy CRt T", 5000, kNone},
      {"stable64_size", ":l", kAll, 0, kNone},
      {"stable64_grow", "l:l", kAll, 100, kNone},
      {"stable64_write", "lll:", kAll, 20, kBytes},
      {"root_key_size", ":I", "I G U RQ Ry Rt C T", 500, kNone},
      {"certified_data_set", "II:", "I G U Ry Rt T", 500, kBytes},
      {"data_certificate_copy", "III:", "NRQ CQ", 500, kBytes},
      {"time", ":l", kAny, 500, kNone},
      {"global_timer_set", "l:l", "I G U Ry Rt C T", 500, kNone},
      {"performance_counter", "i:l", kAll, 200, kNone},
      {"is_controller", "II:i", kAll, 1000, kBytes},
      {"cost_sign_with_ecdsa", "IIiI:i", kAll, 500, kBytes},
      {"cost_vetkd_derive_key", "IIiI:i", kAll, 500, kBytes},
      {"env_var_value_copy", "IIIII:", kAny, 500, kBytes},
      {"env_var_value_size", "II:I", kAny, 500, kBytes},
      {"debug_print", "II:", kAll, 100, kLog},
      {"trap", "II:", kAll, 500, kBytesLog},
      {"cost_http_request_v2", "III:", kAll, 10000, kBytes},
      {"mint_cycles128", "llI:", "U Ry Rt T", 0, kNone},
      {"canister_cycle_balance", ":l", kAny, 500, kNone},
      {"stable_grow", "i:i", kAll, 100, kNone},
      {"stable_read", "iii:", kAll, 20, kBytes},
  };
  for (const Row& row : rows) {
    const SystemApiFunction* function = find_system_api(row.name);
    ASSERT_NE(function, nullptr) << row.name;
    EXPECT_EQ(std::string(function->parameters) + ":" + std::string(function->results),
              row.signature)
        << row.name;
    EXPECT_EQ(letters(*function), row.contexts) << row.name;
    EXPECT_EQ(function->fixed_instructions, row.fixed) << row.name;
    EXPECT_EQ(function->charge, row.charge) << row.name;
  }
}

TEST(SystemApi, EveryFunctionThatTouchesStableMemoryRunsInStart) {
  for (const SystemApiFunction& function : kSystemApi) {
    if (function.name.starts_with("stable")) {
      EXPECT_EQ(function.contexts.size(), kContexts.size()) << function.name;
    }
  }
}

TEST(SystemApi, PointerWidthFollowsTheModule) {
  EXPECT_EQ(resolve_width('I', false), 'i');
  EXPECT_EQ(resolve_width('I', true), 'l');
  EXPECT_EQ(resolve_width('i', true), 'i');
  EXPECT_EQ(resolve_width('l', false), 'l');
  EXPECT_FALSE(info(SystemApi::kStableSize).importable_by_64_bit());
  EXPECT_TRUE(info(SystemApi::kStable64Size).importable_by_64_bit());
}

TEST(SystemApi, ContextsHaveTheNetworksModeWords) {
  EXPECT_EQ(info(Context::kTransform).mode_word, "non replicated query");
  EXPECT_EQ(info(Context::kPreUpgrade).mode_word, "pre upgrade");
  EXPECT_EQ(info(Context::kLowMemory).mode_word, "on low Wasm memory");
  for (const Context context :
       {Context::kNonReplicatedQuery, Context::kTransform, Context::kCompositeQuery,
        Context::kCompositeReply, Context::kCompositeReject, Context::kCompositeCleanup,
        Context::kInspect}) {
    EXPECT_FALSE(info(context).replicated);
  }
  EXPECT_TRUE(info(Context::kCleanup).replicated);
}

TEST(SystemApi, RejectsUnknownContextLetters) {
  EXPECT_TRUE(parse_contexts("I U Q").has_value());
  EXPECT_FALSE(parse_contexts("I X").has_value());
  EXPECT_FALSE(parse_contexts("i").has_value());
  EXPECT_EQ(parse_contexts("")->size(), 0u);
  EXPECT_EQ(parse_contexts("T")->size(), 3u);
  EXPECT_EQ(parse_contexts("* s")->size(), kContexts.size());
}

TEST(SystemApi, ExportsNameHooksAndMethods) {
  EXPECT_EQ(find_hook("canister_post_upgrade")->context, Context::kInit);
  EXPECT_EQ(find_hook("canister_init "), nullptr);
  EXPECT_EQ(parse_method("canister_query get")->name, "get");
  EXPECT_EQ(parse_method("canister_query  get")->name, " get");
  EXPECT_EQ(parse_method("canister_update ")->name, "");
  EXPECT_EQ(parse_method("canister_composite_query a b")->kind, MethodKind::kCompositeQuery);
  EXPECT_FALSE(parse_method("canister_query").has_value());
  EXPECT_FALSE(parse_method("get").has_value());
}

}  // namespace
}  // namespace canrec::ic
