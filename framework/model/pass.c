#include "model/pass.h"

#include <math.h>
#include <string.h>

#include "base/clock.h"
#include "base/rng.h"
#include "compute/compute.h"
#include "model/memory.h"
#include "model/program.h"

enum { MOST_LANES = 64, TILE_ROWS = 64, TILES = 4 };

/* What plugins are handed for one layer; the addresses are those of one area and of the lane that it works on. */
typedef struct call {
    heft_forward  f;
    heft_backward b;
    const float **in;
    float       **din, **sum_into;       /* sum_into[k]: where din[k] is added afterwards, or NULL */
    float       **dweight;
    double      **tally, **tally_back;
} call;

typedef struct tile { int layer, weight; int64_t begin, end; float *dweight; } tile;

struct pass {
    const model *m;
    arena       *memory;
    bool         train;
    memory_plan  plan;
    int64_t      lanes, areas;           /* of a full minibatch; see below */
    float       *lane_area, *batch_area, *lane_gradient, *gradient;
    double      *tally, *total;          /* [lanes][n_tally], [n_tally] */
    call        *call;                   /* [areas][n_layers] */
    int64_t     *bound;                  /* [areas] the lane whose addresses the calls hold, -1 before the first */
    program      forward, full;
    tile        *tile;
    int          n_tiles;
    pass_times  *times;                  /* NULL: not measured */
    double      *lane_time, *tile_time;  /* [lanes][n_layers][2] forward and backward; [n_tiles] */
    /* of the step under way */
    pass_input   input;
    double       input_weight;           /* of all samples */
    int64_t      n_lanes;
    const program *program;
    const phase *now;
    pass_watcher *watch;                 /* NULL: nobody looks */
    void        *watch_context;
};

/* A lane that goes through its program in one phase leaves nothing behind but what lies in the batch area, its gradient and its
 * tallies: then each thread has an area, which stays in its cache, for one lane after the other.  Where lanes wait for each
 * other between phases, each has its own. */
static int64_t areas_of(const model *m, const program *whole)
{
    const int64_t lanes = model_lanes(m, m->batch), threads = compute_threads();
    return threads < lanes && whole->n_phases == 1 ? threads : lanes;
}

/* Samples of the lane in the minibatch under way. */
static int64_t samples_of(const pass *p, int64_t lane)
{
    const int64_t left = p->input.n - lane * p->m->lane_size;
    return left < p->m->lane_size ? left : p->m->lane_size;
}

static int64_t area_of(const pass *p, int64_t lane) { return p->areas < p->lanes ? compute_thread() : lane; }

static call *call_of(const pass *p, int64_t area, int layer) { return &p->call[area * p->m->n_layers + layer]; }

static float *batch_address(const pass *p, const buffer *b, int64_t lane)
{
    return p->batch_area + b->offset + (size_t)(lane * p->m->lane_size) * b->count;
}

static float *address(const pass *p, const buffer *b, int64_t area, int64_t lane)
{
    if (!b->used) return NULL;
    return b->batch ? batch_address(p, b, lane) : p->lane_area + (size_t)area * p->plan.lane_floats + b->offset;
}

/* ---- preparation ---- */

/* All that is the same for every lane that the area serves. */
static void prepare_call(pass *p, int64_t area, int i)
{
    const model *m = p->m;
    const model_layer *l = &m->layer[i];
    arena *a = p->memory;
    call *c = call_of(p, area, i);
    const float **weight = arena_alloc(a, (size_t)l->n_weights, sizeof *weight), **state = arena_alloc(a, (size_t)l->n_states, sizeof *state);
    float **saved = arena_alloc(a, (size_t)l->n_saved, sizeof *saved), **scratch = arena_alloc(a, (size_t)l->n_scratch, sizeof *scratch);
    const double **total = arena_alloc(a, (size_t)l->n_tallies, sizeof *total), **total_back = arena_alloc(a, (size_t)l->n_tallies_back, sizeof *total_back);
    for (int k = 0; k < l->n_tensors; k++) {
        const model_tensor *t = &l->tensor[k];
        const buffer *b = &p->plan.layer[i].tensor[k];
        const int r = t->role_index;
        switch (t->decl->role) {
        case HEFT_WEIGHT:     weight[r] = m->x + t->offset; break;
        case HEFT_STATE:      state[r] = m->state + t->offset; break;
        case HEFT_TALLY:      total[r] = p->total + t->offset; break;
        case HEFT_TALLY_BACK: total_back[r] = p->total + t->offset; break;
        case HEFT_SAVED:      saved[r] = address(p, b, area, 0); break;
        case HEFT_SCRATCH:    scratch[r] = address(p, b, area, 0); break;
        }
    }
    c->in = arena_alloc(a, (size_t)l->n_in, sizeof *c->in);
    c->din = arena_alloc(a, (size_t)l->n_in, sizeof *c->din);
    c->sum_into = arena_alloc(a, (size_t)l->n_in, sizeof *c->sum_into);
    c->dweight = arena_alloc(a, (size_t)l->n_weights, sizeof *c->dweight);
    c->tally = arena_alloc(a, (size_t)l->n_tallies, sizeof *c->tally);
    c->tally_back = arena_alloc(a, (size_t)l->n_tallies_back, sizeof *c->tally_back);
    const bool surveyed = p->train && surveys(l);
    const heft_host *host = compute_host();
    c->f = (heft_forward){ .host = host, .train = p->train, .in = c->in, .weight = weight, .state = state, .tally = c->tally, .scratch = scratch,
                           .saved = p->train ? saved : NULL, .total = surveyed ? total : NULL };
    static const float *const nothing[HEFT_MAX_INPUTS];
    c->b = (heft_backward){ .host = host, .in = l->layer->unread & HEFT_UNREAD_IN ? nothing : c->in, .din = c->din, .weight = weight, .dweight = c->dweight, .state = state,
                            .saved = (const float *const *)saved, .scratch = scratch, .tally = c->tally_back, .total = surveyed ? total : NULL,
                            .total_back = surveyed && l->layer->survey_back ? total_back : NULL };
}

static void bind_call(const pass *p, int64_t area, int64_t lane, int i)
{
    const model *m = p->m;
    const model_layer *l = &m->layer[i];
    const layer_memory *mem = &p->plan.layer[i];
    call *c = call_of(p, area, i);
    for (int k = 0; k < l->n_in; k++) {
        const int from = l->in[k];
        if (from < 0) continue;
        c->in[k] = address(p, &p->plan.layer[from].out, area, lane);
        if (!p->train || i > m->loss || !flows_back(m, i, k)) continue;
        float *dout = address(p, &p->plan.layer[from].dout, area, lane);
        c->din[k] = mem->din[k].used ? address(p, &mem->din[k], area, lane) : dout;
        c->sum_into[k] = mem->din[k].used ? dout : NULL;
    }
    for (int k = 0; k < l->n_tensors; k++) {
        const model_tensor *t = &l->tensor[k];
        double *mine = p->tally + (size_t)lane * m->n_tally + t->offset;
        if (t->decl->role == HEFT_TALLY) c->tally[t->role_index] = mine;
        if (t->decl->role == HEFT_TALLY_BACK) c->tally_back[t->role_index] = mine;
        if (t->decl->role == HEFT_WEIGHT && p->train && l->differentiated && !t->whole)
            c->dweight[t->role_index] = p->lane_gradient + (size_t)lane * m->n_lane_gradient + t->lane_offset;
    }
    c->f.first = c->b.first = lane * m->lane_size;
    c->f.out = address(p, &mem->out, area, lane);
    c->b.out = l->layer->unread & HEFT_UNREAD_OUT ? NULL : c->f.out;
    c->b.dout = address(p, &mem->dout, area, lane);
}

/* TILES tiles, of at least about TILE_ROWS rows, of each gradient that is taken from the whole minibatch: a rule of the shape alone.  More would read
 * the minibatch as many times more. */
static void make_tiles(pass *p)
{
    const model *m = p->m;
    for (int fill = 0; fill < 2; fill++) {
        p->n_tiles = 0;
        for (int i = 0; i < m->loss; i++)
            for (int k = 0; k < m->layer[i].n_tensors; k++) {
                const model_tensor *t = &m->layer[i].tensor[k];
                if (!t->whole || m->layer[i].frozen) continue;
                const int64_t rows = t->decl->shape.rank ? t->decl->shape.dim[0] : 1;
                const int64_t most = rows / TILE_ROWS < TILES ? rows / TILE_ROWS : TILES, tiles = most > 0 ? most : 1;
                for (int64_t j = 0; j < tiles; j++, p->n_tiles++)
                    if (fill)
                        p->tile[p->n_tiles] = (tile){ i, t->role_index, rows * j / tiles, rows * (j + 1) / tiles, p->gradient + t->offset };
            }
        if (!fill) p->tile = arena_alloc(p->memory, (size_t)p->n_tiles, sizeof *p->tile);
    }
}

static bool sizes(const model *m, bool train, const memory_plan *plan, int64_t areas, size_t bytes[5])
{
    const size_t lanes = (size_t)model_lanes(m, m->batch);
    size_t n;
    return size_mul((size_t)areas, plan->lane_floats, &n) && size_mul(n, sizeof(float), &bytes[0]) &&
           size_mul(plan->batch_floats, sizeof(float), &bytes[1]) &&
           size_mul(lanes, train ? m->n_lane_gradient : 0, &n) && size_mul(n, sizeof(float), &bytes[2]) &&
           size_mul(train ? m->n_trained : 0, sizeof(float), &bytes[3]) &&
           size_mul(lanes + 1, m->n_tally, &n) && size_mul(n, sizeof(double), &bytes[4]);
}

size_t pass_bytes(const model *m, bool train)
{
    arena *a = arena_new();
    memory_plan plan;
    const recomputation *again = train ? recompute_plan(m, a) : NULL;
    memory_make(m, train, again, a, &plan);
    const program whole = program_make(m, train, train, again, a);
    size_t bytes[5], sum = 0;
    if (!sizes(m, train, &plan, areas_of(m, &whole), bytes)) sum = SIZE_MAX;
    else for (int i = 0; i < 5; i++) sum += bytes[i];
    arena_free(a);
    return sum;
}

pass *pass_new(const model *m, bool train, problems *pr)
{
    arena *a = arena_new();
    pass *p = arena_alloc(a, 1, sizeof *p);
    *p = (pass){ .m = m, .memory = a, .train = train, .lanes = model_lanes(m, m->batch), .forward = program_make(m, train, false, NULL, a) };
    const recomputation *again = train ? recompute_plan(m, a) : NULL;
    if (train) p->full = program_make(m, train, true, again, a);
    p->areas = areas_of(m, train ? &p->full : &p->forward);
    memory_make(m, train, again, a, &p->plan);
    size_t bytes[5] = { 0 };
    const bool fits = sizes(m, train, &p->plan, p->areas, bytes);
    if (fits) {
        p->lane_area = block_alloc(bytes[0], 1);
        p->batch_area = block_alloc(bytes[1], 1);
        p->lane_gradient = block_alloc(bytes[2], 1);
        p->gradient = block_alloc(bytes[3], 1);
        p->tally = block_alloc(bytes[4], 1);
    }
    if (!fits || !p->lane_area || !p->batch_area || !p->lane_gradient || !p->gradient || !p->tally) {
        problems_add(pr, m->layer[0].at, "no memory for a minibatch of %lld: activations %zu bytes, gradients %zu bytes",
                     (long long)m->batch, bytes[0] + bytes[1], bytes[2] + bytes[3]);
        pass_free(p);
        return NULL;
    }
    p->total = p->tally + (size_t)p->lanes * m->n_tally;
    p->call = arena_alloc(a, (size_t)p->areas * (size_t)m->n_layers, sizeof *p->call);
    p->bound = arena_alloc(a, (size_t)p->areas, sizeof *p->bound);
    for (int64_t area = 0; area < p->areas; area++) {
        p->bound[area] = -1;
        for (int i = 0; i < m->n_layers; i++) prepare_call(p, area, i);
    }
    if (train) make_tiles(p);
    return p;
}

void pass_free(pass *p)
{
    if (!p) return;
    block_free(p->lane_area);
    block_free(p->batch_area);
    block_free(p->lane_gradient);
    block_free(p->gradient);
    block_free(p->tally);
    arena_free(p->memory);
}

/* ---- a step ---- */

static const float *data_address(const pass *p, int value, int64_t lane)
{
    const bool target = value == VALUE_TARGET;
    const float *base = target ? p->input.targets : p->input.inputs;
    return base ? base + (size_t)(lane * p->m->lane_size) * (size_t)heft_count(target ? &p->m->target : &p->m->input) : NULL;
}

static bool skipped(const pass *p, int layer)
{
    if (layer < p->m->loss) return false;
    return !p->input.targets || (layer > p->m->loss && !p->input.metrics);
}

static void begin_lane(pass *p, int64_t area, int64_t lane)
{
    const model *m = p->m;
    for (int i = 0; p->bound[area] != lane && i < m->n_layers; i++) bind_call(p, area, lane, i);
    p->bound[area] = lane;
    if (m->n_tally) memset(p->tally + (size_t)lane * m->n_tally, 0, m->n_tally * sizeof *p->tally);
    if (p->program == &p->full && m->n_lane_gradient)
        memset(p->lane_gradient + (size_t)lane * m->n_lane_gradient, 0, m->n_lane_gradient * sizeof(float));
    const int64_t first = lane * m->lane_size;
    for (int i = 0; i < m->n_layers; i++) {
        call *c = call_of(p, area, i);
        c->f.n = c->b.n = samples_of(p, lane);
        c->f.sample_weight = i >= m->loss && p->input.weights ? p->input.weights + first : NULL;
        c->f.rng = c->b.rng = rng_key(p->input.seed, RNG_PASS, p->input.step, m->layer[i].name_hash);
        for (int k = 0; k < m->layer[i].n_in; k++)
            if (m->layer[i].in[k] < 0) c->in[k] = data_address(p, m->layer[i].in[k], lane);
    }
}

static void backward(pass *p, int i, call *c)
{
    const model_layer *l = &p->m->layer[i];
    l->layer->backward(l->self, &c->b);
    for (int k = 0; k < l->n_in; k++) {
        if (!c->sum_into[k]) continue;
        const size_t n = (size_t)c->b.n * (size_t)heft_count(&l->in_shape[k]);
        float *restrict to = c->sum_into[k];
        const float *restrict from = c->din[k];
        for (size_t j = 0; j < n; j++) to[j] += from[j];
    }
}

static void run_lane(void *context, int64_t lane)
{
    pass *p = context;
    const model *m = p->m;
    const int64_t area = area_of(p, lane);
    if (p->now->begin == 0) begin_lane(p, area, lane);
    for (int k = p->now->begin; k < p->now->end; k++) {
        const op *o = &p->program->op[k];
        if (skipped(p, o->layer)) continue;
        const model_layer *l = &m->layer[o->layer];
        call *c = call_of(p, area, o->layer);
        const double from = p->times ? clock_seconds() : 0;
        switch (o->kind) {
        case SURVEY:      l->layer->survey(l->self, &c->f); break;
        case FORWARD:
            l->layer->forward(l->self, &c->f);
            if (p->watch) p->watch(p->watch_context, lane, o->layer, c->f.first, c->f.n, c->f.out);
            break;
        case RECOMPUTE:   l->layer->forward(l->self, &c->f); break;
        case SURVEY_BACK: l->layer->survey_back(l->self, &c->b); break;
        case BACKWARD:
            if (o->layer == m->loss) {           /* the loss is a mean over the minibatch */
                float *dout = address(p, &p->plan.layer[o->layer].dout, area, lane);
                const float weight = (float)pass_weight(p, o->layer), share = weight > 0 ? 1 / weight : 0;
                const float *w = p->input.weights ? p->input.weights + c->b.first : NULL;
                for (int64_t i = 0; i < c->b.n; i++) dout[i] = w ? share * w[i] : share;
            }
            backward(p, o->layer, c);
            break;
        }
        if (p->times) p->lane_time[2 * (lane * m->n_layers + o->layer) + (o->kind >= RECOMPUTE)] += clock_seconds() - from;
    }
}

/* With fewer areas than threads, since these became more, one lane after the other. */
static void run_lanes(pass *p)
{
    if (p->areas >= p->lanes || p->areas >= compute_threads()) compute_parallel(p->n_lanes, run_lane, p);
    else for (int64_t lane = 0; lane < p->n_lanes; lane++) run_lane(p, lane);
}

static void run_tile(void *context, int64_t i)
{
    const pass *p = context;
    const tile *t = &p->tile[i];
    const model_layer *l = &p->m->layer[t->layer];
    const float *in[HEFT_MAX_INPUTS];
    for (int k = 0; k < l->n_in; k++)
        in[k] = l->in[k] < 0 ? data_address(p, l->in[k], 0) : batch_address(p, &p->plan.layer[l->in[k]].out, 0);
    const heft_gradient g = { .host = compute_host(), .n = p->input.n, .tensor = t->weight, .begin = t->begin, .end = t->end,
                              .in = in, .dout = batch_address(p, &p->plan.layer[t->layer].dout, 0), .dweight = t->dweight };
    const double from = p->times ? clock_seconds() : 0;
    l->layer->gradient(l->self, &g);
    if (p->times) p->tile_time[i] += clock_seconds() - from;
}

static void sum_tallies(pass *p, int layer, bool back)
{
    const model_layer *l = &p->m->layer[layer];
    const double *part[MOST_LANES];
    for (int k = 0; k < l->n_tensors; k++) {
        const model_tensor *t = &l->tensor[k];
        if (t->decl->role != (back ? HEFT_TALLY_BACK : HEFT_TALLY)) continue;
        for (int64_t lane = 0; lane < p->n_lanes; lane++) part[lane] = p->tally + (size_t)lane * p->m->n_tally + t->offset;
        compute_sum_f64((int)p->n_lanes, part, 0, t->count, p->total + t->offset);
    }
}

double pass_weight(const pass *p, int layer)
{
    const model_tensor *t = model_tally_weight(&p->m->layer[layer]);
    return t ? p->total[t->offset] : p->input_weight;
}

/* Lanes first, then a fixed tree over lanes. */
double pass_mean(const pass *p, int layer)
{
    double lane_sum[MOST_LANES] = { 0 };
    const double *part[MOST_LANES];
    for (int64_t lane = 0; lane < p->n_lanes; lane++) {
        const float *out = batch_address(p, &p->plan.layer[layer].out, lane);
        const int64_t n = samples_of(p, lane);
        const float *w = p->input.weights ? p->input.weights + lane * p->m->lane_size : NULL;
        for (int64_t i = 0; i < n; i++) lane_sum[lane] += (w ? (double)w[i] : 1) * (double)out[i];
        part[lane] = &lane_sum[lane];
    }
    double sum;
    compute_sum_f64((int)p->n_lanes, part, 0, 1, &sum);
    const double weight = pass_weight(p, layer);
    return weight > 0 ? sum / weight : 0;
}

void pass_profile(pass *p, pass_times *times)
{
    const size_t n = (size_t)p->m->n_layers, lanes = (size_t)p->lanes;
    p->times = times;
    if (!times) return;
    times->pass = 0;
    p->lane_time = arena_alloc(p->memory, 2 * n * lanes, sizeof(double));
    p->tile_time = arena_alloc(p->memory, (size_t)p->n_tiles, sizeof(double));
    memset(times->forward, 0, n * sizeof(double));
    memset(times->backward, 0, n * sizeof(double));
    memset(times->tiles, 0, n * sizeof(double));
}

/* Move what lanes and tiles measured into the figures by layer. */
static void gather_times(pass *p, double from)
{
    const int64_t n = p->m->n_layers;
    for (int64_t k = 0; k < n * p->n_lanes; k++) {
        p->times->forward[k % n] += p->lane_time[2 * k];
        p->times->backward[k % n] += p->lane_time[2 * k + 1];
        p->lane_time[2 * k] = p->lane_time[2 * k + 1] = 0;
    }
    for (int i = 0; i < p->n_tiles; i++) {
        p->times->tiles[p->tile[i].layer] += p->tile_time[i];
        p->tile_time[i] = 0;
    }
    p->times->pass += clock_seconds() - from;
}

double pass_run(pass *p, const pass_input *in, bool with_backward)
{
    const model *m = p->m;
    const double from = p->times ? clock_seconds() : 0;
    p->input = *in;
    p->input_weight = in->weights ? 0 : (double)in->n;
    for (int64_t i = 0; in->weights && i < in->n; i++) p->input_weight += (double)in->weights[i];
    p->n_lanes = model_lanes(m, in->n);
    p->program = with_backward ? &p->full : &p->forward;
    compute_weights(m->x, m->n_weights);
    for (int k = 0; k < p->program->n_phases; k++) {
        p->now = &p->program->phase[k];
        run_lanes(p);
        if (p->now->total_of >= 0) sum_tallies(p, p->now->total_of, p->now->back);
    }
    for (int i = 0; i < m->n_layers; i++)
        if (m->layer[i].n_tallies && !(p->train && surveys(&m->layer[i])) && !skipped(p, i)) sum_tallies(p, i, false);
    if (with_backward) compute_parallel(p->n_tiles, run_tile, p);
    compute_weights(NULL, 0);
    if (p->times) gather_times(p, from);
    return in->targets ? pass_mean(p, m->loss) : NAN;
}

double pass_watch(pass *p, const pass_input *in, pass_watcher *watch, void *context)
{
    p->watch = watch;
    p->watch_context = context;
    const double loss = pass_run(p, in, false);
    p->watch = NULL;
    return loss;
}

float *pass_gradient(pass *p) { return p->gradient; }

void pass_sum(pass *p, size_t begin, size_t end)
{
    const model *m = p->m;
    const float *part[MOST_LANES];
    for (int i = 0; i < m->n_layers; i++) {
        const model_layer *l = &m->layer[i];
        for (int k = 0; k < l->n_tensors && !l->frozen; k++) {
            const model_tensor *t = &l->tensor[k];
            if (t->decl->role != HEFT_WEIGHT || t->whole || t->offset >= end || t->offset + t->count <= begin) continue;
            const size_t from = begin > t->offset ? begin : t->offset, to = end < t->offset + t->count ? end : t->offset + t->count;
            for (int64_t lane = 0; lane < p->n_lanes; lane++)
                part[lane] = p->lane_gradient + (size_t)lane * m->n_lane_gradient + t->lane_offset + (from - t->offset);
            compute_sum_f32((int)p->n_lanes, part, 1, 0, to - from, p->gradient + from);
        }
    }
}

const float *pass_output(const pass *p)
{
    return batch_address(p, &p->plan.layer[p->m->output].out, 0);
}

void pass_fold(pass *p, model *m)
{
    for (int i = 0; i < m->loss; i++) {
        const model_layer *l = &m->layer[i];
        if (!l->layer->fold) continue;
        const double *total[HEFT_MAX_TENSORS];
        float *state[HEFT_MAX_TENSORS];
        for (int k = 0; k < l->n_tensors; k++) {
            const model_tensor *t = &l->tensor[k];
            if (t->decl->role == HEFT_TALLY) total[t->role_index] = p->total + t->offset;
            if (t->decl->role == HEFT_STATE) state[t->role_index] = m->state + t->offset;
        }
        l->layer->fold(l->self, &(heft_fold){ .total = total, .state = state, .n = p->input.n, .weight = (double)p->input.n });
    }
}

const double *pass_totals(const pass *p) { return p->total; }
int64_t pass_samples(const pass *p) { return p->input.n; }
double pass_sample_weight(const pass *p) { return p->input_weight; }
