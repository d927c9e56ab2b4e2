/* kit.h -- what drivers of heft under faults share: a directory of their own, its files, and processes of heft in it */
#ifndef HEFT_TESTS_FAULT_KIT_H
#define HEFT_TESTS_FAULT_KIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum { PATHS = 4096, HANG_MS = 60000 };

extern const char *heft, *shim;
extern char work[PATHS / 4];             /* the directory */

void set_up(const char *program, const char *library);
_Noreturn void give_up(const char *what);        /* with errno */

/* Below `work`; valid for eight more calls. */
__attribute__((format(printf, 1, 2)))
const char *path_of(const char *fmt, ...);
char *slurp(const char *path, size_t *n);        /* NULL: it cannot be read; block_free */
void  spill(const char *path, const char *bytes, size_t n);
bool  same_files(const char *a, const char *b);
__attribute__((format(printf, 1, 2)))
void  shell(const char *fmt, ...);

typedef struct ended { int status; bool hung; } ended;

/* In `work`, with env's variables more (NULL ends them). */
pid_t start(char *const *argv, char *const *env, const char *out, const char *err);
ended wait_for(pid_t pid);                       /* killed after HANG_MS */
ended run_heft(char *const *env, const char *const *word);       /* words after heft's name; output in out and err */
bool  is_clean(ended e);                         /* exit status 0 */
int64_t now_ms(void);

#endif
