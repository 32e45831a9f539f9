// SPDX-License-Identifier: Apache-2.0
#pragma once

// What to do with a value of one wire type where one expected type is wanted. Internal to
// binary_*.cc.
//
// Plans are made when a value first meets its pair of types, and kept: what costs time (merging
// fields by label, comparing references, asking whether the content of an option always fits) is
// done once for a message.

#include <deque>
#include <map>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "candid/binary.h"
#include "candid/subtype.h"
#include "candid/types.h"

namespace canrec::candid {

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

/// Makes and keeps the plans of one message.
class Planner {
 public:
  Planner(const Header& header, const TypeEnv& expected);

  /// The plan of a pair; stays where it is. Errors: kCandidQuota when comparing types takes too
  /// many steps.
  Result<Plan*> plan_for(TypeIdx wire, TypeIdx expected);

 private:
  Status make(Plan& plan);
  Status make_option(Plan& plan, Kind wire_kind, TypeIdx inner);
  void make_record(Plan& plan, const Type& wire, const Type& expected);
  void make_variant(Plan& plan, const Type& wire, const Type& expected);
  Status make_reference(Plan& plan, Op op);
  Result<bool> fits(TypeIdx wire, TypeIdx expected);
  bool endless(TypeIdx option) const;

  const Header& header_;
  const TypeEnv& wire_env_;
  const TypeEnv& env_;
  SubtypeChecker subtypes_;
  std::deque<Plan> plans_;
  std::map<std::pair<TypeIdx, TypeIdx>, Plan*> known_;
};

}  // namespace canrec::candid
