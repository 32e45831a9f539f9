// SPDX-License-Identifier: Apache-2.0
#pragma once

// Types as text. What is printed parses back to the same types, names and comments included.

#include <string>

#include "candid/types.h"

namespace canrec::candid {

/// A type in one line; names are not followed. Parts deeper than `max_depth` are printed as
/// "...", which does not parse; the default is deep enough for every type the parser makes.
std::string print_type(const TypeEnv& env, TypeIdx type, uint32_t max_depth = 1024);
/// A function type as a method has it: "(nat, text) -> (bool) query".
std::string print_signature(const TypeEnv& env, TypeIdx func, uint32_t max_depth = 1024);
/// "(nat, name : text)".
std::string print_tuple(const TypeEnv& env, const std::vector<Arg>& args,
                        uint32_t max_depth = 1024);
/// A whole file: definitions in their order, then the service, one field or method a line.
std::string print_program(const Program& program);

}  // namespace canrec::candid
