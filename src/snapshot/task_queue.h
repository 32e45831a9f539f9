// SPDX-License-Identifier: Apache-2.0
#pragma once

// A few threads that run tasks in the order they were given. Results come back as futures, so that
// whoever gave the tasks can take the results in the same order and stay deterministic.

#include <condition_variable>
#include <deque>
#include <functional>
#include <future>
#include <mutex>
#include <thread>
#include <type_traits>
#include <vector>

namespace canrec::snapshot {

class TaskQueue {
 public:
  explicit TaskQueue(unsigned threads) {
    for (unsigned i = 0; i < threads; ++i) threads_.emplace_back([this] { run(); });
  }
  TaskQueue(const TaskQueue&) = delete;
  TaskQueue& operator=(const TaskQueue&) = delete;
  /// Runs what was submitted to its end.
  ~TaskQueue() {
    {
      const std::lock_guard lock(mutex_);
      closed_ = true;
    }
    wake_.notify_all();
    for (std::thread& thread : threads_) thread.join();
  }

  template <typename F>
  std::future<std::invoke_result_t<F>> submit(F&& task) {
    std::packaged_task<std::invoke_result_t<F>()> packaged(std::forward<F>(task));
    auto future = packaged.get_future();
    {
      const std::lock_guard lock(mutex_);
      tasks_.emplace_back([packaged = std::move(packaged)]() mutable { packaged(); });
    }
    wake_.notify_one();
    return future;
  }

 private:
  void run() {
    while (true) {
      std::move_only_function<void()> task;
      {
        std::unique_lock lock(mutex_);
        wake_.wait(lock, [this] { return closed_ || !tasks_.empty(); });
        if (tasks_.empty()) return;
        task = std::move(tasks_.front());
        tasks_.pop_front();
      }
      task();
    }
  }

  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::move_only_function<void()>> tasks_;
  bool closed_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace canrec::snapshot
