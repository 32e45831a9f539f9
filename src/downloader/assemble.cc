// SPDX-License-Identifier: Apache-2.0
// From template to module:
//
//  1. %common% and the macros are replaced by WAT for the width and the callers;
//  2. Binaryen parses, validates, optimises for size and writes the module;
//  3. the custom sections are appended and our own validator reads the result.
#include "downloader/assemble.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <memory>

#include "candid/hash.h"
#include "downloader/binaryen.h"
#include "ic/limits.h"
#include "wasm/builder.h"
#include "wasm/edit.h"
#include "wasm/validate.h"

namespace canrec::downloader {
namespace {

constexpr std::string_view kCommon =
#include "downloader/common.wat.inc"
    ;

constexpr unsigned kSavedWords = 4;  // the 32 scratch bytes

void replace_all(std::string& text, std::string_view from, std::string_view to) {
  for (size_t at = 0; (at = text.find(from, at)) != std::string::npos; at += to.size()) {
    text.replace(at, from.size(), to);
  }
}

// The constant bytes of a canister: one passive segment that code copies pieces of to the scratch.
// An upgrade that keeps memory leaves passive segments usable; active ones would never arrive.
class Constants {
 public:
  // Where the bytes stand, as the two i32 operands (offset, length).
  std::string place(ByteView bytes) {
    CANREC_ASSERT(bytes.size() <= 8 * kSavedWords);
    const std::string_view text = as_text(bytes);
    size_t at = pool_.find(text);
    if (at == std::string::npos) {
      at = pool_.size();
      pool_ += text;
    }
    return fmt::format("(i32.const {}) (i32.const {})", at, bytes.size());
  }
  // The segment as WAT.
  std::string segment() const {
    std::string out = "(data $constants \"";
    for (const char c : pool_) {
      const auto byte = static_cast<uint8_t>(c);
      const bool plain = byte >= 0x20 && byte < 0x7f && c != '"' && c != '\\';
      out += plain ? std::string(1, c) : fmt::format("\\{:02x}", byte);
    }
    return out + "\")";
  }

 private:
  std::string pool_;
};

// The bytes of a WAT string: plain characters and \hh.
Bytes unescape(std::string_view text) {
  Bytes out;
  for (size_t at = 0; at < text.size();) {
    if (text[at] == '\\') {
      Bytes byte;
      CANREC_ASSERT(from_hex(text.substr(at + 1, 2), byte));
      append(out, byte);
      at += 3;
    } else {
      out.push_back(static_cast<uint8_t>(text[at++]));
    }
  }
  return out;
}

// %bytes "text"% becomes the place of the bytes among the constants.
void expand_bytes(std::string& text, Constants& constants) {
  static constexpr std::string_view kBegin = "%bytes \"";
  static constexpr std::string_view kEnd = "\"%";
  for (size_t at = 0; (at = text.find(kBegin, at)) != std::string::npos;) {
    const size_t begin = at + kBegin.size();
    const size_t end = text.find(kEnd, begin);
    CANREC_ASSERT(end != std::string::npos);
    const std::string literal = text.substr(begin, end - begin);
    text.replace(at, end + kEnd.size() - at,
                 fmt::format("{} (; \"{}\" ;)", constants.place(unescape(literal)), literal));
  }
}

// The reply (record { name : nat64; ... }): type table, then the values in the order of their
// labels.
std::string record_reply(std::vector<InfoField> fields, Constants& constants) {
  std::ranges::sort(fields, {}, [](const InfoField& f) { return candid::label_hash(f.name); });
  Bytes header = {'D', 'I', 'D', 'L', 1, 0x6c};
  append_leb_u64(header, fields.size());
  for (const InfoField& field : fields) {
    append_leb_u64(header, candid::label_hash(field.name));
    header.push_back(0x78);
  }
  append(header, Bytes{1, 0});
  std::string out;
  for (ByteView rest = header; !rest.empty();) {
    const ByteView piece = rest.first(std::min<size_t>(rest.size(), 8 * kSavedWords));
    out +=
        fmt::format("(call $append_constant {}) ;; type of the record\n", constants.place(piece));
    rest = rest.subspan(piece.size());
  }
  for (const InfoField& field : fields) {
    out += fmt::format("        (call $append_nat64 {}) ;; {}\n", field.expression, field.name);
  }
  return out;
}

// (result i32) whether the caller, in the scratch with length $n, is let in. For a list it must be
// zero-filled to 32 bytes (%clear%).
std::string authorisation(const Access& access) {
  switch (access.kind) {
    case Access::Kind::kAnyone:
      return "(i32.const 1)";
    case Access::Kind::kControllers:
      return "(call $is_controller (%ptr%.const 0) (local.get $n))";
    case Access::Kind::kPrincipals:
      break;
  }
  std::string out = "(i32.const 0)";
  for (const ic::Principal& principal : access.principals) {
    std::array<uint8_t, 32> padded{};
    const ByteView bytes = principal.bytes();
    std::ranges::copy(bytes, padded.begin());
    std::string same = fmt::format("(%ptr%.eq (local.get $n) (%ptr%.const {}))", bytes.size());
    for (size_t at = 0; at < padded.size(); at += 8) {
      same = fmt::format(
          "(i32.and {} (i64.eq (i64.load offset={} align=1 (%ptr%.const 0)) "
          "(i64.const 0x{:x})))",
          same, at, load_le<uint64_t>(&padded[at]));
    }
    out = fmt::format("(i32.or {}\n      {})", out, same);
  }
  return out;
}

std::string fill_in(const Recipe& recipe, Width width, const Access& access) {
  std::string text(recipe.source);
  replace_all(text, "%common%", kCommon);
  Constants constants;
  replace_all(text, "%info-reply%", record_reply(recipe.info, constants));
  replace_all(text, "%authorisation%", authorisation(access));
  replace_all(text, "%clear%",
              access.kind == Access::Kind::kPrincipals
                  ? "(memory.fill (%ptr%.const 0) (i32.const 0) (%ptr%.const 32))"
                  : "");
  replace_all(text, "%query-limit%", std::to_string(query_limit()));
  replace_all(text, "%replicated-limit%", std::to_string(replicated_limit()));
  expand_bytes(text, constants);
  replace_all(text, "%constants%", constants.segment());
  std::string globals;
  std::string save;
  std::string restore;
  for (unsigned i = 0; i < kSavedWords; ++i) {
    globals += fmt::format("(global $s{} (mut i64) (i64.const 0)) ", i);
    save +=
        fmt::format("(global.set $s{} (i64.load offset={} align=1 (%ptr%.const 0))) ", i, 8 * i);
    restore +=
        fmt::format("(i64.store offset={} align=1 (%ptr%.const 0) (global.get $s{})) ", 8 * i, i);
  }
  replace_all(text, "%saved-globals%", globals);
  replace_all(text, "%save%", save);
  replace_all(text, "%restore%", restore);
  const bool wide = width == Width::k64;
  replace_all(text, "%ptr%", wide ? "i64" : "i32");
  replace_all(text, "%memory%", wide ? "i64" : "");
  replace_all(text, "%addr%", wide ? "block (result i64)" : "i32.wrap_i64");
  replace_all(text, "%wide%", wide ? "block (result i64)" : "i64.extend_i32_u");
  replace_all(text, "%flag%", wide ? "i64.extend_i32_u" : "block (result i32)");
  return text;
}

struct ModuleDeleter {
  using pointer = BinaryenModuleRef;
  decltype(Binaryen::ModuleDispose) dispose;
  void operator()(BinaryenModuleRef module) const { dispose(module); }
};
using ModuleOwner = std::unique_ptr<BinaryenModuleRef, ModuleDeleter>;

Result<Bytes> to_binary(const std::string& wat) {
  CANREC_TRY(const Binaryen binaryen, load_binaryen(CANREC_BINARYEN));
  const ModuleOwner module(binaryen.ModuleParse(wat.c_str()), {binaryen.ModuleDispose});
  binaryen.ModuleSetFeatures(module.get(), binaryen.FeatureBulkMemory() |
                                               binaryen.FeatureMemory64() |
                                               binaryen.FeatureMutableGlobals());
  if (!binaryen.ModuleValidate(module.get())) {
    return fail(Errc::kGenerate, "the generated module does not validate in Binaryen");
  }
  binaryen.SetOptimizeLevel(2);
  binaryen.SetShrinkLevel(2);
  binaryen.SetDebugInfo(false);
  // The default passes would put the value of every constant global where it is used: ten bytes for
  // each use of a prime instead of two. A second round finds what the first one opened up.
  std::array<const char*, 11> passes = {"inlining-optimizing",
                                        "simplify-locals",
                                        "coalesce-locals",
                                        "remove-unused-brs",
                                        "merge-blocks",
                                        "optimize-instructions",
                                        "vacuum",
                                        "reorder-locals",
                                        "remove-unused-names",
                                        "reorder-functions",
                                        "remove-unused-module-elements"};
  for (int round = 0; round < 2; ++round) {
    binaryen.ModuleRunPasses(module.get(), passes.data(), passes.size());
  }
  const BinaryenModuleAllocateAndWriteResult result =
      binaryen.ModuleAllocateAndWrite(module.get(), nullptr);
  const auto* bytes = static_cast<const uint8_t*>(result.binary);
  Bytes out(bytes, bytes + result.binaryBytes);
  std::free(result.binary);
  std::free(result.sourceMap);
  return out;
}

// The template declares one page, because Binaryen 108 refuses a passive segment beside a memory
// that begins empty. The canister must also take over a heap of 0 pages, so the minimum becomes 0.
Result<Bytes> without_minimum(const Bytes& assembled) {
  CANREC_TRY(const wasm::Module module, wasm::read_module(assembled));
  CANREC_ASSERT(module.memories.size() == 1);
  const wasm::ByteRange range = module.memories[0].range;
  Bytes limits = {module.memories[0].limits.is_64 ? uint8_t{0x04} : uint8_t{0x00}, 0};
  return wasm::apply_edits(module, {{wasm::EditScope::kSection, range, std::move(limits)}});
}

}  // namespace

uint64_t query_limit() { return ic::limits::kQueryReplyBytes - kHeaderBytes; }
uint64_t replicated_limit() { return ic::limits::kReplyBytes - kHeaderBytes; }

Result<Generated> assemble(const Recipe& recipe, Width width, const Access& access) {
  if (access.kind == Access::Kind::kPrincipals && access.principals.empty()) {
    return fail(Errc::kBadArgument, "an access list needs at least one principal");
  }
  Generated out;
  out.wat = fill_in(recipe, width, access);
  out.did = recipe.did;
  CANREC_TRY(const Bytes assembled, to_binary(out.wat));
  CANREC_TRY(out.module, without_minimum(assembled));
  out.code_size = out.module.size();
  append(out.module, wasm::custom_section("icp:public candid:service", as_bytes(out.did)));
  append(out.module,
         wasm::custom_section("icp:private enhanced-orthogonal-persistence", as_bytes("canrec")));
  CANREC_TRY(const wasm::Module module, wasm::read_module(out.module));
  CANREC_CHECK(wasm::validate(module));
  if (const auto broken = wasm::check_network_rules(module); !broken.empty()) {
    return fail(Errc::kGenerate, broken.front().text);
  }
  return out;
}

}  // namespace canrec::downloader
