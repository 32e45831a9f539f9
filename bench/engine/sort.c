// SPDX-License-Identifier: Apache-2.0
// Quicksort of pseudo-random numbers, with insertion sort for short ranges.
typedef unsigned int u32;
enum { kCount = 150000 };
static u32 data[kCount];

static void sort(int low, int high) {
  while (high - low > 12) {
    u32 pivot = data[low + (high - low) / 2];
    int i = low, j = high;
    while (i <= j) {
      while (data[i] < pivot) ++i;
      while (data[j] > pivot) --j;
      if (i <= j) {
        u32 t = data[i];
        data[i++] = data[j];
        data[j--] = t;
      }
    }
    if (j - low < high - i) {
      sort(low, j);
      low = i;
    } else {
      sort(i, high);
      high = j;
    }
  }
  for (int i = low + 1; i <= high; ++i) {
    u32 t = data[i];
    int j = i - 1;
    for (; j >= low && data[j] > t; --j) data[j + 1] = data[j];
    data[j + 1] = t;
  }
}

__attribute__((export_name("run"))) u32 run(void) {
  u32 x = 1;
  for (int i = 0; i < kCount; ++i) data[i] = x = x * 1664525 + 1013904223;
  sort(0, kCount - 1);
  u32 sum = 0;
  for (int i = 1; i < kCount; ++i) sum += (data[i - 1] <= data[i]) * (data[i] >> 8);
  return sum;
}
