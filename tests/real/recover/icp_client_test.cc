// SPDX-License-Identifier: Apache-2.0
// The network's own client sends what canrec writes, and canrec reads what it downloads: `icp
// canister snapshot upload` and `download` against a network of one process (network_stub.mjs).
#include <algorithm>

#include "candid/binary.h"
#include "candid/interface.h"
#include "candid/parser.h"
#include "candid/text.h"
#include "executor/management_did.h"
#include "recover/convert.h"
#include "recover/verify.h"
#include "snapshot/writer.h"
#include "state.h"

namespace canrec::recover::test {
namespace {

constexpr std::string_view kMethod = "upload_canister_snapshot_metadata";
constexpr std::string_view kId = "000000000000000500000000000000010101";

// Candid text as the interface of the management canister names it.
std::string hex_blob(ByteView bytes) {
  std::string out = "blob \"";
  for (const uint8_t byte : bytes) out += "\\" + to_hex(ByteView(&byte, 1));
  return out + "\"";
}

// What the argument must say, from the metadata that canrec wrote.
std::string wanted_argument(const snapshot::Metadata& metadata) {
  std::string globals;
  for (const snapshot::GlobalValue& global : metadata.globals) {
    const std::string value = global.type == snapshot::GlobalType::kI32
                                  ? std::to_string(static_cast<int32_t>(global.low))
                                  : std::to_string(static_cast<int64_t>(global.low));
    globals += "variant { " + std::string(to_string(global.type)) + " = " + value + " }; ";
  }
  std::string timer = "null";
  if (metadata.global_timer) {
    const auto& deadline = metadata.global_timer->deadline_ns;
    timer = deadline ? "opt variant { active = " + std::to_string(*deadline) + " }"
                     : "opt variant { inactive }";
  }
  const auto& hook = metadata.on_low_wasm_memory_hook_status;
  return "(record { canister_id = principal \"rrkah-fqaaa-aaaaa-aaaaq-cai\"; "
         "replace_snapshot = null; wasm_module_size = " +
         std::to_string(metadata.wasm_module_size) + "; globals = vec { " + globals +
         "}; wasm_memory_size = " + std::to_string(metadata.wasm_memory_size) +
         "; stable_memory_size = " + std::to_string(metadata.stable_memory_size) +
         "; certified_data = " + hex_blob(metadata.certified_data) + "; global_timer = " + timer +
         "; on_low_wasm_memory_hook_status = " +
         (hook ? "opt variant { " + std::string(to_string(*hook)) + " }" : "null") + " })";
}

class IcpClient : public State {
 protected:
  struct Sent {
    std::string words;
    fs::path out;
  };

  // Runs the real client with a network of its own. In `command` ICP stands for the program and
  // WHERE for the options that lead it there.
  Sent run(std::string command) {
    Sent sent;
    sent.out = directory_ / ("network-" + std::to_string(++networks_));
    fs::create_directories(sent.out);
    const auto replace = [&](std::string_view name, const std::string& text) {
      for (size_t at = command.find(name); at != std::string::npos; at = command.find(name, at)) {
        command.replace(at, name.size(), text);
      }
    };
    replace("ICP", "timeout 100 '" + fixture("bin/icp").string() + "' canister snapshot");
    replace("WHERE", "-n \"$NETWORK\" -k \"$ROOT_KEY\" --identity anonymous");
    const std::string stub =
        std::string(CANREC_SOURCE_DIR) + "/tests/real/recover/network_stub.mjs";
    sent.words = output_of("HOME='" + sent.out.string() + "' DO_NOT_TRACK=1 node '" + stub + "' '" +
                           fixture("npm/node_modules").string() + "' '" + sent.out.string() +
                           "' '" + quoted(command) + "' 2>&1");
    return sent;
  }
  static std::string upload_of(const fs::path& state) {
    return "ICP upload rrkah-fqaaa-aaaaa-aaaaq-cai -i \"" + state.string() + "\" WHERE";
  }

  // The argument's types, as the interface of the management canister names them.
  struct Types {
    candid::Program program = *candid::parse_program(executor::kManagementInterface);
    std::vector<candid::TypeIdx> types;
    Types() {
      const candid::Method* method =
          candid::find_method(program.env.resolved(program.actor->service), kMethod);
      for (const candid::Arg& arg : program.env.resolved(method->type).args) {
        types.push_back(arg.type);
      }
    }
  };
  static std::string printed(ByteView argument) {
    const Types at;
    const auto values = candid::decode(argument, candid::Expected{&at.program.env, at.types});
    EXPECT_TRUE(values.has_value()) << (values ? "" : values.error().message());
    return values ? candid::args_to_text(at.program.env, at.types, values->values) : "";
  }
  static std::string printed(const std::string& text) {
    const Types at;
    const auto values = candid::parse_args(text, at.program.env, at.types);
    EXPECT_TRUE(values.has_value()) << (values ? "" : values.error().message()) << text;
    return values ? candid::args_to_text(at.program.env, at.types, values->values) : "";
  }

  void expect_sent(const Sent& sent, const fs::path& state) {
    EXPECT_NE(sent.words.find("uploaded successfully"), std::string::npos) << sent.words;
    const auto directory = snapshot::Directory::open(state);
    ASSERT_TRUE(directory.has_value());
    EXPECT_EQ(file_of(sent.out / "module"), file_of(state / "wasm_module.bin"));
    EXPECT_EQ(file_of(sent.out / "heap"), file_of(state / "wasm_memory.bin"));
    EXPECT_EQ(file_of(sent.out / "stable"), file_of(state / "stable_memory.bin"));
    for (const snapshot::Chunk& chunk : directory->chunks()) {
      EXPECT_TRUE(fs::exists(sent.out / ("chunk-" + to_hex(chunk.hash))));
    }
    EXPECT_EQ(printed(file_of(sent.out / "metadata.arg")),
              printed(wanted_argument(directory->metadata())));
  }

  static std::string quoted(const std::string& text) {
    std::string out;
    for (const char c : text) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
    return out;
  }

  int networks_ = 0;
};

TEST_F(IcpClient, SendsWhatCanrecWroteOfEveryKindOfCanister) {
  for (const char* module :
       {"motoko/3.6.16/ledger.wasm", "motoko/4.10.0/ledger.wasm", "canisters/journal.wasm"}) {
    const fs::path state = fill(fixture(module), {});
    expect_sent(run(upload_of(state)), state);
  }
}

// Metadata with everything in it, chunks, and memories of several slices; and back again: what icp
// downloads is whole, and the same but for what the network sets anew.
TEST_F(IcpClient, SendsEverythingAndDownloadsWhatCanrecCallsWhole) {
  const fs::path plain = fill(canister("notes"), {{"fill", "(60000)"}});
  const auto directory = snapshot::Directory::open(plain);
  ASSERT_TRUE(directory.has_value());
  const Bytes chunks[] = {Bytes(1 << 20, 1), Bytes(3, 2)};
  const Bytes stable(40 * 65536, 7);
  snapshot::NewSnapshot rich;
  rich.metadata = directory->metadata();
  rich.metadata.certified_data = {0, 1, 255};
  rich.metadata.global_timer = snapshot::GlobalTimer{1764000060000000001};
  rich.metadata.on_low_wasm_memory_hook_status = snapshot::HookStatus::kConditionNotSatisfied;
  rich.module = snapshot::Image::of(directory->module_file());
  rich.heap = snapshot::Image::of(directory->heap_file());
  rich.stable = snapshot::Image::of(ByteView(stable));
  rich.chunks = {chunks[0], chunks[1]};
  const Interrupt never;
  const fs::path state = directory_ / "rich";
  ASSERT_TRUE(snapshot::write_directory(posix_file_system(), state, rich, Overwrite::kNo, never)
                  .has_value());

  const fs::path back = directory_ / "downloaded";
  const Sent sent = run(upload_of(state) + " && ICP download rrkah-fqaaa-aaaaa-aaaaq-cai " +
                        std::string(kId) + " -o \"" + back.string() + "\" WHERE");
  expect_sent(sent, state);
  EXPECT_NE(sent.words.find("Created snapshot " + std::string(kId)), std::string::npos);
  const auto report = verify(back, {});
  ASSERT_TRUE(report.has_value());
  EXPECT_TRUE(report->findings.empty()) << report->findings[0].what;
  snapshot::Metadata wanted = snapshot::Directory::open(state)->metadata();
  wanted.source = snapshot::Source::kMetadataUpload;
  wanted.taken_at_timestamp_ns = 1764000000123456789;
  wanted.canister_version = 3;
  EXPECT_EQ(snapshot::Directory::open(back)->metadata(), wanted);
  for (const char* name : {"wasm_module.bin", "wasm_memory.bin", "stable_memory.bin"}) {
    EXPECT_EQ(file_of(back / name), file_of(state / name)) << name;
  }
  // In icp's own form, written by canrec, the directory has the same bytes as icp's.
  const fs::path again = directory_ / "again";
  ASSERT_TRUE(convert(posix_file_system(), {back, again, DirectoryForm::kIcp}, never).has_value());
  fs::remove(back / ".lock");
  EXPECT_EQ(canrec::test::read_tree(again), canrec::test::read_tree(back));
}

TEST_F(IcpClient, SaysWhenItCannotReadTheMetadata) {
  const fs::path path = fill(canister("notes"), {});
  std::string text = canrec::test::read_text(path / "metadata.json");
  text.replace(text.find("\"globals\""), 9, "\"glbals__\"");
  canrec::test::write_text(path / "metadata.json", text);
  const Sent sent = run(upload_of(path) + " || true");
  EXPECT_NE(sent.words.find("failed to parse json"), std::string::npos) << sent.words;
  EXPECT_FALSE(fs::exists(sent.out / "metadata.arg"));
}

}  // namespace
}  // namespace canrec::recover::test
