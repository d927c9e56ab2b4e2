#include "base/rng.h"

__extension__ typedef unsigned __int128 uint128;

heft_rng rng_key(uint64_t seed, rng_purpose purpose, uint64_t a, uint64_t b)
{
    uint32_t w[4];
    heft_philox(seed, a, b, w);
    const uint64_t mixed = (uint64_t)w[1] << 32 | w[0];
    heft_philox(mixed, (uint64_t)purpose, seed, w);
    return (heft_rng){ (uint64_t)w[3] << 32 | w[2], 0 };
}

uint64_t rng_name(const char *s)
{
    uint64_t h = UINT64_C(0xcbf29ce484222325);
    for (; *s; s++) h = (h ^ (unsigned char)*s) * UINT64_C(0x100000001b3);
    return h;
}

uint64_t rng_below(heft_rng *r, uint64_t bound)
{
    const uint64_t reject = -bound % bound;      /* 2^64 mod bound */
    for (;;) {
        const uint64_t hi = heft_bits(r), lo = heft_bits(r);
        const uint128 product = (uint128)(hi << 32 | lo) * bound;
        if ((uint64_t)product >= reject) return (uint64_t)(product >> 64);
    }
}

void rng_permutation(heft_rng r, int64_t n, int64_t *out)
{
    for (int64_t i = 0; i < n; i++) out[i] = i;
    for (int64_t i = n - 1; i > 0; i--) {
        const int64_t j = (int64_t)rng_below(&r, (uint64_t)i + 1), held = out[i];
        out[i] = out[j];
        out[j] = held;
    }
}
