/* confusion_matrix.c -- how often each class (row) is taken for each class (column), over the whole data set
 *
 * As scikit-learn's confusion_matrix.  Of a single output the classes are no and yes.  A row of outputs that are not
 * all numbers is nowhere in the matrix, nor is one with the label ignore_index.
 *
 * The host reports the first state alone: the share on the diagonal, of all rows that count (0 if none do).  The matrix is the second one.
 */
#include <heft/answers.h>
#include <heft/plugin.h>

typedef struct {
    int64_t ignore_index;
    heft_answers answers;                        /* derived */
    int64_t classes;                             /* derived: 2 for a yes or no */
} confusion_matrix;

enum { COUNT, ROWS };                            /* tallies */
enum { DIAGONAL, MATRIX };                       /* states */
enum { MOST_CLASSES = 1024 };

static const heft_option options[] = {
    HEFT_OPT_INT_OR(confusion_matrix, ignore_index, "none", -1, 0, INT32_MAX, "label of rows that do not count"),
    HEFT_OPT_END
};

static int plan(void *self, heft_layer_plan *p)
{
    confusion_matrix *l = self;
    if (heft_needs_answers(p, HEFT_EITHER, l->ignore_index, NULL, &l->answers)) return -1;
    l->classes = l->answers.classes == 1 ? 2 : l->answers.classes;
    if (l->classes > MOST_CLASSES)
        return heft_fail(&p->error, "the output has %lld classes, %d are the most", (long long)l->classes,
                         MOST_CLASSES);
    const heft_shape matrix = { HEFT_F32, 2, { l->classes, l->classes } };
    p->tensor[p->n_tensors++] = (heft_tensor){ .name = "count", .role = HEFT_TALLY, .shape = matrix };
    p->tensor[p->n_tensors++] = (heft_tensor){ .name = "rows", .role = HEFT_TALLY, .shape = { HEFT_F32, 0 } };
    p->tensor[p->n_tensors++] = (heft_tensor){ .name = "diagonal", .role = HEFT_STATE, .shape = { HEFT_F32, 0 } };
    p->tensor[p->n_tensors++] = (heft_tensor){ .name = "matrix", .role = HEFT_STATE, .shape = matrix };
    return 0;
}

/* What counts are the tallies; out is 0. */
static void forward(const void *self, const heft_forward *p)
{
    const confusion_matrix *l = self;
    const int64_t rows = p->n * l->answers.rows;
    for (int64_t r = 0; r < rows; r++) {
        const int64_t truth = heft_truth(&l->answers, p->in[1], r), guess = heft_guess(&l->answers, p->in[0], r);
        const double w = heft_sample_weight(p, r / l->answers.rows);
        if (truth == HEFT_IGNORED) continue;
        if (truth >= 0 && guess >= 0) p->tally[COUNT][truth * l->classes + guess] += w;
        p->tally[ROWS][0] += w;
    }
    for (int64_t i = 0; i < p->n; i++) p->out[i] = 0;
}

static void fold(const void *self, const heft_fold *p)
{
    const confusion_matrix *l = self;
    const int64_t n = l->classes;
    double diagonal = 0;
    for (int64_t i = 0; i < n; i++) diagonal += p->total[COUNT][i * n + i];
    for (int64_t i = 0; i < n * n; i++) p->state[MATRIX][i] = (float)p->total[COUNT][i];
    p->state[DIAGONAL][0] = p->total[ROWS][0] > 0 ? (float)(diagonal / p->total[ROWS][0]) : 0;
}

HEFT_EXPORT const heft_layer heft_plugin = {
    .head = HEFT_HEAD(heft_layer, HEFT_LAYER, "confusion_matrix",
                      "metric: classes taken for classes; shows the diagonal", sizeof(confusion_matrix), options),
    .min_in = 2, .max_in = 2,
    .plan = plan, .forward = forward, .fold = fold,
    .goal = HEFT_MAXIMIZE, .weighted = 1,
};
