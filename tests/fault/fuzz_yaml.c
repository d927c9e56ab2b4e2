/* fuzz_yaml.c -- an experiment's text; what is accepted is written as YAML that is read back to the same text */
#include "fault/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    problems pr = { 0 };
    experiment *e = experiment_parse("fuzz.yaml", "/nowhere", (const char *)bytes, n, 0, NULL, &pr);
    if (!e != (pr.n > 0)) abort();
    if (e) {
        text once = { 0 }, twice = { 0 };
        experiment_write(e, &once);
        experiment *again = experiment_parse("again.yaml", "/nowhere", once.s, once.n, 0, NULL, &pr);
        if (!again) abort();
        experiment_write(again, &twice);
        if (once.n != twice.n || memcmp(once.s, twice.s, once.n)) abort();
        text_free(&once);
        text_free(&twice);
        experiment_free(again);
        experiment_free(e);
    }
    fuzz_print(&pr);
    return 0;
}
