// SPDX-License-Identifier: Apache-2.0
#pragma once

// Names for labels: a message carries only numbers, but a number is the hash of a name, and most
// names can be guessed from the interface at hand and from what canisters usually call things.

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "candid/types.h"

namespace canrec::candid {

/// Names by their hash. Of two names with one hash the first stays.
class NameTable {
 public:
  /// Adds the names that occur in many canisters.
  void add_common();
  void add(std::string_view name);
  /// All field, tag and argument names of an environment.
  void add_all(const TypeEnv& env);
  const std::string* find(uint32_t label) const;
  size_t size() const { return names_.size(); }

  /// Names the fields and tags that have numbers only; tuples stay tuples.
  void label(TypeEnv& env) const;

 private:
  std::map<uint32_t, std::string> names_;
};

}  // namespace canrec::candid
