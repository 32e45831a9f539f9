// SPDX-License-Identifier: Apache-2.0
// canrec candid: check an upgrade, encode and decode messages, print interfaces, hash names, read
// principals.
#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <array>
#include <charconv>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>

#include "base/input_file.h"
#include "candid/hash.h"
#include "candid/interface.h"
#include "candid/names.h"
#include "candid/parser.h"
#include "candid/printer.h"
#include "candid/text.h"
#include "cli/candid_check.h"
#include "cli/interface_input.h"
#include "cli/session.h"
#include "ic/principal.h"

namespace canrec::cli {
namespace {

// ---- check

struct CheckOptions {
  std::string previous;
  std::string next;
  bool rollback = false;
};

ExitCode run_check(Session& session, const CheckOptions& options) {
  CLI_TRY(const InterfaceInput previous, session, options.previous,
          open_interface(options.previous, true));
  CLI_TRY(const InterfaceInput next, session, options.next, open_interface(options.next, true));
  CLI_TRY(const CandidCheck check, session, options.next,
          check_candid(previous.texts, next.texts, options.rollback));
  if (session.json) {
    nlohmann::ordered_json object = {{"type", "candid_check"},
                                     {"schema", 1},
                                     {"version", CANREC_VERSION},
                                     {"old", input_json(previous)},
                                     {"new", input_json(next)}};
    object.update(candid_check_json(check));
    session.print_json(object);
  } else {
    session.print(fmt::format("canrec candid check   canrec {}\n", CANREC_VERSION));
    session.print(input_line("old", previous) + input_line("new", next) + "\n");
    print_candid_check(session, check);
  }
  if (!check.known()) session.warn("UNKNOWN: " + check.unknown);
  return check.clean() ? ExitCode::kDone : ExitCode::kFindings;
}

void add_check(CLI::App& candid, Session& session) {
  const auto options = std::make_shared<CheckOptions>();
  CLI::App* command =
      candid.add_subcommand("check", "May NEW take the place of OLD? All problems, with paths.");
  command->add_option("OLD", options->previous, ".did file, module or snapshot directory")
      ->required();
  command->add_option("NEW", options->next, ".did file, module or snapshot directory")->required();
  command->add_flag("--rollback", options->rollback,
                    "also ask whether new clients can use the old canister");
  command->add_flag("--json", session.json, "one JSON object");
  command->footer("EXAMPLE\n  canrec candid check ledger-v1.wasm ledger-v2.wasm");
  command->callback([options, &session] {
    session.action = [options, &session] { return run_check(session, *options); };
  });
}

// ---- what encode and decode share: where the types come from

struct TypeOptions {
  std::string types;
  std::string interface;
  std::string method;
  bool init = false;

  void add(CLI::App* command) {
    auto* text = command->add_option("--types", types, "types, as \"(nat, opt text)\"");
    auto* file = command->add_option("--interface", interface,
                                     ".did file, module or snapshot directory with the types");
    text->excludes(file);
    auto* name = command->add_option("--method", method, "the method whose types count");
    name->needs(file);
    command->add_flag("--init", init, "the init arguments' types count")
        ->needs(file)
        ->excludes(name);
  }
};

// The types a command was told to use.
struct ChosenTypes {
  candid::TypeTuple tuple;
  std::vector<candid::TypeIdx> list;
};

Result<std::optional<ChosenTypes>> choose_types(const TypeOptions& options, bool results) {
  ChosenTypes chosen;
  if (!options.types.empty()) {
    CANREC_TRY(chosen.tuple, candid::parse_type_tuple(options.types));
  } else if (options.interface.empty()) {
    return std::optional<ChosenTypes>();
  } else {
    CANREC_TRY(InterfaceInput input, open_interface(options.interface, true));
    if (input.texts.interface_error) return fail(std::move(*input.texts.interface_error));
    if (!input.texts.interface) {
      return fail(Errc::kCandidUnknown, "there is no interface in it");
    }
    candid::Interface& interface = *input.texts.interface;
    if (options.init) {
      if (!interface.init) return fail(Errc::kCandidUnknown, "its init arguments are not known");
      chosen.tuple = std::move(*interface.init);
    } else if (options.method.empty()) {
      return fail(Errc::kBadArgument, "--interface needs --method NAME or --init");
    } else {
      const candid::Method* method = find_method(interface, options.method);
      if (method == nullptr) {
        return fail(Errc::kBadArgument,
                    fmt::format("the interface has no method {}", options.method));
      }
      const candid::Type& func = interface.program.env.resolved(method->type);
      chosen.tuple.args = results ? func.results : func.args;
      chosen.tuple.env = std::move(interface.program.env);
    }
  }
  for (const candid::Arg& arg : chosen.tuple.args) chosen.list.push_back(arg.type);
  return std::optional<ChosenTypes>(std::move(chosen));
}

// ---- encode

struct EncodeOptions {
  std::string text;
  TypeOptions types;
  std::string output;
  bool force = false;
};

Result<Bytes> encode_text(const EncodeOptions& options, const std::optional<ChosenTypes>& chosen) {
  if (!chosen) {
    CANREC_TRY(const candid::Message message, candid::parse_args(options.text));
    return candid::encode(message.env, message.types, message.values);
  }
  CANREC_TRY(const candid::Values values,
             candid::parse_args(options.text, chosen->tuple.env, chosen->list));
  return candid::encode(chosen->tuple.env, chosen->list, values.values);
}

ExitCode run_encode(Session& session, const EncodeOptions& options) {
  CLI_TRY(const auto chosen, session, options.types.interface, choose_types(options.types, false));
  CLI_TRY(const Bytes bytes, session, "argument", encode_text(options, chosen));
  if (!options.output.empty()) {
    CLI_CHECK(session, options.output, session.write_output(options.output, bytes, options.force));
  } else {
    session.print(to_hex(bytes) + "\n");
  }
  return ExitCode::kDone;
}

void add_encode(CLI::App& candid, Session& session) {
  const auto options = std::make_shared<EncodeOptions>();
  CLI::App* command = candid.add_subcommand("encode", "Encode text values; prints hex.");
  command->add_option("ARGS", options->text, "text values, as '(\"alice\", 5)'")->required();
  options->types.add(command);
  command->add_option("-o,--output", options->output, "write the bytes to a file (- = stdout)");
  command->add_flag("--force", options->force, "replace an existing file");
  command->footer(
      "EXAMPLE\n  canrec candid encode '(record { to = \"x\"; amount = 5 })' --interface "
      "ledger.wasm --method transfer");
  command->callback([options, &session] {
    session.action = [options, &session] { return run_encode(session, *options); };
  });
}

// ---- decode

struct DecodeCommandOptions {
  std::string hex;
  std::string file;
  TypeOptions types;
  bool arguments = false;
  std::string form = "text";
  candid::DecodeOptions limits;
};

// Standard input: the bytes of a message, or its hex as `candid encode` prints it.
std::optional<Bytes> message_of_stdin() {
  Bytes input;
  std::array<uint8_t, 1 << 16> piece;
  for (size_t got = 0; (got = std::fread(piece.data(), 1, piece.size(), stdin)) != 0;) {
    input.insert(input.end(), piece.begin(), piece.begin() + static_cast<ptrdiff_t>(got));
  }
  if (as_text(input).starts_with("DIDL")) return input;
  std::string_view hex = as_text(input);
  while (hex.ends_with('\n') || hex.ends_with('\r')) hex.remove_suffix(1);
  Bytes bytes;
  if (!from_hex(hex, bytes)) return std::nullopt;
  return bytes;
}

ExitCode run_decode(Session& session, const DecodeCommandOptions& options) {
  const auto form = candid::parse_reply_form(options.form);
  if (!form) return session.usage("--output is text, json, hex or raw");
  if (options.hex.empty() == options.file.empty()) {
    return session.usage("a message as HEX or a --file with its bytes wanted, one of them");
  }
  std::optional<InputFile> file;
  Bytes bytes;
  ByteView message;
  const std::string name = options.file.empty() ? "message" : options.file;
  if (!options.file.empty()) {
    CLI_TRY(file, session, options.file, InputFile::open(options.file));
    message = file->bytes();
  } else if (options.hex == "-") {
    auto input = message_of_stdin();
    if (!input) return session.usage("standard input is no message and no hex of one");
    bytes = std::move(*input);
    message = bytes;
  } else {
    if (!from_hex(options.hex, bytes)) return session.usage("HEX has a wrong digit or odd length");
    message = bytes;
  }
  CLI_TRY(const auto chosen, session, options.types.interface,
          choose_types(options.types, !options.arguments));
  std::optional<candid::Expected> expected;
  if (chosen) expected = candid::Expected{&chosen->tuple.env, chosen->list};
  // Candid text escapes control characters by its own rules; a piece may end inside a character.
  const auto out = [&session](std::string_view piece) {
    session.print_bytes(as_bytes(piece));
    return Status(Ok{});
  };
  CLI_TRY(
      const candid::ReplyNotes notes, session, name,
      candid::print_message(expected ? &*expected : nullptr, message, *form, out, options.limits));
  if (!notes.mismatch.empty()) {
    session.warn("the message does not fit the types given, printed at its own: " + notes.mismatch);
    return ExitCode::kFindings;
  }
  if (!notes.readable) {
    session.warn("a value in the text does not read back to the same bytes");
  }
  return ExitCode::kDone;
}

void add_decode(CLI::App& candid, Session& session) {
  const auto options = std::make_shared<DecodeCommandOptions>();
  CLI::App* command = candid.add_subcommand("decode", "Print a message as text.");
  command->add_option("HEX", options->hex, "the message in hex, - for standard input");
  command->add_option("--file", options->file, "a file with the message's bytes");
  options->types.add(command);
  command->add_flag("--arguments", options->arguments,
                    "with --method: the message has its arguments, not its results");
  command->add_option("--output", options->form, "text, json, hex or raw");
  command->add_option("--max-depth", options->limits.max_depth, "levels of values in values");
  command->add_option("--max-table", options->limits.max_table, "entries of the type table");
  command->add_option("--max-empty-values", options->limits.max_empty_values,
                      "values that take no bytes");
  command->add_option("--max-steps-per-byte", options->limits.max_steps_per_byte,
                      "values looked at for every byte of the message");
  command->footer("EXAMPLE\n  canrec candid decode 4449444c00017103616263");
  command->callback([options, &session] {
    session.action = [options, &session] { return run_decode(session, *options); };
  });
}

// ---- print, hash, principal

ExitCode run_print(Session& session, const std::string& path) {
  CLI_TRY(const InterfaceInput input, session, path, open_interface(path, true));
  if (input.texts.interface_error) return session.report(path, *input.texts.interface_error);
  if (!input.texts.interface) {
    if (input.kind == "text") {
      // A file with types only has no interface, but it can be printed.
      CLI_TRY(const candid::Program types, session, path, candid::parse_program(input.text));
      session.print(candid::print_program(types));
      return ExitCode::kDone;
    }
    session.warn("UNKNOWN: the module has no interface (candid:service)");
    return ExitCode::kFindings;
  }
  const candid::Interface& interface = *input.texts.interface;
  session.print(candid::print_program(interface.program));
  if (interface.init && !interface.program.actor->constructor) {
    session.print("// init arguments: " +
                  candid::print_tuple(interface.init->env, interface.init->args) + "\n");
  }
  return ExitCode::kDone;
}

ExitCode run_hash(Session& session, const std::vector<std::string>& names, bool reverse) {
  candid::NameTable table;
  table.add_common();
  bool all_known = true;
  for (const std::string& name : names) {
    if (!reverse) {
      session.print(fmt::format("{:>10}  {}\n", candid::label_hash(name), name));
      continue;
    }
    uint32_t label = 0;
    const char* const end = name.data() + name.size();
    const auto [stop, errc] = std::from_chars(name.data(), end, label);
    if (errc != std::errc{} || stop != end) return session.usage("a label is a number below 2^32");
    const std::string* found = table.find(label);
    all_known = all_known && found != nullptr;
    session.print(fmt::format("{:>10}  {}\n", label, found != nullptr ? *found : "unknown"));
  }
  return all_known ? ExitCode::kDone : ExitCode::kFindings;
}

ExitCode run_principal(Session& session, const std::string& text) {
  auto principal = ic::Principal::parse(text);
  Bytes bytes;
  if (!principal && from_hex(text, bytes)) principal = ic::Principal::from_bytes(bytes);
  if (!principal) return session.usage(principal.error().message());
  const std::string_view words = ic::principal_class_words(principal->classify());
  if (session.json) {
    session.print_json({{"type", "principal"},
                        {"schema", 1},
                        {"text", principal->text()},
                        {"hex", to_hex(principal->bytes())},
                        {"class", words}});
  } else {
    session.print(fmt::format("text   {}\nhex    {}\nclass  {}\n", principal->text(),
                              to_hex(principal->bytes()), words));
  }
  return ExitCode::kDone;
}

void add_small(CLI::App& candid, Session& session) {
  const auto path = std::make_shared<std::string>();
  CLI::App* print = candid.add_subcommand("print", "Print the interface of a file as a .did text.");
  print->add_option("FILE", *path, ".did file, module or snapshot directory")->required();
  print->footer("EXAMPLE\n  canrec candid print ledger.wasm");
  print->callback([path, &session] {
    session.action = [path, &session] { return run_print(session, *path); };
  });

  const auto names = std::make_shared<std::vector<std::string>>();
  const auto reverse = std::make_shared<bool>(false);
  CLI::App* hash = candid.add_subcommand("hash", "Print the labels that names hash to.");
  hash->add_option("NAME", *names, "field or tag names")->required();
  hash->add_flag("--reverse", *reverse, "look up numbers among the common names instead");
  hash->footer("EXAMPLE\n  canrec candid hash owner subaccount");
  hash->callback([names, reverse, &session] {
    session.action = [names, reverse, &session] { return run_hash(session, *names, *reverse); };
  });

  const auto text = std::make_shared<std::string>();
  CLI::App* principal = candid.add_subcommand("principal", "Check and convert a principal.");
  principal->add_option("PRINCIPAL", *text, "text form, or bytes in hex")->required();
  principal->add_flag("--json", session.json, "one JSON object");
  principal->footer("EXAMPLE\n  canrec candid principal 00000000000000010101");
  principal->callback([text, &session] {
    session.action = [text, &session] { return run_principal(session, *text); };
  });
}

}  // namespace

void add_candid_command(CLI::App& app, Session& session) {
  CLI::App* candid =
      app.add_subcommand("candid", "Check interfaces, encode and decode messages, print types.");
  candid->require_subcommand(1);
  candid->footer("EXAMPLE\n  canrec candid check ledger-v1.wasm ledger-v2.wasm");
  add_check(*candid, session);
  add_encode(*candid, session);
  add_decode(*candid, session);
  add_small(*candid, session);
}

}  // namespace canrec::cli
