#include "plugin/watch.h"

#if defined(__x86_64__) && defined(__linux__)

#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

enum { PAGE_FAULT_WRITES = 2, TRAP_FLAG = 0x100, MOST_FAULTS = 1 << 20 };

/* Handlers have no other way to their data: one watch in a process. */
static struct {
    char  *block, *instance, *page;              /* page: the first that is closed */
    size_t bytes, closed, size;
    uintptr_t field, field_end;
    bool   inside, stepping, read, written, near;
    int    faults;
    struct sigaction segv, trap;                 /* as they were */
} watch;

static void shut(bool closed) { mprotect(watch.page, watch.closed, closed ? PROT_NONE : PROT_READ | PROT_WRITE); }

/* What is read only after it was written is not the option's value any more.  What begins in front of the field may reach into it. */
static void note(uintptr_t address, bool writes)
{
    const bool hit = address >= watch.field && address < watch.field_end;
    if (hit && writes) watch.written = true;
    if (hit && !writes && !watch.written) watch.read = true;
    if (address < watch.field) watch.near = true;
    watch.faults++;
}

static void on_fault(int signal, siginfo_t *info, void *context)
{
    ucontext_t *u = context;
    const uintptr_t address = (uintptr_t)info->si_addr, page = (uintptr_t)watch.page;
    if (!watch.inside || watch.stepping || address < page || address >= page + watch.closed) {
        sigaction(signal, &watch.segv, NULL);    /* a fault of the plugin's own: it comes again */
        return;
    }
    note(address, u->uc_mcontext.gregs[REG_ERR] & PAGE_FAULT_WRITES);
    shut(false);
    if (watch.read || watch.faults > MOST_FAULTS) return;              /* it stays open: enough is known */
    watch.stepping = true;
    u->uc_mcontext.gregs[REG_EFL] |= TRAP_FLAG;
}

static void on_step(int signal, siginfo_t *info, void *context)
{
    (void)signal, (void)info;
    ucontext_t *u = context;
    u->uc_mcontext.gregs[REG_EFL] &= ~(greg_t)TRAP_FLAG;
    if (watch.stepping) shut(true);
    watch.stepping = false;
}

/* The field begins the page unless the instance's alignment, which divides its size, forbids; then what lies in front of it does. */
bool watch_open(size_t instance_size, size_t offset, size_t bytes)
{
    const size_t page = (size_t)sysconf(_SC_PAGESIZE), divides = instance_size & -instance_size;
    if (!instance_size) return false;
    const size_t align = divides < _Alignof(max_align_t) ? divides : _Alignof(max_align_t);
    const size_t front = offset - offset % align, before = (front + page - 1) / page * page;
    memset(&watch, 0, sizeof watch);
    watch.closed = (instance_size - front + page - 1) / page * page;
    watch.bytes = before + watch.closed;
    void *block = mmap(NULL, watch.bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (block == MAP_FAILED) return false;
    watch.block = block;
    watch.page = watch.block + before;
    watch.instance = watch.page - front;
    watch.size = instance_size;
    watch.field = (uintptr_t)watch.instance + offset;
    watch.field_end = watch.field + bytes;
    const struct sigaction fault = { .sa_sigaction = on_fault, .sa_flags = SA_SIGINFO }, step = { .sa_sigaction = on_step, .sa_flags = SA_SIGINFO };
    if (!sigaction(SIGSEGV, &fault, &watch.segv) && !sigaction(SIGTRAP, &step, &watch.trap)) return true;
    (void)watch_close();
    return false;
}

void *watch_instance(size_t size)
{
    if (!watch.block || size != watch.size) return NULL;
    watch.written = false;
    return memset(watch.instance, 0, size);
}

void watch_pass(bool inside)
{
    if (!watch.block || watch.inside == inside || watch.read) return;
    watch.inside = inside;
    shut(inside);
}

watched watch_state(void)
{
    if (watch.read) return WATCH_READ;
    return !watch.block || watch.near || watch.faults > MOST_FAULTS ? WATCH_UNKNOWN : WATCH_UNREAD;
}

watched watch_close(void)
{
    const watched seen = watch_state();
    if (!watch.block) return seen;
    sigaction(SIGSEGV, &watch.segv, NULL);
    sigaction(SIGTRAP, &watch.trap, NULL);
    munmap(watch.block, watch.bytes);
    watch.block = NULL;
    return seen;
}

#else

bool    watch_open(size_t instance_size, size_t offset, size_t bytes) { return (void)instance_size, (void)offset, (void)bytes, false; }
void   *watch_instance(size_t size) { return (void)size, NULL; }
void    watch_pass(bool inside) { (void)inside; }
watched watch_state(void) { return WATCH_UNKNOWN; }
watched watch_close(void) { return WATCH_UNKNOWN; }

#endif
