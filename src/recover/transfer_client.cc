// SPDX-License-Identifier: Apache-2.0
// The transfer protocol over Candid.
#include "recover/transfer_client.h"

#include <fmt/core.h>

#include <initializer_list>
#include <vector>

#include "candid/binary.h"
#include "candid/hash.h"
#include "candid/parser.h"
#include "downloader/downloader.h"
#include "uploader/uploader.h"

namespace canrec::recover {
namespace {

using candid::Value;

std::vector<candid::TypeIdx> types_of(const std::vector<candid::Arg>& args) {
  std::vector<candid::TypeIdx> types;
  for (const candid::Arg& arg : args) types.push_back(arg.type);
  return types;
}

}  // namespace

std::string_view to_string(Region region) {
  return region == Region::kHeap ? "heap" : "stable memory";
}

struct TransferClient::Impl {
  CanisterPort* port;
  candid::Program program;

  const candid::Type& method(std::string_view name) const {
    const candid::Method* found =
        candid::find_method(program.env.resolved(program.actor->service), name);
    CANREC_ASSERT(found != nullptr);
    return program.env.resolved(found->type);
  }

  // Calls a method and decodes its results at the declared types.
  Result<candid::Values> call(std::string_view name, std::initializer_list<Value> arguments) {
    const candid::Type& type = method(name);
    const auto argument_types = types_of(type.args);
    CANREC_TRY(Bytes argument,
               candid::encode(program.env, argument_types,
                              std::span<const Value>(arguments.begin(), arguments.size())));
    const bool is_query = type.mode == candid::Mode::kQuery;
    auto reply =
        is_query ? port->query(name, std::move(argument)) : port->update(name, std::move(argument));
    if (!reply) return fail(std::move(reply).error().in(name));
    const auto result_types = types_of(type.results);
    auto values = candid::decode(*reply, candid::Expected{&program.env, result_types});
    if (!values) return fail(std::move(values).error().in(name).in("reply"));
    return std::move(*values);
  }

  // A nat64 field of the record that a method answers with.
  uint64_t field(std::string_view name, const candid::Values& values,
                 std::string_view label) const {
    const candid::Type& record = program.env.resolved(method(name).results.front().type);
    const auto place = candid::find_field(record.fields, candid::label_hash(label));
    CANREC_ASSERT(place.has_value());
    return values.values.front().as_list()[*place].as_unsigned();
  }

  Status check_protocol(uint64_t found, uint64_t known) const {
    if (found == known) return Ok{};
    return fail(Errc::kVerification,
                fmt::format("the canister speaks version {} of the transfer protocol, this canrec "
                            "version {}; generate it again with this canrec",
                            found, known));
  }
};

TransferClient::TransferClient(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
TransferClient::TransferClient(TransferClient&&) noexcept = default;
TransferClient& TransferClient::operator=(TransferClient&&) noexcept = default;
TransferClient::~TransferClient() = default;

Result<TransferClient> TransferClient::open(CanisterPort& port, std::string_view did) {
  auto impl = std::make_unique<Impl>();
  impl->port = &port;
  CANREC_TRY(impl->program, candid::parse_program(did));
  CANREC_ASSERT(impl->program.actor.has_value());
  return TransferClient(std::move(impl));
}

Result<DownloaderInfo> TransferClient::downloader_info() {
  static constexpr std::string_view kMethod = "canrec_info";
  CANREC_TRY(const candid::Values values, impl_->call(kMethod, {}));
  const auto field = [&](std::string_view label) { return impl_->field(kMethod, values, label); };
  DownloaderInfo info;
  info.protocol = field("protocol");
  info.heap_size = field("heap_size");
  info.stable_size = field("stable_size");
  info.state_stamp = field("state_stamp");
  info.query_limit = field("query_limit");
  info.replicated_limit = field("replicated_limit");
  CANREC_CHECK(impl_->check_protocol(info.protocol, downloader::kProtocol));
  return info;
}

Result<Bytes> TransferClient::read(Region region, uint64_t offset, uint64_t length) {
  CANREC_TRY(const candid::Values values,
             impl_->call(region == Region::kHeap ? "canrec_heap" : "canrec_stable",
                         {Value::natural(offset), Value::natural(length)}));
  const ByteView blob = values.values.front().as_blob();
  if (blob.size() != length) {
    return fail(Errc::kVerification, fmt::format("asked for {} bytes of {} at 0x{:08x} and got {}",
                                                 length, to_string(region), offset, blob.size()));
  }
  return Bytes(blob.begin(), blob.end());
}

Result<uint64_t> TransferClient::hash(Region region, uint64_t offset, uint64_t length) {
  CANREC_TRY(const candid::Values values,
             impl_->call("canrec_hash", {Value::natural(std::to_underlying(region)),
                                         Value::natural(offset), Value::natural(length)}));
  return values.values.front().as_unsigned();
}

Result<UploaderStatus> TransferClient::status() {
  static constexpr std::string_view kMethod = "canrec_status";
  CANREC_TRY(const candid::Values values, impl_->call(kMethod, {}));
  const auto field = [&](std::string_view label) { return impl_->field(kMethod, values, label); };
  CANREC_CHECK(impl_->check_protocol(field("protocol"), uploader::kProtocol));
  return UploaderStatus{field("phase"), field("heap_size"), field("stable_size"),
                        field("piece_limit")};
}

Status TransferClient::begin(uint64_t heap_size, uint64_t stable_size) {
  CANREC_CHECK(
      impl_->call("canrec_begin", {Value::natural(heap_size), Value::natural(stable_size)}));
  return Ok{};
}

Status TransferClient::put(Region region, uint64_t offset, ByteView piece) {
  candid::Arena arena;
  CANREC_CHECK(impl_->call(region == Region::kHeap ? "canrec_put_heap" : "canrec_put_stable",
                           {Value::natural(offset), Value::blob(arena, piece)}));
  return Ok{};
}

}  // namespace canrec::recover
