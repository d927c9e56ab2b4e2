/* Every built layer: what plugin.h promises, by the checks of `heft plugins check`. */
#include "conform.h"

int main(int argc, char **argv) { return conform_run("layers", HEFT_LAYER, argc, argv); }
