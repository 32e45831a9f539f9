// SPDX-License-Identifier: Apache-2.0
#pragma once

// Candid messages: bytes to values and back.
//
// Decoding reads the type table first (read_header), then walks the values once and tells a sink
// about them; a tree is one such sink, a printer another. With expected types the walk follows a
// plan made for each pair of wire type and expected type that occurs.
// Source: https://github.com/dfinity/candid/blob/master/spec/Candid.md#binary-format

#include <cstdint>
#include <span>
#include <vector>

#include "base/bytes.h"
#include "base/error.h"
#include "candid/sink.h"
#include "candid/types.h"
#include "candid/value.h"

namespace canrec::candid {

/// How much a message may make us do. Exceeding one is kCandidQuota, never a null.
struct DecodeOptions {
  /// Largest `max_depth` that is obeyed. Reason: the walk recurses once a level, on a stack of
  /// 8 MiB.
  static constexpr uint32_t kDeepest = 4'000;

  /// Entries of the type table. Source: the Rust crate's default.
  uint32_t max_table = 10'000;
  /// Fields, tags, arguments and methods of the whole table. Reason: one takes two bytes in the
  /// message and a hundred in memory.
  uint64_t max_table_items = 1'000'000;
  /// Levels of values inside values.
  uint32_t max_depth = 512;
  /// Values that take no bytes: a few bytes can announce a billion of them.
  uint64_t max_empty_values = 1'048'576;
  /// Values looked at, twice those that are tried below an option:
  /// max_steps_per_byte * size + max_steps_base. Reason: time in proportion to the message.
  uint64_t max_steps_per_byte = 64;
  uint64_t max_steps_base = 1'048'576;
};

/// The type table of a message and the types of its arguments.
struct Header {
  TypeEnv env;
  std::vector<TypeIdx> args;
  /// Per node of `env`: a record that contains itself and so has no value.
  std::vector<bool> empty_record;
  /// Where the values begin.
  size_t body = 0;
};

/// Types that the reader wants. The environment outlives the decoding.
struct Expected {
  const TypeEnv* env;
  std::span<const TypeIdx> types;
};

/// Reads the magic, the type table and the argument types.
///
/// Errors:  kCandidMalformed, kUnexpectedEof, kLebTooLong, kUtf8, kCandidQuota; offset in
/// `message`.
Result<Header> read_header(ByteView message, const DecodeOptions& options = {});

/// Walks the values after a header and tells the sink, at the expected types.
///
/// Shape:   the sink hears begin_args, one value per expected type, end_args. Missing arguments of
///          nullable type are null, extra ones are checked and passed over.
/// Errors:  kCandidMismatch when a value does not fit its type, and those of read_header.
///          After an error the sink has heard an unfinished prefix.
Status decode_values(ByteView message, const Header& header, const Expected& expected,
                     const DecodeOptions& options, ValueSink& sink);
/// The same at the message's own types.
Status decode_values(ByteView message, const Header& header, const DecodeOptions& options,
                     ValueSink& sink);

/// Reads a whole message into memory at its own types.
Result<Message> decode(ByteView message, const DecodeOptions& options = {});

/// Reads a whole message into memory at the expected types.
Result<Values> decode(ByteView message, const Expected& expected,
                      const DecodeOptions& options = {});

/// The bytes before the values of a message of these types: magic, table, argument types. Entries
/// are numbered in first-visit order, parent first; equal types share an entry.
Bytes encode_header(const TypeEnv& env, std::span<const TypeIdx> types);

/// Writes a message. The values are of these types, as the reader of text or bytes made them.
/// Errors: kCandidMismatch when they are not.
Result<Bytes> encode(const TypeEnv& env, std::span<const TypeIdx> types,
                     std::span<const Value> values);

}  // namespace canrec::candid
