// bench: candid
// SPDX-License-Identifier: Apache-2.0
// Decoding and encoding a large vector of records.
//
//   candid_bench make FILE MEGABYTES     write the message
//   candid_bench run FILE                decode it to a tree, encode the tree, print it as text
//
// Times are processor time, the best of three; `memory` is what the tree takes, `peak` the process.
#include <fmt/core.h>
#include <sys/resource.h>

#include <cstdlib>
#include <ctime>
#include <string_view>

#include "base/file_system.h"
#include "base/hash.h"
#include "base/input_file.h"
#include "base/output_file.h"
#include "candid/binary.h"
#include "candid/parser.h"
#include "candid/text.h"

namespace {

using namespace canrec;

constexpr std::string_view kType =
    "(vec record { id : nat64; owner : principal; name : text; amount : nat; active : bool; memo : "
    "opt blob })";

// Processor time of this process: the machine may have other things to do.
double seconds() { return static_cast<double>(std::clock()) / CLOCKS_PER_SEC; }
double seconds_since(double start) { return seconds() - start; }

uint64_t peak_bytes() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<uint64_t>(usage.ru_maxrss) * 1024;
}

Result<Bytes> make(uint64_t megabytes) {
  CANREC_TRY(const candid::TypeTuple tuple, candid::parse_type_tuple(kType));
  const candid::TypeEnv& env = tuple.env;
  const candid::TypeIdx type = tuple.args[0].type;
  const candid::TypeIdx record = env.resolved(type).inner;
  candid::Arena arena;
  std::vector<candid::Value> records;
  const uint64_t bytes_each = 56;
  for (uint64_t i = 0; i < megabytes * 1'000'000 / bytes_each; ++i) {
    const auto memo = candid::Value::blob(arena, as_bytes(fmt::format("memo {:08}", i)));
    const uint64_t amount = i * 0x9e3779b97f4a7c15;
    CANREC_TRY(const candid::Value one,
               candid::make_record(
                   arena, env, record,
                   {{"id", candid::Value::natural(i)},
                    {"owner", candid::Value::principal(arena, ic::Principal::canister(i).bytes())},
                    {"name", candid::Value::text(arena, fmt::format("account {}", i))},
                    {"amount", candid::Value::natural(amount >> (i % 60))},
                    {"active", candid::Value::boolean(i % 3 == 0)},
                    {"memo", i % 4 == 0 ? candid::Value() : candid::Value::some(arena, memo)}}));
    records.push_back(one);
  }
  const candid::Value all = candid::Value::list(arena, records);
  return candid::encode(env, {&type, 1}, {&all, 1});
}

Status run(const char* path) {
  CANREC_TRY(const InputFile file, InputFile::open(path));
  CANREC_TRY(const candid::TypeTuple tuple, candid::parse_type_tuple(kType));
  const candid::TypeIdx type = tuple.args[0].type;
  const candid::Expected expected{&tuple.env, {&type, 1}};
  const double megabytes = static_cast<double>(file.size()) / 1e6;
  double print = 1e9;
  for (int round = 0; round < 3; ++round) {
    const double start = seconds();
    uint64_t printed = 0;
    candid::TextPrinter printer([&printed](std::string_view piece) -> Status {
      printed += piece.size();
      return Ok{};
    });
    CANREC_TRY(const candid::Header header, candid::read_header(file.bytes()));
    CANREC_CHECK(candid::decode_values(file.bytes(), header, expected, {}, printer));
    CANREC_CHECK(printer.finish());
    print = std::min(print, seconds_since(start));
  }
  const uint64_t print_peak = peak_bytes();
  double decode = 1e9;
  double encode = 1e9;
  uint64_t memory = 0;
  for (int round = 0; round < 3; ++round) {
    double start = seconds();
    CANREC_TRY(const candid::Values values, candid::decode(file.bytes(), expected));
    decode = std::min(decode, seconds_since(start));
    memory = values.arena.taken();
    start = seconds();
    CANREC_TRY(const Bytes bytes, candid::encode(tuple.env, {&type, 1}, values.values));
    encode = std::min(encode, seconds_since(start));
    if (xxh3_128(bytes) != xxh3_128(file.bytes())) return fail(Errc::kHashMismatch, "not the same");
  }
  fmt::print("canrec   decode {:7.3f} s {:7.1f} MB/s   encode {:7.3f} s {:7.1f} MB/s\n", decode,
             megabytes / decode, encode, megabytes / encode);
  fmt::print("canrec   print  {:7.3f} s {:7.1f} MB/s   peak {} MB   (streamed, no tree)\n", print,
             megabytes / print, print_peak / 1'000'000);
  fmt::print("canrec   tree {} MB for a message of {:.1f} MB\n", memory / 1'000'000, megabytes);
  return Ok{};
}

}  // namespace

int main(int argc, char** argv) {
  const std::string_view verb = argc > 1 ? argv[1] : "";
  Status status = Ok{};
  if (verb == "make" && argc == 4) {
    auto bytes = make(std::strtoull(argv[3], nullptr, 10));
    status = bytes ? write_file(posix_file_system(), argv[2], *bytes, Overwrite::kYes)
                   : Status(fail(std::move(bytes).error()));
  } else if (verb == "run" && argc == 3) {
    status = run(argv[2]);
  } else {
    fmt::print(stderr, "usage: candid_bench make FILE MEGABYTES | run FILE\n");
    return 2;
  }
  if (status) return 0;
  fmt::print(stderr, "candid_bench: {}\n", status.error().message());
  return 1;
}
