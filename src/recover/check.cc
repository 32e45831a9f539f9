// SPDX-License-Identifier: Apache-2.0
// The rows of the checklist, in the order they are asked.
#include "recover/check.h"

#include <fmt/core.h>

#include <algorithm>

#include "base/input_file.h"
#include "base/named_error.h"
#include "base/shell.h"
#include "ic/limits.h"
#include "recover/check_rows.h"
#include "recover/subject.h"
#include "wasm/load.h"

namespace canrec::recover {
namespace {

constexpr double kHeadroom = 0.5;  // of a limit; beyond it the next data growth may hit it

class Checker {
 public:
  explicit Checker(const CheckRequest& request) : request_(request) {}

  Result<Checklist> run() {
    CANREC_TRY(old_, in_file(wasm::open_module(request_.old_module), request_.old_module.string()));
    CANREC_TRY(new_, in_file(wasm::open_module(request_.new_module), request_.new_module.string()));
    if (request_.status) {
      CANREC_TRY(status_,
                 in_file(read_canister_status(*request_.status), request_.status->string()));
    }
    list_.old_path = request_.old_module.string();
    list_.new_path = request_.new_module.string();
    list_.old_hash = to_hex(old_->loaded.hash);
    list_.new_hash = to_hex(new_->loaded.hash);
    const CheckedModules modules{*old_, *new_, list_.old_path, list_.new_path};
    check_network(modules, row());
    check_persistence(modules, row());
    CANREC_CHECK(check_layout(modules, row()));
    check_hooks(modules, row());
    check_methods(modules, row());
    CANREC_CHECK(check_candid(modules, row()));
    check_motoko(modules, row());
    CANREC_CHECK(rehearsal(modules.kept(), row()));
    const CanisterStatus* status = status_ ? &*status_ : nullptr;
    check_installed(status, old_->loaded.hash, row());
    check_controllers(request_, status, row());
    CANREC_CHECK(check_backup(request_, status, old_->loaded.hash, row()));
    return std::move(list_);
  }

 private:
  CheckRow& row() { return list_.rows.emplace_back(); }

  // The upgrade, run on the state.
  Status rehearsal(bool kept, CheckRow& r) {
    ask(r, "rehearsal", "does the upgrade run on the state at hand, with headroom?");
    if (!request_.state) {
      say(r, Answer::kNotAsked, "no state given",
          "--state DIR rehearses the upgrade on a snapshot");
      return Ok{};
    }
    list_.state_path = request_.state->string();
    CANREC_TRY(Subject subject,
               in_file(Subject::open(*request_.state, request_.executor), list_.state_path));
    const auto installed = subject.module_bytes();
    if (!installed || sha256(*installed) != old_->loaded.hash) {
      say(r, Answer::kBad, "the state was taken under another module than OLD",
          "give the module that is in the snapshot directory");
      return Ok{};
    }
    CANREC_TRY(Bytes argument, encode_install_argument(new_->file.bytes(), request_.argument));
    executor::InstallRequest install;
    install.canister = subject.id();
    install.mode = executor::InstallMode::kUpgrade;
    install.module = Bytes(new_->file.bytes().begin(), new_->file.bytes().end());
    install.argument = std::move(argument);
    if (kept) install.memory = executor::MemoryPersistence::kKeep;
    CANREC_TRY(const executor::InstallOutcome outcome, subject.executor().install(install));
    if (!outcome.ok()) {
      const std::string words = outcome.failure->text();
      say(r, Answer::kBad,
          fmt::format("it fails in {}: {}", outcome.stage, words.substr(0, words.find('\n'))),
          fmt::format("canrec autopsy {} --upgrade {}", shell_word(list_.state_path),
                      shell_word(list_.new_path)));
      return Ok{};
    }
    headroom(r, outcome, *subject.canister().wasm);
    return Ok{};
  }

  static void headroom(CheckRow& r, const executor::InstallOutcome& outcome,
                       const executor::WasmState& after) {
    const auto share = [](uint64_t used, uint64_t limit) {
      return static_cast<double>(used) / static_cast<double>(std::max<uint64_t>(limit, 1));
    };
    const std::vector<wasm::Memory>& memories = after.code->module().memories;
    const bool wide = !memories.empty() && memories[0].limits.is_64;
    const uint64_t most = wide ? ic::limits::kHeapBytes64 : ic::limits::kHeapBytes32;
    uint64_t heap = after.heap.size();
    for (const executor::RunReport& run : outcome.runs) heap = std::max(heap, run.heap.after_bytes);
    const double instructions = share(outcome.instructions, outcome.instruction_limit);
    const double memory = share(heap, most);
    const bool tight = instructions > kHeadroom || memory > kHeadroom;
    say(r, tight ? Answer::kLook : Answer::kGood,
        fmt::format("it runs: {} of {} instructions ({:.1f} %), at most {} of {} heap ({:.1f} %)",
                    grouped(outcome.instructions), grouped(outcome.instruction_limit),
                    instructions * 100, human_size(heap), human_size(most), memory * 100),
        tight ? "more data needs more of both: move data to stable structures" : "");
  }

  const CheckRequest& request_;
  Checklist list_;
  std::optional<wasm::ModuleFile> old_;
  std::optional<wasm::ModuleFile> new_;
  std::optional<CanisterStatus> status_;
};

}  // namespace

void ask(CheckRow& row, std::string_view id, std::string_view question) {
  row.id = id;
  row.question = question;
}

void say(CheckRow& row, Answer answer, std::string text, std::string next) {
  row.answer = answer;
  row.text = std::move(text);
  row.next = std::move(next);
}

std::string_view to_string(Answer answer) {
  switch (answer) {
    case Answer::kGood:
      return "good";
    case Answer::kLook:
      return "look";
    case Answer::kBad:
      return "bad";
    case Answer::kUnknown:
      return "unknown";
    case Answer::kNotAsked:
      return "not asked";
  }
  return "unknown";
}

Answer Checklist::worst() const {
  const auto weight = [](Answer answer) {
    switch (answer) {
      case Answer::kGood:
      case Answer::kNotAsked:
        return 0;
      case Answer::kLook:
        return 1;
      case Answer::kUnknown:
        return 2;
      case Answer::kBad:
        return 3;
    }
    return 3;
  };
  Answer worst = Answer::kGood;
  for (const CheckRow& row : rows) {
    if (weight(row.answer) > weight(worst)) worst = row.answer;
  }
  return worst;
}

Result<Checklist> check(const CheckRequest& request) { return Checker(request).run(); }

}  // namespace canrec::recover
