/* Every built initializer: what plugin.h promises, by the checks of `heft plugins check`. */
#include "conform.h"

int main(int argc, char **argv) { return conform_run("initializers", HEFT_INITIALIZER, argc, argv); }
