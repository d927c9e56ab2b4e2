/* Of the outputs above 0, the share of those that should be: there may be none. */
#include "planted.h"

static void forward(const void *self, const heft_forward *p)
{
    const share *s = self;
    for (int64_t i = 0; i < p->n; i++) {
        p->out[i] = 0;
        for (int64_t j = 0; j < s->size; j++) {
            if (!(p->in[0][i * s->size + j] > 0)) continue;
            p->tally[ROWS][0] += heft_sample_weight(p, i);
            if (p->in[1][i * s->size + j] > 0) p->tally[RIGHT][j] += heft_sample_weight(p, i);
        }
    }
}

static void fold(const void *self, const heft_fold *p)
{
    const share *s = self;
    double right = 0;
    for (int64_t j = 0; j < s->size; j++) right += p->total[RIGHT][j];
    p->state[0][0] = TWIN(true, p->total[ROWS][0] > 0) ? (float)(right / p->total[ROWS][0]) : 0;
}

METRIC(.forward = forward, .fold = fold);
