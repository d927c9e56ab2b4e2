/* fuzz_override.c -- path=value of the command line, several in one input, a line each */
#include "fault/fuzz.h"

static const char yaml[] =
    "name: x\nseed: 3\ndata: {format: digits, samples: 96}\nmodel:\n  - dense: {units: 8, name: hidden, activation: relu}\n"
    "  - flatten\n  - dense: {units: \"${seed}\"}\nloss: mean_squared_error\nmetrics: [accuracy]\noptimizer: {adam: {lr: 1e-2}}\ntrain: {epochs: 2}\n";

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    enum { MOST = 8 };
    char *copy = malloc(n + 1), *item[MOST];
    if (!copy) abort();
    memcpy(copy, bytes, n);
    copy[n] = 0;
    int k = 0;
    for (char *p = copy; k < MOST && *p; k++) {
        item[k] = p;
        p += strcspn(p, "\n");
        if (*p) *p++ = 0;
    }
    problems pr = { 0 };
    experiment *e = experiment_parse("fuzz.yaml", "/nowhere", yaml, strlen(yaml), k, item, &pr);
    if (!e != (pr.n > 0)) abort();
    if (e) {
        text out = { 0 };
        experiment_write(e, &out);
        experiment *again = experiment_parse("again.yaml", "/nowhere", out.s, out.n, 0, NULL, &pr);
        if (!again) abort();
        experiment_free(again);
        text_free(&out);
        experiment_free(e);
    }
    fuzz_print(&pr);
    free(copy);
    return 0;
}
