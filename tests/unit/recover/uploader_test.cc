// SPDX-License-Identifier: Apache-2.0
// The uploader as a canister: order, borders, repetition, and the image at the end.
#include "uploader/uploader.h"

#include "recover/transfer.h"
#include "support.h"

namespace canrec::recover::test {
namespace {

using downloader::Width;

constexpr size_t kPage = 65536;

class Uploader : public testing::TestWithParam<bool> {
 protected:
  void SetUp() override {
    subject_.emplace(Subject::fresh({}));
    const auto made = uploader::make_uploader(GetParam() ? Width::k64 : Width::k32, {});
    ASSERT_TRUE(made.has_value()) << made.error().message();
    executor::InstallRequest request;
    request.canister = subject_->id();
    request.module = made->module;
    const auto outcome = subject_->executor().install(request);
    ASSERT_TRUE(outcome.has_value() && outcome->ok());
    port_.emplace(subject_->executor(), subject_->id());
    auto client = TransferClient::open(*port_, made->did);
    ASSERT_TRUE(client.has_value()) << client.error().message();
    client_.emplace(std::move(*client));
  }
  static std::string words(const Status& status) {
    return status ? "done" : status.error().message();
  }
  Bytes image(const engine::Memory& memory) const {
    const auto view = memory.peek(0, memory.size());
    return view ? Bytes(view->begin(), view->end()) : Bytes{};
  }

  std::optional<Subject> subject_;
  std::optional<ExecutorPort> port_;
  std::optional<TransferClient> client_;
};

TEST_P(Uploader, MakesTheImagesExactly) {
  const Bytes heap = noise(3 * kPage);
  const Bytes stable = noise(5 * kPage, 2);
  TransferOptions options;
  options.chunk_bytes = kPage;
  const auto counts = push(*client_, {heap, stable}, options);
  ASSERT_TRUE(counts.has_value()) << counts.error().message();
  EXPECT_EQ(counts->chunks, 8U);
  EXPECT_EQ(image(subject_->canister().wasm->heap), heap);
  EXPECT_EQ(image(subject_->canister().wasm->stable), stable);
  // A second push finds everything in place.
  const auto again = push(*client_, {heap, stable}, options);
  ASSERT_TRUE(again.has_value()) << again.error().message();
  EXPECT_EQ(again->chunks_sent, 0U);
  EXPECT_EQ(image(subject_->canister().wasm->heap), heap);
}

TEST_P(Uploader, LeavesNothingOfStablePiecesInAHeapOfZeros) {
  const Bytes heap(2 * kPage, 0);
  const Bytes stable = noise(2 * kPage, 2);
  const auto counts = push(*client_, {heap, stable}, {});
  ASSERT_TRUE(counts.has_value()) << counts.error().message();
  EXPECT_EQ(image(subject_->canister().wasm->heap), heap);
  EXPECT_EQ(image(subject_->canister().wasm->stable), stable);
}

TEST_P(Uploader, TakesPiecesInAnyOrderAndAgain) {
  ASSERT_EQ(words(client_->begin(2 * kPage, 2 * kPage)), "done");
  const Bytes piece = noise(1000);
  for (const uint64_t offset : {uint64_t{100'000}, uint64_t{7}, uint64_t{7}}) {
    EXPECT_EQ(words(client_->put(Region::kStable, offset, piece)), "done");
  }
  for (const uint64_t offset : {uint64_t{2 * kPage - 1000}, uint64_t{0}, uint64_t{20}}) {
    EXPECT_EQ(words(client_->put(Region::kHeap, offset, piece)), "done");
  }
  Bytes heap(2 * kPage, 0);
  std::ranges::copy(piece, heap.end() - 1000);
  std::ranges::copy(piece, heap.begin());
  std::ranges::copy(piece, heap.begin() + 20);
  EXPECT_EQ(image(subject_->canister().wasm->heap), heap);
}

TEST_P(Uploader, RejectsWhatDoesNotFit) {
  const Bytes piece = noise(10);
  EXPECT_EQ(words(client_->put(Region::kHeap, 0, piece)),
            "canrec_put_heap: canrec: begin comes first");
  EXPECT_EQ(words(client_->begin(100, kPage)), "canrec_begin: canrec: want pages, heap above 0");
  EXPECT_EQ(words(client_->begin(0, kPage)), "canrec_begin: canrec: want pages, heap above 0");
  EXPECT_EQ(words(client_->begin(uint64_t{1} << 60, 0)),
            "canrec_begin: canrec: memory cannot grow");
  EXPECT_EQ(words(client_->begin(kPage, kPage)), "done");
  EXPECT_EQ(words(client_->begin(kPage, kPage)), "done");
  EXPECT_EQ(words(client_->begin(2 * kPage, kPage)),
            "canrec_begin: canrec: begun with other sizes");
  EXPECT_EQ(words(client_->put(Region::kHeap, kPage - 9, piece)),
            "canrec_put_heap: canrec: range is out of bounds");
  EXPECT_EQ(words(client_->put(Region::kStable, ~uint64_t{0}, piece)),
            "canrec_put_stable: canrec: range is out of bounds");
  EXPECT_EQ(words(client_->put(Region::kHeap, 0, piece)), "done");
  EXPECT_EQ(words(client_->put(Region::kStable, 0, piece)),
            "canrec_put_stable: canrec: heap has begun");
}

TEST_P(Uploader, LetsOnlyControllersIn) {
  const Bytes empty = {'D', 'I', 'D', 'L', 0, 0};
  const auto outcome = subject_->executor().query(
      {subject_->id(), "canrec_status", empty, ic::Principal::anonymous()});
  ASSERT_TRUE(outcome.has_value());
  ASSERT_FALSE(outcome->replied());
  EXPECT_EQ(outcome->failure().description, "canrec: caller is not allowed");
}

INSTANTIATE_TEST_SUITE_P(Widths, Uploader, testing::Values(false, true),
                         [](const auto& row) { return row.param ? "Wide" : "Narrow"; });

}  // namespace
}  // namespace canrec::recover::test
