// SPDX-License-Identifier: Apache-2.0
// Walking the values of a message at the types the reader wants.
//
// For every pair of wire type and expected type that a value meets, a Plan says what to do; plans
// are made when they are first needed and kept. The only place where the walk looks at bytes twice
// is an option whose content may not fit: it is tried without a sink first. Whether it may not fit
// is known from the types: when wire <: expected, values never mismatch.
#include <algorithm>
#include <cstring>
#include <utility>

#include <fmt/core.h>

#include "base/checked.h"
#include "candid/binary.h"
#include "candid/binary_input.h"
#include "candid/binary_plan.h"

namespace canrec::candid {
namespace {

enum class Outcome : uint8_t { kRead, kMismatch, kFailed };

class Decoder {
 public:
  Decoder(ByteView message, const Header& header, const TypeEnv& expected,
          const DecodeOptions& options, ValueSink& sink)
      : in_(message),
        header_(header),
        wire_env_(header.env),
        env_(expected),
        options_(options),
        sink_(&sink),
        planner_(header, expected),
        max_depth_(std::min(options.max_depth, DecodeOptions::kDeepest)) {
    in_.seek(header.body);
    steps_ = options.max_steps_base;
    const auto more = checked_mul<uint64_t>(options.max_steps_per_byte, message.size());
    steps_ = more && checked_add(steps_, *more) ? steps_ + *more : UINT64_MAX;
  }

  Status run(std::span<const TypeIdx> expected);

 private:
  Outcome read(Plan& plan);
  Outcome read_inside(Plan& plan);
  Outcome read_part(Part& part);
  bool scalar(Kind kind);
  bool natural(Kind as);
  bool integer();
  bool fixed(Kind kind);
  bool reference(ByteView& principal);
  Outcome blob();
  Outcome vec(Plan& plan);
  Outcome record(Plan& plan);
  Outcome variant(Plan& plan);
  Outcome option(Plan& plan);
  Outcome content(Part& part, bool fits);
  bool skip(TypeIdx wire);
  bool skip_inside(TypeIdx wire);
  bool skip_scalar(Kind kind);
  bool skip_future();
  void fill(TypeIdx expected);
  bool charge();
  bool charge_empty();
  Outcome outcome(bool good) const { return good ? Outcome::kRead : Outcome::kFailed; }
  uint64_t fixed_size(TypeIdx wire) const;
  uint64_t min_size(TypeIdx wire) const;
  Error mismatch_error() const;

  BinaryInput in_;
  const Header& header_;
  const TypeEnv& wire_env_;
  const TypeEnv& env_;
  const DecodeOptions& options_;
  ValueSink* sink_;
  NullSink quiet_;
  Planner planner_;
  uint32_t max_depth_;
  uint32_t depth_ = 0;
  uint64_t steps_ = 0;
  uint64_t empty_values_ = 0;
  const Plan* mismatch_ = nullptr;
  size_t mismatch_at_ = 0;
  std::string mismatch_words_;
};

bool Decoder::charge() {
  if (steps_-- != 0) [[likely]]
    return true;
  steps_ = 0;
  return in_.fail_at(Errc::kCandidQuota, in_.pos(), "the values take too many steps to read");
}

bool Decoder::charge_empty() {
  if (++empty_values_ <= options_.max_empty_values) return true;
  return in_.fail_at(
      Errc::kCandidQuota, in_.pos(),
      fmt::format("more than {} values that take no bytes", options_.max_empty_values));
}

// ---- sizes known from the type

// Bytes every value of the type takes, or 0 when they vary or are none.
uint64_t Decoder::fixed_size(TypeIdx wire) const {
  switch (wire_env_.at(wire).kind) {
    case Kind::kBool:
    case Kind::kNat8:
    case Kind::kInt8:
      return 1;
    case Kind::kNat16:
    case Kind::kInt16:
      return 2;
    case Kind::kNat32:
    case Kind::kInt32:
    case Kind::kFloat32:
      return 4;
    case Kind::kNat64:
    case Kind::kInt64:
    case Kind::kFloat64:
      return 8;
    default:
      return 0;
  }
}

// A lower bound on the bytes of a value: of a record, what its fields take that are not records.
uint64_t Decoder::min_size(TypeIdx wire) const {
  const Type& type = wire_env_.at(wire);
  switch (type.kind) {
    case Kind::kNull:
    case Kind::kReserved:
      return 0;
    case Kind::kRecord: {
      uint64_t sum = 0;
      for (const Field& field : type.fields) {
        if (wire_env_.at(field.type).kind != Kind::kRecord) sum += min_size(field.type);
      }
      return sum;
    }
    default:
      return std::max<uint64_t>(1, fixed_size(wire));
  }
}

// ---- reading

Outcome Decoder::read(Plan& plan) {
  if (!charge()) return Outcome::kFailed;
  if (plan.op == Op::kScalar) return outcome(scalar(plan.kind));
  if (depth_ == max_depth_) {
    in_.fail_at(Errc::kCandidQuota, in_.pos(),
                fmt::format("values nest deeper than {} levels", max_depth_));
    return Outcome::kFailed;
  }
  ++depth_;
  const Outcome result = read_inside(plan);
  --depth_;
  return result;
}

Outcome Decoder::read_part(Part& part) {
  if (part.plan == nullptr) {
    auto plan = planner_.plan_for(part.wire, part.expected);
    if (!plan) {
      in_.fail_at(plan.error().code(), in_.pos(), plan.error().message());
      return Outcome::kFailed;
    }
    part.plan = *plan;
  }
  return read(*part.plan);
}

Outcome Decoder::read_inside(Plan& plan) {
  switch (plan.op) {
    case Op::kScalar:
      return outcome(scalar(plan.kind));
    case Op::kNatAsInt:
      return outcome(natural(Kind::kInt));
    case Op::kReserved:
      if (!skip(plan.wire)) return Outcome::kFailed;
      sink_->reserved();
      return Outcome::kRead;
    case Op::kEmpty:
      in_.fail_at(Errc::kCandidMalformed, in_.pos(), "a value of a type that has none");
      return Outcome::kFailed;
    case Op::kPrincipal:
    case Op::kService: {
      ByteView bytes;
      if (!reference(bytes)) return Outcome::kFailed;
      if (plan.op == Op::kService) {
        sink_->service(bytes);
      } else {
        sink_->principal(bytes);
      }
      return Outcome::kRead;
    }
    case Op::kFunc: {
      uint8_t tag = 0;
      const size_t start = in_.pos();
      FuncRef ref;
      ByteView method;
      if (!in_.u8(tag)) return Outcome::kFailed;
      if (tag != 1) {
        in_.fail_at(Errc::kCandidMalformed, start, "opaque or unknown function reference");
        return Outcome::kFailed;
      }
      if (!reference(ref.principal) || !in_.text(method)) return Outcome::kFailed;
      ref.method = as_text(method);
      sink_->func(ref);
      return Outcome::kRead;
    }
    case Op::kBlob:
      return blob();
    case Op::kVec:
      return vec(plan);
    case Op::kRecord:
      return record(plan);
    case Op::kVariant:
      return variant(plan);
    case Op::kNoOption:
      if (!charge_empty()) return Outcome::kFailed;
      sink_->absent();
      return Outcome::kRead;
    case Op::kOption:
    case Op::kWrap:
      return option(plan);
    case Op::kSkipToAbsent:
      if (!skip(plan.wire)) return Outcome::kFailed;
      sink_->absent();
      return Outcome::kRead;
    case Op::kSkipToReserved:
      if (!skip(plan.wire)) return Outcome::kFailed;
      sink_->begin_some();
      sink_->reserved();
      sink_->end_some();
      return Outcome::kRead;
    case Op::kMismatch:
      mismatch_ = &plan;
      mismatch_at_ = in_.pos();
      mismatch_words_ = plan.words;
      return Outcome::kMismatch;
    case Op::kEndless:
      in_.fail_at(Errc::kCandidMismatch, in_.pos(), "the expected type is an endless option");
      return Outcome::kFailed;
  }
  CANREC_ASSERT(false);
}

bool Decoder::scalar(Kind kind) {
  switch (kind) {
    case Kind::kNull:
      if (!charge_empty()) return false;
      sink_->null();
      return true;
    case Kind::kBool: {
      uint8_t byte = 0;
      const size_t start = in_.pos();
      if (!in_.u8(byte)) return false;
      if (byte > 1) return in_.fail_at(Errc::kCandidMalformed, start, "a bool is 0 or 1");
      sink_->boolean(byte != 0);
      return true;
    }
    case Kind::kNat:
      return natural(Kind::kNat);
    case Kind::kInt:
      return integer();
    case Kind::kText: {
      ByteView text;
      if (!in_.text(text)) return false;
      sink_->text(as_text(text));
      return true;
    }
    default:
      return fixed(kind);
  }
}

// A nat, told as a nat or as an int.
bool Decoder::natural(Kind as) {
  ByteView leb;
  if (!in_.leb(leb)) return false;
  uint64_t value = 0;
  if (leb.size() <= 9) {
    for (size_t i = 0; i < leb.size(); ++i) {
      value |= static_cast<uint64_t>(leb[i] & 0x7f) << (7 * i);
    }
  } else {
    const BigInt big = BigInt::from_unsigned_leb(leb);
    const bool small = as == Kind::kNat ? big.fits_u64() : big.fits_s64();
    if (!small) {
      Bytes shortest;
      if (as == Kind::kNat) {
        big.append_unsigned_leb(shortest);
      } else {
        big.append_signed_leb(shortest);
      }
      sink_->big(as, shortest);
      return true;
    }
    value = big.magnitude64();
  }
  if (as == Kind::kNat) {
    sink_->natural(as, value);
  } else {
    sink_->integer(as, static_cast<int64_t>(value));
  }
  return true;
}

bool Decoder::integer() {
  ByteView leb;
  if (!in_.leb(leb)) return false;
  if (leb.size() <= 9) {
    uint64_t value = 0;
    for (size_t i = 0; i < leb.size(); ++i) {
      value |= static_cast<uint64_t>(leb[i] & 0x7f) << (7 * i);
    }
    if ((leb.back() & 0x40) != 0) value |= ~uint64_t{0} << (7 * leb.size());
    sink_->integer(Kind::kInt, static_cast<int64_t>(value));
    return true;
  }
  const BigInt big = BigInt::from_signed_leb(leb);
  if (big.fits_s64()) {
    sink_->integer(Kind::kInt, big.to_s64());
    return true;
  }
  Bytes shortest;
  big.append_signed_leb(shortest);
  sink_->big(Kind::kInt, shortest);
  return true;
}

bool Decoder::fixed(Kind kind) {
  const uint64_t size = fixed_size(primitive(kind));
  ByteView bytes;
  if (!in_.view(size, bytes)) return false;
  uint64_t word = 0;
  std::memcpy(&word, bytes.data(), size);
  switch (kind) {
    case Kind::kInt8:
      sink_->integer(kind, static_cast<int8_t>(word));
      return true;
    case Kind::kInt16:
      sink_->integer(kind, static_cast<int16_t>(word));
      return true;
    case Kind::kInt32:
      sink_->integer(kind, static_cast<int32_t>(word));
      return true;
    case Kind::kInt64:
      sink_->integer(kind, static_cast<int64_t>(word));
      return true;
    case Kind::kFloat32:
    case Kind::kFloat64:
      sink_->floating(kind, word);
      return true;
    default:
      sink_->natural(kind, word);
      return true;
  }
}

bool Decoder::reference(ByteView& principal) {
  const size_t start = in_.pos();
  uint8_t tag = 0;
  if (!in_.u8(tag)) return false;
  if (tag != 1) return in_.fail_at(Errc::kCandidMalformed, start, "opaque or unknown reference");
  uint64_t size = 0;
  if (!in_.count(1, "bytes of a principal", size)) return false;
  if (size > ic::Principal::kMaxBytes) {
    return in_.fail_at(Errc::kCandidMalformed, start,
                       fmt::format("a principal has at most 29 bytes, not {}", size));
  }
  return in_.view(size, principal);
}

Outcome Decoder::blob() {
  uint64_t size = 0;
  ByteView bytes;
  if (!in_.count(1, "bytes of a blob", size) || !in_.view(size, bytes)) return Outcome::kFailed;
  sink_->blob(bytes);
  return Outcome::kRead;
}

Outcome Decoder::vec(Plan& plan) {
  Part& element = plan.parts[0];
  const size_t start = in_.pos();
  uint64_t count = 0;
  const uint64_t least = min_size(element.wire);
  if (!in_.count(least, "elements", count)) return Outcome::kFailed;
  if (least == 0 && count > options_.max_empty_values + in_.left()) {
    in_.fail_at(Errc::kCandidQuota, start,
                fmt::format("a vector announces {} elements, which may take no bytes", count));
    return Outcome::kFailed;
  }
  sink_->begin_vec(count, env_.kind(element.expected));
  for (uint64_t i = 0; i < count; ++i) {
    const Outcome result = read_part(element);
    if (result != Outcome::kRead) return result;
  }
  sink_->end_vec();
  return Outcome::kRead;
}

Outcome Decoder::record(Plan& plan) {
  if (plan.parts.empty() && !charge_empty()) return Outcome::kFailed;
  sink_->begin_record(plan.fields);
  for (Part& part : plan.parts) {
    if (part.take == Part::Take::kSkip) {
      if (!skip(part.wire)) return Outcome::kFailed;
      continue;
    }
    sink_->begin_field(*part.field);
    if (part.take == Part::Take::kFill) {
      if (!charge()) return Outcome::kFailed;
      fill(part.expected);
      continue;
    }
    const Outcome result = read_part(part);
    if (result != Outcome::kRead) return result;
  }
  sink_->end_record();
  return Outcome::kRead;
}

Outcome Decoder::variant(Plan& plan) {
  const size_t start = in_.pos();
  uint64_t index = 0;
  if (!in_.u64(index)) return Outcome::kFailed;
  if (index >= plan.parts.size()) {
    in_.fail_at(Errc::kCandidMalformed, start,
                fmt::format("tag {} of a variant of {}", index, plan.parts.size()));
    return Outcome::kFailed;
  }
  Part& part = plan.parts[index];
  if (part.take == Part::Take::kSkip) {
    mismatch_ = &plan;
    mismatch_at_ = start;
    const Field& tag = wire_env_.at(plan.wire).fields[index];
    mismatch_words_ = fmt::format("the expected variant has no tag {}", tag.words());
    return Outcome::kMismatch;
  }
  sink_->begin_variant(*part.field, part.index);
  const Outcome result = read_part(part);
  if (result == Outcome::kRead) sink_->end_variant();
  return result;
}

Outcome Decoder::option(Plan& plan) {
  if (plan.op == Op::kOption) {
    const size_t start = in_.pos();
    uint8_t present = 0;
    if (!in_.u8(present)) return Outcome::kFailed;
    if (present > 1) {
      in_.fail_at(Errc::kCandidMalformed, start, "an option begins with 0 or 1");
      return Outcome::kFailed;
    }
    if (present == 0) {
      sink_->absent();
      return Outcome::kRead;
    }
  }
  return content(plan.parts[0], plan.fits);
}

// The content of an option: when it may not fit it is tried first, and a mismatch becomes null.
Outcome Decoder::content(Part& part, bool fits) {
  const size_t start = in_.pos();
  if (!fits) {
    ValueSink* const heard = std::exchange(sink_, &quiet_);
    const uint32_t depth = depth_;
    const Outcome tried = read_part(part);
    depth_ = depth;
    sink_ = heard;
    if (tried == Outcome::kFailed) return tried;
    if (tried == Outcome::kMismatch) {
      in_.seek(start);
      if (!skip(part.wire)) return Outcome::kFailed;
      sink_->absent();
      return Outcome::kRead;
    }
    if (sink_ == &quiet_) return tried;
    in_.seek(start);
  }
  sink_->begin_some();
  const Outcome result = read_part(part);
  if (result == Outcome::kRead) sink_->end_some();
  return result;
}

// What a missing field of a nullable type reads as.
void Decoder::fill(TypeIdx expected) {
  switch (env_.kind(expected)) {
    case Kind::kNull:
      sink_->null();
      return;
    case Kind::kReserved:
      sink_->reserved();
      return;
    default:
      sink_->absent();
  }
}

// ---- skipping

bool Decoder::skip(TypeIdx wire) {
  if (!charge()) return false;
  if (depth_ == max_depth_) {
    return in_.fail_at(Errc::kCandidQuota, in_.pos(),
                       fmt::format("values nest deeper than {} levels", max_depth_));
  }
  ++depth_;
  const bool good = skip_inside(wire);
  --depth_;
  return good;
}

bool Decoder::skip_inside(TypeIdx wire) {
  const Type& type = wire_env_.at(wire);
  if (header_.empty_record[static_cast<uint32_t>(wire)]) {
    return in_.fail_at(Errc::kCandidMalformed, in_.pos(), "a value of a type that has none");
  }
  uint64_t count = 0;
  const size_t start = in_.pos();
  switch (type.kind) {
    case Kind::kOpt: {
      uint8_t present = 0;
      if (!in_.u8(present)) return false;
      if (present > 1) {
        return in_.fail_at(Errc::kCandidMalformed, start, "an option begins with 0 or 1");
      }
      return present == 0 || skip(type.inner);
    }
    case Kind::kVec: {
      if (!in_.count(min_size(type.inner), "elements", count)) return false;
      const Kind element = wire_env_.at(type.inner).kind;
      if (const uint64_t each = fixed_size(type.inner); each != 0 && element != Kind::kBool) {
        return in_.skip(count * each);
      }
      for (uint64_t i = 0; i < count; ++i) {
        if (!skip(type.inner)) return false;
      }
      return true;
    }
    case Kind::kRecord:
      if (type.fields.empty() && !charge_empty()) return false;
      return std::ranges::all_of(type.fields,
                                 [this](const Field& field) { return skip(field.type); });
    case Kind::kVariant:
      if (!in_.u64(count)) return false;
      if (count >= type.fields.size()) {
        return in_.fail_at(Errc::kCandidMalformed, start,
                           fmt::format("tag {} of a variant of {}", count, type.fields.size()));
      }
      return skip(type.fields[count].type);
    case Kind::kFuture:
      return skip_future();
    default:
      return skip_scalar(type.kind);
  }
}

bool Decoder::skip_future() {
  uint64_t size = 0;
  uint64_t references = 0;
  const size_t start = in_.pos();
  if (!in_.u64(size) || !in_.u64(references)) return false;
  if (references != 0) {
    return in_.fail_at(Errc::kCandidMalformed, start, "a value with opaque references");
  }
  return in_.skip(size);
}

bool Decoder::skip_scalar(Kind kind) {
  const size_t start = in_.pos();
  ByteView bytes;
  switch (kind) {
    case Kind::kNull:
    case Kind::kReserved:
      return charge_empty();
    case Kind::kEmpty:
      return in_.fail_at(Errc::kCandidMalformed, start, "a value of a type that has none");
    case Kind::kNat:
    case Kind::kInt:
      return in_.leb(bytes);
    case Kind::kText:
      return in_.text(bytes);
    case Kind::kPrincipal:
    case Kind::kService:
      return reference(bytes);
    case Kind::kFunc: {
      uint8_t tag = 0;
      if (!in_.u8(tag)) return false;
      if (tag != 1) {
        return in_.fail_at(Errc::kCandidMalformed, start, "opaque or unknown function reference");
      }
      return reference(bytes) && in_.text(bytes);
    }
    case Kind::kBool: {
      uint8_t byte = 0;
      if (!in_.u8(byte)) return false;
      return byte <= 1 || in_.fail_at(Errc::kCandidMalformed, start, "a bool is 0 or 1");
    }
    default:
      return in_.skip(fixed_size(primitive(kind)));
  }
}

// ---- the whole message

Error Decoder::mismatch_error() const {
  std::string words = mismatch_words_;
  if (words.empty()) {
    const Kind wire = wire_env_.at(mismatch_->wire).kind;
    if (wire == mismatch_->kind) {
      words = fmt::format("the {} of the message does not fit the expected one", kind_name(wire));
    } else {
      words = fmt::format("{} expected, the message has {}", kind_name(mismatch_->kind),
                          kind_name(wire));
    }
  }
  return {Errc::kCandidMismatch, mismatch_at_, std::move(words)};
}

Status Decoder::run(std::span<const TypeIdx> expected) {
  sink_->begin_args(expected.size());
  for (size_t i = 0; i < std::max(expected.size(), header_.args.size()); ++i) {
    Outcome result = Outcome::kRead;
    if (i >= expected.size()) {
      result = outcome(skip(header_.args[i]));
    } else if (i < header_.args.size()) {
      Part part{.wire = header_.args[i], .expected = expected[i]};
      result = read_part(part);
    } else if (env_.is_nullable(expected[i])) {
      fill(expected[i]);
    } else {
      return fail(Errc::kCandidMismatch, in_.pos(),
                  fmt::format("argument {} of type {} is missing", i + 1,
                              kind_name(env_.kind(expected[i]))));
    }
    const auto place = [i] { return fmt::format("argument {}", i + 1); };
    if (result == Outcome::kFailed) return fail(in_.take_error().in(place()));
    if (result == Outcome::kMismatch) return fail(mismatch_error().in(place()));
  }
  if (in_.left() != 0) {
    return fail(Errc::kCandidMalformed, in_.pos(),
                fmt::format("{} bytes after the last value", in_.left()));
  }
  sink_->end_args();
  return Ok{};
}

}  // namespace

Status decode_values(ByteView message, const Header& header, const Expected& expected,
                     const DecodeOptions& options, ValueSink& sink) {
  return Decoder(message, header, *expected.env, options, sink).run(expected.types);
}

Status decode_values(ByteView message, const Header& header, const DecodeOptions& options,
                     ValueSink& sink) {
  return decode_values(message, header, {&header.env, header.args}, options, sink);
}

Result<Message> decode(ByteView message, const DecodeOptions& options) {
  CANREC_TRY(Header header, read_header(message, options));
  Message result;
  TreeSink sink(result.arena, result.values);
  CANREC_CHECK(decode_values(message, header, options, sink));
  result.env = std::move(header.env);
  result.types = std::move(header.args);
  return result;
}

Result<Values> decode(ByteView message, const Expected& expected, const DecodeOptions& options) {
  CANREC_TRY(const Header header, read_header(message, options));
  Values result;
  TreeSink sink(result.arena, result.values);
  CANREC_CHECK(decode_values(message, header, expected, options, sink));
  return result;
}

}  // namespace canrec::candid
