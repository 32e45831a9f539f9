// SPDX-License-Identifier: Apache-2.0
#pragma once

// A canister made of nothing but memories, as a snapshot directory and in the executor.

#include <gtest/gtest.h>

#include "recover/executor_port.h"
#include "recover/subject.h"
#include "recover/transfer_client.h"
#include "snapshot/writer.h"
#include "support/noise.h"
#include "support/temporary_directory.h"
#include "wasm/builder.h"

namespace canrec::recover::test {

using canrec::test::noise;

/// (module (memory 0)) with 32- or 64-bit addresses and the section that route K asks for.
inline Bytes bare_module(bool wide) {
  const Bytes memory = {uint8_t{1}, wide ? uint8_t{0x04} : uint8_t{0x00}, uint8_t{0}};
  return wasm::concat({wasm::module_header(), wasm::section(wasm::SectionId::kMemory, memory),
                       wasm::custom_section("icp:private enhanced-orthogonal-persistence", {})});
}

/// Writes a snapshot directory of a bare module.
inline void write_state(const std::filesystem::path& path, bool wide, const snapshot::Image& heap,
                        const snapshot::Image& stable) {
  const Bytes module = bare_module(wide);
  snapshot::NewSnapshot state;
  state.metadata.canister_version = 7;
  state.module = snapshot::Image::of(module);
  state.heap = heap;
  state.stable = stable;
  const Interrupt never;
  const Status written =
      snapshot::write_directory(posix_file_system(), path, state, Overwrite::kNo, never);
  ASSERT_TRUE(written.has_value()) << written.error().message();
}

inline void write_state(const std::filesystem::path& path, bool wide, const Bytes& heap,
                        const Bytes& stable) {
  write_state(path, wide, snapshot::Image::of(heap), snapshot::Image::of(stable));
}

}  // namespace canrec::recover::test
