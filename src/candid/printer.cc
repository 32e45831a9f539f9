// SPDX-License-Identifier: Apache-2.0
// Printing types and files.
#include "candid/printer.h"

#include <string_view>

#include "candid/lexer.h"
#include "candid/text.h"

namespace canrec::candid {
namespace {

std::string name_text(std::string_view name) {
  if (is_identifier(name) && !is_reserved_word(name) && !primitive_by_name(name)) {
    return std::string(name);
  }
  return quote_text(name);
}

class Printer {
 public:
  Printer(const TypeEnv& env, uint32_t max_depth, bool lines)
      : env_(env), max_depth_(max_depth), lines_(lines) {}

  void type(TypeIdx idx);
  void signature(const Type& func);
  void tuple(const std::vector<Arg>& args);
  void methods(const Type& service);
  void program(const Program& program);
  std::string take() { return std::move(out_); }

 private:
  void type_inside(const Type& type);
  void fields(const Type& type);
  void docs(std::string_view text);
  void begin_block();
  void begin_item(bool first, std::string_view docs);
  void end_block(bool empty);
  void new_line();

  const TypeEnv& env_;
  uint32_t max_depth_;
  bool lines_;
  uint32_t depth_ = 0;
  size_t indent_ = 0;
  std::string out_;
};

void Printer::new_line() {
  out_ += '\n';
  out_.append(2 * indent_, ' ');
}

void Printer::docs(std::string_view text) {
  if (!lines_ || text.empty()) return;
  while (true) {
    const size_t newline = text.find('\n');
    out_ += "// ";
    out_ += text.substr(0, newline);
    new_line();
    if (newline == std::string_view::npos) return;
    text.remove_prefix(newline + 1);
  }
}

void Printer::begin_block() {
  out_ += "{";
  ++indent_;
}

void Printer::begin_item(bool first, std::string_view text) {
  if (lines_) {
    new_line();
    docs(text);
  } else {
    out_ += first ? " " : "; ";
  }
}

void Printer::end_block(bool empty) {
  --indent_;
  if (!empty && lines_) {
    new_line();
  } else if (!empty) {
    out_ += ' ';
  }
  out_ += '}';
}

void Printer::type(TypeIdx idx) {
  if (depth_ == max_depth_) {
    out_ += "...";
    return;
  }
  ++depth_;
  type_inside(env_.at(idx));
  --depth_;
}

void Printer::fields(const Type& type) {
  const bool tuple = type.kind == Kind::kRecord && is_tuple(type.fields);
  begin_block();
  bool first = true;
  for (const Field& field : type.fields) {
    begin_item(first, field.docs);
    first = false;
    const bool null_tag = type.kind == Kind::kVariant && field.type == primitive(Kind::kNull);
    if (!tuple) out_ += field.name ? name_text(*field.name) : std::to_string(field.label);
    if (!tuple && !null_tag) out_ += " : ";
    if (!null_tag) this->type(field.type);
    if (lines_) out_ += ';';
  }
  end_block(type.fields.empty());
}

void Printer::type_inside(const Type& type) {
  switch (type.kind) {
    case Kind::kOpt:
      out_ += "opt ";
      this->type(type.inner);
      return;
    case Kind::kVec:
      // Only the plain primitive: a name for nat8 is kept.
      if (type.inner == primitive(Kind::kNat8)) {
        out_ += "blob";
        return;
      }
      out_ += "vec ";
      this->type(type.inner);
      return;
    case Kind::kRecord:
    case Kind::kVariant:
      out_ += kind_name(type.kind);
      out_ += ' ';
      fields(type);
      return;
    case Kind::kFunc:
      out_ += "func ";
      signature(type);
      return;
    case Kind::kService:
      out_ += "service ";
      methods(type);
      return;
    case Kind::kName:
      out_ += type.name;
      return;
    default:
      out_ += kind_name(type.kind);
  }
}

void Printer::tuple(const std::vector<Arg>& args) {
  out_ += '(';
  bool first = true;
  for (const Arg& arg : args) {
    if (!first) out_ += ", ";
    first = false;
    if (arg.name) out_ += name_text(*arg.name) + " : ";
    type(arg.type);
  }
  out_ += ')';
}

void Printer::signature(const Type& func) {
  tuple(func.args);
  out_ += " -> ";
  tuple(func.results);
  if (func.mode != Mode::kUpdate) {
    out_ += ' ';
    out_ += mode_name(func.mode);
  }
}

void Printer::methods(const Type& service) {
  begin_block();
  bool first = true;
  for (const Method& method : service.methods) {
    begin_item(first, method.docs);
    first = false;
    out_ += name_text(method.name) + " : ";
    const Type& func = env_.at(method.type);
    if (func.kind == Kind::kFunc) {
      signature(func);
    } else {
      type(method.type);
    }
    if (lines_) out_ += ';';
  }
  end_block(service.methods.empty());
}

void Printer::program(const Program& program) {
  for (const Definition& definition : env_.definitions()) {
    docs(definition.docs);
    out_ += "type " + definition.name + " = ";
    type(env_.at(definition.node).inner);
    out_ += ";\n";
  }
  if (!program.actor) return;
  const Actor& actor = *program.actor;
  docs(actor.docs);
  out_ += "service ";
  if (actor.name) out_ += *actor.name + ' ';
  out_ += ": ";
  if (actor.constructor) {
    tuple(*actor.constructor);
    out_ += " -> ";
  }
  const Type& service = env_.at(actor.service);
  if (service.kind == Kind::kService) {
    methods(service);
  } else {
    type(actor.service);
  }
  out_ += '\n';
}

}  // namespace

std::string print_type(const TypeEnv& env, TypeIdx type, uint32_t max_depth) {
  Printer printer(env, max_depth, false);
  printer.type(type);
  return printer.take();
}

std::string print_signature(const TypeEnv& env, TypeIdx func, uint32_t max_depth) {
  Printer printer(env, max_depth, false);
  printer.signature(env.resolved(func));
  return printer.take();
}

std::string print_tuple(const TypeEnv& env, const std::vector<Arg>& args, uint32_t max_depth) {
  Printer printer(env, max_depth, false);
  printer.tuple(args);
  return printer.take();
}

std::string print_program(const Program& program) {
  Printer printer(program.env, 1024, true);
  printer.program(program);
  return printer.take();
}

}  // namespace canrec::candid
