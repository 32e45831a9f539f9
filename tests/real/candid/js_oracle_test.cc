// SPDX-License-Identifier: Apache-2.0
// The JavaScript Candid library as oracle: messages and the subtype relation.
//
// It deviates from the specification in known ways; where it does, the tests say so and count.
#include <fmt/core.h>
#include <gtest/gtest.h>

#include <map>
#include <set>

#include "candid/binary.h"
#include "candid/printer.h"
#include "candid/subtype.h"
#include "candid/text.h"
#include "real/candid/oracle.h"
#include "unit/candid/random.h"
#include "unit/candid/support.h"
#include "unit/candid/table.h"

namespace canrec::candid {
namespace {

constexpr const char* kLibrary =
    CANREC_FIXTURES "/npm/node_modules/@icp-sdk/core/lib/esm/candid/index.js";

// The environment as the script wants it; indices are those of the environment with names followed.
nlohmann::json nodes_json(const TypeEnv& env) {
  const auto number = [&env](TypeIdx idx) { return static_cast<uint32_t>(env.resolve(idx)); };
  const auto tuple = [&](const std::vector<Arg>& args) {
    nlohmann::json list = nlohmann::json::array();
    for (const Arg& arg : args) list.push_back(number(arg.type));
    return list;
  };
  nlohmann::json nodes = nlohmann::json::array();
  for (uint32_t i = 0; i < env.size(); ++i) {
    const Type& type = env.resolved(TypeIdx{i});
    nlohmann::json node = {{"k", kind_name(type.kind)}};
    if (type.kind == Kind::kOpt || type.kind == Kind::kVec) node["i"] = number(type.inner);
    if (type.kind == Kind::kRecord || type.kind == Kind::kVariant) {
      node["f"] = nlohmann::json::array();
      for (const Field& field : type.fields) {
        node["f"].push_back({field.label, number(field.type)});
      }
    }
    if (type.kind == Kind::kFunc) {
      node["a"] = tuple(type.args);
      node["r"] = tuple(type.results);
      node["mode"] = type.mode == Mode::kUpdate ? "" : mode_name(type.mode);
    }
    if (type.kind == Kind::kService) {
      node["m"] = nlohmann::json::array();
      for (const Method& method : type.methods) {
        node["m"].push_back({method.name, number(method.type)});
      }
    }
    nodes.push_back(std::move(node));
  }
  return nodes;
}

nlohmann::json indices(const TypeEnv& env, const std::vector<TypeIdx>& types) {
  nlohmann::json list = nlohmann::json::array();
  for (const TypeIdx type : types) list.push_back(static_cast<uint32_t>(env.resolve(type)));
  return list;
}

// Our message, read and written again by the library, has the same values for us; and the library's
// message is read by us.
TEST(CandidJsOracle, EchoesRandomMessages) {
  ASSERT_TRUE(test::has_node()) << "node is not installed: run scripts/test";
  struct Sent {
    TypeEnv env;
    std::vector<TypeIdx> types;
    Bytes bytes;
  };
  std::vector<Sent> sent;
  std::vector<nlohmann::json> questions;
  for (uint64_t seed = 0; seed < 1500; ++seed) {
    test::Random random(seed);
    Sent one;
    one.types = random.types(one.env, 3);
    Arena arena;
    std::vector<Value> values;
    for (const TypeIdx type : one.types) values.push_back(random.value(one.env, type, arena));
    one.bytes = *encode(one.env, one.types, values);
    questions.push_back({{"op", "echo"},
                         {"nodes", nodes_json(one.env)},
                         {"types", indices(one.env, one.types)},
                         {"hex", to_hex(one.bytes)}});
    sent.push_back(std::move(one));
  }
  const auto answers = test::ask("js_oracle.mjs", kLibrary, questions);
  ASSERT_EQ(answers.size(), sent.size());
  std::map<std::string, size_t> refusals;
  size_t agreed = 0;
  for (size_t i = 0; i < sent.size(); ++i) {
    if (answers[i].contains("error")) {
      ++refusals[answers[i]["error"].get<std::string>().substr(0, 60)];
      continue;
    }
    const Bytes echoed = test::hex(answers[i]["hex"].get<std::string>());
    const auto here = decode(sent[i].bytes, {&sent[i].env, sent[i].types});
    const auto back = decode(echoed, {&sent[i].env, sent[i].types});
    ASSERT_TRUE(here && back) << i << ": " << (back ? "" : back.error().message());
    EXPECT_EQ(args_to_text(sent[i].env, sent[i].types, back->values),
              args_to_text(sent[i].env, sent[i].types, here->values))
        << i;
    ++agreed;
  }
  for (const auto& [words, count] : refusals) {
    fmt::print("the library refused {} messages: {}\n", count, words);
  }
  EXPECT_GE(agreed, 1400U);
}

// Where the library is known to read otherwise than the specification wants, by the types alone.
// Found by reading lib/esm/candid/idl.js of @icp-sdk/core.
class Deviations {
 public:
  explicit Deviations(const TypeEnv& env) : env_(env) {}

  // The first deviation on the way through both types, or nothing.
  std::string_view between(TypeIdx wire, TypeIdx expected) {
    const TypeIdx w_idx = env_.resolve(wire);
    const TypeIdx e_idx = env_.resolve(expected);
    if (!seen_.insert({w_idx, e_idx}).second) return {};
    const Type& w = env_.resolved(w_idx);
    const Type& e = env_.resolved(e_idx);
    if (e.kind == Kind::kOpt) return at_option(w_idx, w, e);
    if (w.kind == Kind::kNat && e.kind == Kind::kInt) return "a nat does not read as an int";
    if (w.kind == Kind::kService && e.kind == Kind::kPrincipal) {
      return "a service does not read as its principal";
    }
    if (w.kind != e.kind) return {};
    switch (w.kind) {
      case Kind::kVec:
        if (env_.is_blob(e_idx) && !env_.is_blob(w_idx)) {
          return "a vector of anything reads as bytes at blob";
        }
        return between(w.inner, e.inner);
      case Kind::kRecord:
      case Kind::kVariant:
        return in_fields(w, e);
      case Kind::kFunc:
      case Kind::kService:
        return w_idx == e_idx ? std::string_view()
                              : "references are compared by the library's own relation";
      default:
        return {};
    }
  }

 private:
  std::string_view at_option(TypeIdx w_idx, const Type& w, const Type& e) {
    if (w.kind == Kind::kNull || w.kind == Kind::kReserved) return {};
    if (w.kind == Kind::kOpt) return between(w.inner, e.inner);
    const Kind inner = env_.resolved(e.inner).kind;
    if (inner == Kind::kOpt || inner == Kind::kNull || inner == Kind::kReserved) {
      return "a value is not wrapped twice: null, or an error about equal types";
    }
    return between(w_idx, e.inner);
  }
  std::string_view in_fields(const Type& w, const Type& e) {
    for (const Field& field : e.fields) {
      const auto sent = std::ranges::find(w.fields, field.label, &Field::label);
      if (sent == w.fields.end()) {
        if (w.kind == Kind::kRecord && env_.resolved(field.type).kind == Kind::kNull) {
          return "a missing field of type null is refused";
        }
        continue;
      }
      const std::string_view found = between(sent->type, field.type);
      if (!found.empty()) return found;
    }
    return {};
  }

  const TypeEnv& env_;
  std::set<std::pair<TypeIdx, TypeIdx>> seen_;
};

struct Reading {
  TypeEnv env;
  std::vector<TypeIdx> wire;
  std::vector<TypeIdx> expected;
  Bytes bytes;
};

// A message and the types to read it at: above the wire types, or unrelated below an option, with
// an argument too many now and then.
Reading random_reading(uint64_t seed) {
  test::Random random(seed);
  Reading reading;
  reading.wire = random.types(reading.env, 1 + random.below(2));
  Arena arena;
  std::vector<Value> values;
  for (const TypeIdx type : reading.wire) {
    values.push_back(random.value(reading.env, type, arena));
  }
  reading.bytes = *encode(reading.env, reading.wire, values);
  for (const TypeIdx type : reading.wire) {
    if (!reading.expected.empty() && random.one_in(2)) break;
    TypeIdx other = random.supertype(reading.env, type);
    if (random.one_in(4)) other = reading.env.add_opt(random.type(reading.env, 3));
    if (random.one_in(8)) other = random.type(reading.env, 2);
    reading.expected.push_back(other);
  }
  return reading;
}

// The library reads what we read, as the same values, and refuses what we refuse, but where its
// deviations are on the way.
TEST(CandidJsOracle, ReadsAtOtherTypesButForItsKnownDeviations) {
  ASSERT_TRUE(test::has_node()) << "node is not installed: run scripts/test";
  std::vector<Reading> readings;
  std::vector<nlohmann::json> questions;
  for (uint64_t seed = 0; seed < 6000; ++seed) {
    readings.push_back(random_reading(seed));
    const Reading& one = readings.back();
    questions.push_back({{"op", "echo"},
                         {"nodes", nodes_json(one.env)},
                         {"types", indices(one.env, one.expected)},
                         {"hex", to_hex(one.bytes)}});
  }
  const auto answers = test::ask("js_oracle.mjs", kLibrary, questions);
  ASSERT_EQ(answers.size(), readings.size());
  std::map<std::string_view, size_t> known;
  size_t read = 0;
  size_t refused = 0;
  for (size_t i = 0; i < readings.size(); ++i) {
    const Reading& one = readings[i];
    const Expected expected{&one.env, one.expected};
    const auto text = [&](ByteView bytes) -> std::string {
      const auto values = decode(bytes, expected);
      if (!values) return "refused";
      return args_to_text(one.env, one.expected, values->values);
    };
    const std::string ours = text(one.bytes);
    const std::string theirs = answers[i].contains("error")
                                   ? "refused"
                                   : text(test::hex(answers[i]["hex"].get<std::string>()));
    if (ours == theirs) {
      ++(ours == "refused" ? refused : read);
      continue;
    }
    std::string_view deviation;
    for (size_t arg = 0; arg < one.expected.size() && deviation.empty(); ++arg) {
      deviation = Deviations(one.env).between(one.wire[arg], one.expected[arg]);
    }
    EXPECT_FALSE(deviation.empty()) << "seed " << i << ": " << print_type(one.env, one.wire[0])
                                    << " at " << print_type(one.env, one.expected[0]) << "\nours   "
                                    << ours << "\ntheirs " << theirs << answers[i].dump();
    ++known[deviation];
  }
  fmt::print("{} read alike, {} refused alike\n", read, refused);
  for (const auto& [words, count] : known) fmt::print("{} deviate: {}\n", count, words);
  EXPECT_GE(read, 3000U);
  EXPECT_GE(refused, 100U);
}

TEST(CandidJsOracle, AgreesOnTheRelationButForItsKnownDeviations) {
  ASSERT_TRUE(test::has_node()) << "node is not installed: run scripts/test";
  const auto rows = test::read_table("service_pairs.txt", 5);
  std::vector<nlohmann::json> questions;
  std::vector<bool> ours;
  for (const test::Row& row : rows) {
    // One arena for both services: the second is read behind the first.
    auto next = parse_program(test::service_text(row.cells[2]));
    auto previous = parse_program(test::service_text(row.cells[1]));
    ASSERT_TRUE(next && previous);
    nlohmann::json nodes = nodes_json(next->env);
    const size_t offset = nodes.size();
    for (nlohmann::json node : nodes_json(previous->env)) {
      if (node.contains("i")) node["i"] = node["i"].get<size_t>() + offset;
      for (const char* list : {"a", "r"}) {
        if (!node.contains(list)) continue;
        for (auto& item : node[list]) item = item.get<size_t>() + offset;
      }
      for (const char* list : {"f", "m"}) {
        if (!node.contains(list)) continue;
        for (auto& item : node[list]) item[1] = item[1].get<size_t>() + offset;
      }
      nodes.push_back(std::move(node));
    }
    const auto service = [](const Program& program) {
      return static_cast<size_t>(program.env.resolve(program.actor->service));
    };
    questions.push_back({{"op", "subtype"},
                         {"nodes", nodes},
                         {"sub", service(*next)},
                         {"super", service(*previous) + offset}});
    ours.push_back(row.cells[0] != "no");
  }
  const auto answers = test::ask("js_oracle.mjs", kLibrary, questions);
  ASSERT_EQ(answers.size(), rows.size());
  // The library does not know the rule of July 2026 that a service is below principal, and it does
  // not look through a recursive type for `opt`. Everything else agrees.
  const std::set<std::string> known = {"a service reads as its principal", "whatever its methods"};
  for (size_t i = 0; i < rows.size(); ++i) {
    ASSERT_TRUE(answers[i].contains("holds"))
        << "line " << rows[i].line << ": " << answers[i].dump();
    const bool agreed = answers[i]["holds"].get<bool>() == ours[i];
    EXPECT_EQ(agreed, !known.contains(rows[i].cells[4]))
        << "line " << rows[i].line << ": " << rows[i].cells[4];
  }
}

}  // namespace
}  // namespace canrec::candid
