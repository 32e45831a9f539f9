// SPDX-License-Identifier: Apache-2.0
#pragma once

// The System API: what a canister may import from module "ic0". The table is ic/system_api.def;
// what the functions do stands in the specification and in src/executor.

#include <array>
#include <cstdint>
#include <string_view>

#include "ic/context.h"

namespace canrec::ic {

/// The only module that a canister may import functions from.
inline constexpr std::string_view kSystemApiModule = "ic0";

enum class SystemApi : uint8_t {
#define SYSTEM_API(id, ...) id,
#include "ic/system_api.def"
#undef SYSTEM_API
};

/// What a call costs beside its fixed charge; n is the size argument (for call_new: both sizes).
enum class SystemApiCharge : uint8_t {
  kNone,
  kBytes,     // 1 an argument byte
  kBytes50,   // 50 an argument byte
  kLog,       // by length and room in the canister's log
  kBytesLog,  // both
};

enum class SystemApiWidths : uint8_t {
  kBoth,         // importable by 32-bit and 64-bit modules
  kOnly32,       // importable by 32-bit modules only
  kUnspecified,  // both widths, in the network's linker but not in the specification
};

struct SystemApiFunction {
  SystemApi id;
  std::string_view name;
  /// One letter a value: i = i32, l = i64, I = pointer width.
  std::string_view parameters;
  std::string_view results;
  ContextSet contexts;
  uint32_t fixed_instructions;
  SystemApiCharge charge;
  SystemApiWidths widths;

  constexpr bool allowed(Context context) const { return contexts.contains(context); }
  constexpr bool importable_by_64_bit() const { return widths != SystemApiWidths::kOnly32; }
};

/// The type letter of a value in a module of that width: i or l.
constexpr char resolve_width(char letter, bool module_is_64_bit) {
  if (letter != 'I') return letter;
  return module_is_64_bit ? 'l' : 'i';
}

namespace detail {
consteval SystemApiFunction system_api_row(SystemApi id, std::string_view name,
                                           std::string_view signature, std::string_view contexts,
                                           uint32_t fixed, SystemApiCharge charge,
                                           SystemApiWidths widths) {
  const size_t colon = signature.find(':');
  // A letter that is not in contexts.def makes value() throw, which stops the compilation.
  return {id,
          name,
          signature.substr(0, colon),
          signature.substr(colon + 1),
          parse_contexts(contexts).value(),
          fixed,
          charge,
          widths};
}
}  // namespace detail

/// One row a function, in the order of the enumeration.
inline constexpr auto kSystemApi = std::to_array<SystemApiFunction>({
#define SYSTEM_API(id, name, signature, contexts, fixed, charge, widths)                           \
  detail::system_api_row(SystemApi::id, name, signature, contexts, fixed, SystemApiCharge::charge, \
                         SystemApiWidths::widths),
#include "ic/system_api.def"
#undef SYSTEM_API
});

constexpr const SystemApiFunction& info(SystemApi id) {
  return kSystemApi[static_cast<size_t>(id)];
}

/// The function of that name, or null.
constexpr const SystemApiFunction* find_system_api(std::string_view name) {
  for (const SystemApiFunction& function : kSystemApi) {
    if (function.name == name) return &function;
  }
  return nullptr;
}

}  // namespace canrec::ic
