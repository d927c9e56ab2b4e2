/* parameters.c -- sweep.parameters and sweep.constraints */
#include <ctype.h>
#include <math.h>
#include <string.h>

#include "base/rng.h"
#include "config/options.h"
#include "sweep/read.h"

typedef struct parameter_keys { double min, max, mu, sigma, q; int distribution; heft_real_list probabilities; } parameter_keys;

static const heft_option parameter_table[] = {
    HEFT_OPT_REAL(parameter_keys, min, 0, -1e300, 1e300, "the least value"),
    HEFT_OPT_REAL(parameter_keys, max, 0, -1e300, 1e300, "the greatest value"),
    HEFT_OPT_REAL(parameter_keys, mu, 0, -1e300, 1e300, "mean (log_normal: of the logarithm)"),
    HEFT_OPT_REAL(parameter_keys, sigma, 1, 1e-300, 1e300, "standard deviation (log_normal: of the logarithm)"),
    HEFT_OPT_REAL(parameter_keys, q, 0, 0, 1e300, "values are multiples of it; 0: all values"),
    HEFT_OPT_ENUM(parameter_keys, distribution, 0, "auto|uniform|log_uniform|int_uniform|normal|log_normal", "of the values"),
    HEFT_OPT_REALS(parameter_keys, probabilities, NULL, "[]", 1e-300, 1e300, "weights of the values"),
    HEFT_OPT_END
};
static const char *const parameter_others[] = { "value", "values", "when", NULL };

static const char *const spread_names[] = { "values", "uniform", "log_uniform", "int_uniform", "normal", "log_normal" };

static char *flow(const node *n, arena *a)
{
    text t = { 0 };
    flow_write(n, &t);
    char *s = arena_strndup(a, t.s, t.n);
    text_free(&t);
    return s;
}

static int read_values(parameter *p, const node *n, const heft_real_list *weights, arena *a, problems *pr)
{
    const node *value = node_get(n, "value"), *values = node_get(n, "values");
    static const char *const needless[] = { "min", "max", "mu", "sigma", "q", "distribution" };
    const size_t before = pr->n;
    if (value && values) problems_add(pr, value->at, "%s: value or values, not both", p->path);
    for (size_t i = 0; i < sizeof needless / sizeof *needless; i++)
        if (node_get(n, needless[i])) problems_add(pr, node_get(n, needless[i])->at, "%s: '%s' does not go with values", p->path, needless[i]);
    if (values && (values->kind != NODE_LIST || !values->n))
        problems_add(pr, values->at, "%s.values: a list with at least one value was expected", p->path);
    if (pr->n > before) return -1;
    p->spread = SPREAD_VALUES;
    p->n = value ? 1 : values->n;
    p->value = arena_alloc(a, p->n, sizeof *p->value);
    p->upto = arena_alloc(a, p->n, sizeof *p->upto);
    if (weights->n && (size_t)weights->n != p->n) {
        problems_add(pr, node_get(n, "probabilities")->at, "%s: %d probabilities for %zu values", p->path, weights->n, p->n);
        return -1;
    }
    double sum = 0, all = 0;
    for (size_t i = 0; i < p->n; i++) all += weights->n ? weights->v[i] : 1;
    for (size_t i = 0; i < p->n; i++) {
        const node *v = value ? value : values->item[i];
        p->value[i] = flow(v, a);
        p->upto[i] = (sum += (weights->n ? weights->v[i] : 1) / all);
        for (size_t k = 0; k < i; k++)
            if (!strcmp(p->value[k], p->value[i])) problems_add(pr, v->at, "%s: the value %s is there twice", p->path, p->value[i]);
    }
    return 0;
}

static bool is_whole(double v) { return v == floor(v) && fabs(v) < 0x1p53; }

static void check_range(parameter *p, const node *n, problems *pr)
{
    const node *lo = node_get(n, "min"), *hi = node_get(n, "max");
    if (!lo || !hi) problems_add(pr, n->at, "%s: %s wants min and max; '%s' is missing", p->path, spread_names[p->spread], lo ? "max" : "min");
    else if (!(p->min < p->max)) problems_add(pr, hi->at, "%s: max (%g) must be above min (%g)", p->path, p->max, p->min);
    else if (p->spread == SPREAD_LOG_UNIFORM && p->min <= 0)
        problems_add(pr, lo->at, "%s: log_uniform wants min above 0, found %g; min and max are values, not exponents", p->path, p->min);
    else if (p->spread == SPREAD_INT_UNIFORM && (!is_whole(p->min) || !is_whole(p->max) || !is_whole(p->q)))
        problems_add(pr, n->at, "%s: int_uniform wants whole numbers", p->path);
    else if (p->q > p->max - p->min) problems_add(pr, node_get(n, "q")->at, "%s: q (%g) is wider than the range", p->path, p->q);
}

static void read_spread(parameter *p, const node *n, const parameter_keys *k, problems *pr)
{
    const node *lo = node_get(n, "min"), *hi = node_get(n, "max"), *probabilities = node_get(n, "probabilities");
    p->min = k->min, p->max = k->max, p->mu = k->mu, p->sigma = k->sigma, p->q = k->q;
    p->spread = (spread)k->distribution;
    if (probabilities) problems_add(pr, probabilities->at, "%s: probabilities go with values", p->path);
    const bool normal = p->spread == SPREAD_NORMAL || p->spread == SPREAD_LOG_NORMAL;
    static const char *const shape[] = { "mu", "sigma" }, *const ends[] = { "min", "max" };
    for (int i = 0; i < 2; i++) {
        const char *key = normal ? ends[i] : shape[i];
        const node *odd = node_get(n, key);
        if (odd) problems_add(pr, odd->at, "%s: '%s' goes with %s", p->path, key, normal ? "uniform, log_uniform and int_uniform" : "normal and log_normal");
    }
    if (normal) return;
    if (!k->distribution) {
        if (!lo && !hi) {
            problems_add(pr, n->at, "%s: one of value, values, min and max, or a distribution was expected", p->path);
            return;
        }
        p->spread = SPREAD_UNIFORM;
        int64_t ignored;
        if (lo && hi && text_int(lo->text, &ignored) && text_int(hi->text, &ignored) && p->q <= 0) {
            problems_add(pr, n->at, "%s: min and max are whole numbers, so 'distribution: int_uniform' or 'distribution: uniform' must be given "
                         "(0.0 is no whole number)", p->path);
            return;
        }
    }
    check_range(p, n, pr);
}

/* ---- when ---- */

static int find_parameter(const space *s, const char *path)
{
    for (int i = 0; i < s->n; i++)
        if (!strcmp(s->parameter[i].path, path)) return i;
    return -1;
}

static void unknown_parameter(const space *s, place at, const char *what, const char *path, problems *pr)
{
    const char *names[MOST_PARAMETERS + 1] = { 0 };
    for (int i = 0; i < s->n; i++) names[i] = s->parameter[i].path;
    problems_add(pr, at, "%s: '%s' is no parameter%s%s", what, path, *what == 'w' ? " that stands above" : "", text_hint(path, names).s);
}

static void read_condition(const space *s, const node_pair *pair, condition *out, arena *a, problems *pr)
{
    const int i = out->parameter = find_parameter(s, pair->key);
    if (i < 0) {
        unknown_parameter(s, pair->key_at, "when", pair->key, pr);
        return;
    }
    const parameter *p = &s->parameter[i];
    if (p->spread != SPREAD_VALUES) {
        problems_add(pr, pair->key_at, "when: %s has a range; only parameters with values decide on others", p->path);
        return;
    }
    const node *v = pair->value;
    const bool list = v->kind == NODE_LIST;
    out->value = arena_alloc(a, list ? v->n : 1, sizeof *out->value);
    for (size_t k = 0; k < (list ? v->n : 1); k++) {
        const node *one = list ? v->item[k] : v;
        const char *wanted = flow(one, a), *names[64] = { 0 };
        size_t at = 0;
        while (at < p->n && strcmp(p->value[at], wanted)) at++;
        if (at < p->n) {
            out->value[out->n++] = at;
            continue;
        }
        for (size_t j = 0; j < p->n && j < 63; j++) names[j] = p->value[j];
        problems_add(pr, one->at, "when: %s never is %s%s; its first value is %s", p->path, wanted, text_hint(wanted, names).s, p->value[0]);
    }
}

static void read_when(const space *s, parameter *p, const node *when, arena *a, problems *pr)
{
    if (!when || node_is_null(when)) return;
    if (when->kind != NODE_MAP) {
        problems_add(pr, when->at, "%s.when: a mapping from earlier parameters to their values was expected", p->path);
        return;
    }
    p->when = arena_alloc(a, when->n, sizeof *p->when);
    for (size_t i = 0; i < when->n; i++) read_condition(s, &when->pair[i], &p->when[p->n_when++], a, pr);
}

static void read_parameter(space *s, const node_pair *pair, arena *a, problems *pr)
{
    const node *n = pair->value;
    parameter *p = &s->parameter[s->n];
    *p = (parameter){ .path = pair->key, .at = pair->key_at, .hash = rng_name(pair->key) };
    if (!strcmp(p->path, "sweep") || !strncmp(p->path, "sweep.", 6) || !strcmp(p->path, "name") || !strcmp(p->path, "train.threads"))
        problems_add(pr, p->at, "'%s' cannot be a parameter of a sweep, since no trial depends on it", p->path);
    if (strchr(p->path, '=')) problems_add(pr, p->at, "'%s' is no path of the experiment", p->path);
    if (n->kind != NODE_MAP) {
        problems_add(pr, n->at, "%s: a mapping such as {values: [1, 2]} or {min: 0.1, max: 0.5} was expected", p->path);
        return;
    }
    parameter_keys k = { 0 };
    const size_t before = pr->n;
    if (options_read(parameter_table, n, n->at, p->path, parameter_others, &k, a, pr) < 0) return;
    if (node_get(n, "value") || node_get(n, "values")) read_values(p, n, &k.probabilities, a, pr);
    else read_spread(p, n, &k, pr);
    read_when(s, p, node_get(n, "when"), a, pr);
    if (pr->n == before) s->n++;
}

void read_parameters(space *s, const node *section, arena *a, problems *pr)
{
    const node *n = node_get(section, "parameters");
    if (!n || n->kind != NODE_MAP || !n->n) {
        problems_add(pr, n ? n->at : section->at, "sweep.parameters: a mapping from paths of the experiment to their values was expected");
        return;
    }
    if (n->n > MOST_PARAMETERS) {
        problems_add(pr, n->at, "sweep.parameters: %zu parameters; at most %d", n->n, MOST_PARAMETERS);
        return;
    }
    s->parameter = arena_alloc(a, n->n, sizeof *s->parameter);
    for (size_t i = 0; i < n->n; i++) read_parameter(s, &n->pair[i], a, pr);
}

/* ---- constraints ---- */

static int relation_of(const char *word)
{
    static const char *const names[] = { "<", "<=", ">", ">=", "==", "!=" };
    for (int i = 0; i < 6; i++)
        if (!strcmp(word, names[i])) return i;
    return -1;
}

static bool read_operand(const space *s, const node *n, char *word, operand *o, problems *pr)
{
    char *path = word, *star = strchr(word, '*');
    *o = (operand){ -1, 1 };
    if (!star && text_real(word, &o->number)) return true;
    if (star) {
        *star = 0;
        path = star + 1;
        if (!text_real(word, &o->number)) {
            problems_add(pr, n->at, "constraint: '%s' is no number to multiply with", word);
            return false;
        }
    }
    o->parameter = find_parameter(s, path);
    if (o->parameter < 0) unknown_parameter(s, n->at, "constraint", path, pr);
    return o->parameter >= 0;
}

/* Words with spaces between: SUM relation SUM, each sum of operands with + between. */
static void read_constraint(const space *s, const node *n, constraint *c, arena *a, problems *pr)
{
    static const char form[] = "constraint: expected two sums and a relation (<, <=, >, >=, ==, !=) with spaces around, "
                               "such as 'model.a.units + model.b.units <= 512'";
    char *words = n->kind == NODE_SCALAR ? arena_strdup(a, n->text) : "", *save = NULL;
    int *count = &c->n_left;
    operand *side = c->left;
    bool want = true, related = false, good = *words;
    for (char *w = good ? strtok_r(words, " ", &save) : NULL; w && good; w = strtok_r(NULL, " ", &save)) {
        const int found = relation_of(w);
        if (want) {
            if (*count == SUM_TERMS) good = false;
            else if (!read_operand(s, n, w, &side[(*count)++], pr)) return;
        } else if (found >= 0 && !related) {
            c->relation = (relation)found;
            related = true;
            count = &c->n_right;
            side = c->right;
        } else good = !strcmp(w, "+");
        want = !want;
    }
    if (!good || want || !related) problems_add(pr, n->at, "%s", form);
}

void read_constraints(space *s, const node *section, arena *a, problems *pr)
{
    const node *n = node_get(section, "constraints");
    if (!n || node_is_null(n)) return;
    if (n->kind == NODE_MAP) {
        problems_add(pr, n->at, "sweep.constraints: a list was expected, such as ['model.a.units >= model.b.units']");
        return;
    }
    const size_t count = n->kind == NODE_LIST ? n->n : 1;
    s->constraint = arena_alloc(a, count, sizeof *s->constraint);
    for (size_t i = 0; i < count; i++)
        read_constraint(s, n->kind == NODE_LIST ? n->item[i] : n, &s->constraint[s->n_constraints++], a, pr);
}

const heft_option *sweep_parameter_table(void) { return parameter_table; }
