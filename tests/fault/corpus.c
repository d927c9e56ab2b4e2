/* corpus.c -- a fuzz target's inputs once more, without a fuzzer: program DIR-or-FILE... */
#include <dirent.h>

#include "fault/fuzz.h"

static int count;

static void replay(const char *path)
{
    problems pr = { 0 };
    size_t n;
    char *bytes = file_read(path, 1 << 26, &n, &pr);
    if (!bytes) {
        problems_print(&pr, stderr);
        exit(1);
    }
    /* Of its own size, so that AddressSanitizer sees what lies behind it. */
    uint8_t *exact = malloc(n ? n : 1);
    if (!exact) abort();
    memcpy(exact, bytes, n);
    block_free(bytes);
    fprintf(stderr, "%s\n", path);               /* the last line names what it died of */
    LLVMFuzzerTestOneInput(exact, n);
    free(exact);
    count++;
}

int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        DIR *d = opendir(argv[i]);
        if (!d) replay(argv[i]);
        for (struct dirent *e; d && (e = readdir(d));) {
            char path[4096];
            snprintf(path, sizeof path, "%s/%s", argv[i], e->d_name);
            if (e->d_name[0] != '.') replay(path);
        }
        if (d) closedir(d);
    }
    printf("%d inputs\n", count);
    return count ? 0 : 1;
}
