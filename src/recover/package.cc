// SPDX-License-Identifier: Apache-2.0
// Building a package:
//
//  1. look whether the state is whole, as verify does; compare the modules, judge route K with the
//     state at hand, choose the route;
//  2. write the files into a directory beside the output;
//  3. rehearse from those files: load or install, ask the checks before and after;
//  4. write the runbook and give the directory its name.
#include "recover/package.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>

#include "base/input_file.h"
#include "base/named_error.h"
#include "base/shell.h"
#include "ic/limits.h"
#include "recover/checks.h"
#include "recover/management_message.h"
#include "recover/outside.h"
#include "recover/route_k.h"
#include "recover/runbook.h"
#include "recover/script.h"
#include "recover/subject.h"
#include "recover/verify.h"
#include "snapshot/staged_directory.h"
#include "snapshot/temporary.h"
#include "snapshot/writer.h"
#include "wasm/load.h"
#include "wasm/names.h"
#include "wasm/toolchain.h"
#include "wasmdiff/compare.h"

namespace canrec::recover {
namespace {

namespace fs = std::filesystem;
using wasmdiff::Route;
using wasmdiff::Word;

constexpr uint64_t kArgumentOverhead = 1024;  // of install_code beside module and argument

// The names at the top of a package.
constexpr std::array<std::string_view, 11> kPackageNames = {"runbook.md",
                                                            "runbook.txt",
                                                            "snapshot",
                                                            "module.wasm",
                                                            "install_code.candid",
                                                            "install_code.bin",
                                                            "install_code.hex",
                                                            "chunks",
                                                            "install_chunked_code.candid",
                                                            "install_chunked_code.bin",
                                                            "install_chunked_code.hex"};

// Whether a directory is a package and nothing else, so that --force may replace it.
bool is_package(const fs::path& path) {
  std::error_code error;
  fs::directory_iterator it(path, error);
  for (; !error && it != fs::directory_iterator(); it.increment(error)) {
    const std::string name = it->path().filename().string();
    if (std::ranges::find(kPackageNames, name) == kPackageNames.end()) return false;
  }
  return !error && fs::exists(path / "runbook.md", error);
}

class Packager {
 public:
  Packager(FileSystem& system, const PackageRequest& request)
      : system_(system), request_(request), output_(snapshot::without_slash(request.output)) {}

  Result<Package> run() {
    CANREC_CHECK(open_inputs());
    CANREC_CHECK(look_at_state());
    CANREC_CHECK(choose_route());
    CANREC_TRY(const snapshot::Temporary temporary, snapshot::make_temporary(system_, output_));
    staging_ = temporary.path;
    Status status = build();
    if (status) status = publish();
    if (!status) {
      // The staging directory is ours alone; a failure to remove it must not hide the real error.
      (void)system_.remove_all(staging_);
      return fail(std::move(status).error());
    }
    return std::move(package_);
  }

 private:
  Status check_output() const {
    CANREC_CHECK(check_outside(request_.directory, output_));
    std::error_code ignored;
    if (!fs::exists(output_, ignored)) return Ok{};
    if (request_.overwrite == Overwrite::kNo) {
      return fail(Errc::kExists,
                  fmt::format("{} exists; give --force to replace it", output_.string()));
    }
    if (is_package(output_)) return Ok{};
    return fail(Errc::kExists,
                fmt::format("{} holds other files than a package; --force does not replace it",
                            output_.string()));
  }

  Status open_inputs() {
    CANREC_CHECK(check_output());
    CANREC_TRY(directory_, snapshot::Directory::open(request_.directory));
    CANREC_TRY(old_, wasm::load_module(directory_->module()));
    CANREC_TRY(new_, in_file(wasm::open_module(request_.module), request_.module.string()));
    package_.old_module_hash = to_hex(old_.hash);
    package_.module_hash = to_hex(new_->loaded.hash);
    package_.module_size = new_->file.size();
    package_.heap_size = directory_->heap().size();
    package_.stable_size = directory_->stable().size();
    const bool wide = new_->module().is_64();
    package_.heap_limit = wide ? ic::limits::kHeapBytes64 : ic::limits::kHeapBytes32;
    package_.network = request_.network;
    package_.keeps_heap =
        wasm::find_icp_section(new_->module(), "enhanced-orthogonal-persistence") != nullptr;
    const wasm::FunctionNames names(new_->module(), wasm::FunctionNames::Style::kRaw);
    package_.is_motoko = wasm::detect_toolchain(new_->module(), names, nullptr).toolchain ==
                         wasm::Toolchain::kMotokoEnhanced;
    if (request_.canister) {
      canister_ = *request_.canister;
    } else if (!directory_->ids().empty()) {
      CANREC_TRY(canister_, ic::Principal::from_bytes(directory_->ids().front().canister));
    }
    package_.canister = canister_ ? canister_->text() : std::string(kUnknownCanister);
    return Ok{};
  }

  // A state that verify calls wrong would be sent as it is. What is only about the form of the
  // directory is mended by writing it anew.
  Status look_at_state() {
    VerifyOptions options;
    options.interrupt = request_.executor.interrupt;
    CANREC_TRY(const VerifyReport report, verify(request_.directory, options));
    for (const Finding& finding : report.findings) {
      // The old module may be from before a rule; it is the new one that is sent.
      if (finding.severity == Severity::kError && finding.code != "network-rule") {
        return fail(
            Errc::kVerification,
            fmt::format("the state itself is not whole: {}{}{} (canrec verify {} shows all)",
                        finding.where, finding.where.empty() ? "" : ": ", finding.what,
                        shell_word(request_.directory.string())));
      }
      static constexpr std::array<std::string_view, 4> kOfTheForm = {
          "old-form", "juno-form", "juno-chunks", "dfx-needs-file"};
      if (std::ranges::find(kOfTheForm, finding.code) == kOfTheForm.end()) {
        package_.findings.push_back(finding);
      }
    }
    return Ok{};
  }

  static std::string worst_reason(const wasmdiff::Comparison& comparison, Route route) {
    for (const wasmdiff::Finding& finding : comparison.findings) {
      if (finding.weights.of(route) == wasmdiff::Severity::kUnsafe) return finding.what;
    }
    return "no single reason";
  }

  Status choose_route() {
    CANREC_TRY(const wasmdiff::Comparison comparison,
               wasmdiff::compare(old_.module, new_->module(), {}));
    const std::vector<Finding> k_findings =
        judge_route_k(new_->module(), {&directory_->metadata(), directory_->heap(), false});
    const bool s_sound = comparison.word(Route::kS) != Word::kUnsafe;
    const bool k_sound =
        comparison.word(Route::kK) != Word::kUnsafe && worst(k_findings) != Severity::kError;
    const std::string why_not_s = worst_reason(comparison, Route::kS);
    std::string why_not_k =
        comparison.word(Route::kK) == Word::kUnsafe ? worst_reason(comparison, Route::kK) : "";
    for (const Finding& finding : k_findings) {
      if (finding.severity == Severity::kError && why_not_k.empty()) why_not_k = finding.what;
    }
    const Route route = request_.route.value_or(s_sound ? Route::kS : Route::kK);
    const bool sound = route == Route::kS ? s_sound : k_sound;
    if (!sound) {
      std::string message = fmt::format("route {} is not sound: {}", to_string(route),
                                        route == Route::kS ? why_not_s : why_not_k);
      if (!request_.route) {
        message = fmt::format("no route is sound. S: {}. K: {}", why_not_s, why_not_k);
      } else if (route == Route::kS ? k_sound : s_sound) {
        message += "; the other route is";
      }
      return fail(
          Errc::kVerification,
          message + fmt::format(" (canrec diff shows all: canrec diff {} {})",
                                shell_word((request_.directory / "wasm_module.bin").string()),
                                shell_word(request_.module.string())));
    }
    package_.route = route;
    package_.word = comparison.word(route);
    take_warnings(comparison, route, k_findings);
    return Ok{};
  }

  // What holds for this route and this state, and nothing else.
  void take_warnings(const wasmdiff::Comparison& comparison, Route route,
                     const std::vector<Finding>& k_findings) {
    for (const wasmdiff::Finding& finding : comparison.findings) {
      if (finding.weights.of(route) != wasmdiff::Severity::kReview) continue;
      // What the hook does is seen in the rehearsal.
      if (finding.code == "hook.post-upgrade-runs") continue;
      package_.findings.push_back({Severity::kWarning, std::string(finding.code), "", finding.what,
                                   finding.why, finding.next});
    }
    if (route == Route::kK) {
      for (const Finding& finding : k_findings) {
        if (finding.code != "post-upgrade") package_.findings.push_back(finding);
      }
      if (directory_->metadata().global_timer && directory_->metadata().global_timer->deadline_ns) {
        package_.findings.push_back(
            {Severity::kWarning, "timer", "metadata.json", "the global timer is set",
             "an upgrade turns it off; it stays off unless post-upgrade sets it again",
             "make sure that the program sets its timer after the upgrade"});
      }
    }
  }

  Status build() {
    CANREC_CHECK(package_.route == Route::kS ? build_route_s() : build_route_k());
    CANREC_CHECK(rehearse_package());
    return count_costs();
  }

  Status count_costs() {
    CostCase at_hand;
    at_hand.old_module_bytes = directory_->module().size();
    at_hand.module_bytes = package_.module_size;
    at_hand.heap_bytes = package_.heap_size;
    at_hand.stable_bytes = package_.stable_size;
    at_hand.globals = directory_->metadata().globals.size();
    for (const snapshot::Chunk& chunk : directory_->chunks()) {
      at_hand.store_chunks.push_back(chunk.bytes.size());
    }
    static constexpr uint8_t kAnId[10] = {};  // as long as that of any canister
    CANREC_TRY(const ic::Principal some, ic::Principal::from_bytes(kAnId));
    CANREC_TRY(at_hand.sizes, snapshot_messages(directory_->metadata(), canister_.value_or(some)));
    at_hand.messages = messages_;
    at_hand.install_instructions = package_.install_instructions;
    package_.costs = costs_of(at_hand, request_.executor.profile);
    package_.subnet_nodes = request_.subnet_nodes;
    if (package_.subnet_nodes != 0) {
      package_.costs = on_subnet(package_.costs, package_.subnet_nodes);
    }
    return Ok{};
  }

  Status build_route_s() {
    snapshot::NewSnapshot out = snapshot::NewSnapshot::of(*directory_);
    out.module = snapshot::Image::of(&new_->file);
    package_.files.push_back("snapshot");
    static const Interrupt never;
    const Interrupt& interrupt =
        request_.executor.interrupt != nullptr ? *request_.executor.interrupt : never;
    return snapshot::write_directory(system_, staging_ / "snapshot", out, Overwrite::kNo,
                                     interrupt);
  }

  Status write(const std::string& name, ByteView bytes) {
    package_.files.push_back(name);
    return write_file(system_, staging_ / name, bytes, Overwrite::kNo);
  }
  // The argument of the message of route K that installs: as text, as bytes and in hex.
  Status write_installation(const std::string& method, const std::string& text) {
    CANREC_TRY(const Bytes bytes, management_argument(method, text));
    messages_.push_back(message_bytes(method, bytes.size()));
    CANREC_CHECK(write(method + ".candid", as_bytes(text + "\n")));
    CANREC_CHECK(write(method + ".bin", bytes));
    return write(method + ".hex", as_bytes(to_hex(bytes) + "\n"));
  }

  Status build_route_k() {
    if (!canister_) {
      return fail(
          Errc::kBadArgument,
          "route K's argument names the canister: give --canister PRINCIPAL (no file of the "
          "snapshot directory says which one it is of)");
    }
    CANREC_TRY(argument_, encode_install_argument(new_->file.bytes(), request_.argument));
    package_.argument_hex = to_hex(argument_);
    const std::string mode =
        "mode = variant { upgrade = opt record { skip_pre_upgrade = opt true; "
        "wasm_memory_persistence = opt variant { keep } } }";
    CANREC_CHECK(write("module.wasm", new_->file.bytes()));
    if (new_->file.size() + argument_.size() + kArgumentOverhead <= ic::limits::kIngressBytes) {
      return write_installation(
          "install_code",
          fmt::format(
              "(record {{ {}; canister_id = principal \"{}\"; wasm_module = {}; arg = {} }})", mode,
              package_.canister, blob_text(new_->file.bytes()), blob_text(argument_)));
    }
    return build_chunks(mode);
  }

  Status build_chunks(const std::string& mode) {
    CANREC_CHECK(system_.make_directory(staging_ / "chunks"));
    std::string hashes;
    for (ByteView rest = new_->file.bytes(); !rest.empty();) {
      const ByteView chunk = rest.first(std::min<size_t>(rest.size(), ic::limits::kChunkBytes));
      CANREC_TRY(
          const Bytes encoded,
          management_argument("upload_chunk",
                              fmt::format("(record {{ canister_id = principal \"{}\"; chunk = "
                                          "{} }})",
                                          package_.canister, blob_text(chunk))));
      messages_.push_back(message_bytes("upload_chunk", encoded.size()));
      CANREC_CHECK(write(fmt::format("chunks/{:02}.bin", package_.chunks), encoded));
      hashes += fmt::format("record {{ hash = {} }}; ", blob_text(sha256(chunk)));
      ++package_.chunks;
      rest = rest.subspan(chunk.size());
    }
    return write_installation(
        "install_chunked_code",
        fmt::format("(record {{ {}; target_canister = principal \"{}\"; chunk_hashes_list = vec {{ "
                    "{}}}; wasm_module_hash = {}; arg = {} }})",
                    mode, package_.canister, hashes, blob_text(new_->loaded.hash),
                    blob_text(argument_)));
  }

  Status rehearse_package() {
    CANREC_TRY(Subject before, Subject::open(request_.directory, request_.executor));
    CANREC_TRY(const Checks checks, Checks::ask(before, request_.checks));
    std::optional<Subject> after;
    if (package_.route == Route::kS) {
      CANREC_TRY(after, Subject::open(staging_ / "snapshot", request_.executor));
    } else {
      CANREC_TRY(after, Subject::open(request_.directory, request_.executor));
      executor::InstallRequest install;
      install.canister = after->id();
      install.mode = executor::InstallMode::kUpgrade;
      CANREC_TRY(const InputFile module, InputFile::open(staging_ / "module.wasm"));
      install.module = Bytes(module.bytes().begin(), module.bytes().end());
      install.argument = argument_;
      install.skip_pre_upgrade = true;
      install.memory = executor::MemoryPersistence::kKeep;
      CANREC_TRY(const executor::InstallOutcome outcome, after->executor().install(install));
      if (!outcome.ok()) {
        return fail(Errc::kVerification, fmt::format("the rehearsal of the package fails in {}: {}",
                                                     outcome.stage, outcome.failure->text()));
      }
      warn_of_post_upgrade(outcome);
      package_.install_instructions = outcome.instructions;
      package_.compile_instructions = outcome.compile_instructions;
      after->refresh_interface();
    }
    CANREC_TRY(const std::vector<CheckedAnswer> answers, checks.again(*after));
    if (const CheckedAnswer* other = first_other(answers)) {
      return fail(Errc::kVerification,
                  fmt::format("{} answers {} before and {} after the package was applied",
                              other->query, other->before, other->after));
    }
    for (const CheckedAnswer& each : answers) package_.answers.push_back({each.query, each.after});
    return Ok{};
  }

  // With pre-upgrade left out the hook may decode what an earlier upgrade left in stable memory and
  // put that over the heap. Whether it reads any was seen in the rehearsal. Motoko's takes over the
  // root, which was judged with the state.
  void warn_of_post_upgrade(const executor::InstallOutcome& outcome) {
    if (package_.is_motoko) return;
    const auto run =
        std::ranges::find(outcome.runs, "canister_post_upgrade", &executor::RunReport::entry);
    if (run == outcome.runs.end()) return;
    const std::string wrote =
        fmt::format("{} of heap", human_size(run->heap.dirty_os_pages * engine::kOsPage));
    if (run->stable_bytes_read == 0) {
      package_.findings.push_back(
          {Severity::kWarning, "post-upgrade", "canister_post_upgrade",
           fmt::format("the hook ran in the rehearsal: it read no stable memory and wrote to {}",
                       wrote),
           "pre-upgrade is left out, so it runs over the heap as it is",
           "make sure that what it sets anew may be set anew: canrec package --check QUERY"});
      return;
    }
    package_.findings.push_back(
        {Severity::kWarning, "post-upgrade", "canister_post_upgrade",
         fmt::format("the hook ran in the rehearsal: it read {} of stable memory and wrote to {}",
                     human_size(run->stable_bytes_read), wrote),
         "pre-upgrade is left out, so what it reads there an earlier upgrade left: when it is the "
         "program's data, older data has replaced the heap's",
         "canrec patch drop-hook MODULE canister_post_upgrade -o OUT, or canrec package --check "
         "QUERY for data that is newer than the last upgrade"});
  }

  Status publish() {
    CANREC_CHECK(write("runbook.md", as_bytes(runbook_markdown(package_))));
    CANREC_CHECK(write("runbook.txt", as_bytes(runbook_text(package_))));
    CANREC_CHECK(system_.sync_directory(staging_));
    std::error_code ignored;
    const bool replaces = fs::exists(output_, ignored);
    CANREC_CHECK(replaces ? system_.exchange(staging_, output_)
                          : system_.rename(staging_, output_));
    CANREC_CHECK(system_.sync_directory(output_.parent_path()));
    // After the exchange the staging name holds the package that was replaced.
    return replaces ? system_.remove_all(staging_) : Status(Ok{});
  }

  FileSystem& system_;
  const PackageRequest& request_;
  fs::path output_;
  Package package_;
  std::optional<snapshot::Directory> directory_;
  wasm::LoadedModule old_;
  std::optional<wasm::ModuleFile> new_;
  std::optional<ic::Principal> canister_;
  Bytes argument_;
  std::vector<uint64_t> messages_;  // sizes of route K's messages, the installation last
  fs::path staging_;
};

}  // namespace

Result<Package> package(FileSystem& system, const PackageRequest& request) {
  return Packager(system, request).run();
}

}  // namespace canrec::recover
