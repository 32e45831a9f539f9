// SPDX-License-Identifier: Apache-2.0
// Output, errors and progress of one run.
#include "cli/session.h"

#include <fmt/core.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <nlohmann/json.hpp>

#include "base/named_error.h"
#include "base/shell.h"

namespace canrec::cli {
namespace {

unsigned terminal_width() {
  winsize size{};
  if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col >= 40) return size.ws_col;
  return 100;
}

// What cannot be written to stderr can be told to nobody; the exit status still says it.
// (fmt::print throws then.)
template <typename... Args>
void to_stderr(fmt::format_string<Args...> format, Args&&... args) {
  const std::string text = fmt::format(format, std::forward<Args>(args)...);
  (void)std::fwrite(text.data(), 1, text.size(), stderr);
}

// What each Tone begins with; the first one ends them all.
constexpr std::array<std::string_view, 7> kColours = {
    "\x1b[0m", "\x1b[1;32m", "\x1b[36m", "\x1b[1;33m", "\x1b[1;31m", "\x1b[2m", "\x1b[1m"};

// A colour that begins at `text`, or nothing.
std::string_view colour_at(std::string_view text) {
  for (const std::string_view colour : kColours) {
    if (text.starts_with(colour)) return colour;
  }
  return {};
}

// Text for people as it may be shown. What canisters print, and names from modules, could steer a
// terminal: control characters and bytes that are no UTF-8 become \xx. Our own colours stay where
// colours are wanted.
std::string shown(std::string_view text, bool colour) {
  const auto plain = [](char c) { return (c >= ' ' && c < 0x7f) || c == '\n' || c == '\t'; };
  if (std::ranges::all_of(text, plain)) return std::string(text);
  const bool utf8 = is_utf8(as_bytes(text));
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<uint8_t>(text[i]);
    const std::string_view ours = colour && byte == 0x1b ? colour_at(text.substr(i)) : "";
    // U+0080 to U+009F are control characters too: c2 80 to c2 9f.
    const bool c1 = utf8 && byte == 0xc2 && static_cast<uint8_t>(text[i + 1]) < 0xa0;
    if (!ours.empty()) {
      out += ours;
      i += ours.size() - 1;
    } else if (c1) {
      out += fmt::format("\\c2\\{:02x}", static_cast<uint8_t>(text[++i]));
    } else if (plain(text[i]) || (utf8 && byte >= 0x80)) {
      out += text[i];
    } else {
      out += fmt::format("\\{:02x}", byte);
    }
  }
  return out;
}

// One line. Names from a module may be any bytes: what is not UTF-8 becomes U+FFFD, and the control
// characters that JSON allows in strings, U+007F to U+009F, are escaped all the same.
std::string json_text(const nlohmann::ordered_json& object) {
  const auto replace = nlohmann::ordered_json::error_handler_t::replace;
  const std::string text = object.dump(-1, ' ', false, replace);
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    const bool c1 = text[i] == '\xc2' && static_cast<uint8_t>(text[i + 1]) < 0xa0;
    if (c1 || text[i] == '\x7f') {
      out += fmt::format("\\u{:04x}", static_cast<uint8_t>(text[c1 ? ++i : i]));
    } else {
      out += text[i];
    }
  }
  return out;
}

std::string short_size(double bytes) {
  static constexpr std::array kUnits = {"B", "KiB", "MiB", "GiB", "TiB"};
  size_t unit = 0;
  while (bytes >= 1024 && unit + 1 < kUnits.size()) {
    bytes /= 1024;
    ++unit;
  }
  return fmt::format("{:.1f} {}", bytes, kUnits[unit]);
}

}  // namespace

bool is_of_snapshot(Errc code) {
  return code == Errc::kSnapshotMetadata || code == Errc::kSnapshotUnfinished ||
         code == Errc::kSnapshotSize;
}

Session::Session(FileSystem& fs, const Interrupt& interrupt)
    : fs_(fs),
      interrupt_(interrupt),
      out_terminal_(::isatty(STDOUT_FILENO) != 0),
      err_terminal_(::isatty(STDERR_FILENO) != 0),
      colour_(out_terminal_ && std::getenv("NO_COLOR") == nullptr),
      width_(out_terminal_ ? terminal_width() : std::numeric_limits<unsigned>::max()) {}

void Session::print(std::string_view text) { print_bytes(as_bytes(shown(text, colour_))); }

void Session::print_bytes(ByteView bytes) {
  if (write_error_ != 0 || bytes.empty()) return;
  if (std::fwrite(bytes.data(), 1, bytes.size(), stdout) != bytes.size()) write_error_ = errno;
}

void Session::print_json(const nlohmann::ordered_json& object) {
  print_bytes(as_bytes(json_text(object) + "\n"));
}

std::string Session::toned(Tone tone, std::string_view text) const {
  if (!colour_ || tone == Tone::kPlain) return std::string(text);
  return fmt::format("{}{}{}", kColours[static_cast<size_t>(tone)], text, kColours[0]);
}

void Session::warn(std::string_view text) { to_stderr("canrec: {}\n", shown(text, false)); }

ExitCode Session::report(std::string_view input, const Error& error) {
  const ExitCode code = exit_code_of(error.code());
  std::string place;
  if (!input.empty() && !names_file(error, input)) place += fmt::format("{}:", input);
  if (error.offset()) place += fmt::format("0x{:08x}:", *error.offset());
  if (!place.empty()) place += ' ';
  warn(fmt::format("{}{} (E{})", place, error.message(), static_cast<unsigned>(error.code())));
  if (is_of_snapshot(error.code()) && !input.empty() && !json) {
    warn(fmt::format("next: canrec verify {}", shell_word(input)));
  }
  if (json) {
    nlohmann::ordered_json object = {
        {"type", "exit_error"},           {"schema", 1},
        {"code", static_cast<int>(code)}, {"errc", static_cast<unsigned>(error.code())},
        {"input", std::string(input)},    {"message", error.message()}};
    object["offset"] =
        error.offset() ? nlohmann::ordered_json(*error.offset()) : nlohmann::ordered_json(nullptr);
    to_stderr("{}\n", json_text(object));
  }
  return code;
}

ExitCode Session::usage(std::string_view text) {
  return report("", Error(Errc::kBadArgument, std::nullopt, std::string(text)));
}

Status Session::write_output(const std::string& path, ByteView bytes, bool force) {
  if (path == "-") {
    print_bytes(bytes);
    return Ok{};
  }
  return write_file(fs_, path, bytes, force ? Overwrite::kYes : Overwrite::kNo);
}

ExitCode Session::finish(ExitCode code) {
  if (write_error_ == 0 && std::fflush(stdout) != 0) write_error_ = errno;
  // What the parser of the command line printed, it flushed by itself.
  if (write_error_ == 0 && std::ferror(stdout) != 0) write_error_ = EIO;
  if (write_error_ == 0) return code;
  // A reader that has seen enough and closed the pipe needs no message.
  if (write_error_ != EPIPE) {
    warn(fmt::format("cannot write to standard output: {}", std::strerror(write_error_)));
  }
  return ExitCode::kSystem;
}

Progress::Progress(const Session& session, std::string what, uint64_t total, std::string unit)
    : enabled_(session.shows_progress()),
      what_(std::move(what)),
      unit_(std::move(unit)),
      total_(total),
      start_(Clock::now()),
      next_(start_ + std::chrono::seconds(1)) {}

Progress::~Progress() {
  if (drawn_) to_stderr("\r\x1b[K");
}

void Progress::update(uint64_t done) {
  if (!enabled_) return;
  const Clock::time_point now = Clock::now();
  if (now < next_) return;
  next_ = now + std::chrono::milliseconds(200);
  drawn_ = true;
  const double seconds = std::chrono::duration<double>(now - start_).count();
  const double rate = static_cast<double>(done) / seconds;
  const bool sizes = unit_ == "bytes";
  const auto amount = [&](double n) {
    return sizes ? short_size(n) : grouped(static_cast<uint64_t>(n)) + " " + unit_;
  };
  std::string line = fmt::format("\r\x1b[K{}: {}", what_, amount(static_cast<double>(done)));
  if (total_ > 0) line += fmt::format(" of {}", amount(static_cast<double>(total_)));
  line += fmt::format(", {}/s", amount(rate));
  if (total_ > done && rate > 0) {
    line += fmt::format(", {:.0f} s left", static_cast<double>(total_ - done) / rate);
  }
  to_stderr("{}", line);
}

}  // namespace canrec::cli
