/* Paths into a tree: "model.0.dense.units", "model.hidden.units", and what to say when they lead nowhere. */
#include <string.h>

#include "config/internal.h"

bool path_holds_type(const char *first, const char *last, size_t n)
{
    if (n == 1) return !strcmp(first, "optimizer") || !strcmp(first, "loss");
    if (n == 2 && (!strcmp(first, "model") || !strcmp(first, "metrics"))) return true;
    return !strcmp(first, "optimizer") && !strcmp(last, "lr");
}
