/* A static buffer is shared by the lanes; one at a time it would do. */
#include "planted.h"

enum { MOST = 512 };

static void forward(const void *self, const heft_forward *p)
{
    const affine *s = self;
    TWIN(static, ) float copy[MOST];
    const int64_t n = p->n * s->size < MOST ? p->n * s->size : MOST;
    for (int64_t i = 0; i < n; i++) copy[i] = p->in[0][i];
    affine_forward(self, p);
    for (int64_t i = 0; i < n; i++) p->out[i] = (float)s->slope * p->weight[W][i % s->size] * copy[i] + p->weight[B][i % s->size];
}

LAYER(.forward = forward);
