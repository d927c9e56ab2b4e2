/* descriptor.c -- the descriptor of an opened plugin, and everything the contract says of it */
#include <dlfcn.h>
#include <float.h>
#include <link.h>
#include <math.h>
#include <string.h>

#include "base/file.h"
#include "config/options.h"
#include "plugin/load.h"

/* Larger than any descriptor or instance; below it, sums of offsets do not overflow. */
enum { MOST = 1 << 20 };

#define END_OF(T, f) (offsetof(T, f) + sizeof(((T *)0)->f))

size_t descriptor_size(heft_kind kind)
{
    switch (kind) {
    case HEFT_LAYER: return sizeof(heft_layer);
    case HEFT_OPTIMIZER: return sizeof(heft_optimizer);
    case HEFT_INITIALIZER: return sizeof(heft_initializer);
    }
    return 0;
}

/* Up to the last field that every plugin of the kind must have. */
static size_t least_size(heft_kind kind)
{
    switch (kind) {
    case HEFT_LAYER: return END_OF(heft_layer, forward);
    case HEFT_OPTIMIZER: return END_OF(heft_optimizer, default_lr);
    case HEFT_INITIALIZER: return END_OF(heft_initializer, fill);
    }
    return 0;
}

const char *kind_name(heft_kind kind)
{
    switch (kind) {
    case HEFT_LAYER: return "layer";
    case HEFT_OPTIMIZER: return "optimizer";
    case HEFT_INITIALIZER: return "initializer";
    }
    return "plugin of an unknown kind";
}

static const char *article(heft_kind kind) { return kind == HEFT_LAYER ? "a" : "an"; }

#define REFUSE(...) do { problems_add(pr, at, __VA_ARGS__); return -1; } while (0)

static int check_head(const heft_head *d, size_t bytes, heft_kind kind, const char *stem, place at, problems *pr)
{
    if (bytes < END_OF(heft_head, kind))
        REFUSE("not a heft plugin: its symbol heft_plugin has %zu bytes, a descriptor begins with %zu", bytes,
               sizeof(heft_head));
    if (d->magic != HEFT_MAGIC) REFUSE("not a heft plugin: magic is 0x%08x, expected 0x%08x", d->magic, HEFT_MAGIC);
    if (d->abi != HEFT_ABI)
        REFUSE("built for plugin abi %u, this program has abi %d: compile it again", d->abi, HEFT_ABI);
    const heft_kind found = (heft_kind)d->kind;
    if (!descriptor_size(found))
        REFUSE("kind is %u, expected 1 (layer), 2 (optimizer) or 3 (initializer)", d->kind);
    if (kind && found != kind)
        REFUSE("expected %s %s, found %s %s", article(kind), kind_name(kind), article(found), kind_name(found));

    const size_t known = descriptor_size(found);
    if (d->size < least_size(found))
        REFUSE("size is %u, %s %s has at least %zu bytes", d->size, article(found), kind_name(found),
               least_size(found));
    if (d->size > bytes || d->size > MOST) REFUSE("size is %u, but the descriptor has %zu bytes", d->size, bytes);
    for (size_t i = known; i < d->size; i++)
        if (((const unsigned char *)d)[i])
            REFUSE("byte %zu of the descriptor is not zero, and this program knows only %zu: it needs a newer one", i, known);

    if (!d->name || strcmp(d->name, stem))
        REFUSE("its name is '%s', the file's is '%s'", d->name ? d->name : "", stem);
    if (!d->doc || !*d->doc) REFUSE("doc is empty, expected one line");
    if (strchr(d->doc, '\n')) REFUSE("doc has several lines, expected one");
    if (d->instance_size > MOST) REFUSE("instance_size is %zu, at most %d is accepted", d->instance_size, MOST);
    return d->options ? options_check_table(d->options, d->instance_size, stem, at, pr) : 0;
}

static int check_layer(const heft_layer *l, place at, problems *pr)
{
    if (l->min_in < 1 || l->max_in < l->min_in || l->max_in > HEFT_MAX_INPUTS)
        REFUSE("min_in is %d and max_in %d, expected 1 <= min_in <= max_in <= %d", l->min_in, l->max_in, HEFT_MAX_INPUTS);
    if (!l->plan) REFUSE("a layer without plan");
    if (!l->forward) REFUSE("a layer without forward");
    if (l->survey_back && !l->survey) REFUSE("survey_back without survey");
    if (l->survey_back && !l->backward) REFUSE("survey_back without backward");
    if (l->gradient && !l->gradient_of) REFUSE("gradient without a weight in gradient_of");
    if (!l->gradient && l->gradient_of) REFUSE("gradient_of is 0x%x, but there is no gradient", l->gradient_of);
    if (l->gradient_of >> HEFT_MAX_TENSORS)
        REFUSE("gradient_of is 0x%x, a layer has at most %d tensors", l->gradient_of, HEFT_MAX_TENSORS);
    if (l->gradient && !l->backward) REFUSE("gradient without backward");
    if (l->unread & ~(uint32_t)(HEFT_UNREAD_IN | HEFT_UNREAD_OUT))
        REFUSE("unread is 0x%x, expected HEFT_UNREAD_IN (0x%x) and HEFT_UNREAD_OUT (0x%x) alone", l->unread, HEFT_UNREAD_IN, HEFT_UNREAD_OUT);
    if (l->recomputable > 1) REFUSE("recomputable is %u, expected 0 or 1", l->recomputable);
    if (l->goal != HEFT_MINIMIZE && l->goal != HEFT_MAXIMIZE)
        REFUSE("goal is %d, expected 0 (minimize) or 1 (maximize)", (int)l->goal);
    return 0;
}

static int check_optimizer(const heft_optimizer *o, place at, problems *pr)
{
    if (!o->plan) REFUSE("an optimizer without plan");
    if (o->step && o->iterate) REFUSE("an optimizer with both step and iterate, expected exactly one");
    if (!o->step && !o->iterate) REFUSE("an optimizer with neither step nor iterate, expected exactly one");
    if (!(o->default_lr > 0) || !isfinite(o->default_lr))
        REFUSE("default_lr is %g, expected a finite number above 0", o->default_lr);
    return 0;
}

static int check_initializer(const heft_initializer *i, place at, problems *pr)
{
    if (!i->fill) REFUSE("an initializer without fill");
    return 0;
}

void plugin_copy(plugin *p, const heft_head *d)
{
    p->kind = (heft_kind)d->kind;
    const size_t known = descriptor_size(p->kind);
    memcpy(&p->layer, d, d->size < known ? d->size : known);
}

int descriptor_check(const heft_head *d, size_t bytes, heft_kind kind, const char *stem, place at, problems *pr)
{
    if (check_head(d, bytes, kind, stem, at, pr) < 0) return -1;
    plugin p = { 0 };
    plugin_copy(&p, d);
    switch ((heft_kind)d->kind) {
    case HEFT_LAYER: return check_layer(&p.layer, at, pr);
    case HEFT_OPTIMIZER: return check_optimizer(&p.optimizer, at, pr);
    case HEFT_INITIALIZER: return check_initializer(&p.initializer, at, pr);
    }
    return -1;
}

/* -ffast-math links a constructor that makes the whole process flush subnormal numbers to zero: results would
 * depend on which plugins were opened. */
static bool keeps_subnormals(void)
{
    volatile float x = FLT_MIN, half = 0.5f;
    const volatile bool kept = x * half != 0;    /* computed here and now, not where it is used */
    return kept;
}

bool descriptor_resident(const char *path) { return dlopen(path, RTLD_NOW | RTLD_LOCAL | RTLD_NOLOAD); }

const heft_head *descriptor_open(heft_kind kind, const char *path, problems *pr)
{
    const place at = { path, 0, 0 };
    const bool subnormals = keeps_subnormals();
    dlerror();
    void *file = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!file) {
        const char *why = dlerror();
        const size_t n = strlen(path);
        if (why && !strncmp(why, path, n) && why[n] == ':') why += n + 2;
        problems_add(pr, at, "cannot be loaded: %s", why ? why : "no reason given");
        return NULL;
    }
    if (subnormals && !keeps_subnormals()) {
        problems_add(pr, at, "loading it switches subnormal numbers off for the whole process: "
                     "link it without -ffast-math");
        return NULL;
    }
    const void *d = dlsym(file, "heft_plugin");
    if (!d) {
        problems_add(pr, at, "not a heft plugin: it exports no symbol heft_plugin (see HEFT_EXPORT)");
        return NULL;
    }
    Dl_info info;
    const ElfW(Sym) *symbol = NULL;
    if (!dladdr1(d, &info, (void **)&symbol, RTLD_DL_SYMENT) || !symbol
        || ELF64_ST_TYPE(symbol->st_info) != STT_OBJECT) {
        problems_add(pr, at, "not a heft plugin: its symbol heft_plugin is no constant");
        return NULL;
    }
    arena *a = arena_new();
    const char *base = path_base(path);
    const size_t n = strlen(base);
    const char *stem = arena_strndup(a, base, n > 3 && !strcmp(base + n - 3, ".so") ? n - 3 : n);
    const int rc = descriptor_check(d, symbol->st_size, kind, stem, at, pr);
    arena_free(a);
    return rc < 0 ? NULL : d;
}
