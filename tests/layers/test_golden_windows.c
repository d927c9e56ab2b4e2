/* Convolution and pooling against PyTorch: tests/golden/windows.py says how the numbers were made. */
#include "layers/golden.h"

static const golden cases[] = {
#include "golden/windows.inc"
};

GOLDEN_MAIN("convolutions and pools against PyTorch")
