// SPDX-License-Identifier: Apache-2.0
// Making the plans of a message.
#include "candid/binary_plan.h"

#include <fmt/core.h>

#include <algorithm>

namespace canrec::candid {
namespace {

// Pairs of types that references and options in one message may have compared.
constexpr uint64_t kMaxPairs = 500'000;

}  // namespace

Planner::Planner(const Header& header, const TypeEnv& expected)
    : header_(header),
      wire_env_(header.env),
      env_(expected),
      subtypes_(header.env, expected, kMaxPairs) {}

Result<Plan*> Planner::plan_for(TypeIdx wire, TypeIdx expected) {
  const auto key = std::pair{wire, env_.resolve(expected)};
  if (const auto found = known_.find(key); found != known_.end()) return found->second;
  plans_.emplace_back();
  Plan& plan = plans_.back();
  plan.wire = wire;
  plan.expected = key.second;
  CANREC_CHECK(make(plan));
  known_.emplace(key, &plan);
  return &plan;
}

Status Planner::make(Plan& plan) {
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
  return Ok{};
}

Result<bool> Planner::fits(TypeIdx wire, TypeIdx expected) {
  if (&wire_env_ == &env_ && wire == expected) return true;
  auto result = subtypes_.lenient(wire, expected);
  if (!result) return fail(Errc::kCandidQuota, result.error().message());
  return *result;
}

Status Planner::make_reference(Plan& plan, Op op) {
  CANREC_TRY(const bool fitting, fits(plan.wire, plan.expected));
  plan.op = fitting ? op : Op::kMismatch;
  return Ok{};
}

// Whether following options from here never ends.
bool Planner::endless(TypeIdx option) const {
  std::vector<TypeIdx> seen;
  for (TypeIdx at = env_.resolve(option); env_.at(at).kind == Kind::kOpt;
       at = env_.resolve(env_.at(at).inner)) {
    if (std::ranges::find(seen, at) != seen.end()) return true;
    seen.push_back(at);
  }
  return false;
}

Status Planner::make_option(Plan& plan, Kind wire_kind, TypeIdx inner) {
  if (wire_kind == Kind::kNull || wire_kind == Kind::kReserved) {
    plan.op = Op::kNoOption;
    return Ok{};
  }
  TypeIdx content = plan.wire;
  if (wire_kind == Kind::kOpt) {
    plan.op = Op::kOption;
    content = wire_env_.at(plan.wire).inner;
  } else if (env_.at(inner).kind == Kind::kNull) {
    plan.op = Op::kSkipToAbsent;
    return Ok{};
  } else if (env_.at(inner).kind == Kind::kReserved) {
    plan.op = Op::kSkipToReserved;
    return Ok{};
  } else if (endless(plan.expected)) {
    plan.op = Op::kEndless;
    return Ok{};
  } else {
    plan.op = Op::kWrap;
  }
  plan.parts.push_back({.wire = content, .expected = inner});
  CANREC_TRY(plan.fits, fits(content, inner));
  return Ok{};
}

void Planner::make_record(Plan& plan, const Type& wire, const Type& expected) {
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

void Planner::make_variant(Plan& plan, const Type& wire, const Type& expected) {
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

}  // namespace canrec::candid
