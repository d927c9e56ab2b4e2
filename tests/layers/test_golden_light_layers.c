/* Layers without matrices against PyTorch: tests/golden/light_layers.py. */
#include "layers/golden.h"

static const golden cases[] = {
#include "golden/light_layers.inc"
};

GOLDEN_MAIN("layers without matrices against PyTorch")
