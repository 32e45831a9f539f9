#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Proves that scripts/check-floors passes a right tree and refuses each wrong include with its reason.
set -euo pipefail
script=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)/scripts/check-floors
tree=$(mktemp -d)
trap 'rm -rf "$tree"' EXIT
failures=0

# A tree of three floors in which everything is allowed that it does.
new_tree() {
  rm -rf "$tree/src"
  mkdir -p "$tree/src/base" "$tree/src/wasm" "$tree/src/engine" "$tree/src/cli"
  cat > "$tree/src/floors.txt" << 'TABLE'
# folder | may include | libraries
base   |             | zstd::zstd
wasm   | base        |
engine | base wasm   |
cli    | base engine | CLI11::CLI11
TABLE
  echo '#include <vector>' > "$tree/src/base/bytes.h"
  echo '#include <zstd.h>' > "$tree/src/base/packed.cc"
  echo '#include "base/bytes.h"' > "$tree/src/wasm/module.h"
  echo '#include <llvm/IR/Module.h>' > "$tree/src/engine/jit_emit.cc"
  printf '#include "engine/engine.h"\n#include <CLI/CLI.hpp>\n' > "$tree/src/cli/main.cc"
  echo '#include "wasm/module.h"' > "$tree/src/engine/engine.h"
}

# refuses NAME FILE LINE REASON: with LINE in FILE the check fails and says REASON.
refuses() {
  local name=$1 file=$2 line=$3 reason=$4 output
  new_tree
  printf '%s\n' "$line" >> "$tree/$file"
  if output=$("$script" "$tree"); then
    echo "check-floors accepted: $name"
    failures=1
  elif ! grep -qF -- "$reason" <<< "$output"; then
    echo "check-floors refused $name without saying '$reason': $output"
    failures=1
  fi
}

new_tree
"$script" "$tree" || { echo "check-floors refused a right tree"; failures=1; }
refuses "an include from below" src/base/bytes.h '#include "wasm/module.h"' 'src/base/bytes.h:2: base may not include wasm'
refuses "a floor that is skipped by the table" src/cli/main.cc '#include "wasm/module.h"' 'cli may not include wasm'
refuses "an include with blanks" src/wasm/module.h '  #  include "engine/engine.h"' 'wasm may not include engine'
refuses "an include without a folder" src/wasm/module.h '#include "module.h"' 'name it from src/'
refuses "an include by way of the parent" src/wasm/module.h '#include "wasm/../engine/engine.h"' 'name it from src/'
refuses "an unknown folder" src/wasm/module.h '#include "nowhere/file.h"' 'folder nowhere has no row'
refuses "a file that is not there" src/wasm/module.h '#include "base/gone.h"' 'there is no such file'
refuses "LLVM outside the JIT" src/engine/engine.h '#include <llvm/IR/Value.h>' 'LLVM belongs into'
refuses "zstd in a folder without it" src/wasm/module.h '#include <zstd.h>' 'does not list zstd::zstd'
refuses "CLI11 below cli" src/engine/engine.h '#include <CLI/CLI.hpp>' 'does not list CLI11::CLI11'
refuses "a row that refers downwards" src/floors.txt 'late | later |' 'later, which is not above it'
new_tree
mkdir "$tree/src/loose"
echo > "$tree/src/loose/file.cc"
if "$script" "$tree" > /dev/null; then
  echo "check-floors accepted a folder without a row"
  failures=1
fi
exit "$failures"
