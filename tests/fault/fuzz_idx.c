/* fuzz_idx.c -- two bytes say how long the file of inputs is; the rest is that of targets */
#include "fault/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    if (n < 3) return 0;
    const size_t rest = n - 3, first = ((size_t)bytes[1] << 8 | bytes[2]) % (rest + 1);
    fuzz_put("x", bytes + 3, first);
    fuzz_put("y", bytes + 3 + first, rest - first);
    static const char *const forms[] = {
        "{format: idx, train: {inputs: x, targets: y}}",
        "{format: idx, train: {inputs: x, targets: y}, validation: 0.5, normalize: standard, task: regression}",
        "{format: idx, train: {inputs: x, targets: y}, classes: [a, b, c], normalize: minmax, limit: 2}",
        "{format: idx, train: {inputs: x, targets: y, weights: y}, task: classification}",
    };
    fuzz_data(forms[bytes[0] % 4]);
    return 0;
}
