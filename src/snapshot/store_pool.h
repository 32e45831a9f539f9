// SPDX-License-Identifier: Apache-2.0
#pragma once

// Things that are costly to make (large buffers, compressors) and used again and again by several
// threads. A fresh buffer of some megabytes costs more in page faults than filling it.

#include <memory>
#include <mutex>
#include <utility>
#include <vector>

namespace canrec::snapshot {

/// Hands out things of one type and takes them back as they are. Outlives its leases.
template <typename T>
class Pool {
 public:
  /// A thing in use; goes back at the end.
  class Lease {
   public:
    Lease() = default;
    Lease(Pool& pool, std::unique_ptr<T> item) : pool_(&pool), item_(std::move(item)) {}
    Lease(Lease&&) noexcept = default;
    Lease& operator=(Lease&& other) noexcept {
      std::swap(pool_, other.pool_);
      std::swap(item_, other.item_);
      return *this;
    }
    ~Lease() {
      if (item_ != nullptr) pool_->give_back(std::move(item_));
    }
    T& operator*() const { return *item_; }
    T* operator->() const { return item_.get(); }

   private:
    Pool* pool_ = nullptr;
    std::unique_ptr<T> item_;
  };

  /// One that is free, or a new one; what it holds is left from its last use.
  Lease take() {
    {
      const std::lock_guard lock(mutex_);
      if (!free_.empty()) {
        std::unique_ptr<T> item = std::move(free_.back());
        free_.pop_back();
        return Lease(*this, std::move(item));
      }
    }
    return Lease(*this, std::make_unique<T>());
  }

 private:
  void give_back(std::unique_ptr<T> item) {
    const std::lock_guard lock(mutex_);
    free_.push_back(std::move(item));
  }

  std::mutex mutex_;
  std::vector<std::unique_ptr<T>> free_;
};

}  // namespace canrec::snapshot
