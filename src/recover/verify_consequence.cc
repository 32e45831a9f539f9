// SPDX-License-Identifier: Apache-2.0
// One case a defect: an upload that goes through without a word is another thing than one that
// stops.
#include "recover/verify_consequence.h"

#include <string_view>

namespace canrec::recover {
namespace {

constexpr std::string_view kAgain = "download the snapshot again into an empty directory";
// What an upload leaves behind that stops in the middle.
constexpr std::string_view kHalf =
    "; the snapshot that it has begun stays on the network, incomplete, and takes a slot: delete "
    "it";

Consequence finding(std::string_view code, std::string why, std::string next) {
  return {std::string(code), std::move(why), std::move(next)};
}

std::string_view file_of(const Error& error) {
  return std::string_view(error.message()).substr(0, error.message().find(':'));
}

bool is_chunk(std::string_view file) { return file.starts_with("wasm_chunk_store"); }
bool is_module(std::string_view file) {
  return file == "wasm_module.bin" || file == "wasm-code.bin";
}

uint64_t metadata_size(const snapshot::Metadata& metadata, std::string_view file) {
  if (is_module(file)) return metadata.wasm_module_size;
  const bool is_heap = file == "wasm_memory.bin" || file == "heap.bin";
  return is_heap ? metadata.wasm_memory_size : metadata.stable_memory_size;
}

Consequence of_size(const Error& error, const snapshot::Directory* directory) {
  const std::string_view file = file_of(error);
  if (error.message().find(": missing,") != std::string::npos) {
    return finding("missing-file",
                   (is_chunk(file) ? "icp's upload stops at it, behind everything else"
                                   : "icp's upload stops when it comes to it") +
                       std::string(kHalf),
                   std::string(kAgain));
  }
  if (directory != nullptr && directory->form() == snapshot::MetadataForm::kJuno) {
    return finding("wrong-size", "Juno compares sizes and stops before it uploads",
                   std::string(kAgain));
  }
  if (file == "metadata.json") {
    return finding("wrong-size", "the network refuses the upload at its first message",
                   std::string(kAgain));
  }
  // The offset is where the shorter of the two ends.
  if (directory != nullptr && error.offset() == metadata_size(directory->metadata(), file)) {
    return finding("wrong-size",
                   "the network takes nothing beyond the size in the metadata, so an upload stops "
                   "there: the file is not of this metadata" +
                       std::string(kHalf),
                   std::string(kAgain));
  }
  const std::string next = std::string(kAgain) +
                           "; where dfx was interrupted, dfx canister snapshot download --resume "
                           "goes on";
  if (is_module(file)) {
    return finding(
        "wrong-size",
        "an upload sends what is there without a word; that the module is cut is noticed "
        "only when the snapshot is loaded, and then refused",
        next);
  }
  return finding(
      "wrong-size",
      "an upload sends what is there without a word: the rest of the memory is zeros, and "
      "the program takes them for its data",
      next);
}

Consequence of_hash(const Error& error) {
  if (is_chunk(file_of(error))) {
    return finding(
        "wrong-hash",
        "an upload stores the chunk under the hash of what it is now, without a word; the "
        "code that asks for the old hash does not find it",
        std::string(kAgain));
  }
  return finding("wrong-hash",
                 "the file has changed since Juno downloaded it: Juno's upload compares the hashes "
                 "and stops, icp and dfx would not notice",
                 std::string(kAgain));
}

Consequence of_mixture(const Error& error) {
  const std::string_view file = file_of(error);
  if (is_chunk(file)) {
    return finding(
        "mixed",
        "an upload leaves it out; it is from another snapshot, and so may be the memories, "
        "which would be uploaded without a word",
        std::string(kAgain) + ", unless you know how the file came here");
  }
  if (file == "progress files") {
    return finding(
        "mixed",
        "an upload does not mind; but of which canister this snapshot is, the files here "
        "do not tell",
        "compare the module with that of the canister: canrec verify --status FILE");
  }
  return finding("mixed",
                 "files of two tools in one directory: each uploads its own without a word",
                 std::string(kAgain) + ", with one tool");
}

Consequence of_metadata(const Error& error) {
  const std::string& message = error.message();
  const auto says = [&](std::string_view words) {
    return message.find(words) != std::string::npos;
  };
  if (says("no multiple of")) {
    return finding("metadata", "the network refuses the upload at its first message",
                   std::string(kAgain));
  }
  if (says("NaN or an infinity")) {
    return finding(
        "metadata",
        "icp and dfx stop before they send anything, and no form of the file can hold the "
        "value: this snapshot cannot be uploaded",
        "take heap and stable memory out without it: canrec downloader --width 32 or 64 needs no "
        "snapshot");
  }
  if (says("where an integer")) {
    return finding("metadata",
                   "icp and dfx stop before they send anything; a JSON tool that keeps numbers as "
                   "doubles has rewritten the file, and the low digits are lost",
                   "take metadata.json as it was downloaded, or download the snapshot again");
  }
  return finding("metadata", "icp and dfx stop before they send anything",
                 "take metadata.json as it was downloaded, or download the snapshot again");
}

Consequence of_code(Errc code) {
  switch (code) {
    case Errc::kSnapshotUnfinished:
      return finding(
          "unfinished",
          "an upload does not look at the progress file and goes through without a word: "
          "every missing byte becomes zero",
          "run the download again with --resume, from the same snapshot");
    case Errc::kLocked:
      return finding("in-use", "another process is writing this directory",
                     "wait until the download or upload has ended");
    case Errc::kWasmMagic:
      return finding("module", "the module is not a WebAssembly module: loading the snapshot fails",
                     std::string(kAgain));
    case Errc::kLimit:
      return finding("limit", "the network refuses the upload", "see the limit that is named");
    case Errc::kNotFound:
      return finding("missing-file", "an upload stops at it or takes the file for empty",
                     std::string(kAgain));
    default:
      return finding("file", "the file could not be read",
                     "look at the disk and at the permissions");
  }
}

}  // namespace

Consequence consequence_of(const Error& error, const snapshot::Directory* directory) {
  // Leftovers are told by their names; the directory itself may be whole.
  if (error.message().starts_with(".upload_progress.json")) {
    return finding(
        "unfinished-upload",
        "the snapshot that the upload was making lacks the rest of its bytes: loading it "
        "loads zeros",
        "icp canister snapshot upload --resume, or delete that snapshot and upload anew");
  }
  if (error.message().starts_with(".download_progress.json.tmp")) {
    return finding(
        "leftover",
        "a download crashed while it noted how far it had come; without the note nothing "
        "tells which bytes are missing",
        "unless you know that a later download was finished, " + std::string(kAgain));
  }
  if (error.message().starts_with(".snapshot_write_test")) {
    return finding("leftover",
                   "dfx makes this file before it downloads and removes it at once: it crashed",
                   std::string(kAgain));
  }
  switch (error.code()) {
    case Errc::kSnapshotSize:
      return of_size(error, directory);
    case Errc::kHashMismatch:
      return of_hash(error);
    case Errc::kSnapshotMixed:
      return of_mixture(error);
    case Errc::kSnapshotMetadata:
    case Errc::kUtf8:
      return of_metadata(error);
    default:
      return of_code(error.code());
  }
}

bool network_refuses(Errc code) { return code == Errc::kLimit || code == Errc::kSnapshotSize; }

}  // namespace canrec::recover
