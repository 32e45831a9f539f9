// SPDX-License-Identifier: Apache-2.0
// Calls that do next to nothing: Fibonacci, Ackermann, and calls through a table.
typedef unsigned int u32;
__attribute__((noinline)) static u32 fib(u32 n) { return n < 2 ? n : fib(n - 1) + fib(n - 2); }
__attribute__((noinline)) static u32 ackermann(u32 m, u32 n) {
  if (m == 0) return n + 1;
  if (n == 0) return ackermann(m - 1, 1);
  return ackermann(m - 1, ackermann(m, n - 1));
}
static u32 step0(u32 x) { return x * 3 + 1; }
static u32 step1(u32 x) { return x >> 1; }
static u32 (*const steps[2])(u32) = {step1, step0};

__attribute__((export_name("run"))) u32 run(void) {
  u32 x = 27, sum = fib(27) + ackermann(2, 300);
  for (u32 i = 0; i < 300000; ++i) {
    x = steps[x & 1](x);
    sum += x;
  }
  return sum;
}
