/* batch_norm.c -- normalize each channel over the whole minibatch
 *
 *   train:  y = gamma (x - mean) / sqrt(var + eps) + beta, mean and var of the minibatch
 *   eval:   the same, with running averages of mean and var
 *
 *   h = (x - mean) / sqrt(var + eps)        dbeta = sum dy        dgamma = sum dy h
 *   dx = gamma / sqrt(var + eps) (dy - dbeta / N - h dgamma / N)
 *
 * Channels are the last axis; x is N rows of channels, samples times positions.  S. Ioffe, C. Szegedy, "Batch
 * Normalization", ICML 2015, algorithms 1 and 2.  https://arxiv.org/abs/1502.03167
 * The sums run over all lanes (survey), so the result is that of one machine seeing the whole minibatch.  They are in
 * double, and mean is kept as a float and what that leaves over: a mean ten thousand times the deviation does no harm.
 * As in PyTorch, the running variance is the unbiased one, sum (x - mean)^2 / (N - 1), and momentum is the weight of
 * the newest minibatch.
 */
#include <heft/plugin.h>

typedef struct {
    double  eps, momentum;
    bool    center, scale;
    int64_t channels, area;                      /* derived: floats of a row, rows of a sample */
} batch_norm;

enum { MEAN, VAR };                              /* state */
enum { SUM, SQUARES, ROWS };                     /* tally; of the whole minibatch in total */
enum { DY, DOT };                                /* tally of survey_back: sums of dy, and of dy (x - mean) */
enum { COEFFICIENTS };                           /* scratch: four rows of channels */
enum { WIDE = 8, BLOCK = 64 };                   /* channels and rows whose sums are taken at once */

static const heft_option options[] = {
    HEFT_OPT_REAL(batch_norm, eps,      1e-5, 1e-12, 1, "added to the variance"),
    HEFT_OPT_REAL(batch_norm, momentum, 0.1,  0, 1, "weight of the newest minibatch in the running averages"),
    HEFT_OPT_BOOL(batch_norm, center, true, "add a trained offset, beta"),
    HEFT_OPT_BOOL(batch_norm, scale,  true, "multiply by a trained factor, gamma"),
    HEFT_OPT_END
};

static void add_tensor(heft_layer_plan *p, const char *name, heft_role role, int64_t rows, int64_t n, const char *init)
{
    p->tensor[p->n_tensors++] = (heft_tensor){ .name = name, .role = role, .fan_in = n, .fan_out = n, .init = init,
        .shape = rows == 1 ? (heft_shape){ HEFT_F32, 1, { n } } : (heft_shape){ HEFT_F32, 2, { rows, n } } };
}

static int plan(void *self, heft_layer_plan *p)
{
    batch_norm *b = self;
    const heft_shape *s = &p->in[0];
    if (heft_needs(p, 0, s->rank < 1 ? 1 : -1, "numbers with channels as the last axis")) return -1;
    const int64_t n = b->channels = s->dim[s->rank - 1];
    b->area = heft_count(s) / n;
    p->out = *s;
    p->flops = 8.0 * (double)heft_count(s);

    if (b->scale)  add_tensor(p, "gamma", HEFT_WEIGHT, 1, n, "ones");
    if (b->center) add_tensor(p, "beta", HEFT_WEIGHT, 1, n, "zeros");
    add_tensor(p, "mean", HEFT_STATE, 1, n, "zeros");
    add_tensor(p, "var", HEFT_STATE, 1, n, "ones");
    add_tensor(p, "sum", HEFT_TALLY, 1, n, NULL);
    add_tensor(p, "squares", HEFT_TALLY, 1, n, NULL);
    add_tensor(p, "rows", HEFT_TALLY, 1, 1, NULL);
    add_tensor(p, "dy", HEFT_TALLY_BACK, 1, n, NULL);
    add_tensor(p, "dot", HEFT_TALLY_BACK, 1, n, NULL);
    add_tensor(p, "coefficients", HEFT_SCRATCH, 4, n, NULL);
    return 0;
}

/* sum[c] += a, dot[c] += a b for a = x and b = y - mean, or a = b = x (`square`), over some rows of `wide` channels.  Products of two floats are
 * exact. */
static inline void add_block(bool square, int64_t rows, int64_t n, int wide, const float *restrict x, const float *restrict y,
                             const float *restrict mean, double *restrict sum, double *restrict dot)
{
    double a[WIDE] = { 0 }, ab[WIDE] = { 0 };
    for (int64_t r = 0; r < rows; r++)
        for (int c = 0; c < wide; c++) {
            const double v = x[r * n + c], w = square ? x[r * n + c] : y[r * n + c] - mean[c];
            a[c] += v;
            ab[c] += v * w;
        }
    for (int c = 0; c < wide; c++) {
        sum[c] += a[c];
        dot[c] += ab[c];
    }
}

/* Over all rows, in blocks that stay in cache; the sums of WIDE channels, a number that the compiler knows, stay in registers. */
static inline void add_sums(bool square, int64_t rows, int64_t n, const float *x, const float *y, const float *mean, double *sum, double *dot)
{
    for (int64_t r = 0; r < rows; r += BLOCK) {
        const int64_t high = rows - r < BLOCK ? rows - r : BLOCK;
        int64_t c = 0;
        for (; c + WIDE <= n; c += WIDE) add_block(square, high, n, WIDE, x + r * n + c, y + r * n + c, mean + c, sum + c, dot + c);
        if (c < n) add_block(square, high, n, (int)(n - c), x + r * n + c, y + r * n + c, mean + c, sum + c, dot + c);
    }
}

static void survey(const void *self, const heft_forward *p)
{
    const batch_norm *b = self;
    const int64_t rows = p->n * b->area;
    add_sums(true, rows, b->channels, p->in[0], p->in[0], p->scratch[COEFFICIENTS], p->tally[SUM], p->tally[SQUARES]);
    p->tally[ROWS][0] += (double)rows;
}

/* Mean and variance of channel c of the minibatch. */
static double mean_of(const double *const *total, int64_t c) { return total[SUM][c] / total[ROWS][0]; }

static double var_of(const double *const *total, int64_t c)
{
    const double mean = mean_of(total, c), var = total[SQUARES][c] / total[ROWS][0] - mean * mean;
    return var < 0 ? 0 : var;
}

static void forward(const void *self, const heft_forward *p)
{
    const batch_norm *b = self;
    const int64_t n = b->channels, rows = p->n * b->area;
    const float *gamma = b->scale ? p->weight[0] : NULL, *beta = b->center ? p->weight[b->scale] : NULL;
    float *restrict mean = p->scratch[COEFFICIENTS], *restrict factor = mean + n, *restrict offset = factor + n;
    for (int64_t c = 0; c < n; c++) {
        const double m = p->total ? mean_of(p->total, c) : (double)p->state[MEAN][c];
        const double var = p->total ? var_of(p->total, c) : (double)p->state[VAR][c];
        const double f = (gamma ? gamma[c] : 1) / sqrt(var + b->eps);
        mean[c] = (float)m;
        factor[c] = (float)f;
        offset[c] = (float)((beta ? beta[c] : 0) - (m - mean[c]) * f);
    }
    const float *restrict x = p->in[0];
    float *restrict y = p->out;
    for (int64_t r = 0; r < rows; r++, x += n, y += n)
        for (int64_t c = 0; c < n; c++) y[c] = (x[c] - mean[c]) * factor[c] + offset[c];
}

static void survey_back(const void *self, const heft_backward *p)
{
    const batch_norm *b = self;
    const int64_t n = b->channels, rows = p->n * b->area;
    const float *x = p->in[0], *dy = p->dout;
    float *mean = p->scratch[COEFFICIENTS];
    double *sum = p->tally[DY], *dot = p->tally[DOT];
    for (int64_t k = 0; k < n; k++) mean[k] = (float)mean_of(p->total, k);
    add_sums(false, rows, n, dy, x, mean, sum, dot);
    for (int64_t k = 0; k < n; k++) dot[k] -= sum[k] * (mean_of(p->total, k) - mean[k]);
}

static void backward(const void *self, const heft_backward *p)
{
    const batch_norm *b = self;
    const int64_t n = b->channels, rows = p->n * b->area;
    const double N = p->total[ROWS][0];
    const float *gamma = b->scale ? p->weight[0] : NULL;
    float *dgamma = b->scale ? p->dweight[0] : NULL, *dbeta = b->center ? p->dweight[b->scale] : NULL;
    float *restrict mean = p->scratch[COEFFICIENTS], *restrict rstd = mean + n, *restrict offset = rstd + n;
    float *restrict slope = offset + n;
    for (int64_t c = 0; c < n; c++) {
        const double m = mean_of(p->total, c), s = 1 / sqrt(var_of(p->total, c) + b->eps);
        const double share = p->total_back[DOT][c] * s / N;
        if (dgamma) dgamma[c] += (float)(p->tally[DOT][c] * s);
        if (dbeta) dbeta[c] += (float)p->tally[DY][c];
        mean[c] = (float)m;
        rstd[c] = (float)s;
        slope[c] = (float)share;
        offset[c] = (float)(p->total_back[DY][c] / N - (m - mean[c]) * s * share);
    }
    if (!p->din[0]) return;
    const float *restrict x = p->in[0], *restrict dy = p->dout;
    float *restrict dx = p->din[0];
    for (int64_t r = 0; r < rows; r++, x += n, dy += n, dx += n)
        for (int64_t c = 0; c < n; c++) {
            const float h = (x[c] - mean[c]) * rstd[c];
            dx[c] = (gamma ? gamma[c] : 1) * rstd[c] * (dy[c] - offset[c] - h * slope[c]);
        }
}

static void fold(const void *self, const heft_fold *p)
{
    const batch_norm *b = self;
    const double N = p->total[ROWS][0], unbiased = N > 1 ? N / (N - 1) : 1;
    float *mean = p->state[MEAN], *var = p->state[VAR];
    for (int64_t c = 0; c < b->channels; c++) {
        mean[c] += (float)(b->momentum * (mean_of(p->total, c) - mean[c]));
        var[c] += (float)(b->momentum * (var_of(p->total, c) * unbiased - var[c]));
    }
}

HEFT_EXPORT const heft_layer heft_plugin = {
    .head = HEFT_HEAD(heft_layer, HEFT_LAYER, "batch_norm", "normalize each channel over the minibatch",
                      sizeof(batch_norm), options),
    .min_in = 1, .max_in = 1,
    .plan = plan, .survey = survey, .survey_back = survey_back, .forward = forward, .backward = backward, .fold = fold,
    .unread = HEFT_UNREAD_OUT,
    .recomputable = 1,
};
