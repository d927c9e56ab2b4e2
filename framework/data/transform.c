#include "data/source.h"

/* Sums about the first value seen, so that numbers far from 0 lose no digits. */
void moments_add(moments *m, double v)
{
    if (!m->n++) m->shift = m->min = m->max = v;
    const double d = v - m->shift;
    m->sum += d;
    m->squares += d * d;
    if (v < m->min) m->min = v;
    if (v > m->max) m->max = v;
}

/* standard: mean 0 and (population) standard deviation 1; minmax: 0 to 1.  A constant is only shifted. */
void moments_scale(const moments *m, int normalize, double *mean, double *factor)
{
    double width;
    if (normalize == NORMALIZE_MINMAX) {
        *mean = m->min;
        width = m->max - m->min;
    } else {
        const double d = m->sum / (double)m->n, variance = m->squares / (double)m->n - d * d;
        *mean = m->shift + d;
        width = m->max > m->min && variance > 0 ? sqrt(variance) : 0;
    }
    *factor = width > 0 ? 1 / width : 1;
}

bool targets_scaled(const data_options *o) { return o->normalize_target || o->scale_target != 1; }

void target_scale(const data_options *o, const moments *m, double *mean, double *scale)
{
    double factor = o->scale_target;
    if (o->normalize_target && m->n) moments_scale(m, o->normalize_target, mean, &factor);
    *scale = 1 / factor;
}

static void scale_axis(int64_t n, int64_t channels, const double *mean, const double *factor, float *x)
{
    if (channels == 1) {
        const float m = (float)mean[0], f = (float)factor[0];
        for (int64_t i = 0; i < n; i++) x[i] = (x[i] - m) * f;
        return;
    }
    for (int64_t i = 0; i < n; i += channels)
        for (int64_t c = 0; c < channels; c++) x[i + c] = (x[i + c] - (float)mean[c]) * (float)factor[c];
}

void transform_inputs(const data_fit *fit, int64_t n, float *x)
{
    if (fit->n_channels) scale_axis(n, fit->n_channels, fit->mean, fit->factor, x);
}

void transform_targets(const data_fit *fit, int64_t n, float *y)
{
    for (int64_t i = 0; fit->n_scaled && i < n; i += fit->n_scaled)
        for (int64_t c = 0; c < fit->n_scaled; c++)
            y[i + c] = (float)((y[i + c] - fit->target_mean[c]) / fit->target_scale[c]);
}

/* Moments along the last axis of inputs, and of each target, over the training split. */
static int survey(const dataset *s, int64_t channels, moments *input, int64_t targets, moments *target,
                  problems *pr)
{
    const int64_t nx = heft_count(&s->from->input), ny = heft_count(&s->from->target);
    int64_t step = (INT64_C(1) << 20) / nx;
    step = step < 1 ? 1 : step > FETCH_MOST ? FETCH_MOST : step;
    float *x = block_alloc((size_t)(step * nx), sizeof *x), *y = block_alloc((size_t)(step * ny), sizeof *y);
    int rc = x && y ? 0 : -1;
    if (rc) problems_add(pr, (place){ s->from->name, 0, 0 }, "no memory for %lld samples", (long long)step);
    int64_t row[FETCH_MOST];
    for (int64_t at = 0; rc == 0 && at < s->count; at += step) {
        const int64_t n = s->count - at < step ? s->count - at : step;
        for (int64_t i = 0; i < n; i++) row[i] = s->row ? s->row[at + i] : at + i;
        rc = s->from->fetch(s->from, row, n, x, y, pr);
        for (int64_t i = 0; rc == 0 && channels && i < n * nx; i += channels)
            for (int64_t c = 0; c < channels; c++) moments_add(&input[c], x[i + c]);
        for (int64_t i = 0; rc == 0 && targets && i < n * ny; i += targets)
            for (int64_t c = 0; c < targets; c++) moments_add(&target[c], y[i + c]);
    }
    block_free(x);
    block_free(y);
    return rc;
}

int transform_fit(opening *o, problems *pr)
{
    data_fit *fit = o->fit;
    const data_options *opt = o->common;
    const source *s = o->source[TRAIN];
    if (s->fitted) return 0;
    if (opt->scale != 1) {
        fit->n_channels = 1;
        fit->mean = arena_alloc(o->a, 1, sizeof *fit->mean);
        fit->factor = arena_alloc(o->a, 1, sizeof *fit->factor);
        fit->factor[0] = opt->scale;
    }
    const int64_t channels = opt->normalize && s->input.rank ? s->input.dim[s->input.rank - 1] : 0;
    const int64_t targets = targets_scaled(opt) ? heft_count(&s->target) : 0;
    if (!channels && !targets) return 0;
    moments *m = block_alloc((size_t)(channels + targets), sizeof *m);
    if (!m) {
        problems_add(pr, o->at, "normalize: no memory for %lld columns", (long long)(channels + targets));
        return -1;
    }
    const int rc = survey(o->set[TRAIN], channels, m, opt->normalize_target ? targets : 0, m + channels, pr);
    if (rc == 0 && channels) {
        fit->n_channels = channels;
        fit->mean = arena_alloc(o->a, (size_t)channels, sizeof *fit->mean);
        fit->factor = arena_alloc(o->a, (size_t)channels, sizeof *fit->factor);
        for (int64_t c = 0; c < channels; c++) moments_scale(&m[c], opt->normalize, &fit->mean[c],
                                                             &fit->factor[c]);
    }
    if (rc == 0 && targets) {
        fit->n_scaled = targets;
        fit->target_mean = arena_alloc(o->a, (size_t)targets, sizeof *fit->target_mean);
        fit->target_scale = arena_alloc(o->a, (size_t)targets, sizeof *fit->target_scale);
        for (int64_t c = 0; c < targets; c++)
            target_scale(opt, &m[channels + c], &fit->target_mean[c], &fit->target_scale[c]);
    }
    block_free(m);
    return rc;
}
