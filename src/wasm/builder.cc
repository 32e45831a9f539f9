// SPDX-License-Identifier: Apache-2.0
// Pieces of modules, always in the shortest encoding.
#include "wasm/builder.h"

#include "base/leb128.h"

namespace canrec::wasm {

Bytes module_header() { return {0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00}; }

Bytes section(SectionId id, ByteView content) {
  Bytes out{std::to_underlying(id)};
  append_leb_u64(out, content.size());
  append(out, content);
  return out;
}

Bytes custom_section(std::string_view name, ByteView payload) {
  Bytes content = name_bytes(name);
  append(content, payload);
  return section(SectionId::kCustom, content);
}

Bytes vec(const std::vector<Bytes>& items) {
  Bytes out;
  append_leb_u64(out, items.size());
  for (const Bytes& item : items) append(out, item);
  return out;
}

Bytes vec(std::initializer_list<Bytes> items) { return vec(std::vector<Bytes>(items)); }

Bytes name_bytes(std::string_view text) {
  Bytes out;
  append_leb_u64(out, text.size());
  append(out, as_bytes(text));
  return out;
}

Bytes concat(std::initializer_list<Bytes> pieces) {
  Bytes out;
  for (const Bytes& piece : pieces) append(out, piece);
  return out;
}

Bytes body(ByteView locals, ByteView code) {
  Bytes out;
  append_leb_u64(out, locals.size() + code.size());
  append(out, locals);
  append(out, code);
  return out;
}

}  // namespace canrec::wasm
