#include "cli/kit.h"
#include "cli/cli.h"
int kit_new(int n, char **arg, const char *dir) { (void)n; (void)arg; (void)dir; return EXIT_USAGE; }
