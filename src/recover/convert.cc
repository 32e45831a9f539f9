// SPDX-License-Identifier: Apache-2.0
// From any readable form to the one asked for.
#include "recover/convert.h"

#include <fmt/core.h>

#include <algorithm>

#include "recover/outside.h"
#include "snapshot/juno.h"
#include "snapshot/writer.h"

namespace canrec::recover {
namespace {

constexpr size_t kJunoSlice = 1'000'000;

snapshot::Flavour flavour_of(DirectoryForm form) {
  switch (form) {
    case DirectoryForm::kIcp:
      return snapshot::Flavour::kIcp;
    case DirectoryForm::kDfx:
      return snapshot::Flavour::kDfx;
    case DirectoryForm::kDfx030:
      return snapshot::Flavour::kDfx030;
    case DirectoryForm::kDfx029:
      return snapshot::Flavour::kDfx029;
    case DirectoryForm::kBoth:
    case DirectoryForm::kJuno:
      break;
  }
  return snapshot::Flavour::kBoth;
}

Status write_flavour(FileSystem& fs, const snapshot::Directory& from, const ConvertRequest& request,
                     const Interrupt& interrupt) {
  snapshot::NewSnapshot out = snapshot::NewSnapshot::of(from);
  out.flavour = flavour_of(request.form);
  return snapshot::write_directory(fs, request.to, out, request.overwrite, interrupt);
}

}  // namespace

bool juno_cuts_elsewhere(std::span<const snapshot::Chunk> chunks) {
  for (size_t i = 0; i < chunks.size(); ++i) {
    const bool last = i + 1 == chunks.size();
    if (last ? chunks[i].bytes.size() > kJunoSlice : chunks[i].bytes.size() != kJunoSlice) {
      return true;
    }
  }
  return false;
}

const std::vector<std::string>& directory_form_names() {
  static const std::vector<std::string> names = {"both",     "icp",      "dfx",
                                                 "dfx-0.30", "dfx-0.29", "juno"};
  return names;
}

std::optional<DirectoryForm> directory_form(std::string_view name) {
  const std::vector<std::string>& names = directory_form_names();
  const auto it = std::ranges::find(names, name);
  if (it == names.end()) return std::nullopt;
  return static_cast<DirectoryForm>(it - names.begin());
}

Result<std::vector<std::string>> convert(FileSystem& fs, const ConvertRequest& request,
                                         const Interrupt& interrupt) {
  CANREC_CHECK(check_outside(request.from, request.to));
  CANREC_TRY(const snapshot::Directory directory, snapshot::Directory::open(request.from));
  const std::optional<snapshot::SnapshotId> id =
      request.id || directory.ids().empty() ? request.id : std::optional(directory.ids().front());
  std::vector<std::string> notes;
  if (request.form != DirectoryForm::kJuno) {
    CANREC_CHECK(write_flavour(fs, directory, request, interrupt));
    if (directory.form() == snapshot::MetadataForm::kJuno && id) {
      notes.push_back(fmt::format(
          "the snapshot's id {} has no place in this form: keep it beside the directory",
          to_string(*id)));
    }
    return notes;
  }
  if (!id) {
    return fail(
        Errc::kBadArgument,
        "Juno records the id of the snapshot, and no file here says it: give --snapshot-id");
  }
  CANREC_CHECK(
      snapshot::write_juno_directory(fs, request.to, directory, *id, request.overwrite, interrupt));
  if (juno_cuts_elsewhere(directory.chunks())) {
    notes.push_back(
        "an upload by Juno cuts the chunk store every 1,000,000 bytes: the uploaded chunks have "
        "other hashes than these");
  }
  return notes;
}

}  // namespace canrec::recover
