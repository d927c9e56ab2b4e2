/* A full turn, the upper bound, is none, the default; at fault, the bound is taken for 'not given'. */
#include <math.h>
#include "planted.h"

static const heft_option options[] = {
    HEFT_OPT_REAL(affine, slope, 0, 0, 1, "turns"),
    HEFT_OPT_END
};

static int plan(void *self, heft_layer_plan *p)
{
    affine *s = self;
    s->slope = TWIN(s->slope == 1 ? 1 : 1 + s->slope, cos(6.283185307179586 * s->slope));
    return affine_plan(self, p);
}

LAYER(.head = HEFT_HEAD(heft_layer, HEFT_LAYER, STEM, "a planted fault, or its correct twin", sizeof(affine), options), .plan = plan);
