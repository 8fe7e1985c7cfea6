/* chunks.c - see chunks.h.
 * zlib's gz functions read plain files as they are and gzip ones (several members, too) unpacked.
 * SPDX-License-Identifier: Apache-2.0 */
#include "source/chunks.h"

#include "net/openssl.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#define PIECE ((size_t)16 << 20)
#define PADDING 64
#define READ_AT_ONCE ((size_t)1 << 20)

enum cutting { CUT_UNKNOWN, CUT_LINES, CUT_DOCUMENTS };

struct scan { /* where a walk over JSON text stands */
    size_t at;
    size_t end; /* behind the last document that is complete; 0: none */
    int depth;
    bool in_text, is_escaped;
};

struct chunks {
    gzFile file;
    char *at;
    size_t len, cap; /* bytes held */
    size_t given;    /* of them, handed out by the last call */
    bool is_end;
    int64_t bytes;
    enum cutting cutting;
    struct scan scan;
    EVP_MD_CTX *digest;
};

int chunks_open(const char *path, struct chunks **ret, struct error *err)
{
    bool is_stdin = strcmp(path, "-") == 0;
    CLEANUP(chunks_closep) struct chunks *c = calloc(1, sizeof *c);
    struct stat st;
    int fd;

    if (!c)
        return error_set(err, ERR_NOMEM, "no memory for reading %s", path);
    c->digest = EVP_MD_CTX_new();
    if (!c->digest || EVP_DigestInit_ex(c->digest, EVP_sha256(), NULL) != 1)
        return error_set(err, ERR_NOMEM, "no memory for reading %s", path);
    fd = is_stdin ? fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0) : open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return error_errno(err, errno == ENOENT ? ERR_NOT_FOUND : ERR_IO, errno, "%s", path);
    if (fstat(fd, &st) == 0 && S_ISDIR(st.st_mode)) {
        (void)close(fd); /* nothing was written */
        return error_set(err, ERR_INPUT, "%s is a directory; name the files in it", path);
    }
    c->file = gzdopen(fd, "rb");
    if (!c->file) {
        (void)close(fd); /* nothing was written */
        return error_set(err, ERR_NOMEM, "no memory for reading %s", path);
    }
    (void)gzbuffer(c->file, 256 * 1024); /* faster; fine without */
    *ret = TAKE(c);
    return 0;
}

void chunks_close(struct chunks *c)
{
    if (!c)
        return;
    if (c->file)
        (void)gzclose_r(c->file); /* what it has to say was said by the last read */
    EVP_MD_CTX_free(c->digest);
    free(c->at);
    free(c);
}

void chunks_closep(struct chunks **c)
{
    chunks_close(*c);
    *c = NULL;
}

static int make_room(struct chunks *c, struct error *err)
{
    size_t need = c->len + READ_AT_ONCE + PADDING, cap = c->cap ? c->cap : PIECE + 2 * READ_AT_ONCE;
    char *grown;

    while (cap < need)
        cap += cap / 2;
    if (cap == c->cap)
        return 0;
    grown = realloc(c->at, cap);
    if (!grown)
        return error_set(err, ERR_NOMEM, "no memory for a document of %zu bytes", c->len);
    c->at = grown;
    c->cap = cap;
    return 0;
}

static int read_more(struct chunks *c, struct error *err)
{
    int n, code = 0;

    if (c->len >= CHUNK_DOCUMENT_MAX)
        return error_set(err, ERR_LIMIT,
                         "a single document larger than 2 GiB; export it in parts or as one row a line");
    if (make_room(c, err) < 0)
        return -1;
    n = gzread(c->file, c->at + c->len, (unsigned)READ_AT_ONCE);
    if (n < 0)
        return error_set(err, ERR_INPUT, "cannot be read or unpacked: %s", gzerror(c->file, &code));
    if (n < (int)READ_AT_ONCE) { /* a cut gzip stream ends without -1 */
        const char *why = gzerror(c->file, &code);

        if (code != Z_OK && code != Z_STREAM_END)
            return error_set(err, ERR_INPUT, "the packed data is cut or damaged: %s", why);
        c->is_end = n == 0 || gzeof(c->file);
    }
    if (EVP_DigestUpdate(c->digest, c->at + c->len, (size_t)n) != 1)
        return error_set(err, ERR_NOMEM, "no memory for a digest");
    c->len += (size_t)n;
    c->bytes += n;
    return 0;
}

/* Walk on to `to`. Only quotes and brackets matter. */
static void scan_on(struct scan *s, const char *text, size_t to)
{
    for (; s->at < to; s->at++) {
        char ch = text[s->at];

        if (s->in_text) {
            if (s->is_escaped)
                s->is_escaped = false;
            else if (ch == '\\')
                s->is_escaped = true;
            else if (ch == '"')
                s->in_text = false;
        } else if (ch == '"') {
            s->in_text = true;
        } else if (ch == '{' || ch == '[') {
            s->depth++;
        } else if ((ch == '}' || ch == ']') && s->depth > 0 && --s->depth == 0) {
            s->end = s->at + 1;
        }
    }
}

static bool is_blank(char ch)
{
    return ch == ' ' || ch == '\t' || ch == '\r' || ch == '\n';
}

/* Is the first line that says anything a document of its own? */
static enum cutting how_to_cut(const char *text, size_t len)
{
    struct scan s = { 0 };
    size_t start = len >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0 ? 3 : 0;
    const char *newline;

    while (start < len && is_blank(text[start]))
        start++;
    if (start == len)
        return CUT_UNKNOWN;
    newline = memchr(text + start, '\n', len - start);
    if (!newline)
        return CUT_DOCUMENTS;
    if (text[start] != '{' && text[start] != '[')
        return CUT_LINES; /* whatever it is, it does not get better by being read whole */
    s.at = start;
    scan_on(&s, text, (size_t)(newline - text));
    return s.depth == 0 && !s.in_text ? CUT_LINES : CUT_DOCUMENTS;
}

/* How much of what is held is whole documents. */
static size_t whole_part(struct chunks *c)
{
    const char *newline;

    if (c->cutting == CUT_UNKNOWN)
        c->cutting = how_to_cut(c->at, c->len);
    if (c->cutting == CUT_DOCUMENTS) {
        scan_on(&c->scan, c->at, c->len);
        return c->scan.end;
    }
    newline = memrchr(c->at, '\n', c->len);
    return newline ? (size_t)(newline - c->at) + 1 : 0;
}

static void drop_given(struct chunks *c)
{
    if (c->given == 0)
        return;
    memmove(c->at, c->at + c->given, c->len - c->given);
    c->len -= c->given;
    c->scan.at = c->scan.at > c->given ? c->scan.at - c->given : 0;
    c->scan.end = 0;
    c->given = 0;
}

int chunks_next(struct chunks *c, struct slice *ret, struct error *err)
{
    size_t part = 0;

    drop_given(c);
    for (;;) {
        while (!c->is_end && c->len < PIECE)
            if (read_more(c, err) < 0)
                return -1;
        part = c->is_end ? c->len : whole_part(c);
        if (part > 0 || c->is_end)
            break;
        if (read_more(c, err) < 0)
            return -1;
    }
    if (part > 0)
        memset(c->at + c->len, 0, PADDING); /* read_more left the room */
    c->given = part;
    *ret = slice_make(c->at, part);
    return 0;
}

int64_t chunks_bytes(const struct chunks *c)
{
    return c->bytes;
}

void chunks_digest(struct chunks *c, unsigned char ret[32])
{
    unsigned n = 32;

    memset(ret, 0, 32);
    (void)EVP_DigestFinal_ex(c->digest, ret, &n); /* cannot fail for a digest that was begun */
}
