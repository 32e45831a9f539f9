// SPDX-License-Identifier: Apache-2.0
// The words of the runbook. Commands are those of icp 1.5 and dfx 0.32.
#include "recover/runbook.h"

#include <fmt/core.h>

#include <algorithm>

#include "base/bytes.h"
#include "base/shell.h"
#include "ic/limits.h"
#include "recover/costs.h"

namespace canrec::recover {
namespace {

// Above that it matters whether a client needs the RAM for a memory at once.
constexpr uint64_t kMuchMemory = ic::limits::kGiB;

class Runbook {
 public:
  explicit Runbook(const Package& package) : package_(package) {}

  std::string write() {
    head();
    takes();
    if (route_is_s()) {
      route_s();
    } else {
      route_k();
    }
    checked();
    return std::move(out_);
  }

 private:
  void line(std::string_view text = "") { out_ += fmt::format("{}\n", text); }
  void command(std::string text) { out_ += fmt::format("   ```\n   {}\n   ```\n", text); }
  void step(std::string_view title) { out_ += fmt::format("\n{}. {}\n\n", ++number_, title); }
  void must(std::string_view text) { out_ += fmt::format("   Must print: {}\n", text); }
  void stop(std::string_view text) { out_ += fmt::format("   Stop when: {}\n", text); }
  void back(std::string_view text) { out_ += fmt::format("   Way back: {}\n", text); }
  std::string icp(std::string_view what) const {
    return fmt::format("icp canister {} -n {}", what, package_.network);
  }
  std::string dfx(std::string_view what) const {
    return fmt::format("dfx canister {} --network {}", what, package_.network);
  }
  void cost(executor::Cycles cycles, std::string_view more = "") {
    line(fmt::format("   Cost: {}{}", cycles_words(cycles), more));
  }
  const std::string& id() const { return package_.canister; }
  bool route_is_s() const { return package_.route == wasmdiff::Route::kS; }

  void head() {
    const bool s = package_.route == wasmdiff::Route::kS;
    line(fmt::format("# Recovery of canister {}", id()));
    line();
    line(fmt::format(
        "Route {}: {}. The layout verdict for this route is `{}`.", to_string(package_.route),
        s ? "an edited snapshot is uploaded and restored; no code runs, globals are kept"
          : "an upgrade that keeps memory; globals restart, start and post-upgrade run",
        to_string(package_.word)));
    line();
    line(fmt::format("- module now: `{}`", package_.old_module_hash));
    line(fmt::format("- module after: `{}`, {}", package_.module_hash,
                     human_size(package_.module_size)));
    line(fmt::format("- heap {}, stable memory {}", human_size(package_.heap_size),
                     human_size(package_.stable_size)));
    for (const Finding& finding : package_.findings) {
      line(fmt::format("- **{}**: {}. {}. {}", to_string(finding.severity), finding.what,
                       finding.why, finding.next));
    }
  }

  // What the balance, the memory and the slots must have room for, before anything is done.
  void takes() {
    const Costs& costs = package_.costs;
    const executor::Cycles steps =
        costs.take + (route_is_s() ? costs.upload + costs.restore : costs.install);
    const executor::Cycles storage =
        costs.canister_day + costs.snapshot_day + costs.new_snapshot_day;
    line();
    line("## What it costs and takes");
    line();
    line(fmt::format("- the steps: {}, and {} to go back", cycles_words(steps),
                     cycles_words(costs.way_back)));
    line(fmt::format("- downloading BACK too: {} in {} calls", cycles_words(costs.download),
                     grouped(costs.download_calls)));
    line(fmt::format("- storage while {} kept: {} a day, of which the canister itself is {}",
                     route_is_s() ? "BACK and NEW are" : "BACK is", cycles_words(storage),
                     cycles_words(costs.canister_day)));
    line(fmt::format(
        "- balance to have: {}: the steps, the way back, and the freezing threshold of 30 days, "
        "which rises with the snapshots from {} to {}. A step that would bring the balance below "
        "it is refused and changes nothing",
        cycles_words(steps + costs.way_back + costs.reserve_during),
        cycles_words(costs.reserve_before), cycles_words(costs.reserve_during)));
    line(fmt::format("- snapshots: {} of the {} that a canister may have", route_is_s() ? 2 : 1,
                     ic::limits::kSnapshots));
    line(fmt::format("- heap: {} of {}; {} stable memory: {} of {}", human_size(package_.heap_size),
                     human_size(package_.heap_limit), wasm_memory_limit(),
                     human_size(package_.stable_size), human_size(ic::limits::kStableBytes)));
    if (!route_is_s()) {
      line(fmt::format("- instructions: {} of the {} of an installation, {} of them for compiling",
                       grouped(package_.install_instructions),
                       grouped(ic::limits::kInstallInstructions),
                       grouped(package_.compile_instructions)));
    }
    line();
    line(
        fmt::format("Prices are those of a subnet of {0} nodes; one of n nodes takes n/{0} of them "
                    "(34 nodes: {1:.1f} times as much).",
                    ic::limits::kPriceNodes, 34.0 / static_cast<double>(ic::limits::kPriceNodes)));
    line(
        "Source: dfinity/ic, rs/config/src/subnet_config.rs. Not known here: the balance, the "
        "subnet's nodes, cycles");
    line(
        "that the subnet reserves when memory grows, and other settings than those of a new "
        "canister; `icp canister status`");
    line("prints balance, reserved cycles, freezing threshold and the settings.");
    line();
    line("## The steps");
    line();
    line(
        "Do them in order, in the directory of this runbook. Each says what it must print and when "
        "to stop. Nothing");
    line("before the step marked \"the change\" alters the canister's state.");
  }

  // The limit of new canisters is below what a heap may have.
  std::string wasm_memory_limit() const {
    const std::string limit = human_size(ic::limits::kWasmMemoryLimitDefault);
    if (package_.heap_size <= ic::limits::kWasmMemoryLimitDefault) {
      return fmt::format("the setting wasm_memory_limit ({} of a new canister) leaves room;",
                         limit);
    }
    return fmt::format(
        "that is more than the setting wasm_memory_limit of a new canister ({}): raise it, or "
        "updates fail;",
        limit);
  }

  void prepare() {
    step("Make sure that it is the canister you mean, and that you control it.");
    command(icp("status " + id()));
    must(fmt::format("module hash `0x{}`, and your principal among the controllers",
                     package_.old_module_hash));
    stop("the hash is another one: this package was made for another state");
    step("Stop the canister, so that no callback is outstanding.");
    command(icp("stop " + id()));
    must("nothing, or that it stopped; the status is then Stopped");
    stop("it does not stop within some minutes: calls of it are not answered; find out which");
    back(fmt::format("`{}`", icp("start " + id())));
    step("Take a snapshot: this is the way back from everything below.");
    command(icp("snapshot create " + id()));
    must("a snapshot id; write it down as BACK");
    stop(
        fmt::format("the canister has {} snapshots already: delete one that you do not need, or "
                    "give --replace",
                    ic::limits::kSnapshots));
    back("not needed yet: nothing has changed");
    cost(package_.costs.take,
         fmt::format(", and {} a day of storage for its {} until it is deleted",
                     cycles_words(package_.costs.snapshot_day),
                     human_size(package_.costs.snapshot_bytes)));
    line(
        "   Download it too, unless the directory that this package was made from is of this "
        "moment:");
    command(icp(fmt::format("snapshot download {} BACK -o backup", id())));
    command("canrec verify backup");
    cost(package_.costs.download,
         fmt::format(", in {} calls", grouped(package_.costs.download_calls)));
  }

  void after(std::string_view way_back) {
    step("Look at the module hash.");
    command(icp("status " + id()));
    must(fmt::format("module hash `0x{}`", package_.module_hash));
    back(way_back);
    step("Start the canister.");
    command(icp("start " + id()));
    back(way_back);
    if (!package_.answers.empty()) {
      step("Ask what the canister must know. The answers below came from the rehearsal.");
      for (const ExpectedAnswer& each : package_.answers) {
        const size_t parenthesis = each.query.find('(');
        const std::string method = each.query.substr(0, parenthesis);
        const std::string arguments =
            parenthesis == std::string::npos ? "()" : each.query.substr(parenthesis);
        command(icp(
            fmt::format("call {} {} {} --query", id(), shell_word(method), shell_word(arguments))));
        must(fmt::format("`{}`", each.answer));
      }
      stop("an answer is another one");
      back(way_back);
    }
    step(
        "Upgrade to your next version the ordinary way, when you have rehearsed that "
        "(canrec rehearse). Keep BACK until all is well, then delete what is no longer needed.");
    command(icp(fmt::format("snapshot delete {} BACK", id())));
    if (route_is_s()) command(icp(fmt::format("snapshot delete {} NEW", id())));
  }

  void route_s() {
    prepare();
    step("Upload the edited snapshot.");
    command(icp(fmt::format("snapshot upload {} -i snapshot", id())));
    line(fmt::format("   or: `{}`", dfx(fmt::format("snapshot upload {} --dir snapshot", id()))));
    must("a new snapshot id; write it down as NEW");
    cost(package_.costs.upload,
         fmt::format(" for {} in {} calls, and {} a day of storage until it is deleted",
                     human_size(package_.costs.new_snapshot_bytes),
                     grouped(package_.costs.upload_calls),
                     cycles_words(package_.costs.new_snapshot_day)));
    if (std::max(package_.heap_size, package_.stable_size) > kMuchMemory) {
      line(
          fmt::format("   icp keeps a whole memory in RAM while it sends it ({} here); dfx sends "
                      "slice by slice.",
                      human_size(std::max(package_.heap_size, package_.stable_size))));
    }
    stop("it says anything about metadata: nothing has changed, canrec verify snapshot");
    back(fmt::format("`{}`", icp(fmt::format("snapshot delete {} NEW", id()))));
    step("**The change**: restore the edited snapshot.");
    command(icp(fmt::format("snapshot restore {} NEW", id())));
    line(fmt::format("   or: `{}`", dfx(fmt::format("snapshot load {} NEW", id()))));
    must("nothing, or that it was restored");
    cost(package_.costs.restore);
    stop("it is refused (globals, hook status, module): nothing has changed");
    const std::string way_back = fmt::format("`{}` while the canister is stopped",
                                             icp(fmt::format("snapshot restore {} BACK", id())));
    back(way_back);
    after(way_back);
  }

  void route_k() {
    prepare();
    const std::string skip = "--skip-pre-upgrade";
    if (package_.chunks > 0) {
      step(fmt::format("The module is larger than a message: upload its {} chunks.",
                       package_.chunks));
      line(
          "   dfx does this by itself in the next step. With another agent: call `upload_chunk` "
          "of");
      line("   `aaaaa-aa` with each file of `chunks/` as the argument, in order.");
    }
    step("**The change**: install the module, skip pre-upgrade, keep memory.");
    command(dfx(fmt::format(
        "install {} --mode upgrade {} --wasm-memory-persistence keep --wasm module.wasm", id(),
        skip)));
    line("   icp 1.5 cannot skip pre-upgrade; with any agent the exact argument of");
    line(fmt::format("   `{}` is in `{}.bin` and `.hex` (call it on `aaaaa-aa`).",
                     package_.chunks > 0 ? "install_chunked_code" : "install_code",
                     package_.chunks > 0 ? "install_chunked_code" : "install_code"));
    must("nothing, or that it was upgraded");
    cost(package_.costs.install, fmt::format(" for {} instructions, as rehearsed, and the messages",
                                             grouped(package_.install_instructions)));
    stop(
        "IC0504 \"Invalid upgrade option\": the module lacks its section; any other error: the "
        "canister is as before");
    const std::string way_back = fmt::format("`{}` while the canister is stopped",
                                             icp(fmt::format("snapshot restore {} BACK", id())));
    back(way_back);
    line("   The global timer is off afterwards; certified data and stable memory stay.");
    after(way_back);
  }

  void checked() {
    line();
    line("## What was verified here");
    line();
    line(
        "- the new module is valid and keeps the network's rules, and its layout was compared "
        "with");
    line("  the old one's");
    line(route_is_s()
             ? "- the embedded executor loads the package from its own files"
             : "- the embedded executor installs the package from its own files, hooks included");
    line(package_.answers.empty() ? "- **no query was asked** (canrec package --check): nothing "
                                    "shows that the new module "
                                    "reads this data"
                                  : "- the answers above are the same before and after");
    line();
    line("## What cannot be verified offline");
    line();
    line("- that the canister still is in the state of the snapshot this was made from");
    line("- the balance, subnet load, rate limits, and calls that other canisters have under way");
    line("- behaviour that depends on other canisters");
  }

  const Package& package_;
  std::string out_;
  int number_ = 0;
};

}  // namespace

std::string runbook_markdown(const Package& package) { return Runbook(package).write(); }

std::string runbook_text(const Package& package) {
  const std::string markdown = runbook_markdown(package);
  std::string out;
  for (size_t at = 0; at < markdown.size();) {
    const size_t end = std::min(markdown.find('\n', at), markdown.size());
    const std::string_view line = std::string_view(markdown).substr(at, end - at);
    at = end + 1;
    if (line.find("```") != std::string_view::npos) continue;
    for (size_t i = 0; i < line.size(); ++i) {
      if (line[i] == '`') continue;
      if (line.substr(i).starts_with("**")) {
        ++i;
        continue;
      }
      out += line[i];
    }
    out += '\n';
  }
  return out;
}

}  // namespace canrec::recover
