// SPDX-License-Identifier: Apache-2.0
#pragma once

// A function as a list of tokens, so that two functions can be compared exactly and aligned.

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "wasmdiff/identity.h"

namespace canrec::wasmdiff {

/// What a node counts as in a comparison: nodes with equal labels are taken to mean the same.
struct Labels {
  Both<std::vector<uint32_t>> of;  ///< by node
};

/// One instruction; equal tokens are the same instruction under the labels.
struct Token {
  wasm::Opcode op{};
  uint32_t label = kNoNode;
  uint32_t vector = 0;  ///< interned by its bytes, 0 = none
  uint64_t a = 0;
  uint64_t b = 0;
  bool operator==(const Token&) const = default;

  bool is_constant() const {
    return op == wasm::Opcode::kI32Const || op == wasm::Opcode::kI64Const;
  }
  bool is_memory_access() const;
};

/// A function's body, with the place of every token.
struct TokenList {
  std::vector<Token> tokens;
  std::vector<uint64_t> offsets;  ///< file offset of each instruction
  std::vector<Node> references;   ///< by token, the function it names, or kNoNode
  std::vector<uint32_t> indices;  ///< by token, the first immediate as it stands (0 without one)

  uint64_t parameters = 0;  ///< locals below are parameters

  /// Empties the lists and keeps their memory.
  void clear() {
    tokens.clear();
    offsets.clear();
    references.clear();
    indices.clear();
  }
  /// Moves assignments of constants to locals as far back as they mean the same: compilers place
  /// them freely. A pair `const; local.set x` passes everything but control flow and what names x.
  void sink_constants();

 private:
  void number_locals();
};

/// Makes token lists; vectors are interned across all lists of one Tokenizer, so tokens of lists of
/// the same Tokenizer may be compared.
class Tokenizer {
 public:
  explicit Tokenizer(const Labels& labels) : labels_(labels) {}
  /// The tokens of a defined function that has been scanned before, so decoding cannot fail.
  void read(Which which, const Side& side, uint32_t fn, TokenList& out);
  /// What a node counts as.
  uint32_t label(Which which, Node node) const { return labels_.of[which][node]; }

 private:
  const Labels& labels_;
  std::map<std::vector<uint32_t>, uint32_t> vectors_;
};

/// A stretch of tokens that differs: [a_begin, a_end) became [b_begin, b_end).
struct Hunk {
  size_t a_begin, a_end;
  size_t b_begin, b_end;
};
/// A shortest edit script between two token sequences, as hunks in order.
/// Shape: nothing when more than `limit` tokens would have to be removed and added.
std::optional<std::vector<Hunk>> align(const std::vector<Token>& a, const std::vector<Token>& b,
                                       size_t limit);

}  // namespace canrec::wasmdiff
