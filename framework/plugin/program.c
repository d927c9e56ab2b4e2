#include "plugin/program.h"

#include <elf.h>
#include <link.h>
#include <stdio.h>
#include <string.h>

static size_t padded(size_t n) { return (n + 3) & ~(size_t)3; }

/* The note GNU, NT_GNU_BUILD_ID of the first object, which is the program. */
static int read_notes(struct dl_phdr_info *object, size_t size, void *hex)
{
    (void)size;
    for (int i = 0; i < object->dlpi_phnum; i++) {
        const ElfW(Phdr) *segment = &object->dlpi_phdr[i];
        if (segment->p_type != PT_NOTE) continue;
        const unsigned char *at = (const unsigned char *)(object->dlpi_addr + segment->p_vaddr), *end = at + segment->p_memsz;
        while ((size_t)(end - at) >= sizeof(ElfW(Nhdr))) {
            ElfW(Nhdr) note;
            memcpy(&note, at, sizeof note);
            const unsigned char *name = at + sizeof note, *id = name + padded(note.n_namesz);
            if (note.n_type == NT_GNU_BUILD_ID && note.n_namesz == 4 && !memcmp(name, "GNU", 4) && note.n_descsz < BUILD_HEX / 2)
                for (size_t k = 0; k < note.n_descsz; k++) sprintf((char *)hex + 2 * k, "%02x", id[k]);
            at = id + padded(note.n_descsz);
        }
    }
    return 1;
}

void program_build(char hex[BUILD_HEX])
{
    *hex = 0;
    dl_iterate_phdr(read_notes, hex);
}
