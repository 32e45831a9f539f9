// SPDX-License-Identifier: Apache-2.0
#pragma once

// Modules for the patch tests, written as WAT and assembled by WABT, with custom sections behind.

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <string_view>

#include <fmt/core.h>

#include "base/gzip.h"
#include "base/hash.h"
#include "patch/apply.h"
#include "patch/plan.h"
#include "wasm/builder.h"
#include "wasm/load.h"
#include "wasm/names.h"
#include "wasm/text.h"

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wshadow"
#pragma GCC diagnostic ignored "-Wconversion"
#pragma GCC diagnostic ignored "-Wold-style-cast"
#pragma GCC diagnostic ignored "-Wunused-parameter"
#include <wabt/binary-writer.h>
#include <wabt/ir.h>
#include <wabt/stream.h>
#include <wabt/wast-lexer.h>
#include <wabt/wast-parser.h>
#pragma GCC diagnostic pop

namespace canrec::patch {

/// Assembles WAT with a name section.
inline Bytes assemble_wat(std::string_view wat) {
  wabt::Features features;
  features.enable_tail_call();
  features.enable_memory64();
  wabt::Errors errors;
  const auto lexer = wabt::WastLexer::CreateBufferLexer("", wat.data(), wat.size(), &errors);
  std::unique_ptr<wabt::Module> ir;
  wabt::WastParseOptions options(features);
  const wabt::Result parsed = wabt::ParseWatModule(lexer.get(), &ir, &errors, &options);
  if (Failed(parsed)) {
    ADD_FAILURE() << "line " << errors[0].loc.line << ": " << errors[0].message;
    return {};
  }
  wabt::MemoryStream stream;
  EXPECT_TRUE(Succeeded(wabt::WriteBinaryModule(
      &stream, ir.get(), wabt::WriteBinaryOptions(features, true, false, true))));
  return stream.output_buffer().data;
}

/// A loaded module that owns its bytes.
class TestModule {
 public:
  explicit TestModule(Bytes bytes) : bytes_(std::make_unique<Bytes>(std::move(bytes))) {
    auto loaded = wasm::load_module(*bytes_);
    EXPECT_TRUE(loaded.has_value()) << loaded.error().message();
    if (loaded) loaded_ = std::move(*loaded);
  }
  explicit TestModule(std::string_view wat) : TestModule(assemble_wat(wat)) {}

  const wasm::LoadedModule& loaded() const { return loaded_; }
  const wasm::Module& module() const { return loaded_.module; }
  const Bytes& bytes() const { return *bytes_; }

 private:
  std::unique_ptr<Bytes> bytes_;
  wasm::LoadedModule loaded_;
};

/// Applies a plan that must apply, and gives the result.
inline TestModule patched(const TestModule& input, const Result<Plan>& plan) {
  EXPECT_TRUE(plan.has_value()) << plan.error().message();
  if (!plan) return TestModule(input.bytes());
  auto result = apply(input.loaded(), *plan);
  EXPECT_TRUE(result.has_value()) << result.error().message();
  return TestModule(result ? std::move(result->stored) : input.bytes());
}

/// The instructions of a function, one a line, without indentation.
inline std::string code_of(const TestModule& module, std::string_view function) {
  const wasm::FunctionNames names(module.module(), wasm::FunctionNames::Style::kRaw);
  for (uint32_t i = 0; i < module.module().functions.size(); ++i) {
    const wasm::FuncIdx fn{i};
    if (names.raw(fn) != function || module.module().function(fn).is_import()) continue;
    std::string text;
    const auto lines = wasm::body_text(module.module(), names, fn);
    EXPECT_TRUE(lines.has_value());
    if (!lines) return "";
    for (const wasm::TextLine& line : *lines) text += line.text + "\n";
    return text;
  }
  ADD_FAILURE() << "no function " << function;
  return "";
}

/// A 32-bit canister with a hook that writes without growing, a table, data and a custom section.
inline TestModule small_canister() {
  Bytes bytes = assemble_wat(R"((module
  (type $unit (func))
  (import "ic0" "stable_write" (func $stable_write (param i32 i32 i32)))
  (import "ic0" "stable_size" (func $stable_size (result i32)))
  (import "ic0" "msg_reply" (func $msg_reply))
  (memory 1 10)
  (table 8 funcref)
  (global $state (mut i32) (i32.const 7))
  (elem (i32.const 1) $helper $msg_reply $update)
  (elem declare func $helper)
  (func $helper (type $unit)
    (drop (ref.func $update)))
  (func $save (param $from i32) (param $length i32)
    i32.const 0
    local.get $from
    local.get $length
    call $stable_write)
  (func $pre (type $unit) (local $n i32)
    i32.const 64
    i32.const 100
    call $save
    call $stable_size
    local.set $n)
  (func $update (type $unit)
    i32.const 65536
    i32.const 0
    i32.const 3
    call $stable_write
    i32.const 1
    call_indirect (type $unit)
    call $msg_reply)
  (func $tail (param i32 i32 i32)
    local.get 0
    local.get 1
    local.get 2
    return_call $stable_write)
  (start $helper)
  (export "canister_pre_upgrade" (func $pre))
  (export "canister_update go" (func $update))
  (export "memory" (memory 0))
  (data (i32.const 64) "hello")))");
  append(bytes, wasm::custom_section("icp:public candid:service", as_bytes("service : {}")));
  return TestModule(std::move(bytes));
}

}  // namespace canrec::patch
