/* What other disks answer, by LD_PRELOAD. DISK=ENOLCK or ENOSYS: below DISK_ROOT nothing can be
   locked (NFS without a lock manager, Lustre without flock). DISK=EDQUOT: a full disk says that a
   quota is used up. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int says(const char *name) {
  const char *error = getenv("DISK");
  return error && !strcmp(error, name);
}

static int refuses(int fd) {
  char link[64], path[PATH_MAX];
  const char *root = getenv("DISK_ROOT");
  if (!root || says("EDQUOT")) return 0;
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t length = readlink(link, path, sizeof path - 1);
  if (length < 0) return 0;
  path[length] = 0;
  if (strncmp(path, root, strlen(root))) return 0;
  errno = says("ENOLCK") ? ENOLCK : ENOSYS;
  return 1;
}

#define FCNTL(name)                                                                     \
  int name(int fd, int command, ...) {                                                  \
    static int (*real)(int, int, ...);                                                  \
    va_list args;                                                                       \
    va_start(args, command);                                                            \
    void *arg = va_arg(args, void *);                                                   \
    va_end(args);                                                                       \
    int lock = command == F_SETLK || command == F_SETLKW || command == F_GETLK ||       \
               command == F_OFD_SETLK || command == F_OFD_SETLKW || command == F_OFD_GETLK; \
    if (!real) real = dlsym(RTLD_NEXT, #name);                                          \
    return lock && refuses(fd) ? -1 : real(fd, command, arg);                           \
  }
FCNTL(fcntl)
FCNTL(fcntl64)

int flock(int fd, int operation) {
  static int (*real)(int, int);
  if (!real) real = dlsym(RTLD_NEXT, "flock");
  return refuses(fd) ? -1 : real(fd, operation);
}

#define WRITE(name, offset)                                                  \
  ssize_t name(int fd, const void *data, size_t size, offset at) {           \
    static ssize_t (*real)(int, const void *, size_t, offset);               \
    if (!real) real = dlsym(RTLD_NEXT, #name);                               \
    ssize_t done = real(fd, data, size, at);                                 \
    if (done < 0 && errno == ENOSPC && says("EDQUOT")) errno = EDQUOT;       \
    return done;                                                             \
  }
WRITE(pwrite, off_t)
WRITE(pwrite64, off64_t)

ssize_t write(int fd, const void *data, size_t size) {
  static ssize_t (*real)(int, const void *, size_t);
  if (!real) real = dlsym(RTLD_NEXT, "write");
  ssize_t done = real(fd, data, size);
  if (done < 0 && errno == ENOSPC && says("EDQUOT")) errno = EDQUOT;
  return done;
}
