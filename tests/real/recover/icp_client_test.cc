// SPDX-License-Identifier: Apache-2.0
// The network's own client sends what canrec writes, and canrec reads what it downloads: `icp
// canister snapshot upload` and `download` against a network of one process (network_stub.mjs).
#include <algorithm>
#include <functional>
#include <sstream>

#include "candid/binary.h"
#include "candid/interface.h"
#include "candid/parser.h"
#include "candid/text.h"
#include "executor/management_did.h"
#include "recover/canister_status.h"
#include "recover/convert.h"
#include "recover/management_message.h"
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

  // Either tool leaves out the file of one of the memories when it is empty.
  static Bytes memory_of(const fs::path& path) {
    return fs::exists(path) ? file_of(path) : Bytes{};
  }
  static void canrec(const std::string& arguments, int status = 0) {
    output_of("'" CANREC_PROGRAM "' " + arguments + " >/dev/null 2>&1 || [ $? -eq " +
              std::to_string(status) + " ]");
  }
  // Every command that writes snapshot directories, at work on a state.
  std::vector<fs::path> written_from(const fs::path& state) {
    const fs::path all = directory_ / ("all-" + std::to_string(++networks_));
    fs::create_directories(all);
    const auto path = [&](const char* name) { return "'" + (all / name).string() + "'"; };
    const std::string from = "'" + state.string() + "'";
    canrec("package " + from + " '" + (state / "wasm_module.bin").string() + "' --route S -o " +
               path("package"),
           1);
    for (const char* form : {"both", "icp", "dfx", "dfx-0.30", "dfx-0.29"}) {
      canrec("convert " + from + " --to " + form + " -o " + path(form));
    }
    canrec("verify " + path("dfx-0.29") + " --repair -o " + path("repaired"), 1);
    canrec("rehearse " + from + " 'checkpoint a' --save " + path("rehearsed"));
    canrec("pull " + from + " -o " + path("pulled"));
    canrec("backup create " + from + " --store " + path("store"));
    canrec("backup restore --store " + path("store") + " -o " + path("restored") + " $('" +
           std::string(CANREC_PROGRAM) + "' backup list --store " + path("store") +
           " --json | sed 's/.*\"id\":\"\\([0-9a-f]*\\)\".*/\\1/' | head -n 1)");
    std::vector<fs::path> out;
    for (const char* name : {"package/snapshot", "both", "icp", "dfx", "dfx-0.30", "repaired",
                             "rehearsed", "pulled", "restored"}) {
      out.push_back(all / name);
    }
    return out;
  }
  void expect_sent(const Sent& sent, const fs::path& state) {
    EXPECT_NE(sent.words.find("uploaded successfully"), std::string::npos) << sent.words;
    const auto directory = snapshot::Directory::open(state);
    ASSERT_TRUE(directory.has_value());
    EXPECT_EQ(file_of(sent.out / "module"), file_of(state / "wasm_module.bin"));
    EXPECT_EQ(file_of(sent.out / "heap"), memory_of(state / "wasm_memory.bin"));
    EXPECT_EQ(file_of(sent.out / "stable"), memory_of(state / "stable_memory.bin"));
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
  const fs::path compressed = directory_ / "journal.wasm.gz";
  output_of("gzip -c '" + canister("journal").string() + "' > '" + compressed.string() + "'");
  for (const fs::path& module :
       {fixture("motoko/2.0.3/counter.wasm"), fixture("motoko/3.6.16/ledger.wasm"),
        fixture("azle/0.33.0/stable.wasm"), canister("notes"), compressed}) {
    const fs::path state = fill(module, {});
    expect_sent(run(upload_of(state)), state);
  }
}

// 64-bit memory, no stable memory, and everything that writes a directory.
TEST_F(IcpClient, SendsWhatEveryCommandWrites) {
  for (const fs::path& directory : written_from(fill(fixture("motoko/4.10.0/ledger.wasm"), {}))) {
    ASSERT_TRUE(fs::exists(directory / "metadata.json")) << directory;
    expect_sent(run(upload_of(directory)), directory);
  }
}

// The runbook counts what is sent: within a few bytes of what the client does send, signed.
TEST_F(IcpClient, SendsMessagesOfTheSizeThatTheRunbookCounts) {
  const fs::path state = fill(canister("notes"), {{"fill", "(60000)"}});
  const Sent sent =
      run("timeout 100 '" + fixture("bin/icp").string() +
          "' identity new k --storage plaintext && ICP upload rrkah-fqaaa-aaaaa-aaaaq-cai -i \"" +
          state.string() + "\" -n \"$NETWORK\" -k \"$ROOT_KEY\" --identity k");
  expect_sent(sent, state);
  const auto directory = snapshot::Directory::open(state);
  ASSERT_TRUE(directory.has_value());
  const auto sizes = snapshot_messages(directory->metadata(),
                                       *ic::Principal::parse("rrkah-fqaaa-aaaaa-aaaaq-cai"));
  ASSERT_TRUE(sizes.has_value());
  constexpr uint64_t kSlice = 2'000'000;
  uint64_t counted = sizes->upload_metadata;
  uint64_t messages = 1;
  for (const char* name : {"wasm_module.bin", "wasm_memory.bin", "stable_memory.bin"}) {
    for (uint64_t rest = fs::file_size(state / name); rest > 0;) {
      const uint64_t slice = std::min(rest, kSlice);
      counted += with_blob(sizes->upload_slice, slice);
      rest -= slice;
      ++messages;
    }
  }
  std::istringstream calls(canrec::test::read_text(sent.out / "calls.txt"));
  uint64_t received = 0;
  uint64_t lines = 0;
  std::string method;
  std::string address;
  for (uint64_t argument = 0, message = 0; calls >> method >> argument >> message >> address;) {
    received += message;
    ++lines;
  }
  EXPECT_EQ(lines, messages);
  EXPECT_NEAR(static_cast<double>(counted), static_cast<double>(received),
              16.0 * static_cast<double>(messages));
}

// What icp prints of a canister is what `check --status` and `verify --status` read.
TEST_F(IcpClient, PrintsAStatusThatCanrecReads) {
  const fs::path state = fill(canister("notes"), {});
  const fs::path status = directory_ / "status.json";
  const Sent sent = run(upload_of(state) + " && timeout 100 '" + fixture("bin/icp").string() +
                        "' canister status rrkah-fqaaa-aaaaa-aaaaq-cai --json WHERE > \"" +
                        status.string() + "\"");
  expect_sent(sent, state);
  const auto read = read_canister_status(status);
  ASSERT_TRUE(read.has_value()) << read.error().message() << sent.words;
  EXPECT_EQ(read->canister.text(), "rrkah-fqaaa-aaaaa-aaaaq-cai");
  ASSERT_EQ(read->controllers.size(), 1U);
  EXPECT_EQ(read->controllers[0], read->canister);
  EXPECT_EQ(read->module_hash, sha256(file_of(canister("notes"))));
  EXPECT_EQ(read->wasm_memory_limit, 3'221'225'472U);
  EXPECT_EQ(read->wasm_memory_threshold, 0U);
  const std::string said = output_of("'" CANREC_PROGRAM "' verify '" + state.string() +
                                     "' --status '" + status.string() + "'");
  EXPECT_NE(said.find("WHOLE"), std::string::npos);
  EXPECT_EQ(said.find("--status"), std::string::npos) << said;
}

// Why the runbook of route K does not use it: the network routes calls by this address.
TEST_F(IcpClient, SendsCallsOfTheManagementCanisterToAnAddressThatIsRefused) {
  const Sent sent =
      run("timeout 100 '" + fixture("bin/icp").string() +
          "' canister call aaaaa-aa stop_canister "
          "\"(record { canister_id = principal \\\"rrkah-fqaaa-aaaaa-aaaaq-cai\\\" })\" "
          "WHERE || true");
  const std::string calls = canrec::test::read_text(sent.out / "calls.txt");
  EXPECT_NE(calls.find("/canister/aaaaa-aa/call"), std::string::npos) << calls << sent.words;
}

// Metadata with everything in it, chunks, and memories of several slices; and back again: what icp
// downloads is whole, and the same but for what the network sets anew.
TEST_F(IcpClient, SendsEverythingAndDownloadsWhatCanrecCallsWhole) {
  const fs::path plain = fill(canister("notes"), {{"fill", "(60000)"}});
  const auto directory = snapshot::Directory::open(plain);
  ASSERT_TRUE(directory.has_value());
  std::vector<Bytes> chunks = {Bytes(1 << 20, 1), Bytes(3, 2)};
  for (uint8_t i = 0; i < 12; ++i) chunks.push_back(Bytes((1 << 20) - i, uint8_t(i + 3)));
  const Bytes stable(40 * 65536, 7);
  snapshot::NewSnapshot rich;
  rich.metadata = directory->metadata();
  rich.metadata.certified_data = {0, 1, 255};
  rich.metadata.global_timer = snapshot::GlobalTimer{1764000060000000001};
  rich.metadata.on_low_wasm_memory_hook_status = snapshot::HookStatus::kConditionNotSatisfied;
  rich.module = snapshot::Image::of(directory->module_file());
  rich.heap = snapshot::Image::of(directory->heap_file());
  rich.stable = snapshot::Image::of(ByteView(stable));
  rich.chunks.assign(chunks.begin(), chunks.end());
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

// What verify says of an upload is what the real client does with the damaged directory: it goes
// through "without a word", or it "stops".
TEST_F(IcpClient, DoesWithADamagedDirectoryWhatVerifySaysOfIt) {
  const fs::path whole = fill(canister("notes"), {{"fill", "(60000)"}});
  const Bytes chunk{'a', 'b', 'c'};
  const std::string named = to_hex(sha256(chunk));
  const auto edit = [](const fs::path& state, const std::string& from, const std::string& to) {
    std::string text = canrec::test::read_text(state / "metadata.json");
    const size_t at = text.find(from);
    ASSERT_NE(at, std::string::npos) << from;
    canrec::test::write_text(state / "metadata.json", text.replace(at, from.size(), to));
  };
  const auto list = [&](const fs::path& state, const std::string& byte) {
    std::string hash = byte;
    for (int i = 1; i < 32; ++i) hash += "," + byte;
    edit(state, "\"wasm_chunk_store\": []", "\"wasm_chunk_store\": [{\"hash\": [" + hash + "]}]");
  };
  const auto put = [&](const fs::path& state, const std::string& name) {
    fs::create_directories(state / "wasm_chunk_store");
    canrec::test::write_bytes(state / "wasm_chunk_store" / (name + ".bin"), chunk);
  };
  struct Damage {
    const char* code;
    std::function<void(const fs::path&)> make;
  };
  const auto resized = [](const char* name, int64_t by) {
    return [name, by](const fs::path& state) {
      const auto size = static_cast<int64_t>(fs::file_size(state / name));
      fs::resize_file(state / name, static_cast<uint64_t>(size + by));
    };
  };
  const Damage damages[] = {
      {"wrong-size", resized("wasm_memory.bin", -70'000)},
      {"wrong-size", resized("wasm_memory.bin", 65'536)},
      {"wrong-size", resized("wasm_module.bin", -1)},
      {"missing-file", [](const fs::path& state) { fs::remove(state / "wasm_memory.bin"); }},
      {"unfinished",
       [](const fs::path& state) {
         canrec::test::write_text(state / ".download_progress.json",
                                  R"({"wasm_module":{"frontier":0,"ahead":[]},"wasm_memory":)"
                                  R"({"frontier":0,"ahead":[]},"stable_memory":)"
                                  R"({"frontier":0,"ahead":[]}})");
       }},
      {"wrong-hash",
       [&](const fs::path& state) {
         list(state, "0");
         put(state, std::string(64, '0'));
       }},
      {"missing-file", [&](const fs::path& state) { list(state, "1"); }},
      {"mixed", [&](const fs::path& state) { put(state, named); }},
      {"metadata",
       [&](const fs::path& state) {
         edit(state, "\"taken_at_timestamp\": 1", "\"taken_at_timestamp\": 1.5e18, \"x\": 1");
       }},
      {"metadata",
       [&](const fs::path& state) {
         edit(state, "{\n      \"i32\"", "{\n      \"f32\": null, \"i32\"");
       }},
      {"metadata",
       [&](const fs::path& state) { edit(state, "\"wasm_memory_size\"", "\"memory_size\""); }},
      {"old-form",
       [&](const fs::path& state) {
         edit(state, "\"globals\"", "\"exported_globals\"");
         edit(state, "{\n    \"taken_from_canister\": null\n  }", "\"taken_from_canister\"");
       }},
  };
  for (const Damage& damage : damages) {
    const fs::path state = directory_ / ("damaged-" + std::to_string(++networks_));
    fs::copy(whole, state, fs::copy_options::recursive);
    damage.make(state);
    const auto report = verify(state, {});
    ASSERT_TRUE(report.has_value());
    const auto found = std::ranges::find(report->findings, damage.code, &Finding::code);
    ASSERT_NE(found, report->findings.end()) << damage.code << " " << networks_;
    const Sent sent = run(upload_of(state) + " || true");
    const bool through = sent.words.find("uploaded successfully") != std::string::npos;
    const bool silent = found->why.find("without a word") != std::string::npos;
    const bool stops = found->why.find("stop") != std::string::npos;
    EXPECT_EQ(through, silent) << found->what << ": " << found->why << "\n" << sent.words;
    EXPECT_EQ(!through, stops) << found->what << ": " << found->why << "\n" << sent.words;
    EXPECT_EQ(fs::exists(sent.out / "metadata.arg"), found->why.find("before") == std::string::npos)
        << found->what << ": " << found->why;
  }
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
