/* provenance.c -- provenance.json: all that may differ between equal runs, an entry for each process
 *
 * {"processes": [
 * {"host": "...", "pid": 1, "started": "2025-01-31T12:00:00Z", "ended": null, ...},
 * ...
 * ]}
 * One entry a line, so that an earlier process's entries can be kept as they are.
 */
#include <gnu/libc-version.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "compute/compute.h"
#include "plugin/program.h"
#include "run/inside.h"

struct provenance {
    arena *memory;
    const char *path, *before, *started;         /* before: earlier entries, each with a comma and a newline behind */
};

static const char head[] = "{\"processes\": [\n", tail[] = "\n]}\n";

static char *now(arena *a)
{
    const time_t t = time(NULL);
    struct tm utc;
    char *out = arena_alloc(a, 32, 1);
    if (gmtime_r(&t, &utc)) strftime(out, 32, "%Y-%m-%dT%H:%M:%SZ", &utc);
    return out;
}

/* Bytes that are not ASCII pass as they are: names of hosts and files are UTF-8 nearly everywhere. */
static void add_string(text *t, const char *s)
{
    text_add(t, "\"");
    for (; *s; s++) {
        const unsigned char c = (unsigned char)*s;
        if (c == '"' || c == '\\') text_printf(t, "\\%c", c);
        else if (c < 0x20) text_printf(t, "\\u%04x", c);
        else text_add_n(t, s, 1);
    }
    text_add(t, "\"");
}

static void add_member(text *t, const char *key, const char *value)
{
    text_printf(t, ", \"%s\": ", key);
    if (value) add_string(t, value);
    else text_add(t, "null");
}

/* What bits depend on beside the experiment, its data and its plugins. */
static void add_program(text *t)
{
    char build[BUILD_HEX];
    program_build(build);
    add_member(t, "heft", HEFT_VERSION);
    add_member(t, "build", build);
    add_member(t, "libc", gnu_get_libc_version());
    add_member(t, "hdf5", hdf_version());
    add_member(t, "compute", compute_describe());
}

static char *const *told;

void provenance_command(char *const *words) { told = words; }

static void add_command(text *t)
{
    text_add(t, ", \"command\": [");
    FILE *f = fopen("/proc/self/cmdline", "re");
    char *word = NULL;
    size_t room = 0;
    for (int i = 0; f && (i == 0 || !told) && getdelim(&word, &room, 0, f) > 0; i++) {
        if (i) text_add(t, ", ");
        add_string(t, word);
    }
    for (char *const *w = told; w && *w; w++) {
        text_add(t, ", ");
        add_string(t, *w);
    }
    free(word);
    if (f) fclose(f);
    text_add(t, "]");
}

static file_part write_all(const provenance *p, const char *ended)
{
    char host[256] = "?";
    gethostname(host, sizeof host - 1);
    text t = { 0 };
    text_add(&t, head);
    text_add(&t, p->before);
    text_add(&t, "{\"host\": ");
    add_string(&t, host);
    text_printf(&t, ", \"pid\": %ld", (long)getpid());
    add_member(&t, "started", p->started);
    add_member(&t, "ended", ended);
    add_program(&t);
    text_printf(&t, ", \"threads\": %d", compute_threads());
    add_command(&t);
    text_add(&t, "}");
    text_add(&t, tail);
    const file_part file = { p->path, arena_strndup(p->memory, t.s, t.n), t.n };
    text_free(&t);
    return file;
}

/* Entries of a file that this code wrote; of anything else nothing. */
static char *earlier(arena *a, const char *path)
{
    enum { MOST = 16 << 20 };
    problems none = { 0 };
    size_t n = 0;
    const size_t h = strlen(head), e = strlen(tail);
    char *bytes = file_exists(path) ? file_read(path, MOST, &n, &none) : NULL, *out = arena_strdup(a, "");
    if (bytes && n > h + e && !strncmp(bytes, head, h) && !strcmp(bytes + n - e, tail))
        out = arena_printf(a, "%.*s,\n", (int)(n - h - e), bytes + h);
    block_free(bytes);
    problems_free(&none);
    return out;
}

provenance *provenance_begin(arena *a, const char *run_dir, file_part *file)
{
    provenance *p = arena_alloc(a, 1, sizeof *p);
    *p = (provenance){ .memory = a, .path = path_join(a, run_dir, "provenance.json"), .started = now(a) };
    p->before = earlier(a, p->path);
    *file = write_all(p, NULL);
    return p;
}

int provenance_end(provenance *p, problems *pr)
{
    const file_part file = write_all(p, now(p->memory));
    return file_replace(file.path, file.bytes, file.n, pr);
}

bool provenance_agrees(const char *run_dir)
{
    arena *a = arena_new();
    text same = { 0 };
    char *entry = earlier(a, path_join(a, run_dir, "provenance.json")), *save = NULL;
    add_program(&same);
    bool agrees = *entry;
    for (char *line = strtok_r(entry, "\n", &save); line && agrees; line = strtok_r(NULL, "\n", &save)) agrees = strstr(line, same.s) != NULL;
    text_free(&same);
    arena_free(a);
    return agrees;
}
