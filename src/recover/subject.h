// SPDX-License-Identifier: Apache-2.0
#pragma once

// One canister under examination: a snapshot directory in the embedded executor, with the module's
// Candid interface for arguments and replies in text. Rehearsals, autopsies and packages work on
// it.

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "candid/interface.h"
#include "executor/executor.h"
#include "snapshot/directory.h"
#include "wasm/load.h"

namespace canrec::recover {

/// Owns an executor with one canister in it.
class Subject {
 public:
  /// Loads a snapshot directory; nothing runs. Errors: those of Directory::open and Executor::load.
  static Result<Subject> open(const std::filesystem::path& directory,
                              const executor::Options& options);
  /// An empty canister.
  static Subject fresh(const executor::Options& options);

  executor::Executor& executor() { return *executor_; }
  const ic::Principal& id() const { return id_; }
  const executor::Canister& canister() const { return *executor_->find(id_); }

  /// The module that is installed now; nothing for an empty canister.
  std::optional<ByteView> module_bytes() const;
  /// Reads the interface of the installed module anew; called after every change of code. An
  /// interface that is missing or unreadable leaves arguments and replies untyped.
  void refresh_interface();
  const candid::Interface* interface() const { return interface_ ? &*interface_ : nullptr; }

  /// Candid text to bytes by the interface; an empty text is "()".
  Result<Bytes> encode(std::string_view method, std::string_view text) const;
  /// How replies are shown from now on: text (as at the start), json or hex.
  void show_replies_as(candid::ReplyForm form) { reply_form_ = form; }
  /// A reply in that form, or as hex when it is no Candid.
  std::string reply_text(std::string_view method, ByteView reply) const;
  /// What a call was answered: the reply in that form, or the network's words.
  std::string answer_text(std::string_view method, const executor::CallOutcome& outcome) const;

  Result<executor::CallOutcome> query(std::string_view method, std::string_view arguments);
  Result<executor::CallOutcome> update(std::string_view method, std::string_view arguments);

 private:
  Subject() = default;

  std::unique_ptr<executor::Executor> executor_;
  ic::Principal id_;
  std::optional<candid::Interface> interface_;
  candid::ReplyForm reply_form_ = candid::ReplyForm::kText;
};

/// The name a method has in the canister's exports: Motoko drops a trailing underscore in the
/// interface and keeps it there, so `get` may be `get_`. The method itself when nothing is found.
std::string exported_method(const executor::Canister& canister, std::string_view method);

/// The interface inside a module's bytes (perhaps gzip'd); nothing when there is none to read.
std::optional<candid::Interface> interface_of(ByteView stored_module);

/// The argument of an installation or upgrade of the module, from Candid text by its interface; an
/// empty text is "()". Errors: those of candid::encode_init, with the argument named.
Result<Bytes> encode_install_argument(ByteView stored_module, std::string_view text);

}  // namespace canrec::recover
