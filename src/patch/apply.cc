// SPDX-License-Identifier: Apache-2.0
// Applies a plan: what it lists, and what follows from it.
#include "patch/apply.h"

#include <algorithm>
#include <future>

#include "base/gzip.h"
#include "patch/renumber.h"
#include "wasmdiff/compare.h"

namespace canrec::patch {
namespace {

using wasm::ByteRange;
using wasm::Edit;
using wasm::EditScope;

// Replaced ranges in file order, for the renumbering to leave alone.
std::vector<ByteRange> replaced(const Plan& plan) {
  std::vector<ByteRange> ranges;
  for (const Change& change : plan.changes) {
    if (change.range.size() > 0) ranges.push_back(change.range);
  }
  std::ranges::sort(ranges, {}, &ByteRange::begin);
  return ranges;
}

Status add_names(const wasm::Module& module, const Plan& plan, std::vector<Edit>& edits) {
  const wasm::Section* section = module.custom("name");
  if (section == nullptr || (plan.added_imports == 0 && plan.names.empty())) return Ok{};
  const bool replaced_anyway = std::ranges::any_of(plan.changes, [&](const Change& change) {
    return change.range.begin < section->range.end && change.range.end > section->range.begin;
  });
  if (replaced_anyway) return Ok{};
  CANREC_TRY(Bytes payload, renumbered_names(module.view(section->payload), section->payload.begin,
                                             numbering(module, plan), plan.names));
  edits.push_back({EditScope::kSection, section->payload, std::move(payload)});
  return Ok{};
}

RouteVerdict verdict(const wasmdiff::Comparison& comparison, wasmdiff::Route route) {
  RouteVerdict out;
  out.word = to_string(comparison.word(route));
  for (const wasmdiff::Finding& finding : comparison.findings) {
    if (finding.weights.of(route) >= wasmdiff::Severity::kReview) {
      out.reasons.push_back({std::string(finding.code), finding.what, finding.why, finding.next});
    }
  }
  return out;
}

}  // namespace

Result<Bytes> build(const wasm::Module& module, const Plan& plan) {
  std::vector<Edit> edits;
  for (const Change& change : plan.changes) {
    edits.push_back({change.scope, change.range, change.after});
  }
  if (plan.added_imports > 0) {
    const std::vector<ByteRange> skip = replaced(plan);
    CANREC_TRY(std::vector<Edit> moved, renumber_edits(module, numbering(module, plan), skip));
    std::ranges::move(moved, std::back_inserter(edits));
  }
  CANREC_CHECK(add_names(module, plan, edits));
  return wasm::apply_edits(module, std::move(edits));
}

Result<Patched> apply(const wasm::LoadedModule& input, const Plan& plan) {
  CANREC_CHECK(check_fits(plan, input));
  CANREC_TRY(Bytes unpacked, build(input.module, plan));
  Patched patched;
  // Nothing of this needs the proof, which reads the bytes by itself: all at once.
  Bytes packed = input.gzipped ? gzip(unpacked) : Bytes();
  const ByteView stored = input.gzipped ? packed : unpacked;
  auto hash = std::async(std::launch::async, [stored] { return sha256(stored); });
  auto reading = std::async(std::launch::async, [&] { return wasm::read_module(unpacked); });
  CANREC_TRY(patched.evidence, prove(input.module, plan, unpacked));
  CANREC_TRY(const wasm::Module result, reading.get());
  // The proof has shown the result to be valid, and the input where it differs from it.
  wasmdiff::CompareOptions options;
  options.validated = true;
  CANREC_TRY(const wasmdiff::Comparison comparison,
             wasmdiff::compare(input.module, result, options));
  patched.evidence.route_s = verdict(comparison, wasmdiff::Route::kS);
  patched.evidence.route_k = verdict(comparison, wasmdiff::Route::kK);
  patched.evidence.output = hash.get();
  patched.stored = input.gzipped ? std::move(packed) : std::move(unpacked);
  patched.evidence.output_size = patched.stored.size();
  return patched;
}

}  // namespace canrec::patch
