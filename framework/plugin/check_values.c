/* check_values.c -- numbers out of the ordinary, options at their bounds, and the time of it all */
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
        }
        check_at(c, "%s", label);
        for (int i = 0; h->layer->backward && i < h->plan.n_in; i++)
            if (has_din(h, i) && h->plan.out.dtype == HEFT_F32) check_nan(c, h, i);
        rig_close(h);
    }
}

/* ---- what options do ----------------------------------------------------------- */

/* Less than this may vanish in a rounding, as an eps does. */
static const double negligible = 1e-4;

/* Values of a numeric option: its default, a bound, and one just inside of it. */
typedef struct probe_values { const char *bound, *inside; } probe_values;

static const char *value_text(check *c, const heft_option *o, double v)
{
    char number[32];
    text_double(v, number);
    return o->type == HEFT_INT ? check_text(c, "%.0f", v) : check_text(c, "%s", number);
}

static bool bound_values(check *c, const heft_option *o, double bound, probe_values *v)
{
    if (o->text || isnan(o->def) || bound == o->def || fabs(bound) > 1e6) return false;
    if (o->type == HEFT_INT && o->min < 0) return false;     /* an axis counted from the end is also one counted from the front */
    const double inside = o->type == HEFT_INT ? bound + (bound < o->def ? 1 : -1) : bound + (o->def - bound) / 64;
    if (inside == o->def || inside == bound) return false;
    *v = (probe_values){ value_text(c, o, bound), value_text(c, o, inside) };
    return true;
}

typedef uint64_t observe_fn(check *c, int base, const setting *set);

/* What came of an option's values in all bases, against its being left out, beside one other option or none. */
typedef struct sight { int others, different; } sight;      /* values besides the default that were accepted; of them, not the same */

static bool is_default(const heft_option *o, int i, double number)
{
    return o->type == HEFT_ENUM ? i == o->def : (o->type == HEFT_INT || o->type == HEFT_REAL) && number == o->def;
}

static void look_at(check *c, int base, observe_fn *observe, const heft_option *o, setting beside, sight *s)
{
    const uint64_t usual = observe(c, base, (const setting[]){ beside, { 0 } });
    double number;
    const char *value;
    for (int k = 0; usual && !s->different && (value = option_value(c->memory, o, k, &number)); k++) {
        if (is_default(o, k, number)) continue;
        const uint64_t now = observe(c, base, (const setting[]){ { o, value }, beside, { 0 } });
        s->others += now != 0;
        s->different += now && now != usual;
    }
}

static bool acts_in(check *c, int base, observe_fn *observe, const heft_option *o)
{
    sight s = { 0 };
    look_at(c, base, observe, o, (setting){ 0 }, &s);
    return s.different;
}

/* Some options act only beside others: padding that is counted, where there is padding. */
static void look_beside_others(check *c, int n_bases, observe_fn *observe, const heft_option *o, sight *s)
{
    double unused;
    const char *value;
    for (const heft_option *q = c->p->head.options; q->type != HEFT_END; q++)
        for (int k = 0; q != o && !s->different && (value = option_value(c->memory, q, k, &unused)); k++)
            for (int i = 0; i < n_bases && !s->different; i++) look_at(c, i, observe, o, (setting){ q, value }, s);
}

/* What evaluates the loss by itself sees no loss but that of least squares, which may leave much of it without work. */
static bool meets_one_problem(const check *c) { return c->p->kind == HEFT_OPTIMIZER && c->p->optimizer.iterate; }

/* An option is ignored at a bound if it does there what its default does, and something else elsewhere: just inside (the bound
 * is taken for 'not given'), or anywhere (a clamp at the default). */
static void check_bound(check *c, int n_bases, observe_fn *observe, const heft_option *o, double bound)
{
    probe_values v;
    if (!bound_values(c, o, bound, &v)) return;
    int tried = 0, same = 0, level = 0, differs_inside = 0;
    bool acts = false;
    for (int i = 0; i < n_bases; i++) {
        const uint64_t usual = observe(c, i, (const setting[]){ { 0 } });
        const uint64_t at = observe(c, i, (const setting[]){ { o, v.bound }, { 0 } });
        const uint64_t inside = observe(c, i, (const setting[]){ { o, v.inside }, { 0 } });
        if (!usual || !at || !inside) continue;
        tried++;
        same += at == usual;
        level += at == inside;
        differs_inside += inside != usual;
        acts = acts || (at == usual && acts_in(c, i, observe, o));
    }
    check_at(c, "%s, %s: %s", c->p->name, o->name, v.bound);
    if (!tried || (same == tried && !acts)) return;
    const char *const subject = check_text(c, "option '%s' at %s", o->name, v.bound);
    if (same == tried && !differs_inside && (fabs(bound - o->def) < negligible || meets_one_problem(c)))
        check_note(c, subject, "the same bits as at its default: in what was tried they do not matter, or it is clamped");
    else if (same < tried && level == tried)
        check_note(c, subject, "the same bits as at %s: it is clamped, or goes no further there", v.inside);
    else
        check_that(c, same < tried, check_text(c, "option '%s' has its effect at %s", o->name, v.bound),
                   differs_inside ? check_text(c, "something else at %s than at its default, as there is at %s", v.bound, v.inside)
                                  : check_text(c, "something else at %s than at its default, as there is at other values", v.bound),
                   differs_inside ? "where the option is used: a bound taken for 'not given', or a clamp"
                                  : "where the option is used: a clamp at the default? bounds of the table are the limits that users are told",
                   differs_inside ? "the same bits as without the option" : "the same bits as without the option, at %s too", v.inside);
}

/* Nothing that is tried here need show what a list or a text does. */
static bool would_be_seen(const check *c, const heft_option *o, const sight *s)
{
    const bool number = o->type == HEFT_INT || o->type == HEFT_REAL, word = o->type == HEFT_BOOL || o->type == HEFT_ENUM;
    if (meets_one_problem(c)) return false;
    return (number || word) && !isnan(o->def) && s->others;
}

void check_option_effects(check *c, int n_bases, observe_fn *observe)
{
    for (const heft_option *o = c->p->head.options; o && o->type != HEFT_END; o++) {
        sight s = { 0 };
        for (int i = 0; i < n_bases; i++) look_at(c, i, observe, o, (setting){ 0 }, &s);
        if (!s.different) look_beside_others(c, n_bases, observe, o, &s);
        check_at(c, "%s, option %s", c->p->name, o->name);
        const char *subject = check_text(c, "option '%s' has an effect", o->name);
        if (s.different || would_be_seen(c, o, &s))
            check_that(c, s.different, subject, "something else than without it at one of its values at least, alone or beside another option",
                       "where the option is used: is the field read at all?", "the same bits at all %d values tried", s.others);
        else check_note(c, check_text(c, "option '%s'", o->name), "%s", s.others ? check_text(c, "%d values changed nothing in what was tried", s.others)
                                                                           : "no value but its default was accepted in what was tried");
        if (o->type != HEFT_INT && o->type != HEFT_REAL) continue;
        check_bound(c, n_bases, observe, o, o->min);
        check_bound(c, n_bases, observe, o, o->max);
    }
}

/* ---- options of layers --------------------------------------------------------- */

/* A number for all that comes of a rig; what it means does not matter. */
static uint64_t hash_of_rig(rig *h, uint64_t sum)
{
    for (int train = 0; train < 2; train++) {
        rig_forward(h, train);
        sum = hash_bytes(sum, h->out, rig_out_count(h) * sizeof(float));
        sum = hash_bytes(sum, h->plan.out.dim, (size_t)h->plan.out.rank * sizeof(int64_t));
    }
    if (h->layer->backward) {
        rig_backward(h);
        for (int i = 0; i < h->plan.n_in; i++) sum = hash_bytes(sum, h->din[i], rig_in_count(h, i) * sizeof(float));
        for (int i = 0; i < h->n_of[HEFT_WEIGHT]; i++) sum = hash_bytes(sum, h->dweight[i], rig_weight_count(h, i) * sizeof(float));
    }
    rig_fold(h);
    for (int i = 0; i < h->n_of[HEFT_STATE]; i++)
        sum = hash_bytes(sum, h->state[i], (size_t)heft_count(&h->of[HEFT_STATE][i]->shape) * sizeof(float));
    float *shown = arena_alloc(h->memory, rig_in_count(h, 0), sizeof *shown);
    if (rig_predict(h, shown)) sum = hash_bytes(sum, shown, rig_in_count(h, 0) * sizeof *shown);
    return sum;
}

/* What plan tells the host of tensors besides their size. */
static uint64_t hash_of_tensors(const rig *h, uint64_t sum)
{
    for (int i = 0; i < h->plan.n_tensors; i++) {
        const heft_tensor *t = &h->plan.tensor[i];
        const int64_t fans[] = { t->fan_in, t->fan_out };
        sum = hash_bytes(sum, fans, sizeof fans);
        if (t->init) sum = hash_bytes(sum, t->init, strlen(t->init));
    }
    return sum;
}

/* Inputs and gradients beyond and below the usual ones, where thresholds and eps act. */
static void scale_inputs(rig *h, float factor)
{
    for (int i = 0; i < h->plan.n_in; i++)
        for (size_t j = 0; h->in_shape[i].dtype == HEFT_F32 && j < rig_in_count(h, i); j++) h->in[i][j] *= factor;
    for (size_t j = 0; j < rig_out_count(h); j++) h->dout[j] *= factor;
}

/* The base case of which this is the number. */
static const check_case *base_case(const check *c, int base)
{
    for (size_t i = 0; i < c->n_cases; i++)
        if (!c->cases[i].other && base-- == 0) return &c->cases[i];
    return NULL;
}

static uint64_t observe_layer(check *c, int base, const setting *set)
{
    static const float factors[] = { 1, 0x1p10f, 0x1p-10f };
    const check_case *k = base_case(c, base);
    const char *options = options_guess(c->memory, c->p->head.options, k->guess, &k->in[0], set);
    if (!case_fits(c, options, k)) return 0;
    text said = { 0 };
    rig *h = rig_open(&c->p->layer, options, k->n_in, k->in, two_lanes, c->at, &said);
    text_free(&said);
    if (!h) return 0;
    uint64_t sum = hash_of_tensors(h, HASH_START);
    for (size_t i = 0; i < sizeof factors / sizeof *factors; i++) {
        rig_fill(h, 3);
        scale_inputs(h, factors[i]);
        sum = hash_of_rig(h, sum);
    }
    rig_close(h);
    return sum ? sum : 1;
}

void check_layer_options(check *c)
{
    cases_make(c);
    int n = 0;
    while (base_case(c, n)) n++;
    if (!c->asked->options) check_option_effects(c, n, observe_layer);
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
