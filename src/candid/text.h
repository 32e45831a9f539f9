// SPDX-License-Identifier: Apache-2.0
#pragma once

// Text values: reading "(42, record { name = \"x\" })" and printing what reads back.
//
// Two things go beyond the reference: `NaN`, `inf` and `-inf` are read where a float is expected,
// and control characters in text are printed as escapes that Candid has.
// Source: https://github.com/dfinity/candid/blob/master/spec/Candid.md#core-grammar

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>

#include "base/error.h"
#include "candid/layout.h"
#include "candid/sink.h"
#include "candid/types.h"
#include "candid/value.h"

namespace canrec::candid {

/// Reads arguments and gives them the types that their text suggests: integers are int, floats
/// float64, a vector has the type of its first element.
/// Errors: kCandidSyntax, kCandidType, kCandidMismatch, kLimit with line and column.
Result<Message> parse_args(std::string_view text);

/// Reads arguments of the given types. Missing trailing arguments of nullable type are null.
/// Errors: as above; kCandidMismatch also when there are more or fewer arguments than types.
Result<Values> parse_args(std::string_view text, const TypeEnv& env,
                          std::span<const TypeIdx> types);

/// Prints values as text, in one line where 80 columns are enough. Memory: one line.
class TextPrinter final : public ValueSink {
 public:
  explicit TextPrinter(TextOut out) : layout_(std::move(out)) {}

  /// Writes what is left. Errors: what the output said.
  Status finish() { return layout_.finish(); }
  /// Whether everything printed reads back to the same bytes; NaNs with a payload do not, nor do
  /// values of types that are not known yet.
  bool readable() const { return readable_; }

  void null() override;
  void reserved() override;
  void absent() override;
  void boolean(bool value) override;
  void natural(Kind kind, uint64_t value) override;
  void integer(Kind kind, int64_t value) override;
  void big(Kind kind, ByteView leb) override;
  void floating(Kind kind, uint64_t bits) override;
  void text(std::string_view value) override;
  void blob(ByteView value) override;
  void principal(ByteView value) override;
  void service(ByteView value) override;
  void func(const FuncRef& value) override;
  void begin_some() override;
  void end_some() override;
  void begin_vec(size_t count, Kind element) override;
  void end_vec() override;
  void begin_record(std::span<const Field> fields) override;
  void begin_field(const Field& field) override;
  void end_record() override;
  void begin_variant(const Field& tag, size_t index) override;
  void end_variant() override;
  void begin_args(size_t count) override;
  void end_args() override;

 private:
  // What the next value is the content of.
  enum class Before : uint8_t { kNothing, kSome, kTag };
  struct Frame {
    bool list = false;   // a vector or the arguments: every value is an item of its own
    bool tuple = false;  // a record printed without labels
  };

  void start();
  void annotated(std::string_view words, Kind kind);
  void plain(std::string_view words);
  void quoted(std::string_view prefix, std::string_view body, bool hex);

  Layout layout_;
  Before before_ = Before::kNothing;
  bool readable_ = true;
  std::vector<Frame> frames_;
};

/// "name", "\"odd name\"" or "1_234": a label as text values and types spell it.
std::string label_text(const Field& field);
/// A text in quotes, escaped.
std::string quote_text(std::string_view text);
/// Digits with the shortest fraction that reads back, never an exponent: "1.5", "0.0", "-inf".
std::string float_text(Kind kind, uint64_t bits);

/// Prints values held in memory: "(1 : nat, \"x\")".
std::string args_to_text(const TypeEnv& env, std::span<const TypeIdx> types,
                         std::span<const Value> values);

}  // namespace canrec::candid
