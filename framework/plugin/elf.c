/* elf.c -- what can be known of a shared object without loading it */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "plugin/load.h"

typedef ElfW(Ehdr) elf_head;
typedef ElfW(Phdr) elf_segment;

static bool read_at(int fd, void *to, size_t n, uint64_t from)
{
    ssize_t got;
    do got = pread(fd, to, n, (off_t)from);
    while (got < 0 && errno == EINTR);
    if (got >= 0) errno = 0;                     /* the file ends, rather than that it cannot be read */
    return got == (ssize_t)n;
}

static const char *machine_name(unsigned machine)
{
    switch (machine) {
    case EM_386: return "32-bit x86";
    case EM_X86_64: return "x86-64";
    case EM_ARM: return "32-bit ARM";
    case EM_AARCH64: return "AArch64";
    case EM_PPC64: return "POWER";
    case EM_S390: return "S/390";
    case EM_RISCV: return "RISC-V";
    default: return "machine";
    }
}

/* The bytes that the file must have by what its header says: the end of its segments and of its section table. */
static uint64_t whole_size(int fd, const elf_head *h)
{
    uint64_t whole = h->e_shoff ? h->e_shoff + (uint64_t)h->e_shnum * h->e_shentsize : 0;
    const uint64_t table = h->e_phoff + (uint64_t)h->e_phnum * sizeof(elf_segment);
    if (table > whole) whole = table;
    for (unsigned i = 0; i < h->e_phnum; i++) {
        elf_segment s;
        if (!read_at(fd, &s, sizeof s, h->e_phoff + i * sizeof s)) break;
        if (s.p_type == PT_LOAD && s.p_offset + s.p_filesz > whole) whole = s.p_offset + s.p_filesz;
    }
    return whole;
}

static int check_open(int fd, place at, problems *pr)
{
    struct stat st;
    if (fstat(fd, &st) < 0) {
        problems_system(pr, at.file, "cannot be examined", errno);
        return -1;
    }
    if (!S_ISREG(st.st_mode)) {
        problems_add(pr, at, "%s, not a regular file", S_ISDIR(st.st_mode) ? "a directory" : "a device or pipe");
        return -1;
    }
    elf_head h;
    const bool whole_head = read_at(fd, &h, sizeof h, 0);
    if (!whole_head && errno) {
        problems_system(pr, at.file, "cannot be read", errno);
        return -1;
    }
    if (!whole_head || memcmp(h.e_ident, ELFMAG, SELFMAG)) {
        problems_add(pr, at, "not a shared object: %lld bytes that do not begin with an ELF header",
                     (long long)st.st_size);
        return -1;
    }
    elf_head own = h;                            /* without /proc the next two checks are left to dlopen */
    const int self = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    if (self >= 0) {
        if (!read_at(self, &own, sizeof own, 0)) own = h;
        close(self);
    }
    if (h.e_ident[EI_CLASS] != own.e_ident[EI_CLASS] || h.e_ident[EI_DATA] != own.e_ident[EI_DATA]
        || h.e_machine != own.e_machine) {
        problems_add(pr, at, "built for %s (%u), this program is for %s (%u)",
                     machine_name(h.e_machine), h.e_machine, machine_name(own.e_machine), own.e_machine);
        return -1;
    }
    if (h.e_type != ET_DYN || (h.e_phnum && h.e_phentsize != sizeof(elf_segment))) {
        problems_add(pr, at, "ELF type %u, not a shared object (%u): compile with -shared", h.e_type, ET_DYN);
        return -1;
    }
    const uint64_t whole = whole_size(fd, &h);
    if (whole > (uint64_t)st.st_size) {
        problems_add(pr, at, "truncated: %lld bytes of at least %llu", (long long)st.st_size,
                     (unsigned long long)whole);
        return -1;
    }
    return 0;
}

int elf_check(const char *path, problems *pr)
{
    const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) {
        problems_system(pr, path, "cannot be opened", errno);
        return -1;
    }
    const int rc = check_open(fd, (place){ path, 0, 0 }, pr);
    close(fd);
    return rc;
}
