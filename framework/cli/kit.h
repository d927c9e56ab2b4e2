/* kit.h -- behind `heft plugins`: what an author needs; functions return the exit code */
#ifndef HEFT_CLI_KIT_H
#define HEFT_CLI_KIT_H

#include "plugin/check.h"

/* Prints a verdict a line.  1 if anything failed. */
int kit_check(registry *r, int n, char **path, const check_options *o, bool json);

/* KIND NAME: writes NAME.c, CMakeLists.txt and NAME.yaml into dir (NULL: NAME) and says what to do with them. */
int kit_new(int n, char **arg, const char *dir);

/* What it writes; @NAME@, @KIND@ and @CMAKE@ (the folder of heft's CMake package) stand for what they say. */
enum { KIT_KINDS = 4 };
typedef struct kit_template { const char *name; heft_kind kind; const char *source, *experiment; } kit_template;
extern const kit_template kit_templates[KIT_KINDS];
extern const char kit_cmake[];

#endif
