#include "plugin/rig.h"

#include <string.h>

#include "base/rng.h"
#include "compute/compute.h"
#include "config/options.h"
#include "plugin/watch.h"

/* Red zones are of NaNs, so that what reads them is seen, and of those that signal: += changes them too. */
static const uint32_t zone_of_floats = 0x7fa5a5a5;
static const uint64_t zone_of_doubles = UINT64_C(0x7ff5a5a5a5a5a5a5);

static size_t count_of(const heft_shape *s) { return (size_t)heft_count(s); }

size_t rig_in_count(const rig *h, int i) { return (size_t)h->n * count_of(&h->in_shape[i]); }
size_t rig_out_count(const rig *h) { return (size_t)h->n * count_of(&h->plan.out); }
size_t rig_weight_count(const rig *h, int i) { return count_of(&h->of[HEFT_WEIGHT][i]->shape); }

void rig_enter(rig_place *at, const char *pass)
{
    if (at) snprintf(at->pass, sizeof at->pass, "%s", pass);
    watch_pass(*pass);
}

static void set_all(float *x, size_t n, float value)
{
    for (size_t i = 0; x && i < n; i++) x[i] = value;
}

/* ---- buffers ------------------------------------------------------------------- */

static void fill_zone(const rig_buffer *b, char *zone)
{
    const void *value = b->doubles ? (const void *)&zone_of_doubles : &zone_of_floats;
    const size_t size = b->doubles ? sizeof zone_of_doubles : sizeof zone_of_floats;
    for (size_t i = 0; i < RIG_ZONE; i += size) memcpy(zone + i, value, size);
}

void *rig_alloc(rig *h, size_t count, size_t size, const char *name, ...)
{
    if (!(h->n_buffers & (h->n_buffers - 1)))
        h->buffer = arena_grow(h->memory, h->buffer, h->n_buffers, h->n_buffers ? 2 * h->n_buffers : 1, sizeof *h->buffer);
    rig_buffer *b = &h->buffer[h->n_buffers];
    size_t bytes;
    *b = (rig_buffer){ 0 };
    if (!size_mul(count, size, &bytes) || bytes > SIZE_MAX - 2 * RIG_ZONE) return NULL;
    va_list ap;
    va_start(ap, name);
    vsnprintf(b->name, sizeof b->name, name, ap);
    va_end(ap);
    b->bytes = bytes;
    b->doubles = size == sizeof(double);
    b->block = block_alloc(bytes + 2 * RIG_ZONE, 1);
    if (!b->block) return NULL;
    h->n_buffers++;
    fill_zone(b, b->block);
    fill_zone(b, b->block + RIG_ZONE + bytes);
    return b->block + RIG_ZONE;
}

static bool untouched(const rig_buffer *b, const char *zone)
{
    char as_filled[RIG_ZONE];
    fill_zone(b, as_filled);
    return !memcmp(zone, as_filled, sizeof as_filled);
}

/* After a pass: red zones and the instance. */
static void inspect(rig *h, const char *pass)
{
    if (h->trespass[0] || !h->watch) return;
    for (size_t i = 0; i < h->n_buffers; i++) {
        const rig_buffer *b = &h->buffer[i];
        const bool before = !untouched(b, b->block), behind = !untouched(b, b->block + RIG_ZONE + b->bytes);
        if (!before && !behind) continue;
        snprintf(h->trespass, sizeof h->trespass, "%s wrote %s %s (a tensor of %zu bytes)", pass,
                 before ? "in front of" : "past the end of", b->name, b->bytes);
        return;
    }
    if (memcmp(h->self, h->self_before, h->layer->head.instance_size))
        snprintf(h->trespass, sizeof h->trespass, "%s changed the instance", pass);
}

/* ---- opening ------------------------------------------------------------------- */

void *rig_instance(arena *a, const heft_head *head, const char *options, text *said)
{
    problems pr = { 0 };
    static const heft_option none[] = { HEFT_OPT_END };
    const node *map = *options ? node_parse(a, "options", options, strlen(options), &pr) : NULL;
    void *seen = watch_instance(head->instance_size), *self = seen ? seen : arena_alloc(a, head->instance_size + 1, 1);
    if (!pr.n) options_read(head->options ? head->options : none, map, (place){ 0 }, head->name, NULL, self, a, &pr);
    if (pr.n) text_add(said, pr.item[0].text);
    const bool good = !pr.n;
    problems_free(&pr);
    return good ? self : NULL;
}

void *rig_plan(arena *a, const heft_layer *layer, const char *options, int n_in, const heft_shape *in,
               int64_t lane_max, heft_layer_plan *plan, rig_place *at, text *said)
{
    void *self = rig_instance(a, &layer->head, options, said);
    if (!self) return NULL;
    if (n_in < layer->min_in || n_in > layer->max_in) {
        text_printf(said, "takes %d to %d inputs", layer->min_in, layer->max_in);
        return NULL;
    }
    *plan = (heft_layer_plan){ .host = compute_host(), .n_in = n_in, .in = in, .lane_max = lane_max };
    rig_enter(at, "plan");
    const int rc = layer->plan(self, plan);
    rig_enter(at, "");
    if (rc) text_printf(said, "%.*s", (int)sizeof plan->error.text, plan->error.text);
    return rc ? NULL : self;
}

static bool allocate_tensor(rig *h, const heft_tensor *t)
{
    const size_t count = count_of(&t->shape);
    const int k = h->n_of[t->role]++;
    h->of[t->role][k] = t;
    switch (t->role) {
    case HEFT_WEIGHT:
        return (h->weight[k] = rig_alloc(h, count, sizeof(float), "weight '%s'", t->name))
            && (h->dweight[k] = rig_alloc(h, count, sizeof(float), "dweight of '%s'", t->name));
    case HEFT_STATE:
        h->state[k] = rig_alloc(h, count, sizeof(float), "state '%s'", t->name);
        set_all(h->state[k], count, t->init && !strcmp(t->init, "ones"));
        return h->state[k];
    case HEFT_TALLY: return (h->total[k] = rig_alloc(h, count, sizeof(double), "total of '%s'", t->name));
    case HEFT_TALLY_BACK: return (h->total_back[k] = rig_alloc(h, count, sizeof(double), "total of '%s'", t->name));
    default: return true;
    }
}

static bool allocate_lane(rig *h, int i)
{
    rig_lane *l = &h->lane[i];
    int k[RIG_ROLES] = { 0 };
    for (int j = 0; j < h->plan.n_tensors; j++) {
        const heft_tensor *t = &h->plan.tensor[j];
        const size_t count = count_of(&t->shape) * (t->per_sample ? (size_t)l->n : 1);
        void *lists[RIG_ROLES] = { l->dweight, NULL, l->tally, l->tally_back, l->saved, l->scratch };
        const bool tally = t->role == HEFT_TALLY || t->role == HEFT_TALLY_BACK;
        if (!lists[t->role]) continue;
        void *x = rig_alloc(h, count, tally ? sizeof(double) : sizeof(float), "lane %d's '%s'", i, t->name);
        if (!x) return false;
        ((void **)lists[t->role])[k[t->role]++] = x;
    }
    return true;
}

static bool allocate(rig *h, const int64_t *lanes)
{
    bool good = true;
    for (int i = 0; i < h->plan.n_in; i++) {
        good = good && (h->in[i] = rig_alloc(h, rig_in_count(h, i), sizeof(float), "in[%d]", i));
        good = good && (h->din[i] = rig_alloc(h, rig_in_count(h, i), sizeof(float), "din[%d]", i));
    }
    good = good && (h->out = rig_alloc(h, rig_out_count(h), sizeof(float), "out"));
    good = good && (h->dout = rig_alloc(h, rig_out_count(h), sizeof(float), "dout"));
    for (int i = 0; good && i < h->plan.n_tensors; i++) good = allocate_tensor(h, &h->plan.tensor[i]);
    h->lane = arena_alloc(h->memory, (size_t)h->n_lanes, sizeof *h->lane);
    int64_t first = 0;
    for (int i = 0; good && i < h->n_lanes; first += lanes[i++]) {
        h->lane[i] = (rig_lane){ .first = first, .n = lanes[i] };
        good = allocate_lane(h, i);
    }
    return good;
}

static void make_label(rig *h, const char *options)
{
    int n = snprintf(h->label, sizeof h->label, "%s%s%.90s", h->layer->head.name, *options ? " " : "", options);
    for (int i = 0; i < h->plan.n_in && n < (int)sizeof h->label; i++) {
        char shape[HEFT_SHAPE_TEXT];
        n += snprintf(h->label + n, sizeof h->label - (size_t)n, "%s%s", i ? " and " : ", input ",
                      heft_shape_text(&h->in_shape[i], shape));
    }
    for (int i = 0; i < h->n_lanes && n < (int)sizeof h->label; i++)
        n += snprintf(h->label + n, sizeof h->label - (size_t)n, "%s%lld", i ? "+" : ", samples ", (long long)h->lane[i].n);
}

rig *rig_open(const heft_layer *layer, const char *options, int n_in, const heft_shape *in, const int64_t *lanes,
              rig_place *at, text *said)
{
    arena *a = arena_new();
    rig *h = arena_alloc(a, 1, sizeof *h);
    int64_t most = 0;
    *h = (rig){ .memory = a, .layer = layer, .rng = rng_key(1, RNG_TEST, 0, 0), .by_gradient = true, .watch = true, .at = at };
    for (int i = 0; i < POISONS; i++) h->poison[i] = NAN;
    for (; lanes[h->n_lanes]; h->n_lanes++) {
        h->n += lanes[h->n_lanes];
        most = lanes[h->n_lanes] > most ? lanes[h->n_lanes] : most;
    }
    memcpy(h->in_shape, in, (size_t)n_in * sizeof *in);
    h->self = rig_plan(a, layer, options, n_in, h->in_shape, most, &h->plan, at, said);
    if (h->self && !allocate(h, lanes)) {
        text_add(said, "no memory");
        h->self = NULL;
    }
    if (!h->self) {
        rig_close(h);
        return NULL;
    }
    h->host = *compute_host();
    h->plan.host = &h->host;
    h->self_before = arena_alloc(a, layer->head.instance_size + 1, 1);
    memcpy(h->self_before, h->self, layer->head.instance_size);
    make_label(h, options);
    if (at) snprintf(at->label, sizeof at->label, "%s", h->label);
    return h;
}

void rig_plain(rig *h)
{
    h->host.gemm = plain_gemm;
    h->host.conv = plain_conv;
    h->host.conv_back_data = plain_conv_back_data;
    h->host.conv_back_weight = plain_conv_back_weight;
}

void rig_close(rig *h)
{
    for (size_t i = 0; i < h->n_buffers; i++) block_free(h->buffer[i].block);
    arena_free(h->memory);
}

/* ---- passes -------------------------------------------------------------------- */

static void sum_tallies(const rig *h, heft_role role)
{
    double *const *total = role == HEFT_TALLY ? h->total : h->total_back;
    for (int i = 0; i < h->n_of[role]; i++)
        for (size_t j = 0; j < count_of(&h->of[role][i]->shape); j++) {
            total[i][j] = 0;
            for (int k = 0; k < h->n_lanes; k++)
                total[i][j] += (role == HEFT_TALLY ? h->lane[k].tally : h->lane[k].tally_back)[i][j];
        }
}

static void poison_tensors(const rig *h, const rig_lane *l, heft_role role, rig_poison kind)
{
    float *const *x = role == HEFT_SAVED ? l->saved : l->scratch;
    for (int i = 0; i < h->n_of[role]; i++) {
        const heft_tensor *t = h->of[role][i];
        set_all(x[i], count_of(&t->shape) * (t->per_sample ? (size_t)l->n : 1), h->poison[kind]);
    }
}

/* Tallies to zero, scratch to poison; saved too, before a forward. */
static void clear(const rig *h, rig_lane *l, bool forward)
{
    const heft_role tallies = forward ? HEFT_TALLY : HEFT_TALLY_BACK;
    for (int i = 0; i < h->n_of[tallies]; i++)
        memset((forward ? l->tally : l->tally_back)[i], 0, count_of(&h->of[tallies][i]->shape) * sizeof(double));
    if (forward) poison_tensors(h, l, HEFT_SAVED, POISON_SAVED);
    poison_tensors(h, l, HEFT_SCRATCH, POISON_SCRATCH);
    for (int i = 0; i < h->plan.n_in; i++) {
        const size_t at = (size_t)l->first * count_of(&h->in_shape[i]);
        l->in[i] = h->in[i] + at;
        l->din[i] = h->no_din[i] || h->in_shape[i].dtype == HEFT_I32 ? NULL : h->din[i] + at;
    }
}

/* One pass over all lanes. */
typedef struct lanes_job {
    rig  *h;
    bool  train, surveyed;
    void (*run)(const struct lanes_job *job, rig_lane *l);
} lanes_job;

static void run_job(void *context, int64_t i)
{
    const lanes_job *job = context;
    job->run(job, &job->h->lane[job->h->n_lanes - 1 - i]);
}

static void run_lanes(lanes_job *job, const char *pass)
{
    rig *h = job->h;
    rig_enter(h->at, pass);
    if (h->parallel) compute_parallel(h->n_lanes, run_job, job);
    else for (int64_t i = 0; i < h->n_lanes; i++) run_job(job, i);
    rig_enter(h->at, "");
    inspect(h, pass);
}

static heft_forward forward_view(const lanes_job *job, const rig_lane *l)
{
    const rig *h = job->h;
    return (heft_forward){
        .host = h->plan.host, .first = l->first, .n = l->n, .train = job->train, .rng = h->rng, .in = l->in,
        .out = h->out + (size_t)l->first * count_of(&h->plan.out),
        .weight = (const float *const *)h->weight, .state = (const float *const *)h->state, .tally = l->tally,
        .total = job->surveyed ? (const double *const *)h->total : NULL, .saved = job->train ? l->saved : NULL,
        .scratch = l->scratch, .sample_weight = h->sample_weight ? h->sample_weight + l->first : NULL };
}

static void survey_lane(const lanes_job *job, rig_lane *l)
{
    const heft_forward f = forward_view(job, l);
    job->h->layer->survey(job->h->self, &f);
}

static void forward_lane(const lanes_job *job, rig_lane *l)
{
    const heft_forward f = forward_view(job, l);
    job->h->layer->forward(job->h->self, &f);
}

void rig_survey_lane(rig *h, int lane)
{
    const lanes_job job = { h, true, false, NULL };
    survey_lane(&job, &h->lane[lane]);
}

void rig_forward_lane(rig *h, int lane, bool train)
{
    const lanes_job job = { h, train, train && h->layer->survey, NULL };
    forward_lane(&job, &h->lane[lane]);
}

void rig_forward(rig *h, bool train)
{
    lanes_job job = { h, train, false, survey_lane };
    set_all(h->out, rig_out_count(h), h->poison[POISON_OUT]);
    for (int i = 0; i < h->n_lanes; i++) clear(h, &h->lane[i], true);
    if (train && h->layer->survey) {
        run_lanes(&job, "survey");
        sum_tallies(h, HEFT_TALLY);
        for (int i = 0; i < h->n_lanes; i++) poison_tensors(h, &h->lane[i], HEFT_SCRATCH, POISON_SCRATCH);
        job.surveyed = true;
    }
    job.run = forward_lane;
    run_lanes(&job, "forward");
    if (!job.surveyed) sum_tallies(h, HEFT_TALLY);
}

static heft_backward backward_view(rig *h, const rig_lane *l, float *const *dweight, bool surveyed)
{
    static const float *const nothing[HEFT_MAX_INPUTS];
    const size_t at = (size_t)l->first * count_of(&h->plan.out);
    return (heft_backward){
        .host = h->plan.host, .first = l->first, .n = l->n, .rng = h->rng,
        .in = h->layer->unread & HEFT_UNREAD_IN ? nothing : l->in, .out = h->layer->unread & HEFT_UNREAD_OUT ? NULL : h->out + at,
        .dout = h->dout + at, .din = l->din, .weight = (const float *const *)h->weight, .dweight = dweight,
        .state = (const float *const *)h->state, .saved = (const float *const *)l->saved, .scratch = l->scratch,
        .tally = l->tally_back, .total = h->layer->survey ? (const double *const *)h->total : NULL,
        .total_back = surveyed && h->layer->survey_back ? (const double *const *)h->total_back : NULL };
}

static void survey_back_lane(const lanes_job *job, rig_lane *l)
{
    const heft_backward b = backward_view(job->h, l, NULL, false);
    job->h->layer->survey_back(job->h->self, &b);
}

void rig_survey_back_lane(rig *h, int lane)
{
    const lanes_job job = { h, true, true, NULL };
    survey_back_lane(&job, &h->lane[lane]);
}

static uint32_t whole_of(const rig *h) { return h->by_gradient && h->layer->gradient ? h->layer->gradient_of : 0; }

static void backward_lane(const lanes_job *job, rig_lane *l)
{
    rig *h = job->h;
    float *dweight[HEFT_MAX_TENSORS] = { 0 };
    for (int j = 0; j < h->n_of[HEFT_WEIGHT]; j++) {
        memset(l->dweight[j], 0, rig_weight_count(h, j) * sizeof(float));
        dweight[j] = h->frozen || whole_of(h) >> j & 1 ? NULL : l->dweight[j];
    }
    const heft_backward b = backward_view(h, l, dweight, true);
    h->layer->backward(h->self, &b);
}

void rig_backward_lane(rig *h, int lane, float *const *dweight)
{
    const heft_backward b = backward_view(h, &h->lane[lane], dweight, true);
    h->layer->backward(h->self, &b);
}

typedef struct tiles_job { rig *h; int weight; int64_t rows; } tiles_job;

static void run_tile(void *context, int64_t i)
{
    const tiles_job *job = context;
    const rig *h = job->h;
    const int64_t begin = i * RIG_TILE, end = begin + RIG_TILE < job->rows ? begin + RIG_TILE : job->rows;
    const heft_gradient g = { .host = h->plan.host, .n = h->n, .tensor = job->weight, .begin = begin, .end = end,
                              .in = (const float *const *)h->in, .dout = h->dout, .dweight = h->dweight[job->weight] };
    h->layer->gradient(h->self, &g);
}

/* A weight's gradient by the gradient pass, in tiles of a few rows. */
static void gradient_tiles(rig *h, int i)
{
    const heft_shape *s = &h->of[HEFT_WEIGHT][i]->shape;
    tiles_job job = { h, i, s->rank ? s->dim[0] : 1 };
    const int64_t tiles = (job.rows + RIG_TILE - 1) / RIG_TILE;
    set_all(h->dweight[i], count_of(s), h->poison[POISON_GRADIENT]);
    rig_enter(h->at, "gradient");
    if (h->parallel) compute_parallel(tiles, run_tile, &job);
    else for (int64_t t = tiles - 1; t >= 0; t--) run_tile(&job, t);
    rig_enter(h->at, "");
    inspect(h, "gradient");
}

void rig_backward(rig *h)
{
    lanes_job job = { h, true, true, survey_back_lane };
    for (int i = 0; i < h->plan.n_in; i++) set_all(h->din[i], rig_in_count(h, i), h->poison[POISON_DIN]);
    for (int i = 0; i < h->n_lanes; i++) clear(h, &h->lane[i], false);
    if (h->layer->survey_back) {
        run_lanes(&job, "survey_back");
        for (int i = 0; i < h->n_lanes; i++) poison_tensors(h, &h->lane[i], HEFT_SCRATCH, POISON_SCRATCH);
    }
    sum_tallies(h, HEFT_TALLY_BACK);
    job.run = backward_lane;
    run_lanes(&job, "backward");
    for (int j = 0; j < h->n_of[HEFT_WEIGHT]; j++) {
        if (whole_of(h) >> j & 1) {
            gradient_tiles(h, j);
            continue;
        }
        const size_t count = rig_weight_count(h, j);
        memset(h->dweight[j], 0, count * sizeof(float));
        for (int i = 0; i < h->n_lanes; i++)
            for (size_t k = 0; k < count; k++) h->dweight[j][k] += h->lane[i].dweight[j][k];
    }
}

void rig_fold(rig *h)
{
    if (!h->layer->fold) return;
    double weight = h->sample_weight ? 0 : (double)h->n;
    for (int64_t i = 0; h->sample_weight && i < h->n; i++) weight += (double)h->sample_weight[i];
    const heft_fold f = { .total = (const double *const *)h->total, .state = h->state, .n = h->n, .weight = weight };
    rig_enter(h->at, "fold");
    h->layer->fold(h->self, &f);
    rig_enter(h->at, "");
    inspect(h, "fold");
}

bool rig_predict(rig *h, float *out)
{
    if (!h->layer->predict) return false;
    const size_t each = count_of(&h->in_shape[0]);
    set_all(out, (size_t)h->n * each, h->poison[POISON_OUT]);
    rig_enter(h->at, "predict");
    for (int i = 0; i < h->n_lanes; i++) {
        const rig_lane *l = &h->lane[i];
        const size_t at = (size_t)l->first * each;
        const heft_forward f = { .host = h->plan.host, .first = l->first, .n = l->n, .rng = h->rng,
                                 .in = (const float *const[]){ h->in[0] + at, NULL }, .out = out + at };
        h->layer->predict(h->self, &f);
    }
    rig_enter(h->at, "");
    inspect(h, "predict");
    return true;
}

/* ---- values -------------------------------------------------------------------- */

void rig_random(float *x, size_t n, uint64_t seed, float low, float high)
{
    heft_rng r = rng_key(seed, RNG_TEST, 1, 0);
    for (size_t i = 0; i < n; i++) x[i] = low + (high - low) * heft_uniform(&r);
}

void rig_fill(rig *h, uint64_t seed)
{
    for (int i = 0; i < h->plan.n_in; i++) {
        const size_t n = rig_in_count(h, i);
        heft_rng r = rng_key(seed, RNG_TEST, 2, (uint64_t)i);
        if (h->in_shape[i].dtype == HEFT_I32)
            for (size_t j = 0; j < n; j++)
                ((int32_t *)(void *)h->in[i])[j] = (int32_t)rng_below(&r, (uint64_t)h->in_shape[i].limit);
        else
            rig_random(h->in[i], n, seed * 100 + (uint64_t)i, -1, 1);
    }
    for (int i = 0; i < h->n_of[HEFT_WEIGHT]; i++)
        rig_random(h->weight[i], rig_weight_count(h, i), seed * 100 + 30 + (uint64_t)i, -1, 1);
    rig_random(h->dout, rig_out_count(h), seed * 100 + 99, -1, 1);
}
