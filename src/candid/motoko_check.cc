// SPDX-License-Identifier: Apache-2.0
// Comparing what an old program keeps with what a new one takes.
#include "candid/motoko_check.h"

#include <fmt/core.h>

#include <algorithm>
#include <map>
#include <optional>

#include "candid/motoko_chain.h"
#include "candid/motoko_subtype.h"

namespace canrec::candid::motoko {
namespace {

class Check {
 public:
  Status read(std::string_view old_text, std::string_view new_text);
  Result<StableVerdict> run();

 private:
  Result<bool> stop();
  Status demand();
  void consumed_by_pair();
  Status kept(const StableField& was, const StableField& now);
  Status runtime(const StableField& was, const StableField& now, bool values_differ);
  void discarded(const StableField& was);
  void required(const StableField& now);
  void unmade(const StableField& now);
  bool count(Severity severity, bool data_lost);
  void add(Finding finding);
  bool count_runtime(Runtime how);
  void add_runtime(Finding finding, Runtime how);

  TypeStore store_;
  Signature old_;
  Signature new_;
  Wanted wanted_;
  std::map<TypeIdx, std::string_view> fresh_;  // of wanted_, what is new: the first of each type
  size_t pending_ = 0;                         // migrations of the new chain that run
  StableVerdict verdict_;
};

Status Check::read(std::string_view old_text, std::string_view new_text) {
  auto old_signature = parse_signature(old_text, store_);
  if (!old_signature) return fail(std::move(old_signature).error().in("old signature"));
  auto new_signature = parse_signature(new_text, store_);
  if (!new_signature) return fail(std::move(new_signature).error().in("new signature"));
  old_ = std::move(*old_signature);
  new_ = std::move(*new_signature);
  return Ok{};
}

// One more finding goes into the verdict. False when there is no room left for its words.
bool Check::count(Severity severity, bool data_lost) {
  verdict_.data_lost |= data_lost;
  if (severity == Severity::kError) verdict_.compatible = false;
  if (severity != Severity::kNote) verdict_.lossless = false;
  if (verdict_.findings.size() < kMaxFindings) return true;
  verdict_.truncated = true;
  return false;
}

void Check::add(Finding finding) {
  if (count(finding.severity, finding.data_lost)) verdict_.findings.push_back(std::move(finding));
}

bool Check::count_runtime(Runtime how) {
  // Trapping outweighs: the upgrade then does not happen at all.
  if (verdict_.runtime != Runtime::kTraps) verdict_.runtime = how;
  if (verdict_.runtime_findings.size() < kMaxFindings) return true;
  verdict_.truncated = true;
  return false;
}

void Check::add_runtime(Finding finding, Runtime how) {
  if (count_runtime(how)) verdict_.runtime_findings.push_back(std::move(finding));
}

// Whether the variables, sorted by name, have this one.
bool has(const std::vector<StableField>& fields, std::string_view name) {
  return std::ranges::binary_search(fields, name, {}, &StableField::name);
}

std::string place(std::string_view variable, std::string_view path) {
  if (path.empty()) return fmt::format("variable {}", variable);
  return fmt::format("variable {}, {}", variable, path);
}

std::string reason(const Misfit& misfit) {
  switch (misfit.why) {
    case Why::kTypes:
      return "a value of the old type is no value of the new one";
    case Why::kFieldRequired:
      if (misfit.renamed_from.empty()) {
        return fmt::format("the new type has field {}, which old values lack", misfit.label);
      }
      return fmt::format(
          "the new type has field {}, which old values lack; field {} of the same "
          "type is gone: if it was renamed, its values are not taken over",
          misfit.label, misfit.renamed_from);
    case Why::kFieldLost:
      return fmt::format("field {} is dropped: its value is discarded", misfit.label);
    case Why::kPromoted:
      return "the new type is Any: the value is discarded";
    case Why::kTagGone:
      return fmt::format("old values may have tag {}, which the new type lacks", misfit.label);
    case Why::kArity:
      return "the number of items differs";
    case Why::kMutability:
      return "one is var and the other is not";
    case Why::kSharing:
      return "the functions are shared in different ways";
  }
  CANREC_ASSERT(false);
}

// Of a variable that old and new both have. A rename is taken for a loss.
bool loses(const Misfit& misfit) { return misfit.loses_only() || !misfit.renamed_from.empty(); }

Finding finding_of(const TypeStore& store, const std::string& variable, const Misfit& misfit) {
  Finding finding;
  finding.variable = variable;
  finding.path = place(variable, misfit.path);
  finding.message = reason(misfit);
  finding.old_type = store.print(misfit.old_type);
  finding.new_type = store.print(misfit.new_type);
  finding.data_lost = loses(misfit);
  return finding;
}

// A variable that both sides have.
Status Check::kept(const StableField& was, const StableField& now) {
  CANREC_TRY(const std::vector<Misfit> misfits,
             stable_misfits(store_, was.type, now.type, kMaxFindings + 1));
  const auto refuses = [](const Misfit& misfit) { return !misfit.loses_only(); };
  const bool refused = std::ranges::any_of(misfits, refuses);
  // Of a list that was cut off, the worst is to be expected.
  const bool values_differ =
      misfits.size() > kMaxFindings || std::ranges::any_of(misfits, [&](const Misfit& misfit) {
        return refuses(misfit) && !misfit.erased;
      });
  for (const Misfit& misfit : misfits) {
    // The compiler stops at a mismatch, so what is lost besides is a note.
    const Severity severity = refused && !refuses(misfit) ? Severity::kNote : Severity::kError;
    if (!count(severity, loses(misfit))) continue;
    Finding finding = finding_of(store_, was.name, misfit);
    finding.severity = severity;
    if (severity == Severity::kError) finding.code = refuses(misfit) ? "M0170" : "M0216";
    verdict_.findings.push_back(std::move(finding));
  }
  return runtime(was, now, values_differ);
}

Status Check::runtime(const StableField& was, const StableField& now, bool values_differ) {
  CANREC_TRY(const std::vector<Misfit> misfits,
             runtime_misfits(store_, was.type, now.type, kMaxFindings + 1));
  for (const Misfit& misfit : misfits) {
    if (!count_runtime(Runtime::kTraps)) continue;
    verdict_.runtime_findings.push_back(finding_of(store_, was.name, misfit));
  }
  if (misfits.empty() && values_differ) {
    Finding finding;
    finding.variable = was.name;
    finding.path = place(was.name, {});
    finding.message =
        "the run-time system cannot tell these types apart: it accepts the upgrade and reads old "
        "values as the new type";
    finding.old_type = store_.print(was.type);
    finding.new_type = store_.print(now.type);
    add_runtime(std::move(finding), Runtime::kMisreads);
  }
  return Ok{};
}

// A variable that only the old side has.
void Check::discarded(const StableField& was) {
  Finding finding;
  finding.code = "M0169";
  finding.variable = was.name;
  finding.path = place(was.name, {});
  finding.old_type = store_.print(was.type);
  finding.data_lost = true;
  finding.message =
      fmt::format("{}{} removed: its value is discarded", was.is_var ? "var " : "", was.name);
  if (const auto renamed = fresh_.find(was.type); renamed != fresh_.end()) {
    finding.message +=
        fmt::format("; {} of the same type is new: if it was renamed, the value is not taken over",
                    renamed->second);
  }
  add(finding);
  finding.severity = Severity::kError;
  finding.message = "the new program lacks a variable of the old one";
  finding.data_lost = false;
  add_runtime(std::move(finding), Runtime::kTraps);
}

// A variable that the new side takes and the old one does not have.
void Check::required(const StableField& now) {
  if (!now.required) return;  // it is initialised
  Finding finding;
  finding.code = "M0263";
  finding.variable = now.name;
  finding.path = place(now.name, {});
  finding.new_type = store_.print(now.type);
  finding.message =
      fmt::format("the migration takes {}, which the previous version does not have", now.name);
  add(std::move(finding));
}

// A variable of a chain of which nothing runs: no initialiser and no migration gives it a value.
void Check::unmade(const StableField& now) {
  Finding finding;
  finding.severity = Severity::kWarning;
  finding.code = "M0267";
  finding.variable = now.name;
  finding.path = place(now.name, {});
  finding.new_type = store_.print(now.type);
  finding.message = fmt::format(
      "{} is new and no migration gives it: compilers refuse this when they are shown the old "
      "signature (--stable-baseline)",
      now.name);
  add(std::move(finding));
}

// What the migration function of a new program takes and does not keep, or may not keep.
void Check::consumed_by_pair() {
  for (const StableField& field : new_.before) {
    if (!field.required) continue;
    const bool declared = has(new_.fields, field.name);
    Finding finding;
    finding.variable = field.name;
    finding.path = place(field.name, {});
    finding.old_type = store_.print(field.type);
    if (declared) {
      finding.severity = Severity::kNote;
      finding.message = fmt::format(
          "{} is taken by the migration and declared again; whether the migration gives it is not "
          "in the signature: if it does not (M0206), {} starts anew and its value is lost",
          field.name, field.name);
    } else {
      finding.severity = Severity::kWarning;
      finding.code = "M0207";
      finding.data_lost = true;
      finding.message = fmt::format(
          "{} is taken by the migration and not kept: what it does not make of it is lost",
          field.name);
    }
    add(std::move(finding));
  }
}

// What ends the comparison before a variable is looked at. True when something did.
Result<bool> Check::stop() {
  for (const auto& [side, signature] : {std::pair("old", &old_), std::pair("new", &new_)}) {
    for (const ParserNote& note : signature->notes) {
      Finding finding;
      finding.severity = Severity::kNote;
      finding.code = note.code;
      finding.path = fmt::format("{} signature", side);
      finding.message = note.message;
      add(std::move(finding));
    }
  }
  // The compiler reads the old signature first and goes no further than a broken one.
  for (const auto& [side, signature] : {std::pair("old", &old_), std::pair("new", &new_)}) {
    if (signature->form != Form::kChain) continue;
    CANREC_TRY(std::optional<Finding> broken, broken_chain(store_, *signature));
    if (!broken) continue;
    broken->path = broken->path.empty() ? fmt::format("{} signature", side)
                                        : fmt::format("{} signature, {}", side, broken->path);
    add(std::move(*broken));
    return true;
  }
  if (old_.form == Form::kChain && new_.form != Form::kChain) {
    Finding finding;
    finding.code = "M0255";
    finding.message = "a program with a chain of migrations cannot be upgraded to one without";
    add(std::move(finding));
    return true;
  }
  return false;
}

// What the new program takes from the old one.
Status Check::demand() {
  for (const StableField& field : new_.form == Form::kPair ? new_.before : new_.fields) {
    wanted_.emplace(field.name, field);
  }
  if (new_.form != Form::kChain) return Ok{};
  CANREC_TRY(History history, compare_history(store_, old_, new_));
  pending_ = history.pending;
  for (Finding& finding : history.findings) add(std::move(finding));
  CANREC_TRY(ChainDemand taken, chain_demand(store_, new_, pending_));
  wanted_ = std::move(taken.wanted);
  for (Finding& finding : taken.findings) add(std::move(finding));
  return Ok{};
}

Result<StableVerdict> Check::run() {
  CANREC_TRY(const bool stopped, stop());
  if (stopped) {
    verdict_.runtime = Runtime::kUnjudged;
    return std::move(verdict_);
  }
  CANREC_CHECK(demand());
  for (const auto& [name, field] : wanted_) {
    if (!has(old_.fields, name)) fresh_.emplace(field.type, name);
  }
  // Both lists by name, merged.
  auto was = old_.fields.begin();
  auto now = wanted_.begin();
  while (was != old_.fields.end() || now != wanted_.end()) {
    if (now == wanted_.end() || (was != old_.fields.end() && was->name < now->first)) {
      discarded(*was++);
    } else if (was == old_.fields.end() || now->first < was->name) {
      const StableField& field = (now++)->second;
      if (new_.form == Form::kChain && pending_ == 0) {
        unmade(field);
      } else {
        required(field);
      }
    } else {
      CANREC_CHECK(kept(*was++, (now++)->second));
    }
  }
  if (new_.form == Form::kPair) consumed_by_pair();
  return std::move(verdict_);
}

}  // namespace

Result<StableVerdict> check_stable(std::string_view old_text, std::string_view new_text) {
  Check check;
  CANREC_CHECK(check.read(old_text, new_text));
  return check.run();
}

}  // namespace canrec::candid::motoko
