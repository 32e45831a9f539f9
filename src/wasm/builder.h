// SPDX-License-Identifier: Apache-2.0
#pragma once

// Small helpers that write pieces of modules: for tests, patches and generated sections.

#include <initializer_list>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "wasm/module.h"

namespace canrec::wasm {

/// The 8 bytes every module begins with.
Bytes module_header();
/// id, size in the shortest LEB128, content.
Bytes section(SectionId id, ByteView content);
/// A custom section.
Bytes custom_section(std::string_view name, ByteView payload);
/// count, then the items one after another.
Bytes vec(std::initializer_list<Bytes> items);
Bytes vec(const std::vector<Bytes>& items);
/// length, then the text.
Bytes name_bytes(std::string_view text);
/// One piece after another.
Bytes concat(std::initializer_list<Bytes> pieces);
/// A function body with its size: locals (already encoded as a vec), code with the final end.
Bytes body(ByteView locals, ByteView code);

}  // namespace canrec::wasm
