/* child.h -- something that may crash, hang or end the process, done in a child */
#ifndef HEFT_BASE_CHILD_H
#define HEFT_BASE_CHILD_H

#include "base/problems.h"
#include "base/text.h"

typedef struct child_end {
    text said;                       /* what it wrote to its file descriptor; free it */
    bool in_time;
    int  status;                     /* of waitpid */
} child_end;

/* By the clock, and of processor time, which others on the machine cannot take away; cpu_ms 0: none. */
typedef struct child_limit { int wall_ms, cpu_ms; } child_limit;

/* Of code that should end soon: so much of the processor, and far more by the clock, where it may wait its turn. */
child_limit child_patience(int cpu_ms);

/* Forks; run(context, fd) writes its answer to fd, and the child ends when it returns.  Nothing of the parent's can be
 * reached from the child: not its files, its output, its handlers.  Late, it is killed.  What cannot be tried at all
 * is answered with '-' and the reason.  -1 with a problem naming
 * `path` if there is no process to be had. */
int child_run(void (*run)(void *context, int fd), void *context, child_limit limit, const char *path, child_end *end, problems *pr);

/* "signal 11 (SIGSEGV)". */
void signal_text(int signal, text *out);

#endif
