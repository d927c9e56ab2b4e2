/* zeros.c -- every element is 0 */
#include <heft/plugin.h>

static int fill(const void *self, heft_fill *f)
{
    (void)self;
    const int64_t n = heft_count(&f->shape);
    for (int64_t i = 0; i < n; i++) f->x[i] = 0;
    return 0;
}

HEFT_EXPORT const heft_initializer heft_plugin = {
    .head = HEFT_HEAD(heft_initializer, HEFT_INITIALIZER, "zeros", "every element is 0", 0, NULL),
    .fill = fill,
};
