#include "bad.h"

HEFT_EXPORT void heft_plugin(void);
void heft_plugin(void) {}
