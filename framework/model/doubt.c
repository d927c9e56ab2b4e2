/* doubt.c -- what is allowed and hardly meant */
#include <string.h>

#include "model/model.h"

/* Losses that make probabilities of logits, and layers whose output is probabilities already. */
static const struct { const char *loss, *output; } twice[] = {
    { "softmax_cross_entropy", "softmax" }, { "binary_cross_entropy", "sigmoid" }, { "focal", "softmax" }, { "focal", "sigmoid" },
};

bool model_doubt(const model *m, text *out)
{
    const model_layer *loss = &m->layer[m->loss], *last = m->output >= 0 ? &m->layer[m->output] : NULL;
    for (size_t i = 0; last && i < sizeof twice / sizeof *twice; i++) {
        if (strcmp(loss->type, twice[i].loss) || strcmp(last->type, twice[i].output)) continue;
        text_printf(out, "loss: %s takes logits and has a %s of its own; behind that of layer '%s' it trains slowly, and to less", loss->type,
                    last->type, last->name);
        return true;
    }
    return false;
}
