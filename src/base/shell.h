// SPDX-License-Identifier: Apache-2.0
#pragma once

// Commands in reports are there to be pasted into a shell.

#include <string>
#include <string_view>

namespace canrec {

/// The text as one word of a POSIX shell: as it is when every character is harmless there, in
/// single quotes otherwise.
std::string shell_word(std::string_view text);

}  // namespace canrec
