#include "report/statistics.h"

#include <math.h>
#include <stdlib.h>

#include "base/arena.h"

sample_mean mean_of(size_t n, const double *v)
{
    sample_mean m = { n, 0, NAN };
    double squares = 0;
    for (size_t i = 0; i < n; i++) m.mean += v[i] / (double)n;
    for (size_t i = 0; i < n; i++) squares += (v[i] - m.mean) * (v[i] - m.mean);
    if (!n) m.mean = NAN;
    if (n > 1) m.sd = sqrt(squares / (double)(n - 1));
    return m;
}

/* The regularized incomplete beta function by its continued fraction, in Lentz's way (W. H. Press et al., "Numerical
 * Recipes in C", 2nd edition, section 6.4). */
static double beta_fraction(double a, double b, double x)
{
    const double tiny = 1e-300;
    double c = 1, d = 1 - (a + b) * x / (a + 1);
    d = 1 / (fabs(d) < tiny ? tiny : d);
    double h = d;
    for (int m = 1; m < 500; m++) {
        for (int odd = 0; odd < 2; odd++) {
            const double k = odd ? -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
                                 : m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m));
            d = 1 + k * d;
            d = 1 / (fabs(d) < tiny ? tiny : d);
            c = 1 + k / c;
            if (fabs(c) < tiny) c = tiny;
            h *= d * c;
        }
        if (fabs(d * c - 1) < 1e-15) break;
    }
    return h;
}

static double beta_part(double a, double b, double x)
{
    if (x <= 0) return 0;
    if (x >= 1) return 1;
    const double front = exp(lgamma(a + b) - lgamma(a) - lgamma(b) + a * log(x) + b * log1p(-x));
    return x < (a + 1) / (a + b + 2) ? front * beta_fraction(a, b, x) / a : 1 - front * beta_fraction(b, a, 1 - x) / b;
}

double student_two_sided(double t, double v) { return beta_part(v / 2, 0.5, v / (v + t * t)); }

double mean_interval(const sample_mean *m)
{
    if (m->n < 2) return NAN;
    double lo = 0, hi = 1000;
    for (int i = 0; i < 100; i++) {
        const double t = (lo + hi) / 2;
        if (student_two_sided(t, (double)m->n - 1) > 0.05) lo = t;
        else hi = t;
    }
    return hi * m->sd / sqrt((double)m->n);
}

double mean_welch(const sample_mean *a, const sample_mean *b)
{
    if (a->n < 2 || b->n < 2) return NAN;
    const double x = a->sd * a->sd / (double)a->n, y = b->sd * b->sd / (double)b->n;
    if (x + y <= 0) return a->mean == b->mean ? 1 : 0;
    const double v = (x + y) * (x + y) / (x * x / (double)(a->n - 1) + y * y / (double)(b->n - 1));
    return student_two_sided((a->mean - b->mean) / sqrt(x + y), v);
}

typedef struct ranked { double y; size_t at; } ranked;

static int by_y(const void *a, const void *b)
{
    const ranked *x = a, *y = b;
    return x->y < y->y ? -1 : x->y > y->y;
}

double rank_effect(size_t n, const double *y, const int *group, int k)
{
    if (k < 2 || n <= (size_t)k) return NAN;
    arena *a = arena_new();
    ranked *r = arena_alloc(a, n, sizeof *r);
    double *sum = arena_alloc(a, (size_t)k, sizeof *sum), *count = arena_alloc(a, (size_t)k, sizeof *count), ties = 0, h = 0;
    for (size_t i = 0; i < n; i++) r[i] = (ranked){ y[i], i };
    qsort(r, n, sizeof *r, by_y);
    for (size_t i = 0, j; i < n; i = j) {
        for (j = i; j < n && r[j].y == r[i].y; j++) {}
        const double same = (double)(j - i), rank = (double)(i + j + 1) / 2;
        ties += same * same * same - same;
        for (size_t m = i; m < j; m++) sum[group[r[m].at]] += rank, count[group[r[m].at]]++;
    }
    const double N = (double)n, correct = 1 - ties / (N * N * N - N);
    for (int g = 0; g < k; g++)
        if (count[g] > 0) h += sum[g] * sum[g] / count[g];
    h = 12 / (N * (N + 1)) * h - 3 * (N + 1);
    arena_free(a);
    if (correct <= 0) return 0;
    return fmin(1, fmax(0, (h / correct - k + 1) / (N - k)));
}
