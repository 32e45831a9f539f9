// SPDX-License-Identifier: Apache-2.0
#pragma once

// How fallible functions answer: Result<T> is std::expected<T, Error> with [[nodiscard]].
// An Error is one pointer wide and move-only; it carries a numbered code, an optional byte offset
// from the start of the named input, a message, and the places it passed on its way out.

#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace canrec {

/// Numbered error codes; the table is base/errc.def.
enum class Errc : uint16_t {
#define ERRC(name, number, words) name = number,
#include "base/errc.def"
#undef ERRC
};

/// The words of the table for a code, for example "unexpected end of data".
std::string_view errc_words(Errc code);

/// A failure: code, optional offset, message, context.
class [[nodiscard]] Error {
 public:
  Error(Errc code, std::optional<uint64_t> offset, std::string message);

  Errc code() const { return info_->code; }
  /// Byte offset from the start of the input, where one is known.
  std::optional<uint64_t> offset() const { return info_->offset; }
  /// Message with its context: "code section, body 17: unused LEB128 bits set".
  const std::string& message() const { return info_->message; }

  /// Adds a place in front of the message: fail(...).in("code section").
  Error&& in(std::string_view place) &&;
  void add_context(std::string_view place);
  /// An equal, independent error, for callers that keep one and pass one on.
  Error copy() const { return {info_->code, info_->offset, info_->message}; }

 private:
  struct Info {
    Errc code;
    std::optional<uint64_t> offset;
    std::string message;
  };
  std::unique_ptr<Info> info_;
};

/// std::expected<T, Error> that may not be ignored. Test it, then read `*r`.
template <typename T>
class [[nodiscard]] Result : public std::expected<T, Error> {
 public:
  using std::expected<T, Error>::expected;
  using Value = T;
};

/// Success of a function that yields nothing.
struct Ok {};
using Status = Result<Ok>;

/// Makes a failure: `return fail(Errc::kUnexpectedEof, in.pos(), "section size past end");`
std::unexpected<Error> fail(Errc code, uint64_t offset, std::string message);
/// A failure that has no place in a file.
std::unexpected<Error> fail(Errc code, std::string message);
/// Passes an error on.
std::unexpected<Error> fail(Error&& error);

[[noreturn]] void assertion_failed(const char* expression, const char* file, int line);

}  // namespace canrec

#define CANREC_CONCAT_(a, b) a##b
#define CANREC_CONCAT(a, b) CANREC_CONCAT_(a, b)

// CANREC_TRY(const auto n, in.u32()); binds the value or returns the error. Several statements:
// use it inside braces only.
#define CANREC_TRY(decl, ...) \
  CANREC_TRY_(CANREC_CONCAT(canrec_result_, __COUNTER__), decl, __VA_ARGS__)
#define CANREC_TRY_(result, decl, ...)                \
  auto result = (__VA_ARGS__);                        \
  if (!result) [[unlikely]]                           \
    return ::canrec::fail(std::move(result).error()); \
  decl = std::move(*result)

// CANREC_CHECK(expr); returns the error of a Status (or of any Result whose value is not wanted).
#define CANREC_CHECK(...)                                                \
  do {                                                                   \
    if (auto canrec_status = (__VA_ARGS__); !canrec_status) [[unlikely]] \
      return ::canrec::fail(std::move(canrec_status).error());           \
  } while (false)

// For our own mistakes only; stays on in release; must not be reachable from input bytes.
#define CANREC_ASSERT(...) \
  ((__VA_ARGS__) ? void() : ::canrec::assertion_failed(#__VA_ARGS__, __FILE__, __LINE__))
