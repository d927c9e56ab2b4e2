/* fuzz_csv.c -- the first byte chooses the options, the rest is the file */
#include "fault/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    if (n < 1) return 0;
    fuzz_put("x.csv", bytes + 1, n - 1);
    static const char *const forms[] = {
        "{format: csv, train: x.csv, target: y}",
        "{format: csv, train: x.csv, target: y, missing: median, missing_values: [none], normalize: standard}",
        "{format: csv, train: x.csv, target: [y, z], missing: mean, one_hot: [a], unseen: zeros, validation: 0.3}",
        "{format: csv, train: x.csv, target: c, columns: [a, b, c], separator: semicolon, one_hot: none, normalize_target: standard}",
        "{format: csv, train: x.csv, target: y, separator: tab, task: classification, drop: [a], normalize: minmax, unseen: zeros}",
        "{format: text, train: x.csv, length: 4}",
        "{format: csv, train: x.csv, target: y, weight: w, validation: 0.5}",
    };
    fuzz_data(forms[bytes[0] % 7]);
    return 0;
}
