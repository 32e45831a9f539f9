// SPDX-License-Identifier: Apache-2.0
#pragma once

// Values as JSON, written as a stream.
//
//   null, reserved, absent option   null          opt v               [v] (absent: [])
//   bool                            true          vec                 [..]
//   nat8..nat32, int8..int32        number        blob                "0x.." in hex
//   nat, nat64, int, int64          "decimal"     record              {"name": ..}; tuples [..]
//   float32, float64                number,       variant             {"tag": ..}
//                                   or "NaN"      principal, service  "text form"
//   text                            "text"        func                {"principal", "method"}
//
// 64-bit and unbounded integers are strings, because a JSON number is a double to most readers. An
// option is an array, so that `opt null` and `null` stay apart; labels without a name are "_N_".

#include <string>
#include <vector>

#include "candid/layout.h"
#include "candid/sink.h"

namespace canrec::candid {

/// Prints the arguments as one JSON array.
class JsonPrinter final : public ValueSink {
 public:
  explicit JsonPrinter(TextOut out) : out_(std::move(out)) {}
  /// Writes what is left. Errors: what the output said.
  Status finish();

  void null() override { scalar("null"); }
  void reserved() override { scalar("null"); }
  void absent() override { scalar("[]"); }
  void boolean(bool value) override { scalar(value ? "true" : "false"); }
  void natural(Kind kind, uint64_t value) override;
  void integer(Kind kind, int64_t value) override;
  void big(Kind kind, ByteView leb) override;
  void floating(Kind kind, uint64_t bits) override;
  void text(std::string_view value) override;
  void blob(ByteView value) override;
  void principal(ByteView value) override;
  void service(ByteView value) override { principal(value); }
  void func(const FuncRef& value) override;
  void begin_some() override { open('[', ']'); }
  void end_some() override { close(); }
  void begin_vec(size_t, Kind) override { open('[', ']'); }
  void end_vec() override { close(); }
  void begin_record(std::span<const Field> fields) override;
  void begin_field(const Field& field) override;
  void end_record() override { close(); }
  void begin_variant(const Field& tag, size_t index) override;
  void end_variant() override { close(); }
  void begin_args(size_t) override { open('[', ']'); }
  void end_args() override { close(); }

 private:
  struct Frame {
    char closing;
    bool first = true;
    bool labelled = false;  // a record with names: the comma comes with the label
  };

  void open(char bracket, char closing);
  void close();
  void before_value();
  void scalar(std::string_view words);
  void quoted(std::string_view text);
  void write(std::string_view words);

  TextOut out_;
  Status status_ = Ok{};
  std::string buffer_;
  std::vector<Frame> frames_;
};

}  // namespace canrec::candid
