// SPDX-License-Identifier: Apache-2.0
// Walking a tree of values, and building one.
#include "candid/sink.h"

namespace canrec::candid {
namespace {

// Tells a scalar; false when the value is made of values.
bool walk_scalar(Kind kind, const Value& value, ValueSink& sink) {
  switch (value.held()) {
    case Held::kNothing:
      if (kind == Kind::kNull) {
        sink.null();
      } else if (kind == Kind::kOpt) {
        sink.absent();
      } else {
        sink.reserved();
      }
      return true;
    case Held::kBool:
      sink.boolean(value.as_bool());
      return true;
    case Held::kUnsigned:
      sink.natural(kind, value.as_unsigned());
      return true;
    case Held::kSigned:
      sink.integer(kind, value.as_signed());
      return true;
    case Held::kBigNat:
    case Held::kBigInt:
      sink.big(kind, value.big_leb());
      return true;
    case Held::kFloat:
      sink.floating(kind, value.bits());
      return true;
    case Held::kText:
      sink.text(value.as_text());
      return true;
    case Held::kBlob:
      sink.blob(value.as_blob());
      return true;
    case Held::kPrincipal:
      if (kind == Kind::kService) {
        sink.service(value.as_principal());
      } else {
        sink.principal(value.as_principal());
      }
      return true;
    case Held::kFunc:
      sink.func(value.as_func());
      return true;
    case Held::kSome:
    case Held::kList:
    case Held::kVariant:
      return false;
  }
  CANREC_ASSERT(false);
}

}  // namespace

// Recursion is as deep as the value, whose depth the reader of text or bytes has bounded.
void walk_value(const TypeEnv& env, TypeIdx idx, const Value& value, ValueSink& sink) {
  const Type& type = env.resolved(idx);
  if (walk_scalar(type.kind, value, sink)) return;
  switch (type.kind) {
    case Kind::kOpt:
      sink.begin_some();
      walk_value(env, type.inner, value.inner(), sink);
      sink.end_some();
      return;
    case Kind::kVec:
      sink.begin_vec(value.as_list().size(), env.kind(type.inner));
      for (const Value& item : value.as_list()) walk_value(env, type.inner, item, sink);
      sink.end_vec();
      return;
    case Kind::kRecord: {
      const auto items = value.as_list();
      CANREC_ASSERT(items.size() == type.fields.size());
      sink.begin_record(type.fields);
      for (size_t i = 0; i < items.size(); ++i) {
        sink.begin_field(type.fields[i]);
        walk_value(env, type.fields[i].type, items[i], sink);
      }
      sink.end_record();
      return;
    }
    case Kind::kVariant:
      sink.begin_variant(type.fields[value.tag()], value.tag());
      walk_value(env, type.fields[value.tag()].type, value.payload(), sink);
      sink.end_variant();
      return;
    default:
      CANREC_ASSERT(false);
  }
}

void walk(const TypeEnv& env, std::span<const TypeIdx> types, std::span<const Value> values,
          ValueSink& sink) {
  CANREC_ASSERT(types.size() == values.size());
  sink.begin_args(values.size());
  for (size_t i = 0; i < values.size(); ++i) walk_value(env, types[i], values[i], sink);
  sink.end_args();
}

void TreeSink::open(size_t count, Held held, size_t tag) {
  auto* start = reinterpret_cast<Value*>(arena_.allocate(count * sizeof(Value)));
  frames_.push_back({start, start, tag, held});
}

void TreeSink::close() {
  const Frame frame = frames_.back();
  frames_.pop_back();
  const auto count = static_cast<size_t>(frame.next - frame.start);
  if (frame.held == Held::kList) {
    put(Value::list_over(frame.start, count));
  } else if (frame.held == Held::kSome) {
    put(Value::some_over(frame.start));
  } else {
    put(Value::variant_over(frame.tag, frame.start));
  }
}

}  // namespace canrec::candid
