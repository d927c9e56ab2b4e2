/* houses.h -- the rule behind the built-in data set `houses`
 *
 *     price = base + size * SIZE + rooms * ROOMS + age * AGE + PLACE + noise * e,   e of mean 0 and variance 1
 *
 * Price in thousands, size 30 to 200 square metres, 1 to 7 rooms, age 0 to 80 years; place is one of four, each as
 * likely.  The four effects of place sum to zero: with one-hot inputs and a bias the rule is known only up to a
 * constant between them, so take the mean of the learnt effects off them and add it to the bias before comparing.
 */
#ifndef HEFT_DATA_HOUSES_H
#define HEFT_DATA_HOUSES_H

#define HOUSES_PLACES 4

typedef struct houses_rule {
    double base, size, rooms, age;
    double place[HOUSES_PLACES];
    const char *place_name[HOUSES_PLACES];       /* in the order of the inputs */
} houses_rule;

extern const houses_rule houses_truth;           /* inputs: size, rooms, age, place=centre, ... in this order */

#endif
