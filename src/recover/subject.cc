// SPDX-License-Identifier: Apache-2.0
// The canister under examination.
#include "recover/subject.h"

#include <fmt/core.h>

#include "ic/context.h"
#include "wasmdiff/interface.h"

namespace canrec::recover {

std::optional<candid::Interface> interface_of(ByteView stored_module) {
  const auto loaded = wasm::load_module(stored_module);
  if (!loaded) return std::nullopt;
  auto interface = candid::read_module_interface(wasmdiff::section_lookup(loaded->module));
  if (!interface) return std::nullopt;
  return std::move(*interface);
}

Result<Subject> Subject::open(const std::filesystem::path& directory,
                              const executor::Options& options) {
  Subject subject;
  subject.executor_ = std::make_unique<executor::Executor>(options);
  CANREC_TRY(snapshot::Directory opened, snapshot::Directory::open(directory));
  CANREC_TRY(subject.id_, subject.executor_->load(std::move(opened)));
  subject.refresh_interface();
  return subject;
}

Subject Subject::fresh(const executor::Options& options) {
  Subject subject;
  subject.executor_ = std::make_unique<executor::Executor>(options);
  subject.id_ = subject.executor_->create_canister();
  return subject;
}

std::optional<ByteView> Subject::module_bytes() const {
  const executor::Canister& state = canister();
  if (!state.wasm) return std::nullopt;
  return state.wasm->code->stored();
}

void Subject::refresh_interface() {
  const auto bytes = module_bytes();
  interface_ = bytes ? interface_of(*bytes) : std::nullopt;
}

namespace {

// Line and column are in the message; the offset would be taken for one in the snapshot.
Result<Bytes> bytes_of(Result<candid::Encoded> encoded, std::string_view what) {
  if (encoded) return std::move(encoded->bytes);
  return fail(encoded.error().code(), fmt::format("{}: {}", what, encoded.error().message()));
}

}  // namespace

Result<Bytes> Subject::encode(std::string_view method, std::string_view text) const {
  return bytes_of(candid::encode_call(interface(), method, text.empty() ? "()" : text), "argument");
}

Result<Bytes> encode_install_argument(ByteView stored_module, std::string_view text) {
  const auto interface = interface_of(stored_module);
  return bytes_of(
      candid::encode_init(interface ? &*interface : nullptr, text.empty() ? "()" : text),
      "argument of the installation (--arg)");
}

std::string Subject::reply_text(std::string_view method, ByteView reply) const {
  std::string text;
  const candid::TextOut out = [&](std::string_view piece) -> Status {
    text += piece;
    return Ok{};
  };
  const auto printed = candid::print_reply(interface(), method, reply, reply_form_, out);
  if (!printed) return "0x" + to_hex(reply);
  while (!text.empty() && text.back() == '\n') text.pop_back();
  return text;
}

std::string Subject::answer_text(std::string_view method,
                                 const executor::CallOutcome& outcome) const {
  return outcome.replied() ? reply_text(method, outcome.reply()) : outcome.failure().text();
}

Result<executor::CallOutcome> Subject::query(std::string_view method, std::string_view arguments) {
  CANREC_TRY(Bytes argument, encode(method, arguments));
  return executor_->query({id_, exported_method(canister(), method), std::move(argument)});
}

Result<executor::CallOutcome> Subject::update(std::string_view method, std::string_view arguments) {
  CANREC_TRY(Bytes argument, encode(method, arguments));
  return executor_->update({id_, exported_method(canister(), method), std::move(argument)});
}

std::string exported_method(const executor::Canister& canister, std::string_view method) {
  if (!canister.wasm) return std::string(method);
  const auto found = candid::find_export(method, [&canister](std::string_view export_name) {
    const auto entry = ic::parse_method(export_name);
    return entry && canister.wasm->code->method(entry->kind, entry->name).has_value();
  });
  return std::string(found ? ic::parse_method(found->name)->name : method);
}

}  // namespace canrec::recover
