#include "planted.h"

static void misbehave(float *y, int64_t n) { y[n - 1] = NAN; }
