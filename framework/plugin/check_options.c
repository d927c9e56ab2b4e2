/* check_options.c -- what options do: at all, and at their bounds
 *
 * A plugin may be right and show nothing of an option in what is tried here.  So it fails on evidence alone: no code reads the
 * field; or a bound does what the default does, while the numbers next to it do something else altogether, or the option
 * stops having an effect exactly at its default whatever the inputs are.
 */
#include <math.h>
#include <string.h>

#include "plugin/check_inside.h"
#include "plugin/watch.h"

void observe_floats(observation *o, const float *x, size_t n)
{
    o->bits = hash_bytes(o->bits, x, n * sizeof *x);
    for (size_t i = 0; i < n; i++) {
        o->turn = o->turn * UINT64_C(6364136223846793005) + 1442695040888963407;
        if (isfinite(x[i])) o->sum += (double)x[i] * ((double)(o->turn >> 40) * 0x1p-23 - 1);
    }
}

/* ---- any effect ---------------------------------------------------------------- */

/* What came of an option's values in all bases, against its being left out, beside one other option or none. */
typedef struct sight { int others, different; } sight;      /* values besides the default that were accepted; of them, not the same */

static bool is_default(const heft_option *o, int i, double number)
{
    return o->type == HEFT_ENUM ? i == o->def : (o->type == HEFT_INT || o->type == HEFT_REAL) && number == o->def;
}

static uint64_t bits_of(check *c, int base, observe_fn *observe, const setting *set) { return observe(c, base, set).bits; }

static void look_at(check *c, int base, observe_fn *observe, const heft_option *o, setting beside, sight *s)
{
    const uint64_t usual = bits_of(c, base, observe, (const setting[]){ beside, { 0 } });
    double number;
    const char *value;
    for (int k = 0; usual && !s->different && (value = option_value(c->memory, o, k, &number)); k++) {
        if (is_default(o, k, number)) continue;
        const uint64_t now = bits_of(c, base, observe, (const setting[]){ { o, value }, beside, { 0 } });
        s->others += now != 0;
        s->different += now && now != usual;
    }
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

static sight look_everywhere(check *c, int n_bases, observe_fn *observe, const heft_option *o)
{
    sight s = { 0 };
    for (int i = 0; i < n_bases; i++) look_at(c, i, observe, o, (setting){ 0 }, &s);
    if (!s.different) look_beside_others(c, n_bases, observe, o, &s);
    return s;
}

static size_t field_size(const heft_option *o)
{
    switch (o->type) {
    case HEFT_BOOL: return sizeof(bool);
    case HEFT_INT: return sizeof(int64_t);
    case HEFT_REAL: return sizeof(double);
    case HEFT_ENUM: return sizeof(int);
    case HEFT_STRING: return sizeof(char *);
    case HEFT_INTS: return sizeof(heft_int_list);
    case HEFT_REALS: return sizeof(heft_real_list);
    case HEFT_END: break;
    }
    return 1;
}

/* All that was tried once more, with an eye on the option's field. */
static watched is_read(check *c, int n_bases, observe_fn *observe, const heft_option *o)
{
    if (!watch_open(c->p->head.instance_size, o->offset, field_size(o))) return WATCH_UNKNOWN;
    (void)look_everywhere(c, n_bases, observe, o);
    return watch_close();
}

/* What evaluates the loss by itself sees no loss but that of least squares, which may leave much of it without work. */
static bool meets_one_problem(const check *c) { return c->p->kind == HEFT_OPTIMIZER && c->p->optimizer.iterate; }

/* Nothing that is tried here need show what a list or a text does. */
static bool is_tried_well(const heft_option *o, const sight *s)
{
    const bool number = o->type == HEFT_INT || o->type == HEFT_REAL, word = o->type == HEFT_BOOL || o->type == HEFT_ENUM;
    return (number || word) && !isnan(o->def) && s->others;
}

static void check_effect(check *c, int n_bases, observe_fn *observe, const heft_option *o)
{
    const sight s = look_everywhere(c, n_bases, observe, o);
    const bool asked = !s.different && is_tried_well(o, &s);
    const watched seen = asked ? is_read(c, n_bases, observe, o) : WATCH_UNKNOWN;
    check_at(c, "%s, option %s", c->p->name, o->name);
    if (s.different || (asked && seen == WATCH_UNREAD))
        check_that(c, s.different, check_text(c, "option '%s' has an effect", o->name), "a pass that reads the field, at some value and beside some option",
                   check_text(c, "where the option should be used: nothing reads self->%s. If only other inputs lead there, name them: --inputs", o->name),
                   "the same bits at all %d values tried, and no pass that read the field", s.others);
    else if (s.others)
        check_note(c, check_text(c, "option '%s'", o->name), "%d values changed nothing in what was tried%s", s.others,
                   seen == WATCH_READ ? ", though a pass reads the field" : "");
    else check_note(c, check_text(c, "option '%s'", o->name), "no value but its default was accepted in what was tried");
}

/* ---- bounds -------------------------------------------------------------------- */

/* Less than this may vanish in a rounding, as an eps does. */
static const double negligible = 1e-4;

/* Values of a numeric option: a bound, one just inside of it, one so near that what is continuous has come to the bound;
 * and one just on the other side of the default, or NULL. */
typedef struct probe_values { const char *bound, *inside, *near, *across; } probe_values;

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
    const bool whole = o->type == HEFT_INT;
    const double back = o->def - bound, far = bound == o->max ? o->min : o->max;
    const double inside = whole ? bound + copysign(1, back) : bound + back / 64, near = whole ? inside : bound + back / (1 << 14);
    if (inside == o->def || inside == bound) return false;
    const double room = fabs(far) > 1e6 ? fmax(fabs(o->def), 1) : fabs(far - o->def);
    const double across = whole ? o->def + copysign(1, back) : o->def + copysign(room / 64, back);
    const bool is_across = far != o->def && across >= o->min && across <= o->max;
    *v = (probe_values){ value_text(c, o, bound), value_text(c, o, inside), value_text(c, o, near), is_across ? value_text(c, o, across) : NULL };
    return true;
}

/* What the bound came to over all bases where the values are accepted. */
typedef struct bound_sight {
    int  tried, same;                            /* bases; of them, where the bound does what the default does */
    int  level;                                  /* where it does what the number inside does */
    int  acting, edges;                          /* where the option acts but the bound does not; of them, where it acts up to its default */
    bool differs_inside;
    double jump, way;                            /* from the number near the bound to the bound, and from the one inside */
} bound_sight;

static bool acts_in(check *c, int base, observe_fn *observe, const heft_option *o)
{
    sight s = { 0 };
    look_at(c, base, observe, o, (setting){ 0 }, &s);
    return s.different;
}

static void look_at_bound(check *c, int base, observe_fn *observe, const heft_option *o, const probe_values *v, bound_sight *s)
{
    const observation usual = observe(c, base, (const setting[]){ { 0 } });
    const observation at = observe(c, base, (const setting[]){ { o, v->bound }, { 0 } });
    const observation inside = observe(c, base, (const setting[]){ { o, v->inside }, { 0 } });
    if (!usual.bits || !at.bits || !inside.bits) return;
    s->tried++;
    s->level += at.bits == inside.bits;
    s->differs_inside = s->differs_inside || inside.bits != usual.bits;
    if (at.bits != usual.bits) return;
    s->same++;
    const observation near = observe(c, base, (const setting[]){ { o, v->near }, { 0 } });
    s->jump += fabs(near.sum - at.sum);
    s->way += fabs(inside.sum - at.sum);
    if (!acts_in(c, base, observe, o)) return;
    s->acting++;
    s->edges += v->across && bits_of(c, base, observe, (const setting[]){ { o, v->across }, { 0 } }) != usual.bits;
}

/* The bound is taken for 'not given': beside it all is different, at once.  A full turn, which is none, comes on gradually; and
 * whole numbers may come round (four quarter turns), though not at a lower bound. */
static bool is_taken_for_default(const heft_option *o, double bound, const bound_sight *s)
{
    if (!s->differs_inside) return false;
    return o->type == HEFT_INT ? bound == o->min : s->jump > s->way / 2;
}

/* A clamp at the default: in every base the option acts up to there and no further.  One base of whole numbers may be chance. */
static bool is_clamp_at_default(const heft_option *o, const bound_sight *s)
{
    return !s->differs_inside && s->edges == s->acting && s->edges > (o->type == HEFT_INT);
}

static void check_bound(check *c, int n_bases, observe_fn *observe, const heft_option *o, double bound)
{
    probe_values v;
    bound_sight s = { 0 };
    if (!bound_values(c, o, bound, &v)) return;
    for (int i = 0; i < n_bases; i++) look_at_bound(c, i, observe, o, &v, &s);
    check_at(c, "%s, %s: %s", c->p->name, o->name, v.bound);
    if (!s.tried || (s.same == s.tried && !s.acting)) return;
    const char *const subject = check_text(c, "option '%s' at %s", o->name, v.bound), *const good = check_text(c, "option '%s' has its effect at %s", o->name, v.bound);
    const bool judged = fabs(bound - o->def) >= negligible && !meets_one_problem(c);
    if (s.same < s.tried && s.level == s.tried)
        check_note(c, subject, "the same bits as at %s: it is clamped, or goes no further there", v.inside);
    else if (s.same < s.tried || (s.differs_inside && o->type == HEFT_REAL && !is_taken_for_default(o, bound, &s)))
        check_that(c, true, good, "", "", " ");
    else if (is_taken_for_default(o, bound, &s))
        check_that(c, false, good, check_text(c, "something else at %s than at its default, as there is at %s", v.bound, v.inside),
                   "where the option is used: a bound taken for 'not given', or a clamp", "the same bits as without the option");
    else if (judged && is_clamp_at_default(o, &s))
        check_that(c, false, good, check_text(c, "something else at %s than at its default, as there is at %s", v.bound, v.across),
                   "where the option is used: a clamp at the default? bounds of the table are the limits that users are told",
                   "the same bits as without the option, at %s too", v.inside);
    else check_note(c, subject, "the same bits as at its default: in what was tried they do not matter, or it is clamped");
}

void check_option_effects(check *c, int n_bases, int n_usual, observe_fn *observe)
{
    for (const heft_option *o = c->p->head.options; o && o->type != HEFT_END; o++) {
        const bool number = o->type == HEFT_INT || o->type == HEFT_REAL;
        const double at[MOST_SCALES] = { o->def, o->min, o->max };
        for (int i = 0; i < MOST_SCALES; i++) c->scale[i] = number && isfinite(at[i]) && fabs(at[i]) <= 1e6 ? 2 * fabs(at[i]) : 0;
        check_effect(c, n_bases, observe, o);
        if (!number) continue;
        check_bound(c, n_usual, observe, o, o->min);
        check_bound(c, n_usual, observe, o, o->max);
    }
}

/* ---- of layers ----------------------------------------------------------------- */

/* All that comes of a rig. */
static void observe_rig(rig *h, observation *sum)
{
    for (int train = 0; train < 2; train++) {
        rig_forward(h, train);
        observe_floats(sum, h->out, rig_out_count(h));
        sum->bits = hash_bytes(sum->bits, h->plan.out.dim, (size_t)h->plan.out.rank * sizeof(int64_t));
    }
    if (h->layer->backward) {
        rig_backward(h);
        for (int i = 0; i < h->plan.n_in; i++) observe_floats(sum, h->din[i], rig_in_count(h, i));
        for (int i = 0; i < h->n_of[HEFT_WEIGHT]; i++) observe_floats(sum, h->dweight[i], rig_weight_count(h, i));
    }
    rig_fold(h);
    for (int i = 0; i < h->n_of[HEFT_STATE]; i++) observe_floats(sum, h->state[i], (size_t)heft_count(&h->of[HEFT_STATE][i]->shape));
    float *shown = arena_alloc(h->memory, rig_in_count(h, 0), sizeof *shown);
    if (rig_predict(h, shown)) observe_floats(sum, shown, rig_in_count(h, 0));
}

/* What plan tells the host of tensors besides their size. */
static void observe_tensors(const rig *h, observation *sum)
{
    for (int i = 0; i < h->plan.n_tensors; i++) {
        const heft_tensor *t = &h->plan.tensor[i];
        const int64_t fans[] = { t->fan_in, t->fan_out };
        sum->bits = hash_bytes(sum->bits, fans, sizeof fans);
        if (t->init) sum->bits = hash_bytes(sum->bits, t->init, strlen(t->init));
    }
}

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

/* On inputs and gradients of the usual size, beyond and below it, where thresholds and eps act, and to both sides of the option's
 * own numbers. */
static observation observe_layer(check *c, int base, const setting *set)
{
    const double factors[] = { 1, 0x1p10, 0x1p-10, c->scale[0], c->scale[1], c->scale[2] };
    const check_case *k = base_case(c, base);
    const char *options = options_guess(c->memory, c->p->head.options, k->guess, &k->in[0], set);
    if (!case_fits(c, options, k)) return (observation){ 0 };
    text said = { 0 };
    rig *h = rig_open(&c->p->layer, options, k->n_in, k->in, two_lanes, c->at, &said);
    text_free(&said);
    if (!h) return (observation){ 0 };
    h->watch = false;
    observation sum = { .bits = HASH_START };
    observe_tensors(h, &sum);
    for (size_t i = 0; i < sizeof factors / sizeof *factors; i++) {
        if (factors[i] == 0) continue;
        rig_fill(h, 3);
        scale_inputs(h, (float)factors[i]);
        observe_rig(h, &sum);
    }
    rig_close(h);
    return sum;
}

void check_layer_options(check *c)
{
    cases_make(c);
    int usual = 0, all;
    while (base_case(c, usual)) usual++;
    cases_make_far(c);
    for (all = usual; base_case(c, all);) all++;
    if (!c->asked->options) check_option_effects(c, all, usual, observe_layer);
}
