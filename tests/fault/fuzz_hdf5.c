/* fuzz_hdf5.c -- a data file of a stranger: /x and /y of a file of HDF5.  libhdf5 itself is not what is looked at, and 1.10 dies of some
 * files: fuzz.sh tells its crashes from ours. */
#include "fault/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    if (n < 1) return 0;
    fuzz_put("x.h5", bytes + 1, n - 1);
    static const char *const forms[] = {
        "{format: hdf5, train: {file: x.h5, inputs: /x, targets: /y}}",
        "{format: hdf5, train: {file: x.h5, inputs: /g/x, targets: /y}, normalize: standard, cache: 1}",
        "{format: hdf5, train: {file: x.h5, inputs: /x, targets: /g/y}, task: regression, validation: 0.5}",
        "{format: hdf5, train: {file: x.h5, inputs: /x, targets: /y, weights: /w}, vocabulary: 4, task: classification}",
    };
    fuzz_data(forms[bytes[0] % 4]);
    return 0;
}
