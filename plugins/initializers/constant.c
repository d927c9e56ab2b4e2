/* constant.c -- every element is `value` */
#include <heft/plugin.h>

typedef struct { double value; } constant;

static const heft_option options[] = {
    HEFT_OPT_REAL(constant, value, 0, -1e30, 1e30, "of every element"),
    HEFT_OPT_END
};

static int fill(const void *self, heft_fill *f)
{
    const float value = (float)((const constant *)self)->value;
    const int64_t n = heft_count(&f->shape);
    for (int64_t i = 0; i < n; i++) f->x[i] = value;
    return 0;
}

HEFT_EXPORT const heft_initializer heft_plugin = {
    .head = HEFT_HEAD(heft_initializer, HEFT_INITIALIZER, "constant", "every element is one value",
                      sizeof(constant), options),
    .fill = fill,
};
