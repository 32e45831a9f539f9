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
    port_.emplace(*subject_);
    auto client = TransferClient::open(*port_, made->did);
    ASSERT_TRUE(client.has_value()) << client.error().message();
    client_.emplace(std::move(*client));
  }
  static std::string words(const Status& status) {
    return status ? "done" : status.error().message();
  }
  // Announces the sizes and pushes.
  Result<TransferCounts> push_all(const Bytes& heap, const Bytes& stable,
                                  const TransferOptions& options) {
    canrec::test::write_bytes(directory_ / "heap", heap);
    canrec::test::write_bytes(directory_ / "stable", stable);
    CANREC_TRY(const InputFile heap_file, InputFile::open(directory_ / "heap"));
    CANREC_TRY(const InputFile stable_file, InputFile::open(directory_ / "stable"));
    CANREC_CHECK(begin_push(*client_, {&heap_file, &stable_file}));
    return push(*client_, {&heap_file, &stable_file}, options);
  }
  Bytes image(const engine::Memory& memory) const {
    const auto view = memory.peek(0, memory.size());
    return view ? Bytes(view->begin(), view->end()) : Bytes{};
  }

  canrec::test::TemporaryDirectory directory_;
  std::optional<Subject> subject_;
  std::optional<ExecutorPort> port_;
  std::optional<TransferClient> client_;
};

TEST_P(Uploader, MakesTheImagesExactly) {
  const Bytes heap = noise(3 * kPage);
  const Bytes stable = noise(5 * kPage, 2);
  TransferOptions options;
  options.chunk_bytes = kPage;
  const auto counts = push_all(heap, stable, options);
  ASSERT_TRUE(counts.has_value()) << counts.error().message();
  EXPECT_EQ(counts->chunks, 8U);
  EXPECT_EQ(image(subject_->canister().wasm->heap), heap);
  EXPECT_EQ(image(subject_->canister().wasm->stable), stable);
  // A second push finds everything in place.
  const auto again = push_all(heap, stable, options);
  ASSERT_TRUE(again.has_value()) << again.error().message();
  EXPECT_EQ(again->chunks_sent, 0U);
  EXPECT_EQ(image(subject_->canister().wasm->heap), heap);
}

TEST_P(Uploader, LeavesNothingOfStablePiecesInAHeapOfZeros) {
  const Bytes heap(2 * kPage, 0);
  const Bytes stable = noise(2 * kPage, 2);
  const auto counts = push_all(heap, stable, {});
  ASSERT_TRUE(counts.has_value()) << counts.error().message();
  EXPECT_EQ(image(subject_->canister().wasm->heap), heap);
  EXPECT_EQ(image(subject_->canister().wasm->stable), stable);
}

TEST_P(Uploader, TakesPiecesInAnyOrderAndAgain) {
  ASSERT_EQ(words(client_->begin(2 * kPage, 2 * kPage)), "done");
  const Bytes piece = noise(1000);
  for (const uint64_t offset : {uint64_t{2 * kPage - 1000}, uint64_t{0}, uint64_t{20}}) {
    EXPECT_EQ(words(client_->put(Region::kHeap, offset, piece)), "done");
  }
  for (const uint64_t offset : {uint64_t{100'000}, uint64_t{7}, uint64_t{7}}) {
    EXPECT_EQ(words(client_->put(Region::kStable, offset, piece)), "done");
  }
  Bytes heap(2 * kPage, 0);
  std::ranges::copy(piece, heap.end() - 1000);
  std::ranges::copy(piece, heap.begin());
  std::ranges::copy(piece, heap.begin() + 20);
  EXPECT_EQ(image(subject_->canister().wasm->heap), heap);
  Bytes stable(2 * kPage, 0);
  std::ranges::copy(piece, stable.begin() + 100'000);
  std::ranges::copy(piece, stable.begin() + 7);
  EXPECT_EQ(image(subject_->canister().wasm->stable), stable);
}

TEST_P(Uploader, RejectsWhatDoesNotFit) {
  const Bytes piece = noise(10);
  EXPECT_EQ(words(client_->put(Region::kHeap, 0, piece)), "canrec_put_heap: begin comes first");
  EXPECT_EQ(words(client_->put(Region::kStable, 0, {})), "canrec_put_stable: begin comes first");
  static constexpr const char* kSizes = "canrec_begin: cannot have these sizes";
  EXPECT_EQ(words(client_->begin(100, kPage)), kSizes);
  EXPECT_EQ(words(client_->begin(0, kPage)), kSizes);
  EXPECT_EQ(words(client_->begin(uint64_t{1} << 60, kPage)), kSizes);
  EXPECT_EQ(words(client_->begin((uint64_t{1} << 60) + kPage, kPage)), kSizes);
  EXPECT_EQ(client_->status()->phase, 0U);
  EXPECT_EQ(words(client_->begin(kPage, kPage)), "done");
  EXPECT_EQ(words(client_->begin(kPage, kPage)), "done");
  EXPECT_EQ(client_->status()->phase, 1U);
  EXPECT_EQ(words(client_->begin(2 * kPage, kPage)), kSizes);
  EXPECT_EQ(words(client_->begin(kPage, 2 * kPage)), kSizes);
  EXPECT_EQ(client_->status()->heap_size, kPage);
  EXPECT_EQ(client_->status()->stable_size, kPage);
  EXPECT_EQ(words(client_->put(Region::kHeap, kPage - 9, piece)), "canrec_put_heap: out of bounds");
  EXPECT_EQ(words(client_->put(Region::kStable, ~uint64_t{0}, piece)),
            "canrec_put_stable: out of bounds");
  EXPECT_EQ(image(subject_->canister().wasm->heap), Bytes(kPage, 0));
  EXPECT_EQ(image(subject_->canister().wasm->stable), Bytes(kPage, 0));
}

// The headers of the messages, byte by byte: whatever else arrives is rejected and changes nothing,
// not even the bytes that the scratch stands on.
TEST_P(Uploader, RejectsEveryOtherHeader) {
  ASSERT_EQ(words(client_->begin(kPage, kPage)), "done");
  const Bytes heap = noise(kPage);
  ASSERT_EQ(words(client_->put(Region::kHeap, 0, heap)), "done");
  const Bytes put = {'D', 'I', 'D', 'L', 1, 0x6d, 0x7b, 2, 0x78, 0, 5,
                     0,   0,   0,   0,   0, 0,    0,    2, 8,    9};
  const Bytes begin = {'D', 'I', 'D', 'L', 0, 2, 0x78, 0x78};
  const auto rejects = [&](std::string_view method, const Bytes& argument) {
    const auto reply = port_->update(method, argument);
    ASSERT_FALSE(reply.has_value()) << to_hex(argument);
    EXPECT_EQ(reply.error().message(), "wrong argument types") << to_hex(argument);
    EXPECT_EQ(image(subject_->canister().wasm->heap), heap);
    EXPECT_EQ(image(subject_->canister().wasm->stable), Bytes(kPage, 0));
  };
  for (const std::string_view method : {"canrec_put_heap", "canrec_put_stable"}) {
    for (size_t length = 0; length < put.size(); ++length) {
      rejects(method, Bytes(put.begin(), put.begin() + static_cast<long>(length)));
    }
    for (const size_t at : {0U, 1U, 2U, 3U, 4U, 5U, 6U, 7U, 8U, 9U, 18U}) {
      for (const unsigned change : {0x01U, 0x80U, 0xffU}) {
        Bytes wrong = put;
        wrong[at] = static_cast<uint8_t>(wrong[at] ^ change);
        rejects(method, wrong);
      }
    }
    Bytes longer = put;
    longer.push_back(0);
    rejects(method, longer);
    rejects(method, Bytes(600, 0xff));
  }
  for (size_t length = 0; length < 24; ++length) {
    Bytes shorter = begin;
    shorter.resize(length);
    rejects("canrec_begin", shorter);
  }
  rejects("canrec_begin", put);
}

// Lengths on both sides of every width of the LEB128 in front of a piece.
TEST_P(Uploader, TakesPiecesOfEveryLength) {
  constexpr size_t kPages = 40;
  ASSERT_EQ(words(client_->begin(kPages * kPage, kPages * kPage)), "done");
  const Bytes source = noise(kPages * kPage);
  for (const size_t length :
       {size_t{0}, size_t{1}, size_t{31}, size_t{32}, size_t{33}, size_t{127}, size_t{128},
        size_t{16383}, size_t{16384}, static_cast<size_t>(uploader::piece_limit())}) {
    const ByteView piece = ByteView(source).subspan(length % 7, length);
    for (const Region region : {Region::kHeap, Region::kStable}) {
      ASSERT_EQ(words(client_->put(region, 3, piece)), "done") << length;
      EXPECT_EQ(*client_->hash(region, 3, length), xxh64(piece)) << length;
    }
  }
}

TEST_P(Uploader, LetsOnlyControllersIn) {
  const Bytes empty = {'D', 'I', 'D', 'L', 0, 0};
  const auto outcome = subject_->executor().query(
      {subject_->id(), "canrec_status", empty, ic::Principal::anonymous()});
  ASSERT_TRUE(outcome.has_value());
  ASSERT_FALSE(outcome->replied());
  EXPECT_EQ(outcome->failure().description, "caller not allowed");
}

TEST(UploaderModule, IsSmallAndTheSameEveryTime) {
  for (const Width width : {Width::k32, Width::k64}) {
    const auto first = uploader::make_uploader(width, {});
    const auto second = uploader::make_uploader(width, {});
    ASSERT_TRUE(first.has_value() && second.has_value());
    EXPECT_EQ(first->module, second->module);
    EXPECT_LT(first->code_size, 2048U);
  }
}

INSTANTIATE_TEST_SUITE_P(Widths, Uploader, testing::Values(false, true),
                         [](const auto& row) { return row.param ? "Wide" : "Narrow"; });

}  // namespace
}  // namespace canrec::recover::test
