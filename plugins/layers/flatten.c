/* flatten.c -- all axes of a sample as one
 *
 *   [height, width, channels] -> [height * width * channels], and so for any shape.  The numbers stay where they are.
 */
#include <string.h>
#include <heft/plugin.h>

typedef struct { int64_t size; } flatten;        /* derived: floats per sample */

static int plan(void *self, heft_layer_plan *p)
{
    flatten *l = self;
    if (heft_needs(p, 0, -1, "numbers of any shape")) return -1;
    l->size = heft_count(&p->in[0]);
    p->out = (heft_shape){ HEFT_F32, 1, { l->size } };
    return 0;
}

static void forward(const void *self, const heft_forward *p)
{
    const flatten *l = self;
    memcpy(p->out, p->in[0], (size_t)(p->n * l->size) * sizeof(float));
}

static void backward(const void *self, const heft_backward *p)
{
    const flatten *l = self;
    if (p->din[0]) memcpy(p->din[0], p->dout, (size_t)(p->n * l->size) * sizeof(float));
}

HEFT_EXPORT const heft_layer heft_plugin = {
    .head = HEFT_HEAD(heft_layer, HEFT_LAYER, "flatten", "all axes of a sample as one", sizeof(flatten), NULL),
    .min_in = 1, .max_in = 1,
    .plan = plan, .forward = forward, .backward = backward,
    .unread = HEFT_UNREAD_IN | HEFT_UNREAD_OUT,
    .recomputable = 1,
};
