// SPDX-License-Identifier: Apache-2.0
#pragma once

// The interface a module carries, and speaking to a canister through it.
//
// A module has its interface in custom sections; this floor does not read modules, so a lookup by
// section name is handed in. Without an interface, or for a method it does not have, arguments are
// encoded at the types their text suggests and replies are printed at the types they bring.
// Source: https://docs.internetcomputer.org/references/ic-interface-spec#custom-sections

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/error.h"
#include "candid/binary.h"
#include "candid/layout.h"
#include "candid/types.h"

namespace canrec::candid {

/// The content of the custom section of this name, or nothing.
using SectionLookup = std::function<std::optional<ByteView>(std::string_view name)>;

/// The content of `icp:public X`, `icp:private X` or plain `X`, in this order.
std::optional<ByteView> find_metadata(const SectionLookup& lookup, std::string_view what);

/// A service with the types of its init arguments.
struct Interface {
  Program program;                ///< has an actor
  std::optional<TypeTuple> init;  ///< nothing: not known
};

/// Reads the text of a service and, where there is one, of its init arguments.
/// Errors: those of the parser; kCandidUnknown when there is no service in the text, kUtf8.
Result<Interface> read_interface(ByteView service, std::optional<ByteView> init_args);

/// The interface in a module's sections; nothing when it has no `candid:service`.
/// Errors: as above; the interface is then there but unreadable.
Result<std::optional<Interface>> read_module_interface(const SectionLookup& lookup);

/// The method of that name. Motoko drops one trailing underscore in the text and keeps it in the
/// exports, so `name_` also finds `name`.
const Method* find_method(const Interface& interface, std::string_view name);

/// How a module exports a method.
struct ExportedMethod {
  Mode mode;         ///< update, query or composite query
  std::string name;  ///< of the export: "canister_query get_"
};
/// Looks for the export of a method, also under the name with `_` added.
std::optional<ExportedMethod> find_export(
    std::string_view method, const std::function<bool(std::string_view export_name)>& exported);

/// Bytes to send, and whether they follow the interface.
struct Encoded {
  Bytes bytes;
  bool typed = false;
};
/// Encodes arguments for a method. `interface` may be null.
/// Errors: those of parse_args; with an interface the values must fit the method's types.
Result<Encoded> encode_call(const Interface* interface, std::string_view method,
                            std::string_view text);
/// Encodes init (or upgrade) arguments.
Result<Encoded> encode_init(const Interface* interface, std::string_view text);

enum class ReplyForm : uint8_t { kText, kJson, kHex, kRaw };
/// "text", "json", "hex" or "raw".
std::optional<ReplyForm> parse_reply_form(std::string_view word);

/// What a reader of a printed reply should know besides.
struct ReplyNotes {
  bool typed = false;    ///< printed at the types of the interface
  bool readable = true;  ///< the text reads back to the same bytes
  std::string mismatch;  ///< why the interface's types were not used, if they were tried
};
/// Prints a reply of a method. Text and JSON end with a newline, hex too. `interface` may be null.
/// Errors: those of decode; raw and hex are printed whatever the bytes are.
Result<ReplyNotes> print_reply(const Interface* interface, std::string_view method, ByteView reply,
                               ReplyForm form, const TextOut& out,
                               const DecodeOptions& options = {});
/// The same for any message, at the given types (none: the message's own).
Result<ReplyNotes> print_message(const Expected* expected, ByteView message, ReplyForm form,
                                 const TextOut& out, const DecodeOptions& options = {});

}  // namespace canrec::candid
