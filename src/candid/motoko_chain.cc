// SPDX-License-Identifier: Apache-2.0
// Chains of migrations, as the compiler folds them.
#include "candid/motoko_chain.h"

#include <fmt/core.h>

#include <algorithm>

#include "candid/motoko_subtype.h"

namespace canrec::candid::motoko {
namespace {

// Steps that a field of a migration costs. Reason: it is copied and looked up by its name.
constexpr uint64_t kFieldSteps = 8;

using Fields = std::vector<Field>;

// A migration taken apart: what it takes and gives, or why it is none.
struct Step {
  Fields takes;
  Fields gives;
  std::string broken;
};

const Field* find(const Fields& fields, std::string_view name) {
  const auto found = std::ranges::lower_bound(fields, name, {}, &Field::name);
  return found == fields.end() || found->name != name ? nullptr : &*found;
}

Result<Step> take_apart(TypeStore& store, TypeIdx type) {
  Step step;
  CANREC_TRY(const TypeIdx idx, store.unfold(type));
  const Type& func = store.at(idx);
  if (func.kind != Kind::kFunction || func.sharing != Sharing::kLocal || func.bounds != 0 ||
      func.parts.size() != 1 || func.results.size() != 1) {
    step.broken = "it is no local function of one argument and one result (M0203)";
    return step;
  }
  for (const auto& [side, from] :
       {std::pair(&step.takes, func.parts[0]), std::pair(&step.gives, func.results[0])}) {
    CANREC_TRY(const TypeIdx record, store.unfold(from));
    if (store.at(record).kind != Kind::kObject) {
      step.broken = fmt::format("it {} {}, which is no record (M0202)",
                                side == &step.takes ? "takes" : "gives", store.print(record));
      return step;
    }
    if (!store.take_steps(kFieldSteps * store.at(record).fields.size())) {
      return fail(Errc::kLimit, "the migrations take too many steps to follow");
    }
    *side = store.at(record).fields;
    std::erase_if(*side, [&store](const Field& field) {
      return store.at(field.type).kind == Kind::kTypeField;
    });
    for (const Field& field : *side) {
      CANREC_TRY(const bool stable, is_stable(store, field.type));
      if (stable) continue;
      step.broken = fmt::format("field {} has type {}, whose values cannot be kept (M0201)",
                                field.name, store.print(field.type));
      return step;
    }
  }
  return step;
}

// Immutable view of a field: `var` does not matter between steps.
TypeIdx content(const TypeStore& store, TypeIdx type) {
  return store.at(type).kind == Kind::kMutable ? store.at(type).parts[0] : type;
}

// Goes back over one step: `wanted` after it becomes what is wanted before it.
void go_back(const Step& step, Wanted& wanted) {
  for (const Field& field : step.gives) wanted.erase(field.name);
  for (const Field& field : step.takes) {
    wanted.insert_or_assign(
        field.name,
        StableField{.name = field.name, .type = field.type, .is_var = false, .required = true});
  }
}

Wanted declared(const Signature& chain) {
  Wanted wanted;
  for (const StableField& field : chain.fields) wanted.emplace(field.name, field);
  return wanted;
}

Finding broken(std::string path, std::string message) {
  Finding finding;
  finding.code = "M0253";
  finding.path = std::move(path);
  finding.message = "the migrations do not fit together: " + std::move(message);
  return finding;
}

// What a step gives must be wanted behind it, at a type that loses nothing; what it takes and does
// not give must not be.
Result<std::optional<Finding>> misfit(TypeStore& store, const Step& step, const Wanted& wanted,
                                      const std::string& path) {
  for (const Field& field : step.gives) {
    const auto found = wanted.find(field.name);
    const auto place = [&] { return fmt::format("{}, field {}", path, field.name); };
    if (found == wanted.end()) {
      Finding finding = broken(
          place(), fmt::format("{} is given, but nothing behind takes it (M0205)", field.name));
      finding.new_type = store.print(field.type);
      return std::optional(std::move(finding));
    }
    const TypeIdx given = content(store, field.type);
    const TypeIdx taken = content(store, found->second.type);
    CANREC_TRY(const std::vector<Misfit> misfits, stable_misfits(store, given, taken, 1));
    if (misfits.empty()) continue;
    Finding finding =
        broken(place(), fmt::format("{} is given at a type that does not fit what is taken behind "
                                    "(M0204)",
                                    field.name));
    finding.old_type = store.print(given);
    finding.new_type = store.print(taken);
    return std::optional(std::move(finding));
  }
  for (const Field& field : step.takes) {
    if (find(step.gives, field.name) != nullptr || !wanted.contains(field.name)) continue;
    Finding finding =
        broken(fmt::format("{}, field {}", path, field.name),
               fmt::format("{} is taken and not given, though it is taken behind too (M0206)",
                           field.name));
    finding.old_type = store.print(field.type);
    return std::optional(std::move(finding));
  }
  return std::optional<Finding>();
}

Result<bool> same_type(TypeStore& store, TypeIdx a, TypeIdx b) {
  CANREC_TRY(const bool forth, is_subtype(store, a, b, {}));
  if (!forth) return false;
  return is_subtype(store, b, a, {});
}

Finding changed_past(const std::string& label, std::string message) {
  Finding finding;
  finding.severity = Severity::kWarning;
  finding.code = "M0268";
  finding.path = fmt::format("migration {}", label);
  finding.message = std::move(message);
  return finding;
}

Finding gone(const std::string& label) {
  return changed_past(
      label, fmt::format("{} has run and is gone, though an older one is still there", label));
}

}  // namespace

Result<std::optional<Finding>> broken_chain(TypeStore& store, const Signature& signature) {
  if (signature.migrations.empty()) return std::optional(broken({}, "there are none"));
  Wanted wanted = declared(signature);
  for (auto migration = signature.migrations.rbegin(); migration != signature.migrations.rend();
       ++migration) {
    const std::string path = fmt::format("migration {}", migration->label);
    CANREC_TRY(const Step step, take_apart(store, migration->type));
    if (!step.broken.empty()) return std::optional(broken(path, step.broken));
    CANREC_TRY(auto finding, misfit(store, step, wanted, path));
    if (finding) return finding;
    go_back(step, wanted);
  }
  return std::optional<Finding>();
}

// Both chains are sorted by label, so they are merged. Steps that ran may be gone from the new
// chain, the oldest first; no step may change, and none may come in before the last that ran.
Result<History> compare_history(TypeStore& store, const Signature& previous,
                                const Signature& next) {
  History history;
  history.pending = next.migrations.size();
  if (previous.form != Form::kChain) return history;
  const auto add = [&history](Finding finding) {
    if (history.findings.size() <= kMaxFindings) history.findings.push_back(std::move(finding));
  };
  const std::string& last = previous.migrations.back().label;
  bool has_older = false;
  auto ran = previous.migrations.begin();
  for (size_t i = 0; i < next.migrations.size() && next.migrations[i].label <= last; ++i) {
    const Migration& now = next.migrations[i];
    for (; ran->label < now.label; ++ran) {
      if (has_older) add(gone(ran->label));
    }
    has_older = true;
    if (ran->label != now.label) {
      add(changed_past(now.label,
                       fmt::format("{} comes before {}, which was the last to run, and has not run "
                                   "itself: it never will",
                                   now.label, last)));
      continue;
    }
    CANREC_TRY(const bool same, same_type(store, ran->type, now.type));
    if (!same) {
      Finding finding = changed_past(
          now.label, fmt::format("{} has run with another type: what is written now was never done",
                                 now.label));
      finding.old_type = store.print(ran->type);
      finding.new_type = store.print(now.type);
      add(std::move(finding));
    }
    ++ran;
  }
  if (has_older) {
    for (; ran != previous.migrations.end(); ++ran) add(gone(ran->label));
  }
  // As the compiler: behind the step with the old program's last label, or all of them.
  const auto resumed = std::ranges::find(next.migrations, last, &Migration::label);
  if (resumed != next.migrations.end()) {
    history.pending = static_cast<size_t>(next.migrations.end() - resumed) - 1;
  }
  return history;
}

Result<ChainDemand> chain_demand(TypeStore& store, const Signature& chain, size_t pending) {
  ChainDemand demand;
  demand.wanted = declared(chain);
  for (size_t i = 0; i < pending; ++i) {
    const Migration& migration = chain.migrations[chain.migrations.size() - 1 - i];
    CANREC_TRY(const Step step, take_apart(store, migration.type));
    for (const Field& field : step.takes) {
      if (find(step.gives, field.name) != nullptr) continue;
      if (demand.findings.size() > kMaxFindings) break;
      Finding finding;
      finding.severity = Severity::kWarning;
      finding.code = "M0207";
      finding.variable = field.name;
      finding.path = fmt::format("migration {}, field {}", migration.label, field.name);
      finding.message = fmt::format(
          "{} is taken and not given: what the migration does not make of it is lost", field.name);
      finding.old_type = store.print(field.type);
      finding.data_lost = true;
      demand.findings.push_back(std::move(finding));
    }
    go_back(step, demand.wanted);
  }
  if (pending != 0) {
    for (auto& [name, field] : demand.wanted) field.required = true;
  }
  return demand;
}

}  // namespace canrec::candid::motoko
