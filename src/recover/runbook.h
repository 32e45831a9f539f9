// SPDX-License-Identifier: Apache-2.0
#pragma once

// The runbook of a package: numbered commands, what each must print, when to stop, the way back.

#include <string>

#include "recover/package.h"

namespace canrec::recover {

/// Markdown.
std::string runbook_markdown(const Package& package);
/// The same without markup, for a terminal.
std::string runbook_text(const Package& package);

}  // namespace canrec::recover
