/* An initializer draws from a key of its own. */
#include "planted.h"

static int fill(const void *self, heft_fill *f)
{
    TWIN(f->rng.key = 1, (void)0);
    return uniform_fill(self, f);
}

INITIALIZER(.fill = fill);
