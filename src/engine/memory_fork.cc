// SPDX-License-Identifier: Apache-2.0
// Copies of a memory that are made page by page.
//
// Most copies are kept for a way back that nobody takes. So a copy begins with the image, and with
// kOwed on the pages that its origin has modified; it takes such a page over when it is asked for
// it, when the origin is about to write there, or when the origin ends. The origin says so on its
// slow path, which is the way of every page's first write after the fork: kWritten is clear then.
#include <algorithm>
#include <cstring>
#include <utility>

#include "engine/memory.h"

namespace canrec::engine {

Result<Memory> Memory::fork() const {
  take_over_all();
  CANREC_TRY(Memory copy, image_ >= 0 ? from_image(image_, image_length_, pages_, capacity_pages_)
                                      : zeros(pages_, capacity_pages_));
  copy.resident_limits_ = resident_limits_;
  // from_image may have cleared a tail already; the states below tell it again.
  for (const uint32_t page : copy.modified_) copy.states_[page] = 0;
  copy.modified_ = modified_;
  copy.committed_modified_ = copy.modified_.size();
  for (const uint32_t page : modified_) copy.states_[page] = kModified | kOwed;
  copy.origin_ = const_cast<Memory*>(this);
  copies_.push_back(&copy);
  const bool settled = touched_.empty() && journal_.empty() && pages_ == committed_pages_ &&
                       committed_modified_ == modified_.size();
  if (!settled) copy.take_over_all();
  return copy;
}

void Memory::take_over(uint64_t os_page) const {
  if (!(states_[os_page] & kOwed)) return;
  std::memcpy(base_ + os_page * kOsPage, origin_->base_ + os_page * kOsPage, kOsPage);
  states_[os_page] &= static_cast<uint8_t>(~kOwed);
}

void Memory::take_over_all() const {
  if (origin_ == nullptr) return;
  for (const uint32_t page : modified_) take_over(page);
  std::erase(origin_->copies_, this);
  origin_ = nullptr;
}

void Memory::leave_family() {
  if (origin_ != nullptr) std::erase(origin_->copies_, this);
  origin_ = nullptr;
  while (!copies_.empty()) copies_.back()->take_over_all();
}

void Memory::enter_family_of(Memory& other) {
  origin_ = std::exchange(other.origin_, nullptr);
  if (origin_ != nullptr) {
    std::replace(origin_->copies_.begin(), origin_->copies_.end(), &other, this);
  }
  copies_ = std::move(other.copies_);
  other.copies_.clear();
  for (Memory* copy : copies_) copy->origin_ = this;
}

}  // namespace canrec::engine
