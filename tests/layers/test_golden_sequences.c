/* Recurrent layers, attention, embedding and norms against PyTorch: tests/golden/sequences.py says how the numbers were made. */
#include "layers/golden.h"

static const golden cases[] = {
#include "golden/sequences.inc"
};

GOLDEN_MAIN("recurrent layers, attention and norms against PyTorch")
