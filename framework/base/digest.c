#include "base/digest.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/arena.h"

struct digest { EVP_MD_CTX *context; };

static void need(int ok) { if (!ok) memory_exhausted(0); }     /* libcrypto's SHA-256 fails for want of memory alone */

digest *digest_new(void)
{
    digest *d = malloc(sizeof *d);
    need(d != NULL);
    d->context = EVP_MD_CTX_new();
    need(d->context && EVP_DigestInit_ex(d->context, EVP_sha256(), NULL));
    return d;
}

void digest_add(digest *d, const void *bytes, size_t n)
{
    need(EVP_DigestUpdate(d->context, bytes, n));
}

void digest_end(digest *d, char hex[DIGEST_HEX])
{
    unsigned char sum[32];
    need(EVP_DigestFinal_ex(d->context, sum, NULL));
    for (int i = 0; i < 32; i++) {
        hex[2 * i] = "0123456789abcdef"[sum[i] >> 4];
        hex[2 * i + 1] = "0123456789abcdef"[sum[i] & 15];
    }
    hex[64] = 0;
    EVP_MD_CTX_free(d->context);
    free(d);
}

void digest_bytes(const void *bytes, size_t n, char hex[DIGEST_HEX])
{
    digest *d = digest_new();
    digest_add(d, bytes, n);
    digest_end(d, hex);
}

int digest_file(const char *path, char hex[DIGEST_HEX], problems *pr)
{
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        problems_system(pr, path, "cannot be opened", errno);
        return -1;
    }
    char buffer[16 << 10];
    digest *d = digest_new();
    ssize_t n;
    while ((n = read(fd, buffer, sizeof buffer)) > 0 || (n < 0 && errno == EINTR))
        if (n > 0) digest_add(d, buffer, (size_t)n);
    const int error = errno;
    digest_end(d, hex);
    close(fd);
    if (n < 0) {
        problems_system(pr, path, "cannot be read", error);
        return -1;
    }
    return 0;
}
