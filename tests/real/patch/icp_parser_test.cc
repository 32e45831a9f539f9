// SPDX-License-Identifier: Apache-2.0
// icp's own WebAssembly parser reads patched modules. The client looks inside a module in one place
// only: `icp sync` loads a plugin, which is a component, and parses, validates and compiles every
// core module that the component holds. So a patched module is wrapped as a component; a module
// that is valid gets as far as the question for the plugin's interface. What `icp build` and
// `icp canister install` are given they pass on unread.
//
// `icp sync` first asks the network whether the canister runs; icp_network.mjs answers.
#include <fmt/core.h>
#include <signal.h>
#include <unistd.h>

#include "base/leb128.h"
#include "fixtures.h"
#include "patch/apply.h"
#include "patch/operations.h"
#include "support/temporary_directory.h"

namespace canrec::patch {
namespace {

// The network, for as long as it is needed.
class IcpNetwork {
 public:
  IcpNetwork() {
    std::array<int, 2> ends{};
    EXPECT_EQ(::pipe(ends.data()), 0);
    child_ = ::fork();
    if (child_ == 0) {
      ::dup2(ends[1], STDOUT_FILENO);
      ::close(ends[0]);
      ::execlp("node", "node", CANREC_SOURCE_DIR "/tests/real/patch/icp_network.mjs",
               CANREC_FIXTURES "/npm/node_modules", nullptr);
      ::_exit(127);
    }
    ::close(ends[1]);
    char c = 0;
    while (::read(ends[0], &c, 1) == 1 && c != '\n') line_ += c;
    ::close(ends[0]);
  }
  ~IcpNetwork() {
    ::kill(child_, SIGTERM);
    ::waitpid(child_, nullptr, 0);
  }
  IcpNetwork(const IcpNetwork&) = delete;
  IcpNetwork& operator=(const IcpNetwork&) = delete;

  std::string port() const { return line_.substr(0, line_.find(' ')); }
  std::string root_key() const { return line_.substr(line_.find(' ') + 1); }
  bool serves() const { return line_.size() > 266; }

 private:
  pid_t child_ = -1;
  std::string line_;
};

class IcpParser : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(network_.serves()) << "node or its packages are missing: scripts/fetch-fixtures";
    canrec::test::write_text(
        directory_ / "icp.yaml",
        fmt::format("canisters:\n  - name: patched\n    build:\n      steps:\n        - type: "
                    "pre-built\n          path: patched.wasm\n    sync:\n      steps:\n        - "
                    "type: plugin\n          path: component.wasm\n"
                    "networks:\n  - name: here\n    mode: connected\n    url: "
                    "http://127.0.0.1:{}\n    root-key: {}\n"
                    "environments:\n  - name: here\n    network: here\n    canisters: [patched]\n",
                    network_.port(), network_.root_key()));
    const Answer linked = icp("canister link patched rrkah-fqaaa-aaaaa-aaaaq-cai");
    ASSERT_EQ(linked.status, 0) << linked.out;
  }

  Answer icp(const std::string& command) const {
    return shell("cd '" + directory_.path().string() + "' && HOME=. DO_NOT_TRACK=1 timeout 120 '" +
                 CANREC_FIXTURES "/bin/icp' " + command + " -e here");
  }

  // What the client says of a component that holds this module.
  std::string read_by_icp(ByteView module) const {
    // Preamble of a component: version 13, layer 1; section 1 is a core module.
    Bytes component{0x00, 0x61, 0x73, 0x6d, 0x0d, 0x00, 0x01, 0x00, 0x01};
    append_leb_u64(component, module.size());
    append(component, module);
    canrec::test::write_bytes(directory_ / "component.wasm", component);
    return icp("sync patched --identity anonymous").out;
  }

  IcpNetwork network_;
  canrec::test::TemporaryDirectory directory_;
};

constexpr std::string_view kReadAll = "does not implement a supported sync-plugin interface";

TEST_F(IcpParser, ReadsPatchedModules) {
  for (const char* name :
       {"canisters/notes_no_grow.wasm", "canisters/journal.wasm", "motoko/3.11.1/ledger.wasm",
        "motoko/3.15.0/ledger.wasm", "motoko/4.10.0/ledger.wasm"}) {
    SCOPED_TRACE(name);
    const auto file = open_fixture(name);
    ASSERT_TRUE(file.has_value()) << file.error().message();
    const auto plan = grow_before_write(file->loaded, {std::nullopt, "canister_pre_upgrade"});
    ASSERT_TRUE(plan.has_value()) << plan.error().message();
    const auto patched = apply(file->loaded, *plan);
    ASSERT_TRUE(patched.has_value()) << patched.error().message();
    const std::string words = read_by_icp(patched->stored);
    EXPECT_NE(words.find(kReadAll), std::string::npos) << words.substr(0, 2000);
  }
}

TEST_F(IcpParser, WouldSayWhenItCouldNotReadOne) {
  const auto file = open_fixture("canisters/notes_no_grow.wasm");
  ASSERT_TRUE(file.has_value());
  const wasm::Module& module = file->module();
  Bytes bytes(module.bytes.begin(), module.bytes.end());
  // The last function drops what is not there.
  bytes[static_cast<size_t>(module.functions.back().code.begin)] = 0x1a;
  const std::string words = read_by_icp(bytes);
  EXPECT_EQ(words.find(kReadAll), std::string::npos);
  EXPECT_NE(words.find("failed to load wasm component"), std::string::npos)
      << words.substr(0, 2000);
}

// `icp build` takes the file as it is.
TEST_F(IcpParser, PassesABuiltModuleOnAsItIs) {
  const std::string module = "not a module";
  canrec::test::write_text(directory_ / "patched.wasm", module);
  const Answer built = icp("build patched");
  EXPECT_EQ(built.status, 0) << built.out;
  EXPECT_EQ(canrec::test::read_text(directory_ / ".icp/cache/artifacts/patched"), module);
}

}  // namespace
}  // namespace canrec::patch
