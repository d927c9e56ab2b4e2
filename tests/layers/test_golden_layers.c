/* Every layer against PyTorch: tests/golden/layers.py says how the numbers were made. */
#include "layers/golden.h"

static const golden cases[] = {
#include "golden/layers.inc"
};

GOLDEN_MAIN("layers against PyTorch")
