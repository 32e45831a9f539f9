// SPDX-License-Identifier: Apache-2.0
// Compares a patched module with its input, entity by entity.
#include "patch/proof.h"

#include <fmt/core.h>

#include <algorithm>
#include <set>

#include "base/checked.h"
#include "ic/system_api.h"
#include "patch/proof_body.h"
#include "patch/renumber.h"
#include "wasm/names.h"
#include "wasm/persisted.h"
#include "wasm/validate.h"

namespace canrec::patch {
namespace {

using wasm::EditScope;
using wasm::Module;
using wasm::Section;
using wasm::SectionId;

std::unexpected<Error> beyond(std::string message) {
  return fail(Errc::kPatchProof, std::move(message));
}

// Numbers in a rule's text are counts and function indices; both move with an added import.
std::string without_digits(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c < '0' || c > '9') out += c;
  }
  return out;
}

// Custom sections of tools that name functions by index. The network reads none of them.
bool holds_function_indices(std::string_view name) {
  return name == "linking" || name.starts_with("reloc.") || name.starts_with("metadata.code.");
}

struct CustomSection {
  std::string_view name;
  Bytes payload;
  bool names = false;  // the name section, compared by meaning
};

class Prover {
 public:
  Prover(const Module& old, const Plan& plan, const Module& now)
      : old_(old), plan_(plan), now_(now), moved_(numbering(old, plan)) {}

  Result<Evidence> run() {
    CANREC_CHECK(valid());
    CANREC_CHECK(rules());
    CANREC_CHECK(types_and_imports());
    CANREC_CHECK(functions());
    CANREC_CHECK(storage());
    CANREC_CHECK(segments());
    CANREC_CHECK(exports_and_start());
    CANREC_CHECK(custom_sections());
    CANREC_CHECK(names());
    CANREC_CHECK(persisted());
    evidence_.input = plan_.input;
    evidence_.input_size = plan_.input_size;
    evidence_.imports_added = plan_.added_imports;
    evidence_.changes = show_changes(old_, plan_);
    evidence_.notes.insert(evidence_.notes.begin(), plan_.notes.begin(), plan_.notes.end());
    return std::move(evidence_);
  }

 private:
  Status valid() {
    auto status = wasm::validate(now_);
    if (status) return Ok{};
    CANREC_CHECK(valid_before(wasm::validate(old_)));
    return fail(Errc::kPatchProof, status.error().offset().value_or(0),
                fmt::format("the result does not validate: {}", status.error().message()));
  }

  static Status valid_before(Status status) {
    if (status) return status;
    return fail(std::move(status).error().in("the input itself does not validate"));
  }

  Status rules() {
    const auto now = wasm::check_network_rules(now_);
    if (now.empty()) return Ok{};
    std::multiset<std::string> before;
    for (const auto& violation : wasm::check_network_rules(old_)) {
      before.insert(without_digits(violation.text));
    }
    for (const auto& violation : now) {
      const auto it = before.find(without_digits(violation.text));
      if (it == before.end()) {
        return fail(Errc::kPatchProof, violation.offset,
                    fmt::format("the result breaks a rule of the network: {}", violation.text));
      }
      before.erase(it);
      evidence_.notes.push_back(
          fmt::format("the input already broke a rule of the network: {}", violation.text));
    }
    return Ok{};
  }

  // Whether the plan has a change in that section, or inserts it.
  bool touches(SectionId id) const {
    const Section* section = old_.section(id);
    return std::ranges::any_of(plan_.changes, [&](const Change& change) {
      if (section == nullptr) {
        return change.scope == EditScope::kFile && !change.after.empty() &&
               change.after[0] == std::to_underlying(id);
      }
      return change.scope == EditScope::kSection && change.range.begin >= section->content.begin &&
             change.range.end <= section->content.end;
    });
  }

  Status types_and_imports() {
    if (now_.types.size() < old_.types.size() ||
        !std::equal(old_.types.begin(), old_.types.end(), now_.types.begin())) {
      return beyond("a type changed");
    }
    if (now_.types.size() > old_.types.size() && !touches(SectionId::kType)) {
      return beyond("types were added");
    }
    if (now_.imports.size() != old_.imports.size() + plan_.added_imports) {
      return beyond(fmt::format("{} imports became {}", old_.imports.size(), now_.imports.size()));
    }
    for (size_t i = 0; i < now_.imports.size(); ++i) {
      const wasm::Import& now = now_.imports[i];
      if (i >= old_.imports.size()) {
        if (now.kind != wasm::ExternKind::kFunc || now.module != ic::kSystemApiModule) {
          return beyond(fmt::format("import {} is not a System API function", i));
        }
        continue;
      }
      const wasm::Import& old = old_.imports[i];
      if (now.module != old.module || now.name != old.name || now.kind != old.kind ||
          now.index != old.index) {
        return beyond(fmt::format("import {} changed", i));
      }
    }
    return Ok{};
  }

  Status functions() {
    if (now_.functions.size() < old_.functions.size() + plan_.added_imports) {
      return beyond("functions are missing");
    }
    const size_t added = now_.functions.size() - old_.functions.size() - plan_.added_imports;
    const BodyComparer compare(old_, plan_, now_, moved_);
    for (size_t i = 0; i < old_.functions.size(); ++i) {
      const wasm::Function& old = old_.functions[i];
      const wasm::Function& now = now_.functions[moved_(i)];
      if (old.type != now.type || old.is_import() != now.is_import()) {
        return beyond(fmt::format("function {} has another signature", i));
      }
      if (old.is_import()) continue;
      const auto index = narrow<uint32_t>(i);
      CANREC_TRY(const bool planned, compare.one(old, now, index));
      // What the plan does not touch is valid because the result is.
      if (planned) CANREC_CHECK(valid_before(wasm::validate_function(old_, wasm::FuncIdx{index})));
      ++(planned ? evidence_.functions_changed : evidence_.functions_same);
    }
    evidence_.functions_added = narrow<uint32_t>(added);
    return added_functions(added);
  }

  // The bodies behind the input's are the plan's, byte for byte.
  Status added_functions(size_t added) {
    Bytes planned;
    const Section* code = old_.section(SectionId::kCode);
    for (const Change& change : plan_.changes) {
      if (change.scope != EditScope::kSection || code == nullptr) continue;
      if (change.range.begin == code->content.end && change.range.size() == 0) {
        append(planned, change.after);
      }
    }
    Bytes found;
    for (size_t i = now_.functions.size() - added; i < now_.functions.size(); ++i) {
      append(found, now_.view(now_.functions[i].entry));
    }
    if (planned != found) return beyond("the added functions are not those of the plan");
    return Ok{};
  }

  bool same_expression(const wasm::ConstExpr& old, const wasm::ConstExpr& now) const {
    return same_instruction(old.instruction, now.instruction, moved_);
  }

  // Sections that no patch may change at all.
  Status storage() {
    for (const SectionId id :
         {SectionId::kTable, SectionId::kMemory, SectionId::kData, SectionId::kDataCount}) {
      const Section* old = old_.section(id);
      const Section* now = now_.section(id);
      if ((old == nullptr) != (now == nullptr) ||
          (old != nullptr &&
           !std::ranges::equal(old_.view(old->content), now_.view(now->content)))) {
        return beyond(fmt::format("the {} section changed", to_string(id)));
      }
    }
    const auto same_table = [](const wasm::Table& a, const wasm::Table& b) {
      return a.type == b.type && a.import == b.import;
    };
    if (!std::ranges::equal(old_.tables, now_.tables, same_table)) return beyond("a table changed");
    const auto same_memory = [](const wasm::Memory& a, const wasm::Memory& b) {
      return a.limits == b.limits && a.import == b.import;
    };
    if (!std::ranges::equal(old_.memories, now_.memories, same_memory)) {
      return beyond("the memory changed");
    }
    const auto same_global = [&](const wasm::Global& a, const wasm::Global& b) {
      return a.type == b.type && a.import == b.import &&
             (a.import || same_expression(a.init, b.init));
    };
    if (!std::ranges::equal(old_.globals, now_.globals, same_global)) {
      return beyond("a global changed");
    }
    return Ok{};
  }

  Status segments() {
    const auto same = [&](const wasm::ElementSegment& a, const wasm::ElementSegment& b) {
      if (a.mode != b.mode || a.type != b.type || a.table != b.table || a.count != b.count ||
          a.has_exprs != b.has_exprs) {
        return false;
      }
      if (a.mode == wasm::SegmentMode::kActive && !same_expression(a.offset, b.offset)) {
        return false;
      }
      const auto old = wasm::read_items(old_, a);
      const auto now = wasm::read_items(now_, b);
      return std::ranges::equal(old, now, [&](const auto& x, const auto& y) {
        if (!x.function || !y.function) return x.function == y.function;
        return moved_(std::to_underlying(*x.function)) == std::to_underlying(*y.function);
      });
    };
    if (!std::ranges::equal(old_.elements, now_.elements, same)) {
      return beyond("an element segment changed: a table slot would mean another function");
    }
    return Ok{};
  }

  Status exports_and_start() {
    auto now = now_.exports.begin();
    for (const wasm::Export& old : old_.exports) {
      const bool dropped = std::ranges::any_of(plan_.changes, [&](const Change& change) {
        return change.range.begin <= old.range.begin && change.range.end >= old.range.end &&
               change.after.empty();
      });
      if (dropped) continue;
      const uint64_t index = old.kind == wasm::ExternKind::kFunc ? moved_(old.index) : old.index;
      if (now == now_.exports.end() || now->name != old.name || now->kind != old.kind ||
          now->index != index) {
        return beyond(fmt::format("export \"{}\" changed", old.name));
      }
      ++now;
    }
    if (now != now_.exports.end()) {
      return beyond(fmt::format("export \"{}\" was added", now->name));
    }
    const auto start = [&](const Module& module, bool move) -> std::optional<uint32_t> {
      if (!module.start) return std::nullopt;
      const uint32_t index = std::to_underlying(*module.start);
      return move ? moved_(index) : index;
    };
    if (start(old_, true) != start(now_, false)) return beyond("the start function changed");
    return Ok{};
  }

  // What the plan makes of the custom sections, in file order.
  Result<std::vector<CustomSection>> planned_custom_sections() const {
    std::vector<CustomSection> out;
    const auto inserted = [&](uint64_t at, uint64_t until) -> Status {
      for (const Change& change : plan_.changes) {
        if (change.scope != EditScope::kFile || change.range.begin < at ||
            change.range.begin >= until || change.after.empty()) {
          continue;
        }
        Bytes module(old_.bytes.begin(), old_.bytes.begin() + 8);
        append(module, change.after);
        const auto sections = wasm::read_module(module);
        if (!sections || sections->sections[0].id != SectionId::kCustom) continue;
        for (const Section& section : sections->sections) {
          // The names outlive `module`: they are looked at in `change.after`.
          const uint64_t name_at = section.payload.begin - section.name.size() - 8;
          const std::string_view name =
              as_text(change.after).substr(static_cast<size_t>(name_at), section.name.size());
          const ByteView payload = sections->view(section.payload);
          out.push_back({name, Bytes(payload.begin(), payload.end()), false});
        }
      }
      return Ok{};
    };
    uint64_t at = 8;
    for (const Section& section : old_.sections) {
      CANREC_CHECK(inserted(at, section.range.begin + 1));
      at = section.range.begin + 1;
      if (section.id != SectionId::kCustom) continue;
      const bool whole = std::ranges::any_of(plan_.changes, [&](const Change& change) {
        return change.scope == EditScope::kFile && change.range.size() > 0 &&
               change.range.begin <= section.range.begin && change.range.end >= section.range.end;
      });
      if (whole) continue;
      const bool names = section.name == "name" && old_.custom("name") == &section;
      const ByteView payload = old_.view(section.payload);
      out.push_back({section.name, Bytes(payload.begin(), payload.end()), names});
    }
    CANREC_CHECK(inserted(at, old_.bytes.size() + 1));
    return out;
  }

  Status custom_sections() {
    CANREC_TRY(const auto planned, planned_custom_sections());
    auto next = planned.begin();
    for (const Section& section : now_.sections) {
      if (section.id != SectionId::kCustom) continue;
      const bool same =
          next != planned.end() && next->name == section.name &&
          (next->names || std::ranges::equal(next->payload, now_.view(section.payload)));
      if (!same) return beyond(fmt::format("custom section \"{}\" changed", section.name));
      if (plan_.added_imports > 0 && holds_function_indices(section.name)) {
        evidence_.notes.push_back(fmt::format(
            "custom section \"{}\" is kept as it is; its function indices are those of the input",
            section.name));
      }
      if (section.name.starts_with(".debug_") && evidence_.functions_same > 0) stale_debug_ = true;
      ++next;
    }
    if (next != planned.end()) {
      return beyond(fmt::format("custom section \"{}\" is missing", next->name));
    }
    if (stale_debug_) {
      evidence_.notes.emplace_back(
          "DWARF sections are kept as they are; their code offsets behind the change are off");
    }
    return Ok{};
  }

  // Every name of the input stands at the same function, local, global.
  Status names() {
    const Section* now_section = now_.custom("name");
    const Section* old_section = old_.custom("name");
    if (old_section == nullptr || now_section == nullptr) return Ok{};
    if (plan_.added_imports == 0 && plan_.names.empty()) {
      if (std::ranges::equal(old_.view(old_section->payload), now_.view(now_section->payload))) {
        return Ok{};
      }
      return beyond("the name section changed");
    }
    const wasm::NameSection old = wasm::read_names(old_);
    const wasm::NameSection now = wasm::read_names(now_);
    std::vector<std::string_view> expected(now_.functions.size());
    for (size_t i = 0; i < old.functions.size(); ++i) {
      if (i < old_.functions.size()) expected[moved_(i)] = old.functions[i];
    }
    for (const AddedName& added : plan_.names) {
      if (added.function < expected.size()) expected[added.function] = added.name;
    }
    for (size_t i = 0; i < expected.size(); ++i) {
      const std::string_view name = i < now.functions.size() ? now.functions[i] : "";
      if (name != expected[i]) return beyond(fmt::format("function {} has another name", i));
    }
    std::map<uint32_t, std::map<uint32_t, std::string_view>> locals;
    for (const auto& [function, map] : old.locals) locals[moved_(function)] = map;
    if (locals != now.locals || old.globals != now.globals || old.types != now.types ||
        old.tables != now.tables || old.memories != now.memories || old.data != now.data ||
        old.elements != now.elements) {
      return beyond("the name section changed beyond function indices");
    }
    return Ok{};
  }

  Status persisted() {
    const auto same = [](const wasm::PersistedGlobal& a, const wasm::PersistedGlobal& b) {
      return a.global == b.global && a.type == b.type && a.export_name == b.export_name;
    };
    if (!std::ranges::equal(wasm::persisted_globals(old_), wasm::persisted_globals(now_), same)) {
      return beyond("the persisted globals changed");
    }
    return Ok{};
  }

  const Module& old_;
  const Plan& plan_;
  const Module& now_;
  const Numbering moved_;
  Evidence evidence_;
  bool stale_debug_ = false;
};

}  // namespace

Result<Evidence> prove(const Module& input, const Plan& plan, ByteView result) {
  const auto now = wasm::read_module(result);
  if (!now) {
    return fail(Errc::kPatchProof, now.error().offset().value_or(0),
                fmt::format("the result cannot be read: {}", now.error().message()));
  }
  return Prover(input, plan, *now).run();
}

}  // namespace canrec::patch
