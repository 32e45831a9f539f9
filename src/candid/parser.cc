// SPDX-License-Identifier: Apache-2.0
// Recursive descent over the tokens of one file, then checks over all files together.
#include "candid/parser.h"

#include <algorithm>
#include <charconv>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include <fmt/core.h>

#include "candid/hash.h"

namespace canrec::candid {
namespace {

// Where something stands: which file, which token.
struct Place {
  size_t file = 0;
  Token token;
};

struct Import {
  std::string path;
  Token token;
  bool service = false;
  size_t file = 0;  // the file it was found to be
};

struct MainService {
  Actor actor;
  Token token;
};

struct File {
  std::string key;
  std::string text;
  std::optional<Tokens> tokens = {};
  std::vector<Import> imports = {};
  std::optional<MainService> main = {};
};

// One program being read: all files share one environment.
class Reader {
 public:
  explicit Reader(TypeEnv& env, bool plain = false) : env_(env), plain_(plain) {}

  Result<TypeIdx> type(Tokens& in);
  Status file(size_t number, Tokens& in, File& out);
  Result<std::vector<Arg>> tuple(Tokens& in);
  Status definition(Tokens& in, size_t number);
  Status check(const std::deque<File>& files);

 private:
  Result<TypeIdx> type_inside(Tokens& in);
  Result<TypeIdx> fields(Tokens& in, Kind kind);
  Result<Field> field(Tokens& in, Kind kind, uint64_t next_label);
  Result<Type> signature(Tokens& in);
  Result<TypeIdx> methods(Tokens& in);
  Result<Method> method(Tokens& in);
  Result<std::string> name(Tokens& in, std::string_view what);
  TypeIdx use_name(Tokens& in);
  Status main_service(Tokens& in, File& out);
  Status check_methods(const std::deque<File>& files) const;
  bool leads_nowhere(TypeIdx idx) const;

  TypeEnv& env_;
  bool plain_;  // no names allowed
  size_t file_ = 0;
  uint32_t depth_ = 0;
  std::map<TypeIdx, Place> first_use_;
  std::map<TypeIdx, Place> defined_at_;
  std::vector<std::pair<TypeIdx, Place>> named_methods_;
};

// An identifier that is no keyword, or a string.
Result<std::string> Reader::name(Tokens& in, std::string_view what) {
  const Token token = in.peek();
  if (token.kind == TokenKind::kString) {
    in.advance();
    return in.unescape_text(token);
  }
  if (token.kind == TokenKind::kWord && !is_reserved_word(in.text(token))) {
    in.advance();
    return std::string(in.text(token));
  }
  return in.error_at(token, fmt::format("{} wanted, not {}", what, in.spelled(token)));
}

TypeIdx Reader::use_name(Tokens& in) {
  const TypeIdx node = env_.name_node(in.text(in.peek()));
  first_use_.emplace(node, Place{file_, in.peek()});
  in.advance();
  return node;
}

Result<TypeIdx> Reader::type(Tokens& in) {
  if (depth_ == kMaxTextDepth) {
    return in.error_at(Errc::kLimit, in.peek(),
                       fmt::format("types nest deeper than {} levels", kMaxTextDepth));
  }
  ++depth_;
  auto result = type_inside(in);
  --depth_;
  return result;
}

Result<TypeIdx> Reader::type_inside(Tokens& in) {
  const Token token = in.peek();
  if (token.kind != TokenKind::kWord) {
    return in.error_at(token, fmt::format("a type wanted, not {}", in.spelled(token)));
  }
  const std::string_view word = in.text(token);
  if (const auto kind = primitive_by_name(word)) {
    in.advance();
    return primitive(*kind);
  }
  if (in.accept("blob")) return env_.add_vec(primitive(Kind::kNat8));
  if (word == "opt" || word == "vec") {
    in.advance();
    CANREC_TRY(const TypeIdx inner, type(in));
    return word == "opt" ? env_.add_opt(inner) : env_.add_vec(inner);
  }
  if (in.accept("record")) return fields(in, Kind::kRecord);
  if (in.accept("variant")) return fields(in, Kind::kVariant);
  if (in.accept("func")) {
    CANREC_TRY(Type func, signature(in));
    return env_.add(std::move(func));
  }
  if (in.accept("service")) return methods(in);
  if (is_reserved_word(word)) {
    return in.error_at(token, fmt::format("a type wanted, not the keyword `{}`", word));
  }
  if (plain_) {
    return in.error_at(Errc::kCandidType, token,
                       fmt::format("`{}` is no type; names cannot be used here", word));
  }
  return use_name(in);
}

// Reads a label that is a number below 2^32.
Result<uint32_t> numeric_label(Tokens& in) {
  const Token token = in.peek();
  std::string digits;
  for (const char c : in.text(token)) {
    if (c != '_') digits += c;
  }
  const bool hex = digits.starts_with("0x");
  const char* begin = digits.data() + (hex ? 2 : 0);
  uint32_t value = 0;
  const auto [end, errc] =
      std::from_chars(begin, digits.data() + digits.size(), value, hex ? 16 : 10);
  if (errc != std::errc{} || end != digits.data() + digits.size()) {
    return in.error_at(token, fmt::format("a label below 2^32 wanted, not {}", in.spelled(token)));
  }
  in.advance();
  return value;
}

Result<Field> Reader::field(Tokens& in, Kind kind, uint64_t next_label) {
  Field field;
  field.docs = in.comments_before();
  const Token token = in.peek();
  bool labelled = false;
  if (token.kind == TokenKind::kNumber) {
    CANREC_TRY(field.label, numeric_label(in));
    labelled = true;
  } else if (kind == Kind::kVariant || in.is(":", 1)) {
    CANREC_TRY(field.name, name(in, "a label"));
    field.label = label_hash(*field.name);
    labelled = true;
  }
  if (!labelled) {
    if (next_label > UINT32_MAX) {
      return in.error_at(Errc::kCandidType, token, "the next label would be 2^32");
    }
    field.label = static_cast<uint32_t>(next_label);
    CANREC_TRY(field.type, type(in));
  } else if (in.accept(":")) {
    CANREC_TRY(field.type, type(in));
  } else if (kind == Kind::kRecord) {
    return in.error_at(in.peek(),
                       fmt::format("`:` wanted after a label, not {}", in.spelled(in.peek())));
  }
  return field;
}

Result<TypeIdx> Reader::fields(Tokens& in, Kind kind) {
  CANREC_CHECK(in.expect("{", fmt::format("after `{}`", kind_name(kind))));
  std::vector<Field> list;
  std::map<uint32_t, Token> seen;
  uint64_t next_label = 0;
  while (!in.is("}")) {
    const Token token = in.peek();
    CANREC_TRY(Field field, field(in, kind, next_label));
    next_label = uint64_t{field.label} + 1;
    if (!seen.emplace(field.label, token).second) {
      return in.error_at(Errc::kCandidType, token,
                         fmt::format("label {} (number {}) stands twice in one {}", field.words(),
                                     field.label, kind_name(kind)));
    }
    const bool more = in.accept(";");
    if (const std::string behind = in.comment_behind(); !behind.empty()) {
      field.docs += (field.docs.empty() ? "" : "\n") + behind;
    }
    list.push_back(std::move(field));
    if (!more) break;
  }
  CANREC_CHECK(in.expect("}", fmt::format("at the end of a {}", kind_name(kind))));
  return env_.add_fields(kind, std::move(list));
}

Result<std::vector<Arg>> Reader::tuple(Tokens& in) {
  CANREC_CHECK(in.expect("(", "before the types of a tuple"));
  std::vector<Arg> list;
  std::set<std::string> names;
  while (!in.is(")")) {
    Arg arg;
    if (in.is(":", 1)) {
      CANREC_TRY(std::string spelled, name(in, "an argument name"));
      // Parsers before 0.4 let a name stand twice; names mean nothing, so the second is dropped.
      if (names.insert(spelled).second) arg.name = std::move(spelled);
      in.advance();
    }
    CANREC_TRY(arg.type, type(in));
    list.push_back(std::move(arg));
    if (!in.accept(",")) break;
  }
  CANREC_CHECK(in.expect(")", "at the end of a tuple"));
  return list;
}

Result<Type> Reader::signature(Tokens& in) {
  Type func;
  func.kind = Kind::kFunc;
  CANREC_TRY(func.args, tuple(in));
  CANREC_CHECK(in.expect("->", "between arguments and results"));
  CANREC_TRY(func.results, tuple(in));
  const Token token = in.peek();
  if (in.accept("query")) {
    func.mode = Mode::kQuery;
  } else if (in.accept("composite_query")) {
    func.mode = Mode::kCompositeQuery;
  } else if (in.accept("oneway")) {
    func.mode = Mode::kOneway;
    if (!func.results.empty()) {
      return in.error_at(Errc::kCandidType, token, "a oneway function has no results");
    }
  }
  if (in.is("query") || in.is("composite_query") || in.is("oneway")) {
    return in.error_at(Errc::kCandidType, in.peek(), "a function has one annotation at most");
  }
  return func;
}

Result<Method> Reader::method(Tokens& in) {
  Method method;
  method.docs = in.comments_before();
  CANREC_TRY(method.name, name(in, "a method name"));
  CANREC_CHECK(in.expect(":", "after a method name"));
  if (in.is("(")) {
    CANREC_TRY(Type func, signature(in));
    method.type = env_.add(std::move(func));
    return method;
  }
  const Token token = in.peek();
  const std::string_view word = in.text(token);
  if (token.kind != TokenKind::kWord || is_reserved_word(word) || primitive_by_name(word)) {
    return in.error_at(token, fmt::format("a function's arguments or the name of a function type "
                                          "wanted, not {}",
                                          in.spelled(token)));
  }
  if (plain_) return in.error_at(Errc::kCandidType, token, "names cannot be used here");
  method.type = use_name(in);
  named_methods_.emplace_back(method.type, Place{file_, token});
  return method;
}

Result<TypeIdx> Reader::methods(Tokens& in) {
  CANREC_CHECK(in.expect("{", "before the methods of a service"));
  Type service;
  service.kind = Kind::kService;
  std::set<std::string> seen;
  while (!in.is("}")) {
    const Token token = in.peek();
    CANREC_TRY(Method method, method(in));
    if (!seen.insert(method.name).second) {
      return in.error_at(Errc::kCandidType, token,
                         fmt::format("method {} stands twice", method.name));
    }
    const bool more = in.accept(";");
    if (const std::string behind = in.comment_behind(); !behind.empty()) {
      method.docs += (method.docs.empty() ? "" : "\n") + behind;
    }
    service.methods.push_back(std::move(method));
    if (!more) break;
  }
  CANREC_CHECK(in.expect("}", "at the end of a service"));
  std::ranges::sort(service.methods, {}, &Method::name);
  return env_.add(std::move(service));
}

// After the word `type`.
Status Reader::definition(Tokens& in, size_t number) {
  std::string docs = in.comments_before();
  in.advance();
  const Token token = in.peek();
  if (token.kind != TokenKind::kWord || is_reserved_word(in.text(token))) {
    return in.error_at(token, fmt::format("a type name wanted, not {}", in.spelled(token)));
  }
  const TypeIdx node = env_.name_node(in.text(token));
  in.advance();
  if (!defined_at_.emplace(node, Place{number, token}).second) {
    return in.error_at(Errc::kCandidType, token,
                       fmt::format("type {} is defined twice", in.text(token)));
  }
  CANREC_CHECK(in.expect("=", "after a type name"));
  CANREC_TRY(const TypeIdx meaning, type(in));
  if (const std::string behind = in.is(";") ? std::string() : in.comment_behind();
      !behind.empty()) {
    docs += (docs.empty() ? "" : "\n") + behind;
  }
  env_.define(node, meaning, std::move(docs));
  return Ok{};
}

Status Reader::main_service(Tokens& in, File& out) {
  MainService main;
  main.token = in.peek();
  main.actor.docs = in.comments_before();
  in.advance();
  if (in.peek().kind == TokenKind::kWord && !is_reserved_word(in.text(in.peek()))) {
    main.actor.name = in.text(in.peek());
    in.advance();
  }
  CANREC_CHECK(in.expect(":", "after `service`"));
  if (in.is("(")) {
    CANREC_TRY(main.actor.constructor, tuple(in));
    CANREC_CHECK(in.expect("->", "after the arguments of a service"));
  }
  const Token token = in.peek();
  if (in.is("{")) {
    CANREC_TRY(main.actor.service, methods(in));
  } else if (token.kind == TokenKind::kWord && !is_reserved_word(in.text(token)) &&
             !primitive_by_name(in.text(token))) {
    main.actor.service = use_name(in);
    main.token = token;
  } else {
    return in.error_at(token, fmt::format("methods or the name of a service type wanted, not {}",
                                          in.spelled(token)));
  }
  in.accept(";");
  out.main = std::move(main);
  return Ok{};
}

Status Reader::file(size_t number, Tokens& in, File& out) {
  file_ = number;
  while (!in.at_end()) {
    if (in.is("type")) {
      CANREC_CHECK(definition(in, number));
    } else if (in.accept("import")) {
      Import import;
      import.service = in.accept("service");
      import.token = in.peek();
      if (import.token.kind != TokenKind::kString) {
        return in.error_at(import.token, "a file name in quotes wanted after `import`");
      }
      CANREC_TRY(import.path, in.unescape_text(import.token));
      in.advance();
      out.imports.push_back(std::move(import));
    } else if (in.is("service")) {
      CANREC_CHECK(main_service(in, out));
      if (in.at_end()) break;
      return in.error_at(in.peek(), "nothing may follow the service");
    } else {
      return in.error_at(in.peek(), fmt::format("`type`, `import` or `service` wanted, not {}",
                                                in.spelled(in.peek())));
    }
    if (!in.accept(";") && !in.at_end() && !in.is("service")) {
      return in.error_at(
          in.peek(), fmt::format("`;` wanted after a definition, not {}", in.spelled(in.peek())));
    }
  }
  return Ok{};
}

std::unexpected<Error> at_place(const std::deque<File>& files, const Place& place,
                                std::string_view message) {
  auto error = files[place.file].tokens->error_at(Errc::kCandidType, place.token, message);
  if (place.file != 0) error.error().add_context(files[place.file].key);
  return error;
}

// Whether following aliases from here leads to no constructor within the bound on their number.
bool Reader::leads_nowhere(TypeIdx idx) const {
  for (uint32_t steps = 0; steps <= kMaxTextDepth; ++steps) {
    if (env_.at(idx).kind != Kind::kName) return false;
    idx = env_.at(idx).inner;
  }
  return true;
}

Status Reader::check(const std::deque<File>& files) {
  for (const auto& [node, place] : first_use_) {
    if (!env_.is_defined(node) && !defined_at_.contains(node)) {
      return at_place(files, place, fmt::format("type {} is not defined", env_.at(node).name));
    }
  }
  for (const auto& [node, place] : defined_at_) {
    if (leads_nowhere(node)) {
      return at_place(files, place,
                      fmt::format("type {} stands for no type: {} aliases lead from it to no "
                                  "constructor",
                                  env_.at(node).name, kMaxTextDepth));
    }
  }
  CANREC_CHECK(check_methods(files));
  for (size_t i = 0; i < files.size(); ++i) {
    if (!files[i].main) continue;
    const Actor& actor = files[i].main->actor;
    if (env_.kind(actor.service) != Kind::kService) {
      return at_place(files, {i, files[i].main->token},
                      fmt::format("{} is no service type", env_.at(actor.service).name));
    }
  }
  return Ok{};
}

Status Reader::check_methods(const std::deque<File>& files) const {
  for (const auto& [type, place] : named_methods_) {
    if (env_.kind(type) != Kind::kFunc) {
      return at_place(files, place, fmt::format("{} is no function type", env_.at(type).name));
    }
  }
  return Ok{};
}

// Reads the main file and, breadth first, every file it imports, each once.
Status read_files(std::string_view text, const ImportLoader& loader, Reader& reader,
                  std::deque<File>& files) {
  std::map<std::string, size_t, std::less<>> known;
  files.push_back(File{.key = {}, .text = std::string(text)});
  for (size_t i = 0; i < files.size(); ++i) {
    File& file = files[i];
    const auto read = [&]() -> Status {
      CANREC_TRY(file.tokens, Tokens::cut(file.text));
      return reader.file(i, *file.tokens, file);
    };
    if (auto status = read(); !status) {
      if (i != 0) status.error().add_context(file.key);
      return status;
    }
    if (!loader) {
      file.imports.clear();
      continue;
    }
    for (Import& import : file.imports) {
      auto found = loader(file.key, import.path);
      if (!found) {
        found.error().add_context(fmt::format(
            "{}: import \"{}\"", line_and_column(file.text, import.token.begin), import.path));
        return fail(std::move(found).error());
      }
      const auto [at, fresh] = known.emplace(found->key, files.size());
      import.file = at->second;
      if (!fresh) continue;
      if (files.size() > kMaxImports) {
        return fail(Errc::kLimit, fmt::format("more than {} imported files", kMaxImports));
      }
      files.push_back(File{.key = std::move(found->key), .text = std::move(found->text)});
    }
  }
  return Ok{};
}

// Adds the methods of a file's service, its own and those of the services it imports.
Status collect_methods(const TypeEnv& env, const std::deque<File>& files, size_t number,
                       std::set<size_t>& visited, std::map<std::string, Method>& methods) {
  if (!visited.insert(number).second) return Ok{};
  const File& file = files[number];
  if (file.main) {
    for (const Method& method : env.resolved(file.main->actor.service).methods) {
      if (!methods.emplace(method.name, method).second) {
        return at_place(files, {number, file.main->token},
                        fmt::format("method {} comes from two services", method.name));
      }
    }
  }
  for (const Import& import : file.imports) {
    if (!import.service) continue;
    const Place place{number, import.token};
    const std::optional<MainService>& main = files[import.file].main;
    const bool imports_more =
        std::ranges::any_of(files[import.file].imports, [](const Import& i) { return i.service; });
    if (!main && !imports_more) return at_place(files, place, "this file has no service");
    if (main && main->actor.constructor) {
      return at_place(files, place, "this file's service has init arguments");
    }
    CANREC_CHECK(collect_methods(env, files, import.file, visited, methods));
  }
  return Ok{};
}

// The service of the main file, with what its service imports add.
Result<std::optional<Actor>> main_actor(TypeEnv& env, const std::deque<File>& files) {
  const File& file = files[0];
  std::optional<Actor> actor;
  if (file.main) actor = file.main->actor;
  const bool merges =
      std::ranges::any_of(file.imports, [](const Import& import) { return import.service; });
  if (!merges) return actor;
  std::set<size_t> visited;
  std::map<std::string, Method> methods;
  CANREC_CHECK(collect_methods(env, files, 0, visited, methods));
  Type service;
  service.kind = Kind::kService;
  for (auto& [name, method] : methods) service.methods.push_back(std::move(method));
  if (!actor) actor.emplace();
  actor->service = env.add(std::move(service));
  return actor;
}

}  // namespace

Result<Program> parse_program(std::string_view text, const ImportLoader& loader) {
  Program program;
  Reader reader(program.env);
  std::deque<File> files;
  CANREC_CHECK(read_files(text, loader, reader, files));
  CANREC_CHECK(reader.check(files));
  CANREC_TRY(program.actor, main_actor(program.env, files));
  return program;
}

Result<TypeTuple> parse_type_tuple(std::string_view text, const Program* service) {
  TypeTuple result;
  if (service != nullptr) result.env = service->env;
  Reader reader(result.env);
  std::deque<File> files;
  files.push_back(File{.key = {}, .text = std::string(text)});
  CANREC_TRY(files[0].tokens, Tokens::cut(files[0].text));
  Tokens& in = *files[0].tokens;
  while (in.is("type")) {
    CANREC_CHECK(reader.definition(in, 0));
    if (!in.accept(";")) break;
  }
  CANREC_TRY(result.args, reader.tuple(in));
  if (!in.at_end()) return in.error_at(in.peek(), "nothing may follow the tuple");
  CANREC_CHECK(reader.check(files));
  return result;
}

Result<TypeIdx> parse_plain_type(Tokens& tokens, TypeEnv& env) {
  return Reader(env, true).type(tokens);
}

}  // namespace canrec::candid
