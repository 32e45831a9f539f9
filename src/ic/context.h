// SPDX-License-Identifier: Apache-2.0
#pragma once

// The situations in which canister code runs, and the exports that the network calls in them. The
// table is ic/contexts.def.

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

namespace canrec::ic {

enum class Context : uint8_t {
#define CONTEXT(name, letter, replicated, mode) name,
#include "ic/contexts.def"
#undef CONTEXT
};

struct ContextInfo {
  Context context;
  std::string_view letter;
  bool replicated;
  /// As in the network's message: "ic0_NAME" cannot be executed in WORD mode.
  std::string_view mode_word;
};

/// One row a context, in the order of the enumeration.
inline constexpr auto kContexts = std::to_array<ContextInfo>({
#define CONTEXT(name, letter, replicated, mode) {Context::name, letter, replicated, mode},
#include "ic/contexts.def"
#undef CONTEXT
});

constexpr const ContextInfo& info(Context context) {
  return kContexts[static_cast<size_t>(context)];
}

/// A set of contexts.
class ContextSet {
 public:
  constexpr ContextSet() = default;
  constexpr void add(Context context) { bits_ |= bit(context); }
  constexpr bool contains(Context context) const { return (bits_ & bit(context)) != 0; }
  constexpr bool empty() const { return bits_ == 0; }
  constexpr size_t size() const;
  constexpr bool operator==(const ContextSet&) const = default;

 private:
  static constexpr uint32_t bit(Context context) {
    return uint32_t{1} << static_cast<unsigned>(context);
  }
  uint32_t bits_ = 0;
};

constexpr size_t ContextSet::size() const {
  size_t count = 0;
  for (const ContextInfo& row : kContexts) count += contains(row.context) ? 1 : 0;
  return count;
}

/// Reads letters as the specification writes them, for example "I U Q CQ Ry CRy F": * is every
/// context but s, Q stands for RQ NRQ TQ, T for all three tasks.
///
/// Shape: letters separated by single spaces. Nothing when a letter is unknown.
constexpr std::optional<ContextSet> parse_contexts(std::string_view letters) {
  ContextSet set;
  while (!letters.empty()) {
    const size_t end = letters.find(' ');
    const std::string_view letter = letters.substr(0, end);
    letters = end == std::string_view::npos ? std::string_view{} : letters.substr(end + 1);
    bool known = false;
    for (const ContextInfo& row : kContexts) {
      const bool query =
          letter == "Q" && (row.letter == "RQ" || row.letter == "NRQ" || row.letter == "TQ");
      const bool any = letter == "*" && row.context != Context::kStart;
      if (row.letter != letter && !query && !any) continue;
      set.add(row.context);
      known = true;
    }
    if (!known) return std::nullopt;
  }
  return set;
}

/// An export that the network calls by a fixed name.
struct Hook {
  std::string_view name;
  Context context;
};
inline constexpr auto kHooks = std::to_array<Hook>({
    {"canister_init", Context::kInit},
    {"canister_post_upgrade", Context::kInit},
    {"canister_pre_upgrade", Context::kPreUpgrade},
    {"canister_inspect_message", Context::kInspect},
    {"canister_heartbeat", Context::kHeartbeat},
    {"canister_global_timer", Context::kGlobalTimer},
    {"canister_on_low_wasm_memory", Context::kLowMemory},
});

/// The kinds of public method; the export is the prefix followed by the method's name.
enum class MethodKind : uint8_t { kUpdate, kQuery, kCompositeQuery };
struct MethodPrefix {
  MethodKind kind;
  std::string_view prefix;
  /// As in the network's message: Canister has no WORD method 'NAME'.
  std::string_view word;
};
inline constexpr auto kMethodPrefixes = std::to_array<MethodPrefix>({
    {MethodKind::kUpdate, "canister_update ", "update"},
    {MethodKind::kQuery, "canister_query ", "query"},
    {MethodKind::kCompositeQuery, "canister_composite_query ", "composite_query"},
});

/// The hook of that export name, or null.
constexpr const Hook* find_hook(std::string_view export_name) {
  for (const Hook& hook : kHooks) {
    if (hook.name == export_name) return &hook;
  }
  return nullptr;
}

/// A public method, as its export name tells it.
struct Method {
  MethodKind kind;
  std::string_view name;
};
/// Splits "canister_query get" into kind and name; nothing for other exports. The name may be
/// empty.
constexpr std::optional<Method> parse_method(std::string_view export_name) {
  for (const MethodPrefix& row : kMethodPrefixes) {
    if (export_name.starts_with(row.prefix)) {
      return Method{row.kind, export_name.substr(row.prefix.size())};
    }
  }
  return std::nullopt;
}

}  // namespace canrec::ic
