/* fuzz_cifar.c -- two bytes say how often the rest is repeated up to a record's length, so that small inputs reach whole files */
#include "fault/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    enum { RECORD = 3073 };
    static uint8_t file[4 * RECORD];
    if (n < 3) return 0;
    const size_t size = ((size_t)bytes[1] << 8 | bytes[2]) % sizeof file;
    for (size_t i = 0; i < size; i++) file[i] = n > 3 ? bytes[3 + i % (n - 3)] : 0;
    fuzz_put("x.bin", file, bytes[0] & 1 ? size : size / RECORD * RECORD);
    fuzz_put("batches.meta.txt", bytes + 3, n - 3);
    fuzz_data(bytes[0] & 2 ? "{format: cifar, train: {files: [x.bin, x.bin]}, normalize: standard}" : "{format: cifar, train: x.bin}");
    return 0;
}
