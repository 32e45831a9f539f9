// SPDX-License-Identifier: Apache-2.0
#pragma once

// JSON as metadata needs it: numbers stay text until their type is known, so that a 64-bit
// timestamp never passes through a double; every value knows its byte offset and its exact text, so
// that errors can point and unknown keys can be written back unchanged. General libraries give up
// one or the other.
// Source: RFC 8259.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace canrec::snapshot {

enum class JsonKind : uint8_t { kNull, kBool, kNumber, kString, kArray, kObject };

struct JsonMember;

/// One value of a document. Views point into the text that was parsed.
struct JsonValue {
  JsonKind kind = JsonKind::kNull;
  uint64_t offset = 0;              ///< of its first byte in the file
  std::string_view raw;             ///< its exact text
  std::string text;                 ///< of a string: decoded
  std::vector<JsonValue> items;     ///< of an array
  std::vector<JsonMember> members;  ///< of an object, in file order

  bool is_null() const { return kind == JsonKind::kNull; }
  bool is_string() const { return kind == JsonKind::kString; }
  bool is_array() const { return kind == JsonKind::kArray; }
  bool is_object() const { return kind == JsonKind::kObject; }
  /// The value of a key, or null when there is none or this is no object.
  const JsonValue* find(std::string_view key) const;
};

struct JsonMember {
  std::string key;
  JsonValue value;
};

/// Reads one document.
///
/// Errors: kSnapshotMetadata (syntax, a key given twice), kUtf8, kLimit (more values or deeper than
///         limits.h allows); offset in `text`.
/// Owns:   views in the result point into `text`.
Result<JsonValue> parse_json(std::string_view text);

/// The words for a kind: "an object", "null".
std::string_view words(JsonKind kind);

/// An integer in [min, max], exactly. Errors: kSnapshotMetadata at the value.
Result<uint64_t> json_u64(const JsonValue& value, uint64_t max = ~uint64_t{0});
Result<int64_t> json_i64(const JsonValue& value, int64_t min, int64_t max);
/// A finite number. Errors: kSnapshotMetadata at the value.
Result<double> json_double(const JsonValue& value);

/// A text as a JSON string, quotes included.
std::string json_quoted(std::string_view text);
/// The shortest decimal that gives the same value back, as serde_json writes it: "1.5", "3.0",
/// "1e-7". The value is finite.
std::string json_shortest(float value);
std::string json_shortest(double value);

}  // namespace canrec::snapshot
