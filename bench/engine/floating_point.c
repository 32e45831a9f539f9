// SPDX-License-Identifier: Apache-2.0
// Mandelbrot's set and a sum with square roots, in doubles.
typedef unsigned int u32;

__attribute__((export_name("run"))) u32 run(void) {
  u32 inside = 0;
  for (int py = 0; py < 160; ++py) {
    for (int px = 0; px < 160; ++px) {
      double cx = px * (3.0 / 160) - 2.25, cy = py * (2.5 / 160) - 1.25, x = 0, y = 0;
      int n = 0;
      for (; n < 200 && x * x + y * y < 4.0; ++n) {
        double t = x * x - y * y + cx;
        y = 2 * x * y + cy;
        x = t;
      }
      inside += n == 200;
    }
  }
  double sum = 0;
  for (int i = 1; i < 300000; ++i) sum += __builtin_sqrt(i) / (i + 0.5) * (i & 1 ? 1.0 : -1.0);
  return inside * 1000 + (u32)(int)(sum * 100);
}
