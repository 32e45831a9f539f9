// SPDX-License-Identifier: Apache-2.0
// Errors and the table of their words.
#include "base/error.h"

#include <cstdio>
#include <cstdlib>

namespace canrec {

std::string_view errc_words(Errc code) {
  switch (code) {
#define ERRC(name, number, words) \
  case Errc::name:                \
    return words;
#include "base/errc.def"
#undef ERRC
  }
  return "unknown error";
}

Error::Error(Errc code, std::optional<uint64_t> offset, std::string message)
    : info_(std::make_unique<Info>(Info{code, offset, std::move(message)})) {}

Error&& Error::in(std::string_view place) && {
  add_context(place);
  return std::move(*this);
}

void Error::add_context(std::string_view place) {
  info_->message.insert(0, ": ");
  info_->message.insert(0, place);
}

std::unexpected<Error> fail(Errc code, uint64_t offset, std::string message) {
  return std::unexpected<Error>(Error(code, offset, std::move(message)));
}

std::unexpected<Error> fail(Errc code, std::string message) {
  return std::unexpected<Error>(Error(code, std::nullopt, std::move(message)));
}

std::unexpected<Error> fail(Error&& error) { return std::unexpected<Error>(std::move(error)); }

void assertion_failed(const char* expression, const char* file, int line) {
  // The one place below cli that writes: our own bug, and the process ends here.
  std::fprintf(stderr, "canrec: internal error: %s:%d: %s\n", file, line, expression);
  std::abort();
}

}  // namespace canrec
