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

/* Forks; run(context, fd) writes its answer to fd, and the child ends when it returns.  Nothing of the parent's can be
 * reached from the child: not its files, its output, its handlers.  Late, it is killed.  What cannot be tried at all
 * is answered with '-' and the reason.  -1 with a problem naming
 * `path` if there is no process to be had. */
int child_run(void (*run)(void *context, int fd), void *context, int limit_ms, const char *path, child_end *end,
              problems *pr);

/* "signal 11 (SIGSEGV)". */
void signal_text(int signal, text *out);

#endif
