/* Every built optimizer: what plugin.h promises, by the checks of `heft plugins check`. */
#include "conform.h"

int main(void) { return conform_run("optimizers", HEFT_OPTIMIZER); }
