// SPDX-License-Identifier: Apache-2.0
// Walking the values of a message at the types the reader wants.
//
// For every pair of wire type and expected type that a value meets, a Plan says what to do; plans
// are made when they are first needed and kept. The only place where the walk looks at bytes twice
// is an option whose content may not fit: it is tried without a sink first. Whether it may not fit
// is known from the types: when wire <: expected, values never mismatch.
#include <algorithm>
#include <cstring>
#include <deque>
#include <map>

#include <fmt/core.h>

#include "base/checked.h"
#include "candid/binary.h"
#include "candid/binary_input.h"
#include "candid/subtype.h"

namespace canrec::candid {
namespace {

// Pairs of types that references and options in one message may have compared.
constexpr uint64_t kMaxPairs = 500'000;

enum class Op : uint8_t {
  kScalar,     // both the same primitive, read as `kind`
  kNatAsInt,   // nat at int
  kReserved,   // skip, tell reserved
  kEmpty,      // no value can be here
  kPrincipal,  // principal, or service at principal
  kService,
  kFunc,
  kBlob,
  kVec,
  kRecord,
  kVariant,
  kNoOption,        // null or reserved at opt: nothing to read
  kOption,          // opt at opt
  kWrap,            // a bare value at opt
  kSkipToAbsent,    // a bare value at opt null
  kSkipToReserved,  // a bare value at opt reserved
  kMismatch,
  kEndless,  // an option type without end
};

struct Plan;

// One part of a plan: a field, tag, element or content.
struct Part {
  enum class Take : uint8_t { kRead, kSkip, kFill };
  Take take = Take::kRead;
  TypeIdx wire = primitive(Kind::kNull);
  TypeIdx expected = primitive(Kind::kNull);
  const Field* field = nullptr;  // of the expected type
  size_t index = 0;              // of the tag in the expected type
  Plan* plan = nullptr;          // made at first use
};

struct Plan {
  Op op = Op::kMismatch;
  Kind kind = Kind::kNull;  // the expected kind
  bool fits = true;         // option: the content always fits
  TypeIdx wire = primitive(Kind::kNull);
  TypeIdx expected = primitive(Kind::kNull);
  std::span<const Field> fields;  // record: of the expected type
  std::vector<Part> parts;
  std::string words;  // kMismatch: why, where the kinds alone do not say it
};

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
        subtypes_(header.env, expected, kMaxPairs),
        max_depth_(std::min(options.max_depth, DecodeOptions::kDeepest)) {
    in_.seek(header.body);
    steps_ = options.max_steps_base;
    const auto more = checked_mul<uint64_t>(options.max_steps_per_byte, message.size());
    steps_ = more && checked_add(steps_, *more) ? steps_ + *more : UINT64_MAX;
  }

  Status run(std::span<const TypeIdx> expected);

 private:
  Plan* plan_for(TypeIdx wire, TypeIdx expected);
  bool make(Plan& plan);
  bool make_option(Plan& plan, Kind wire_kind, TypeIdx inner);
  void make_record(Plan& plan, const Type& wire, const Type& expected);
  void make_variant(Plan& plan, const Type& wire, const Type& expected);
  bool make_reference(Plan& plan, Op op);
  bool endless(TypeIdx option) const;

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
  SubtypeChecker subtypes_;
  uint32_t max_depth_;
  uint32_t depth_ = 0;
  uint64_t steps_ = 0;
  uint64_t empty_values_ = 0;
  std::deque<Plan> plans_;
  std::map<std::pair<TypeIdx, TypeIdx>, Plan*> known_;
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

// ---- plans

Plan* Decoder::plan_for(TypeIdx wire, TypeIdx expected) {
  const auto key = std::pair{wire, env_.resolve(expected)};
  if (const auto found = known_.find(key); found != known_.end()) return found->second;
  plans_.push_back({});
  Plan& plan = plans_.back();
  plan.wire = wire;
  plan.expected = key.second;
  if (!make(plan)) return nullptr;
  known_.emplace(key, &plan);
  return &plan;
}

bool Decoder::make(Plan& plan) {
  const Type& wire = wire_env_.at(plan.wire);
  const Type& expected = env_.at(plan.expected);
  plan.kind = expected.kind;
  if (wire.kind == Kind::kEmpty || header_.empty_record[static_cast<uint32_t>(plan.wire)]) {
    plan.op = Op::kEmpty;
  } else if (expected.kind == Kind::kReserved || expected.kind == Kind::kFuture) {
    plan.op = Op::kReserved;
  } else if (expected.kind == Kind::kOpt) {
    return make_option(plan, wire.kind, env_.resolve(expected.inner));
  } else if (expected.kind == Kind::kInt && wire.kind == Kind::kNat) {
    plan.op = Op::kNatAsInt;
  } else if (expected.kind == Kind::kPrincipal &&
             (wire.kind == Kind::kPrincipal || wire.kind == Kind::kService)) {
    plan.op = Op::kPrincipal;
  } else if (wire.kind != expected.kind) {
    plan.op = Op::kMismatch;
  } else if (expected.kind == Kind::kVec) {
    plan.op =
        wire.inner == primitive(Kind::kNat8) && env_.is_blob(plan.expected) ? Op::kBlob : Op::kVec;
    plan.parts.push_back({.wire = wire.inner, .expected = expected.inner});
  } else if (expected.kind == Kind::kRecord) {
    make_record(plan, wire, expected);
  } else if (expected.kind == Kind::kVariant) {
    make_variant(plan, wire, expected);
  } else if (expected.kind == Kind::kService) {
    return make_reference(plan, Op::kService);
  } else if (expected.kind == Kind::kFunc) {
    return make_reference(plan, Op::kFunc);
  } else {
    plan.op = Op::kScalar;
  }
  return true;
}

bool Decoder::make_reference(Plan& plan, Op op) {
  if (&wire_env_ == &env_ && plan.wire == plan.expected) {
    plan.op = op;
    return true;
  }
  auto fits = subtypes_.lenient(plan.wire, plan.expected);
  if (!fits) return in_.fail_at(Errc::kCandidQuota, in_.pos(), fits.error().message());
  plan.op = *fits ? op : Op::kMismatch;
  return true;
}

// Whether following options from here never ends.
bool Decoder::endless(TypeIdx option) const {
  std::vector<TypeIdx> seen;
  for (TypeIdx at = env_.resolve(option); env_.at(at).kind == Kind::kOpt;
       at = env_.resolve(env_.at(at).inner)) {
    if (std::ranges::find(seen, at) != seen.end()) return true;
    seen.push_back(at);
  }
  return false;
}

bool Decoder::make_option(Plan& plan, Kind wire_kind, TypeIdx inner) {
  if (wire_kind == Kind::kNull || wire_kind == Kind::kReserved) {
    plan.op = Op::kNoOption;
    return true;
  }
  TypeIdx content = plan.wire;
  if (wire_kind == Kind::kOpt) {
    plan.op = Op::kOption;
    content = wire_env_.at(plan.wire).inner;
  } else if (env_.at(inner).kind == Kind::kNull) {
    plan.op = Op::kSkipToAbsent;
    return true;
  } else if (env_.at(inner).kind == Kind::kReserved) {
    plan.op = Op::kSkipToReserved;
    return true;
  } else if (endless(plan.expected)) {
    plan.op = Op::kEndless;
    return true;
  } else {
    plan.op = Op::kWrap;
  }
  plan.parts.push_back({.wire = content, .expected = inner});
  if (&wire_env_ == &env_ && content == inner) return true;
  auto fits = subtypes_.lenient(content, inner);
  if (!fits) return in_.fail_at(Errc::kCandidQuota, in_.pos(), fits.error().message());
  plan.fits = *fits;
  return true;
}

void Decoder::make_record(Plan& plan, const Type& wire, const Type& expected) {
  plan.op = Op::kRecord;
  plan.fields = expected.fields;
  auto from = wire.fields.begin();
  for (const Field& field : expected.fields) {
    for (; from != wire.fields.end() && from->label < field.label; ++from) {
      plan.parts.push_back({.take = Part::Take::kSkip, .wire = from->type});
    }
    if (from != wire.fields.end() && from->label == field.label) {
      plan.parts.push_back({.wire = from->type, .expected = field.type, .field = &field});
      ++from;
    } else if (env_.is_nullable(field.type)) {
      plan.parts.push_back({.take = Part::Take::kFill, .expected = field.type, .field = &field});
    } else {
      plan.op = Op::kMismatch;
      plan.words = fmt::format("the message lacks field {}", field.words());
      return;
    }
  }
  for (; from != wire.fields.end(); ++from) {
    plan.parts.push_back({.take = Part::Take::kSkip, .wire = from->type});
  }
}

void Decoder::make_variant(Plan& plan, const Type& wire, const Type& expected) {
  plan.op = Op::kVariant;
  for (const Field& tag : wire.fields) {
    Part part{.take = Part::Take::kSkip, .wire = tag.type};
    if (const auto place = find_field(expected.fields, tag.label)) {
      part.take = Part::Take::kRead;
      part.expected = expected.fields[*place].type;
      part.field = &expected.fields[*place];
      part.index = *place;
    }
    plan.parts.push_back(part);
  }
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
    part.plan = plan_for(part.wire, part.expected);
    if (part.plan == nullptr) return Outcome::kFailed;
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
