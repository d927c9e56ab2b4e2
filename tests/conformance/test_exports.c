/* Of every built plugin: it loads, exports heft_plugin alone, needs nothing but the C library, holds no variable. */
#include <elf.h>
#include <link.h>

#include "base/file.h"
#include "conform.h"

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

static size_t entries(const ElfW(Shdr) *s) { return s ? s->sh_size / s->sh_entsize : 0; }

static bool begins(const char *s, const char *with) { return !strncmp(s, with, strlen(with)); }

/* Sanitizers and coverage add symbols, libraries and variables of their own. */
static bool instrumented(const image *m)
{
    const ElfW(Shdr) *table = section_of(m, SHT_SYMTAB) ? section_of(m, SHT_SYMTAB) : section_of(m, SHT_DYNSYM);
    const ElfW(Sym) *symbol = (const void *)(m->bytes + table->sh_offset);
    for (size_t i = 0; i < entries(table); i++) {
        const char *name = string_in(m, table, symbol[i].st_name);
        if (begins(name, "__asan") || begins(name, "__tsan") || begins(name, "__ubsan") || begins(name, "__gcov"))
            return true;
    }
    return false;
}

static void check_exports(const image *m, const char *plugin_name, bool extra)
{
    const ElfW(Shdr) *table = section_of(m, SHT_DYNSYM);
    const ElfW(Sym) *symbol = (const void *)(m->bytes + table->sh_offset);
    bool found = false;
    for (size_t i = 0; i < entries(table); i++) {
        const char *name = string_in(m, table, symbol[i].st_name);
        if (symbol[i].st_shndx == SHN_UNDEF || ELF64_ST_BIND(symbol[i].st_info) == STB_LOCAL) continue;
        if (!strcmp(name, "heft_plugin")) found = true;
        else if (!(extra && begins(name, "__")))
            fail_msg("%s exports '%s' besides heft_plugin: make it static", plugin_name, name);
    }
    if (!found) fail_msg("%s does not export heft_plugin", plugin_name);
}

static void check_needs(const image *m, const char *plugin_name, bool extra)
{
    const ElfW(Shdr) *dynamic = section_of(m, SHT_DYNAMIC);
    const ElfW(Dyn) *d = (const void *)(m->bytes + dynamic->sh_offset);
    for (size_t i = 0; i < entries(dynamic) && d[i].d_tag != DT_NULL; i++) {
        if (d[i].d_tag != DT_NEEDED) continue;
        const char *name = string_in(m, dynamic, d[i].d_un.d_val);
        if (!extra && !begins(name, "libc.so") && !begins(name, "libm.so"))
            fail_msg("%s needs %s", plugin_name, name);
    }
}

/* R5: no mutable state of its own; relocated constants lie in .data.rel.ro. */
static void check_variables(const image *m, const char *plugin_name)
{
    const ElfW(Shdr) *table = section_of(m, SHT_SYMTAB);
    if (!table) return;                          /* stripped */
    const ElfW(Sym) *symbol = (const void *)(m->bytes + table->sh_offset);
    for (size_t i = 0; i < entries(table); i++) {
        const unsigned type = ELF64_ST_TYPE(symbol[i].st_info), at = symbol[i].st_shndx;
        if ((type != STT_OBJECT && type != STT_TLS) || at == SHN_UNDEF || at >= m->head->e_shnum || !symbol[i].st_size)
            continue;
        const char *section = m->bytes + m->section[m->head->e_shstrndx].sh_offset + m->section[at].sh_name;
        const char *name = string_in(m, table, symbol[i].st_name);
        const bool variable = type == STT_TLS || !strcmp(section, ".data") || !strcmp(section, ".bss");
        if (variable && !begins(name, "completed.")) fail_msg("%s has a variable, '%s'", plugin_name, name);
    }
}

static void exports(void **state)
{
    const plugin_file *file = *state;
    problems pr = { 0 };
    registry *r = registry_new(1, (const char *const[]){ PLUGIN_DIR });
    const plugin *p = registry_find(r, file->kind, file->name, (place){ 0 }, &pr);
    if (!p) fail_msg("%s: %s", file->name, pr.item[0].text);
    assert_string_equal(p->path, file->path);
    registry_free(r);

    image m = { 0 };
    m.bytes = file_read(file->path, 1 << 26, &m.n, &pr);
    assert_non_null(m.bytes);
    m.head = (const void *)m.bytes;
    m.section = (const void *)(m.bytes + m.head->e_shoff);
    const bool extra = instrumented(&m);
    check_exports(&m, file->name, extra);
    check_needs(&m, file->name, extra);
    if (!extra) check_variables(&m, file->name);
    block_free((char *)m.bytes);
}

int main(void) { return conform_run("exports", 0, exports); }
