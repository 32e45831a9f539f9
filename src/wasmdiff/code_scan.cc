// SPDX-License-Identifier: Apache-2.0
// The canonical text of a function goes through a small buffer into XXH3; when the buffer is full
// its hash becomes the beginning of the next one, so memory stays flat whatever a body's size.
#include "wasmdiff/code_scan.h"

#include <algorithm>
#include <array>
#include <memory>

#include "base/checked.h"
#include "wasmdiff/api_effects.h"

namespace canrec::wasmdiff {
namespace {

using wasm::Imm;
using wasm::Opcode;

// Bytes that are hashed as they come. A text is self-delimiting: the opcode decides what follows.
class TextHash {
 public:
  // Where the next bytes go: room for at least kRoom of them. done() tells where they end.
  static constexpr size_t kRoom = 32;
  uint8_t* room() {
    if (at_ > buffer_.get() + kSize - kRoom) [[unlikely]]
      fold();
    return at_;
  }
  void done(uint8_t* end) { at_ = end; }
  template <typename T>
  void put(T value) {
    uint8_t* at = room();
    store_le(at, value);
    done(at + sizeof(T));
  }
  Hash128 finish() {
    const Hash128 hash = xxh3_128({buffer_.get(), at_});
    at_ = buffer_.get();
    return hash;
  }

 private:
  static constexpr size_t kSize = size_t{1} << 15;
  void fold() {
    const Hash128 hash = finish();
    put(hash.high);
    put(hash.low);
  }
  std::unique_ptr<uint8_t[]> buffer_ = std::make_unique<uint8_t[]>(kSize);
  uint8_t* at_ = buffer_.get();
};

// The hashes that only choose what to compare (what they find alike is compared exactly) are
// polynomials of this odd number modulo 2^64.
constexpr uint64_t kFactor = 0x9e3779b97f4a7c15;

// What the scan has to know of an opcode. Texts are made without branches: of the canonical
// immediates as many bytes are put as their values can have.
struct alignas(32) Traits {
  uint8_t text_a = 8;  // bytes of CanonicalInstruction::a, and of b, in the text
  uint8_t text_b = 8;
  uint8_t width = 0;        // bytes of the memory access, 0 = none
  bool stores = false;      // writes to memory
  bool load = false;        // pops nothing but an address
  bool calls = false;       // the function that it refers to
  bool uses_table = false;  // calls what a table holds, or takes it
  uint64_t masked_a = 0;    // bits of a that the masked hash takes
  // One step of the skeleton: for an opcode that does not belong to it, 1 and 0.
  uint64_t skeleton_factor = kFactor;
  uint64_t skeleton_term = 0;
};

constexpr Traits traits_of(Opcode op) {
  const wasm::OpcodeInfo& info = wasm::info(op);
  constexpr uint64_t kAll = ~uint64_t{0};
  Traits out;
  switch (info.imm) {
    case Imm::kNone:
    case Imm::kFunc:  // the reference says it
      out.text_a = out.text_b = 0;
      break;
    case Imm::kI32:  // sign-extended from 32 bits
      out.text_a = 4;
      out.text_b = 0;
      break;
    case Imm::kI64:
    case Imm::kLabelTable:  // the count; vector() has the rest
    case Imm::kShuffle:
    case Imm::kV128:
    case Imm::kSelectTypes:
      out.text_b = 0;
      break;
    case Imm::kLocal:  // a number and a type
      out.text_a = 4;
      out.text_b = 1;
      out.masked_a = kAll;
      break;
    case Imm::kLabel:
    case Imm::kBlockType:
    case Imm::kGlobal:
      out.text_a = 4;
      out.text_b = 0;
      out.masked_a = kAll;
      break;
    case Imm::kMemArg:
    case Imm::kMemArgLane:
      out.text_a = 2;
      out.width = static_cast<uint8_t>(1u << info.align);
      break;
    default:
      out.masked_a = kAll;
      break;
  }
  out.load = info.signature.starts_with("p:");
  out.stores = info.text.find(".store") != std::string_view::npos || op == Opcode::kMemoryCopy ||
               op == Opcode::kMemoryFill || op == Opcode::kMemoryInit;
  out.calls = op == Opcode::kCall || op == Opcode::kReturnCall;
  out.uses_table =
      op == Opcode::kCallIndirect || op == Opcode::kReturnCallIndirect || op == Opcode::kTableGet;
  switch (op) {
    case Opcode::kI32Const:
    case Opcode::kI64Const:
    case Opcode::kF32Const:
    case Opcode::kF64Const:
    case Opcode::kLocalGet:
    case Opcode::kLocalSet:
    case Opcode::kDrop:
      out.skeleton_factor = 1;
      break;
    default:
      out.skeleton_term = std::to_underlying(op) + 1u;
      break;
  }
  return out;
}

constexpr auto kTraits = [] {
  std::array<Traits, wasm::kOpcodeCount> table{};
  for (size_t i = 0; i < table.size(); ++i) table[i] = traits_of(Opcode{static_cast<uint16_t>(i)});
  return table;
}();

class Scanner {
 public:
  explicit Scanner(const Side& side) : side_(side), module_(*side.module), reader_(side) {
    memory_end_ =
        module_.memories.empty()
            ? 0
            : checked_mul(module_.memories[0].limits.min, wasm::kPageSize).value_or(~uint64_t{0});
  }

  Result<CodeScan> run() {
    const size_t count = module_.functions.size();
    out_.text.resize(count);
    out_.masked.resize(count);
    out_.skeleton.resize(count);
    out_.facts.resize(count);
    out_.globals.resize(module_.globals.size());
    out_.segment_used.resize(module_.data.size());
    classify_imports();
    out_.begin_.reserve(side_.nodes() + 1);
    for (size_t i = 0; i < count; ++i) {
      begin_node();
      if (!module_.functions[i].is_import()) {
        CANREC_CHECK(function(static_cast<uint32_t>(i)));
      }
    }
    for (const wasm::ElementSegment& segment : module_.elements) {
      begin_node();
      for (const wasm::ElementItem& item : wasm::read_items(module_, segment)) {
        // A null keeps its place in the list.
        out_.references_.push_back(item.function ? std::to_underlying(*item.function) : kNoNode);
      }
    }
    for (size_t i = 0; i < module_.globals.size(); ++i) {
      begin_node();
      if (side_.denotations->global_holds_function[i]) {
        const uint64_t fn = module_.globals[i].init.instruction.index();
        if (fn >= count) {
          return fail(Errc::kWasmIndex, module_.globals[i].init.range.begin, "no such function");
        }
        out_.references_.push_back(static_cast<Node>(fn));
      }
    }
    begin_node();
    return std::move(out_);
  }

 private:
  struct Before {
    Opcode op{Opcode::kNop};
    uint64_t value = 0;
  };

  void begin_node() { out_.begin_.push_back(narrow<uint32_t>(out_.references_.size())); }

  Status function(uint32_t index) {
    const wasm::Function& fn = module_.functions[index];
    const uint32_t type = side_.denotations->types[std::to_underlying(fn.type)];
    text_.put(type);
    masked_ = type;
    skeleton_ = 0;
    CANREC_CHECK(reader_.begin(fn));
    FunctionFacts& facts = out_.facts[index];
    before_.fill({});
    frames_.clear();
    while (!reader_.at_end()) {
      // A variable whose address goes nowhere: its fields stay in registers.
      CanonicalInstruction in;
      if (!reader_.next_plain(in)) {
        CANREC_TRY(in, odd(facts));
      }
      take(in, facts);
    }
    end_of_function(facts.instructions);
    out_.text[index] = text_.finish();
    out_.masked[index] = masked_;
    out_.skeleton[index] = skeleton_;
    return Ok{};
  }

  // An instruction that next_plain() does not read.
  Result<CanonicalInstruction> odd(const FunctionFacts& facts) {
    CanonicalInstruction canonical;
    CANREC_CHECK(reader_.next(in_, canonical));
    if (in_.op == Opcode::kGlobalSet) {
      global_set(static_cast<uint32_t>(in_.index()), facts.instructions);
    } else if (in_.op == Opcode::kMemoryInit || in_.op == Opcode::kDataDrop) {
      out_.segment_used[in_.index()] = true;
      out_.drops_segments |= in_.op == Opcode::kDataDrop;
    } else if (in_.op == Opcode::kTableSize) {
      out_.measures_tables = true;
    } else if (in_.op == Opcode::kCallIndirect || in_.op == Opcode::kReturnCallIndirect) {
      out_.called_types.insert(static_cast<uint32_t>(canonical.a));
    }
    return canonical;
  }

  void take(const CanonicalInstruction& in, FunctionFacts& facts) {
    const Traits& traits = kTraits[std::to_underlying(in.op)];
    facts.writes_memory |= traits.stores;
    facts.indirect |= traits.uses_table;
    if (traits.width != 0) memory_access(in.b, traits, facts.instructions);
    bool system_call = false;
    if (in.reference != kNoNode) {
      out_.references_.push_back(in.reference);
      if (traits.calls && in.reference < module_.imported_functions) {
        const ImportKind kind = import_kinds_[in.reference];
        facts.indirect |= kind == ImportKind::kCallsBack;
        facts.reads_stable |= kind == ImportKind::kReadsStable;
        system_call = in.op == Opcode::kCall;
      }
    }
    hash(in, traits, system_call);
    before_[facts.instructions++ % kBefore] = {in.op, in.a};
  }

  void hash(const CanonicalInstruction& in, const Traits& traits, bool system_call) {
    const auto op = std::to_underlying(in.op);
    const bool refers = in.reference != kNoNode;
    uint8_t* at = text_.room();
    store_le(at, static_cast<uint16_t>(op | (refers ? 0x8000 : 0)));
    store_le(at + 2, in.a);
    at += 2 + traits.text_a;
    store_le(at, in.b);
    text_.done(at + traits.text_b);
    masked_ = masked_ * kFactor + (op ^ ((in.a & traits.masked_a) << 16));
    if (!system_call) skeleton_ = skeleton_ * traits.skeleton_factor + traits.skeleton_term;
    if (!in.vector.empty()) [[unlikely]]
      vector(in.vector, in.has_labels);
  }

  void vector(ByteView items, bool are_labels) {
    if (!are_labels) {
      for (const uint8_t byte : items) text_.put(byte);
      return;
    }
    // The labels as numbers, so that the padding of a LEB128 does not count.
    Cursor labels(items);
    while (!labels.at_end()) {
      const auto label = labels.u32();
      CANREC_ASSERT(label.has_value());
      text_.put(*label);
    }
  }

  // The instruction `back` places before the one at `position`; no-ops before the first.
  const Before& before(uint32_t position, uint32_t back) const {
    return before_[(position - back) % kBefore];
  }

  // How a stack pointer is written:
  //   taken       a subtraction, perhaps `const; and` to align, perhaps through a local
  //   given back  `local.get x; const; add` or `local.get x`
  // wasm-opt adds -64 in place of subtracting 64, and subtracts it in place of adding, where that
  // is a byte shorter.
  void global_set(uint32_t global, uint32_t position) {
    GlobalUse& use = out_.globals[global];
    use.written = true;
    const auto op = [&](uint32_t i) { return before(position, i + 1).op; };
    uint32_t at = 0;
    if (op(at) == Opcode::kLocalTee) ++at;
    const bool through_local = op(at) == Opcode::kLocalGet &&
                               (op(at + 1) == Opcode::kLocalSet || op(at + 1) == Opcode::kLocalTee);
    if (through_local) {
      at += 2;
      if (op(at) == Opcode::kLocalTee) ++at;
    }
    if ((op(at) == Opcode::kI32And || op(at) == Opcode::kI64And) && is_constant(op(at + 1))) {
      at += 2;
    }
    const auto negative = [&](uint32_t i) {
      return is_constant(op(i)) && static_cast<int64_t>(before(position, i + 1).value) < 0;
    };
    const auto adds = [&](uint32_t i) {
      return op(i) == Opcode::kI32Add || op(i) == Opcode::kI64Add;
    };
    const auto subtracts = [&](uint32_t i) {
      return op(i) == Opcode::kI32Sub || op(i) == Opcode::kI64Sub;
    };
    const bool up =
        (adds(0) && is_constant(op(1)) && !negative(1)) || (subtracts(0) && negative(1));
    if ((subtracts(at) && !negative(at + 1)) || (adds(at) && negative(at + 1))) {
      frame(global).taken = true;
    } else if (op(0) == Opcode::kLocalGet || (up && op(2) == Opcode::kLocalGet)) {
      frame(global).given_back = true;
    } else {
      use.kept_state = true;
    }
  }

  struct Frame {
    uint32_t global;
    bool taken = false;
    bool given_back = false;
  };
  Frame& frame(uint32_t global) {
    for (Frame& known : frames_) {
      if (known.global == global) return known;
    }
    return frames_.emplace_back(Frame{global});
  }

  void end_of_function(uint32_t position) {
    // A function that never returns need not give its frame back.
    const bool diverges =
        before(position, 1).op == Opcode::kEnd && before(position, 2).op == Opcode::kUnreachable;
    for (const Frame& frame : frames_) {
      GlobalUse& use = out_.globals[frame.global];
      if (frame.taken) ++use.stack_frames;
      if (frame.taken && !frame.given_back && !diverges) use.kept_state = true;
    }
  }

  enum class ImportKind : uint8_t { kOther, kCallsBack, kReadsStable };
  void classify_imports() {
    for (uint32_t i = 0; i < module_.imported_functions; ++i) {
      const wasm::Import& import = module_.imports[*module_.functions[i].import];
      const auto* function =
          import.module == ic::kSystemApiModule ? ic::find_system_api(import.name) : nullptr;
      ImportKind kind = ImportKind::kOther;
      if (function != nullptr) {
        if (effect_of(function->id) == ApiEffect::kCallsBack) kind = ImportKind::kCallsBack;
        if (function->id == ic::SystemApi::kStableRead ||
            function->id == ic::SystemApi::kStable64Read) {
          kind = ImportKind::kReadsStable;
        }
      }
      import_kinds_.push_back(kind);
    }
  }

  static bool is_constant(Opcode op) { return op == Opcode::kI32Const || op == Opcode::kI64Const; }

  // A static is named by the offset of an access, or by the constant right before a load.
  void memory_access(uint64_t offset, const Traits& traits, uint32_t position) {
    uint64_t address = offset;
    const Before& last = before(position, 1);
    if (traits.load && is_constant(last.op)) {
      const uint64_t base = module_.is_64() ? last.value : static_cast<uint32_t>(last.value);
      address = checked_add(address, base).value_or(~uint64_t{0});
    }
    if (address < 1024 || address >= memory_end_) return;
    const uint64_t width = traits.width;
    if (address != last_static_ && out_.static_accesses.size() < kMostStaticAccesses) {
      uint64_t& end = out_.static_accesses[address];
      end = std::max(end, address + width);
      last_static_ = address;
    }
    out_.lowest_static = std::min(out_.lowest_static, address);
    out_.highest_static = std::max(out_.highest_static, address + width);
  }

  const Side& side_;
  const wasm::Module& module_;
  CanonicalReader reader_;
  wasm::Instruction in_;
  uint64_t memory_end_;
  CodeScan out_;
  TextHash text_;
  uint64_t masked_ = 0;  // of the function at hand
  uint64_t skeleton_ = 0;
  static constexpr size_t kBefore = 8;
  std::array<Before, kBefore> before_;  // the latest instructions, by position
  uint64_t last_static_ = 0;
  std::vector<Frame> frames_;  // globals that the function at hand writes
  std::vector<ImportKind> import_kinds_;
};

}  // namespace

Result<CodeScan> scan_code(const Side& side) { return Scanner(side).run(); }

}  // namespace canrec::wasmdiff
