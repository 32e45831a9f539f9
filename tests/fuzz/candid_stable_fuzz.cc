// fuzz: candid
// SPDX-License-Identifier: Apache-2.0
// Stable signatures: the two halves of the input, split at the first NUL, are compared; a signature
// compared with itself keeps everything, unless its migrations do not fit.
#include <string_view>

#include "base/bytes.h"
#include "candid/motoko_check.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace canrec;
  const std::string_view text = as_text({data, size});
  const size_t split = text.find('\0');
  const std::string_view left = text.substr(0, split);
  const std::string_view right = split == std::string_view::npos ? left : text.substr(split + 1);
  static_cast<void>(candid::motoko::check_stable(left, right));
  candid::motoko::TypeStore store;
  const auto signature = candid::motoko::parse_signature(left, store);
  if (signature && signature->form == candid::motoko::Form::kSingle) {
    const auto same = candid::motoko::check_stable(left, left);
    CANREC_ASSERT(!same || same->lossless);
  }
  return 0;
}
