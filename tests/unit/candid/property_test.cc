// SPDX-License-Identifier: Apache-2.0
// What must hold for all types and values, tried on random ones from fixed seeds.
#include <fmt/core.h>
#include <gtest/gtest.h>

#include "candid/binary.h"
#include "candid/parser.h"
#include "candid/printer.h"
#include "candid/subtype.h"
#include "candid/text.h"
#include "unit/candid/random.h"

namespace canrec::candid {
namespace {

constexpr uint64_t kSeeds = 2000;

// Types and values of one seed.
struct Case {
  explicit Case(uint64_t seed) : random(seed), types(random.types(env, 3)) {
    for (const TypeIdx type : types) values.push_back(random.value(env, type, arena));
  }
  test::Random random;
  TypeEnv env;
  std::vector<TypeIdx> types;
  Arena arena;
  std::vector<Value> values;
};

TEST(CandidProperty, EncodingAndDecodingGivesTheValueBack) {
  for (uint64_t seed = 0; seed < kSeeds; ++seed) {
    const Case one(seed);
    const auto bytes = encode(one.env, one.types, one.values);
    ASSERT_TRUE(bytes) << seed;
    const auto own = decode(*bytes);
    ASSERT_TRUE(own) << seed << ": " << own.error().message();
    const auto typed = decode(*bytes, {&one.env, one.types});
    ASSERT_TRUE(typed) << seed << ": " << typed.error().message();
    EXPECT_EQ(*encode(own->env, own->types, own->values), *bytes) << seed;
    EXPECT_EQ(*encode(one.env, one.types, typed->values), *bytes) << seed;
    EXPECT_EQ(args_to_text(one.env, one.types, typed->values),
              args_to_text(one.env, one.types, one.values));
  }
}

TEST(CandidProperty, PrintingAndParsingGivesTheBytesBack) {
  for (uint64_t seed = 0; seed < kSeeds; ++seed) {
    const Case one(seed);
    const auto bytes = encode(one.env, one.types, one.values);
    ASSERT_TRUE(bytes);
    const std::string text = args_to_text(one.env, one.types, one.values);
    const auto read = parse_args(text, one.env, one.types);
    ASSERT_TRUE(read) << seed << ": " << text << "\n" << read.error().message();
    EXPECT_EQ(*encode(one.env, one.types, read->values), *bytes) << seed << ": " << text;
  }
}

TEST(CandidProperty, PrintingTypesAndParsingThemGivesEqualTypes) {
  for (uint64_t seed = 0; seed < kSeeds; ++seed) {
    Case one(seed);
    Program program;
    program.env = one.env;
    const std::string file = print_program(program);
    const auto reread = parse_program(file);
    ASSERT_TRUE(reread) << seed << "\n" << file << reread.error().message();
    EXPECT_EQ(print_program(*reread), file);
    std::string tuple = file + "(";
    for (const TypeIdx type : one.types) tuple += print_type(one.env, type) + ", ";
    const auto types = parse_type_tuple(tuple + ")");
    ASSERT_TRUE(types) << tuple << types.error().message();
    for (size_t i = 0; i < one.types.size(); ++i) {
      const TypeRef here{&one.env, one.types[i]};
      const TypeRef there{&types->env, types->args[i].type};
      EXPECT_TRUE(*is_strict_subtype(here, there) && *is_strict_subtype(there, here)) << tuple;
    }
  }
}

TEST(CandidProperty, SubtypingIsReflexive) {
  for (uint64_t seed = 0; seed < kSeeds; ++seed) {
    const Case one(seed);
    for (const TypeIdx type : one.types) {
      EXPECT_TRUE(*is_subtype({&one.env, type}, {&one.env, type}));
      EXPECT_TRUE(*is_strict_subtype({&one.env, type}, {&one.env, type}));
    }
  }
}

TEST(CandidProperty, SubtypingIsTransitive) {
  uint64_t chains = 0;
  for (uint64_t seed = 0; seed < kSeeds; ++seed) {
    Case one(seed);
    for (const TypeIdx low : one.types) {
      const TypeIdx middle = one.random.supertype(one.env, low);
      const TypeIdx high = one.random.supertype(one.env, middle);
      const auto holds = [&one](TypeIdx s, TypeIdx t) {
        return *is_subtype({&one.env, s}, {&one.env, t});
      };
      EXPECT_TRUE(holds(low, middle)) << seed;
      EXPECT_TRUE(holds(middle, high)) << seed;
      EXPECT_TRUE(holds(low, high)) << seed;
      ++chains;
    }
    // Unrelated types too: wherever two links hold, the third does.
    for (const TypeIdx a : one.types) {
      for (const TypeIdx b : one.types) {
        for (const TypeIdx c : one.types) {
          const auto holds = [&one](TypeIdx s, TypeIdx t) {
            return *is_subtype({&one.env, s}, {&one.env, t});
          };
          EXPECT_TRUE(!holds(a, b) || !holds(b, c) || holds(a, c)) << seed;
        }
      }
    }
  }
  EXPECT_EQ(chains, kSeeds * 3);
}

TEST(CandidProperty, ValuesOfASubtypeReadAtTheSupertype) {
  for (uint64_t seed = 0; seed < kSeeds; ++seed) {
    Case one(seed);
    std::vector<TypeIdx> wanted;
    for (const TypeIdx type : one.types) wanted.push_back(one.random.supertype(one.env, type));
    const auto bytes = encode(one.env, one.types, one.values);
    ASSERT_TRUE(bytes);
    const auto read = decode(*bytes, {&one.env, wanted});
    ASSERT_TRUE(read) << seed << ": " << read.error().message();
    // And what was read is a value of the supertype.
    EXPECT_TRUE(encode(one.env, wanted, read->values)) << seed;
  }
}

// Types that have nothing to do with each other: reading ends in values or in a mismatch, and when
// the relation holds it ends in values.
TEST(CandidProperty, TheRelationAndTheReaderAgree) {
  uint64_t related = 0;
  for (uint64_t seed = 0; seed < kSeeds; ++seed) {
    Case one(seed);
    for (size_t i = 0; i < one.types.size(); ++i) {
      const TypeIdx sent[] = {one.types[i]};
      const TypeIdx wanted[] = {one.types[(i + 1) % one.types.size()]};
      const auto bytes = encode(one.env, sent, {&one.values[i], 1});
      ASSERT_TRUE(bytes);
      const auto read = decode(*bytes, {&one.env, wanted});
      const bool holds = *is_subtype({&one.env, sent[0]}, {&one.env, wanted[0]});
      related += holds ? 1 : 0;
      if (holds) {
        // One exception: a bare value at `type o = opt o` would be wrapped without end.
        const bool endless =
            !read && read.error().message().ends_with("the expected type is an endless option");
        EXPECT_TRUE(read || endless)
            << seed << ": " << print_type(one.env, sent[0]) << " at "
            << print_type(one.env, wanted[0]) << ": " << (read ? "" : read.error().message());
      } else if (!read) {
        EXPECT_EQ(read.error().code(), Errc::kCandidMismatch) << seed;
      }
    }
  }
  EXPECT_GT(related, kSeeds / 4);
}

TEST(CandidProperty, BigIntegersKeepTheirValueInEveryForm) {
  test::Random random(7);
  for (size_t i = 0; i < 3000; ++i) {
    std::string digits = "1";
    for (uint64_t n = random.below(90); n > 0; --n)
      digits += static_cast<char>('0' + random.below(10));
    const bool negative = random.one_in(2);
    const BigInt value = *BigInt::parse(digits, negative);
    EXPECT_EQ(value.text(false), (negative ? "-" : "") + digits);
    Bytes leb;
    value.append_signed_leb(leb);
    EXPECT_EQ(BigInt::from_signed_leb(leb), value) << digits;
    if (!negative) {
      Bytes plain;
      value.append_unsigned_leb(plain);
      EXPECT_EQ(BigInt::from_unsigned_leb(plain), value);
    }
    EXPECT_TRUE(!value.fits_s64() || BigInt::from_s64(value.to_s64()) == value);
  }
}

}  // namespace
}  // namespace canrec::candid
