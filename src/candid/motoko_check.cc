// SPDX-License-Identifier: Apache-2.0
// Comparing what an old program keeps with what a new one takes.
#include "candid/motoko_check.h"

#include <fmt/core.h>

#include <algorithm>
#include <map>
#include <optional>

#include "candid/motoko_subtype.h"

namespace canrec::candid::motoko {
namespace {

// What the new program takes: variables by name.
using Wanted = std::map<std::string, StableField, std::less<>>;

class Check {
 public:
  Status read(std::string_view old_text, std::string_view new_text);
  Result<StableVerdict> run();

 private:
  Result<bool> fold();
  Result<bool> fold_one(const Migration& migration);
  Result<bool> fits(TypeIdx sub, TypeIdx super);
  void note_migrations(size_t first);
  Status kept(const StableField& was, const StableField& now);
  Status runtime(const StableField& was, const StableField& now, bool compiler_refuses);
  void discarded(const StableField& was);
  void required(const StableField& now);
  void add(Finding finding);
  void add_runtime(Finding finding, Runtime how);

  TypeStore store_;
  Signature old_;
  Signature new_;
  Wanted wanted_;
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

void Check::add(Finding finding) {
  if (finding.severity == Severity::kError) verdict_.compatible = false;
  if (finding.severity != Severity::kNote) verdict_.lossless = false;
  if (verdict_.findings.size() == kMaxFindings) {
    verdict_.truncated = true;
    return;
  }
  verdict_.findings.push_back(std::move(finding));
}

void Check::add_runtime(Finding finding, Runtime how) {
  // Trapping outweighs: the upgrade then does not happen at all.
  if (verdict_.runtime != Runtime::kTraps) verdict_.runtime = how;
  if (verdict_.runtime_findings.size() == kMaxFindings) {
    verdict_.truncated = true;
    return;
  }
  verdict_.runtime_findings.push_back(std::move(finding));
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

Finding finding_of(const TypeStore& store, const std::string& variable, const Misfit& misfit) {
  Finding finding;
  finding.variable = variable;
  finding.path = place(variable, misfit.path);
  finding.message = reason(misfit);
  finding.old_type = store.print(misfit.old_type);
  finding.new_type = store.print(misfit.new_type);
  finding.data_lost = misfit.loses_only() || !misfit.renamed_from.empty();
  return finding;
}

// A variable that both sides have.
Status Check::kept(const StableField& was, const StableField& now) {
  CANREC_TRY(const std::vector<Misfit> misfits,
             stable_misfits(store_, was.type, now.type, kMaxFindings));
  const bool refused =
      !std::ranges::all_of(misfits, [](const Misfit& misfit) { return misfit.loses_only(); });
  for (const Misfit& misfit : misfits) {
    Finding finding = finding_of(store_, was.name, misfit);
    if (!misfit.loses_only()) {
      finding.code = "M0170";
    } else if (!refused) {
      finding.code = "M0216";
    } else {
      finding.severity = Severity::kNote;  // the compiler stops at the mismatch
    }
    add(std::move(finding));
  }
  return runtime(was, now, refused);
}

Status Check::runtime(const StableField& was, const StableField& now, bool compiler_refuses) {
  CANREC_TRY(const std::vector<Misfit> misfits,
             runtime_misfits(store_, was.type, now.type, kMaxFindings));
  for (const Misfit& misfit : misfits) {
    add_runtime(finding_of(store_, was.name, misfit), Runtime::kTraps);
  }
  if (misfits.empty() && compiler_refuses) {
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
  for (const auto& [name, field] : wanted_) {
    const bool is_new =
        std::ranges::find(old_.fields, name, &StableField::name) == old_.fields.end();
    if (is_new && field.type == was.type) {
      finding.message += fmt::format(
          "; {} of the same type is new: if it was renamed, the value is not taken over", name);
      break;
    }
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

Result<bool> Check::fits(TypeIdx sub, TypeIdx super) {
  CANREC_TRY(const std::vector<Misfit> misfits, stable_misfits(store_, sub, super, 1));
  return misfits.empty();
}

// Takes one migration back: what it gives was not there before, what it takes was.
Result<bool> Check::fold_one(const Migration& migration) {
  CANREC_TRY(const TypeIdx idx, store_.unfold(migration.type));
  const Type func = store_.at(idx);
  if (func.kind != Kind::kFunction || func.parts.size() != 1 || func.results.size() != 1) {
    return false;
  }
  CANREC_TRY(const TypeIdx takes_idx, store_.unfold(func.parts[0]));
  CANREC_TRY(const TypeIdx gives_idx, store_.unfold(func.results[0]));
  const Type takes = store_.at(takes_idx);
  const Type gives = store_.at(gives_idx);
  if (takes.kind != Kind::kObject || gives.kind != Kind::kObject) return false;
  for (const Field& field : gives.fields) {
    const auto found = wanted_.find(field.name);
    if (found == wanted_.end()) return false;
    CANREC_TRY(const bool fitting, fits(field.type, found->second.type));
    if (!fitting) return false;
    wanted_.erase(found);
  }
  for (const Field& field : takes.fields) {
    StableField before{.name = field.name, .type = field.type, .is_var = false, .required = true};
    if (!wanted_.emplace(field.name, std::move(before)).second) return false;
  }
  return true;
}

// What a chain drops on the way, for the migrations that will run.
void Check::note_migrations(size_t first) {
  for (size_t i = first; i < new_.migrations.size(); ++i) {
    const auto func_idx = store_.unfold(new_.migrations[i].type);
    if (!func_idx) return;
    const Type func = store_.at(*func_idx);
    const auto takes = store_.unfold(func.parts[0]);
    const auto gives = store_.unfold(func.results[0]);
    if (!takes || !gives) return;
    const Type given = store_.at(*gives);
    for (const Field& field : store_.at(*takes).fields) {
      if (std::ranges::find(given.fields, field.name, &Field::name) != given.fields.end()) {
        continue;
      }
      Finding finding;
      finding.severity = Severity::kWarning;
      finding.code = "M0207";
      finding.variable = field.name;
      finding.path = fmt::format("migration {}, field {}", new_.migrations[i].label, field.name);
      finding.message = fmt::format(
          "{} is taken and not given: what the migration does not make of it is lost", field.name);
      finding.old_type = store_.print(field.type);
      finding.data_lost = true;
      add(std::move(finding));
    }
  }
}

// The variables a chain takes from a program that has seen the old signature's last migration.
// False when the chain does not fit together.
Result<bool> Check::fold() {
  if (new_.migrations.empty()) return false;
  size_t first = 0;
  if (old_.form == Form::kChain && !old_.migrations.empty()) {
    const auto last =
        std::ranges::find(new_.migrations, old_.migrations.back().label, &Migration::label);
    if (last != new_.migrations.end()) {
      first = static_cast<size_t>(last - new_.migrations.begin()) + 1;
    } else {
      Finding finding;
      finding.severity = Severity::kWarning;
      finding.path = fmt::format("migration {}", old_.migrations.back().label);
      finding.message =
          "the last migration of the old program is not in the new chain, so the whole chain is "
          "applied";
      add(std::move(finding));
    }
  }
  for (size_t i = new_.migrations.size(); i > first; --i) {
    CANREC_TRY(const bool good, fold_one(new_.migrations[i - 1]));
    if (!good) return false;
  }
  note_migrations(first);
  return true;
}

Result<StableVerdict> Check::run() {
  Finding whole;
  if (old_.form == Form::kChain && new_.form != Form::kChain) {
    whole.code = "M0255";
    whole.message = "a program with a chain of migrations cannot be upgraded to one without";
    add(std::move(whole));
    verdict_.runtime = Runtime::kUnjudged;
    return std::move(verdict_);
  }
  for (const StableField& field : new_.form == Form::kPair ? new_.before : new_.fields) {
    StableField taken = field;
    taken.required = field.required || new_.form == Form::kChain;
    wanted_.emplace(field.name, std::move(taken));
  }
  if (new_.form == Form::kChain) {
    CANREC_TRY(const bool good, fold());
    if (!good) {
      whole.code = "M0253";
      whole.message = "the migrations of the new program do not fit together";
      add(std::move(whole));
      verdict_.runtime = Runtime::kUnjudged;
      return std::move(verdict_);
    }
  }
  // Both lists by name, merged.
  auto was = old_.fields.begin();
  auto now = wanted_.begin();
  while (was != old_.fields.end() || now != wanted_.end()) {
    if (now == wanted_.end() || (was != old_.fields.end() && was->name < now->first)) {
      discarded(*was++);
    } else if (was == old_.fields.end() || now->first < was->name) {
      required((now++)->second);
    } else {
      CANREC_CHECK(kept(*was++, (now++)->second));
    }
  }
  if (new_.form == Form::kPair) {
    for (const StableField& field : new_.before) {
      const bool declared =
          std::ranges::find(new_.fields, field.name, &StableField::name) != new_.fields.end();
      if (!field.required || declared) continue;
      Finding finding;
      finding.severity = Severity::kWarning;
      finding.code = "M0207";
      finding.variable = field.name;
      finding.path = place(field.name, {});
      finding.message = fmt::format(
          "{} is taken by the migration and not kept: what it does not make of it is lost",
          field.name);
      finding.old_type = store_.print(field.type);
      finding.data_lost = true;
      add(std::move(finding));
    }
  }
  return std::move(verdict_);
}

}  // namespace

Result<StableVerdict> check_stable(std::string_view old_text, std::string_view new_text) {
  Check check;
  CANREC_CHECK(check.read(old_text, new_text));
  return check.run();
}

}  // namespace canrec::candid::motoko
