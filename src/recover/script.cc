// SPDX-License-Identifier: Apache-2.0
// The parser of rehearsal steps.
#include "recover/script.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <set>

#include "base/bytes.h"
#include "base/checked.h"

namespace canrec::recover {
namespace {

struct Verb {
  std::string_view word;
  StepKind kind;
};
constexpr auto kVerbs = std::to_array<Verb>({
    {"replace", StepKind::kReplace},
    {"upgrade", StepKind::kUpgrade},
    {"install", StepKind::kInstall},
    {"call", StepKind::kCall},
    {"query", StepKind::kQuery},
    {"advance-time", StepKind::kAdvanceTime},
    {"checkpoint", StepKind::kCheckpoint},
    {"revert", StepKind::kRevert},
    {"expect-same", StepKind::kExpectSame},
    {"expect-trap", StepKind::kExpectTrap},
    {"expect-reply", StepKind::kExpectReply},
});

struct TimeUnit {
  std::string_view word;
  uint64_t nanoseconds;
};
constexpr auto kTimeUnits = std::to_array<TimeUnit>({
    {"ns", 1},
    {"us", 1'000},
    {"ms", 1'000'000},
    {"s", 1'000'000'000},
    {"m", 60'000'000'000},
    {"h", 3'600'000'000'000},
    {"d", 86'400'000'000'000},
});

// What the text of a source that is wrong counts as: a file is input, a command line is usage.
Errc wrong(StepSource source) {
  return source == StepSource::kFile ? Errc::kScript : Errc::kBadArgument;
}

// Of a text that may be anything, as much as a message shows.
std::string beginning(std::string_view text) {
  constexpr size_t kShown = 60;
  if (text.size() <= kShown) return std::string(text);
  return std::string(text.substr(0, kShown)) + "...";
}

class StepParser {
 public:
  StepParser(std::string_view text, Errc wrong, std::string place)
      : text_(text), wrong_(wrong), place_(std::move(place)) {}

  Status run(Step& step) {
    skip_spaces();
    const size_t verb_at = at_;
    const std::string_view word = take_word();
    const auto verb = std::ranges::find(kVerbs, word, &Verb::word);
    if (verb == kVerbs.end()) {
      std::string known;
      for (const Verb& each : kVerbs)
        known += fmt::format("{}{}", known.empty() ? "" : ", ", each.word);
      return error(verb_at,
                   fmt::format("unknown step \"{}\"; known are {}", beginning(word), known));
    }
    step.kind = verb->kind;
    return rest(step);
  }

  // What follows the verb, up to the end.
  Status rest(Step& step) {
    CANREC_CHECK(operands(step));
    skip_spaces();
    if (at_ == text_.size()) return Ok{};
    if (text_[at_] == '#' && wrong_ == Errc::kScript) return Ok{};  // a comment
    return error(at_, fmt::format("\"{}\" is not expected here", beginning(text_.substr(at_))));
  }

 private:
  std::unexpected<Error> error(size_t at, std::string_view message) const {
    return fail(wrong_, fmt::format("{}, column {}: {}", place_, at + 1, message));
  }
  void skip_spaces() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\t')) ++at_;
  }
  // Up to the next space, or up to `(` where a method stands before its arguments.
  std::string_view take_word(bool stop_at_parenthesis = false) {
    const size_t begin = at_;
    while (at_ < text_.size() && text_[at_] != ' ' && text_[at_] != '\t' &&
           !(stop_at_parenthesis && text_[at_] == '(')) {
      ++at_;
    }
    return text_.substr(begin, at_ - begin);
  }
  // A word, or text in double quotes with \" and \\ inside.
  Result<std::string> take_text(std::string_view what) {
    skip_spaces();
    const size_t begin = at_;
    if (at_ < text_.size() && text_[at_] == '"') {
      std::string out;
      for (++at_; at_ < text_.size() && text_[at_] != '"'; ++at_) {
        if (text_[at_] == '\\' && at_ + 1 < text_.size()) ++at_;
        out += text_[at_];
      }
      if (at_ == text_.size()) return error(begin, "text in quotes does not end");
      ++at_;
      return out;
    }
    const std::string_view word = take_word();
    if (word.empty()) return error(at_, fmt::format("{} is missing", what));
    return std::string(word);
  }
  std::string take_rest() {
    skip_spaces();
    std::string_view rest = text_.substr(at_);
    while (!rest.empty() && (rest.back() == ' ' || rest.back() == '\t')) rest.remove_suffix(1);
    at_ = text_.size();
    return std::string(rest);
  }

  Status operands(Step& step) {
    switch (step.kind) {
      case StepKind::kReplace:
      case StepKind::kUpgrade:
      case StepKind::kInstall: {
        CANREC_TRY(step.subject, take_text("the module"));
        return options(step);
      }
      case StepKind::kCall:
      case StepKind::kQuery:
      case StepKind::kExpectSame:
        return method(step);
      case StepKind::kAdvanceTime:
        return duration(step);
      case StepKind::kCheckpoint:
      case StepKind::kRevert: {
        CANREC_TRY(step.subject, take_text("the name of the checkpoint"));
        return Ok{};
      }
      case StepKind::kExpectTrap: {
        step.argument = take_rest();
        return Ok{};
      }
      case StepKind::kExpectReply: {
        skip_spaces();
        const size_t begin = at_;
        step.argument = take_rest();
        if (step.argument.empty()) return error(begin, "the expected reply is missing");
        return Ok{};
      }
    }
    return Ok{};
  }

  Status options(Step& step) {
    while (skip_spaces(), at_ < text_.size() && text_[at_] != '#') {
      const size_t begin = at_;
      const std::string_view word = take_word();
      if (word == "--arg" && step.kind != StepKind::kReplace) {
        skip_spaces();
        CANREC_TRY(step.argument, take_arguments());
        step.argument_form = ArgumentForm::kText;
      } else if (word == "--arg-hex" && step.kind != StepKind::kReplace) {
        skip_spaces();
        const size_t digits_at = at_;
        CANREC_TRY(step.argument, take_text("the argument in hex"));
        Bytes bytes;
        if (!from_hex(step.argument, bytes)) {
          return error(digits_at, "an even number of hex digits is wanted");
        }
        step.argument_form = ArgumentForm::kHex;
      } else if (word == "--arg-file" && step.kind != StepKind::kReplace) {
        CANREC_TRY(step.argument, take_text("the file with the argument"));
        step.argument_form = ArgumentForm::kFile;
      } else if (word == "--skip-pre-upgrade" && step.kind == StepKind::kUpgrade) {
        step.skip_pre_upgrade = true;
      } else if (word == "--keep" && step.kind == StepKind::kUpgrade) {
        step.memory = KeepMemory::kKeep;
      } else if (word == "--replace-memory" && step.kind == StepKind::kUpgrade) {
        step.memory = KeepMemory::kReplace;
      } else {
        return error(begin, fmt::format("unknown option \"{}\" of this step", beginning(word)));
      }
    }
    return Ok{};
  }

  // Candid text in parentheses; quotes are looked at so that a parenthesis in a text does not
  // count.
  Result<std::string> take_arguments() {
    const size_t begin = at_;
    if (at_ == text_.size() || text_[at_] != '(') {
      return error(begin, "arguments are Candid text in parentheses");
    }
    size_t depth = 0;
    bool quoted = false;
    for (; at_ < text_.size(); ++at_) {
      const char c = text_[at_];
      if (quoted) {
        if (c == '\\') {
          ++at_;
        } else if (c == '"') {
          quoted = false;
        }
        continue;
      }
      if (c == '"') quoted = true;
      if (c == '(') ++depth;
      if (c == ')' && --depth == 0) {
        ++at_;
        return std::string(text_.substr(begin, at_ - begin));
      }
    }
    return error(begin, "a parenthesis is not closed (a step stands on one line)");
  }

  Status method(Step& step) {
    skip_spaces();
    if (at_ < text_.size() && text_[at_] == '"') {
      CANREC_TRY(step.subject, take_text("the method"));
    } else {
      const size_t begin = at_;
      step.subject = std::string(take_word(true));
      if (step.subject.empty()) return error(begin, "the method is missing");
    }
    skip_spaces();
    if (at_ < text_.size() && text_[at_] != '#') {
      CANREC_TRY(step.argument, take_arguments());
    }
    return Ok{};
  }

  Status duration(Step& step) {
    skip_spaces();
    const size_t begin = at_;
    const std::string_view word = take_word();
    uint64_t number = 0;
    const auto [end, code] = std::from_chars(word.data(), word.data() + word.size(), number);
    const std::string_view unit = word.substr(static_cast<size_t>(end - word.data()));
    const auto known = std::ranges::find(kTimeUnits, unit, &TimeUnit::word);
    if (code != std::errc{} || known == kTimeUnits.end()) {
      return error(begin, "a time is a number with ns, us, ms, s, m, h or d, for example 90s");
    }
    const auto nanoseconds = checked_mul(number, known->nanoseconds);
    if (!nanoseconds) return error(begin, "the time does not fit 64 bits of nanoseconds");
    step.nanoseconds = *nanoseconds;
    return Ok{};
  }

  std::string_view text_;
  Errc wrong_;
  std::string place_;
  size_t at_ = 0;
};

bool is_expectation(StepKind kind) {
  return kind == StepKind::kExpectTrap || kind == StepKind::kExpectReply;
}

}  // namespace

bool changes_code(StepKind kind) {
  return kind == StepKind::kReplace || kind == StepKind::kUpgrade || kind == StepKind::kInstall;
}

std::string script_text(std::string_view path) {
  if (!path.empty() && path.find_first_of(" \t\"\\#") == std::string_view::npos)
    return std::string(path);
  std::string out = "\"";
  for (const char c : path) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out += '"';
}

std::string Step::place() const {
  return fmt::format("{} {}", source == StepSource::kFile ? "line" : "step", line);
}

Result<Step> parse_step(std::string_view text, StepSource source, uint32_t line) {
  Step step;
  step.text = std::string(text);
  step.source = source;
  step.line = line;
  CANREC_CHECK(StepParser(text, wrong(source), step.place()).run(step));
  return step;
}

Result<Step> parse_query(std::string_view text) {
  Step step;
  step.kind = StepKind::kQuery;
  step.text = std::string(text);
  CANREC_CHECK(StepParser(text, Errc::kBadArgument, fmt::format("query {}", text)).rest(step));
  return step;
}

Status check_script(const std::vector<Step>& steps) {
  std::set<std::string> names;
  for (size_t i = 0; i < steps.size(); ++i) {
    const Step& step = steps[i];
    if (step.kind == StepKind::kCheckpoint) names.insert(step.subject);
    if (step.kind == StepKind::kRevert && !names.contains(step.subject)) {
      return fail(wrong(step.source), fmt::format("{}, column 1: no checkpoint \"{}\" before this",
                                                  step.place(), step.subject));
    }
    if (is_expectation(step.kind) && i == 0) {
      return fail(wrong(step.source),
                  fmt::format("{}, column 1: no step before this expectation", step.place()));
    }
  }
  return Ok{};
}

Result<std::vector<Step>> parse_script(std::string_view text) {
  constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";
  if (text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
  std::vector<Step> steps;
  uint32_t line = 0;
  while (!text.empty()) {
    ++line;
    const size_t end = std::min(text.find('\n'), text.size());
    std::string_view row = text.substr(0, end);
    text = text.substr(std::min(end + 1, text.size()));
    if (!row.empty() && row.back() == '\r') row.remove_suffix(1);
    const size_t first = row.find_first_not_of(" \t");
    if (first == std::string_view::npos || row[first] == '#') continue;
    CANREC_TRY(Step step, parse_step(row, StepSource::kFile, line));
    steps.push_back(std::move(step));
  }
  CANREC_CHECK(check_script(steps));
  return steps;
}

}  // namespace canrec::recover
