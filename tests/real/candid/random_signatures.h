// SPDX-License-Identifier: Apache-2.0
#pragma once

// Random texts of stable signatures from a small stock of names and types, so that two of them
// often nearly fit.

#include <cstdint>
#include <map>
#include <string>
#include <utility>

namespace canrec::candid::test {

class RandomSignatures {
 public:
  explicit RandomSignatures(uint64_t seed) : state_(seed * 0x9e3779b97f4a7c15U + 1) {}

  /// A signature of any of the three forms; a chain uses labels that another one may share.
  std::string signature() {
    std::string text = definitions();
    switch (below(4)) {
      case 0:
        return text + pair();
      case 1:
      case 2:
        return text + chain();
      default:
        return text + "actor {" + fields("stable") + "};\n";
    }
  }

  /// An old program and a new one with a chain that continues it, now and then with one of them
  /// replaced by something else.
  std::pair<std::string, std::string> continuation() {
    Record state = random_record();
    const uint64_t ran = below(3);
    std::string past;
    Record left = state;
    std::string all;
    for (uint64_t step = 0; step < 3; ++step) {
      const std::string line = " \"m" + std::to_string(step) + "\" : " + next_step(state) + ";";
      if (below(6) != 0) all += line;
      if (step >= ran) continue;
      past += line;
      left = state;
    }
    std::string old_text = past.empty() || below(3) == 0 ? "" : "{" + past + "} ";
    old_text += "actor {" + declared(left) + "};\n";
    std::string new_text = "{" + all + "} actor {" + declared(state) + "};\n";
    if (below(8) == 0) old_text = signature();
    return {old_text, new_text};
  }

  /// One variable of any type.
  std::string single() { return definitions() + "actor { stable x : " + type(3) + " };\n"; }

 private:
  uint64_t below(uint64_t n) {
    state_ = state_ * 6364136223846793005U + 1442695040888963407U;
    return (state_ >> 33) % n;
  }
  template <size_t N>
  std::string one_of(const char* const (&words)[N]) {
    return words[below(N)];
  }

  std::string definitions() {
    return "type R = {a : Nat; next : ?R}; type S = {a : Int; b : Text; next : ?S}; type L<A> = "
           "?(A, L<A>); type P<A <: {a : Nat}> = {p : A}; ";
  }

  std::string leaf() {
    constexpr const char* kLeaves[] = {"Nat",    "Int",    "Text", "Null", "R",    "S",
                                       "L<Nat>", "L<Int>", "{}",   "()",   "Char", "Nat32"};
    return one_of(kLeaves);
  }

  std::string record(const char* opening, const char* closing, const char* mark, uint32_t depth) {
    std::string text = opening;
    for (const char* name : {"a", "b", "c"}) {
      if (below(2) == 0) continue;
      text += std::string(mark) + (*mark == 0 && below(5) == 0 ? "var " : "") + name + " : " +
              type(depth) + "; ";
    }
    return text + closing;
  }

  std::string type(uint32_t depth) {
    if (depth == 0) return leaf();
    switch (below(14)) {
      case 0:
        return "?" + group(depth - 1);
      case 1:
        return "[" + type(depth - 1) + "]";
      case 2:
        return "[var " + type(depth - 1) + "]";
      case 3:
        return "(" + type(depth - 1) + ", " + type(depth - 1) + ")";
      case 4:
      case 5:
        return record("{", "}", "", depth - 1);
      case 6:
        return record("{#z; ", "}", "#", depth - 1);
      case 7:
        return "(" + type(depth - 1) + " and " + type(depth - 1) + ")";
      case 8:
        return "(" + type(depth - 1) + " or " + type(depth - 1) + ")";
      case 9:
        return "{type T = " + type(depth - 1) + "; a : Nat}";
      case 10:
        return "(shared " + std::string(below(2) == 0 ? "" : "query ") + shared_argument() +
               " -> async " + shared_argument() + ")";
      case 11:
        return "P<{a : Nat; " + std::string(below(2) == 0 ? "" : "b : Text") + "}>";
      default:
        return leaf();
    }
  }
  std::string group(uint32_t depth) { return "(" + type(depth) + ")"; }
  std::string shared_argument() {
    constexpr const char* kShared[] = {"Nat", "Int", "()", "(Nat, Int)", "{a : Nat}", "R"};
    return one_of(kShared);
  }

  std::string fields(const char* word) {
    std::string text;
    for (const char* name : {"x", "y", "z"}) {
      if (below(3) == 0) continue;
      text +=
          std::string(" ") + word + (below(3) == 0 ? " var " : " ") + name + " : " + simple() + ";";
    }
    return text;
  }
  std::string simple() {
    constexpr const char* kSimple[] = {
        "Nat", "Int", "Nat", "Int", "{a : Nat}", "{a : Nat; b : Text}", "Any"};
    return one_of(kSimple);
  }

  std::string pair() {
    std::string before;
    for (const char* name : {"x", "y", "z"}) {
      if (below(3) == 0) continue;
      before += std::string(below(2) == 0 ? " in " : " stable ") + name + " : " + simple() + ";";
    }
    return "actor ({" + before + "}, {" + fields("stable") + "});\n";
  }

  std::string domain() {
    std::string text = "{";
    for (const char* name : {"x", "y", "z"}) {
      if (below(2) == 0) text += std::string(name) + " : " + simple() + "; ";
    }
    return text + "}";
  }
  std::string chain() {
    std::string text = "{";
    for (const char* label : {"m1", "m2", "m3", "m4"}) {
      if (below(2) == 0) continue;
      text += std::string(" \"") + label + "\" : " + domain() + " -> " +
              (below(12) == 0 ? "Nat" : domain()) + ";";
    }
    return text + "} actor {" + fields("stable") + "};\n";
  }

  using Record = std::map<std::string, std::string>;
  Record random_record() {
    Record record;
    for (const char* name : {"x", "y", "z"}) {
      if (below(2) == 0) record[name] = simple();
    }
    return record;
  }
  // Takes some of the state, gives some of what is taken or new; mostly at types that fit.
  std::string next_step(Record& state) {
    std::string takes = "{";
    std::string gives = "{";
    for (const char* name : {"x", "y", "z"}) {
      const bool there = state.contains(name);
      const bool taken = there ? below(2) == 0 : below(12) == 0;
      if (taken) takes += std::string(name) + " : " + (there ? state[name] : "Nat") + "; ";
      if (there && !taken) continue;
      if (below(2) == 0) {
        state.erase(name);
        continue;
      }
      const std::string type = simple();
      gives += std::string(name) + " : " + type + "; ";
      state[name] = type == "Nat" && below(2) == 0 ? "Int" : type;
    }
    return takes + "} -> " + gives + "}";
  }
  static std::string declared(const Record& record) {
    std::string text;
    for (const auto& [name, type] : record) text += " stable " + name + " : " + type + ";";
    return text;
  }

  uint64_t state_;
};

}  // namespace canrec::candid::test
