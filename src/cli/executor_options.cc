// SPDX-License-Identifier: Apache-2.0
// Options, arguments and replies of the commands that run canisters.
#include "cli/executor_options.h"

#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <charconv>
#include <utility>

#include "base/input_file.h"
#include "candid/interface.h"
#include "recover/subject.h"

namespace canrec::cli {
namespace {

Result<Bytes> encode_text(const std::string& text, ByteView stored_module,
                          std::string_view method) {
  const auto interface = recover::interface_of(stored_module);
  const candid::Interface* known = interface ? &*interface : nullptr;
  CANREC_TRY(candid::Encoded encoded, method.empty() ? candid::encode_init(known, text)
                                                     : candid::encode_call(known, method, text));
  return std::move(encoded.bytes);
}

Result<candid::ReplyNotes> show(ByteView reply, ByteView stored_module, std::string_view method,
                                candid::ReplyForm form, const candid::TextOut& out) {
  const auto interface = recover::interface_of(stored_module);
  return candid::print_reply(interface ? &*interface : nullptr, method, reply, form, out);
}

// "3000000000000", "3_000_000_000_000" or "3T".
Result<executor::Cycles> parse_cycles(std::string_view text) {
  executor::Cycles amount = 0;
  executor::Cycles unit = 1;
  std::string_view digits = text;
  if (!digits.empty() && (digits.back() == 'T' || digits.back() == 'B')) {
    unit = digits.back() == 'T' ? 1'000'000'000'000 : 1'000'000'000;
    digits.remove_suffix(1);
  }
  const auto wrong = [&] {
    return fail(
        Errc::kBadArgument,
        fmt::format("--cycles wants a number such as 3000000000000 or 3T, not \"{}\"", text));
  };
  if (digits.empty() || digits.front() == '_') return wrong();
  for (const char c : digits) {
    if (c == '_') continue;
    if (c < '0' || c > '9' || amount > executor::kMaxCycles / unit / 10 - 1) return wrong();
    amount = amount * 10 + static_cast<unsigned>(c - '0');
  }
  return amount * unit;
}

}  // namespace

void ExecutorOptions::add_to(CLI::App& app) {
  app.add_flag("--no-limits", no_limits,
               "run without the limits on instructions and memory access");
  app.add_option("--instruction-limit", instruction_limit,
                 "instructions one execution may take, whatever it is");
  app.add_option("--limit", limits,
                 "override one limit: NAME=VALUE, for example "
                 "query-instructions=1000000")
      ->type_name("NAME=VALUE");
  app.add_option("--page-charges", page_charges,
                 "how touching memory is charged: none, 2025 or 2026 (default)")
      ->type_name("MODEL");
  app.add_option("--time", time_ns, "what ic0.time says, in nanoseconds since 1970");
  app.add_option("--seed", seed, "seed of raw_rand");
  app.add_option("--cycles", cycles,
                 "balance of the canister; then running, calling and growing are paid for "
                 "(default: nothing costs cycles)")
      ->type_name("NUMBER");
  app.add_option("--caller", caller, "principal that calls (default: a controller)")
      ->type_name("PRINCIPAL");
}

void ExecutorOptions::add_canister_id_to(CLI::App& app) {
  app.add_option("--canister-id", canister,
                 "id of the canister (default: what the snapshot tells, else a made-up one)")
      ->type_name("PRINCIPAL");
}

Result<executor::Options> ExecutorOptions::options(const Session& session,
                                                   executor::EventSink* events) const {
  executor::Options out;
  if (no_limits) out.profile = executor::Profile::no_limits();
  if (instruction_limit != 0) {
    for (const auto limit :
         {executor::Limit::kUpdateInstructions, executor::Limit::kQueryInstructions,
          executor::Limit::kCompositeTreeInstructions, executor::Limit::kInspectInstructions,
          executor::Limit::kInstallInstructions}) {
      out.profile.set(limit, std::min(instruction_limit, executor::kUnlimited));
    }
  }
  for (const std::string& given : limits) {
    const std::string_view text = given;
    const std::string_view name = text.substr(0, text.find('='));
    const std::string_view number = text.substr(std::min(name.size() + 1, text.size()));
    uint64_t value = 0;
    const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), value);
    // A number that is too large leaves `value` alone.
    if (error != std::errc{} || end != number.data() + number.size()) {
      return fail(
          Errc::kBadArgument,
          fmt::format("--limit wants NAME=NUMBER, the number below 2^64, not \"{}\"", text));
    }
    CANREC_CHECK(out.profile.set(name, value));
  }
  if (!page_charges.empty()) CANREC_CHECK(out.profile.set_page_charges(page_charges));
  if (cycles) {
    CANREC_TRY(out.cycles, parse_cycles(*cycles));
  }
  if (time_ns) out.time_ns = *time_ns;
  out.seed = seed;
  out.events = events;
  out.interrupt = &session.interrupt();
  return out;
}

Result<ic::Principal> ExecutorOptions::user() const {
  if (caller.empty()) return executor::default_user();
  return ic::Principal::parse(caller);
}

Result<std::optional<ic::Principal>> ExecutorOptions::canister_id() const {
  if (canister.empty()) return std::optional<ic::Principal>();
  CANREC_TRY(const ic::Principal id, ic::Principal::parse(canister));
  return std::optional<ic::Principal>(id);
}

void ArgumentOptions::add_to(CLI::App& app) {
  auto* group = app.add_option_group("argument");
  group->add_option("ARGS,--arg", text, "argument as Candid text, for example '(42, \"x\")'")
      ->type_name("TEXT");
  group->add_option("--arg-hex", hex, "argument as hex")->type_name("HEX");
  group->add_option("--arg-file", file, "file with the argument's bytes")->type_name("FILE");
  group->require_option(0, 1);
}

Result<Bytes> ArgumentOptions::bytes(ByteView stored_module, std::string_view method) const {
  if (!hex.empty()) {
    Bytes out;
    if (!from_hex(hex, out)) {
      return fail(Errc::kBadArgument, "--arg-hex wants an even number of hex digits");
    }
    return out;
  }
  if (!file.empty()) return file_bytes(file);
  if (!text.empty()) return encode_text(text, stored_module, method);
  return Bytes{'D', 'I', 'D', 'L', 0, 0};
}

void ReplyOptions::add_to(CLI::App& app) {
  app.add_option("--output", form, "show the reply as text (Candid), json, hex or raw bytes")
      ->check(CLI::IsMember({"text", "json", "hex", "raw"}));
  app.add_flag("--raw", raw, "the same as --output raw");
}

void ReplyOptions::print(Session& session, ByteView reply, ByteView stored_module,
                         std::string_view method) const {
  using candid::ReplyForm;
  // Raw bytes, or Candid text, which escapes control characters by its own rules.
  const auto out = [&session](std::string_view piece) {
    session.print_bytes(as_bytes(piece));
    return Status(Ok{});
  };
  const ReplyForm wanted =
      raw ? ReplyForm::kRaw : candid::parse_reply_form(form).value_or(ReplyForm::kText);
  const auto notes = show(reply, stored_module, method, wanted, out);
  if (notes) {
    if (!notes->mismatch.empty()) {
      session.warn("the reply does not fit the interface, shown at its own types: " +
                   notes->mismatch);
    }
    return;
  }
  if (!form.empty())
    session.warn("the reply is no Candid, shown as hex: " + notes.error().message());
  session.print(to_hex(reply) + "\n");
}

std::optional<std::string> reply_text(ByteView reply, ByteView stored_module,
                                      std::string_view method) {
  std::string text;
  const auto notes =
      show(reply, stored_module, method, candid::ReplyForm::kText, [&text](std::string_view piece) {
        text += piece;
        return Status(Ok{});
      });
  if (!notes) return std::nullopt;
  text.pop_back();  // the newline
  return text;
}

void ProgressSink::on_run_begin(std::string_view entry, uint64_t limit) {
  const uint64_t total = limit >= executor::kUnlimited ? 0 : limit;
  line_ = std::make_unique<Progress>(session_, std::string(entry), total, "instructions");
}
void ProgressSink::on_instructions(uint64_t executed) {
  if (line_) line_->update(executed);
}
void ProgressSink::on_run_end(const executor::RunReport& /*report*/) { line_.reset(); }

Result<Bytes> file_bytes(const std::string& path) {
  CANREC_TRY(const InputFile file, InputFile::open(path));
  const ByteView view = file.bytes();
  return Bytes(view.begin(), view.end());
}

}  // namespace canrec::cli
