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
    if (id() == kUnknownCanister) {
      line(fmt::format(
          "- **{} stands for the principal of your canister**: no file says which it is "
          "(canrec package --canister PRINCIPAL writes it into every command)",
          kUnknownCanister));
    }
    line(fmt::format("- module now: `{}`", package_.old_module_hash));
    line(fmt::format("- module after: `{}`, {}", package_.module_hash,
                     human_size(package_.module_size)));
    line(fmt::format("- heap {}, stable memory {}", human_size(package_.heap_size),
                     human_size(package_.stable_size)));
    for (const Finding& finding : package_.findings) {
      line(fmt::format("- **{}**: {}. Why it matters: {}. Next: {}", to_string(finding.severity),
                       finding.what, finding.why, finding.next));
    }
  }

  // What the balance, the memory and the slots must have room for, before anything is done.
  void takes() {
    const Costs& costs = package_.costs;
    const executor::Cycles steps = of_steps(costs);
    const executor::Cycles storage = a_day(costs);
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
        cycles_words(to_have(costs)), cycles_words(costs.reserve_before),
        cycles_words(costs.reserve_during)));
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
    prices();
    line(
        "Source: dfinity/ic, rs/config/src/subnet_config.rs. A message is counted with its "
        "envelope, "
        "as icp sends it.");
    line(
        "Not known here: the balance, cycles that the subnet reserves when memory grows, and other "
        "settings than those of");
    line(
        "a new canister; `icp canister status` prints balance, reserved cycles, freezing threshold "
        "and the settings.");
    line();
    line("## The steps");
    line();
    line(
        "Do them in order, in the directory of this runbook. Each says what it must print and when "
        "to stop. Nothing");
    line("before the step marked \"the change\" alters the canister's state.");
  }

  executor::Cycles of_steps(const Costs& costs) const {
    return costs.take + (route_is_s() ? costs.upload + costs.restore : costs.install);
  }
  static executor::Cycles a_day(const Costs& costs) {
    return costs.canister_day + costs.snapshot_day + costs.new_snapshot_day;
  }
  executor::Cycles to_have(const Costs& costs) const {
    return of_steps(costs) + costs.way_back + costs.reserve_during;
  }

  // Figures for the subnet, or for those that it may be.
  void prices() {
    if (package_.subnet_nodes != 0) {
      line(
          fmt::format("Prices are those of a subnet of {} nodes, as told.", package_.subnet_nodes));
      return;
    }
    line(
        fmt::format("Prices in this runbook are those of a subnet of {} nodes. Others charge in "
                    "proportion; the dashboard (dashboard.internetcomputer.org)",
                    ic::limits::kPriceNodes));
    line(
        "shows a canister's subnet and its nodes, and `canrec package --subnet-nodes N` writes the "
        "figures into every step. In T cycles:");
    line("```");
    line("nodes    the steps  to go back  downloading  storage/day  balance to have");
    for (const uint32_t nodes : kUsualSubnetNodes) {
      const Costs costs = on_subnet(package_.costs, nodes);
      line(fmt::format("{:>5}  {:>11}  {:>10}  {:>11}  {:>11}  {:>15}", nodes,
                       trillions(of_steps(costs)), trillions(costs.way_back),
                       trillions(costs.download), trillions(a_day(costs)),
                       trillions(to_have(costs))));
    }
    line("```");
  }

  static std::string trillions(executor::Cycles cycles) {
    return fmt::format("{:.6f}", static_cast<double>(cycles) / 1e12);
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
    step("Download it, and look at it.");
    command(icp(fmt::format("snapshot download {} BACK -o backup", id())));
    command("canrec verify backup");
    must("WHOLE");
    cost(package_.costs.download,
         fmt::format(", in {} calls", grouped(package_.costs.download_calls)));
    stop("it says LOOK FIRST or DO NOT UPLOAD: read what it found first");
    same_state();
    back(fmt::format("`{}`: nothing has changed", icp("start " + id())));
  }

  // NEW holds the memories of the directory that the package was made from. Whatever the canister
  // did since would be undone without a word.
  void same_state() {
    if (!route_is_s()) {
      line(
          "   This package was rehearsed on another snapshot when `backup` has other memories; the "
          "heap that is kept is that of the canister as it is.");
      return;
    }
    line(
        "   NEW holds the memories that the package was made from. If the canister has changed "
        "since, NEW would undo that. Compare:");
    if (package_.heap_size > 0) {
      command("cmp backup/wasm_memory.bin snapshot/wasm_memory.bin");
    }
    if (package_.stable_size > 0) {
      command("cmp backup/stable_memory.bin snapshot/stable_memory.bin");
    }
    if (package_.heap_size > 0 || package_.stable_size > 0) must("nothing");
    stop(
        "a file differs: the canister has done something since. Make the package again, from this");
    line(fmt::format(
        "   moment: `canrec package backup snapshot/wasm_module.bin --route S --canister "
        "{} -o again`, with your --check",
        id()));
  }

  // The three commands back, and what they undo.
  std::string way_back(bool started) const {
    const std::string restore = icp(fmt::format("snapshot restore {} BACK", id()));
    const std::string start = icp("start " + id());
    if (!started) return fmt::format("`{}`, then `{}`", restore, start);
    return fmt::format("`{}`, then `{}`, then `{}`; what was called since step {} is lost then",
                       icp("stop " + id()), restore, start, start_step_);
  }

  void after() {
    step("Look at the module hash.");
    command(icp("status " + id()));
    must(fmt::format("module hash `0x{}`", package_.module_hash));
    stop("it is another one: go back");
    back(way_back(false));
    step("Start the canister.");
    start_step_ = number_;
    command(icp("start " + id()));
    back(way_back(true));
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
      stop("an answer is another one: go back");
      back(way_back(true));
    }
    next_version();
    step("Keep BACK until all is well, then delete what is no longer needed.");
    command(icp(fmt::format("snapshot delete {} BACK", id())));
    if (route_is_s()) command(icp(fmt::format("snapshot delete {} NEW", id())));
  }

  // With the section in the installed module, as behind route K, an upgrade must say what becomes
  // of the heap. Motoko's keeps it; another program's must go through stable memory as ever.
  void next_version() {
    const bool says = package_.keeps_heap;
    const std::string_view memory = package_.is_motoko ? "keep" : "replace";
    const std::string_view step_option = package_.is_motoko ? " --keep" : " --replace-memory";
    step("Upgrade to your next version, when you have rehearsed that:");
    command(fmt::format(
        "canrec rehearse backup 'replace {}' 'upgrade NEXT.wasm{}' {}",
        route_is_s() ? "snapshot/wasm_module.bin" : "module.wasm", says ? step_option : "",
        shell_word("expect-same " +
                   (package_.answers.empty() ? "QUERY" : package_.answers.front().query))));
    if (says && !package_.is_motoko) {
      line(
          "   The module that is installed now has the section, so the network refuses an upgrade "
          "that does not say what becomes of");
      line(
          "   the heap (IC0504 \"Missing upgrade option\"). Where pre-upgrade saves the data in "
          "stable memory, the heap may go:");
    }
    const std::string option = says ? fmt::format(" --wasm-memory-persistence {}", memory) : "";
    command(icp(fmt::format("install {} --mode upgrade{} --wasm NEXT.wasm", id(), option)));
    back(way_back(true));
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
    back(way_back(false));
    after();
  }

  void route_k() {
    prepare();
    const std::string method = package_.chunks > 0 ? "install_chunked_code" : "install_code";
    step("**The change**: install the module, skip pre-upgrade, keep memory.");
    command(
        dfx(fmt::format("install {} --mode upgrade --skip-pre-upgrade --wasm-memory-persistence "
                        "keep --argument-type raw --argument {} --wasm module.wasm",
                        id(), package_.argument_hex)));
    if (package_.chunks > 0) {
      line(fmt::format(
          "   The module is larger than a message: dfx uploads its {} chunks by itself.",
          package_.chunks));
    }
    line(
        "   dfx may say that the interface differs and ask: the module is the one that you chose, "
        "so yes.");
    line("   icp 1.5 cannot skip pre-upgrade, and sends its calls of `aaaaa-aa` where the network");
    line("   refuses them. Without dfx, an agent with the canister as effective canister id can");
    if (package_.chunks > 0) {
      line(
          "   call `upload_chunk` of `aaaaa-aa` with each file of `chunks/` as the argument, then");
    }
    line(fmt::format("   call `{0}` of `aaaaa-aa`; the exact argument is in `{0}.bin` (bytes),",
                     method));
    line("   `.hex` (the same as digits) and `.candid` (as text).");
    must("nothing, or that it was upgraded");
    cost(package_.costs.install, fmt::format(" for {} instructions, as rehearsed, and the messages",
                                             grouped(package_.install_instructions)));
    stop(
        "IC0504 \"Invalid upgrade option\": the module lacks its section; any other error: the "
        "canister is as before");
    back(way_back(false));
    line("   The global timer is off afterwards; certified data and stable memory stay.");
    if (package_.chunks > 0) {
      line("   The chunks stay in the chunk store and cost storage until `clear_chunk_store`.");
    }
    after();
  }

  void checked() {
    line();
    line("## What was verified here");
    line();
    line("- the state is whole, as far as canrec verify can tell");
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
  int start_step_ = 0;
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
