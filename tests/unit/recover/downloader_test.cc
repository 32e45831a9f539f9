// SPDX-License-Identifier: Apache-2.0
// The downloader as a canister: every method at its borders, and the proof that nothing changes.
#include "downloader/downloader.h"

#include "downloader/binaryen.h"

#include "support.h"
#include "uploader/uploader.h"

namespace canrec::recover::test {
namespace {

using downloader::Access;
using downloader::Width;

constexpr size_t kPage = 65536;

Bytes u64_pair(uint64_t a, uint64_t b) {
  Bytes out = {'D', 'I', 'D', 'L', 0, 2, 0x78, 0x78};
  for (const uint64_t value : {a, b}) {
    for (int i = 0; i < 64; i += 8) out.push_back(static_cast<uint8_t>(value >> i));
  }
  return out;
}

// A state with the downloader installed over it by route K.
class Downloader : public testing::TestWithParam<bool> {
 protected:
  void install(const Bytes& heap, const Bytes& stable, const Access& access = {}) {
    write_state(directory_.path() / "state", GetParam(), heap, stable);
    open(access);
  }
  void open(const Access& access = {}) {
    auto opened = Subject::open(directory_.path() / "state", {});
    ASSERT_TRUE(opened.has_value()) << opened.error().message();
    subject_.emplace(std::move(*opened));
    const auto made = downloader::make_downloader(GetParam() ? Width::k64 : Width::k32, access);
    ASSERT_TRUE(made.has_value()) << made.error().message();
    generated_ = *made;
    executor::InstallRequest request;
    request.canister = subject_->id();
    request.mode = executor::InstallMode::kUpgrade;
    request.module = generated_.module;
    request.skip_pre_upgrade = true;
    request.memory = executor::MemoryPersistence::kKeep;
    const auto outcome = subject_->executor().install(request);
    ASSERT_TRUE(outcome.has_value() && outcome->ok());
    subject_->refresh_interface();
    port_.emplace(*subject_);
    auto client = TransferClient::open(*port_, generated_.did);
    ASSERT_TRUE(client.has_value());
    client_.emplace(std::move(*client));
  }
  Bytes image(const engine::Memory& memory) const {
    const auto view = memory.peek(0, memory.size());
    return view ? Bytes(view->begin(), view->end()) : Bytes{};
  }
  Bytes heap() const { return image(subject_->canister().wasm->heap); }
  Bytes stable() const { return image(subject_->canister().wasm->stable); }
  std::string rejection(std::string_view method, Bytes argument) {
    auto reply = port_->query(method, std::move(argument));
    return reply ? "it replied" : reply.error().message();
  }

  canrec::test::TemporaryDirectory directory_;
  std::optional<Subject> subject_;
  std::optional<ExecutorPort> port_;
  std::optional<TransferClient> client_;
  downloader::Generated generated_;
};

TEST_P(Downloader, TellsTheSizesAndTheStamp) {
  install(noise(2 * kPage), noise(3 * kPage, 2));
  const auto info = client_->downloader_info();
  ASSERT_TRUE(info.has_value()) << info.error().message();
  EXPECT_EQ(info->heap_size, 2 * kPage);
  EXPECT_EQ(info->stable_size, 3 * kPage);
  EXPECT_EQ(info->state_stamp, subject_->canister().version);
  EXPECT_EQ(info->query_limit, 3U * 1024 * 1024 - 13);
  EXPECT_EQ(info->replicated_limit, 2U * 1024 * 1024 - 13);
}

TEST_P(Downloader, ReadsEveryKindOfRange) {
  const Bytes heap_bytes = noise(2 * kPage);
  const Bytes stable_bytes = noise(kPage, 2);
  install(heap_bytes, stable_bytes);
  const std::pair<uint64_t, uint64_t> ranges[] = {{0, 0},    {0, 1},         {0, 32},
                                                  {5, 40},   {31, 2},        {0, 65},
                                                  {1, 127},  {kPage - 1, 1}, {kPage - 300, 300},
                                                  {0, kPage}};
  for (const auto& [offset, length] : ranges) {
    const auto from_heap = client_->read(Region::kHeap, offset, length);
    ASSERT_TRUE(from_heap.has_value()) << from_heap.error().message();
    EXPECT_EQ(*from_heap, Bytes(heap_bytes.begin() + static_cast<long>(offset),
                                heap_bytes.begin() + static_cast<long>(offset + length)));
    const auto from_stable = client_->read(Region::kStable, offset, length);
    ASSERT_TRUE(from_stable.has_value()) << from_stable.error().message();
    EXPECT_EQ(*from_stable, Bytes(stable_bytes.begin() + static_cast<long>(offset),
                                  stable_bytes.begin() + static_cast<long>(offset + length)));
  }
  const auto last = client_->read(Region::kHeap, 2 * kPage - 1, 1);
  ASSERT_TRUE(last.has_value());
  EXPECT_EQ((*last)[0], heap_bytes.back());
}

TEST_P(Downloader, HashesAsTheLibraryDoes) {
  const Bytes heap_bytes = noise(2 * kPage);
  const Bytes stable_bytes = noise(kPage, 2);
  install(heap_bytes, stable_bytes);
  for (uint64_t length = 0; length <= 100; ++length) {
    for (const uint64_t offset : {uint64_t{0}, uint64_t{3}, uint64_t{17}}) {
      const auto heap_hash = client_->hash(Region::kHeap, offset, length);
      ASSERT_TRUE(heap_hash.has_value()) << heap_hash.error().message();
      EXPECT_EQ(*heap_hash, xxh64(ByteView(heap_bytes).subspan(offset, length)));
      const auto stable_hash = client_->hash(Region::kStable, offset, length);
      ASSERT_TRUE(stable_hash.has_value());
      EXPECT_EQ(*stable_hash, xxh64(ByteView(stable_bytes).subspan(offset, length)));
    }
  }
  EXPECT_EQ(*client_->hash(Region::kHeap, 0, 2 * kPage), xxh64(heap_bytes));
}

TEST_P(Downloader, ChangesNothingWhateverIsCalled) {
  const Bytes heap_bytes = noise(2 * kPage);
  const Bytes stable_bytes = noise(kPage, 2);
  install(heap_bytes, stable_bytes);
  const auto globals = executor::persisted_values(*subject_->canister().wasm);
  const Bytes empty = {'D', 'I', 'D', 'L', 0, 0};
  Bytes hash = {'D', 'I', 'D', 'L', 0, 3, 0x7b, 0x78, 0x78, 1};
  hash.resize(26);
  const std::pair<std::string_view, Bytes> messages[] = {{"canrec_info", empty},
                                                         {"canrec_heap", u64_pair(0, 40)},
                                                         {"canrec_stable", u64_pair(0, 4000)},
                                                         {"canrec_hash", hash},
                                                         {"canrec_heap", u64_pair(~uint64_t{0}, 2)},
                                                         {"canrec_info", {}},
                                                         {"canrec_heap", Bytes(500, 0xff)}};
  for (const auto& [method, argument] : messages) {
    // As a query, and as an update that a replicated query becomes.
    (void)port_->query(method, argument);
    EXPECT_EQ(heap(), heap_bytes) << method;
    (void)port_->update(method, argument);
    EXPECT_EQ(heap(), heap_bytes) << method;
    EXPECT_EQ(stable(), stable_bytes) << method;
    EXPECT_EQ(executor::persisted_values(*subject_->canister().wasm), globals) << method;
  }
}

TEST_P(Downloader, RejectsWithWordsInsteadOfTrapping) {
  install(noise(kPage), noise(kPage, 2));
  EXPECT_EQ(rejection("canrec_heap", u64_pair(kPage, 1)), "out of bounds");
  EXPECT_EQ(rejection("canrec_heap", u64_pair(~uint64_t{0}, ~uint64_t{0})), "out of bounds");
  EXPECT_EQ(rejection("canrec_stable", u64_pair(kPage - 1, 2)), "out of bounds");
  EXPECT_EQ(rejection("canrec_heap", {}), "wrong argument types");
  Bytes wrong = u64_pair(0, 1);
  wrong[6] = 0x7c;
  EXPECT_EQ(rejection("canrec_heap", wrong), "wrong argument types");
  Bytes longer = u64_pair(0, 1);
  longer.push_back(0);
  EXPECT_EQ(rejection("canrec_heap", longer), "wrong argument types");
  EXPECT_EQ(rejection("canrec_hash", u64_pair(0, 1)), "wrong argument types");
}

TEST_P(Downloader, ServesAnEmptyHeap) {
  install({}, noise(kPage, 2));
  const auto info = client_->downloader_info();
  ASSERT_TRUE(info.has_value()) << info.error().message();
  EXPECT_EQ(info->heap_size, 0U);
  EXPECT_EQ(client_->read(Region::kStable, 0, kPage).value_or(Bytes{}), noise(kPage, 2));
  EXPECT_TRUE(client_->read(Region::kHeap, 0, 0).has_value());
  EXPECT_EQ(rejection("canrec_heap", u64_pair(0, 1)), "out of bounds");
  EXPECT_EQ(subject_->canister().wasm->heap.size(), 0U);
}

TEST_P(Downloader, FillsAReplyToItsLimitAndNoFurther) {
  install(noise(64 * kPage), {});
  const uint64_t limit = downloader::query_limit();
  const auto most = client_->read(Region::kHeap, 0, limit);
  ASSERT_TRUE(most.has_value()) << most.error().message();
  EXPECT_EQ(most->size(), limit);
  EXPECT_EQ(rejection("canrec_heap", u64_pair(0, limit + 1)), "longer than a reply");
  const uint64_t replicated = downloader::replicated_limit();
  EXPECT_TRUE(port_->update("canrec_heap", u64_pair(0, replicated)).has_value());
  EXPECT_FALSE(port_->update("canrec_heap", u64_pair(0, replicated + 1)).has_value());
}

TEST_P(Downloader, LetsOnlyTheListedIn) {
  Access access;
  access.kind = Access::Kind::kPrincipals;
  access.principals = {ic::Principal::canister(5), executor::default_user()};
  install(noise(kPage), {}, access);
  EXPECT_TRUE(client_->downloader_info().has_value());
  const Bytes empty = {'D', 'I', 'D', 'L', 0, 0};
  for (const ic::Principal& caller : {ic::Principal::anonymous(), ic::Principal::canister(6)}) {
    const auto outcome = subject_->executor().query({subject_->id(), "canrec_info", empty, caller});
    ASSERT_TRUE(outcome.has_value());
    ASSERT_FALSE(outcome->replied());
    EXPECT_EQ(outcome->failure().description, "caller not allowed");
  }
  EXPECT_TRUE(subject_->executor()
                  .query({subject_->id(), "canrec_info", empty, ic::Principal::canister(5)})
                  ->replied());
}

TEST_P(Downloader, LetsNobodyButControllersInByDefault) {
  install(noise(kPage), {});
  const Bytes empty = {'D', 'I', 'D', 'L', 0, 0};
  EXPECT_TRUE(client_->downloader_info().has_value());
  EXPECT_FALSE(subject_->executor()
                   .query({subject_->id(), "canrec_info", empty, ic::Principal::anonymous()})
                   ->replied());
}

INSTANTIATE_TEST_SUITE_P(Widths, Downloader, testing::Values(false, true),
                         [](const auto& row) { return row.param ? "Wide" : "Narrow"; });

TEST(LoadBinaryen, NamesThePackageWhenTheLibraryIsMissingOrAnother) {
  // The second is there, and is none: it lacks every function.
  for (const auto& [name, why] : {std::pair("libcanrec-missing.so", "libcanrec-missing.so"),
                                  std::pair("libc.so.6", "BinaryenModuleParse")}) {
    const auto loaded = downloader::load_binaryen(name);
    ASSERT_FALSE(loaded.has_value()) << name;
    EXPECT_EQ(loaded.error().code(), Errc::kNotFound);
    EXPECT_NE(loaded.error().message().find(why), std::string::npos) << loaded.error().message();
    EXPECT_NE(loaded.error().message().find("apt-get install binaryen"), std::string::npos);
  }
}

TEST(DownloaderModule, IsSmallAndTheSameEveryTime) {
  for (const Width width : {Width::k32, Width::k64}) {
    const auto first = downloader::make_downloader(width, {});
    const auto second = downloader::make_downloader(width, {});
    ASSERT_TRUE(first.has_value() && second.has_value());
    EXPECT_EQ(first->module, second->module);
    EXPECT_LT(first->code_size, 2048U);
  }
}

// A heap above 4 GiB exists for 64-bit modules only; the file is a hole but for its end.
TEST(DownloaderModule, ReadsBeyondFourGibibytes) {
  const canrec::test::TemporaryDirectory directory;
  const Bytes tail = noise(100);
  snapshot::Image heap;
  heap.size = (uint64_t{5} << 30);
  heap.extents = {{heap.size - tail.size(), tail}};
  write_state(directory.path() / "state", true, heap, {});
  auto subject = Subject::open(directory.path() / "state", {});
  ASSERT_TRUE(subject.has_value()) << subject.error().message();
  const auto made = downloader::make_downloader(Width::k64, {});
  executor::InstallRequest request;
  request.canister = subject->id();
  request.mode = executor::InstallMode::kUpgrade;
  request.module = made->module;
  request.memory = executor::MemoryPersistence::kKeep;
  const auto outcome = subject->executor().install(request);
  ASSERT_TRUE(outcome.has_value() && outcome->ok());
  ExecutorPort port(*subject);
  auto client = TransferClient::open(port, made->did);
  ASSERT_TRUE(client.has_value());
  EXPECT_EQ(*client->read(Region::kHeap, heap.size - tail.size(), tail.size()), tail);
  EXPECT_EQ(*client->hash(Region::kHeap, heap.size - tail.size(), tail.size()), xxh64(tail));
}

}  // namespace
}  // namespace canrec::recover::test
