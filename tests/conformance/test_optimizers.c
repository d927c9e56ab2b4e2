/* Every built optimizer: what plugin.h promises, by the checks of `heft plugins check`. */
#include "conform.h"

int main(int argc, char **argv) { return conform_run("optimizers", HEFT_OPTIMIZER, argc, argv); }
