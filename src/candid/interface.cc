// SPDX-License-Identifier: Apache-2.0
// Interfaces of modules; arguments in, replies out.
#include "candid/interface.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>

#include "candid/json.h"
#include "candid/names.h"
#include "candid/parser.h"
#include "candid/text.h"

namespace canrec::candid {
namespace {

std::vector<TypeIdx> types_of(const std::vector<Arg>& args) {
  std::vector<TypeIdx> types;
  for (const Arg& arg : args) types.push_back(arg.type);
  return types;
}

const Type* function_of(const Interface* interface, std::string_view method) {
  if (interface == nullptr) return nullptr;
  const Method* found = find_method(*interface, method);
  return found == nullptr ? nullptr : &interface->program.env.resolved(found->type);
}

Result<Encoded> encode_untyped(std::string_view text) {
  CANREC_TRY(const Message message, parse_args(text));
  CANREC_TRY(Bytes bytes, encode(message.env, message.types, message.values));
  return Encoded{std::move(bytes), false};
}

Result<Encoded> encode_typed(std::string_view text, const TypeEnv& env,
                             const std::vector<Arg>& args) {
  const std::vector<TypeIdx> types = types_of(args);
  CANREC_TRY(const Values values, parse_args(text, env, types));
  CANREC_TRY(Bytes bytes, encode(env, types, values.values));
  return Encoded{std::move(bytes), true};
}

template <typename Printer>
Status print_with(Printer& printer, ByteView message, const Header& header,
                  const Expected* expected, const DecodeOptions& options) {
  if (expected != nullptr) {
    CANREC_CHECK(decode_values(message, header, *expected, options, printer));
  } else {
    CANREC_CHECK(decode_values(message, header, options, printer));
  }
  return printer.finish();
}

}  // namespace

std::optional<ByteView> find_metadata(const SectionLookup& lookup, std::string_view what) {
  for (const std::string_view prefix : {"icp:public ", "icp:private ", ""}) {
    if (auto found = lookup(fmt::format("{}{}", prefix, what))) return found;
  }
  return std::nullopt;
}

Result<Interface> read_interface(ByteView service, std::optional<ByteView> init_args) {
  if (!is_utf8(service)) return fail(Errc::kUtf8, "the interface is not UTF-8");
  Interface result;
  CANREC_TRY(result.program, parse_program(as_text(service)));
  if (!result.program.actor) {
    return fail(Errc::kCandidUnknown, "the interface text defines no service");
  }
  if (const auto& constructor = result.program.actor->constructor) {
    result.init = TypeTuple{result.program.env, *constructor};
  } else if (init_args) {
    auto init = parse_type_tuple(as_text(*init_args), &result.program);
    if (!init) return fail(std::move(init).error().in("init arguments"));
    result.init = std::move(*init);
  }
  return result;
}

Result<std::optional<Interface>> read_module_interface(const SectionLookup& lookup) {
  const auto service = find_metadata(lookup, "candid:service");
  if (!service) return std::optional<Interface>();
  auto result = read_interface(*service, find_metadata(lookup, "candid:args"));
  if (!result) return fail(std::move(result).error().in("candid:service"));
  return std::optional<Interface>(std::move(*result));
}

const Method* find_method(const Interface& interface, std::string_view name) {
  const Type& service = interface.program.env.resolved(interface.program.actor->service);
  if (const Method* exact = find_method(service, name)) return exact;
  if (!name.ends_with('_')) return nullptr;
  return find_method(service, name.substr(0, name.size() - 1));
}

std::optional<ExportedMethod> find_export(
    std::string_view method, const std::function<bool(std::string_view export_name)>& exported) {
  struct Prefix {
    Mode mode;
    std::string_view words;
  };
  static constexpr std::array<Prefix, 3> kPrefixes = {
      {{Mode::kQuery, "canister_query "},
       {Mode::kCompositeQuery, "canister_composite_query "},
       {Mode::kUpdate, "canister_update "}}};
  for (const std::string_view suffix : {"", "_"}) {
    for (const Prefix& prefix : kPrefixes) {
      std::string name = fmt::format("{}{}{}", prefix.words, method, suffix);
      if (exported(name)) return ExportedMethod{prefix.mode, std::move(name)};
    }
  }
  return std::nullopt;
}

Result<Encoded> encode_call(const Interface* interface, std::string_view method,
                            std::string_view text) {
  const Type* func = function_of(interface, method);
  if (func == nullptr) return encode_untyped(text);
  return encode_typed(text, interface->program.env, func->args);
}

Result<Encoded> encode_init(const Interface* interface, std::string_view text) {
  if (interface == nullptr || !interface->init) return encode_untyped(text);
  return encode_typed(text, interface->init->env, interface->init->args);
}

std::optional<ReplyForm> parse_reply_form(std::string_view word) {
  if (word == "text") return ReplyForm::kText;
  if (word == "json") return ReplyForm::kJson;
  if (word == "hex") return ReplyForm::kHex;
  if (word == "raw") return ReplyForm::kRaw;
  return std::nullopt;
}

Result<ReplyNotes> print_message(const Expected* expected, ByteView message, ReplyForm form,
                                 const TextOut& out, const DecodeOptions& options) {
  ReplyNotes notes;
  if (form == ReplyForm::kRaw) {
    CANREC_CHECK(out(as_text(message)));
    return notes;
  }
  if (form == ReplyForm::kHex) {
    constexpr size_t kPiece = size_t{64} << 10;
    for (size_t at = 0; at < message.size(); at += kPiece) {
      CANREC_CHECK(out(to_hex(message.subspan(at, std::min(kPiece, message.size() - at)))));
    }
    CANREC_CHECK(out("\n"));
    return notes;
  }
  CANREC_TRY(Header header, read_header(message, options));
  // Everything is read before anything is printed: bad bytes print nothing, and a reply that does
  // not fit its interface is printed at its own types.
  NullSink quiet;
  NameTable names;
  if (expected != nullptr) {
    auto fits = decode_values(message, header, *expected, options, quiet);
    if (fits) {
      notes.typed = true;
    } else if (fits.error().code() == Errc::kCandidMismatch) {
      notes.mismatch = fits.error().message();
      names.add_all(*expected->env);
      expected = nullptr;
    } else {
      return fail(std::move(fits).error());
    }
  }
  if (expected == nullptr) {
    names.add_common();
    names.label(header.env);
    CANREC_CHECK(decode_values(message, header, options, quiet));
  }
  if (form == ReplyForm::kJson) {
    JsonPrinter printer(out);
    CANREC_CHECK(print_with(printer, message, header, expected, options));
  } else {
    TextPrinter printer(out);
    CANREC_CHECK(print_with(printer, message, header, expected, options));
    notes.readable = printer.readable();
  }
  CANREC_CHECK(out("\n"));
  return notes;
}

Result<ReplyNotes> print_reply(const Interface* interface, std::string_view method, ByteView reply,
                               ReplyForm form, const TextOut& out, const DecodeOptions& options) {
  const Type* func = function_of(interface, method);
  if (func == nullptr) return print_message(nullptr, reply, form, out, options);
  const std::vector<TypeIdx> types = types_of(func->results);
  const Expected expected{&interface->program.env, types};
  return print_message(&expected, reply, form, out, options);
}

}  // namespace canrec::candid
