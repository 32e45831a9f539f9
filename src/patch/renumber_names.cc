// SPDX-License-Identifier: Apache-2.0
// The name section with moved function indices. Source:
// https://webassembly.github.io/spec/core/appendix/custom.html#name-section
//
//   subsection*:  id (1 byte)  size (LEB128)  content
//   1 functions   vec(index, name)
//   2 locals      vec(function index, vec(index, name))
//   3 labels      vec(function index, vec(index, name))
//   others        hold no function index
#include <fmt/core.h>

#include <algorithm>

#include "base/cursor.h"
#include "patch/renumber.h"

namespace canrec::patch {
namespace {

// Writes a number in the width it had where it fits.
void append_number(Bytes& out, uint64_t value, uint64_t width) {
  if (!append_leb_u64_padded(out, value, static_cast<unsigned>(width))) append_leb_u64(out, value);
}

class NameRewriter {
 public:
  NameRewriter(ByteView payload, uint64_t base, const Numbering& numbering,
               const std::vector<AddedName>& added)
      : in_(payload, base), payload_(payload), numbering_(numbering), added_(added) {}

  Result<Bytes> run() {
    bool functions_seen = false;
    while (!in_.at_end()) {
      CANREC_TRY(const uint8_t id, in_.u8());
      // Names of functions come right behind the module's name.
      if (id > 1 && !functions_seen) {
        write_new_functions();
        functions_seen = true;
      }
      const size_t size_at = in_.index();
      CANREC_TRY(const uint32_t size, in_.u32());
      const uint64_t size_width = in_.index() - size_at;
      CANREC_TRY(const ByteView content, in_.bytes(size));
      Cursor sub(content, in_.pos() - size);
      Bytes written;
      if (id == 1) {
        if (functions_seen) return fail(Errc::kPatchPlan, sub.pos(), "function names twice");
        functions_seen = true;
        CANREC_CHECK(functions(sub, written));
      } else if (id == 2 || id == 3) {
        CANREC_CHECK(nested(sub, written));
      } else {
        append(written, content);
      }
      out_.push_back(id);
      append_number(out_, written.size(), size_width);
      append(out_, written);
    }
    if (!functions_seen) write_new_functions();
    return std::move(out_);
  }

 private:
  static void entry(Bytes& out, const AddedName& name) {
    append_leb_u64(out, name.function);
    append_leb_u64(out, name.name.size());
    append(out, as_bytes(name.name));
  }

  void write_new_functions() {
    if (added_.empty()) return;
    Bytes content;
    append_leb_u64(content, added_.size());
    for (const AddedName& name : added_) entry(content, name);
    out_.push_back(1);
    append_leb_u64(out_, content.size());
    append(out_, content);
  }

  Result<std::pair<uint32_t, uint64_t>> number(Cursor& in) {
    const size_t begin = in.index();
    CANREC_TRY(const uint32_t value, in.u32());
    return std::pair{value, uint64_t{in.index() - begin}};
  }

  Status functions(Cursor& in, Bytes& out) {
    const size_t count_at = in.index();
    CANREC_TRY(const uint32_t count, in.count(2, "function names"));
    append_number(out, uint64_t{count} + added_.size(), in.index() - count_at);
    auto next = added_.begin();
    for (uint32_t i = 0; i < count; ++i) {
      CANREC_TRY(const auto index, number(in));
      const uint32_t moved = numbering_(index.first);
      for (; next != added_.end() && next->function < moved; ++next) entry(out, *next);
      append_number(out, moved, index.second);
      CANREC_CHECK(copy_name(in, out));
    }
    for (; next != added_.end(); ++next) entry(out, *next);
    return at_end(in);
  }

  Status nested(Cursor& in, Bytes& out) {
    const size_t count_at = in.index();
    CANREC_TRY(const uint32_t count, in.count(2, "name maps"));
    append_number(out, count, in.index() - count_at);
    for (uint32_t i = 0; i < count; ++i) {
      CANREC_TRY(const auto index, number(in));
      append_number(out, numbering_(index.first), index.second);
      const uint64_t begin = in.pos();
      CANREC_TRY(const uint32_t names, in.count(2, "names"));
      for (uint32_t j = 0; j < names; ++j) {
        CANREC_CHECK(in.u32());
        CANREC_CHECK(in.name());
      }
      append(out, payload_.subspan(static_cast<size_t>(begin - base()),
                                   static_cast<size_t>(in.pos() - begin)));
    }
    return at_end(in);
  }

  Status copy_name(Cursor& in, Bytes& out) {
    const uint64_t begin = in.pos();
    CANREC_CHECK(in.name());
    append(out, payload_.subspan(static_cast<size_t>(begin - base()),
                                 static_cast<size_t>(in.pos() - begin)));
    return Ok{};
  }

  static Status at_end(const Cursor& in) {
    if (in.at_end()) return Ok{};
    return fail(Errc::kPatchPlan, in.pos(), "bytes behind the names of a subsection");
  }

  uint64_t base() const { return in_.pos() - in_.index(); }

  Cursor in_;
  ByteView payload_;
  const Numbering numbering_;
  const std::vector<AddedName>& added_;
  Bytes out_;
};

}  // namespace

Result<Bytes> renumbered_names(ByteView payload, uint64_t base, const Numbering& numbering,
                               const std::vector<AddedName>& added) {
  auto names = NameRewriter(payload, base, numbering, added).run();
  if (names) return names;
  return fail(
      Errc::kPatchPlan, names.error().offset().value_or(base),
      fmt::format("the name section is damaged ({}), so its functions cannot be renumbered; "
                  "`patch remove-section MODULE name` takes it out first",
                  names.error().message()));
}

}  // namespace canrec::patch
