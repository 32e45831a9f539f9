// SPDX-License-Identifier: Apache-2.0
// The dataflow behind the hazards of `patch calls`.
#include "patch/hook_flow.h"

#include <algorithm>
#include <deque>

#include "base/checked.h"
#include "ic/system_api.h"
#include "patch/site.h"

namespace canrec::patch {
namespace {

using wasm::FuncIdx;
using wasm::Instruction;
using wasm::Module;
using wasm::Opcode;
using wasm::Reach;

bool is_grow(const Module& module, FuncIdx fn) {
  if (!module.function(fn).is_import()) return false;
  const wasm::Import& import = module.imports[*module.function(fn).import];
  return import.module == ic::kSystemApiModule &&
         (import.name == "stable_grow" || import.name == "stable64_grow");
}

bool is_const(Opcode op) { return op == Opcode::kI32Const || op == Opcode::kI64Const; }

bool is_comparison(Opcode op) { return op >= Opcode::kI32Eqz && op <= Opcode::kI64GeU; }

// A loop as found in a first pass: may it grow, and is every turn decided by a comparison with a
// constant?
struct Loop {
  bool grows = false;
  bool constant = true;
};

// One function, walked once for its loops and once for its calls.
class FunctionWalk {
 public:
  FunctionWalk(const Module& module, FuncIdx fn, const std::vector<Reach>& reaches_grow,
               HookFlow::Follow follow, bool indirect_grows)
      : module_(module),
        fn_(fn),
        reaches_grow_(reaches_grow),
        tables_(follow == HookFlow::Follow::kTables),
        indirect_grows_(indirect_grows) {}

  Result<std::vector<CallState>> run() {
    CANREC_CHECK(find_loops());
    CANREC_CHECK(follow_flow());
    return std::move(calls_);
  }

 private:
  struct Block {
    Opcode op;
    uint64_t outer_loop = 0;  // what loop_ was in front of the block
    bool at_entry = false;    // grown before the block
    bool at_label = false;    // grown at a branch to its end
  };

  bool grows(const Instruction& at) const {
    if (at.op == Opcode::kCall || at.op == Opcode::kReturnCall) {
      const Reach reach = reaches_grow_[at.index()];
      return reach == Reach::kDirect || (tables_ && reach == Reach::kThroughTables);
    }
    return (at.op == Opcode::kCallIndirect || at.op == Opcode::kReturnCallIndirect) &&
           indirect_grows_;
  }

  // An open block while loops are looked for; what a block holds, the block around it holds too.
  struct Open {
    uint64_t loop = 0;  // offset, of a loop
    bool grows = false;
    bool has_table = false;  // a br_table, which may turn any loop around it
  };

  static void close(std::vector<Open>& open, std::map<uint64_t, Loop>& loops) {
    const Open block = open.back();
    open.pop_back();
    if (block.loop != 0) {
      Loop& loop = loops[block.loop];
      loop.grows = block.grows;
      loop.constant = loop.constant && !block.has_table;
    }
    if (open.empty()) return;
    open.back().grows = open.back().grows || block.grows;
    open.back().has_table = open.back().has_table || block.has_table;
  }

  Status find_loops() {
    std::vector<Open> open;
    std::array<Opcode, 2> last{};
    return walk(module_, fn_, [&](const Site& site) {
      const Instruction& at = site.instruction;
      if (at.op == Opcode::kLoop) loops_[at.offset] = {};
      if (at.op == Opcode::kBlock || at.op == Opcode::kLoop || at.op == Opcode::kIf) {
        open.push_back({at.op == Opcode::kLoop ? at.offset : 0, false, false});
      } else if (at.op == Opcode::kEnd && !open.empty()) {
        close(open, loops_);
      } else if (at.op == Opcode::kBr || at.op == Opcode::kBrIf) {
        const uint64_t depth = at.index();
        const uint64_t target = depth < open.size() ? open[open.size() - 1 - depth].loop : 0;
        const bool decided = at.op == Opcode::kBrIf && is_comparison(last[1]) &&
                             (is_const(last[0]) || last[1] == Opcode::kI32Eqz);
        if (target != 0 && !decided) loops_[target].constant = false;
      } else if (at.op == Opcode::kBrTable && !open.empty()) {
        open.back().has_table = true;
      }
      if (grows(at) && !open.empty()) open.back().grows = true;
      last = {last[1], at.op};
    });
  }

  void branch(uint64_t depth) {
    if (depth < blocks_.size()) {
      Block& block = blocks_[blocks_.size() - 1 - depth];
      block.at_label = block.at_label || grown_;
    }
  }

  Status follow_flow() {
    return walk(module_, fn_, [&](const Site& site) {
      const Instruction& at = site.instruction;
      if (!site.reachable && at.op != Opcode::kEnd && at.op != Opcode::kElse) {
        if (at.op == Opcode::kBlock || at.op == Opcode::kLoop || at.op == Opcode::kIf) {
          open_block(at, false);
        }
        return;
      }
      control(at);
      if (at.op == Opcode::kCall || at.op == Opcode::kReturnCall ||
          at.op == Opcode::kCallIndirect || at.op == Opcode::kReturnCallIndirect) {
        calls_.push_back({grown_, loop_, at});
        grown_ = grown_ || grows(at);
      }
      if (ends_flow(at.op)) grown_ = false;
    });
  }

  void control(const Instruction& at) {
    switch (at.op) {
      case Opcode::kBlock:
      case Opcode::kIf:
      case Opcode::kLoop:
        open_block(at, true);
        break;
      case Opcode::kElse:
        if (!blocks_.empty()) {
          branch(0);
          grown_ = blocks_.back().at_entry;
          blocks_.back().op = Opcode::kElse;
        }
        break;
      case Opcode::kEnd:
        if (!blocks_.empty()) {
          const Block block = blocks_.back();
          blocks_.pop_back();
          loop_ = block.outer_loop;
          grown_ = grown_ || (block.op != Opcode::kLoop && block.at_label) ||
                   (block.op == Opcode::kIf && block.at_entry);
        }
        break;
      case Opcode::kBr:
      case Opcode::kBrIf:
        branch(at.index());
        break;
      case Opcode::kBrTable: {
        wasm::LabelReader labels(at);
        for (uint64_t i = 0; i <= at.imm[0].value; ++i) branch(labels.next());
        break;
      }
      default:
        break;
    }
  }

  // Opens a block; within a loop whose length is not constant that loop is the one to be named.
  void open_block(const Instruction& at, bool reachable) {
    const bool is_loop = at.op == Opcode::kLoop && reachable;
    if (is_loop) grown_ = grown_ || loops_[at.offset].grows;
    blocks_.push_back({at.op, loop_, reachable && grown_, false});
    if (is_loop && !loops_[at.offset].constant) loop_ = at.offset;
  }

  const Module& module_;
  const FuncIdx fn_;
  const std::vector<Reach>& reaches_grow_;
  const bool tables_;
  const bool indirect_grows_;
  std::map<uint64_t, Loop> loops_;
  std::vector<Block> blocks_;
  bool grown_ = false;
  uint64_t loop_ = 0;  // the innermost loop around whose length is not constant
  std::vector<CallState> calls_;
};

// The functions that an indirect call of each type may pick.
class Targets {
 public:
  Targets(const Module& module, const wasm::CallGraph& graph) : module_(module) {
    for (uint32_t i = 0; i < module.functions.size(); ++i) {
      if (graph.is_address_taken(FuncIdx{i})) offered_.push_back(FuncIdx{i});
    }
  }
  std::span<const FuncIdx> offered() const { return offered_; }

  // The targets for a call of that type, unless a call with as much news was followed before.
  std::span<const FuncIdx> news(uint64_t type, bool grown, bool loop) {
    const auto [it, first] = by_type_.try_emplace(type);
    Group& group = it->second;
    if (first) {
      for (const FuncIdx fn : offered_) {
        if (module_.type_of(fn) == module_.types[type]) group.functions.push_back(fn);
      }
    } else if ((group.grown || !grown) && (group.loop || !loop)) {
      return {};
    }
    group.grown = group.grown || grown;
    group.loop = group.loop || loop;
    return group.functions;
  }

 private:
  struct Group {
    std::vector<FuncIdx> functions;
    bool grown = false;
    bool loop = false;
  };
  const Module& module_;
  std::vector<FuncIdx> offered_;
  std::map<uint64_t, Group> by_type_;
};

}  // namespace

Result<HookFlow> HookFlow::build(const Module& module, const wasm::CallGraph& graph, FuncIdx root,
                                 Follow follow) {
  std::vector<FuncIdx> growers;
  for (uint32_t i = 0; i < module.imported_functions; ++i) {
    if (is_grow(module, FuncIdx{i})) growers.push_back(FuncIdx{i});
  }
  const std::vector<Reach> reaches_grow = graph.reaching(growers);
  Targets targets(module, graph);
  const bool indirect_grows =
      follow == Follow::kTables && std::ranges::any_of(targets.offered(), [&](FuncIdx fn) {
        return reaches_grow[std::to_underlying(fn)] != Reach::kNone;
      });

  HookFlow flow;
  std::deque<FuncIdx> work{root};
  flow.functions_[root].entered = true;
  const auto enter = [&](FuncIdx fn, bool grown, uint64_t loop) {
    FunctionFlow& into = flow.functions_[fn];
    const bool news = !into.entered || (grown && !into.grown) || (loop != 0 && into.loop == 0);
    into.entered = true;
    into.grown = into.grown || grown;
    if (into.loop == 0) into.loop = loop;
    if (news) work.push_back(fn);
  };
  while (!work.empty()) {
    const FuncIdx fn = work.front();
    work.pop_front();
    if (module.function(fn).is_import()) continue;
    // References into the map stay good while others are added.
    FunctionFlow& here = flow.functions_[fn];
    if (!here.walked) {
      here.walked = true;
      FunctionWalk walker(module, fn, reaches_grow, follow, indirect_grows);
      CANREC_TRY(here.calls, walker.run());
    }
    for (const CallState& call : here.calls) {
      const bool grown = here.grown || call.grown;
      const uint64_t loop = call.loop != 0 ? call.loop : here.loop;
      const Opcode op = call.instruction.op;
      if (op == Opcode::kCall || op == Opcode::kReturnCall) {
        enter(FuncIdx{narrow<uint32_t>(call.instruction.index())}, grown, loop);
      } else if (follow == Follow::kTables) {
        for (const FuncIdx target : targets.news(call.instruction.index(), grown, loop != 0)) {
          enter(target, grown, loop);
        }
      }
    }
  }
  return flow;
}

std::optional<CallState> HookFlow::at(FuncIdx function, uint64_t offset) const {
  const auto fn = functions_.find(function);
  if (fn == functions_.end() || !fn->second.entered) return std::nullopt;
  const auto& calls = fn->second.calls;
  const auto call = std::ranges::lower_bound(
      calls, offset, {}, [](const CallState& state) { return state.instruction.offset; });
  if (call == calls.end() || call->instruction.offset != offset) return std::nullopt;
  CallState state = *call;
  state.grown = state.grown || fn->second.grown;
  if (state.loop == 0) state.loop = fn->second.loop;
  return state;
}

}  // namespace canrec::patch
