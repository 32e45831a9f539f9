// SPDX-License-Identifier: Apache-2.0
// Writing messages: the type table, then the values.
#include <algorithm>
#include <cstring>
#include <map>
#include <string>

#include <fmt/core.h>

#include "base/leb128.h"
#include "candid/binary.h"

namespace canrec::candid {
namespace {

int64_t type_code(Kind kind) {
  if (kind == Kind::kPrincipal) return -24;
  if (kind < Kind::kOpt) return -1 - static_cast<int64_t>(kind);
  return -18 - (static_cast<int64_t>(kind) - static_cast<int64_t>(Kind::kOpt));
}

// The types that a composite type is made of, in the order of the table entry.
std::vector<TypeIdx> parts_of(const TypeEnv& env, const Type& type) {
  std::vector<TypeIdx> parts;
  const auto add = [&](TypeIdx idx) { parts.push_back(env.resolve(idx)); };
  if (type.kind == Kind::kOpt || type.kind == Kind::kVec) add(type.inner);
  for (const Field& field : type.fields) add(field.type);
  for (const Arg& arg : type.args) add(arg.type);
  for (const Arg& result : type.results) add(result.type);
  for (const Method& method : type.methods) add(method.type);
  return parts;
}

// Numbers the composite types reachable from the arguments and writes their entries.
//
// Two types share an entry when they are the same node or have the same structure down to shared
// or recursive nodes. A first walk (post-order, own stack) gives every node its representative; a
// second (pre-order) numbers the representatives.
class TableWriter {
 public:
  explicit TableWriter(const TypeEnv& env) : env_(env) {}

  void write(std::span<const TypeIdx> types, Bytes& out) {
    for (const TypeIdx type : types) find_representatives(env_.resolve(type));
    for (const TypeIdx type : types) number(env_.resolve(type));
    append_leb_u64(out, order_.size());
    for (const TypeIdx type : order_) entry(env_.at(type), out);
    append_leb_u64(out, types.size());
    for (const TypeIdx type : types) reference(type, out);
  }

 private:
  void find_representatives(TypeIdx root);
  void number(TypeIdx root);
  void entry(const Type& type, Bytes& out) const;
  void reference(TypeIdx type, Bytes& out) const;
  void tuple(const std::vector<Arg>& list, Bytes& out) const;
  TypeIdx representative(TypeIdx idx) const {
    const auto found = representative_.find(idx);
    return found == representative_.end() ? idx : found->second;
  }
  std::string structure(const Type& type) const;
  bool is_primitive(TypeIdx idx) const { return env_.at(idx).kind < Kind::kOpt; }

  const TypeEnv& env_;
  std::map<TypeIdx, TypeIdx> representative_;
  std::map<std::string, TypeIdx> by_structure_;
  std::map<TypeIdx, uint64_t> numbers_;
  std::vector<TypeIdx> order_;
};

// Kind, labels and the representatives of the parts as one key.
std::string TableWriter::structure(const Type& type) const {
  std::string key = fmt::format("{}.{}", static_cast<int>(type.kind), static_cast<int>(type.mode));
  for (const Field& field : type.fields) key += fmt::format(",{}", field.label);
  for (const Method& method : type.methods) {
    key += fmt::format(",{}:{}", method.name.size(), method.name);
  }
  key += fmt::format(";{};", type.args.size());
  for (const TypeIdx part : parts_of(env_, type)) {
    key += fmt::format(",{}", static_cast<uint32_t>(representative(part)));
  }
  return key;
}

void TableWriter::find_representatives(TypeIdx root) {
  struct Frame {
    TypeIdx type;
    std::vector<TypeIdx> parts;
    size_t next = 0;
  };
  std::map<TypeIdx, bool> entered;
  std::vector<Frame> stack;
  const auto enter = [&](TypeIdx type) {
    if (is_primitive(type) || representative_.contains(type)) return;
    if (!entered.emplace(type, true).second) return;
    stack.push_back({type, parts_of(env_, env_.at(type))});
  };
  enter(root);
  while (!stack.empty()) {
    Frame& frame = stack.back();
    if (frame.next < frame.parts.size()) {
      enter(frame.parts[frame.next++]);
      continue;
    }
    const TypeIdx type = frame.type;
    stack.pop_back();
    representative_[type] = by_structure_.emplace(structure(env_.at(type)), type).first->second;
  }
}

void TableWriter::number(TypeIdx root) {
  std::vector<TypeIdx> stack{root};
  while (!stack.empty()) {
    const TypeIdx type = representative(stack.back());
    stack.pop_back();
    if (is_primitive(type) || !numbers_.emplace(type, order_.size()).second) continue;
    order_.push_back(type);
    const auto parts = parts_of(env_, env_.at(type));
    stack.insert(stack.end(), parts.rbegin(), parts.rend());
  }
}

void TableWriter::reference(TypeIdx type, Bytes& out) const {
  const TypeIdx idx = representative(env_.resolve(type));
  if (is_primitive(idx)) {
    append_leb_s64(out, type_code(env_.at(idx).kind));
  } else {
    append_leb_s64(out, static_cast<int64_t>(numbers_.at(idx)));
  }
}

void TableWriter::tuple(const std::vector<Arg>& list, Bytes& out) const {
  append_leb_u64(out, list.size());
  for (const Arg& arg : list) reference(arg.type, out);
}

void TableWriter::entry(const Type& type, Bytes& out) const {
  append_leb_s64(out, type_code(type.kind));
  switch (type.kind) {
    case Kind::kOpt:
    case Kind::kVec:
      reference(type.inner, out);
      return;
    case Kind::kRecord:
    case Kind::kVariant:
      append_leb_u64(out, type.fields.size());
      for (const Field& field : type.fields) {
        append_leb_u64(out, field.label);
        reference(field.type, out);
      }
      return;
    case Kind::kFunc:
      tuple(type.args, out);
      tuple(type.results, out);
      out.push_back(type.mode == Mode::kUpdate ? 0 : 1);
      if (type.mode == Mode::kQuery) out.push_back(1);
      if (type.mode == Mode::kOneway) out.push_back(2);
      if (type.mode == Mode::kCompositeQuery) out.push_back(3);
      return;
    default:
      append_leb_u64(out, type.methods.size());
      for (const Method& method : type.methods) {
        append_leb_u64(out, method.name.size());
        append(out, as_bytes(method.name));
        reference(method.type, out);
      }
  }
}

// Writes values; the buffer is grown in large steps and written through a pointer.
class ValueWriter {
 public:
  ValueWriter(const TypeEnv& env, Bytes& out) : env_(env), out_(out) { end_ = out.size(); }
  ~ValueWriter() { out_.resize(end_); }
  ValueWriter(const ValueWriter&) = delete;
  ValueWriter& operator=(const ValueWriter&) = delete;

  bool value(TypeIdx idx, const Value& value);

 private:
  static constexpr size_t kLongestLeb = 10;

  bool number(Kind kind, const Value& value);
  bool record(const Type& type, const Value& value);
  bool vec(const Type& type, const Value& value);
  uint8_t* room(size_t size) {
    if (out_.size() - end_ < size) [[unlikely]]
      out_.resize(std::max(out_.size() * 2, end_ + size));
    return out_.data() + end_;
  }
  void byte(uint8_t value) {
    *room(1) = value;
    ++end_;
  }
  void raw(ByteView bytes) {
    if (bytes.empty()) return;
    std::memcpy(room(bytes.size()), bytes.data(), bytes.size());
    end_ += bytes.size();
  }
  void fixed(uint64_t word, size_t size) {
    std::memcpy(room(size), &word, size);
    end_ += size;
  }
  void leb(uint64_t value) {
    uint8_t* to = room(kLongestLeb);
    for (; value >= 0x80; value >>= 7) *to++ = static_cast<uint8_t>(value | 0x80);
    *to++ = static_cast<uint8_t>(value);
    end_ = static_cast<size_t>(to - out_.data());
  }
  void signed_leb(int64_t value) {
    uint8_t* to = room(kLongestLeb);
    while (value < -0x40 || value >= 0x40) {
      *to++ = static_cast<uint8_t>(value | 0x80);
      value >>= 7;
    }
    *to++ = static_cast<uint8_t>(value & 0x7f);
    end_ = static_cast<size_t>(to - out_.data());
  }
  void bytes(ByteView bytes) {
    leb(bytes.size());
    raw(bytes);
  }

  const TypeEnv& env_;
  Bytes& out_;
  size_t end_;
};

// A number of a primitive type: false when it is held as something else or out of range.
bool ValueWriter::number(Kind kind, const Value& value) {
  const Held held = value.held();
  const auto natural = [&](size_t size) {
    if (held != Held::kUnsigned) return false;
    if (size < 8 && value.as_unsigned() >> (8 * size) != 0) return false;
    fixed(value.as_unsigned(), size);
    return true;
  };
  const auto integer = [&](size_t size) {
    if (held != Held::kSigned) return false;
    const int64_t limit = size == 8 ? 0 : int64_t{1} << (8 * size - 1);
    if (size < 8 && (value.as_signed() < -limit || value.as_signed() >= limit)) return false;
    fixed(static_cast<uint64_t>(value.as_signed()), size);
    return true;
  };
  switch (kind) {
    case Kind::kNat:
      if (held == Held::kUnsigned) {
        leb(value.as_unsigned());
        return true;
      }
      if (held == Held::kBigNat) raw(value.big_leb());
      return held == Held::kBigNat;
    case Kind::kInt:
      if (held == Held::kSigned) {
        signed_leb(value.as_signed());
        return true;
      }
      if (held == Held::kBigInt) raw(value.big_leb());
      return held == Held::kBigInt;
    case Kind::kNat8:
      return natural(1);
    case Kind::kNat16:
      return natural(2);
    case Kind::kNat32:
      return natural(4);
    case Kind::kNat64:
      return natural(8);
    case Kind::kInt8:
      return integer(1);
    case Kind::kInt16:
      return integer(2);
    case Kind::kInt32:
      return integer(4);
    case Kind::kInt64:
      return integer(8);
    default:
      if (held != Held::kFloat) return false;
      fixed(value.bits(), kind == Kind::kFloat32 ? 4 : 8);
      return true;
  }
}

bool ValueWriter::record(const Type& type, const Value& value) {
  if (value.held() != Held::kList || value.as_list().size() != type.fields.size()) return false;
  const auto items = value.as_list();
  for (size_t i = 0; i < items.size(); ++i) {
    if (!this->value(type.fields[i].type, items[i])) return false;
  }
  return true;
}

bool ValueWriter::vec(const Type& type, const Value& value) {
  if (value.held() == Held::kBlob) {
    if (env_.kind(type.inner) != Kind::kNat8) return false;
    bytes(value.as_blob());
    return true;
  }
  if (value.held() != Held::kList) return false;
  const TypeIdx inner = env_.resolve(type.inner);
  leb(value.as_list().size());
  return std::ranges::all_of(value.as_list(),
                             [&](const Value& item) { return this->value(inner, item); });
}

bool ValueWriter::value(TypeIdx idx, const Value& value) {
  const Type& type = env_.resolved(idx);
  const Held held = value.held();
  switch (type.kind) {
    case Kind::kNull:
    case Kind::kReserved:
      return held == Held::kNothing;
    case Kind::kBool:
      if (held != Held::kBool) return false;
      byte(value.as_bool() ? 1 : 0);
      return true;
    case Kind::kText:
      if (held != Held::kText) return false;
      bytes(as_bytes(value.as_text()));
      return true;
    case Kind::kPrincipal:
    case Kind::kService:
      if (held != Held::kPrincipal) return false;
      byte(1);
      bytes(value.as_principal());
      return true;
    case Kind::kFunc: {
      if (held != Held::kFunc) return false;
      const FuncRef ref = value.as_func();
      byte(1);
      byte(1);
      bytes(ref.principal);
      bytes(as_bytes(ref.method));
      return true;
    }
    case Kind::kOpt:
      if (held != Held::kSome && held != Held::kNothing) return false;
      byte(held == Held::kSome ? 1 : 0);
      return held == Held::kNothing || this->value(type.inner, value.inner());
    case Kind::kVec:
      return vec(type, value);
    case Kind::kRecord:
      return record(type, value);
    case Kind::kVariant:
      if (held != Held::kVariant || value.tag() >= type.fields.size()) return false;
      leb(value.tag());
      return this->value(type.fields[value.tag()].type, value.payload());
    case Kind::kEmpty:
    case Kind::kFuture:
    case Kind::kName:
      return false;
    default:
      return number(type.kind, value);
  }
}

}  // namespace

Bytes encode_header(const TypeEnv& env, std::span<const TypeIdx> types) {
  Bytes out{'D', 'I', 'D', 'L'};
  TableWriter(env).write(types, out);
  return out;
}

Result<Bytes> encode(const TypeEnv& env, std::span<const TypeIdx> types,
                     std::span<const Value> values) {
  if (types.size() != values.size()) {
    return fail(Errc::kCandidMismatch,
                fmt::format("{} values for {} types", values.size(), types.size()));
  }
  Bytes out = encode_header(env, types);
  for (size_t i = 0; i < values.size(); ++i) {
    ValueWriter writer(env, out);
    if (!writer.value(types[i], values[i])) {
      return fail(Errc::kCandidMismatch, fmt::format("value {} is not of its type", i + 1));
    }
  }
  return out;
}

}  // namespace canrec::candid
