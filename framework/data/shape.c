#include "data/source.h"

static int dims_check(const char *name, int rank, const int64_t *dim, problems *pr)
{
    size_t count = 1;
    for (int i = 0; i < rank; i++) {
        if (dim[i] >= 1 && size_mul(count, (size_t)dim[i], &count) && count <= INT64_MAX / 64) continue;
        problems_add(pr, (place){ name, 0, 0 }, dim[i] < 1 ? "axis %d is of size %lld; at least 1 is needed"
                     : "axis %d is of size %lld; that is more than can be counted", i, (long long)dim[i]);
        return -1;
    }
    return 0;
}

int shape_of_inputs(const char *name, int rank, const int64_t *dim, bool images, heft_shape *out, problems *pr)
{
    if (rank < 1 || rank > HEFT_MAX_RANK + 1) {
        problems_add(pr, (place){ name, 0, 0 }, "%d axes; inputs have 1 to %d, the samples outermost", rank,
                     HEFT_MAX_RANK + 1);
        return -1;
    }
    if (dims_check(name, rank, dim, pr) < 0) return -1;
    *out = (heft_shape){ .dtype = HEFT_F32, .rank = rank - 1 };
    for (int i = 1; i < rank; i++) out->dim[i - 1] = dim[i];
    if ((rank == 3 && images) || rank == 1) out->dim[out->rank++] = 1;
    return 0;
}

int shape_of_targets(const char *name, int rank, const int64_t *dim, bool whole, int task, heft_shape *out,
                     bool *labels, problems *pr)
{
    if (rank < 1 || rank > HEFT_MAX_RANK + 1) {
        problems_add(pr, (place){ name, 0, 0 }, "%d axes; targets have 1 to %d, the samples outermost", rank,
                     HEFT_MAX_RANK + 1);
        return -1;
    }
    if (dims_check(name, rank, dim, pr) < 0) return -1;
    const bool single = rank == 1 || (rank == 2 && dim[1] == 1);
    if (task == TASK_CLASSIFICATION && !(rank <= 2 && whole)) {
        problems_add(pr, (place){ name, 0, 0 },
                     "task: classification needs a whole number for each sample, or for each of its times; found %s of rank %d",
                     whole ? "whole numbers" : "fractions", rank);
        return -1;
    }
    *labels = whole && (task == TASK_CLASSIFICATION || (single && task == TASK_AUTO));
    *out = (heft_shape){ .dtype = *labels ? HEFT_I32 : HEFT_F32 };
    if (*labels && single) return 0;
    for (int i = 1; i < rank; i++) out->dim[out->rank++] = dim[i];
    if (!out->rank) out->dim[out->rank++] = 1;
    return 0;
}

void shape_print(const heft_shape *s, text *out)
{
    text_dims(out, s->rank, s->dim);
}

bool shape_equal(const heft_shape *a, const heft_shape *b)
{
    if (a->dtype != b->dtype || a->rank != b->rank) return false;
    for (int i = 0; i < a->rank; i++)
        if (a->dim[i] != b->dim[i]) return false;
    return true;
}

int weight_check(const char *name, int64_t sample, double value, problems *pr)
{
    if (value >= 0 && isfinite((float)value)) return 0;
    problems_add(pr, (place){ name, 0, 0 }, "weight %g of sample %lld (from 0); weights are 0 or more", value,
                 (long long)sample);
    return -1;
}

int weights_check(const char *name, int64_t n, const float *weight, problems *pr)
{
    bool some = false;
    for (int64_t i = 0; i < n; i++) {
        if (weight_check(name, i, (double)weight[i], pr) < 0) return -1;
        some |= weight[i] > 0;
    }
    if (some) return 0;
    problems_add(pr, (place){ name, 0, 0 }, "all %lld weights are 0; some sample must count", (long long)n);
    return -1;
}

int label_check(const char *name, int64_t sample, double value, problems *pr)
{
    if (value >= 0 && value <= (double)LABEL_LIMIT) return 0;
    problems_add(pr, (place){ name, 0, 0 },
                 "label %.0f of sample %lld (from 0); labels are 0, 1, 2, ... (or say task: regression)",
                 value, (long long)sample);
    return -1;
}
