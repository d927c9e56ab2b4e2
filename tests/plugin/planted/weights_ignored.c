/* Weights of samples are promised and ignored. */
#include "planted.h"

static void forward(const void *self, const heft_forward *p)
{
    heft_forward plain = *p;
    plain.sample_weight = TWIN(NULL, p->sample_weight);
    share_forward(self, &plain);
}

METRIC(.forward = forward);
