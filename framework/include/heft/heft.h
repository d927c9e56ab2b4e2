/* heft.h -- use a trained model from a program
 *
 *     heft_model *m = heft_open("runs/houses-0001", 0);
 *     if (!m || heft_predict(m, n, inputs, outputs, NULL) < 0) fprintf(stderr, "%s\n", heft_last_error());
 *     heft_close(m);
 *
 * Numbers go in as they stood in the data that the model was trained on (a picture's bytes as 0 to 255), and come out
 * as `heft predict` writes them: the scaling that was fitted in training is part of the model.  A call gives the bits that
 * `heft predict` gives for a file of the same samples, with any number of threads; samples in other company may differ
 * in their last bits.
 *
 * Threads: every function may be called from any thread, and a model used by several; calls that work (heft_open,
 * heft_predict, heft_generate, heft_close) take turns in the process, each with all the threads it was given.  Nothing may use a
 * model while it is closed.  No signal handlers, locale, environment or OpenMP settings of the program are changed.
 * heft_open starts short-lived child processes, in which plugins are tried before the program opens them; plugins stay
 * open.  It reads HDF5: a program that uses HDF5 itself (which is not safe for threads as it is commonly built) must
 * not do so in another thread meanwhile, and must close its files, since HDF5 no longer does that at exit.
 *
 * Memory for a model is taken in heft_open.  Should the system then have none left for small things, a call fails and
 * the library refuses further work; in one of heft's own threads it ends the process.
 *
 * Versions: what this header declares keeps its meaning as long as the library's soname (libheft.so.0) does.
 */
#ifndef HEFT_HEFT_H
#define HEFT_HEFT_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define HEFT_LIBRARY __attribute__((visibility("default")))

enum { HEFT_MOST_AXES = 8 };

typedef struct heft_model heft_model;

/* A checkpoint, or a run: its best checkpoint, or the latest if none is marked best.  threads: at most so many; 0: as
 * many as the process may use.  Plugins are looked for in the folders that the experiment names, in $HEFT_PLUGIN_PATH,
 * and beside the library.  NULL after a failure. */
HEFT_LIBRARY heft_model *heft_open(const char *path, int threads);
HEFT_LIBRARY void heft_close(heft_model *m);                         /* NULL: nothing */

/* The last failure of a call in this thread, as `heft` would print it: where, what was found, what would be accepted; one
 * line or several, without a newline at the end.  "" if there was none.  Valid until this thread's next call. */
HEFT_LIBRARY const char *heft_last_error(void);

/* "0.1.0", of the library. */
HEFT_LIBRARY const char *heft_version(void);

/* ---- what a model takes and gives; strings and arrays live as long as the model ---- */

/* Axes of one sample, outermost first: pictures [height, width, channels], texts [time]; the number of axes, at most
 * HEFT_MOST_AXES.  The size is their product. */
HEFT_LIBRARY int     heft_input_shape(const heft_model *m, int64_t dim[HEFT_MOST_AXES]);
HEFT_LIBRARY int     heft_output_shape(const heft_model *m, int64_t dim[HEFT_MOST_AXES]);
HEFT_LIBRARY int64_t heft_input_size(const heft_model *m);
HEFT_LIBRARY int64_t heft_output_size(const heft_model *m);

/* 0: inputs are numbers.  Else whole numbers below this: the places of a text's characters among heft_class_name. */
HEFT_LIBRARY int64_t heft_input_tokens(const heft_model *m);

/* Of a table, the column behind number i of an input: "rooms"; or "place=lake", which is 1 where place is lake and else 0.
 * NULL where inputs have no names. */
HEFT_LIBRARY const char *heft_input_name(const heft_model *m, int64_t i);

/* Classes, and their names (NULL: they have none); 0: the model gives numbers in the units of the data. */
HEFT_LIBRARY int64_t     heft_classes(const heft_model *m);
HEFT_LIBRARY const char *heft_class_name(const heft_model *m, int64_t k);

/* ---- predictions ---- */

/* n samples: inputs [n, input size] of finite numbers, outputs [n, output size]: probabilities of the classes (one
 * number alone: of the second of two) or numbers in the units of the data.  classes [n]: the most probable class of
 * each sample; NULL, or for a model that gives one class a sample.  n may be 0.
 * -1 after a failure; outputs are then of no use. */
HEFT_LIBRARY int heft_predict(heft_model *m, int64_t n, const float *inputs, float *outputs, int32_t *classes);

/* A model of text (`format: text`) goes on with `prompt`, at least one character, as `heft predict --prompt` does: `length`
 * characters and a NUL into text [length + 1].  temperature: below 1 likely characters come more often, 0 always the
 * likeliest, 1 as the model says; top_k: draws are from the so many likeliest, 0 from all; the draws are those of seed.
 * -1 after a failure; the text is then of no use. */
HEFT_LIBRARY int heft_generate(heft_model *m, const char *prompt, int64_t length, double temperature, int64_t top_k,
                               uint64_t seed, char *text);

#ifdef __cplusplus
}
#endif
#endif
