/* check.h -- what plugin.h asks of a plugin, held against a built one
 *
 * Every check runs in a child process of its own with a time limit, so that a crash or a hang is a verdict and not the
 * end of the caller.  A layer is run on inputs and options made from its own table, as many as its plan accepts.
 */
#ifndef HEFT_PLUGIN_CHECK_H
#define HEFT_PLUGIN_CHECK_H

#include "plugin/registry.h"

typedef enum verdict_result { VERDICT_OK, VERDICT_FAIL, VERDICT_NOTE } verdict_result;

typedef struct verdict {
    verdict_result result;
    const char *check;               /* one of check_names */
    const char *subject;             /* what was looked at: "gradient of weight 'kernel'" */
    int         cases;               /* how many times */
    const char *where;               /* options, inputs and lanes of the first case that failed, or "" */
    const char *expected, *seen, *look;      /* of a failure; a note has only `seen` */
    const char *follows;             /* of a failure: the earlier check whose failure may be all there is to it, or "" */
} verdict;

typedef void verdict_sink(void *context, const verdict *v);

typedef struct check_options {
    int         limit_ms;            /* of one check, of processor time; 0: a minute */
    const char *only;                /* NULL: all checks of the kind */
    const char *options;             /* YAML for the plugin instead of what is made from its table, "{units: 3}"; or NULL */
    const char *inputs;              /* of a layer, "[8, 8, 3]; integers 10 [6]", instead of the usual ones; or NULL */
} check_options;

/* The number of failures; every verdict goes to the sink as it is known.  -1 with a problem if nothing could be tried
 * (no memory, no process, options that mean nothing).  The process must not have run a parallel region before. [main] */
int check_plugin(registry *r, const char *path, const check_options *o, verdict_sink *sink, void *context, problems *pr);

/* Names of the checks of a kind, ends with NULL.  check_doc: what one looks at, in a line. */
const char *const *check_names(arena *a, heft_kind kind);
const char *check_doc(heft_kind kind, const char *name);

/* Does it make one number a sample of an output and a target, as losses and metrics do?  By its plan, on the inputs that the
 * checks try. */
bool layer_measures(const heft_layer *l);

#endif
