#include "bad.h"

HEFT_EXPORT const heft_initializer heft_plugin = { .head = HEAD(heft_initializer, HEFT_INITIALIZER) };
