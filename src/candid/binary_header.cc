// SPDX-License-Identifier: Apache-2.0
// The type table of a message.
#include <algorithm>

#include <fmt/core.h>

#include "base/checked.h"
#include "candid/binary.h"
#include "candid/binary_input.h"

namespace canrec::candid {
namespace {

constexpr uint8_t kMagic[] = {'D', 'I', 'D', 'L'};
constexpr int64_t kFirstConstructor = -18;  // opt
constexpr int64_t kLastConstructor = -23;   // service
constexpr int64_t kPrincipalCode = -24;

// Reads one header; answers false with the error kept in the input.
class HeaderReader {
 public:
  HeaderReader(ByteView message, const DecodeOptions& options) : in_(message), options_(options) {}

  Result<Header> read() {
    if (!table() || !arguments()) return fail(in_.take_error());
    find_empty_records();
    header_.body = in_.pos();
    return std::move(header_);
  }

 private:
  bool table();
  bool entry(TypeIdx idx);
  bool arguments();
  bool reference(TypeIdx& out);
  bool items(uint64_t min_size, const char* what, uint64_t& count);
  bool fields(Type& type);
  bool tuple(std::vector<Arg>& list, const char* what);
  bool func(Type& type);
  bool service(Type& type);
  bool future(Type& type);
  bool check_methods();
  void find_empty_records();

  BinaryInput in_;
  const DecodeOptions& options_;
  Header header_;
  uint64_t entries_ = 0;
  uint64_t items_ = 0;
  // Where a method's type was read, for those that turn out to be no functions.
  std::vector<std::pair<TypeIdx, size_t>> method_types_;
};

bool HeaderReader::table() {
  ByteView magic;
  if (!in_.view(sizeof(kMagic), magic)) return false;
  if (!std::ranges::equal(magic, kMagic)) {
    return in_.fail_at(Errc::kCandidMalformed, 0, "a Candid message begins with DIDL");
  }
  const size_t start = in_.pos();
  if (!in_.count(2, "entries of the type table", entries_)) return false;
  if (entries_ > options_.max_table) {
    return in_.fail_at(
        Errc::kCandidQuota, start,
        fmt::format("the type table has {} entries, more than {}", entries_, options_.max_table));
  }
  for (uint64_t i = 0; i < entries_; ++i) header_.env.add({});
  for (uint64_t i = 0; i < entries_; ++i) {
    if (!entry(TypeIdx{static_cast<uint32_t>(kPrimitiveKinds + i)})) return false;
  }
  return check_methods();
}

bool HeaderReader::entry(TypeIdx idx) {
  const size_t start = in_.pos();
  int64_t opcode = 0;
  if (!in_.s64(opcode)) return false;
  if (opcode > kFirstConstructor || opcode == kPrincipalCode) {
    return in_.fail_at(Errc::kCandidMalformed, start,
                       fmt::format("{} cannot begin an entry of the type table", opcode));
  }
  Type type;
  bool good = false;
  if (opcode < kLastConstructor) {
    good = future(type);
  } else if (in_.pos() != start + 1) {
    return in_.fail_at(Errc::kCandidMalformed, start, "the code of a type takes one byte");
  } else {
    type.kind = static_cast<Kind>(static_cast<int64_t>(Kind::kOpt) + (kFirstConstructor - opcode));
    switch (type.kind) {
      case Kind::kOpt:
      case Kind::kVec:
        good = reference(type.inner);
        break;
      case Kind::kRecord:
      case Kind::kVariant:
        good = fields(type);
        break;
      case Kind::kFunc:
        good = func(type);
        break;
      default:
        good = service(type);
    }
  }
  if (good) header_.env.at(idx) = std::move(type);
  return good;
}

bool HeaderReader::reference(TypeIdx& out) {
  const size_t start = in_.pos();
  int64_t code = 0;
  if (!in_.s64(code)) return false;
  if (code >= 0) {
    if (static_cast<uint64_t>(code) >= entries_) {
      return in_.fail_at(Errc::kCandidMalformed, start,
                         fmt::format("type {} is not in the table of {}", code, entries_));
    }
    out = TypeIdx{static_cast<uint32_t>(kPrimitiveKinds + code)};
    return true;
  }
  if (code == kPrincipalCode) {
    out = primitive(Kind::kPrincipal);
    return true;
  }
  if (code <= kFirstConstructor) {
    return in_.fail_at(Errc::kCandidMalformed, start, fmt::format("{} is no type", code));
  }
  out = primitive(static_cast<Kind>(-code - 1));
  return true;
}

// A count of fields, arguments or methods, charged to the quota of the table.
bool HeaderReader::items(uint64_t min_size, const char* what, uint64_t& count) {
  const size_t start = in_.pos();
  if (!in_.count(min_size, what, count)) return false;
  items_ += count;
  if (items_ > options_.max_table_items) {
    return in_.fail_at(Errc::kCandidQuota, start,
                       fmt::format("the type table has more than {} fields, arguments and methods",
                                   options_.max_table_items));
  }
  return true;
}

bool HeaderReader::fields(Type& type) {
  uint64_t count = 0;
  if (!items(2, "fields", count)) return false;
  type.fields.reserve(count);
  for (uint64_t i = 0; i < count; ++i) {
    Field field;
    const size_t start = in_.pos();
    if (!in_.u32(field.label)) return false;
    if (i != 0 && field.label <= type.fields.back().label) {
      return in_.fail_at(Errc::kCandidMalformed, start, "labels are not in ascending order");
    }
    if (!reference(field.type)) return false;
    type.fields.push_back(std::move(field));
  }
  return true;
}

bool HeaderReader::tuple(std::vector<Arg>& list, const char* what) {
  uint64_t count = 0;
  if (!items(1, what, count)) return false;
  list.resize(count);
  return std::ranges::all_of(list, [this](Arg& arg) { return reference(arg.type); });
}

bool HeaderReader::func(Type& type) {
  if (!tuple(type.args, "arguments") || !tuple(type.results, "results")) return false;
  const size_t start = in_.pos();
  uint8_t count = 0;
  uint8_t mode = 0;
  if (!in_.u8(count)) return false;
  if (count == 0) return true;
  if (count > 1) {
    return in_.fail_at(Errc::kCandidMalformed, start, "a function has one annotation at most");
  }
  if (!in_.u8(mode)) return false;
  switch (mode) {
    case 1:
      type.mode = Mode::kQuery;
      return true;
    case 2:
      type.mode = Mode::kOneway;
      return true;
    case 3:
      type.mode = Mode::kCompositeQuery;
      return true;
    default:
      return in_.fail_at(Errc::kCandidMalformed, start + 1,
                         fmt::format("unknown annotation {}", mode));
  }
}

bool HeaderReader::service(Type& type) {
  uint64_t count = 0;
  if (!items(2, "methods", count)) return false;
  type.methods.reserve(count);
  for (uint64_t i = 0; i < count; ++i) {
    Method method;
    const size_t start = in_.pos();
    ByteView name;
    if (!in_.text(name)) return false;
    method.name = as_text(name);
    if (i != 0 && method.name <= type.methods.back().name) {
      return in_.fail_at(Errc::kCandidMalformed, start, "methods are not in ascending order");
    }
    method_types_.emplace_back(TypeIdx{}, in_.pos());
    if (!reference(method.type)) return false;
    method_types_.back().first = method.type;
    type.methods.push_back(std::move(method));
  }
  return true;
}

bool HeaderReader::future(Type& type) {
  type.kind = Kind::kFuture;
  uint64_t size = 0;
  return in_.count(1, "bytes of a future type", size) && in_.skip(size);
}

bool HeaderReader::check_methods() {
  for (const auto& [type, pos] : method_types_) {
    if (header_.env.at(type).kind != Kind::kFunc) {
      return in_.fail_at(Errc::kCandidMalformed, pos, "the type of a method is no function");
    }
  }
  return true;
}

bool HeaderReader::arguments() {
  uint64_t count = 0;
  if (!items(1, "arguments", count)) return false;
  header_.args.resize(count);
  return std::ranges::all_of(header_.args, [this](TypeIdx& arg) { return reference(arg); });
}

// Finds the records that contain themselves through record fields only, and those that contain
// such a record: peels off, layer by layer, the records all of whose record fields are peeled.
void HeaderReader::find_empty_records() {
  const TypeEnv& env = header_.env;
  const auto number = [](TypeIdx idx) { return static_cast<uint32_t>(idx); };
  header_.empty_record.assign(env.size(), false);
  std::vector<uint32_t> waits(env.size());
  std::vector<std::vector<uint32_t>> users(env.size());
  std::vector<uint32_t> ready;
  for (uint32_t i = 0; i < env.size(); ++i) {
    if (env.at(TypeIdx{i}).kind != Kind::kRecord) continue;
    for (const Field& field : env.at(TypeIdx{i}).fields) {
      if (env.at(field.type).kind != Kind::kRecord) continue;
      ++waits[i];
      users[number(field.type)].push_back(i);
    }
    header_.empty_record[i] = true;
    if (waits[i] == 0) ready.push_back(i);
  }
  while (!ready.empty()) {
    const uint32_t done = ready.back();
    ready.pop_back();
    header_.empty_record[done] = false;
    for (const uint32_t user : users[done]) {
      if (--waits[user] == 0) ready.push_back(user);
    }
  }
}

}  // namespace

Result<Header> read_header(ByteView message, const DecodeOptions& options) {
  return HeaderReader(message, options).read();
}

}  // namespace canrec::candid
