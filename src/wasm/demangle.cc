// SPDX-License-Identifier: Apache-2.0
// Readable names through libiberty, within bounds.
#include <csetjmp>
#include <string>

// libiberty.h would declare a basename() that contradicts the one of string.h.
#define HAVE_DECL_BASENAME 1
#include <demangle.h>

#include "wasm/names.h"

namespace canrec::wasm {
namespace {

// Output of a demangler, cut off at a bound: a name of a few hundred bytes can stand for a text of
// 2^100 (every substitution may double it). The demanglers offer no way to stop but leaving them:
// they are C, keep their state on the stack, and so a jump out of the callback frees it.
struct DemangleSink {
  static constexpr size_t kBound = 16 * 1024;
  std::jmp_buf* stop;
  std::string* out;
};

void collect(const char* text, size_t size, void* opaque) {
  const auto* sink = static_cast<const DemangleSink*>(opaque);
  if (sink->out->size() + size > DemangleSink::kBound) std::longjmp(*sink->stop, 1);
  sink->out->append(text, size);
}

using Demangler = int (*)(const char*, int, demangle_callbackref, void*);

// No local with a destructor may live here: a jump would pass it over.
bool run_demangler(Demangler demangler, const char* name, std::string& out) {
  std::jmp_buf stop;
  const DemangleSink sink{&stop, &out};
  if (setjmp(stop) != 0) return false;
  return demangler(name, DMGL_PARAMS | DMGL_ANSI, &collect, const_cast<DemangleSink*>(&sink)) != 0;
}

}  // namespace

std::string demangle(std::string_view name) {
  const bool rust_v0 = name.starts_with("_R");
  const bool itanium = name.starts_with("_Z");
  if ((!rust_v0 && !itanium) || name.size() > DemangleSink::kBound) return std::string(name);
  const std::string terminated(name);
  std::string out;
  if (run_demangler(rust_demangle_callback, terminated.c_str(), out)) return out;
  out.clear();
  if (itanium && run_demangler(cplus_demangle_v3_callback, terminated.c_str(), out)) return out;
  return terminated;
}

}  // namespace canrec::wasm
