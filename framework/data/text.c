/* text: a file's bytes as tokens.  A sample is `length` bytes and, as targets, the bytes one further on.  Samples to train
 * on start `stride` bytes apart, all others follow each other without overlap.  The vocabulary is the bytes that occur
 * in the file `train:` names, in rising order. */
#include <string.h>

#include "base/file.h"
#include "data/source.h"

typedef struct text_source {
    source   base;
    int64_t  stride;
    uint8_t *token;                  /* a block */
} text_source;

typedef struct text_options { int64_t length, stride; } text_options;

static const heft_option text_options_table[] = {
    HEFT_OPT_INT(text_options, length, 64, 1, 1 << 20, "characters in a sample"),
    HEFT_OPT_INT_OR(text_options, stride, "auto", 0, 1, 1 << 20,
                    "characters from the start of a training sample to the next; auto: length"),
    HEFT_OPT_END
};

static int fetch(source *s, const int64_t *row, int64_t n, float *inputs, float *targets, problems *pr)
{
    (void)pr;
    const text_source *d = (const text_source *)s;
    const int64_t length = s->input.dim[0];
    int32_t *x = (void *)inputs, *y = (void *)targets;
    for (int64_t i = 0; i < n; i++) {
        const uint8_t *from = d->token + row[i] * d->stride;
        for (int64_t t = 0; t < length && x; t++) x[i * length + t] = from[t];
        for (int64_t t = 0; t < length && y; t++) y[i * length + t] = from[t + 1];
    }
    return 0;
}

static void text_close(source *s) { block_free(((text_source *)s)->token); }

static void learn_vocabulary(opening *o, const uint8_t *bytes, size_t n)
{
    data_fit *fit = o->fit;
    bool seen[256] = { false };
    for (size_t i = 0; i < n; i++) seen[bytes[i]] = true;
    fit->vocabulary = arena_alloc(o->a, 256, 1);
    fit->class_name = arena_alloc(o->a, 256, sizeof *fit->class_name);
    fit->n_vocabulary = 0;
    for (int c = 0; c < 256; c++) {
        if (!seen[c]) continue;
        const char *name = c == '\n' ? "\\n" : c == '\t' ? "\\t" : c == '\r' ? "\\r" : c == '\\' ? "\\\\" : NULL;
        fit->class_name[fit->n_vocabulary] = name ? name : arena_printf(o->a, c >= 32 && c < 127 ? "%c"
                                                                        : "\\x%02x", c);
        fit->vocabulary[fit->n_vocabulary++] = (uint8_t)c;
    }
    fit->n_classes = fit->n_vocabulary;
}

static int encode(const data_fit *fit, const char *name, uint8_t *bytes, size_t n, problems *pr)
{
    int16_t token[256];
    memset(token, 0xff, sizeof token);
    for (int64_t i = 0; i < fit->n_vocabulary; i++) token[fit->vocabulary[i]] = (int16_t)i;
    place at = { name, 1, 1 };
    int unknown = 0;
    for (size_t i = 0; i < n; i++) {
        const uint8_t c = bytes[i];
        if (token[c] < 0) {
            const char shown[] = { '\'', (char)c, '\'', 0 };
            problems_add(pr, at,
                         "byte 0x%02x %s does not occur in the training text, whose %lld different bytes alone "
                         "are known", c, c > 32 && c < 127 ? shown : "", (long long)fit->n_vocabulary);
            if (++unknown == MOST_PROBLEMS) return -1;
        }
        at.column++;
        if (c == '\n') at.line++, at.column = 1;
        bytes[i] = (uint8_t)token[c];
    }
    return unknown ? -1 : 0;
}

int data_text_tokens(const data *d, const char *name, uint8_t *bytes, size_t n, problems *pr)
{
    return encode(d->fit, name, bytes, n, pr);
}

const uint8_t *data_text_bytes(const data *d) { return d->fit->n_vocabulary ? d->fit->vocabulary : NULL; }

static source *make_source(opening *o, const char *path, int64_t length, int64_t stride, bool learn, problems *pr)
{
    size_t n;
    uint8_t *bytes = (uint8_t *)file_read(path, INT64_MAX / 2, &n, pr);
    if (!bytes) return NULL;
    int rc = 0;
    if (n < (size_t)length + 1) {
        problems_add(pr, (place){ path, 0, 0 },
                     "%zu characters; one sample needs %lld (length: %lld, and the one that follows)", n,
                     (long long)length + 1, (long long)length);
        rc = -1;
    }
    if (rc == 0 && learn) learn_vocabulary(o, bytes, n);
    if (rc == 0) rc = encode(o->fit, path, bytes, n, pr);
    if (rc == 0) rc = print_file(o, "file", path, pr);
    if (rc < 0) {
        block_free(bytes);
        return NULL;
    }
    text_source *d = arena_alloc(o->a, 1, sizeof *d);
    const heft_shape shape = { HEFT_I32, 1, { length }, o->fit->n_vocabulary };
    d->base = (source){ .name = path, .count = ((int64_t)n - 1 - length) / stride + 1, .input = shape, .target = shape,
                        .has_target = true, .overlap = length / stride, .fetch = fetch, .close = text_close };
    d->stride = stride;
    d->token = bytes;
    return &d->base;
}

static source *text_open(opening *o, const node *files, split which, problems *pr)
{
    const char *path = section_single_file(o, files, which, pr);
    /* without a vocabulary: train's problem, said already */
    if (!path || (which != TRAIN && !o->fit->n_vocabulary)) return NULL;
    const text_options *own = o->own;
    const int64_t stride = which == TRAIN && own->stride ? own->stride : own->length;
    if (own->length % stride) {
        problems_add(pr, node_get(o->section, "stride")->at, "data: stride: %lld does not divide length, %lld",
                     (long long)stride, (long long)own->length);
        return NULL;
    }
    return make_source(o, path, own->length, stride, which == TRAIN, pr);
}

static source *text_open_file(opening *o, const char *path, problems *pr)
{
    if (check_file((place){ 0 }, "data", path, "", pr) < 0) return NULL;
    if (!o->fit->n_vocabulary) {
        problems_add(pr, (place){ path, 0, 0 }, "a text, but the model was not trained on text");
        return NULL;
    }
    return make_source(o, path, o->fit->input.dim[0], o->fit->input.dim[0], false, pr);
}

const format text_format = { .name = "text", .options = text_options_table, .options_size = sizeof(text_options),
                             .tokens = true, .open = text_open, .open_file = text_open_file };
