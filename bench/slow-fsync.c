/* Preloaded into a process, makes each fsync and fdatasync SLOW_FSYNC_US microseconds slower: a disk that is not ours. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <unistd.h>

static void wait_for_the_disk(void) {
  static int us = -1;
  if (us < 0) us = atoi(getenv("SLOW_FSYNC_US") ? getenv("SLOW_FSYNC_US") : "0");
  if (us > 0) usleep(us);
}

int fsync(int file) {
  static int (*real)(int);
  if (!real) real = dlsym(RTLD_NEXT, "fsync");
  wait_for_the_disk();
  return real(file);
}

int fdatasync(int file) {
  static int (*real)(int);
  if (!real) real = dlsym(RTLD_NEXT, "fdatasync");
  wait_for_the_disk();
  return real(file);
}
