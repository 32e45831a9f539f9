// SPDX-License-Identifier: Apache-2.0
// The network's own client reads what canrec writes: `icp canister snapshot upload` parses the
// directory before it sends anything, and nothing listens where it would send to.
#include <gtest/gtest.h>

#include <array>
#include <cstdio>
#include <memory>

#include "recover/subject.h"
#include "support/temporary_directory.h"

namespace canrec::recover {
namespace {

namespace fs = std::filesystem;

class IcpClient : public testing::Test {
 protected:
  fs::path save(const std::string& module) {
    Subject subject = Subject::fresh({});
    const auto file = InputFile::open(fs::path(CANREC_FIXTURES) / module);
    EXPECT_TRUE(file.has_value()) << module;
    executor::InstallRequest install;
    install.canister = subject.id();
    install.module = Bytes(file->bytes().begin(), file->bytes().end());
    install.argument = Bytes{'D', 'I', 'D', 'L', 0, 0};
    const auto outcome = subject.executor().install(install);
    EXPECT_TRUE(outcome.has_value() && outcome->ok()) << module;
    const fs::path path = directory_ / ("state-" + std::to_string(++states_));
    EXPECT_TRUE(subject.executor()
                    .save(subject.id(), posix_file_system(), path, Overwrite::kNo)
                    .has_value());
    return path;
  }

  // What the client says to an upload before it is stopped: port 9 is closed, and the client would
  // try it again for a minute.
  std::string upload(const fs::path& snapshot) {
    // The DER prefix of a BLS key and 96 bytes: the client wants a root key of that shape.
    std::string key = "308182301d060d2b0601040182dc7c0503010201060c2b0601040182dc7c05030201036100";
    for (int i = 0; i < 96; ++i) key += "81";
    const std::string command =
        "HOME='" + (directory_ / "home").string() + "' DO_NOT_TRACK=1 timeout 10 '" +
        std::string(CANREC_FIXTURES) +
        "/bin/icp' canister snapshot upload rrkah-fqaaa-aaaaa-aaaaq-cai -i '" + snapshot.string() +
        "' -n http://127.0.0.1:9 -k " + key + " --identity anonymous 2>&1";
    fs::create_directories(directory_ / "home");
    const std::unique_ptr<FILE, int (*)(FILE*)> pipe(::popen(command.c_str(), "r"), ::pclose);
    EXPECT_NE(pipe, nullptr);
    std::string out;
    std::array<char, 4096> buffer{};
    while (const size_t n = std::fread(buffer.data(), 1, buffer.size(), pipe.get())) {
      out.append(buffer.data(), n);
    }
    return out;
  }

  canrec::test::TemporaryDirectory directory_;
  int states_ = 0;
};

TEST_F(IcpClient, ReadsTheMetadataOfEveryKindOfCanister) {
  for (const char* module : {"motoko/3.6.16/counter.wasm", "motoko/4.10.0/counter.wasm",
                             "canisters/notes.wasm", "canisters/journal.wasm"}) {
    const std::string words = upload(save(module));
    EXPECT_NE(words.find("Uploading snapshot to canister"), std::string::npos) << module << words;
    EXPECT_NE(words.find("Total size:"), std::string::npos) << module;
    EXPECT_EQ(words.find("failed to parse"), std::string::npos) << module;
  }
}

TEST_F(IcpClient, WouldSayWhenItCouldNotReadIt) {
  const fs::path path = save("canisters/notes.wasm");
  std::string text = canrec::test::read_text(path / "metadata.json");
  text.replace(text.find("\"globals\""), 9, "\"glbals__\"");
  canrec::test::write_text(path / "metadata.json", text);
  EXPECT_NE(upload(path).find("failed to parse json"), std::string::npos);
}

}  // namespace
}  // namespace canrec::recover
