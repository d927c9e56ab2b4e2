/* The share of right answers against what the targets alone make likely: 0 / 0 where all targets are on one side. */
#include "planted.h"

static void forward(const void *self, const heft_forward *p)
{
    const share *s = self;
    for (int64_t i = 0; i < p->n; i++) {
        p->out[i] = 0;
        p->tally[ROWS][0] += heft_sample_weight(p, i);
        for (int64_t j = 0; j < s->size; j++)
            if (p->in[1][i * s->size + j] > 0) p->tally[RIGHT][j] += heft_sample_weight(p, i);
    }
}

static void fold(const void *self, const heft_fold *p)
{
    const share *s = self;
    const double rows = p->total[ROWS][0] * (double)s->size;
    double yes = 0;
    for (int64_t j = 0; j < s->size; j++) yes += p->total[RIGHT][j];
    const double spread = yes * (rows - yes);
    p->state[0][0] = TWIN(true, spread > 0) ? (float)(yes * yes / spread) : 0;
}

METRIC(.forward = forward, .fold = fold);
