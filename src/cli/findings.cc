// SPDX-License-Identifier: Apache-2.0
// Findings for people and for scripts.
#include "cli/findings.h"

#include <fmt/core.h>

#include <algorithm>

namespace canrec::cli {
namespace {

Tone tone_of(recover::Severity severity) {
  switch (severity) {
    case recover::Severity::kNote:
      return Tone::kNote;
    case recover::Severity::kWarning:
      return Tone::kWarning;
    case recover::Severity::kError:
      return Tone::kBad;
  }
  return Tone::kBad;
}

constexpr size_t kMostBlanks = 16;  // of a line's own indentation

std::string upper(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = static_cast<char>(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c);
  return out;
}

}  // namespace

std::string with_margin(std::string_view text, std::string_view margin) {
  std::string out(text);
  for (size_t at = 0; (at = out.find('\n', at)) != std::string::npos; at += 1 + margin.size()) {
    out.insert(at + 1, margin);
  }
  return out;
}

std::string wrapped(std::string_view text, size_t indent, size_t width) {
  std::string out;
  size_t margin = indent;
  size_t column = indent;
  const auto new_line = [&] {
    out += "\n" + std::string(margin, ' ');
    column = margin;
  };
  while (!text.empty()) {
    const size_t end = text.find_first_of(" \n");
    const std::string_view word = text.substr(0, end);
    if (column != margin && column + 1 + word.size() > width) new_line();
    if (column != margin) {
      out += ' ';
      ++column;
    }
    out += word;
    column += word.size();
    if (end == std::string_view::npos) break;
    const bool is_break = text[end] == '\n';
    text.remove_prefix(end + 1);
    if (!is_break) continue;
    const size_t blanks = std::min({text.find_first_not_of(' '), text.size(), kMostBlanks});
    margin = indent + blanks;
    text.remove_prefix(blanks);
    new_line();
  }
  return out;
}

void print_findings(Session& session, const std::vector<recover::Finding>& findings) {
  for (const recover::Finding& finding : findings) {
    const std::string word = upper(to_string(finding.severity));
    session.print(fmt::format("\n{}  {}{}{}\n", session.toned(tone_of(finding.severity), word),
                              finding.code, finding.where.empty() ? "" : "  ", finding.where));
    const auto line = [&](std::string_view label, std::string_view text) {
      if (text.empty()) return;
      session.print(fmt::format("      {:<5} {}\n", label, wrapped(text, 12, session.width())));
    };
    line("what", finding.what);
    line("why", finding.why);
    line("next", finding.next);
  }
  if (!findings.empty()) session.print("\n");
}

nlohmann::ordered_json findings_json(const std::vector<recover::Finding>& findings) {
  nlohmann::ordered_json out = nlohmann::ordered_json::array();
  for (const recover::Finding& finding : findings) {
    out.push_back({{"severity", to_string(finding.severity)},
                   {"code", finding.code},
                   {"where", finding.where},
                   {"what", finding.what},
                   {"why", finding.why},
                   {"next", finding.next}});
  }
  return out;
}

}  // namespace canrec::cli
