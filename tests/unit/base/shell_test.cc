// SPDX-License-Identifier: Apache-2.0
// Words of a shell, held against a real one.
#include "base/shell.h"

#include <gtest/gtest.h>

#include <array>
#include <cstdio>
#include <string>

namespace canrec {
namespace {

// What a shell makes of a command that prints one word.
std::string echoed(const std::string& word) {
  std::string out;
  FILE* pipe = popen(("printf %s " + word).c_str(), "r");
  if (pipe == nullptr) return "no shell";
  std::array<char, 256> buffer;
  while (const size_t got = std::fread(buffer.data(), 1, buffer.size(), pipe)) {
    out.append(buffer.data(), got);
  }
  pclose(pipe);
  return out;
}

TEST(ShellWord, LeavesHarmlessWordsAlone) {
  EXPECT_EQ(shell_word("snapshot/wasm_module.bin"), "snapshot/wasm_module.bin");
  EXPECT_EQ(shell_word("@0x00000d89"), "@0x00000d89");
}

TEST(ShellWord, IsReadBackAsItWas) {
  for (const std::string text :
       {"", "my snapshot", "get(\"it's\")", "#69", "a'b''c", "$HOME `id` \\ * ? [x] ~ ! ; & | < >",
        "two\nlines", "\xc3\xa9t\xc3\xa9"}) {
    EXPECT_EQ(echoed(shell_word(text)), text);
  }
}

}  // namespace
}  // namespace canrec
