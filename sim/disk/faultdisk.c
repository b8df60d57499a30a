/* A disk that goes wrong, for one process: preloaded, it stands before the calls that SQLite and Python use for files.
 *
 * Only files below one folder are touched (FAULTDISK_BELOW). What goes wrong is read at each call from a control file
 * that both sides map (FAULTDISK_CONTROL), so that a test switches faults while the process runs. Layout: see disk.py.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

struct control {
    int64_t sync_delay_ms;  /* each sync takes this much longer; -1: until it is changed */
    int64_t read_only;      /* every write, truncate, create, rename, unlink: EROFS */
    int64_t write_eio;      /* every write and sync: EIO */
    int64_t read_eio;       /* every read: EIO */
    int64_t space_left;     /* bytes that files may still grow by, ENOSPC beyond; -1: no limit */
    int64_t lying_sync;     /* a sync returns at once and does nothing */
    int64_t write_delay_ms; /* each write takes this much longer; -1: until it is changed */
    int64_t syncs;          /* counted: syncs that have returned */
    int64_t syncing;        /* counted: syncs that run now */
    int64_t writes;         /* counted: writes that were let through */
    int64_t refused;        /* counted: calls that failed on purpose */
};

static struct control *control;
static char below[PATH_MAX];
static size_t below_length;

#define REAL(name) ((__typeof__(&name))real_##name)
#define FIND(name)                                    \
    static void *real_##name;                         \
    if (!real_##name) real_##name = dlsym(RTLD_NEXT, #name)

__attribute__((constructor)) static void begin(void) {
    const char *file = getenv("FAULTDISK_CONTROL"), *folder = getenv("FAULTDISK_BELOW");
    if (!file || !folder || !realpath(folder, below)) return;
    below_length = strlen(below);
    FIND(open);
    int handle = REAL(open)(file, O_RDWR | O_CLOEXEC);
    if (handle < 0) return;
    void *mapped = mmap(NULL, sizeof(struct control), PROT_READ | PROT_WRITE, MAP_SHARED, handle, 0);
    if (mapped != MAP_FAILED) control = mapped;
    close(handle);
}

static int64_t now(int64_t *field) { return __atomic_load_n(field, __ATOMIC_SEQ_CST); }
static void add(int64_t *field, int64_t by) { __atomic_add_fetch(field, by, __ATOMIC_SEQ_CST); }

static int is_below(const char *path) {
    return control && !strncmp(path, below, below_length) && (path[below_length] == '/' || !path[below_length]);
}

static int path_is_ours(int folder, const char *path) {
    if (!control) return 0;
    if (path[0] == '/') return is_below(path);
    char base[PATH_MAX], link[64], whole[PATH_MAX * 2];
    if (folder == AT_FDCWD) {
        if (!getcwd(base, sizeof base)) return 0;
    } else {
        int size = snprintf(link, sizeof link, "/proc/self/fd/%d", folder);
        ssize_t got = size > 0 ? readlink(link, base, sizeof base - 1) : -1;
        if (got < 0) return 0;
        base[got] = 0;
    }
    snprintf(whole, sizeof whole, "%s/%s", base, path);
    return is_below(whole);
}

static int handle_is_ours(int handle) {
    if (!control) return 0;
    char link[64], path[PATH_MAX];
    int saved = errno;
    snprintf(link, sizeof link, "/proc/self/fd/%d", handle);
    ssize_t got = readlink(link, path, sizeof path - 1);
    errno = saved;
    if (got < 0) return 0;
    path[got] = 0;
    return is_below(path);
}

static int refuse(int error) {
    add(&control->refused, 1);
    errno = error;
    return -1;
}

/* Waits as long as a field says, looking at it every 2 ms, so that a test lets go at any time. */
static void wait_for(int64_t *field) {
    struct timespec step = {0, 2 * 1000 * 1000};
    for (int64_t waited_ms = 0;; waited_ms += 2) {
        int64_t wanted_ms = now(field);
        if (wanted_ms >= 0 && waited_ms >= wanted_ms) return;
        nanosleep(&step, NULL);
    }
}

static int64_t size_of(int handle) {
    struct stat found;
    return fstat(handle, &found) ? 0 : (int64_t)found.st_size;
}

/* Takes the bytes that a file grows by when it ends at `end`; 0 if there is no room. */
static int take(int handle, int64_t end) {
    int64_t growth = end - size_of(handle);
    if (growth <= 0 || now(&control->space_left) < 0) return 1;
    if (now(&control->space_left) < growth) return 0;
    add(&control->space_left, -growth);
    return 1;
}

static void give_back(int64_t bytes) {
    if (bytes > 0 && now(&control->space_left) >= 0) add(&control->space_left, bytes);
}

static int may_write(int handle, int64_t end) {
    wait_for(&control->write_delay_ms);
    if (now(&control->read_only)) return refuse(EROFS);
    if (now(&control->write_eio)) return refuse(EIO);
    if (!take(handle, end)) return refuse(ENOSPC);
    add(&control->writes, 1);
    return 0;
}

#define WRITES(name, type, parameters, arguments, end)                        \
    type name parameters {                                                    \
        FIND(name);                                                           \
        if (handle_is_ours(handle) && may_write(handle, end)) return -1;      \
        return REAL(name) arguments;                                          \
    }

WRITES(write, ssize_t, (int handle, const void *data, size_t size), (handle, data, size),
       lseek(handle, 0, SEEK_CUR) + (int64_t)size)
WRITES(pwrite, ssize_t, (int handle, const void *data, size_t size, off_t at), (handle, data, size, at),
       at + (int64_t)size)
WRITES(pwrite64, ssize_t, (int handle, const void *data, size_t size, off64_t at), (handle, data, size, at),
       at + (int64_t)size)

#define TRUNCATES(name, parameters, arguments)                                \
    int name parameters {                                                     \
        FIND(name);                                                           \
        if (!handle_is_ours(handle)) return REAL(name) arguments;             \
        int64_t before = size_of(handle);                                     \
        if (may_write(handle, size)) return -1;                               \
        int done = REAL(name) arguments;                                      \
        if (!done) give_back(before - (int64_t)size);                         \
        return done;                                                          \
    }

TRUNCATES(ftruncate, (int handle, off_t size), (handle, size))
TRUNCATES(ftruncate64, (int handle, off64_t size), (handle, size))

/* These two return the error instead of setting errno. */
#define ALLOCATES(name, offset_type)                                          \
    int name(int handle, offset_type at, offset_type size) {                  \
        FIND(name);                                                           \
        if (handle_is_ours(handle) && may_write(handle, at + size)) return errno; \
        return REAL(name)(handle, at, size);                                  \
    }

ALLOCATES(posix_fallocate, off_t)
ALLOCATES(posix_fallocate64, off64_t)

#define READS(name, parameters, arguments)                                    \
    ssize_t name parameters {                                                 \
        FIND(name);                                                           \
        if (handle_is_ours(handle) && now(&control->read_eio)) return refuse(EIO); \
        return REAL(name) arguments;                                          \
    }

READS(read, (int handle, void *data, size_t size), (handle, data, size))
READS(pread, (int handle, void *data, size_t size, off_t at), (handle, data, size, at))
READS(pread64, (int handle, void *data, size_t size, off64_t at), (handle, data, size, at))

#define SYNCS(name)                                                           \
    int name(int handle) {                                                    \
        FIND(name);                                                           \
        if (!handle_is_ours(handle)) return REAL(name)(handle);               \
        add(&control->syncing, 1);                                            \
        wait_for(&control->sync_delay_ms);                                    \
        int failing = now(&control->write_eio) ? EIO : now(&control->read_only) ? EROFS : 0; \
        int done = failing ? refuse(failing) : now(&control->lying_sync) ? 0 : REAL(name)(handle); \
        add(&control->syncing, -1);                                           \
        add(&control->syncs, 1);                                              \
        return done;                                                          \
    }

SYNCS(fsync)
SYNCS(fdatasync)

static int may_open(int folder, const char *path, int flags) {
    if (!path_is_ours(folder, path) || !now(&control->read_only)) return 1;
    return !((flags & O_ACCMODE) != O_RDONLY || (flags & (O_CREAT | O_TRUNC)));
}

static int may_truncate_by_open(int folder, const char *path, int flags) {
    struct stat found;
    if ((flags & O_TRUNC) && path_is_ours(folder, path) && !fstatat(folder, path, &found, 0))
        give_back(found.st_size);
    return 1;
}

#define OPENS(name, parameters, arguments, folder)                            \
    int name parameters {                                                     \
        FIND(name);                                                           \
        mode_t mode = 0;                                                      \
        if (flags & (O_CREAT | __O_TMPFILE)) {                                \
            va_list more;                                                     \
            va_start(more, flags);                                            \
            mode = va_arg(more, mode_t);                                      \
            va_end(more);                                                     \
        }                                                                     \
        if (!may_open(folder, path, flags)) return refuse(EROFS);             \
        may_truncate_by_open(folder, path, flags);                            \
        return REAL(name) arguments;                                          \
    }

OPENS(open, (const char *path, int flags, ...), (path, flags, mode), AT_FDCWD)
OPENS(open64, (const char *path, int flags, ...), (path, flags, mode), AT_FDCWD)
OPENS(openat, (int folder, const char *path, int flags, ...), (folder, path, flags, mode), folder)
OPENS(openat64, (int folder, const char *path, int flags, ...), (folder, path, flags, mode), folder)

static int64_t freed_by_unlink(int folder, const char *path) {
    struct stat found;
    if (fstatat(folder, path, &found, AT_SYMLINK_NOFOLLOW) || found.st_nlink != 1) return 0;
    return found.st_size;
}

#define UNLINKS(name, parameters, arguments, folder)                          \
    int name parameters {                                                     \
        FIND(name);                                                           \
        if (!path_is_ours(folder, path)) return REAL(name) arguments;         \
        if (now(&control->read_only)) return refuse(EROFS);                   \
        int64_t freed = freed_by_unlink(folder, path);                        \
        int done = REAL(name) arguments;                                      \
        if (!done) give_back(freed);                                          \
        return done;                                                          \
    }

UNLINKS(unlink, (const char *path), (path), AT_FDCWD)
UNLINKS(unlinkat, (int folder, const char *path, int flags), (folder, path, flags), folder)

#define TRUNCATES_BY_NAME(name, offset_type)                                  \
    int name(const char *path, offset_type size) {                            \
        FIND(name);                                                           \
        if (!path_is_ours(AT_FDCWD, path)) return REAL(name)(path, size);     \
        if (now(&control->read_only)) return refuse(EROFS);                   \
        int64_t before = freed_by_unlink(AT_FDCWD, path);                     \
        int done = REAL(name)(path, size);                                    \
        if (!done) give_back(before - (int64_t)size);                         \
        return done;                                                          \
    }

TRUNCATES_BY_NAME(truncate, off_t)
TRUNCATES_BY_NAME(truncate64, off64_t)

int rename(const char *from, const char *to) {
    FIND(rename);
    if (!path_is_ours(AT_FDCWD, to)) return REAL(rename)(from, to);
    if (now(&control->read_only)) return refuse(EROFS);
    int64_t freed = freed_by_unlink(AT_FDCWD, to);
    int done = REAL(rename)(from, to);
    if (!done) give_back(freed);
    return done;
}

/* What is free, as the one who asks shall see it. */
#define TELLS_ROOM(name)                                                      \
    int name(const char *path, struct name *found) {                          \
        FIND(name);                                                           \
        int done = REAL(name)(path, found);                                   \
        if (done || !path_is_ours(AT_FDCWD, path)) return done;               \
        int64_t left = now(&control->space_left);                             \
        if (left < 0) return done;                                            \
        found->f_bfree = found->f_bavail = (fsblkcnt_t)left / found->f_frsize; \
        return done;                                                          \
    }

TELLS_ROOM(statvfs)
TELLS_ROOM(statvfs64)
