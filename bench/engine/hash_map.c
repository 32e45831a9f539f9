// SPDX-License-Identifier: Apache-2.0
// Inserts, finds and removes in an open-addressing map of 64-bit keys.
typedef unsigned int u32;
typedef unsigned long long u64;
enum { kSlots = 1 << 16 };
static u64 keys[kSlots];
static u32 values[kSlots];

static u32 slot_of(u64 key) {
  key ^= key >> 33;
  key *= 0xff51afd7ed558ccdull;
  key ^= key >> 33;
  u32 i = (u32)key & (kSlots - 1);
  while (keys[i] != 0 && keys[i] != key) i = (i + 1) & (kSlots - 1);
  if (keys[i] == 0) keys[i] = key;
  return i;
}

__attribute__((export_name("run"))) u32 run(void) {
  for (u32 i = 0; i < kSlots; ++i) keys[i] = values[i] = 0;
  u64 x = 88172645463325252ull;
  u32 sum = 0;
  for (u32 i = 0; i < 600000; ++i) {
    x ^= x << 13;
    x ^= x >> 7;
    x ^= x << 17;
    u32 at = slot_of(x % 40000 + 1);
    values[at] += i;
    sum ^= values[at];
  }
  return sum;
}
