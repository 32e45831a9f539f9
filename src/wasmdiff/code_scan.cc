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
  template <typename T>
  void put(T value) {
    if (used_ + sizeof(T) > kSize) [[unlikely]]
      fold();
    store_le(buffer_.get() + used_, value);
    used_ += sizeof(T);
  }
  void put_bytes(ByteView bytes) {
    for (const uint8_t byte : bytes) put(byte);
  }
  Hash128 finish() {
    const Hash128 hash = xxh3_128({buffer_.get(), used_});
    used_ = 0;
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
  size_t used_ = 0;
};

bool is_store(Opcode op) {
  switch (op) {
    case Opcode::kMemoryCopy:
    case Opcode::kMemoryFill:
    case Opcode::kMemoryInit:
      return true;
    default: {
      const std::string_view text = wasm::info(op).text;
      return text.find(".store") != std::string_view::npos;
    }
  }
}
const std::vector<bool>& store_table() {
  static const std::vector<bool> table = [] {
    std::vector<bool> t(wasm::kOpcodeCount);
    for (size_t i = 0; i < t.size(); ++i) t[i] = is_store(Opcode{static_cast<uint16_t>(i)});
    return t;
  }();
  return table;
}

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
  void begin_node() { out_.begin_.push_back(narrow<uint32_t>(out_.references_.size())); }

  Status function(uint32_t index) {
    const wasm::Function& fn = module_.functions[index];
    const uint32_t type = side_.denotations->types[std::to_underlying(fn.type)];
    text_.put(type);
    masked_.put(type);
    CANREC_CHECK(reader_.begin(fn));
    FunctionFacts& facts = out_.facts[index];
    wasm::Instruction in;
    CanonicalInstruction canonical;
    before_.fill({});
    frames_.clear();
    while (!reader_.at_end()) {
      CANREC_CHECK(reader_.next(in, canonical));
      ++facts.instructions;
      note(in, canonical, facts);
      hash(canonical);
      if (!may_come_and_go(in)) skeleton_.put(std::to_underlying(in.op));
    }
    end_of_function();
    out_.text[index] = text_.finish();
    out_.masked[index] = masked_.finish().low;
    out_.skeleton[index] = skeleton_.finish().low;
    return Ok{};
  }

  bool may_come_and_go(const wasm::Instruction& in) const {
    switch (in.op) {
      case Opcode::kI32Const:
      case Opcode::kI64Const:
      case Opcode::kF32Const:
      case Opcode::kF64Const:
      case Opcode::kLocalGet:
      case Opcode::kLocalSet:
      case Opcode::kDrop:
        return true;
      case Opcode::kCall:
        return in.index() < module_.imported_functions;
      default:
        return false;
    }
  }

  void hash(const CanonicalInstruction& in) {
    const auto op = std::to_underlying(in.op);
    text_.put(op);
    masked_.put(op);
    const Imm imm = wasm::info(in.op).imm;
    switch (imm) {
      case Imm::kNone:
        return;
      case Imm::kI32:
      case Imm::kI64:
        text_.put(in.a);
        return;
      case Imm::kMemArg:
      case Imm::kMemArgLane:
        text_.put(static_cast<uint16_t>(in.a));
        text_.put(in.b);
        return;
      case Imm::kLabelTable:
      case Imm::kShuffle:
      case Imm::kV128:
      case Imm::kSelectTypes:
        vector(in);
        return;
      default:
        text_.put(in.a);
        text_.put(in.b);
        masked_.put(in.a);
        text_.put(static_cast<uint8_t>(in.reference != kNoNode));
        return;
    }
  }

  void vector(const CanonicalInstruction& in) {
    text_.put(in.a);
    if (!in.has_labels) {
      text_.put_bytes(in.vector);
      return;
    }
    // The labels as numbers, so that the padding of a LEB128 does not count.
    Cursor labels(in.vector);
    while (!labels.at_end()) {
      const auto label = labels.u32();
      CANREC_ASSERT(label.has_value());
      text_.put(*label);
    }
  }

  void note(const wasm::Instruction& in, const CanonicalInstruction& canonical,
            FunctionFacts& facts) {
    if (canonical.reference != kNoNode) out_.references_.push_back(canonical.reference);
    if (store_table()[std::to_underlying(in.op)]) facts.writes_memory = true;
    switch (in.op) {
      case Opcode::kCall:
      case Opcode::kReturnCall:
        if (in.index() < module_.imported_functions) {
          facts.indirect |= import_kinds_[in.index()] == ImportKind::kCallsBack;
          facts.reads_stable |= import_kinds_[in.index()] == ImportKind::kReadsStable;
        }
        break;
      case Opcode::kCallIndirect:
      case Opcode::kReturnCallIndirect:
      case Opcode::kTableGet:
        facts.indirect = true;
        break;
      case Opcode::kMemoryInit:
      case Opcode::kDataDrop:
        out_.segment_used[in.index()] = true;
        out_.drops_segments |= in.op == Opcode::kDataDrop;
        break;
      case Opcode::kGlobalSet:
        global_set(static_cast<uint32_t>(in.index()));
        break;
      default:
        if (const auto& row = wasm::info(in.op);
            row.imm == Imm::kMemArg || row.imm == Imm::kMemArgLane) {
          memory_access(in, row);
        }
        break;
    }
    std::shift_right(before_.begin(), before_.end(), 1);
    before_[0] = {in.op, in.imm_count > 0 ? in.imm[0].value : 0};
  }

  // How a stack pointer is written:
  //   taken       a subtraction, perhaps `const; and` to align, perhaps through a local
  //   given back  `local.get x; const; add` or `local.get x`
  void global_set(uint32_t global) {
    GlobalUse& use = out_.globals[global];
    use.written = true;
    const auto op = [&](size_t i) { return before_[i].op; };
    size_t at = 0;
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
    if (op(at) == Opcode::kI32Sub || op(at) == Opcode::kI64Sub) {
      frame(global).taken = true;
    } else if (op(0) == Opcode::kLocalGet ||
               ((op(0) == Opcode::kI32Add || op(0) == Opcode::kI64Add) && is_constant(op(1)) &&
                op(2) == Opcode::kLocalGet)) {
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

  void end_of_function() {
    // A function that never returns need not give its frame back.
    const bool diverges = before_[0].op == Opcode::kEnd && before_[1].op == Opcode::kUnreachable;
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
  void memory_access(const wasm::Instruction& in, const wasm::OpcodeInfo& row) {
    uint64_t address = in.imm[1].value;
    const bool is_load = row.signature.starts_with("p:");
    if (is_load && is_constant(before_[0].op)) {
      const uint64_t base =
          module_.is_64() ? before_[0].value : static_cast<uint32_t>(before_[0].value);
      address = checked_add(address, base).value_or(~uint64_t{0});
    }
    if (address < 1024 || address >= memory_end_) return;
    const uint64_t width = uint64_t{1} << row.align;
    if (address != last_static_ && out_.static_accesses.size() < kMostStaticAccesses) {
      uint64_t& end = out_.static_accesses[address];
      end = std::max(end, address + width);
      last_static_ = address;
    }
    out_.lowest_static = std::min(out_.lowest_static, address);
    out_.highest_static = std::max(out_.highest_static, address + width);
  }

  struct Before {
    Opcode op{Opcode::kNop};
    uint64_t value = 0;
  };

  const Side& side_;
  const wasm::Module& module_;
  CanonicalReader reader_;
  uint64_t memory_end_;
  CodeScan out_;
  TextHash text_;
  TextHash masked_;
  TextHash skeleton_;
  std::array<Before, 8> before_;  // latest first
  uint64_t last_static_ = 0;
  std::vector<Frame> frames_;  // globals that the function at hand writes
  std::vector<ImportKind> import_kinds_;
};

}  // namespace

Result<CodeScan> scan_code(const Side& side) { return Scanner(side).run(); }

}  // namespace canrec::wasmdiff
