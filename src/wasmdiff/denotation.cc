// SPDX-License-Identifier: Apache-2.0
// Interning by exact keys: a key is a byte string that spells out everything the denotation is made
// of; data segments are told apart by their bytes.
#include "wasmdiff/denotation.h"

#include <algorithm>
#include <string>
#include <unordered_map>
#include <utility>

#include "base/checked.h"
#include "base/hash.h"
#include "wasm/persisted.h"

namespace canrec::wasmdiff {
namespace {

using wasm::Opcode;

class Interner {
 public:
  uint32_t of(const std::string& key) {
    return ids_.try_emplace(key, narrow<uint32_t>(ids_.size())).first->second;
  }

 private:
  std::unordered_map<std::string, uint32_t> ids_;
};

void put(std::string& key, uint64_t value) {
  for (int i = 0; i < 8; ++i) key.push_back(static_cast<char>(value >> (8 * i)));
}
void put(std::string& key, std::string_view text) {
  put(key, text.size());
  key += text;
}

std::string type_key(const wasm::FuncType& type) {
  std::string key;
  put(key, type.params.size());
  for (const wasm::ValType t : type.params) key.push_back(static_cast<char>(t));
  for (const wasm::ValType t : type.results) key.push_back(static_cast<char>(t));
  return key;
}

// Segment contents, told apart by their bytes.
class ContentInterner {
 public:
  uint32_t of(ByteView bytes) {
    auto& bucket = buckets_[xxh3_64(bytes)];
    for (const auto& [known, id] : bucket) {
      if (std::ranges::equal(known, bytes)) return id;
    }
    bucket.emplace_back(bytes, next_);
    return next_++;
  }

 private:
  std::unordered_map<uint64_t, std::vector<std::pair<ByteView, uint32_t>>> buckets_;
  uint32_t next_ = 0;
};

struct Interners {
  Interner types;
  Interner globals;
  Interner imports;
  ContentInterner contents;
  Interner data;
};

// A mutable global is its place in the list that the network keeps: under route S the value at that
// place is what the code will find, whatever the global's index.
Result<Ok> denote_globals(const wasm::Module& module, Interners& interners, Denotations& out) {
  constexpr uint64_t kNotPersisted = ~uint64_t{0};
  std::vector<uint64_t> place(module.globals.size(), kNotPersisted);
  const auto persisted = wasm::persisted_globals(module);
  for (size_t i = persisted.size(); i-- > 0;) place[std::to_underlying(persisted[i].global)] = i;

  out.global_holds_function.resize(module.globals.size());
  for (size_t i = 0; i < module.globals.size(); ++i) {
    const wasm::Global& global = module.globals[i];
    const wasm::Instruction& init = global.init.instruction;
    std::string key;
    key.push_back(static_cast<char>(global.type.type));
    key.push_back(global.type.is_mutable ? 'm' : 'c');
    if (global.import) {
      const wasm::Import& import = module.imports[*global.import];
      key.push_back('i');
      put(key, import.module);
      put(key, import.name);
    } else if (global.type.is_mutable) {
      key.push_back('p');
      put(key, place[i]);
    } else if (init.op == Opcode::kGlobalGet) {
      if (init.index() >= i) {
        return fail(Errc::kWasmIndex, init.offset, "initialiser names a global behind it");
      }
      key.push_back('g');
      put(key, out.globals[init.index()]);
    } else if (init.op == Opcode::kRefFunc) {
      key.push_back('f');
    } else {
      key.push_back('v');
      put(key, std::to_underlying(init.op));
      if (init.op == Opcode::kV128Const) {
        put(key, as_text(init.raw));
      } else {
        put(key, init.imm_count > 0 ? init.imm[0].value : 0);
      }
    }
    out.global_holds_function[i] = !global.import && init.op == Opcode::kRefFunc;
    out.globals.push_back(interners.globals.of(key));
  }
  return Ok{};
}

void denote_data(const wasm::Module& module, const DroppedSegments& dropped, Which which,
                 Interners& interners, Denotations& out) {
  // Without a data count section no instruction may name a segment.
  if (!module.data_count) return;
  // data.drop empties one of two segments of equal content, so where it is used the n-th segment of
  // a content is told from the next; segments that no code names do not count.
  std::unordered_map<uint32_t, uint32_t> seen;
  for (size_t i = 0; i < module.data.size(); ++i) {
    const wasm::DataSegment& segment = module.data[i];
    const uint32_t content = interners.contents.of(module.view(segment.bytes));
    std::string key;
    put(key, content);
    put(key, std::to_underlying(segment.mode));
    if (dropped.any && dropped.used[which][i]) put(key, seen[content]++);
    out.data.push_back(interners.data.of(key));
  }
}

Result<Denotations> denote_one(const wasm::Module& module, const DroppedSegments& dropped,
                               Which which, Interners& interners) {
  Denotations out;
  for (const wasm::FuncType& type : module.types) {
    out.types.push_back(interners.types.of(type_key(type)));
  }
  out.short_block_types.resize(0x80);
  out.short_block_types[wasm::kBlockTypeEmpty] = interners.types.of(type_key({}));
  for (const wasm::ValType type :
       {wasm::ValType::kI32, wasm::ValType::kI64, wasm::ValType::kF32, wasm::ValType::kF64,
        wasm::ValType::kV128, wasm::ValType::kFuncRef, wasm::ValType::kExternRef}) {
    out.short_block_types[std::to_underlying(type)] =
        interners.types.of(type_key({.params = {}, .results = {type}}));
  }
  for (uint32_t i = 0; i < module.imported_functions; ++i) {
    const wasm::Function& fn = module.functions[i];
    const wasm::Import& import = module.imports[*fn.import];
    std::string key;
    put(key, import.module);
    put(key, import.name);
    put(key, out.types[std::to_underlying(fn.type)]);
    out.imports.push_back(interners.imports.of(key));
  }
  CANREC_CHECK(denote_globals(module, interners, out));
  denote_data(module, dropped, which, interners, out);
  return out;
}

}  // namespace

Result<Both<Denotations>> denote(const wasm::Module& old_module, const wasm::Module& new_module,
                                 const DroppedSegments& dropped) {
  Interners interners;
  Both<Denotations> both;
  CANREC_TRY(both[kOld], denote_one(old_module, dropped, kOld, interners));
  CANREC_TRY(both[kNew], denote_one(new_module, dropped, kNew, interners));
  return both;
}

}  // namespace canrec::wasmdiff
