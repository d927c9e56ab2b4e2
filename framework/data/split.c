#include <stdlib.h>

#include "base/rng.h"
#include "data/source.h"

static int64_t share_of(int64_t n, double share) { return (int64_t)((double)n * share + 0.5); }

static int by_value(const void *a, const void *b)
{
    const int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

/* Every so-many-th row, so that no two overlap.  Their number. */
static int64_t keep_apart(int64_t *row, int64_t n, int64_t overlap)
{
    int64_t kept = 0;
    for (int64_t i = 0; i < n; i += overlap) row[kept++] = row[i];
    return kept;
}

int split_shares(opening *o, int64_t n, double validation, double test, int64_t *row[N_SPLITS],
                 int64_t count[N_SPLITS], problems *pr)
{
    const double share[N_SPLITS] = { [VALIDATION] = validation, [TEST] = test };
    const int64_t overlap = o->source[TRAIN]->overlap;
    int64_t left = n;
    for (split s = VALIDATION; s <= TEST; s++) {
        row[s] = NULL;
        count[s] = share_of(n, share[s]);
        left -= count[s] + (share[s] > 0 ? overlap : 0);
        if (share[s] > 0 && count[s] < 1) {
            problems_add(pr, o->at, "%s: a share of %g of %lld samples is none; at least one is needed",
                         split_name(s),
                         share[s], (long long)n);
            return -1;
        }
    }
    if (left < 1) {
        problems_add(pr, o->at, "validation and test take all %lld samples; none is left to train on",
                     (long long)n);
        return -1;
    }
    count[TRAIN] = left;

    int64_t *order = block_alloc((size_t)n, sizeof *order);
    for (split s = TRAIN; s <= TEST; s++)
        if (count[s]) row[s] = block_alloc((size_t)count[s], sizeof *order);
    if (!order || !row[TRAIN] || (count[VALIDATION] && !row[VALIDATION]) || (count[TEST] && !row[TEST])) {
        problems_add(pr, o->at, "no memory to split %lld samples", (long long)n);
        for (split s = TRAIN; s <= TEST; s++) block_free(row[s]), row[s] = NULL;
        block_free(order);
        return -1;
    }
    if (!overlap) rng_permutation(rng_key(o->seed, RNG_SPLIT, 0, 0), n, order);
    else
        for (int64_t i = 0; i < n; i++) order[i] = i;
    int64_t at = 0;
    for (split s = TRAIN; s <= TEST; s++) {
        if (s != TRAIN && count[s]) at += overlap;
        for (int64_t i = 0; i < count[s]; i++) row[s][i] = order[at++];
        if (s != TRAIN && overlap > 1) count[s] = keep_apart(row[s], count[s], overlap);
        if (row[s]) qsort(row[s], (size_t)count[s], sizeof *order, by_value);
    }
    block_free(order);
    return 0;
}
