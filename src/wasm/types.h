// SPDX-License-Identifier: Apache-2.0
#pragma once

// The small types of the module model: value types, index types, byte ranges.
// Source: https://webassembly.github.io/spec/core/binary/types.html

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace canrec::wasm {

// Every index space has its own type; to_underlying() gives the number.
enum class TypeIdx : uint32_t {};
enum class FuncIdx : uint32_t {};
enum class TableIdx : uint32_t {};
enum class MemoryIdx : uint32_t {};
enum class GlobalIdx : uint32_t {};
enum class ElemIdx : uint32_t {};
enum class DataIdx : uint32_t {};

/// A value type; the enumerators are the bytes of the binary format.
enum class ValType : uint8_t {
  kI32 = 0x7f,
  kI64 = 0x7e,
  kF32 = 0x7d,
  kF64 = 0x7c,
  kV128 = 0x7b,
  kFuncRef = 0x70,
  kExternRef = 0x6f,
};

constexpr bool is_reference(ValType type) {
  return type == ValType::kFuncRef || type == ValType::kExternRef;
}
/// "i32", "v128", "funcref", ...
std::string_view to_string(ValType type);

/// Bytes [begin, end) of the (unpacked) module.
struct ByteRange {
  uint64_t begin = 0;
  uint64_t end = 0;
  uint64_t size() const { return end - begin; }
  bool operator==(const ByteRange&) const = default;
};

/// Parameters and results of a function type; compared by structure.
struct FuncType {
  std::vector<ValType> params;
  std::vector<ValType> results;
  bool operator==(const FuncType&) const = default;
};
/// "(i32, i64) -> (i32)", the form reports use.
std::string to_string(const FuncType& type);

/// Limits of a memory (in 64 KiB pages) or a table (in elements).
struct Limits {
  uint64_t min = 0;
  uint64_t max = 0;
  bool has_max = false;
  bool is_64 = false;  ///< 64-bit addresses or indices
  bool operator==(const Limits&) const = default;
};

inline constexpr uint64_t kPageSize = 65536;

}  // namespace canrec::wasm
