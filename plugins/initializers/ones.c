/* ones.c -- every element is 1 */
#include <heft/plugin.h>

static int fill(const void *self, heft_fill *f)
{
    (void)self;
    const int64_t n = heft_count(&f->shape);
    for (int64_t i = 0; i < n; i++) f->x[i] = 1;
    return 0;
}

HEFT_EXPORT const heft_initializer heft_plugin = {
    .head = HEFT_HEAD(heft_initializer, HEFT_INITIALIZER, "ones", "every element is 1", 0, NULL),
    .fill = fill,
};
