#include "compute/internal.h"

#include <string.h>

static inline uint32_t bits_of(float x)
{
    uint32_t u;
    memcpy(&u, &x, sizeof u);
    return u;
}

/* The upper half decides; adding 0x7fff and its last bit rounds to nearest, ties to even.  A NaN whose payload
 * is all in the lower half would become infinite: its quiet bit is set. */
static inline uint32_t rounded(float x)
{
    const uint32_t u = bits_of(x);
    const uint32_t even = (u + 0x7fff + ((u >> 16) & 1)) >> 16;
    return (u & 0x7fffffff) > 0x7f800000 ? (u >> 16) | 0x40 : even;
}

static void pack_run(int64_t n, const float *restrict x, bf16 *restrict out)
{
    for (int64_t i = 0; i < n; i++) out[i] = (bf16)rounded(x[i]);
}

static void round_run(int64_t n, const float *restrict x, float *restrict out)
{
    for (int64_t i = 0; i < n; i++) {
        const uint32_t u = rounded(x[i]) << 16;
        memcpy(&out[i], &u, sizeof u);
    }
}

void bf16_pack(int64_t rows, int64_t cols, const float *x, int64_t ld, bf16 *out)
{
    if (ld == cols) pack_run(rows * cols, x, out);
    else for (int64_t i = 0; i < rows; i++) pack_run(cols, x + i * ld, out + i * cols);
}

void bf16_round(int64_t rows, int64_t cols, const float *x, int64_t ld, float *out)
{
    if (ld == cols) round_run(rows * cols, x, out);
    else for (int64_t i = 0; i < rows; i++) round_run(cols, x + i * ld, out + i * cols);
}
