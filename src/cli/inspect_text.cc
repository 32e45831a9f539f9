// SPDX-License-Identifier: Apache-2.0
// The text of `canrec inspect`: one block a subject, in the order in which a reader asks.
#include <fmt/core.h>

#include <algorithm>

#include "base/hash.h"
#include "base/utc_text.h"
#include "cli/inspect_report.h"
#include "snapshot/globals.h"
#include "wasm/text.h"
#include "wasmdiff/finding.h"

namespace canrec::cli {
namespace {

constexpr size_t kShortList = 12;
constexpr size_t kLongList = 100;  // where nothing that matters may fall under the table

std::string safe(std::string_view text) { return printable(as_bytes(text)); }

std::string_view kind_word(wasm::ExternKind kind) {
  switch (kind) {
    case wasm::ExternKind::kFunc:
      return "function";
    case wasm::ExternKind::kTable:
      return "table";
    case wasm::ExternKind::kMemory:
      return "memory";
    case wasm::ExternKind::kGlobal:
      return "global";
  }
  return "";
}

class TextReport {
 public:
  TextReport(Session& session, const InspectInput& input)
      : session_(session), input_(input), module_(input.module()), facts_(input.facts) {}

  void run() {
    header();
    if (input_.survey != nullptr) snapshot();
    sections();
    memory();
    data();
    elements();
    globals();
    entry_points();
    system_api();
    network_rules();
  }

 private:
  void line(std::string_view text) { session_.print(fmt::format("{}\n", text)); }
  void heading(std::string_view text) {
    session_.print(fmt::format("\n{}\n", session_.toned(Tone::kBold, text)));
  }

  // Prints up to `most` of n rows, all of them under --all.
  template <typename Row>
  void rows(size_t n, Row row, size_t most = kShortList) {
    const size_t shown = input_.all || n <= most + 1 ? n : most;
    for (size_t i = 0; i < shown; ++i) row(i);
    if (shown < n) {
      line(session_.toned(Tone::kDim,
                          fmt::format("  ... and {} more (--all shows them)", grouped(n - shown))));
    }
  }

  // "a, b, c" broken at the width of the terminal, behind an indentation. Lists of hundreds of
  // names are broken elsewhere too.
  void wrapped(std::string_view begin, const std::vector<std::string>& items) {
    const size_t width = session_.is_terminal() ? session_.width() : 100U;
    std::string text(begin);
    size_t used = begin.size();
    for (size_t i = 0; i < items.size(); ++i) {
      const bool last = i + 1 == items.size();
      if (i > 0 && used + 2 + items[i].size() > width) {
        text += '\n' + std::string(begin.size(), ' ');
        used = begin.size();
      } else if (i > 0) {
        text += ' ';
        ++used;
      }
      text += items[i];
      if (!last) text += ',';
      used += items[i].size() + 1;
    }
    line(text);
  }

  std::string function(wasm::FuncIdx fn) const {
    return fmt::format("function {} {}", std::to_underlying(fn), input_.names.of(fn));
  }

  void header() {
    const wasm::LoadedModule& loaded = input_.loaded;
    line(fmt::format("canrec inspect  {}    canrec {}",
                     session_.toned(Tone::kBold, safe(input_.path)), CANREC_VERSION));
    line(fmt::format("  sha256     {}", to_hex(loaded.hash)));
    line(fmt::format("  size       {}{}", human_size(loaded.stored_size),
                     loaded.gzipped
                         ? fmt::format(" of gzip, {} unpacked", human_size(module_.bytes.size()))
                         : ""));
    const wasm::ToolchainFacts& toolchain = facts_.toolchain;
    line(fmt::format("  toolchain  {} ({})", to_string(toolchain.toolchain), toolchain.evidence));
    if (!toolchain.compiler.empty()) line(fmt::format("  compiler   {}", toolchain.compiler));
    if (!toolchain.layout.empty()) line(fmt::format("  layout     {}", toolchain.layout));
    if (!toolchain.collector.empty()) {
      line(fmt::format("  collector  {} garbage collector", toolchain.collector));
    }
    if (facts_.invalid) {
      line(fmt::format("  valid      {}: {} at 0x{:08x}", session_.toned(Tone::kBad, "no"),
                       facts_.invalid->message(), facts_.invalid->offset().value_or(0)));
      return;
    }
    line(fmt::format("  valid      {}", session_.toned(Tone::kGood, "yes")));
    line(fmt::format(
        "  network    {}",
        facts_.violations.empty()
            ? session_.toned(Tone::kGood, "accepts it")
            : session_.toned(Tone::kBad,
                             fmt::format("refuses it: {} violated",
                                         wasmdiff::counted(facts_.violations.size(), "rule")))));
  }

  void snapshot() {
    heading("SNAPSHOT");
    for (const snapshot::Finding& finding : input_.survey->findings) {
      const bool refused = finding.severity == snapshot::Severity::kRefused;
      line(fmt::format(
          "  {}  {}",
          session_.toned(refused ? Tone::kBad : Tone::kWarning, refused ? "BAD    " : "WARNING"),
          safe(finding.error.message())));
    }
    const snapshot::Metadata& metadata = *input_.metadata();
    line(fmt::format("  written by        {}", to_string(input_.survey->directory->form())));
    line(fmt::format("  taken at          {} ({} ns since 1970)",
                     utc_text(metadata.taken_at_timestamp_ns), metadata.taken_at_timestamp_ns));
    line(fmt::format("  canister version  {}", metadata.canister_version));
    line(fmt::format("  heap              {}", human_size(metadata.wasm_memory_size)));
    line(fmt::format("  stable memory     {}", human_size(metadata.stable_memory_size)));
    line(fmt::format("  chunk store       {}",
                     wasmdiff::counted(metadata.wasm_chunk_store.size(), "chunk")));
    if (!metadata.certified_data.empty()) {
      line(fmt::format("  certified data    {}", to_hex(metadata.certified_data)));
    }
    if (metadata.global_timer) {
      const auto& deadline = metadata.global_timer->deadline_ns;
      line(fmt::format("  global timer      {}",
                       deadline ? fmt::format("at {} ns", *deadline) : std::string("off")));
    }
    if (!globals_match(input_)) {
      line(fmt::format("  {}  the metadata has {} globals, this module persists {}{}",
                       session_.toned(Tone::kBad, "BAD    "), metadata.globals.size(),
                       facts_.globals.size(),
                       metadata.globals.size() == facts_.globals.size() ? " of other types" : ""));
    }
  }

  void sections() {
    heading("SECTIONS");
    for (const wasm::Section& section : module_.sections) {
      std::string what;
      if (section.id == wasm::SectionId::kCustom) {
        const auto icp = wasm::parse_icp_section(section.name);
        what = icp ? fmt::format("\"{}\" {}", safe(icp->name),
                                 icp->is_public ? "public" : "private, for controllers")
                   : fmt::format("\"{}\"", safe(section.name));
      } else if (const auto count = entry_count(module_, section)) {
        what = fmt::format("{} {}", grouped(*count), *count == 1 ? "entry" : "entries");
      } else if (module_.start) {
        what = function(*module_.start);
      }
      line(fmt::format("  0x{:08x}  {:<10} {:>12} bytes  {}", section.range.begin,
                       to_string(section.id), grouped(section.content.size()), what));
    }
  }

  std::string limits(const wasm::Limits& limits, std::string_view unit) const {
    return fmt::format("{}-bit, at least {}, {}", limits.is_64 ? 64 : 32,
                       wasmdiff::counted(limits.min, unit),
                       limits.has_max ? fmt::format("at most {}", grouped(limits.max))
                                      : std::string("no maximum"));
  }

  void memory() {
    heading("MEMORY AND TABLES");
    for (const wasm::Memory& memory : module_.memories) {
      line(fmt::format("  memory   {}{}", limits(memory.limits, "page"),
                       memory.import ? ", imported" : ""));
    }
    if (module_.memories.empty()) line("  no memory");
    for (uint32_t i = 0; i < module_.tables.size(); ++i) {
      const wasm::Table& table = module_.tables[i];
      std::string filled;
      if (const auto image = wasm::table_image(module_, wasm::TableIdx{i})) {
        const auto n =
            std::ranges::count_if(*image, [](const auto& slot) { return slot.has_value(); });
        filled = fmt::format(", {} filled", wasmdiff::counted(static_cast<uint64_t>(n), "slot"));
      }
      line(fmt::format("  table {}  {}, {}{}", i, to_string(table.type.element),
                       limits(table.type.limits, "slot"), filled));
    }
  }

  void data() {
    if (module_.data.empty()) return;
    heading("DATA SEGMENTS");
    rows(module_.data.size(), [&](size_t i) {
      const wasm::DataSegment& segment = module_.data[i];
      const auto address = constant_address(segment.offset);
      const std::string place = segment.mode == wasm::SegmentMode::kPassive ? "passive"
                                : address ? fmt::format("0x{:08x}", *address)
                                          : std::string("computed");
      line(fmt::format("  {:>4}  {:<10}  {:>12} bytes  in the file at 0x{:08x}", i, place,
                       grouped(segment.bytes.size()), segment.bytes.begin));
    });
  }

  void elements() {
    if (module_.elements.empty()) return;
    heading("ELEMENT SEGMENTS");
    rows(module_.elements.size(), [&](size_t i) {
      const wasm::ElementSegment& segment = module_.elements[i];
      std::string place = segment.mode == wasm::SegmentMode::kPassive ? "passive" : "declarative";
      if (segment.mode == wasm::SegmentMode::kActive) {
        const auto slot = constant_address(segment.offset);
        place = fmt::format("table {} from slot {}", std::to_underlying(segment.table),
                            slot ? std::to_string(*slot) : std::string("?"));
      }
      line(fmt::format("  {:>4}  {:<26}  {:>8} of {}", i, place, grouped(segment.count),
                       to_string(segment.type)));
    });
  }

  void globals() {
    heading("PERSISTED GLOBALS, in the order of a snapshot");
    if (facts_.globals.empty()) line("  none");
    const wasm::NameSection names = wasm::read_names(module_);
    const snapshot::Metadata* metadata = globals_match(input_) ? input_.metadata() : nullptr;
    rows(facts_.globals.size(), [&](size_t i) {
      const wasm::PersistedGlobal& global = facts_.globals[i];
      const uint32_t index = std::to_underlying(global.global);
      const wasm::Global& declared = module_.globals[index];
      const auto name = names.globals.find(index);
      std::string text =
          fmt::format("  {:>4}  global {:<4} {:<5} {:<9}  initially {}", i, index,
                      to_string(global.type.type), global.type.is_mutable ? "mutable" : "immutable",
                      declared.import ? std::string("imported")
                                      : wasm::constant_text(declared.init.instruction));
      if (metadata != nullptr)
        text += fmt::format(", now {}", snapshot::value_text(metadata->globals[i]));
      if (!global.export_name.empty())
        text += fmt::format("  export \"{}\"", safe(global.export_name));
      if (name != names.globals.end()) text += fmt::format("  {}", safe(name->second));
      line(text);
    });
  }

  void entry_points() {
    if (facts_.invalid) return;
    heading("ENTRY POINTS");
    if (facts_.entries.empty()) line("  none");
    constexpr size_t kWidest = 52;
    size_t width = 0;
    for (const wasm::EntryPoint& entry : facts_.entries) {
      width = std::max(width, std::min(kWidest, safe(entry.name).size()));
    }
    rows(
        facts_.entries.size(),
        [&](size_t i) {
          const wasm::EntryPoint& entry = facts_.entries[i];
          const std::string target =
              entry.functions.size() == 1
                  ? function(entry.functions[0])
                  : fmt::format("any of {} functions in tables", entry.functions.size());
          line(fmt::format("  {:<{}}  {:<18}  {}", safe(entry.name), width,
                           wasm::context_letters(entry.contexts), target));
        },
        kLongList);
    std::vector<const wasm::Export*> others;
    for (const wasm::Export& entry : module_.exports) {
      const bool known = entry.kind == wasm::ExternKind::kFunc &&
                         (ic::find_hook(entry.name) != nullptr || ic::parse_method(entry.name));
      if (!known) others.push_back(&entry);
    }
    if (others.empty()) return;
    heading("OTHER EXPORTS");
    rows(others.size(), [&](size_t i) {
      line(fmt::format("  {:<34}  {} {}", safe(others[i]->name), kind_word(others[i]->kind),
                       others[i]->index));
    });
  }

  // The entries that get there by direct calls; those that may not make the call come first, with
  // the contexts in which it traps.
  void direct_lines(const wasm::ApiUse& use) {
    std::vector<std::string> items;
    std::vector<std::string> allowed;
    for (const wasm::ApiUse::From& from : use.from) {
      if (from.reach != wasm::Reach::kDirect) continue;
      const std::string name = safe(facts_.entries[from.entry].name);
      if (from.forbidden.empty()) {
        allowed.push_back(name);
      } else {
        items.push_back(
            fmt::format("{} [not allowed in {}]", name, wasm::context_letters(from.forbidden)));
      }
    }
    const size_t shown =
        input_.all || allowed.size() <= kShortList / 2 + 1 ? allowed.size() : kShortList / 2;
    items.insert(items.end(), allowed.begin(), allowed.begin() + static_cast<ptrdiff_t>(shown));
    if (shown < allowed.size()) items.push_back(fmt::format("and {} more", allowed.size() - shown));
    if (!items.empty()) wrapped("      direct          ", items);
  }

  // Through tables nearly everything may get everywhere: a number will do for most readers.
  void table_lines(const wasm::ApiUse& use) {
    std::vector<std::string> items;
    size_t forbidden = 0;
    for (const wasm::ApiUse::From& from : use.from) {
      if (from.reach != wasm::Reach::kThroughTables) continue;
      std::string item = safe(facts_.entries[from.entry].name);
      if (!from.forbidden.empty()) {
        ++forbidden;
        item += fmt::format(" [not allowed in {}]", wasm::context_letters(from.forbidden));
      }
      items.push_back(std::move(item));
    }
    if (items.empty()) return;
    if (!input_.all) {
      items = {items.size() == 1 ? items.front() : fmt::format("{} entry points", items.size())};
      if (forbidden > 0) items.push_back(fmt::format("not allowed in {} of them", forbidden));
    }
    wrapped("      through tables  ", items);
  }

  void system_api() {
    if (facts_.invalid || facts_.uses.empty()) return;
    heading("SYSTEM API, and the entry points that lead to each function");
    rows(
        facts_.uses.size(),
        [&](size_t i) {
          const wasm::ApiUse& use = facts_.uses[i];
          std::string text = fmt::format("  ic0.{}", safe(use.name));
          if (use.known == nullptr) {
            text += session_.toned(Tone::kBad, "  unknown to the network");
          } else if (use.from.empty()) {
            text += session_.toned(Tone::kDim, "  reached by nothing");
          }
          line(text);
          direct_lines(use);
          table_lines(use);
        },
        kLongList);
    line(
        session_.toned(Tone::kDim,
                       "  direct: by a chain of direct calls; through tables: some call on the way "
                       "is indirect\n  and may or may not take it; --all names every entry point"));
  }

  void network_rules() {
    if (facts_.violations.empty()) return;
    heading("NETWORK RULES VIOLATED, in the order in which the network checks");
    rows(
        facts_.violations.size(),
        [&](size_t i) {
          const wasm::RuleViolation& violation = facts_.violations[i];
          line(fmt::format("  0x{:08x}  {}", violation.offset,
                           session_.toned(Tone::kBad, violation.text)));
          line(fmt::format("              {}", violation.why));
        },
        kLongList);
  }

  Session& session_;
  const InspectInput& input_;
  const wasm::Module& module_;
  const wasm::ModuleFacts& facts_;
};

}  // namespace

const snapshot::Metadata* InspectInput::metadata() const {
  return survey != nullptr && survey->directory ? &survey->directory->metadata() : nullptr;
}

bool globals_match(const InspectInput& input) {
  const snapshot::Metadata* metadata = input.metadata();
  if (metadata == nullptr) return true;
  return std::ranges::equal(metadata->globals, input.facts.globals,
                            [](const snapshot::GlobalValue& value, const wasm::PersistedGlobal& g) {
                              return to_string(value.type) == to_string(g.type.type);
                            });
}

void print_inspect_text(Session& session, const InspectInput& input) {
  TextReport(session, input).run();
}

}  // namespace canrec::cli
