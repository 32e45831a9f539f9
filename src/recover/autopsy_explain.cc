// SPDX-License-Identifier: Apache-2.0
// From a stopped run to sentences.
#include "recover/autopsy_explain.h"

#include <fmt/core.h>

#include <algorithm>

#include "base/checked.h"
#include "ic/limits.h"
#include "recover/memory_map.h"
#include "recover/panic_site.h"

namespace canrec::recover {
namespace {

using ic::ExecutionError;

constexpr uint64_t kShownBytes = 32;
constexpr size_t kDeep = 20;              // frames of one function
constexpr uint64_t kMostFrame = 1 << 20;  // bytes of a function's frame in the heap

bool says(const executor::Stop& stop, std::string_view words) {
  return stop.message.find(words) != std::string::npos;
}

bool says(const executor::Stop& stop, ic::TrapCode code) {
  return says(stop, ic::trap_code_words(code));
}

// "0x00010000 lies in data segment 0; before the hook ran the bytes there were 4e 4f ... NOT1"
std::string at_address(std::string_view what, uint64_t address, uint64_t length,
                       const std::vector<MapPiece>& map, ByteView heap) {
  const MapPiece* piece = piece_at(map, address);
  if (piece == nullptr) {
    return fmt::format("{} 0x{:08x} is beyond the heap, which ends at 0x{:08x}", what, address,
                       map.empty() ? 0 : map.back().end);
  }
  std::string out = fmt::format("{} 0x{:08x} lies in {} [0x{:08x}, 0x{:08x})", what, address,
                                piece->what, piece->begin, piece->end);
  const uint64_t shown =
      std::min({kShownBytes, length, address < heap.size() ? heap.size() - address : 0});
  if (shown > 0) {
    const ByteView bytes = heap.subspan(address, shown);
    if (std::ranges::all_of(bytes, [](uint8_t byte) { return byte == 0; })) {
      return out +
             "; before the hook ran only zeros stood there: the hook put its data there first";
    }
    out += fmt::format("; before the hook ran the bytes there were {} \"{}\"", to_hex(bytes),
                       printable(bytes));
  }
  return out;
}

std::string beyond_stable(std::string_view verb, uint64_t offset, uint64_t length, uint64_t size) {
  const std::string start =
      fmt::format("it {} {} at stable offset {}", verb, human_size(length), grouped(offset));
  const auto end = checked_add(offset, length);
  if (!end || *end > ic::limits::kStableBytes) {
    return fmt::format(
        "{}, where no stable memory can ever be; there are {} pages: the offset or "
        "the length is no number that was meant",
        start, grouped(size / wasm::kPageSize));
  }
  const uint64_t missing = *end - std::min(size, *end);
  return fmt::format(
      "{}, which needs {} of stable memory; there are {} pages, {} too few: it goes "
      "{} beyond the end",
      start, human_size(*end), grouped(size / wasm::kPageSize),
      grouped((missing + wasm::kPageSize - 1) / wasm::kPageSize), human_size(missing));
}

// The function that calls itself, perhaps through others, when that is what the backtrace shows.
const executor::Frame* recursive(const executor::RunReport& run) {
  const std::vector<executor::Frame>& frames = run.stopped->backtrace;
  for (size_t i = 0; i < std::min<size_t>(frames.size(), kDeep); ++i) {
    const auto same = [&](const executor::Frame& each) {
      return each.function == frames[i].function;
    };
    if (static_cast<size_t>(std::ranges::count_if(frames, same)) >= kDeep) return &frames[i];
  }
  return nullptr;
}

// A stack in the heap grows down to address 0, and the next address below it is the largest.
bool below_stack(const executor::RunReport& run) {
  if (!run.stopped->heap_address) return true;  // a copy or fill, whose address is not known
  // The sum of such an address and the offset in the instruction may be beyond 32 bits again.
  const uint64_t lowest = (uint64_t{1} << 32) - kMostFrame;
  return *run.stopped->heap_address >= lowest &&
         static_cast<uint32_t>(*run.stopped->heap_address - lowest) < 2 * kMostFrame;
}

// The name of the instruction that a frame stands at; empty when it cannot be read.
std::string_view instruction_at(const wasm::Module& module, const executor::Frame& frame) {
  if (frame.function >= module.functions.size()) return {};
  const wasm::Function& function = module.functions[frame.function];
  if (function.is_import()) return {};
  wasm::InstructionReader reader = module.instructions(function);
  wasm::Instruction instruction;
  while (!reader.at_end()) {
    const bool here = reader.pos() == frame.offset;
    if (!reader.next(instruction)) return {};
    if (here) return wasm::info(instruction.op).text;
  }
  return {};
}

// What the machine's own words mean, where nothing else says it.
std::string_view of_trap(const executor::Stop& stop) {
  if (says(stop, "does not match its signature")) {
    return "an indirect call found a function of another type in the table: a function pointer "
           "that "
           "is damaged, was cast, or was kept in the heap by a program of another build";
  }
  if (says(stop, ic::TrapCode::kTableOutOfBounds)) {
    return "an indirect call took a number beyond the table for a function: a function pointer "
           "that "
           "is damaged, or was kept in the heap by a program of another build";
  }
  if (says(stop, ic::TrapCode::kDivisionByZero)) {
    return "the program divided by zero without asking first";
  }
  return {};
}

Cause cause_of(const executor::Stop& stop) {
  switch (stop.error) {
    case ExecutionError::kCalledTrap:
      return Cause::kCalledTrap;
    case ExecutionError::kOutOfInstructions:
    case ExecutionError::kSliceOverrun:
      return Cause::kInstructions;
    case ExecutionError::kCannotGrow:
    case ExecutionError::kMemoryLimit:
    case ExecutionError::kMotokoReserved:
      return Cause::kMemory;
    case ExecutionError::kTrapped:
      if (says(stop, ic::TrapCode::kStableOutOfBounds)) return Cause::kStableOutOfBounds;
      if (says(stop, ic::TrapCode::kStableTooBigFor32Bit)) return Cause::kStable32Bit;
      if (says(stop, ic::TrapCode::kUnreachable)) return Cause::kUnreachable;
      if (says(stop, ic::TrapCode::kStackOverflow)) return Cause::kStackOverflow;
      return Cause::kOther;
    case ExecutionError::kUserContractViolation:
    case ExecutionError::kToolchainContractViolation:
      return says(stop, "cannot be executed in") ? Cause::kForbiddenCall : Cause::kOther;
    default:
      return Cause::kOther;
  }
}

// What runtimes say when memory.grow fails: Rust's allocator, Motoko, C.
constexpr std::string_view kNoMemoryWords[] = {"out of memory", "memory allocation of",
                                               "Cannot grow memory", "cannot allocate"};

bool got_no_memory(const executor::RunReport& run, uint64_t heap_limit) {
  if (run.heap.after_bytes + wasm::kPageSize > heap_limit) return true;
  const auto in = [](std::string_view text) {
    return std::ranges::any_of(kNoMemoryWords, [&](std::string_view words) {
      return text.find(words) != std::string_view::npos;
    });
  };
  return in(run.stopped->stop.log) || std::ranges::any_of(run.prints, in);
}

}  // namespace

std::string_view to_string(Cause cause) {
  switch (cause) {
    case Cause::kStableOutOfBounds:
      return "stable memory out of bounds";
    case Cause::kStable32Bit:
      return "32-bit stable API on more than 4 GiB";
    case Cause::kForbiddenCall:
      return "System API call that is not allowed here";
    case Cause::kCalledTrap:
      return "the program called ic0.trap";
    case Cause::kUnreachable:
      return "the program reached `unreachable` (a panic or failed assertion)";
    case Cause::kInstructions:
      return "instruction limit";
    case Cause::kMemory:
      return "no memory left to grow";
    case Cause::kStackOverflow:
      return "call stack exhausted";
    case Cause::kOther:
      return "trap";
    case Cause::kRefused:
      return "refused without running code";
  }
  return "trap";
}

std::string_view to_string(Goes goes) {
  switch (goes) {
    case Goes::kBySnapshot:
      return "snapshot";
    case Goes::kByKeptHeap:
      return "kept heap";
    case Goes::kByUpgrade:
      return "upgrade";
  }
  return "upgrade";
}

const executor::RunReport* stopped_run(const executor::InstallOutcome& outcome) {
  for (const executor::RunReport& run : outcome.runs) {
    if (run.stopped) return &run;
  }
  return nullptr;
}

Cause cause_of(const executor::InstallOutcome& outcome, uint64_t heap_limit) {
  const executor::RunReport* run = stopped_run(outcome);
  if (run == nullptr) return Cause::kRefused;
  const Cause cause = cause_of(run->stopped->stop);
  if (says(run->stopped->stop, ic::TrapCode::kHeapOutOfBounds) && recursive(*run) != nullptr &&
      below_stack(*run)) {
    return Cause::kStackOverflow;
  }
  const bool gives_up = cause == Cause::kCalledTrap || cause == Cause::kUnreachable;
  return gives_up && got_no_memory(*run, heap_limit) ? Cause::kMemory : cause;
}

std::vector<std::string> explain(const executor::RunReport& run, Cause cause,
                                 const wasm::Module& module, ByteView heap_before) {
  std::vector<std::string> out;
  const std::vector<MapPiece> map = memory_map(module, run.heap.after_bytes);
  out.push_back(fmt::format("at that moment the heap had {} and stable memory {}",
                            human_size(run.heap.after_bytes), human_size(run.stable.after_bytes)));
  if (!run.last_api_calls.empty()) {
    const executor::ApiCall& last = run.last_api_calls.back();
    out.push_back(fmt::format("the last System API call was {}", last.text()));
    const std::string_view name = ic::info(last.function).name;
    const bool writes = name == "stable_write" || name == "stable64_write";
    const bool reads = name == "stable_read" || name == "stable64_read";
    if (cause == Cause::kStableOutOfBounds && (writes || reads)) {
      const uint64_t offset = last.arguments[writes ? 0 : 1];
      const uint64_t address = last.arguments[writes ? 1 : 0];
      const uint64_t length = last.arguments[2];
      const uint64_t size = run.stable.after_bytes;
      out.push_back(beyond_stable(writes ? "writes" : "reads", offset, length, size));
      out.push_back(at_address("the heap address", address, length, map, heap_before));
    }
  }
  if (cause == Cause::kStackOverflow) {
    const executor::Frame* frame = recursive(run);
    out.push_back(fmt::format(
        "{} calls itself, perhaps through others, deeper than the stack goes{}; such a recursion "
        "over a list or tree grows with the data, or never ends",
        frame != nullptr ? frame->name : std::string("a function"),
        run.stopped->heap_address ? ", which ends at heap address 0" : ""));
  } else if (const auto address = run.stopped->heap_address) {
    const std::string where = at_address("the heap address", *address, 0, map, heap_before);
    out.push_back(
        *address < run.heap.after_bytes
            ? fmt::format(
                  "{}; what begins there reaches beyond the heap, which ends at 0x{:08x}: a "
                  "length that was not meant",
                  where, run.heap.after_bytes)
            : where +
                  "; a number that is no address was taken for one, or more was asked for than the "
                  "heap has");
  }
  if (run.stopped->stop.error == ExecutionError::kCalledTrap) {
    out.push_back(fmt::format("the program's own words: \"{}\"", run.stopped->stop.log));
  }
  if (says(run.stopped->stop, ic::TrapCode::kHeapOutOfBounds) && !run.stopped->heap_address &&
      !run.stopped->backtrace.empty()) {
    const executor::Frame& frame = run.stopped->backtrace.front();
    out.push_back(
        fmt::format("{} at 0x{:08x} in {} reaches beyond the heap, which ends at 0x{:08x}: "
                    "a length or an address that was not meant",
                    instruction_at(module, frame), frame.offset, frame.name, run.heap.after_bytes));
  }
  if (const std::string_view why = of_trap(run.stopped->stop); !why.empty()) {
    out.emplace_back(why);
  }
  if (cause == Cause::kUnreachable) {
    if (const auto site = panic_site(module, run.stopped->backtrace)) {
      out.push_back(site->sentence());
    }
  }
  if (cause == Cause::kMemory) {
    const std::string grew =
        run.heap.after_bytes == run.heap.before_bytes
            ? fmt::format("the heap has {} already, and the hook got no more",
                          human_size(run.heap.before_bytes))
            : fmt::format("the heap grew from {} to {} while the hook ran, and it got no more",
                          human_size(run.heap.before_bytes), human_size(run.heap.after_bytes));
    out.push_back(grew + ": serialising makes a second copy of the data");
  }
  return out;
}

}  // namespace canrec::recover
