/* statistics.h -- means that can and cannot be told apart */
#ifndef HEFT_REPORT_STATISTICS_H
#define HEFT_REPORT_STATISTICS_H

#include <stddef.h>

typedef struct sample_mean { size_t n; double mean, sd; } sample_mean;      /* sd: of the sample, n - 1; NaN if n < 2 */

sample_mean mean_of(size_t n, const double *v);

/* Half the width of the 95 % confidence interval of the mean (Student's t); NaN if n < 2. */
double mean_interval(const sample_mean *m);

/* Two-sided p of Welch's t-test for equal means (B. L. Welch, Biometrika 34, 1947); NaN if one has n < 2. */
double mean_welch(const sample_mean *a, const sample_mean *b);

/* P(|T| > t) for Student's t with v degrees of freedom (v > 0, not only whole). */
double student_two_sided(double t, double v);

/* How much of the ranks of y the groups explain, 0 to 1: eta squared from the Kruskal-Wallis H, (H - k + 1) / (n - k)
 * (M. and E. Tomczak, Trends in Sport Sciences 21, 2014), ties in y given their mean rank; NaN if it cannot be said (n <= k, k < 2).
 * group[i] in 0 .. k - 1. */
double rank_effect(size_t n, const double *y, const int *group, int k);

#endif
