// SPDX-License-Identifier: Apache-2.0
#include "engine/trap.h"

namespace canrec::engine {

std::string_view to_string(TrapKind kind) {
  switch (kind) {
    case TrapKind::kUnreachable:
      return "unreachable";
    case TrapKind::kMemoryOutOfBounds:
      return "memory access out of bounds";
    case TrapKind::kTableOutOfBounds:
      return "table access out of bounds";
    case TrapKind::kIndirectCallNull:
      return "indirect call of a null table element";
    case TrapKind::kIndirectCallMismatch:
      return "indirect call with a mismatched signature";
    case TrapKind::kIntegerDivideByZero:
      return "integer division by zero";
    case TrapKind::kIntegerOverflow:
      return "integer overflow";
    case TrapKind::kBadConversion:
      return "conversion of a NaN to an integer";
    case TrapKind::kStackOverflow:
      return "stack overflow";
    case TrapKind::kOutOfInstructions:
      return "instruction limit exceeded";
    case TrapKind::kSliceOverrun:
      return "instruction limit of a slice exceeded";
    case TrapKind::kInterrupted:
      return "interrupted";
    case TrapKind::kEngineLimit:
      return "engine limit";
    case TrapKind::kHost:
      return "host trap";
  }
  return "trap";
}

HostStatus host_trap(uint32_t code, std::string message) {
  return std::make_unique<HostTrap>(HostTrap{TrapKind::kHost, code, std::move(message)});
}

HostStatus host_trap(TrapKind kind) {
  return std::make_unique<HostTrap>(HostTrap{kind, 0, std::string(to_string(kind))});
}

}  // namespace canrec::engine
