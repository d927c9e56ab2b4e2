/* check_file.c -- what can be known of a plugin's file: one exported symbol, the C library alone, no variables */
#include <elf.h>
#include <link.h>
#include <string.h>

#include "base/file.h"
#include "plugin/check_inside.h"

typedef struct image { const char *bytes; size_t n; const ElfW(Ehdr) *head; const ElfW(Shdr) *section; } image;

static const ElfW(Shdr) *section_of(const image *m, unsigned type)
{
    for (unsigned i = 0; i < m->head->e_shnum; i++)
        if (m->section[i].sh_type == type) return &m->section[i];
    return NULL;
}

static const char *string_in(const image *m, const ElfW(Shdr) *owner, size_t at)
{
    return m->bytes + m->section[owner->sh_link].sh_offset + at;
}

static size_t entries(const ElfW(Shdr) *s) { return s && s->sh_entsize ? s->sh_size / s->sh_entsize : 0; }

static bool begins(const char *s, const char *with) { return !strncmp(s, with, strlen(with)); }

static const ElfW(Sym) *symbols_of(const image *m, const ElfW(Shdr) *table) { return (const void *)(m->bytes + table->sh_offset); }

/* Sanitizers and coverage add symbols, libraries and variables of their own. */
static bool is_instrumented(const image *m)
{
    const ElfW(Shdr) *table = section_of(m, SHT_SYMTAB) ? section_of(m, SHT_SYMTAB) : section_of(m, SHT_DYNSYM);
    for (size_t i = 0; i < entries(table); i++) {
        const char *name = string_in(m, table, symbols_of(m, table)[i].st_name);
        if (begins(name, "__asan") || begins(name, "__tsan") || begins(name, "__ubsan") || begins(name, "__gcov")) return true;
    }
    return false;
}

static void check_exports(check *c, const image *m, bool extra)
{
    const ElfW(Shdr) *table = section_of(m, SHT_DYNSYM);
    for (size_t i = 0; i < entries(table); i++) {
        const ElfW(Sym) *s = &symbols_of(m, table)[i];
        const char *name = string_in(m, table, s->st_name);
        if (s->st_shndx == SHN_UNDEF || ELF64_ST_BIND(s->st_info) == STB_LOCAL) continue;
        check_that(c, extra || !strcmp(name, "heft_plugin"), "one symbol is exported", "heft_plugin alone",
                   "make it static, or build with -fvisibility=hidden", "'%s' as well", name);
    }
}

static void check_libraries(check *c, const image *m, bool extra)
{
    const ElfW(Shdr) *dynamic = section_of(m, SHT_DYNAMIC);
    check_that(c, true, "nothing is needed but the C library", "", "", " ");
    if (!dynamic || extra) return;
    const ElfW(Dyn) *d = (const void *)(m->bytes + dynamic->sh_offset);
    for (size_t i = 0; i < entries(dynamic) && d[i].d_tag != DT_NULL; i++) {
        if (d[i].d_tag != DT_NEEDED) continue;
        const char *name = string_in(m, dynamic, d[i].d_un.d_val);
        check_that(c, begins(name, "libc.so") || begins(name, "libm.so") || begins(name, "libc.musl") || begins(name, "ld-"),
                   "nothing is needed but the C library", "libc and libm", "the command that linked it; gemm and conv are in p->host",
                   "%s", name);
    }
}

/* Calls that a plugin has no use for, and why. */
static const struct { const char *names, *why; } unwelcome[] = {
    { "time|clock|clock_gettime|gettimeofday|timespec_get|getpid|gettid", "results would depend on when and where they were computed" },
    { "rand|rand_r|srand|random|srandom|drand48|lrand48|erand48|getrandom|getentropy|arc4random",
      "random numbers come from the key that is passed in: heft_uniform, heft_normal, heft_stream" },
    { "malloc|calloc|realloc|free|aligned_alloc|posix_memalign|mmap|brk|sbrk",
      "the host owns every byte: ask for HEFT_SAVED or HEFT_SCRATCH tensors, or slots" },
    { "pthread_create|fork|vfork|clone|system|popen|execve|thrd_create", "plugins start no threads and no processes" },
    { "exit|_exit|abort|quick_exit|longjmp|raise|kill", "a pass returns; what can go wrong is refused in plan" },
    { "getenv|setenv|setlocale|signal|sigaction", "results are a function of the experiment, the data and the seed" },
};

static void check_calls(check *c, const image *m, bool extra)
{
    static const char subject[] = "calls nothing that a plugin has no use for";
    const ElfW(Shdr) *table = section_of(m, SHT_DYNSYM);
    check_that(c, true, subject, "", "", " ");
    for (size_t i = 0; i < entries(table) && !extra; i++) {
        const ElfW(Sym) *s = &symbols_of(m, table)[i];
        const char *name = string_in(m, table, s->st_name);
        if (s->st_shndx != SHN_UNDEF) continue;
        for (size_t k = 0; k < sizeof unwelcome / sizeof *unwelcome; k++)
            check_that(c, text_word(name, strlen(name), unwelcome[k].names) < 0, subject, unwelcome[k].why, "where it is called", "'%s' is called", name);
    }
}

/* R5: no mutable state of its own; relocated constants lie in .data.rel.ro. */
static void check_variables(check *c, const image *m)
{
    static const char subject[] = "no variables that outlive a call";
    const ElfW(Shdr) *table = section_of(m, SHT_SYMTAB);
    check_that(c, true, subject, "", "", " ");
    for (size_t i = 0; i < entries(table); i++) {            /* none if it is stripped */
        const ElfW(Sym) *s = &symbols_of(m, table)[i];
        const unsigned type = ELF64_ST_TYPE(s->st_info), at = s->st_shndx;
        if ((type != STT_OBJECT && type != STT_TLS) || at == SHN_UNDEF || at >= m->head->e_shnum || !s->st_size) continue;
        const char *section = m->bytes + m->section[m->head->e_shstrndx].sh_offset + m->section[at].sh_name;
        const char *name = string_in(m, table, s->st_name);
        const bool variable = type == STT_TLS || !strcmp(section, ".data") || !strcmp(section, ".bss");
        check_that(c, !variable || begins(name, "completed.") || begins(name, "__"), subject, "constants (static const) alone",
                   "state is HEFT_STATE or a slot, what backward needs HEFT_SAVED: all lanes and all models share the file's variables",
                   "the variable '%s' of %zu bytes", name, (size_t)s->st_size);
    }
}

void check_image(check *c)
{
    problems pr = { 0 };
    image m = { 0 };
    check_at(c, "%s", c->p->path);
    m.bytes = file_read(c->p->path, 1 << 28, &m.n, &pr);
    if (!check_that(c, m.bytes, "one symbol is exported", "a file that can be read", "its permissions", "%s", pr.n ? pr.item[0].text : "")) return;
    m.head = (const void *)m.bytes;
    m.section = (const void *)(m.bytes + m.head->e_shoff);
    if (!m.head->e_shoff) return;                            /* without sections it still loads, and nothing can be said */
    const bool extra = is_instrumented(&m);
    check_exports(c, &m, extra);
    check_libraries(c, &m, extra);
    check_calls(c, &m, extra);
    if (!extra) check_variables(c, &m);
    block_free((char *)m.bytes);
    problems_free(&pr);
}
