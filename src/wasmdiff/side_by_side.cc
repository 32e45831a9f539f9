// SPDX-License-Identifier: Apache-2.0
// Resolving a name, aligning tokens, and the text of both bodies.
#include "wasmdiff/side_by_side.h"

#include <fmt/core.h>

#include <algorithm>
#include <charconv>
#include <set>

#include "wasm/text.h"

namespace canrec::wasmdiff {
namespace {

// Beyond this many edits the bodies are shown one after the other.
constexpr size_t kMostEdits = 4000;

struct Location {
  Which which;
  uint32_t fn;
  auto operator<=>(const Location&) const = default;
};

std::optional<Location> by_number(const Subject& subject, std::string_view text) {
  Which which = kNew;
  if (text.starts_with("old")) {
    which = kOld;
    text.remove_prefix(3);
  }
  if (!text.starts_with('#')) return std::nullopt;
  uint32_t fn = 0;
  const auto [end, problem] = std::from_chars(text.data() + 1, text.data() + text.size(), fn);
  if (problem != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  if (fn >= subject.module(which).functions.size()) return std::nullopt;
  return Location{which, fn};
}

std::set<uint32_t> by_name(const Subject& subject, Which which, std::string_view name) {
  std::set<uint32_t> found;
  const wasm::Module& module = subject.module(which);
  for (const wasm::Export& e : module.exports) {
    if (e.kind == wasm::ExternKind::kFunc && e.name == name) found.insert(e.index);
  }
  if (!found.empty()) return found;
  for (uint32_t fn = 0; fn < module.functions.size(); ++fn) {
    if (subject.names[which].raw(wasm::FuncIdx{fn}) == name || subject.name(which, fn) == name) {
      found.insert(fn);
    }
  }
  return found;
}

Result<Location> resolve(const Subject& subject, std::string_view name) {
  if (const auto place = by_number(subject, name)) return *place;
  for (const Which which : {kNew, kOld}) {
    const std::set<uint32_t> found = by_name(subject, which, name);
    if (found.size() == 1) return Location{which, *found.begin()};
    if (found.empty()) continue;
    std::string list;
    for (const uint32_t fn : found) list += fmt::format(" {}#{}", which == kOld ? "old" : "", fn);
    return fail(Errc::kPatchSite, fmt::format("several functions are named \"{}\":{}", name, list));
  }
  return fail(Errc::kPatchSite, fmt::format("no function \"{}\" in either module", name));
}

// The function of the other module that a common or changed one belongs to.
std::optional<uint32_t> counterpart(const Subject& subject, const Location& place) {
  const auto& labels = subject.pairing.labels;
  const uint32_t wanted = labels.of[place.which][place.fn];
  const Which other = place.which == kOld ? kNew : kOld;
  const auto functions = static_cast<uint32_t>(subject.module(other).functions.size());
  // Of several merged functions the one with the same number, or the first.
  if (place.fn < functions && labels.of[other][place.fn] == wanted) return place.fn;
  for (uint32_t fn = 0; fn < functions; ++fn) {
    if (labels.of[other][fn] == wanted) return fn;
  }
  return std::nullopt;
}

struct Body {
  TokenList tokens;
  std::vector<wasm::TextLine> lines;
};

Result<Body> read_body(const Subject& subject, Tokenizer& tokenizer, Which which, uint32_t fn) {
  Body body;
  tokenizer.read(which, subject.sides[which], fn, body.tokens);
  CANREC_TRY(body.lines,
             wasm::body_text(subject.module(which), subject.names[which], wasm::FuncIdx{fn}));
  return body;
}

std::string indented(const wasm::TextLine& line) {
  return std::string(2 * size_t{std::min(line.depth, 30U)}, ' ') + line.text;
}

void put(CodeRow& row, Which which, const wasm::TextLine& line) {
  (which == kOld ? row.old_text : row.new_text) = indented(line);
  (which == kOld ? row.old_offset : row.new_offset) = line.range.begin;
}

std::vector<CodeRow> rows_of(const Body& a, const Body& b) {
  std::vector<Hunk> hunks;
  if (auto found = align(a.tokens.tokens, b.tokens.tokens, kMostEdits)) {
    hunks = std::move(*found);
  } else {
    hunks = {{0, a.lines.size(), 0, b.lines.size()}};
  }
  hunks.push_back({a.lines.size(), a.lines.size(), b.lines.size(), b.lines.size()});
  std::vector<CodeRow> rows;
  size_t i = 0;
  size_t j = 0;
  for (const Hunk& hunk : hunks) {
    for (; i < hunk.a_begin; ++i, ++j) {
      CodeRow& row = rows.emplace_back();
      row.same = true;
      put(row, kOld, a.lines[i]);
      put(row, kNew, b.lines[j]);
    }
    while (i < hunk.a_end || j < hunk.b_end) {
      CodeRow& row = rows.emplace_back();
      if (i < hunk.a_end) put(row, kOld, a.lines[i++]);
      if (j < hunk.b_end) put(row, kNew, b.lines[j++]);
    }
  }
  return rows;
}

}  // namespace

Result<SideBySide> side_by_side(const Comparison& comparison, std::string_view function) {
  const Subject& subject = *comparison.subject;
  CANREC_TRY(const Location place, resolve(subject, function));
  SideBySide out;
  (place.which == kOld ? out.old_fn : out.new_fn) = place.fn;
  (place.which == kOld ? out.new_fn : out.old_fn) = counterpart(subject, place);
  for (const Which which : {kOld, kNew}) {
    const auto fn = which == kOld ? out.old_fn : out.new_fn;
    if (fn && subject.module(which).functions[*fn].is_import()) {
      return fail(Errc::kPatchSite,
                  fmt::format("{} is imported and has no code", subject.function(which, *fn)));
    }
  }
  Tokenizer tokenizer(subject.pairing.labels);
  Both<Body> bodies;
  if (out.old_fn) {
    CANREC_TRY(bodies[kOld], read_body(subject, tokenizer, kOld, *out.old_fn));
  }
  if (out.new_fn) {
    CANREC_TRY(bodies[kNew], read_body(subject, tokenizer, kNew, *out.new_fn));
  }
  out.rows = rows_of(bodies[kOld], bodies[kNew]);
  return out;
}

}  // namespace canrec::wasmdiff
