/* weights.c -- copies of a model's weights that serve all lanes of a pass
 *
 * With bf16: all of them rounded, once; to floats where bf16 is emulated.  Where products are of floats: matrices that lie badly for the
 * caches (packed.c), transposed or at a pitch that suits.  Which matrices those are is learned from the products: the first pass notes
 * them, later ones copy them ahead of their lanes, in parallel.  A copy changes no bit.
 */
#include "compute/internal.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include "base/arena.h"

enum { CHUNK = 1 << 16, ROWS = 64, MOST_SHEETS = 256, MOST_IDLE = 64 };       /* CHUNK: floats; ROWS: of a sheet, a task's */

/* Noted once and then fixed but for `copy` and `current`, which change between passes alone. */
typedef struct sheet {
    struct sheet *next;
    const float  *at;
    bool          tb;
    int64_t       rows, cols, pitch;             /* of op(at) */
    float        *copy;                          /* [rows][pitch]; NULL: not made yet */
    bool          current;                       /* copy holds the weights of this pass */
    atomic_int    idle;                          /* passes since it was read */
} sheet;

static struct {
    const float    *given;                       /* the weights of the pass under way; NULL: none */
    const float    *read;                        /* where products of floats find them: there, or in `rounded`; NULL: nowhere */
    size_t          n;
    bool            rounds;
    void           *rounded;                     /* [room] the same: bf16, or floats where that is emulated */
    size_t          room;
    pthread_mutex_t lock;                        /* held by who adds a sheet */
    _Atomic(sheet *) sheets;
    int             n_sheets;
} now = { .lock = PTHREAD_MUTEX_INITIALIZER };

/* Where `count` floats at x begin among the weights at `all`; false: they are none of them. */
static bool among(const float *all, const float *x, size_t count, size_t *at)
{
    if (!all || (uintptr_t)x < (uintptr_t)all) return false;
    *at = ((uintptr_t)x - (uintptr_t)all) / sizeof *x;
    return *at <= now.n && count <= now.n - *at;
}

/* ---- rounded ---- */

static void round_chunk(void *x, int64_t i)
{
    const size_t begin = (size_t)i * CHUNK, left = now.n - begin;
    const int64_t n = left < CHUNK ? (int64_t)left : CHUNK;
    const float *from = (const float *)x + begin;
    if (onednn_has_bf16()) bf16_pack(1, n, from, n, (bf16 *)now.rounded + begin);
    else bf16_round(1, n, from, n, (float *)now.rounded + begin);
}

/* Without memory every product rounds for itself. */
static void round_all(const float *x, size_t n)
{
    if (n > now.room) {
        block_free(now.rounded);
        now.rounded = block_alloc(n, onednn_has_bf16() ? sizeof(bf16) : sizeof(float));
        now.room = now.rounded ? n : 0;
    }
    now.rounds = now.rounded != NULL;
    now.read = onednn_has_bf16() ? NULL : now.rounded;
    if (now.rounds) compute_parallel((int64_t)((n - 1) / CHUNK + 1), round_chunk, (void *)x);
}

const void *weights_rounded(bool half, const float *x, size_t n)
{
    size_t at;
    if (!now.rounds || half != onednn_has_bf16() || !among(now.given, x, n, &at)) return NULL;
    return half ? (const void *)((const bf16 *)now.rounded + at) : (const float *)now.rounded + at;
}

/* ---- sheets ---- */

static int64_t tasks_of(const sheet *s) { return s->current ? (s->rows + ROWS - 1) / ROWS : 0; }

static void copy_rows(void *unused, int64_t i)
{
    (void)unused;
    const sheet *s = atomic_load(&now.sheets);
    for (; i >= tasks_of(s); s = s->next) i -= tasks_of(s);
    const int64_t row = i * ROWS, n = s->rows - row < ROWS ? s->rows - row : ROWS;
    packed_copy(s->tb, n, s->cols, s->at + row * (s->tb ? 1 : s->cols), s->tb ? s->rows : s->cols, s->copy + row * s->pitch, s->pitch);
}

/* Sheets that nobody read for long go: their model may be gone, or its products have another shape. */
static void drop_idle(void)
{
    sheet *kept = NULL;
    for (sheet *s = atomic_load(&now.sheets), *next; s; s = next) {
        next = s->next;
        if (atomic_fetch_add(&s->idle, 1) < MOST_IDLE) {
            s->next = kept;
            kept = s;
            continue;
        }
        block_free(s->copy);
        free(s);
        now.n_sheets--;
    }
    atomic_store(&now.sheets, kept);
}

static void copy_all(void)
{
    drop_idle();
    int64_t tasks = 0;
    for (sheet *s = atomic_load(&now.sheets); s; s = s->next) {
        size_t at;
        s->current = among(now.read, s->at, (size_t)(s->rows * s->cols), &at);
        if (s->current && !s->copy) s->copy = block_alloc((size_t)(s->rows * s->pitch), sizeof *s->copy);
        s->current = s->current && s->copy;
        tasks += tasks_of(s);
    }
    compute_parallel(tasks, copy_rows, NULL);
}

static sheet *find_sheet(const float *x, bool tb, int64_t rows, int64_t cols, int64_t pitch)
{
    sheet *s = atomic_load(&now.sheets);
    while (s && (s->at != x || s->tb != tb || s->rows != rows || s->cols != cols || s->pitch != pitch)) s = s->next;
    return s;
}

static void note_sheet(const float *x, bool tb, int64_t rows, int64_t cols, int64_t pitch)
{
    pthread_mutex_lock(&now.lock);
    if (now.n_sheets < MOST_SHEETS && !find_sheet(x, tb, rows, cols, pitch)) {
        sheet *s = calloc(1, sizeof *s);
        if (s) {
            s->at = x, s->tb = tb, s->rows = rows, s->cols = cols, s->pitch = pitch;
            s->next = atomic_load(&now.sheets);
            atomic_store(&now.sheets, s);
            now.n_sheets++;
        }
    }
    pthread_mutex_unlock(&now.lock);
}

const float *weights_sheet(const float *x, bool tb, int64_t rows, int64_t cols, int64_t pitch)
{
    size_t at;
    if (!among(now.read, x, (size_t)(rows * cols), &at)) return NULL;
    sheet *s = find_sheet(x, tb, rows, cols, pitch);
    if (!s) note_sheet(x, tb, rows, cols, pitch);
    if (!s || !s->current) return NULL;
    atomic_store_explicit(&s->idle, 0, memory_order_relaxed);
    return s->copy;
}

/* ---- a pass ---- */

void compute_weights(const float *x, size_t n)
{
    now.rounds = false;
    now.given = now.read = n ? x : NULL;
    now.n = n;
    if (!now.given) return;
    if (compute_precision_now() == COMPUTE_BF16) round_all(x, n);
    if (now.read) copy_all();
}
