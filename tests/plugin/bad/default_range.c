#include "bad.h"

typedef struct { int64_t units; } instance;

static const heft_option options[] = {
    HEFT_OPT_INT(instance, units, 7, 1, 5, "a default above the maximum"),
    HEFT_OPT_END
};

LAYER(.head.options = options, .head.instance_size = sizeof(instance));
