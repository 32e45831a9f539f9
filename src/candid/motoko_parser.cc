// SPDX-License-Identifier: Apache-2.0
// The parser of stable signatures.
#include <fmt/core.h>

#include <algorithm>
#include <array>

#include "base/checked.h"
#include "candid/motoko_combine.h"
#include "candid/motoko_lexer.h"
#include "candid/motoko_signature.h"
#include "candid/motoko_subtype.h"

namespace canrec::candid::motoko {
namespace {

// Levels of types inside types in a text. Reason: the parser recurses once a level.
constexpr uint32_t kMaxDepth = 512;

constexpr std::array<std::string_view, 22> kPrimitives = {
    "Null", "Bool",      "Nat",    "Nat8",  "Nat16", "Nat32",   "Nat64", "Int",
    "Int8", "Int16",     "Int32",  "Int64", "Float", "Float32", "Char",  "Text",
    "Blob", "Principal", "Region", "Any",   "None",  "Error"};

class Parser {
 public:
  Parser(Tokens& tokens, TypeStore& store) : in_(tokens), store_(store) {}

  Result<Signature> signature();

 private:
  // A type, or several in one pair of brackets, which matters in front of an arrow.
  struct Group {
    bool brackets = false;
    std::vector<TypeIdx> types;
  };

  Result<TypeIdx> type();
  Result<TypeIdx> meets();
  Result<TypeIdx> combined(Bound bound, TypeIdx left, TypeIdx right);
  Result<Group> function_or_less(bool brackets_kept);
  Result<Group> operand();
  Result<Group> operand_inside();
  Result<Group> bracketed();
  Result<TypeIdx> array();
  Result<TypeIdx> object_or_variant(Kind kind);
  Result<Field> object_field();
  Result<Field> tag();
  Result<TypeIdx> shared_function();
  Result<TypeIdx> function(Sharing sharing, const Group& arguments);
  Result<std::vector<TypeIdx>> parameters();
  Result<TypeIdx> named();
  Result<Field> type_field();
  std::unexpected<Error> too_long() const {
    return in_.error("the types take too many steps to read", Errc::kLimit);
  }
  void forget_parameters(size_t levels);
  Status definition_names();
  Status definitions();
  Result<std::vector<StableField>> fields(bool before);
  Status migrations(Signature& out);
  TypeIdx as_type(const Group& group);
  TypeIdx wrap(Kind kind, TypeIdx inner, std::string_view name = {});

  Tokens& in_;
  TypeStore& store_;
  uint32_t depth_ = 0;
  std::map<std::string, uint32_t, std::less<>> definitions_;
  std::vector<std::string> parameters_;  // in scope, by level
  std::vector<TypeIdx> bounds_;          // of the parameters in scope
  std::vector<ParserNote> notes_;
};

TypeIdx Parser::wrap(Kind kind, TypeIdx inner, std::string_view name) {
  Type type;
  type.kind = kind;
  type.name = name;
  type.parts = {inner};
  return store_.intern(std::move(type));
}

TypeIdx Parser::as_type(const Group& group) {
  if (group.types.size() == 1) return group.types[0];
  Type tuple;
  tuple.kind = Kind::kTuple;
  tuple.parts = group.types;
  return store_.intern(std::move(tuple));
}

// `and` binds tighter than `or`.
Result<TypeIdx> Parser::type() {
  CANREC_TRY(TypeIdx result, meets());
  while (in_.accept("or")) {
    CANREC_TRY(const TypeIdx next, meets());
    CANREC_TRY(result, combined(Bound::kJoin, result, next));
  }
  return result;
}

Result<TypeIdx> Parser::meets() {
  CANREC_TRY(const Group first, function_or_less(false));
  TypeIdx result = as_type(first);
  while (in_.accept("and")) {
    CANREC_TRY(const Group next, function_or_less(false));
    CANREC_TRY(result, combined(Bound::kMeet, result, as_type(next)));
  }
  return result;
}

// What the compiler warns about: that nothing, or everything, is a value of the result.
Result<TypeIdx> Parser::combined(Bound bound, TypeIdx left, TypeIdx right) {
  const auto result = combine(store_, bound, left, right, bounds_);
  if (!result) return in_.error(result.error().message(), result.error().code());
  const bool meet = bound == Bound::kMeet;
  const TypeIdx empty = store_.primitive(meet ? "None" : "Any");
  if (*result == empty && left != empty && right != empty) {
    std::string note =
        fmt::format("{} {} {} is {}: the types have nothing in common", store_.print(left),
                    meet ? "and" : "or", store_.print(right), meet ? "None" : "Any");
    if (!store_.take_steps(note.size())) return too_long();
    notes_.push_back({meet ? "M0166" : "M0167", std::move(note)});
  }
  return *result;
}

Result<Parser::Group> Parser::function_or_less(bool brackets_kept) {
  if (in_.is("shared")) {
    CANREC_TRY(const TypeIdx func, shared_function());
    return Group{false, {func}};
  }
  const size_t levels = parameters_.size();
  if (in_.is("<")) {
    // A local function with type parameters.
    CANREC_TRY(std::vector<TypeIdx> bounds, parameters());
    CANREC_TRY(Group arguments, operand());
    const auto count = narrow<uint32_t>(bounds.size());
    if (!arguments.brackets) arguments = {true, {as_type(arguments)}};
    arguments.types.insert(arguments.types.begin(), bounds.begin(), bounds.end());
    CANREC_TRY(const TypeIdx func, function(Sharing::kLocal, arguments));
    forget_parameters(levels);
    Type type = store_.at(func);
    type.bounds = count;
    return Group{false, {store_.intern(std::move(type))}};
  }
  CANREC_TRY(Group left, operand());
  if (!in_.is("->")) {
    if (!brackets_kept) return Group{false, {as_type(left)}};
    return left;
  }
  CANREC_TRY(const TypeIdx func, function(Sharing::kLocal, left));
  return Group{false, {func}};
}

// After the arguments, at the arrow. A future of two items has two results.
Result<TypeIdx> Parser::function(Sharing sharing, const Group& arguments) {
  CANREC_CHECK(in_.expect("->"));
  const bool future = sharing != Sharing::kLocal && in_.is("async") && in_.peek(1).text != "*";
  Group results;
  if (future) {
    in_.advance();
    CANREC_TRY(results, operand());
  } else {
    CANREC_TRY(results, function_or_less(true));
  }
  Type func;
  func.kind = Kind::kFunction;
  func.sharing = sharing;
  if (future) func.name = "async";
  func.parts = arguments.types;
  func.results = results.types;
  return store_.intern(std::move(func));
}

void Parser::forget_parameters(size_t levels) {
  parameters_.resize(levels);
  bounds_.resize(levels);
}

Result<TypeIdx> Parser::shared_function() {
  in_.advance();
  Sharing sharing = Sharing::kShared;
  if (in_.accept("composite")) {
    CANREC_CHECK(in_.expect("query"));
    sharing = Sharing::kCompositeQuery;
  } else if (in_.accept("query")) {
    sharing = Sharing::kQuery;
  }
  CANREC_TRY(const Group arguments, operand());
  return function(sharing, arguments);
}

// "<T <: Bound, U>": pushes the names, answers the bounds.
Result<std::vector<TypeIdx>> Parser::parameters() {
  std::vector<TypeIdx> bounds;
  CANREC_CHECK(in_.expect("<"));
  while (!in_.is(">")) {
    CANREC_TRY(std::string name, in_.word("a type parameter"));
    parameters_.push_back(std::move(name));
    TypeIdx bound = store_.primitive("Any");
    bounds_.push_back(bound);
    if (in_.accept("<:")) {
      CANREC_TRY(bound, type());
    }
    bounds_.back() = bound;
    bounds.push_back(bound);
    if (!in_.accept(",")) break;
  }
  CANREC_CHECK(in_.expect(">"));
  return bounds;
}

Result<Parser::Group> Parser::operand() {
  if (store_.full()) return in_.error("the types are too many or too wide", Errc::kLimit);
  if (depth_ == kMaxDepth) {
    return in_.error(fmt::format("types nest deeper than {} levels", kMaxDepth), Errc::kLimit);
  }
  ++depth_;
  auto result = operand_inside();
  --depth_;
  return result;
}

Result<Parser::Group> Parser::operand_inside() {
  if (in_.is("(")) return bracketed();
  TypeIdx result{};
  if (in_.accept("?")) {
    CANREC_TRY(const Group inner, operand());
    result = wrap(Kind::kOption, as_type(inner));
  } else if (in_.is("[")) {
    CANREC_TRY(result, array());
  } else if (in_.is("{")) {
    CANREC_TRY(result, object_or_variant(Kind::kObject));
  } else if (in_.accept("actor")) {
    CANREC_TRY(result, object_or_variant(Kind::kActor));
  } else if (in_.accept("module")) {
    CANREC_TRY(result, object_or_variant(Kind::kModule));
  } else if (in_.accept("object")) {
    CANREC_TRY(result, object_or_variant(Kind::kObject));
  } else if (in_.accept("weak")) {
    CANREC_TRY(const Group inner, operand());
    result = wrap(Kind::kWeak, as_type(inner));
  } else if (in_.accept("async")) {
    const std::string_view name = in_.accept("*") ? "async*" : "async";
    CANREC_TRY(const Group inner, operand());
    result = wrap(Kind::kAsync, as_type(inner), name);
  } else {
    CANREC_TRY(result, named());
  }
  return Group{false, {result}};
}

// "()", "(T)", "(name : T, U)".
Result<Parser::Group> Parser::bracketed() {
  in_.advance();
  Group group{true, {}};
  while (!in_.is(")")) {
    if (in_.peek().kind == Token::Kind::kWord && in_.peek(1).text == ":" &&
        in_.peek(1).kind == Token::Kind::kPunct) {
      in_.advance();
      in_.advance();
    }
    CANREC_TRY(const TypeIdx item, type());
    group.types.push_back(item);
    if (!in_.accept(",")) break;
  }
  CANREC_CHECK(in_.expect(")"));
  return group;
}

Result<TypeIdx> Parser::array() {
  in_.advance();
  const bool is_var = in_.accept("var");
  CANREC_TRY(TypeIdx element, type());
  if (is_var) element = wrap(Kind::kMutable, element);
  CANREC_CHECK(in_.expect("]"));
  return wrap(Kind::kArray, element);
}

// "type T<A> = [A]", behind the keyword.
Result<Field> Parser::type_field() {
  CANREC_TRY(const std::string name, in_.word("a type name"));
  const size_t levels = parameters_.size();
  Type meaning;
  meaning.kind = Kind::kTypeField;
  if (in_.is("<")) {
    CANREC_TRY(meaning.parts, parameters());
    meaning.bounds = narrow<uint32_t>(meaning.parts.size());
  }
  CANREC_CHECK(in_.expect("="));
  CANREC_TRY(const TypeIdx body, type());
  forget_parameters(levels);
  meaning.results = {body};
  return Field{"type " + name, store_.intern(std::move(meaning))};
}

Result<Field> Parser::object_field() {
  if (in_.accept("type")) return type_field();
  Field field;
  const bool is_var = in_.accept("var");
  CANREC_TRY(field.name, in_.word("a field name"));
  CANREC_CHECK(in_.expect(":"));
  CANREC_TRY(field.type, type());
  if (is_var) field.type = wrap(Kind::kMutable, field.type);
  return field;
}

Result<Field> Parser::tag() {
  Field field;
  CANREC_TRY(field.name, in_.word("a tag"));
  if (in_.accept(":")) {
    CANREC_TRY(field.type, type());
  } else {
    field.type = as_type({true, {}});
  }
  return field;
}

Result<TypeIdx> Parser::object_or_variant(Kind kind) {
  CANREC_CHECK(in_.expect("{"));
  Type result;
  result.kind = kind;
  bool first = true;
  while (!in_.is("}")) {
    const bool hash = in_.accept("#");
    if (first && hash) result.kind = Kind::kVariant;
    if (hash != (result.kind == Kind::kVariant) || (hash && kind != Kind::kObject)) {
      return in_.error("fields and tags do not mix");
    }
    if (hash && first && in_.is("}")) break;  // {#}: no tags
    first = false;
    CANREC_TRY(Field field, hash ? tag() : object_field());
    result.fields.push_back(std::move(field));
    if (!in_.accept(";")) break;
  }
  CANREC_CHECK(in_.expect("}"));
  std::ranges::sort(result.fields, {}, &Field::name);
  const auto twice = std::ranges::adjacent_find(result.fields, {}, &Field::name);
  if (twice != result.fields.end()) {
    return in_.error(fmt::format("field {} stands twice (M0018)", twice->name), Errc::kCandidType);
  }
  return store_.intern(std::move(result));
}

Result<TypeIdx> Parser::named() {
  const Token token = in_.peek();
  if (token.kind != Token::Kind::kWord) {
    return in_.error(
        fmt::format("a type wanted, not `{}`", in_.at_end() ? "the end of the text" : token.text));
  }
  if (!store_.take_steps(1 + parameters_.size())) return too_long();
  const auto parameter = std::find(parameters_.rbegin(), parameters_.rend(), token.text);
  if (parameter != parameters_.rend()) {
    in_.advance();
    Type type;
    type.kind = Kind::kParameter;
    type.number = static_cast<uint32_t>(parameters_.rend() - parameter - 1);
    type.name = token.text;
    return store_.intern(std::move(type));
  }
  const auto definition = definitions_.find(token.text);
  if (definition == definitions_.end()) {
    if (std::ranges::find(kPrimitives, token.text) == kPrimitives.end()) {
      return in_.error(fmt::format("unbound type {} (M0029)", token.text), Errc::kCandidType);
    }
    in_.advance();
    return store_.primitive(token.text);
  }
  in_.advance();
  Type type;
  type.kind = Kind::kNamed;
  type.number = definition->second;
  if (in_.accept("<")) {
    while (!in_.is(">")) {
      CANREC_TRY(const TypeIdx argument, this->type());
      type.parts.push_back(argument);
      if (!in_.accept(",")) break;
    }
    CANREC_CHECK(in_.expect(">"));
  }
  if (type.parts.size() != store_.definition(type.number).bounds.size()) {
    return in_.error(fmt::format("type {} has another number of arguments", token.text),
                     Errc::kCandidType);
  }
  return store_.intern(std::move(type));
}

// All names first, because definitions may refer to later ones.
Status Parser::definition_names() {
  const size_t begin = in_.place();
  for (size_t nested = 0; !in_.at_end(); in_.advance()) {
    if (in_.is("{") || in_.is("(")) ++nested;
    if ((in_.is("}") || in_.is(")")) && nested > 0) --nested;
    if (nested != 0 || !in_.is("type")) continue;
    in_.advance();
    CANREC_TRY(const std::string name, in_.word("a type name"));
    const uint32_t number = store_.add_definition(name);
    if (!definitions_.emplace(name, number).second) {
      return in_.error(fmt::format("type {} is defined twice", name), Errc::kCandidType);
    }
    // The number of parameters is needed before the bounds are read.
    if (in_.is("<")) {
      size_t depth = 0;
      size_t count = 1;
      for (; !in_.at_end(); in_.advance()) {
        if (in_.is("<")) ++depth;
        if (in_.is(",") && depth == 1) ++count;
        if (in_.is(">") && --depth == 0) break;
      }
      store_.definition(number).bounds.assign(count, store_.primitive("Any"));
    }
  }
  in_.go_back(begin);
  return Ok{};
}

Status Parser::definitions() {
  CANREC_CHECK(definition_names());
  while (in_.accept("type")) {
    CANREC_TRY(const std::string name, in_.word("a type name"));
    const uint32_t number = definitions_.at(name);
    if (in_.is("<")) {
      CANREC_TRY(std::vector<TypeIdx> bounds, parameters());
      if (bounds.size() != store_.definition(number).bounds.size()) {
        return in_.error("type parameters are not understood");
      }
      store_.definition(number).bounds = std::move(bounds);
    }
    CANREC_CHECK(in_.expect("="));
    CANREC_TRY(const TypeIdx body, type());
    store_.definition(number).body = body;
    store_.definition(number).defined = true;
    forget_parameters(0);
    if (!in_.accept(";") && !in_.is("actor") && !in_.is("{")) return in_.expect(";");
  }
  for (const auto& [name, number] : definitions_) {
    if (!store_.definition(number).defined)
      return in_.error(fmt::format("type {} has no meaning", name));
  }
  return Ok{};
}

Result<std::vector<StableField>> Parser::fields(bool before) {
  std::vector<StableField> list;
  CANREC_CHECK(in_.expect("{"));
  while (!in_.is("}")) {
    StableField field;
    field.required = before && in_.accept("in");
    if (!field.required) CANREC_CHECK(in_.expect("stable"));
    field.is_var = in_.accept("var");
    CANREC_TRY(field.name, in_.word("the name of a stable variable"));
    CANREC_CHECK(in_.expect(":"));
    CANREC_TRY(field.type, type());
    CANREC_TRY(const bool stable, is_stable(store_, field.type));
    if (!stable) {
      return in_.error(fmt::format("stable variable {} has type {}, whose values cannot be kept "
                                   "(M0131)",
                                   field.name, store_.print(field.type)),
                       Errc::kCandidType);
    }
    list.push_back(std::move(field));
    if (!in_.accept(";")) break;
  }
  CANREC_CHECK(in_.expect("}"));
  std::ranges::sort(list, {}, &StableField::name);
  const auto twice = std::ranges::adjacent_find(list, {}, &StableField::name);
  if (twice != list.end()) {
    return in_.error(fmt::format("stable variable {} stands twice (M0018)", twice->name),
                     Errc::kCandidType);
  }
  return list;
}

Status Parser::migrations(Signature& out) {
  CANREC_CHECK(in_.expect("{"));
  while (!in_.is("}")) {
    Migration migration;
    if (in_.peek().kind != Token::Kind::kString) {
      return in_.error("the name of a migration in quotes wanted");
    }
    migration.label = in_.peek().text;
    in_.advance();
    CANREC_CHECK(in_.expect(":"));
    CANREC_TRY(migration.type, type());
    out.migrations.push_back(std::move(migration));
    if (!in_.accept(";")) break;
  }
  CANREC_CHECK(in_.expect("}"));
  std::ranges::sort(out.migrations, {}, &Migration::label);
  const auto twice = std::ranges::adjacent_find(out.migrations, {}, &Migration::label);
  if (twice == out.migrations.end()) return Ok{};
  return in_.error(fmt::format("migration {} stands twice (M0018)", twice->label),
                   Errc::kCandidType);
}

Result<Signature> Parser::signature() {
  Signature result;
  CANREC_CHECK(definitions());
  if (in_.is("{")) {
    result.form = Form::kChain;
    CANREC_CHECK(migrations(result));
  }
  CANREC_CHECK(in_.expect("actor"));
  if (result.form != Form::kChain && in_.accept("(")) {
    result.form = Form::kPair;
    CANREC_TRY(result.before, fields(true));
    CANREC_CHECK(in_.expect(","));
    CANREC_TRY(result.fields, fields(false));
    CANREC_CHECK(in_.expect(")"));
  } else {
    CANREC_TRY(result.fields, fields(false));
  }
  in_.accept(";");
  if (!in_.at_end()) return in_.error("nothing may follow the signature");
  result.notes = std::move(notes_);
  return result;
}

}  // namespace

Result<Signature> parse_signature(std::string_view text, TypeStore& store) {
  CANREC_TRY(Tokens tokens, Tokens::cut(text));
  CANREC_TRY(Signature result, Parser(tokens, store).signature());
  result.version = Tokens::version_of(text);
  return result;
}

}  // namespace canrec::candid::motoko
