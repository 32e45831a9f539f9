// SPDX-License-Identifier: Apache-2.0
// The interpreter loop. Every handler ends with its own indirect jump to the next one, so that the
// processor predicts each separately; the state that all handlers share lives in local variables,
// which the compiler keeps in registers:
//
//   ip      the current instruction          fp      its frame's slots
//   memory  base of the linear memory        states  its page states
//   fuel    see Runtime::fuel                frame   the innermost Frame
//
// Handlers of ops.def families are made by macros; the others are written out. On a trap `ip` is
// the instruction that trapped.
#include "engine/interpreter.h"

#include <cstring>

#include "base/bytes.h"
#include "engine/numeric.h"
#include "engine/simd.h"
#include "engine/translator.h"

// Labels as values are an extension of both compilers, and the reason for this file's speed.
#pragma GCC diagnostic ignored "-Wpedantic"

namespace canrec::engine {
namespace {

// Addresses below this may be looked up with any 32-bit offset added; see Memory::page_states().
constexpr uint64_t kAddressLimit = uint64_t{8} << 30;

template <typename T>
inline T field(const uint8_t* ip, size_t offset) {
  return load_le<T>(ip + offset);
}

// A slot as a value of type T, which its low bytes hold.
template <typename T>
inline T from_slot(uint64_t slot) {
  if constexpr (std::is_floating_point_v<T>) {
    if constexpr (sizeof(T) == 4) {
      return std::bit_cast<T>(static_cast<uint32_t>(slot));
    } else {
      return std::bit_cast<T>(slot);
    }
  } else {
    return static_cast<T>(slot);
  }
}
// A value as a slot: what is narrower than 64 bits is zero-extended.
template <typename T>
inline uint64_t to_slot(T value) {
  if constexpr (std::is_same_v<T, float>) {
    return std::bit_cast<uint32_t>(value);
  } else if constexpr (std::is_same_v<T, double>) {
    return std::bit_cast<uint64_t>(value);
  } else {
    return static_cast<std::make_unsigned_t<T>>(value);
  }
}

// What both entries of the file share: with `rt` null, run_loop tells its handlers in `table`.
TrapKind run_loop(Runtime* runtime, FunctionCode* function, const void** table);

constexpr size_t kOps = 0
#define OP(name) +1
#define INT_BINARY(name, T, expression) +2
#define INT_COMPARE(name, T, expression) +6
#define BINARY(name, T, R, expression) +1
#define UNARY(name, T, R, expression) +1
#define LOAD(name, M, R) +2
#define STORE(name, M) +2
#include "engine/ops.def"
    ;

struct HandlerTable {
  const void* handler[kOps];
  uint64_t translate[2];  // an instruction
  uint64_t exit[2];
  HandlerTable() {
    run_loop(nullptr, nullptr, handler);
    const auto address = [this](Op op) {
      return reinterpret_cast<uint64_t>(handler[static_cast<size_t>(op)]);
    };
    translate[0] = address(Op::kTranslate);
    exit[0] = address(Op::kExit);
    translate[1] = exit[1] = 0;
  }
};
const HandlerTable& handler_table() {
  static const HandlerTable table;
  return table;
}
const uint8_t* bytes_of(const uint64_t* words) { return reinterpret_cast<const uint8_t*>(words); }

// Operands of the current instruction.
#define SLOT(offset) fp[field<uint16_t>(ip, offset)]
#define D SLOT(kD)
#define A SLOT(kA)
#define B SLOT(kB)
#define C SLOT(kC)

#define DISPATCH() goto* field<const void*>(ip, 0)
#define NEXT(size) \
  do {             \
    ip += (size);  \
    DISPATCH();    \
  } while (false)
#define TRAP(kind_) \
  do {              \
    trap = (kind_); \
    goto trapped;   \
  } while (false)
// Calls out of line: the counter is in its place while others look at it.
#define OUTSIDE(call)                 \
  do {                                \
    rt.fuel = fuel;                   \
    trap = (call);                    \
    fuel = rt.fuel;                   \
    if (trap != kNoTrap) [[unlikely]] \
      goto trapped;                   \
  } while (false)
// Fuel may wrap only after 2^63 instructions below zero.
#define TAKE(cost) fuel = static_cast<int64_t>(static_cast<uint64_t>(fuel) - (cost))

#define EFFECTIVE_ADDRESS(wide)                         \
  const uint64_t index = A;                             \
  uint64_t address = index + field<uint32_t>(ip, kImm); \
  if ((wide) && index >= kAddressLimit) [[unlikely]]    \
  TRAP(TrapKind::kMemoryOutOfBounds)
#define REACH(size, bit, write)                                                      \
  if (!(states[address / kOsPage] & states[(address + (size)-1) / kOsPage] & (bit))) \
      [[unlikely]] {                                                                 \
    OUTSIDE(touch(rt, address, (size), (write)));                                    \
  }

TrapKind run_loop(Runtime* runtime, FunctionCode* function, const void** table) {
  if (runtime == nullptr) {
    // In the order of enum Op.
    static const void* const kLabels[] = {
#define OP(name) &&op_##name,
#define INT_BINARY(name, T, expression) &&op_##name##_rr, &&op_##name##_ri,
#define INT_COMPARE(name, T, expression)                                                      \
  &&op_##name##_rr, &&op_##name##_ri, &&br_##name##_rr, &&br_##name##_ri, &&back_##name##_rr, \
      &&back_##name##_ri,
#define BINARY(name, T, R, expression) &&op_##name,
#define UNARY(name, T, R, expression) &&op_##name,
#define LOAD(name, M, R) &&op_##name##_32, &&op_##name##_64,
#define STORE(name, M) &&op_##name##_32, &&op_##name##_64,
#include "engine/ops.def"
    };
    static_assert(std::size(kLabels) == kOps);
    std::copy(std::begin(kLabels), std::end(kLabels), table);
    return kNoTrap;
  }

  Runtime& rt = *runtime;
  uint64_t* fp = rt.slots.get();
  uint8_t* const memory = rt.memory_base;
  const uint8_t* const states = rt.page_states;
  int64_t fuel = rt.fuel;
  Frame* frame = rt.frames.get();
  TrapKind trap = kNoTrap;
  FunctionCode* callee = nullptr;
  uint64_t* callee_fp = nullptr;
  *frame = {nullptr, fp, nullptr};  // what the first function returns into
  *++frame = {bytes_of(handler_table().exit), fp, function};
  const uint8_t* ip = function->entry;
  DISPATCH();

  // --- integers and floats ----------------------------------------------------------------------

#define INT_BINARY(name, T, expression)                   \
  op_##name##_rr : {                                      \
    const T x = from_slot<T>(A);                          \
    const T y = from_slot<T>(B);                          \
    D = to_slot<T>(expression);                           \
    NEXT(kSmall);                                         \
  }                                                       \
  op_##name##_ri : {                                      \
    const T x = from_slot<T>(A);                          \
    const T y = static_cast<T>(field<int32_t>(ip, kImm)); \
    D = to_slot<T>(expression);                           \
    NEXT(kSmall);                                         \
  }
#define INT_COMPARE(name, T, expression)                    \
  op_##name##_rr : {                                        \
    const T x = from_slot<T>(A);                            \
    const T y = from_slot<T>(B);                            \
    D = (expression) ? 1 : 0;                               \
    NEXT(kSmall);                                           \
  }                                                         \
  op_##name##_ri : {                                        \
    const T x = from_slot<T>(A);                            \
    const T y = static_cast<T>(field<int32_t>(ip, kImm));   \
    D = (expression) ? 1 : 0;                               \
    NEXT(kSmall);                                           \
  }                                                         \
  br_##name##_rr : {                                        \
    const T x = from_slot<T>(SLOT(kBrA));                   \
    const T y = from_slot<T>(SLOT(kBrB));                   \
    if (expression) {                                       \
      TAKE(field<uint32_t>(ip, kBrTaken));                  \
      NEXT(field<int32_t>(ip, kBrTarget));                  \
    }                                                       \
    TAKE(field<uint32_t>(ip, kBrFall));                     \
    NEXT(kMedium);                                          \
  }                                                         \
  br_##name##_ri : {                                        \
    const T x = from_slot<T>(SLOT(kBrA));                   \
    const T y = static_cast<T>(field<int32_t>(ip, kBrImm)); \
    if (expression) {                                       \
      TAKE(field<uint32_t>(ip, kBrTaken));                  \
      NEXT(field<int32_t>(ip, kBrTarget));                  \
    }                                                       \
    TAKE(field<uint32_t>(ip, kBrFall));                     \
    NEXT(kLarge);                                           \
  }                                                         \
  back_##name##_rr : {                                      \
    const T x = from_slot<T>(SLOT(kBrA));                   \
    const T y = from_slot<T>(SLOT(kBrB));                   \
    if (expression) {                                       \
      TAKE(field<uint32_t>(ip, kBrTaken));                  \
      ip += field<int32_t>(ip, kBrTarget);                  \
      if (fuel < 0) [[unlikely]]                            \
        goto loop_poll;                                     \
      DISPATCH();                                           \
    }                                                       \
    TAKE(field<uint32_t>(ip, kBrFall));                     \
    NEXT(kMedium);                                          \
  }                                                         \
  back_##name##_ri : {                                      \
    const T x = from_slot<T>(SLOT(kBrA));                   \
    const T y = static_cast<T>(field<int32_t>(ip, kBrImm)); \
    if (expression) {                                       \
      TAKE(field<uint32_t>(ip, kBrTaken));                  \
      ip += field<int32_t>(ip, kBrTarget);                  \
      if (fuel < 0) [[unlikely]]                            \
        goto loop_poll;                                     \
      DISPATCH();                                           \
    }                                                       \
    TAKE(field<uint32_t>(ip, kBrFall));                     \
    NEXT(kLarge);                                           \
  }
#define BINARY(name, T, R, expression) \
  op_##name : {                        \
    const T x = from_slot<T>(A);       \
    const T y = from_slot<T>(B);       \
    D = to_slot<R>(expression);        \
    NEXT(kSmall);                      \
  }
#define UNARY(name, T, R, expression)           \
  op_##name : {                                 \
    const T x = from_slot<T>(A);                \
    D = to_slot<R>(static_cast<R>(expression)); \
    NEXT(kSmall);                               \
  }

  // --- memory -----------------------------------------------------------------------------------

#define LOAD_FORM(label, M, R, wide)                              \
  label : {                                                       \
    EFFECTIVE_ADDRESS(wide);                                      \
    REACH(sizeof(M), Memory::kAccessed, false)                    \
    D = to_slot<R>(static_cast<R>(load_le<M>(memory + address))); \
    NEXT(kSmall);                                                 \
  }
#define STORE_FORM(label, M, wide)                    \
  label : {                                           \
    EFFECTIVE_ADDRESS(wide);                          \
    REACH(sizeof(M), Memory::kWritten, true)          \
    store_le<M>(memory + address, static_cast<M>(D)); \
    NEXT(kSmall);                                     \
  }
#define LOAD(name, M, R)                 \
  LOAD_FORM(op_##name##_32, M, R, false) \
  LOAD_FORM(op_##name##_64, M, R, true)
#define STORE(name, M)                 \
  STORE_FORM(op_##name##_32, M, false) \
  STORE_FORM(op_##name##_64, M, true)
#include "engine/ops.def"

#define LOAD128(label, wide)               \
  label : {                                \
    EFFECTIVE_ADDRESS(wide);               \
    REACH(16, Memory::kAccessed, false)    \
    std::memcpy(&D, memory + address, 16); \
    NEXT(kSmall);                          \
  }
#define STORE128(label, wide)              \
  label : {                                \
    EFFECTIVE_ADDRESS(wide);               \
    REACH(16, Memory::kWritten, true)      \
    std::memcpy(memory + address, &D, 16); \
    NEXT(kSmall);                          \
  }
  LOAD128(op_Load128x32, false)
  LOAD128(op_Load128x64, true)
  STORE128(op_Store128x32, false)
  STORE128(op_Store128x64, true)

op_Address : {
  const uint64_t index = A;
  const uint64_t offset = field<uint64_t>(ip, kWide);
  D = index + offset < index ? UINT64_MAX : index + offset;
  NEXT(kMedium);
}
op_MemorySize : {
  D = rt.memory->pages();
  NEXT(kSmall);
}
op_Special : {
  const auto helper = field<Special>(ip, kWide);
  OUTSIDE(helper(rt, fp, field<uint16_t>(ip, kD), field<uint16_t>(ip, kA), field<uint16_t>(ip, kB),
                 field<uint64_t>(ip, kWide2)));
  NEXT(kLarge);
}
op_Simd : {
  const auto helper = field<SimdFunction>(ip, kWide);
  helper(&D, &A, &B, &C, field<uint32_t>(ip, kWide2));
  NEXT(kLarge);
}

// --- division and conversion ------------------------------------------------------------------

#define DIVIDE(name, T, operation)          \
  op_##name : {                             \
    const auto x = from_slot<T>(A);         \
    const auto y = from_slot<T>(B);         \
    if (y == 0) [[unlikely]]                \
      TRAP(TrapKind::kIntegerDivideByZero); \
    D = to_slot<T>(x operation y);          \
    NEXT(kSmall);                           \
  }
  DIVIDE(I32DivU, uint32_t, /)
  DIVIDE(I32RemU, uint32_t, %)
  DIVIDE(I64DivU, uint64_t, /)
  DIVIDE(I64RemU, uint64_t, %)
#define DIVIDE_SIGNED(name, T)                                      \
  op_##name : {                                                     \
    const auto x = from_slot<T>(A);                                 \
    const auto y = from_slot<T>(B);                                 \
    if (y == 0) [[unlikely]]                                        \
      TRAP(TrapKind::kIntegerDivideByZero);                         \
    if (y == -1 && x == std::numeric_limits<T>::min()) [[unlikely]] \
      TRAP(TrapKind::kIntegerOverflow);                             \
    D = to_slot<T>(x / y);                                          \
    NEXT(kSmall);                                                   \
  }
  DIVIDE_SIGNED(I32DivS, int32_t)
  DIVIDE_SIGNED(I64DivS, int64_t)
#define REMAINDER_SIGNED(name, T)           \
  op_##name : {                             \
    const auto x = from_slot<T>(A);         \
    const auto y = from_slot<T>(B);         \
    if (y == 0) [[unlikely]]                \
      TRAP(TrapKind::kIntegerDivideByZero); \
    D = y == -1 ? 0 : to_slot<T>(x % y);    \
    NEXT(kSmall);                           \
  }
  REMAINDER_SIGNED(I32RemS, int32_t)
  REMAINDER_SIGNED(I64RemS, int64_t)
#define TRUNCATE(name, F, T)                \
  op_##name : {                             \
    const auto x = from_slot<F>(A);         \
    if (x != x) [[unlikely]]                \
      TRAP(TrapKind::kBadConversion);       \
    if (!num::truncates<T>(x)) [[unlikely]] \
      TRAP(TrapKind::kIntegerOverflow);     \
    D = to_slot<T>(static_cast<T>(x));      \
    NEXT(kSmall);                           \
  }
  TRUNCATE(I32TruncF32S, float, int32_t)
  TRUNCATE(I32TruncF32U, float, uint32_t)
  TRUNCATE(I32TruncF64S, double, int32_t)
  TRUNCATE(I32TruncF64U, double, uint32_t)
  TRUNCATE(I64TruncF32S, float, int64_t)
  TRUNCATE(I64TruncF32U, float, uint64_t)
  TRUNCATE(I64TruncF64S, double, int64_t)
  TRUNCATE(I64TruncF64U, double, uint64_t)

  // --- moves ------------------------------------------------------------------------------------

op_Copy : {
  D = A;
  NEXT(kSmall);
}
op_Copy128 : {
  uint64_t* to = &D;
  const uint64_t* from = &A;
  const uint64_t high = from[1];
  to[0] = from[0];
  to[1] = high;
  NEXT(kSmall);
}
op_MoveN : {
  std::memmove(&D, &A, field<uint16_t>(ip, kB) * sizeof(uint64_t));
  NEXT(kSmall);
}
op_Const32 : {
  D = field<uint32_t>(ip, kImm);
  NEXT(kSmall);
}
op_Const64 : {
  D = field<uint64_t>(ip, kWide);
  NEXT(kMedium);
}
op_Const128 : {
  std::memcpy(&D, ip + kWide, 16);
  NEXT(kLarge);
}
op_Select : {
  D = static_cast<uint32_t>(C) != 0 ? A : B;
  NEXT(kSmall);
}
op_Select128 : {
  const uint64_t* from = static_cast<uint32_t>(C) != 0 ? &A : &B;
  uint64_t* to = &D;
  const uint64_t high = from[1];
  to[0] = from[0];
  to[1] = high;
  NEXT(kSmall);
}
op_GlobalGet : {
  D = rt.globals[field<uint32_t>(ip, kImm)].lo;
  NEXT(kSmall);
}
op_GlobalSet : {
  rt.globals[field<uint32_t>(ip, kImm)].lo = A;
  NEXT(kSmall);
}
op_GlobalGet128 : {
  const Value& global = rt.globals[field<uint32_t>(ip, kImm)];
  uint64_t* to = &D;
  to[0] = global.lo;
  to[1] = global.hi;
  NEXT(kSmall);
}
op_GlobalSet128 : {
  const uint64_t* from = &A;
  rt.globals[field<uint32_t>(ip, kImm)] = {from[0], from[1]};
  NEXT(kSmall);
}

  // --- control ----------------------------------------------------------------------------------

op_Charge : {
  TAKE(field<uint32_t>(ip, kCost));
  NEXT(kSmall);
}
op_Loop : {
  TAKE(field<uint32_t>(ip, kCost));
  ip += kSmall;
  if (fuel < 0) [[unlikely]]
    goto loop_poll;
  DISPATCH();
}
op_Jump : {
  TAKE(field<uint32_t>(ip, kJumpCost));
  NEXT(field<int32_t>(ip, kJumpTarget));
}
op_JumpBack : {
  TAKE(field<uint32_t>(ip, kJumpCost));
  ip += field<int32_t>(ip, kJumpTarget);
  if (fuel < 0) [[unlikely]]
    goto loop_poll;
  DISPATCH();
}
loop_poll : {
  // `ip` is behind the Loop instruction, where the place of a trap is known.
  ip -= kSmall;
  OUTSIDE(poll(rt));
  NEXT(kSmall);
}
#define BRANCH(label, condition)                         \
  label : {                                              \
    if (static_cast<uint32_t>(SLOT(kBrA)) condition 0) { \
      TAKE(field<uint32_t>(ip, kBrTaken));               \
      NEXT(field<int32_t>(ip, kBrTarget));               \
    }                                                    \
    TAKE(field<uint32_t>(ip, kBrFall));                  \
    NEXT(kMedium);                                       \
  }
#define BRANCH_BACK(label, condition)                    \
  label : {                                              \
    if (static_cast<uint32_t>(SLOT(kBrA)) condition 0) { \
      TAKE(field<uint32_t>(ip, kBrTaken));               \
      ip += field<int32_t>(ip, kBrTarget);               \
      if (fuel < 0) [[unlikely]]                         \
        goto loop_poll;                                  \
      DISPATCH();                                        \
    }                                                    \
    TAKE(field<uint32_t>(ip, kBrFall));                  \
    NEXT(kMedium);                                       \
  }
  BRANCH(op_BrNz, !=)
  BRANCH(op_BrZ, ==)
  BRANCH_BACK(op_BackNz, !=)
  BRANCH_BACK(op_BackZ, ==)
op_BrTable : {
  const auto index = static_cast<uint32_t>(fp[field<uint32_t>(ip, kTableIndex)]);
  const uint32_t count = field<uint32_t>(ip, kTableCount);
  const size_t entry = kTableEntries + size_t{index < count ? index : count} * 8;
  TAKE(field<uint32_t>(ip, entry + 4));
  NEXT(field<int32_t>(ip, entry));
}

op_Enter : {
  if (static_cast<uint64_t>(rt.slots_end - fp) < field<uint32_t>(ip, kEnterFrame)) [[unlikely]]
    TRAP(TrapKind::kStackOverflow);
  TAKE(field<uint32_t>(ip, kEnterCost));
  if (fuel < 0) [[unlikely]]
    OUTSIDE(poll(rt));
  uint64_t* local = fp + field<uint32_t>(ip, kEnterParams);
  for (uint64_t* const end = local + field<uint32_t>(ip, kEnterClear); local != end; ++local) {
    *local = 0;
  }
  NEXT(kMedium);
}
op_Translate : {
  OUTSIDE(translate_on_call(rt, *frame->function));
  ip = frame->function->entry;
  DISPATCH();
}
op_Call : {
  callee = rt.functions + field<uint32_t>(ip, kCallTarget);
  callee_fp = fp + field<uint32_t>(ip, kCallBase);
  if (frame + 1 == rt.frames_end) [[unlikely]]
    TRAP(TrapKind::kStackOverflow);
  *++frame = {ip + kSmall, callee_fp, callee};
  fp = callee_fp;
  ip = callee->entry;
  DISPATCH();
}
op_CallHost : {
  OUTSIDE(call_host(rt, field<uint32_t>(ip, kCallTarget), fp + field<uint32_t>(ip, kCallBase)));
  NEXT(kSmall);
}
op_CallIndirect : {
  OUTSIDE(resolve_indirect(rt, field<uint32_t>(ip, kCallTable), fp[field<uint32_t>(ip, kCallIndex)],
                           field<uint32_t>(ip, kCallTarget), callee));
  callee_fp = fp + field<uint32_t>(ip, kCallBase);
  if (callee->entry == nullptr) {
    OUTSIDE(call_host(rt, callee->index, callee_fp));
    NEXT(kMedium);
  }
  if (frame + 1 == rt.frames_end) [[unlikely]]
    TRAP(TrapKind::kStackOverflow);
  *++frame = {ip + kMedium, callee_fp, callee};
  fp = callee_fp;
  ip = callee->entry;
  DISPATCH();
}
op_ReturnCall : {
  callee = rt.functions + field<uint32_t>(ip, kCallTarget);
  std::memmove(fp, fp + field<uint32_t>(ip, kCallBase),
               field<uint32_t>(ip, kCallArgs) * sizeof(uint64_t));
  frame->function = callee;
  ip = callee->entry;
  DISPATCH();
}
op_ReturnCallIndirect : {
  OUTSIDE(resolve_indirect(rt, field<uint32_t>(ip, kCallTable), fp[field<uint32_t>(ip, kCallIndex)],
                           field<uint32_t>(ip, kCallTarget), callee));
  callee_fp = fp + field<uint32_t>(ip, kCallBase);
  if (callee->entry == nullptr) {
    OUTSIDE(call_host(rt, callee->index, callee_fp));
    std::memmove(fp, callee_fp, callee->result_slots * sizeof(uint64_t));
    goto leave;
  }
  std::memmove(fp, callee_fp, field<uint32_t>(ip, kCallArgs) * sizeof(uint64_t));
  frame->function = callee;
  ip = callee->entry;
  DISPATCH();
}
op_ReturnN : {
  std::memmove(fp, fp + field<uint32_t>(ip, kD), field<uint32_t>(ip, kImm) * sizeof(uint64_t));
  goto leave;
}
op_Return1 : {
  fp[0] = D;
  ip = frame->return_ip;
  --frame;
  fp = frame->fp;
  DISPATCH();
}
op_Return0:
leave : {
  ip = frame->return_ip;
  --frame;
  fp = frame->fp;
  DISPATCH();
}
op_Unreachable:
  TRAP(TrapKind::kUnreachable);
op_Exit:
  rt.fuel = fuel;
  return kNoTrap;

trapped:
  rt.fuel = fuel;
  rt.trap_frame = frame;
  rt.trap_ip = ip;
  return trap;
}

}  // namespace

std::span<const void* const> handlers() { return handler_table().handler; }

const uint8_t* untranslated_entry() { return bytes_of(handler_table().translate); }

TrapKind run(Runtime& rt, FunctionCode& function) { return run_loop(&rt, &function, nullptr); }

}  // namespace canrec::engine
