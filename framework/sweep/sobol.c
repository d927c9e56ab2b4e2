/* sobol.c -- Sobol's sequence in Joe and Kuo's direction numbers (file new-joe-kuo-6.21201, first rows) */
#include "sweep/sample.h"

/* Degree of the primitive polynomial, its inner coefficients as bits, the first odd numbers m. */
static const struct { int s; uint32_t a, m[7]; } rows[SOBOL_DIMENSIONS - 1] = {
    { 1,  0, { 1 } },
    { 2,  1, { 1, 3 } },
    { 3,  1, { 1, 3, 1 } },
    { 3,  2, { 1, 1, 1 } },
    { 4,  1, { 1, 1, 3, 3 } },
    { 4,  4, { 1, 3, 5, 13 } },
    { 5,  2, { 1, 1, 5, 5, 17 } },
    { 5,  4, { 1, 1, 5, 5, 5 } },
    { 5,  7, { 1, 1, 7, 11, 19 } },
    { 5, 11, { 1, 1, 5, 1, 1 } },
    { 5, 13, { 1, 1, 1, 3, 11 } },
    { 5, 14, { 1, 3, 5, 5, 31 } },
    { 6,  1, { 1, 3, 3, 9, 7, 49 } },
    { 6, 13, { 1, 1, 1, 15, 21, 21 } },
    { 6, 16, { 1, 3, 1, 13, 27, 49 } },
    { 6, 19, { 1, 1, 1, 15, 7, 5 } },
    { 6, 22, { 1, 3, 1, 15, 13, 25 } },
    { 6, 25, { 1, 1, 5, 5, 19, 61 } },
    { 7,  1, { 1, 3, 7, 11, 23, 15, 103 } },
    { 7,  4, { 1, 3, 7, 13, 13, 15, 69 } },
};

/* Direction numbers of a dimension; the first is van der Corput's sequence. */
static void directions(int dimension, uint32_t v[SOBOL_BITS])
{
    if (!dimension) {
        for (int i = 0; i < SOBOL_BITS; i++) v[i] = UINT32_C(1) << (31 - i);
        return;
    }
    const int s = rows[dimension - 1].s;
    const uint32_t a = rows[dimension - 1].a;
    for (int i = 0; i < s; i++) v[i] = rows[dimension - 1].m[i] << (31 - i);
    for (int i = s; i < SOBOL_BITS; i++) {
        v[i] = v[i - s] ^ v[i - s] >> s;
        for (int k = 1; k < s; k++)
            if (a >> (s - 1 - k) & 1) v[i] ^= v[i - k];
    }
}

uint32_t sobol_digits(int dimension, uint32_t n)
{
    uint32_t v[SOBOL_BITS] = { 0 }, x = 0;
    directions(dimension, v);
    n ^= n >> 1;                                 /* Gray code: the order in which Antonov and Saleev's method goes */
    for (int i = 0; i < SOBOL_BITS; i++)
        if (n >> i & 1) x ^= v[i];
    return x;
}
