#include "bad.h"

#include <signal.h>

__attribute__((constructor)) static void constructor(void) { raise(SIGBUS); }

LAYER(.goal = HEFT_MINIMIZE);
