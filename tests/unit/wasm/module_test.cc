// SPDX-License-Identifier: Apache-2.0
#include "wasm/module.h"

#include <gtest/gtest.h>

#include "base/limits.h"
#include "unit/wasm/parts.h"
#include "unit/wasm/sample.h"

namespace canrec::wasm {
namespace {

using namespace parts;

TEST(ReadModule, ReadsTheSample) {
  const Bytes bytes = sample_module();
  const auto module = read_module(bytes);
  ASSERT_TRUE(module) << module.error().message();
  const Status valid = validate(*module);
  EXPECT_TRUE(valid) << valid.error().message();
  EXPECT_EQ(module->sections.size(), 16u);
  EXPECT_EQ(module->types.size(), 2u);
  EXPECT_EQ(module->functions.size(), 4u);
  EXPECT_EQ(module->imported_functions, 1u);
  EXPECT_EQ(module->elements.size(), 8u);
  EXPECT_EQ(module->data.size(), 2u);
  EXPECT_EQ(module->start, FuncIdx{3});
  EXPECT_EQ(module->section(SectionId::kType)->size_width, 5u);
  EXPECT_EQ(module->find_export("five")->index, 1u);
  EXPECT_EQ(as_text(module->view(module->data[0].bytes)), "abc");
  EXPECT_EQ(module->custom("icp:public candid:service")->payload.size(), 12u);
}

TEST(ReadModule, KeepsEveryByteOfTheSample) { check_everything(sample_module()); }

TEST(ReadModule, SurvivesEveryTruncation) {
  const Bytes bytes = sample_module();
  for (size_t n = 0; n < bytes.size(); ++n) {
    SCOPED_TRACE(n);
    const Bytes cut(bytes.begin(), bytes.begin() + static_cast<ptrdiff_t>(n));
    check_everything(cut);
    if (HasFatalFailure()) return;
  }
}

TEST(ReadModule, SurvivesEveryChangeOfOneByte) {
  const Bytes bytes = sample_module();
  for (size_t i = 0; i < bytes.size(); ++i) {
    for (unsigned value = 0; value < 256; ++value) {
      Bytes changed = bytes;
      changed[i] = static_cast<uint8_t>(value);
      SCOPED_TRACE(testing::Message() << "byte " << i << " = " << value);
      check_everything(changed);
      if (HasFatalFailure()) return;
    }
  }
}

// Expects a refusal with this code at this offset.
void rejected(const Bytes& bytes, Errc errc, uint64_t offset, std::string_view part = "") {
  const auto module = read_module(bytes);
  ASSERT_FALSE(module);
  EXPECT_EQ(module.error().code(), errc) << module.error().message();
  EXPECT_EQ(module.error().offset(), offset) << module.error().message();
  EXPECT_NE(module.error().message().find(part), std::string::npos) << module.error().message();
}

TEST(ReadModule, RejectsOtherFiles) {
  rejected({}, Errc::kWasmMagic, 0);
  rejected({0x00, 0x61, 0x73}, Errc::kWasmMagic, 0);
  rejected({'#', '!', '/', 'b', 'i', 'n', '/', 's', 'h'}, Errc::kWasmMagic, 0);
  rejected({0x00, 0x61, 0x73, 0x6d, 0x02, 0x00, 0x00, 0x00}, Errc::kWasmVersion, 4);
  rejected({0x00, 0x61, 0x73, 0x6d, 0x0d, 0x00, 0x01, 0x00}, Errc::kWasmUnsupported, 4,
           "component model");
}

Bytes with_sections(std::initializer_list<Bytes> sections) {
  Bytes out = module_header();
  for (const Bytes& piece : sections) append(out, piece);
  return out;
}

TEST(ReadModule, RejectsSectionsOutOfOrderOrTwice) {
  const Bytes types = section(SectionId::kType, Bytes{0x00});
  const Bytes imports = section(SectionId::kImport, Bytes{0x00});
  rejected(with_sections({types, types}), Errc::kWasmSectionOrder, 11, "twice");
  rejected(with_sections({imports, types}), Errc::kWasmSectionOrder, 11, "out of order");
  rejected(with_sections({section(SectionId::kCode, Bytes{0x00}),
                          section(SectionId::kDataCount, Bytes{0x00})}),
           Errc::kWasmSectionOrder, 11, "out of order");
  EXPECT_TRUE(read_module(with_sections({section(SectionId::kDataCount, Bytes{0x00}),
                                         section(SectionId::kCode, Bytes{0x00}),
                                         section(SectionId::kData, Bytes{0x00})})));
}

TEST(ReadModule, RejectsSectionsWithTooManyOrTooFewBytes) {
  rejected(with_sections({section(SectionId::kType, Bytes{0x00, 0x00})}), Errc::kWasmSectionSize,
           11);
  rejected(with_sections({Bytes{0x01, 0x05, 0x00}}), Errc::kUnexpectedEof, 9);
  rejected(with_sections({section(SectionId::kMemory, Bytes{0x01, 0x00})}), Errc::kUnexpectedEof,
           10);
}

TEST(ReadModule, RejectsLengthsThatOverflow) {
  // A size of six bytes, and one with bits beyond the 32nd.
  rejected(with_sections({Bytes{0x01, 0x80, 0x80, 0x80, 0x80, 0x80, 0x00}}), Errc::kLebTooLong, 13);
  rejected(with_sections({Bytes{0x01, 0x80, 0x80, 0x80, 0x80, 0x10}}), Errc::kLebUnusedBits, 13);
  // 2^32 - 1 types in one byte: nothing is allocated for them.
  rejected(with_sections({section(SectionId::kType, Bytes{0xff, 0xff, 0xff, 0xff, 0x0f, 0x60})}),
           Errc::kUnexpectedEof, 10);
}

TEST(ReadModule, RejectsFourBillionLocals) {
  Parts parts;
  parts.locals = {0x01, 0xff, 0xff, 0xff, 0xff, 0x0f, kI32};
  const Bytes one_group = parts.module();
  const auto module = read_module(one_group);
  ASSERT_FALSE(module);
  EXPECT_EQ(module.error().code(), Errc::kLimit);
  parts.locals = {0x02, 0xff, 0xff, 0xff, 0xff, 0x0f, kI32, 0xff, 0xff, 0xff, 0xff, 0x0f, kI64};
  EXPECT_FALSE(read_module(parts.module()));
}

TEST(ReadModule, LimitsLocals) {
  const auto with = [](uint64_t n) {
    Parts parts;
    parts.locals = {0x01};
    append_leb_u64(parts.locals, n);
    parts.locals.push_back(kI32);
    const Bytes bytes = parts.module();
    return read_module(bytes).has_value();
  };
  EXPECT_TRUE(with(limits::kFunctionLocals - 1));
  EXPECT_TRUE(with(limits::kFunctionLocals));
  EXPECT_FALSE(with(limits::kFunctionLocals + 1));
}

// A module with one section of n equal entries.
Bytes with_entries(SectionId id, uint64_t n, const Bytes& entry) {
  Bytes content;
  append_leb_u64(content, n);
  content.reserve(content.size() + n * entry.size());
  for (uint64_t i = 0; i < n; ++i) append(content, entry);
  return with_sections({section(id, content)});
}

TEST(ReadModule, LimitsEntries) {
  const std::tuple<SectionId, uint32_t, Bytes> cases[] = {
      {SectionId::kType, limits::kModuleEntries, {0x60, 0x00, 0x00}},
      {SectionId::kGlobal, limits::kModuleEntries, {kI32, 0x00, 0x41, 0x00, 0x0b}},
      {SectionId::kData, limits::kSegments, {0x01, 0x00}},
      {SectionId::kElement, limits::kSegments, {0x01, 0x00, 0x00}},
      {SectionId::kTable, limits::kTables, {kFunc, 0x00, 0x00}},
  };
  for (const auto& [id, most, entry] : cases) {
    SCOPED_TRACE(to_string(id));
    const Bytes fits = with_entries(id, most, entry);
    EXPECT_TRUE(read_module(fits));
    const Bytes exceeds = with_entries(id, most + 1, entry);
    const auto module = read_module(exceeds);
    ASSERT_FALSE(module);
    EXPECT_EQ(module.error().code(), Errc::kLimit) << module.error().message();
  }
  const auto items = [](uint32_t n) {
    Parts parts;
    Bytes segment = {0x01, 0x00};
    append_leb_u64(segment, n);
    segment.insert(segment.end(), n, 0x00);
    parts.elements = {segment};
    const Bytes bytes = parts.module();
    return read_module(bytes).has_value();
  };
  EXPECT_TRUE(items(limits::kSegmentItems));
  EXPECT_FALSE(items(limits::kSegmentItems + 1));
  Bytes sections = module_header();
  for (uint32_t i = 0; i < limits::kModuleEntries; ++i) append(sections, Bytes{0x00, 0x01, 0x00});
  EXPECT_TRUE(read_module(sections));
  append(sections, Bytes{0x00, 0x01, 0x00});
  const auto module = read_module(sections);
  ASSERT_FALSE(module);
  EXPECT_EQ(module.error().code(), Errc::kLimit);
  EXPECT_EQ(module.error().offset(), sections.size() - 3);
}

struct Refused {
  const char* proposal;
  Bytes module;
};

TEST(ReadModule, NamesTheProposalThatItRefuses) {
  const auto with = [](auto change) {
    Parts parts;
    change(parts);
    return parts.module();
  };
  const Refused cases[] = {
      {"multiple memories", with([](Parts& p) {
         p.memories = {{0x00, 0x01}, {0x00, 0x01}};
       })},
      {"threads and atomics", with([](Parts& p) {
         p.memories = {{0x03, 0x01, 0x01}};
       })},
      {"custom page sizes", with([](Parts& p) {
         p.memories = {{0x08, 0x01, 0x00}};
       })},
      {"exception handling", with([](Parts& p) { p.exports = {export_of("t", 4, 0)}; })},
      {"exception handling", with_sections({Bytes{0x0d, 0x01, 0x00}})},
      {"exception handling", with([](Parts& p) {
         p.types.push_back({0x60, 0x01, 0x69, 0x00});
       })},
      {"garbage collection", with([](Parts& p) {
         p.types.push_back({0x5f, 0x01, kI32, 0x00});
       })},
      {"garbage collection", with([](Parts& p) {
         p.types.push_back({0x60, 0x01, 0x6e, 0x00});
       })},
      {"typed function references", with([](Parts& p) {
         p.types.push_back({0x60, 0x01, 0x64, 0x00, 0x00});
       })},
      {"typed function references", with([](Parts& p) {
         p.tables = {{0x40, 0x00, kFunc, 0x00, 0x00, 0xd0, kFunc, 0x0b}};
       })},
      {"extended constant expressions", with([](Parts& p) {
         p.globals = {{kI32, 0x00, 0x41, 0x01, 0x41, 0x02, 0x6a, 0x0b}};
       })},
  };
  for (const Refused& one : cases) {
    const auto module = read_module(one.module);
    ASSERT_FALSE(module) << one.proposal;
    EXPECT_EQ(module.error().code(), Errc::kWasmUnsupported) << module.error().message();
    EXPECT_NE(module.error().message().find(one.proposal), std::string::npos)
        << module.error().message();
    EXPECT_TRUE(module.error().offset());
  }
}

TEST(Validate, NamesTheProposalOfARefusedInstruction) {
  const std::pair<const char*, Bytes> cases[] = {
      {"threads and atomics", {0xfe, 0x03, 0x00}},
      {"exception handling", {0x06, 0x40, 0x0b}},
      {"exception handling", {0x08, 0x00}},
      {"relaxed SIMD", {0xfd, 0x80, 0x02}},
      {"garbage collection", {0xfb, 0x00, 0x00}},
      {"wide arithmetic", {0xfc, 0x13}},
      {"typed function references", {0x14, 0x00}},
      {"stack switching", {0xe0, 0x00}},
      {"multiple memories", {0x41, 0x00, 0x28, 0x42, 0x00, 0x00}},
  };
  for (const auto& [proposal, code] : cases) {
    Parts parts;
    parts.memories = {{0x00, 0x01}};
    parts.code = code;
    const Bytes bytes = parts.module();
    const auto module = read_module(bytes);
    ASSERT_TRUE(module) << proposal;
    const Status status = validate(*module);
    ASSERT_FALSE(status) << proposal;
    EXPECT_EQ(status.error().code(), Errc::kWasmUnsupported) << status.error().message();
    EXPECT_NE(status.error().message().find(proposal), std::string::npos)
        << status.error().message();
    EXPECT_GE(*status.error().offset(), module->functions[0].code.begin);
  }
}

TEST(ReadModule, RejectsCountsThatDisagree) {
  Parts parts;
  parts.data_count = {0x01};
  const Bytes no_data = parts.module();
  rejected(no_data, Errc::kWasmMalformed, no_data.size(), "data count says 1");
  rejected(with_sections({section(SectionId::kType, one(func_type({}, {}))),
                          section(SectionId::kFunction, Bytes{0x01, 0x00})}),
           Errc::kWasmMalformed, 18, "1 functions are declared and 0 have a body");
}

TEST(ReadModule, RejectsIndicesOfThingsThatAreNotThere) {
  Parts parts;
  parts.exports = {export_of("f", 0, 7)};
  EXPECT_EQ(read_module(parts.module()).error().code(), Errc::kWasmIndex);
  parts.exports.clear();
  parts.start = {0x05};
  EXPECT_EQ(read_module(parts.module()).error().code(), Errc::kWasmIndex);
  parts.start.clear();
  parts.data = {{0x00, 0x41, 0x00, 0x0b, 0x00}};
  EXPECT_EQ(read_module(parts.module()).error().code(), Errc::kWasmIndex);
  parts.data.clear();
  parts.elements = {{0x00, 0x41, 0x00, 0x0b, 0x00}};
  EXPECT_EQ(read_module(parts.module()).error().code(), Errc::kWasmIndex);
}

TEST(ReadItems, GivesTheFunctionOfEveryForm) {
  const Bytes bytes = sample_module();
  const auto module = read_module(bytes);
  ASSERT_TRUE(module);
  std::vector<std::vector<int>> all;
  for (const ElementSegment& segment : module->elements) {
    std::vector<int> items;
    for (const ElementItem& item : read_items(*module, segment)) {
      items.push_back(item.function ? static_cast<int>(std::to_underlying(*item.function)) : -1);
    }
    all.push_back(items);
  }
  const std::vector<std::vector<int>> expected = {{1, 2}, {3}, {1}, {2}, {1, -1}, {}, {3}, {2}};
  EXPECT_EQ(all, expected);
  EXPECT_EQ(read_items(*module, module->elements[0])[1].index_range.size(), 2u);
}

TEST(ReadLocals, GivesTheGroups) {
  const Bytes bytes = sample_module();
  const auto module = read_module(bytes);
  ASSERT_TRUE(module);
  const auto groups = read_locals(*module, module->functions[1]);
  ASSERT_TRUE(groups);
  ASSERT_EQ(groups->size(), 1u);
  EXPECT_EQ((*groups)[0].count, 2u);
  EXPECT_EQ((*groups)[0].type, ValType::kI32);
}

}  // namespace
}  // namespace canrec::wasm
