// SPDX-License-Identifier: Apache-2.0
#pragma once

// Values as a stream of events: the decoder and the walk over a tree speak it, printers and the
// builder of trees listen. What is printed need not be in memory first.

#include <cstdint>
#include <span>
#include <string_view>

#include "base/bytes.h"
#include "candid/types.h"
#include "candid/value.h"

namespace canrec::candid {

/// Listens to values. Calls nest properly; between begin_x and end_x come exactly the parts that
/// were announced. Views are valid during the call only, fields as long as the type environment.
class ValueSink {
 public:
  virtual ~ValueSink() = default;

  virtual void null() = 0;
  virtual void reserved() = 0;
  virtual void absent() = 0;  ///< an option without content
  virtual void boolean(bool value) = 0;
  virtual void natural(Kind kind, uint64_t value) = 0;  ///< nat below 2^64, nat8 .. nat64
  virtual void integer(Kind kind, int64_t value) = 0;   ///< int in 64 bits, int8 .. int64
  virtual void big(Kind kind, ByteView leb) = 0;        ///< other nat and int: shortest LEB128
  virtual void floating(Kind kind, uint64_t bits) = 0;
  virtual void text(std::string_view value) = 0;
  virtual void blob(ByteView value) = 0;
  virtual void principal(ByteView value) = 0;
  virtual void service(ByteView value) = 0;
  virtual void func(const FuncRef& value) = 0;
  virtual void begin_some() = 0;
  virtual void end_some() = 0;
  virtual void begin_vec(size_t count, Kind element) = 0;
  virtual void end_vec() = 0;
  virtual void begin_record(std::span<const Field> fields) = 0;
  virtual void begin_field(const Field& field) = 0;  ///< its value follows
  virtual void end_record() = 0;
  virtual void begin_variant(const Field& tag, size_t index) = 0;  ///< its payload follows
  virtual void end_variant() = 0;
  virtual void begin_args(size_t count) = 0;
  virtual void end_args() = 0;
};

/// Tells a sink about values held in memory.
void walk(const TypeEnv& env, std::span<const TypeIdx> types, std::span<const Value> values,
          ValueSink& sink);
/// The same for one value, without begin_args.
void walk_value(const TypeEnv& env, TypeIdx type, const Value& value, ValueSink& sink);

/// Hears everything and keeps nothing: checks a message by decoding it.
class NullSink final : public ValueSink {
 public:
  void null() override {}
  void reserved() override {}
  void absent() override {}
  void boolean(bool) override {}
  void natural(Kind, uint64_t) override {}
  void integer(Kind, int64_t) override {}
  void big(Kind, ByteView) override {}
  void floating(Kind, uint64_t) override {}
  void text(std::string_view) override {}
  void blob(ByteView) override {}
  void principal(ByteView) override {}
  void service(ByteView) override {}
  void func(const FuncRef&) override {}
  void begin_some() override {}
  void end_some() override {}
  void begin_vec(size_t, Kind) override {}
  void end_vec() override {}
  void begin_record(std::span<const Field>) override {}
  void begin_field(const Field&) override {}
  void end_record() override {}
  void begin_variant(const Field&, size_t) override {}
  void end_variant() override {}
  void begin_args(size_t) override {}
  void end_args() override {}
};

/// Builds values in an arena from events; `values` are the arguments.
class TreeSink final : public ValueSink {
 public:
  TreeSink(Arena& arena, std::vector<Value>& values) : arena_(arena), values_(values) {}

  void null() override { put({}); }
  void reserved() override { put({}); }
  void absent() override { put({}); }
  void boolean(bool value) override { put(Value::boolean(value)); }
  void natural(Kind, uint64_t value) override { put(Value::natural(value)); }
  void integer(Kind, int64_t value) override { put(Value::integer(value)); }
  void big(Kind kind, ByteView leb) override { put(Value::big(arena_, kind, leb)); }
  void floating(Kind, uint64_t bits) override { put(Value::float_bits(bits)); }
  void text(std::string_view value) override { put(Value::text(arena_, value)); }
  void blob(ByteView value) override { put(Value::blob(arena_, value)); }
  void principal(ByteView value) override { put(Value::principal(arena_, value)); }
  void service(ByteView value) override { put(Value::principal(arena_, value)); }
  void func(const FuncRef& value) override { put(Value::func(arena_, value)); }
  void begin_some() override { open(1, Held::kSome, 0); }
  void end_some() override { close(); }
  void begin_vec(size_t count, Kind) override { open(count, Held::kList, 0); }
  void end_vec() override { close(); }
  void begin_record(std::span<const Field> fields) override { open(fields.size(), Held::kList, 0); }
  void begin_field(const Field&) override {}
  void end_record() override { close(); }
  void begin_variant(const Field&, size_t index) override { open(1, Held::kVariant, index); }
  void end_variant() override { close(); }
  void begin_args(size_t count) override { values_.reserve(count); }
  void end_args() override {}

 private:
  // A list being filled: its memory is there from the start, because its size was announced.
  struct Frame {
    Value* start;
    Value* next;
    size_t tag;
    Held held;
  };

  void put(Value value) {
    if (frames_.empty()) {
      values_.push_back(value);
    } else {
      *frames_.back().next++ = value;
    }
  }
  void open(size_t count, Held held, size_t tag);
  void close();

  Arena& arena_;
  std::vector<Value>& values_;
  std::vector<Frame> frames_;
};

}  // namespace canrec::candid
