// SPDX-License-Identifier: Apache-2.0
// Copies by words and by bytes, as memcpy and memmove of a C library without bulk memory do.
typedef unsigned int u32;
typedef unsigned char u8;
enum { kSize = 1 << 20 };
static u32 a[kSize / 4], b[kSize / 4];

__attribute__((noinline)) static void copy_words(u32* to, const u32* from, u32 n) {
  for (u32 i = 0; i < n; ++i) {
    to[i] = from[i];
    __asm__ volatile("");
  }
}
__attribute__((noinline)) static void copy_bytes(u8* to, const u8* from, u32 n) {
  for (u32 i = 0; i < n; ++i) {
    to[i] = from[i];
    __asm__ volatile("");
  }
}

__attribute__((export_name("run"))) u32 run(void) {
  for (u32 i = 0; i < kSize / 4; ++i) a[i] = i * 2654435761u;
  for (int round = 0; round < 8; ++round) {
    copy_words(b, a, kSize / 4);
    copy_bytes((u8*)a + 1, (const u8*)b, kSize - 1);
  }
  u32 sum = 0;
  for (u32 i = 0; i < kSize / 4; ++i) sum = sum * 31 + a[i];
  return sum;
}
