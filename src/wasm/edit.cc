// SPDX-License-Identifier: Apache-2.0
// Applies byte edits and mends the sizes around them.
//
//  1. Edits are sorted by place; at one place a body's come before a section's before the file's.
//  2. Sections without edits are copied whole.
//  3. In a section with edits the content is rebuilt: plain bytes are copied, function entries with
//     edits are rebuilt with their size in front, then the section's own size is written.
#include "wasm/edit.h"

#include <fmt/core.h>

#include <algorithm>

#include "base/leb128.h"

namespace canrec::wasm {
namespace {

std::unexpected<Error> misplaced(const Edit& edit, std::string_view why) {
  return fail(
      Errc::kWasmEdit, edit.range.begin,
      fmt::format("edit of [0x{:08x}, 0x{:08x}) {}", edit.range.begin, edit.range.end, why));
}

bool within(ByteRange inner, ByteRange outer) {
  return inner.begin >= outer.begin && inner.end <= outer.end;
}

// A size field keeps its width when the new value fits it.
Status append_size(Bytes& out, uint64_t value, unsigned width, uint64_t offset) {
  if (value > UINT32_MAX) return fail(Errc::kWasmEdit, offset, "size grows beyond 4 GiB");
  if (!append_leb_u64_padded(out, value, width)) append_leb_u64(out, value);
  return Ok{};
}

class Editor {
 public:
  Editor(const Module& module, std::vector<Edit> edits)
      : module_(module), edits_(std::move(edits)) {}

  Result<Bytes> run() {
    std::ranges::stable_sort(edits_, [](const Edit& a, const Edit& b) {
      if (a.range.begin != b.range.begin) return a.range.begin < b.range.begin;
      if (a.scope != b.scope) return a.scope < b.scope;
      // An insertion stands in front of a replacement at the same place.
      return a.range.size() == 0 && b.range.size() != 0;
    });
    CANREC_CHECK(check_order());
    Bytes out;
    out.reserve(module_.bytes.size() + 4096);
    append(out, module_.bytes.first(8));
    for (const Section& section : module_.sections) {
      CANREC_CHECK(file_edits(out, section.range.begin));
      if (skip_until_ > section.range.begin) continue;
      CANREC_CHECK(one_section(out, section));
    }
    CANREC_CHECK(file_edits(out, module_.bytes.size()));
    if (next_ != edits_.size()) return misplaced(edits_[next_], "lies in no section");
    return out;
  }

 private:
  Status check_order() const {
    for (size_t i = 0; i < edits_.size(); ++i) {
      const Edit& edit = edits_[i];
      if (edit.range.begin > edit.range.end || edit.range.end > module_.bytes.size() ||
          edit.range.begin < 8) {
        return misplaced(edit, "lies outside the sections");
      }
      if (i > 0 && edits_[i - 1].range.end > edit.range.begin) {
        return misplaced(edit, "overlaps another");
      }
    }
    return Ok{};
  }

  bool pending(EditScope scope, uint64_t limit) const {
    return next_ < edits_.size() && edits_[next_].scope == scope &&
           edits_[next_].range.begin <= limit;
  }

  // Edits of whole sections that begin at this boundary.
  Status file_edits(Bytes& out, uint64_t boundary) {
    while (pending(EditScope::kFile, boundary)) {
      const Edit& edit = edits_[next_];
      if (edit.range.begin != boundary || boundary < skip_until_) {
        return misplaced(edit, "does not begin between sections");
      }
      const bool ends_well = edit.range.end == boundary ||
                             std::ranges::any_of(module_.sections, [&](const Section& s) {
                               return s.range.end == edit.range.end;
                             });
      if (!ends_well) return misplaced(edit, "does not end between sections");
      append(out, edit.bytes);
      skip_until_ = std::max(skip_until_, edit.range.end);
      ++next_;
      if (edit.range.size() > 0) break;
    }
    return Ok{};
  }

  Status one_section(Bytes& out, const Section& section) {
    const auto inner = [&] {
      return next_ < edits_.size() && edits_[next_].scope != EditScope::kFile &&
             edits_[next_].range.begin <= section.range.end;
    };
    if (!inner()) {
      append(out, module_.view(section.range));
      return Ok{};
    }
    Bytes content;
    content.reserve(section.content.size() + 1024);
    at_ = section.content.begin;
    while (inner()) {
      const Edit& edit = edits_[next_];
      if (!within(edit.range, section.content)) {
        return misplaced(edit, "crosses the border of a section");
      }
      if (edit.scope == EditScope::kBody) {
        CANREC_CHECK(one_body(content, edit));
        continue;
      }
      if (section.id == SectionId::kCode) CANREC_CHECK(check_entries(edit));
      if (edit.range.begin < at_) return misplaced(edit, "overlaps another");
      append(content, module_.view({at_, edit.range.begin}));
      append(content, edit.bytes);
      at_ = edit.range.end;
      ++next_;
    }
    append(content, module_.view({at_, section.content.end}));
    out.push_back(std::to_underlying(section.id));
    CANREC_CHECK(append_size(out, content.size(), section.size_width, section.range.begin));
    append(out, content);
    return Ok{};
  }

  // The defined function whose body holds the range.
  const Function* body_of(const Edit& edit) const {
    const auto first = module_.functions.begin() + module_.imported_functions;
    auto it =
        std::upper_bound(first, module_.functions.end(), edit.range.begin,
                         [](uint64_t begin, const Function& fn) { return begin < fn.entry.begin; });
    // At a border the body that ends there is meant: the next one begins behind its size.
    while (it != first) {
      --it;
      if (within(edit.range, it->body)) return &*it;
      if (it->entry.end < edit.range.begin) break;
    }
    return nullptr;
  }

  Status one_body(Bytes& content, const Edit& first) {
    const Function* fn = body_of(first);
    if (fn == nullptr) return misplaced(first, "does not lie within one function body");
    if (fn->entry.begin < at_) return misplaced(first, "overlaps another");
    append(content, module_.view({at_, fn->entry.begin}));
    Bytes body;
    body.reserve(fn->body.size() + 256);
    uint64_t at = fn->body.begin;
    while (pending(EditScope::kBody, fn->body.end)) {
      const Edit& edit = edits_[next_];
      if (!within(edit.range, fn->body)) return misplaced(edit, "crosses the end of a body");
      append(body, module_.view({at, edit.range.begin}));
      append(body, edit.bytes);
      at = edit.range.end;
      ++next_;
    }
    append(body, module_.view({at, fn->body.end}));
    const auto width = static_cast<unsigned>(fn->body.begin - fn->entry.begin);
    CANREC_CHECK(append_size(content, body.size(), width, fn->entry.begin));
    append(content, body);
    at_ = fn->entry.end;
    return Ok{};
  }

  // A section edit in the code section covers whole entries or none.
  Status check_entries(const Edit& edit) const {
    const auto first = module_.functions.begin() + module_.imported_functions;
    const auto cuts = [&](uint64_t place) {
      const auto it =
          std::upper_bound(first, module_.functions.end(), place,
                           [](uint64_t at, const Function& fn) { return at < fn.entry.begin; });
      return it != first && place > (it - 1)->entry.begin && place < (it - 1)->entry.end;
    };
    if (cuts(edit.range.begin) || cuts(edit.range.end)) return misplaced(edit, "cuts a function");
    return Ok{};
  }

  const Module& module_;
  std::vector<Edit> edits_;
  size_t next_ = 0;
  uint64_t skip_until_ = 0;
  uint64_t at_ = 0;
};

}  // namespace

Result<Bytes> apply_edits(const Module& module, std::vector<Edit> edits) {
  return Editor(module, std::move(edits)).run();
}

}  // namespace canrec::wasm
