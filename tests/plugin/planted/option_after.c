/* An option that acts after a hundred thousand steps, which no check makes: nothing can be said of it, for the code reads it; at
 * fault, nothing does. */
#include "planted.h"

static const heft_option options[] = {
    HEFT_OPT_INT(affine, counter, 100000, 10000, 1000000, "steps after which outputs are halved"),
    HEFT_OPT_END
};

static int plan(void *self, heft_layer_plan *p)
{
    affine *s = self;
    s->slope = 1;
    if (affine_plan(self, p)) return -1;
    p->tensor[p->n_tensors++] = (heft_tensor){ .name = "steps", .role = HEFT_STATE };
    return 0;
}

static void forward(const void *self, const heft_forward *p)
{
    const affine *s = self;
    affine_forward(self, p);
    for (int64_t i = 0; p->state[0][0] > (float)TWIN(100000, s->counter) && i < p->n * s->size; i++) p->out[i] /= 2;
}

static void fold(const void *self, const heft_fold *p)
{
    (void)self;
    p->state[0][0] += 1;
}

LAYER(.head = HEFT_HEAD(heft_layer, HEFT_LAYER, STEM, "a planted fault, or its correct twin", sizeof(affine), options),
      .plan = plan, .forward = forward, .fold = fold);
