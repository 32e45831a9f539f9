// SPDX-License-Identifier: Apache-2.0
// Reading text values: first the syntax, as nodes; then the values, at the types wanted.
#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <set>

#include <fmt/core.h>
#include <fmt/ranges.h>

#include "base/checked.h"
#include "candid/binary.h"
#include "candid/hash.h"
#include "candid/lexer.h"
#include "candid/parser.h"
#include "candid/printer.h"
#include "candid/subtype.h"
#include "candid/text.h"

namespace canrec::candid {
namespace {

enum class Form : uint8_t {
  kBool,
  kNull,
  kNumber,
  kNotFinite,  // NaN, inf, -inf
  kText,
  kBlob,
  kSome,
  kVec,
  kRecord,
  kVariant,
  kPrincipal,
  kService,
  kFunc,
  kAnnotated,
};

using NodeIdx = uint32_t;

struct Member {
  uint32_t label;
  std::optional<std::string> name;
  NodeIdx value;
};

// A value as it stands in the text.
struct Node {
  Form form = Form::kNull;
  bool negative = false;                        // number
  TypeIdx annotation = primitive(Kind::kNull);  // annotated, in the environment of the text
  Token token = {};
  std::string text = {};             // text, blob; the bytes of a principal; func: its principal
  std::string method = {};           // func
  std::vector<NodeIdx> items = {};   // vec; some and annotated: one
  std::vector<Member> members = {};  // record, variant
};

// The nodes of a text with the types its annotations mention.
struct Syntax {
  TypeEnv env;
  std::vector<Node> nodes;
  std::vector<NodeIdx> args;
};

class ValueReader {
 public:
  ValueReader(Tokens& tokens, Syntax& out) : in_(tokens), out_(out) {}
  Status args();

 private:
  Result<NodeIdx> annotated();
  Result<NodeIdx> value();
  Result<NodeIdx> value_inside();
  Result<NodeIdx> number();
  Result<NodeIdx> list();
  Result<NodeIdx> fields(Form form);
  Result<Member> record_field(uint64_t next_label);
  Result<Member> tag();
  Result<NodeIdx> reference(Form form);
  Result<uint32_t> label_number();
  Result<std::string> name(std::string_view what);
  NodeIdx add(Node node) {
    out_.nodes.push_back(std::move(node));
    return narrow<NodeIdx>(out_.nodes.size() - 1);
  }

  Tokens& in_;
  Syntax& out_;
  uint32_t depth_ = 0;
};

Status ValueReader::args() {
  // A single value may stand without brackets, as command lines are often written.
  if (!in_.is("(")) {
    CANREC_TRY(const NodeIdx only, annotated());
    out_.args.push_back(only);
  } else {
    in_.advance();
    while (!in_.is(")")) {
      CANREC_TRY(const NodeIdx arg, annotated());
      out_.args.push_back(arg);
      if (!in_.accept(",")) break;
    }
    CANREC_CHECK(in_.expect(")", "at the end of the arguments"));
  }
  if (!in_.at_end()) return in_.error_at(in_.peek(), "nothing may follow the arguments");
  return Ok{};
}

Result<NodeIdx> ValueReader::annotated() {
  CANREC_TRY(NodeIdx node, value());
  while (in_.is(":")) {
    Node outer{.form = Form::kAnnotated, .token = in_.peek()};
    in_.advance();
    CANREC_TRY(outer.annotation, parse_plain_type(in_, out_.env));
    outer.items = {node};
    node = add(std::move(outer));
    // `1 : nat : int` is not Candid; only brackets annotate twice.
    if (in_.is(":")) return in_.error_at(in_.peek(), "a value has one annotation at most");
  }
  return node;
}

Result<NodeIdx> ValueReader::value() {
  if (depth_ == kMaxTextDepth) {
    return in_.error_at(Errc::kLimit, in_.peek(),
                        fmt::format("values nest deeper than {} levels", kMaxTextDepth));
  }
  ++depth_;
  auto result = value_inside();
  --depth_;
  return result;
}

Result<NodeIdx> ValueReader::value_inside() {
  const Token token = in_.peek();
  if (token.kind == TokenKind::kNumber || in_.is("-") || in_.is("+")) return number();
  if (token.kind == TokenKind::kString) {
    in_.advance();
    CANREC_TRY(std::string text, in_.unescape_text(token));
    return add({.form = Form::kText, .token = token, .text = std::move(text)});
  }
  if (in_.accept("(")) {
    CANREC_TRY(const NodeIdx inner, annotated());
    CANREC_CHECK(in_.expect(")", "after a value in brackets"));
    return inner;
  }
  if (in_.is("true") || in_.is("false")) {
    const bool is_true = in_.accept("true");
    if (!is_true) in_.advance();
    return add({.form = Form::kBool, .negative = !is_true, .token = token});
  }
  if (in_.accept("null")) return add({.form = Form::kNull, .token = token});
  if (in_.is("NaN") || in_.is("inf")) {
    in_.advance();
    return add({.form = Form::kNotFinite, .token = token});
  }
  if (in_.accept("opt")) {
    CANREC_TRY(const NodeIdx inner, value());
    return add({.form = Form::kSome, .token = token, .items = {inner}});
  }
  if (in_.accept("blob")) {
    const Token body = in_.peek();
    if (body.kind != TokenKind::kString) return in_.error_at(body, "a string wanted after `blob`");
    in_.advance();
    CANREC_TRY(std::string bytes, in_.unescape(body));
    return add({.form = Form::kBlob, .token = token, .text = std::move(bytes)});
  }
  if (in_.accept("vec")) return list();
  if (in_.accept("record")) return fields(Form::kRecord);
  if (in_.accept("variant")) return fields(Form::kVariant);
  if (in_.accept("principal")) return reference(Form::kPrincipal);
  if (in_.accept("service")) return reference(Form::kService);
  if (in_.accept("func")) return reference(Form::kFunc);
  return in_.error_at(token, fmt::format("a value wanted, not {}", in_.spelled(token)));
}

Result<NodeIdx> ValueReader::number() {
  const bool negative = in_.is("-");
  if (!in_.accept("-")) in_.accept("+");
  const Token token = in_.peek();
  if (in_.accept("inf")) {
    return add({.form = Form::kNotFinite, .negative = negative, .token = token});
  }
  if (token.kind != TokenKind::kNumber)
    return in_.error_at(token, "a number wanted after its sign");
  in_.advance();
  return add({.form = Form::kNumber, .negative = negative, .token = token});
}

Result<NodeIdx> ValueReader::list() {
  Node node{.form = Form::kVec, .token = in_.peek()};
  CANREC_CHECK(in_.expect("{", "after `vec`"));
  while (!in_.is("}")) {
    CANREC_TRY(const NodeIdx item, annotated());
    node.items.push_back(item);
    if (!in_.accept(";")) break;
  }
  CANREC_CHECK(in_.expect("}", "at the end of a vector"));
  return add(std::move(node));
}

Result<std::string> ValueReader::name(std::string_view what) {
  const Token token = in_.peek();
  if (token.kind == TokenKind::kString) {
    in_.advance();
    return in_.unescape_text(token);
  }
  if (token.kind == TokenKind::kWord && !is_reserved_word(in_.text(token))) {
    in_.advance();
    return std::string(in_.text(token));
  }
  return in_.error_at(token, fmt::format("{} wanted, not {}", what, in_.spelled(token)));
}

Result<uint32_t> ValueReader::label_number() {
  const Token token = in_.peek();
  auto number = BigInt::parse(in_.text(token), false);
  if (!number || !number->fits_u64() || number->magnitude64() > UINT32_MAX) {
    return in_.error_at(token, "a label below 2^32 wanted");
  }
  in_.advance();
  return static_cast<uint32_t>(number->magnitude64());
}

Result<Member> ValueReader::record_field(uint64_t next_label) {
  Member member{.label = 0, .name = {}, .value = 0};
  const Token token = in_.peek();
  if (in_.is("=", 1) && token.kind == TokenKind::kNumber) {
    CANREC_TRY(member.label, label_number());
    in_.advance();
  } else if (in_.is("=", 1)) {
    CANREC_TRY(member.name, name("a label"));
    member.label = label_hash(*member.name);
    in_.advance();
  } else if (next_label > UINT32_MAX) {
    return in_.error_at(Errc::kCandidType, token, "the next label would be 2^32");
  } else {
    member.label = static_cast<uint32_t>(next_label);
  }
  CANREC_TRY(member.value, annotated());
  return member;
}

Result<Member> ValueReader::tag() {
  Member member{.label = 0, .name = {}, .value = 0};
  const Token token = in_.peek();
  if (token.kind == TokenKind::kNumber) {
    CANREC_TRY(member.label, label_number());
  } else {
    CANREC_TRY(member.name, name("a tag"));
    member.label = label_hash(*member.name);
  }
  if (in_.accept("=")) {
    CANREC_TRY(member.value, annotated());
  } else {
    member.value = add({.form = Form::kNull, .token = token});
  }
  return member;
}

Result<NodeIdx> ValueReader::fields(Form form) {
  const std::string_view what = form == Form::kRecord ? "record" : "variant";
  Node node{.form = form, .token = in_.peek()};
  CANREC_CHECK(in_.expect("{", fmt::format("after `{}`", what)));
  if (form == Form::kVariant) {
    CANREC_TRY(Member member, tag());
    node.members.push_back(std::move(member));
    in_.accept(";");
  } else {
    std::set<uint32_t> seen;
    uint64_t next_label = 0;
    while (!in_.is("}")) {
      const Token token = in_.peek();
      CANREC_TRY(Member member, record_field(next_label));
      next_label = uint64_t{member.label} + 1;
      if (!seen.insert(member.label).second) {
        return in_.error_at(Errc::kCandidType, token, "a label stands twice in one record");
      }
      node.members.push_back(std::move(member));
      if (!in_.accept(";")) break;
    }
  }
  CANREC_CHECK(in_.expect("}", fmt::format("at the end of a {}", what)));
  return add(std::move(node));
}

Result<NodeIdx> ValueReader::reference(Form form) {
  const Token token = in_.peek();
  if (token.kind != TokenKind::kString) {
    return in_.error_at(token, "a principal in quotes wanted");
  }
  in_.advance();
  CANREC_TRY(const std::string spelled, in_.unescape_text(token));
  const auto principal = ic::Principal::parse(spelled);
  if (!principal) return in_.error_at(token, principal.error().message());
  Node node{.form = form, .token = token, .text = std::string(as_text(principal->bytes()))};
  if (form == Form::kFunc) {
    CANREC_CHECK(in_.expect(".", "after the principal of a function"));
    CANREC_TRY(node.method, name("a method name"));
  }
  return add(std::move(node));
}

// ---- giving types

// Turns nodes into values at types of one environment.
class Typist {
 public:
  Typist(const Tokens& tokens, const Syntax& syntax, const TypeEnv& env, Arena& arena)
      : in_(tokens), syntax_(syntax), env_(env), arena_(arena) {}

  Result<Value> value(NodeIdx node, TypeIdx type);

 private:
  Result<Value> number(const Node& node, Kind kind);
  Result<Value> integer(const Node& node, Kind kind);
  Result<Value> floating(const Node& node, Kind kind);
  Result<Value> vec(const Node& node, const Type& type);
  Result<Value> blob_of(const Node& node);
  Result<Value> record(const Node& node, const Type& type);
  Result<Value> annotated(const Node& node, TypeIdx type);
  std::unexpected<Error> mismatch(const Node& node, std::string_view message) const {
    return in_.error_at(Errc::kCandidMismatch, node.token, message);
  }

  const Tokens& in_;
  const Syntax& syntax_;
  const TypeEnv& env_;
  Arena& arena_;
};

std::string_view form_words(Form form) {
  switch (form) {
    case Form::kBool:
      return "a bool";
    case Form::kNull:
      return "null";
    case Form::kNumber:
    case Form::kNotFinite:
      return "a number";
    case Form::kText:
      return "a text";
    case Form::kBlob:
      return "a blob";
    case Form::kSome:
      return "an option";
    case Form::kVec:
      return "a vector";
    case Form::kRecord:
      return "a record";
    case Form::kVariant:
      return "a variant";
    case Form::kPrincipal:
      return "a principal";
    case Form::kService:
      return "a service";
    case Form::kFunc:
      return "a function";
    case Form::kAnnotated:
      return "an annotated value";
  }
  CANREC_ASSERT(false);
}

bool is_float_literal(std::string_view digits) {
  if (digits.find('.') != std::string_view::npos) return true;
  const bool hex = digits.starts_with("0x");
  return digits.find_first_of(hex ? "pP" : "eE") != std::string_view::npos;
}

Result<Value> Typist::integer(const Node& node, Kind kind) {
  const std::string_view digits = in_.text(node.token);
  if (is_float_literal(digits)) {
    return mismatch(node, fmt::format("{} is written without a fraction", kind_name(kind)));
  }
  auto parsed = BigInt::parse(digits, node.negative);
  if (!parsed) return in_.error_at(parsed.error().code(), node.token, parsed.error().message());
  const BigInt& number = *parsed;
  const auto out_of_range = [&] {
    return mismatch(node, fmt::format("the number is out of range for {}", kind_name(kind)));
  };
  const auto natural = [&](uint64_t largest) -> Result<Value> {
    if (!number.fits_u64() || number.magnitude64() > largest) return out_of_range();
    return Value::natural(number.magnitude64());
  };
  const auto signed_of = [&](int64_t least, int64_t largest) -> Result<Value> {
    if (!number.fits_s64() || number.to_s64() < least || number.to_s64() > largest) {
      return out_of_range();
    }
    return Value::integer(number.to_s64());
  };
  switch (kind) {
    case Kind::kNat:
      if (number.negative()) return out_of_range();
      return Value::nat(arena_, number);
    case Kind::kInt:
      return Value::int_of(arena_, number);
    case Kind::kNat8:
      return natural(UINT8_MAX);
    case Kind::kNat16:
      return natural(UINT16_MAX);
    case Kind::kNat32:
      return natural(UINT32_MAX);
    case Kind::kNat64:
      return natural(UINT64_MAX);
    case Kind::kInt8:
      return signed_of(INT8_MIN, INT8_MAX);
    case Kind::kInt16:
      return signed_of(INT16_MIN, INT16_MAX);
    case Kind::kInt32:
      return signed_of(INT32_MIN, INT32_MAX);
    default:
      return signed_of(INT64_MIN, INT64_MAX);
  }
}

template <typename Float>
std::optional<Float> parse_float(std::string_view digits, bool negative) {
  std::string plain;
  for (const char c : digits) {
    if (c != '_') plain += c;
  }
  const bool hex = plain.starts_with("0x");
  const char* begin = plain.data() + (hex ? 2 : 0);
  Float value = 0;
  const auto [end, errc] =
      std::from_chars(begin, plain.data() + plain.size(), value,
                      hex ? std::chars_format::hex : std::chars_format::general);
  if (end != plain.data() + plain.size()) return std::nullopt;
  if (errc == std::errc::result_out_of_range) {
    // Too large or too small: from_chars leaves the value alone, the exponent's sign tells which.
    const size_t exponent = plain.find_first_of(hex ? "pP" : "eE");
    const bool tiny = exponent != std::string::npos ? plain[exponent + 1] == '-'
                                                    : plain.starts_with("0.") || plain[0] == '.';
    value = tiny ? Float{0} : std::numeric_limits<Float>::infinity();
  } else if (errc != std::errc{}) {
    return std::nullopt;
  }
  return negative ? -value : value;
}

Result<Value> Typist::floating(const Node& node, Kind kind) {
  if (node.form == Form::kNotFinite) {
    const bool nan = in_.text(node.token) == "NaN";
    const double value = nan ? std::numeric_limits<double>::quiet_NaN()
                             : (node.negative ? -1 : 1) * std::numeric_limits<double>::infinity();
    return kind == Kind::kFloat32 ? Value::float32(static_cast<float>(value))
                                  : Value::float64(value);
  }
  const std::string_view digits = in_.text(node.token);
  if (!is_float_literal(digits)) {
    return mismatch(node,
                    fmt::format("{} needs a point or an exponent: {}.0", kind_name(kind), digits));
  }
  if (kind == Kind::kFloat32) {
    if (const auto value = parse_float<float>(digits, node.negative)) return Value::float32(*value);
  } else if (const auto value = parse_float<double>(digits, node.negative)) {
    return Value::float64(*value);
  }
  return in_.error_at(node.token, "a float wanted");
}

Result<Value> Typist::number(const Node& node, Kind kind) {
  if (kind == Kind::kFloat32 || kind == Kind::kFloat64) return floating(node, kind);
  if (node.form == Form::kNotFinite || kind < Kind::kNat || kind > Kind::kInt64) {
    return mismatch(node, fmt::format("{} wanted, not a number", kind_name(kind)));
  }
  return integer(node, kind);
}

Result<Value> Typist::blob_of(const Node& node) {
  Bytes bytes;
  bytes.reserve(node.items.size());
  for (const NodeIdx item : node.items) {
    CANREC_TRY(const Value byte, value(item, primitive(Kind::kNat8)));
    bytes.push_back(static_cast<uint8_t>(byte.as_unsigned()));
  }
  return Value::blob(arena_, bytes);
}

Result<Value> Typist::vec(const Node& node, const Type& type) {
  const bool bytes = env_.kind(type.inner) == Kind::kNat8;
  if (node.form == Form::kBlob && bytes) return Value::blob(arena_, as_bytes(node.text));
  if (node.form != Form::kVec) {
    return mismatch(node, fmt::format("a vector wanted, not {}", form_words(node.form)));
  }
  if (bytes) return blob_of(node);
  std::vector<Value> items;
  items.reserve(node.items.size());
  for (const NodeIdx item : node.items) {
    CANREC_TRY(const Value made, value(item, type.inner));
    items.push_back(made);
  }
  return Value::list(arena_, items);
}

Result<Value> Typist::record(const Node& node, const Type& type) {
  std::vector<std::optional<Value>> found(type.fields.size());
  for (const Member& member : node.members) {
    const auto place = find_field(type.fields, member.label);
    if (!place) continue;
    CANREC_TRY(found[*place], value(member.value, type.fields[*place].type));
  }
  std::vector<Value> values(type.fields.size());
  for (size_t i = 0; i < values.size(); ++i) {
    if (found[i]) {
      values[i] = *found[i];
    } else if (!env_.is_nullable(type.fields[i].type)) {
      return mismatch(node, fmt::format("field {} is missing", type.fields[i].words()));
    }
  }
  return Value::list(arena_, values);
}

// Reads at the annotation, then takes the value over to the type wanted: as bytes, which is the
// one place that knows how values change from a subtype to its supertype.
Result<Value> Typist::annotated(const Node& node, TypeIdx type) {
  const TypeEnv& from = syntax_.env;
  const Kind kind = from.kind(node.annotation);
  const Kind wanted = env_.kind(type);
  if (kind == wanted && kind < Kind::kOpt) return value(node.items[0], type);
  Arena own;
  CANREC_TRY(const Value made,
             Typist(in_, syntax_, from, own).value(node.items[0], node.annotation));
  const bool kinds_fit = kind == wanted || wanted == Kind::kReserved ||
                         (kind == Kind::kNat && wanted == Kind::kInt) ||
                         (kind == Kind::kNull && wanted == Kind::kOpt) ||
                         (kind == Kind::kService && wanted == Kind::kPrincipal);
  CANREC_TRY(const bool fits, is_subtype({&from, node.annotation}, {&env_, type}));
  if (!kinds_fit || !fits) {
    return mismatch(
        node, fmt::format("the annotation does not fit the type wanted, {}", kind_name(wanted)));
  }
  const TypeIdx annotation[] = {node.annotation};
  const TypeIdx target[] = {type};
  CANREC_TRY(const Bytes bytes, encode(from, annotation, {&made, 1}));
  CANREC_TRY(const Header header, read_header(bytes));
  std::vector<Value> values;
  TreeSink sink(arena_, values);
  DecodeOptions options;
  options.max_depth = 2 * kMaxTextDepth;
  CANREC_CHECK(decode_values(bytes, header, {&env_, target}, options, sink));
  return values[0];
}

Result<Value> Typist::value(NodeIdx idx, TypeIdx wanted) {
  const Node& node = syntax_.nodes[idx];
  const Type& type = env_.resolved(wanted);
  if (node.form == Form::kAnnotated) return annotated(node, wanted);
  if (type.kind == Kind::kReserved) return Value();
  if (type.kind == Kind::kVec) return vec(node, type);
  if (type.kind == Kind::kOpt) {
    if (node.form == Form::kNull) return Value();
    if (node.form == Form::kSome) {
      CANREC_TRY(const Value inner, value(node.items[0], type.inner));
      return Value::some(arena_, inner);
    }
    return mismatch(node, fmt::format("`opt` or `null` wanted, not {}", form_words(node.form)));
  }
  const auto is = [&](Form form, Kind kind) { return node.form == form && type.kind == kind; };
  if (node.form == Form::kNumber || node.form == Form::kNotFinite) return number(node, type.kind);
  if (is(Form::kBool, Kind::kBool)) return Value::boolean(!node.negative);
  if (is(Form::kNull, Kind::kNull)) return Value();
  if (is(Form::kText, Kind::kText)) return Value::text(arena_, node.text);
  if (is(Form::kPrincipal, Kind::kPrincipal) || is(Form::kService, Kind::kService)) {
    return Value::principal(arena_, as_bytes(node.text));
  }
  if (is(Form::kFunc, Kind::kFunc)) {
    return Value::func(arena_, {as_bytes(node.text), node.method});
  }
  if (is(Form::kRecord, Kind::kRecord)) return record(node, type);
  if (is(Form::kVariant, Kind::kVariant)) {
    const Member& member = node.members[0];
    const auto place = find_field(type.fields, member.label);
    if (!place) {
      return mismatch(node, fmt::format("the type has no tag {}",
                                        member.name ? *member.name : std::to_string(member.label)));
    }
    CANREC_TRY(const Value payload, value(member.value, type.fields[*place].type));
    return Value::variant(arena_, *place, payload);
  }
  return mismatch(node,
                  fmt::format("{} wanted, not {}", kind_name(type.kind), form_words(node.form)));
}

// The type that a node suggests; new types go to the environment of the text.
TypeIdx infer(const Tokens& in, Syntax& syntax, NodeIdx idx) {
  const Node& node = syntax.nodes[idx];
  TypeEnv& env = syntax.env;
  switch (node.form) {
    case Form::kBool:
      return primitive(Kind::kBool);
    case Form::kNull:
      return primitive(Kind::kNull);
    case Form::kNumber:
      return primitive(is_float_literal(in.text(node.token)) ? Kind::kFloat64 : Kind::kInt);
    case Form::kNotFinite:
      return primitive(Kind::kFloat64);
    case Form::kText:
      return primitive(Kind::kText);
    case Form::kBlob:
      return env.add_vec(primitive(Kind::kNat8));
    case Form::kSome:
      return env.add_opt(infer(in, syntax, node.items[0]));
    case Form::kVec:
      return env.add_vec(node.items.empty() ? primitive(Kind::kEmpty)
                                            : infer(in, syntax, node.items[0]));
    case Form::kRecord:
    case Form::kVariant: {
      std::vector<Field> fields;
      for (const Member& member : node.members) {
        Field field;
        field.label = member.label;
        field.name = member.name;
        field.type = infer(in, syntax, member.value);
        fields.push_back(std::move(field));
      }
      return env.add_fields(node.form == Form::kRecord ? Kind::kRecord : Kind::kVariant,
                            std::move(fields));
    }
    case Form::kPrincipal:
      return primitive(Kind::kPrincipal);
    case Form::kService:
    case Form::kFunc: {
      Type type;
      type.kind = node.form == Form::kFunc ? Kind::kFunc : Kind::kService;
      return env.add(std::move(type));
    }
    case Form::kAnnotated:
      return node.annotation;
  }
  CANREC_ASSERT(false);
}

}  // namespace

Result<Message> parse_args(std::string_view text) {
  CANREC_TRY(Tokens tokens, Tokens::cut(text));
  Syntax syntax;
  CANREC_CHECK(ValueReader(tokens, syntax).args());
  Message result;
  for (const NodeIdx arg : syntax.args) result.types.push_back(infer(tokens, syntax, arg));
  Typist typist(tokens, syntax, syntax.env, result.arena);
  for (size_t i = 0; i < syntax.args.size(); ++i) {
    CANREC_TRY(const Value value, typist.value(syntax.args[i], result.types[i]));
    result.values.push_back(value);
  }
  result.env = std::move(syntax.env);
  return result;
}

namespace {

std::unexpected<Error> wrong_count(size_t given, const TypeEnv& env,
                                   std::span<const TypeIdx> types) {
  constexpr uint32_t kDepth = 3;  // enough to recognise a type by
  std::vector<std::string> wanted;
  for (const TypeIdx type : types) wanted.push_back(print_type(env, type, kDepth));
  return fail(Errc::kCandidMismatch, fmt::format("{} arguments given, {} wanted: ({})", given,
                                                 types.size(), fmt::join(wanted, ", ")));
}

}  // namespace

Result<Values> parse_args(std::string_view text, const TypeEnv& env,
                          std::span<const TypeIdx> types) {
  CANREC_TRY(Tokens tokens, Tokens::cut(text));
  Syntax syntax;
  CANREC_CHECK(ValueReader(tokens, syntax).args());
  if (syntax.args.size() > types.size()) {
    return wrong_count(syntax.args.size(), env, types);
  }
  Values result;
  Typist typist(tokens, syntax, env, result.arena);
  for (size_t i = 0; i < types.size(); ++i) {
    if (i < syntax.args.size()) {
      CANREC_TRY(const Value value, typist.value(syntax.args[i], types[i]));
      result.values.push_back(value);
    } else if (env.is_nullable(types[i])) {
      result.values.emplace_back();
    } else {
      return wrong_count(syntax.args.size(), env, types);
    }
  }
  return result;
}

}  // namespace canrec::candid
