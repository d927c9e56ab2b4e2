/* check_values.c -- numbers out of the ordinary, and the time of it all */
#include <float.h>
#include <math.h>
#include <string.h>

#include "base/clock.h"
#include "compute/compute.h"
#include "plugin/check_inside.h"

uint64_t hash_bytes(uint64_t h, const void *bytes, size_t n)
{
    const unsigned char *b = bytes;
    for (size_t i = 0; i < n; i++) h = (h ^ b[i]) * UINT64_C(0x100000001b3);
    return h;
}

/* ---- values -------------------------------------------------------------------- */

/* What inputs are set to: signs alternate where `signs`. */
typedef struct special { const char *name; float value; bool signs, ints_high, finite, no_nan; } special;

static const special specials[] = {
    { "zeros",                        0,          false, false, true,  true },
    { "ones, all equal",              1,          false, true,  true,  true },
    { "tiny numbers (1e-38)",         1e-38f,     true,  false, true,  true },
    { "large numbers (1e4)",          1e4f,       true,  true,  false, true },
    { "huge numbers (1e38)",          1e38f,      true,  false, false, false },
    { "infinities",                   INFINITY,   true,  false, false, false },
    { "NaN",                          NAN,        false, false, false, false },
};

static void set_inputs(rig *h, const special *s)
{
    for (int i = 0; i < h->plan.n_in; i++)
        for (size_t j = 0; j < rig_in_count(h, i); j++) {
            if (h->in_shape[i].dtype == HEFT_I32)
                ((int32_t *)(void *)h->in[i])[j] = s->ints_high ? (int32_t)h->in_shape[i].limit - 1 : 0;
            else h->in[i][j] = s->signs && j % 2 ? -s->value : s->value;
        }
}

static ptrdiff_t first_nan(const float *x, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (isnan(x[i])) return (ptrdiff_t)i;
    return -1;
}

static void judge(check *c, const special *s, const char *what, const float *x, size_t n)
{
    const ptrdiff_t at = s->finite ? first_not_finite(x, n) : s->no_nan ? first_nan(x, n) : -1;
    check_that(c, at < 0, check_text(c, "inputs that are %s", s->name), s->finite ? "finite numbers" : "no NaN from finite inputs",
               "0 / 0, log(0), sqrt at 0, inf - inf, exp of a large number: subtract the maximum, clamp, or add an eps",
               "%s[%td] is %g", what, at, at < 0 ? 0 : (double)x[at]);
}

static void check_special(check *c, rig *h, const special *s)
{
    set_inputs(h, s);
    for (int train = 0; train < 2; train++) {
        rig_forward(h, train);
        if (h->plan.out.dtype == HEFT_F32) judge(c, s, "out", h->out, rig_out_count(h));
    }
    if (!h->layer->backward) return;
    rig_backward(h);
    for (int i = 0; i < h->plan.n_in; i++)
        if (has_din(h, i)) judge(c, s, "din", h->din[i], rig_in_count(h, i));
    for (int i = 0; i < h->n_of[HEFT_WEIGHT]; i++) judge(c, s, "dweight", h->dweight[i], rig_weight_count(h, i));
}

/* A first sample that is NaN throughout must be seen in its output, and in no other's. */
static void check_nan(check *c, rig *h, int i)
{
    const size_t each = rig_in_count(h, i) / (size_t)h->n, out = rig_out_count(h) / (size_t)h->n;
    rig_fill(h, 3);
    for (size_t j = 0; j < each; j++) h->in[i][j] = NAN;
    rig_forward(h, false);
    check_that(c, first_nan(h->out, out) >= 0, "NaN is not swallowed", "NaN in the output of a sample that is NaN, so that a diverged run is seen",
               "comparisons in forward: x < 0 ? 0 : x keeps NaN, x > 0 ? x : 0 does not; nor do fmaxf and fminf",
               "numbers, where input %d is NaN", i);
    check_that(c, first_nan(h->out + out, rig_out_count(h) - out) < 0, "NaN stays in its sample", "numbers in the outputs of the other samples",
               "forward: what is shared by the samples of a lane?", "NaN in another sample's output");
}

void check_values(check *c)
{
    cases_make(c);
    for (size_t k = 0; k < c->n_cases; k++) {
        if (c->cases[k].other && c->cases[k].other->type != HEFT_ENUM && c->cases[k].other->type != HEFT_BOOL) continue;
        rig *h = case_open(c, &c->cases[k], two_lanes);
        if (!h) continue;
        const char *label = c->where;
        for (size_t i = 0; i < sizeof specials / sizeof *specials; i++) {
            check_at(c, "%s, %s", label, specials[i].name);
            check_special(c, h, &specials[i]);
            if (!h->trespass[0]) continue;
            check_buffers(c, h);
            return;                                  /* and the rig is left as it is, as by check_memory */
        }
        check_at(c, "%s", label);
        for (int i = 0; h->layer->backward && i < h->plan.n_in; i++)
            if (has_din(h, i) && h->plan.out.dtype == HEFT_F32) check_nan(c, h, i);
        rig_close(h);
    }
}

/* ---- speed --------------------------------------------------------------------- */

static double time_of(rig *h, bool back)
{
    int calls = -1;                              /* the first one may have to make kernels */
    double begin = 0, now = 0;
    for (; calls < 3 || now - begin < 0.01; calls++, now = clock_seconds()) {
        if (calls == 0) begin = now;
        if (back) rig_backward(h);
        else rig_forward(h, true);
    }
    return (now - begin) / calls;
}

static const char *time_text(check *c, double seconds)
{
    return seconds < 1e-6 ? check_text(c, "%.0f ns", 1e9 * seconds) : check_text(c, "%.1f us", 1e6 * seconds);
}

void check_speed(check *c)
{
    static const int64_t lane[] = { 32, 0 };
    cases_make(c);
    const check_case *most = NULL;
    for (size_t i = 0; i < c->n_cases; i++)
        if (!c->cases[i].other && (!most || heft_count(&c->cases[i].in[0]) > heft_count(&most->in[0]))) most = &c->cases[i];
    rig *h = most ? case_open(c, most, lane) : NULL;
    if (!h) return;
    h->host = *compute_host();
    const double forward = time_of(h, false), backward = h->layer->backward ? time_of(h, true) : 0;
    check_note(c, "time per sample", "forward %s, backward %s, on one thread, for %s", time_text(c, forward / 32),
               time_text(c, backward / 32), h->label);
    rig_close(h);
}
