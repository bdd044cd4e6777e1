/*
 * A file system that passes everything through to a folder and makes the faults that its control file asks for.
 *
 *   FAULT_ROOT=/backing FAULT_CONTROL=/file fault-fs /mount -f -o allow_other,attr_timeout=0,entry_timeout=0
 *
 * Lines of the control file, read again whenever it changes:
 *   fail OPERATION ERRNO FROM COUNT   calls FROM … FROM+COUNT-1 of an operation, counted since the file changed, fail (COUNT 0: all from FROM)
 *   fail_at read|write ERRNO OFFSET   a read or write that covers the offset fails
 *   flip_at read|write OFFSET         one bit of the byte at the offset is turned over on its way
 *   space BYTES                       so many more bytes can be written before ENOSPC
 *   slow MICROSECONDS                 before each read and write
 *   stall                             every call waits until the word is gone
 *   read_only                         what would change anything fails with EROFS
 *   non_atomic_rename                 the new name is gone for a second during a rename that replaces
 *   no_link                           hard links fail with EPERM
 */
#define FUSE_USE_VERSION 31
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fuse.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

enum operation { GETATTR, OPEN, CREATE, READ, WRITE, FSYNC, FLUSH, RENAME, LINK, UNLINK, MKDIR, RMDIR, TRUNCATE, UTIMENS, CHMOD, CHOWN, READDIR, STATFS, SYMLINK, OPERATIONS };
static const char *names[OPERATIONS] = {"getattr", "open", "create", "read", "write", "fsync", "flush", "rename", "link", "unlink",
                                        "mkdir", "rmdir", "truncate", "utimens", "chmod", "chown", "readdir", "statfs", "symlink"};

struct plan {
  struct { int error; long from, count; } fail[OPERATIONS];
  struct { int error; long offset; } fail_at[2];
  long flip_at[2];
  long space, slow;
  int stall, read_only, non_atomic_rename, no_link;
};

static const char *root, *control;
static struct plan plan;
static struct timespec plan_time;
static ino_t plan_inode;
static long calls[OPERATIONS], written;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static int operation_named(const char *name) {
  for (int at = 0; at < OPERATIONS; at++)
    if (!strcmp(name, names[at])) return at;
  return -1;
}

static void read_plan(void) {
  FILE *file = fopen(control, "r");
  char line[200], word[40], name[40];
  struct plan fresh = {.space = -1, .fail_at = {{0, -1}, {0, -1}}, .flip_at = {-1, -1}};
  if (!file) return;
  while (fgets(line, sizeof line, file)) {
    long a = 0, b = 0, c = 0;
    if (sscanf(line, "%39s", word) != 1) continue;
    if (!strcmp(word, "fail") && sscanf(line, "%*s %39s %ld %ld %ld", name, &a, &b, &c) >= 2) {
      int at = operation_named(name);
      if (at >= 0) fresh.fail[at].error = (int)a, fresh.fail[at].from = b, fresh.fail[at].count = c;
    } else if (!strcmp(word, "fail_at") && sscanf(line, "%*s %39s %ld %ld", name, &a, &b) == 3) {
      fresh.fail_at[name[0] == 'w'].error = (int)a, fresh.fail_at[name[0] == 'w'].offset = b;
    } else if (!strcmp(word, "flip_at") && sscanf(line, "%*s %39s %ld", name, &a) == 2) {
      fresh.flip_at[name[0] == 'w'] = a;
    } else if (!strcmp(word, "space")) sscanf(line, "%*s %ld", &fresh.space);
    else if (!strcmp(word, "slow")) sscanf(line, "%*s %ld", &fresh.slow);
    else if (!strcmp(word, "stall")) fresh.stall = 1;
    else if (!strcmp(word, "read_only")) fresh.read_only = 1;
    else if (!strcmp(word, "non_atomic_rename")) fresh.non_atomic_rename = 1;
    else if (!strcmp(word, "no_link")) fresh.no_link = 1;
  }
  fclose(file);
  plan = fresh;
  memset(calls, 0, sizeof calls);
  written = 0;
}

/* Looks the plan up anew and says what this call of the operation has to answer: 0 or an errno. */
static int planned(enum operation operation) {
  struct stat seen;
  int error = 0;
  for (;;) {
    pthread_mutex_lock(&lock);
    if (!stat(control, &seen) && (seen.st_ino != plan_inode || seen.st_mtim.tv_sec != plan_time.tv_sec || seen.st_mtim.tv_nsec != plan_time.tv_nsec)) {
      plan_time = seen.st_mtim;
      plan_inode = seen.st_ino;
      read_plan();
    }
    int stalled = plan.stall;
    if (!stalled) break;
    pthread_mutex_unlock(&lock);
    usleep(20000);
  }
  long number = ++calls[operation];
  if (plan.fail[operation].error && number >= plan.fail[operation].from &&
      (plan.fail[operation].count == 0 || number < plan.fail[operation].from + plan.fail[operation].count))
    error = plan.fail[operation].error;
  long slow = operation == READ || operation == WRITE ? plan.slow : 0;
  pthread_mutex_unlock(&lock);
  if (slow) usleep((useconds_t)slow);
  return error;
}

#define BACKING(to, path) char to[4096]; snprintf(to, sizeof to, "%s%s", root, path)
#define PLANNED(operation) { int error = planned(operation); if (error) return -error; }
#define CHANGES if (plan.read_only) return -EROFS
#define RESULT(call) return (call) < 0 ? -errno : 0

static int f_getattr(const char *path, struct stat *to, struct fuse_file_info *info) {
  (void)info; BACKING(p, path); PLANNED(GETATTR); RESULT(lstat(p, to));
}
static int f_readdir(const char *path, void *buffer, fuse_fill_dir_t fill, off_t offset, struct fuse_file_info *info, enum fuse_readdir_flags flags) {
  (void)offset; (void)info; (void)flags; BACKING(p, path); PLANNED(READDIR);
  DIR *folder = opendir(p);
  if (!folder) return -errno;
  for (struct dirent *entry; (entry = readdir(folder));) {
    struct stat kind = {.st_ino = entry->d_ino, .st_mode = (mode_t)entry->d_type << 12};
    fill(buffer, entry->d_name, &kind, 0, 0);
  }
  closedir(folder);
  return 0;
}
static int f_open(const char *path, struct fuse_file_info *info) {
  BACKING(p, path); PLANNED(OPEN);
  if ((info->flags & O_ACCMODE) != O_RDONLY) CHANGES;
  int file = open(p, info->flags & ~O_APPEND);
  if (file < 0) return -errno;
  info->fh = (uint64_t)file; info->direct_io = 1;
  return 0;
}
static int f_create(const char *path, mode_t mode, struct fuse_file_info *info) {
  BACKING(p, path); PLANNED(CREATE); CHANGES;
  int file = open(p, info->flags | O_CREAT, mode);
  if (file < 0) return -errno;
  info->fh = (uint64_t)file; info->direct_io = 1;
  return 0;
}
static int covers(long at, off_t offset, size_t size) { return at >= offset && at < offset + (long)size; }
static int f_read(const char *path, char *to, size_t size, off_t offset, struct fuse_file_info *info) {
  (void)path; PLANNED(READ);
  if (plan.fail_at[0].error && covers(plan.fail_at[0].offset, offset, size)) return -plan.fail_at[0].error;
  ssize_t got = pread((int)info->fh, to, size, offset);
  if (got < 0) return -errno;
  if (covers(plan.flip_at[0], offset, (size_t)got)) to[plan.flip_at[0] - offset] ^= 4;
  return (int)got;
}
static int f_write(const char *path, const char *from, size_t size, off_t offset, struct fuse_file_info *info) {
  (void)path; PLANNED(WRITE); CHANGES;
  if (plan.fail_at[1].error && covers(plan.fail_at[1].offset, offset, size)) return -plan.fail_at[1].error;
  if (plan.space >= 0 && written + (long)size > plan.space) {
    if (written >= plan.space) return -ENOSPC;
    size = (size_t)(plan.space - written);
  }
  ssize_t put = pwrite((int)info->fh, from, size, offset);
  if (put < 0) return -errno;
  written += put;
  if (covers(plan.flip_at[1], offset, (size_t)put)) {
    char turned = from[plan.flip_at[1] - offset] ^ 4;
    if (pwrite((int)info->fh, &turned, 1, plan.flip_at[1]) < 0) return -errno;
  }
  return (int)put;
}
static int f_fsync(const char *path, int data, struct fuse_file_info *info) { (void)path; (void)data; PLANNED(FSYNC); RESULT(fsync((int)info->fh)); }
static int f_fsyncdir(const char *path, int data, struct fuse_file_info *info) { (void)path; (void)data; (void)info; PLANNED(FSYNC); return 0; }
static int f_flush(const char *path, struct fuse_file_info *info) { (void)path; (void)info; PLANNED(FLUSH); return 0; }
static int f_release(const char *path, struct fuse_file_info *info) { (void)path; close((int)info->fh); return 0; }
static int f_truncate(const char *path, off_t size, struct fuse_file_info *info) {
  BACKING(p, path); PLANNED(TRUNCATE); CHANGES;
  RESULT(info ? ftruncate((int)info->fh, size) : truncate(p, size));
}
static int f_unlink(const char *path) { BACKING(p, path); PLANNED(UNLINK); CHANGES; RESULT(unlink(p)); }
static int f_mkdir(const char *path, mode_t mode) { BACKING(p, path); PLANNED(MKDIR); CHANGES; RESULT(mkdir(p, mode)); }
static int f_rmdir(const char *path) { BACKING(p, path); PLANNED(RMDIR); CHANGES; RESULT(rmdir(p)); }
static int f_rename(const char *path, const char *to, unsigned flags) {
  BACKING(p, path); BACKING(q, to); PLANNED(RENAME); CHANGES;
  if (plan.non_atomic_rename && !(flags & 1)) { unlink(q); sleep(1); }
  RESULT(renameat2(AT_FDCWD, p, AT_FDCWD, q, flags));
}
static int f_link(const char *path, const char *to) {
  BACKING(p, path); BACKING(q, to); PLANNED(LINK); CHANGES;
  if (plan.no_link) return -EPERM;
  RESULT(link(p, q));
}
static int f_symlink(const char *target, const char *path) { BACKING(p, path); PLANNED(SYMLINK); CHANGES; RESULT(symlink(target, p)); }
static int f_readlink(const char *path, char *to, size_t size) {
  BACKING(p, path);
  ssize_t got = readlink(p, to, size - 1);
  if (got < 0) return -errno;
  to[got] = 0;
  return 0;
}
static int f_utimens(const char *path, const struct timespec times[2], struct fuse_file_info *info) {
  (void)info; BACKING(p, path); PLANNED(UTIMENS); CHANGES; RESULT(utimensat(AT_FDCWD, p, times, AT_SYMLINK_NOFOLLOW));
}
static int f_chmod(const char *path, mode_t mode, struct fuse_file_info *info) { (void)info; BACKING(p, path); PLANNED(CHMOD); CHANGES; RESULT(chmod(p, mode)); }
static int f_chown(const char *path, uid_t user, gid_t group, struct fuse_file_info *info) {
  (void)info; BACKING(p, path); PLANNED(CHOWN); CHANGES; RESULT(lchown(p, user, group));
}
static int f_statfs(const char *path, struct statvfs *to) {
  BACKING(p, path); PLANNED(STATFS);
  if (statvfs(p, to) < 0) return -errno;
  if (plan.space >= 0) to->f_bavail = to->f_bfree = written < plan.space ? (fsblkcnt_t)((plan.space - written) / (long)to->f_frsize) : 0;
  return 0;
}

static const struct fuse_operations operations = {
    .getattr = f_getattr, .readdir = f_readdir, .open = f_open, .create = f_create, .read = f_read, .write = f_write, .fsync = f_fsync,
    .fsyncdir = f_fsyncdir, .flush = f_flush, .release = f_release, .truncate = f_truncate, .unlink = f_unlink, .mkdir = f_mkdir,
    .rmdir = f_rmdir, .rename = f_rename, .link = f_link, .symlink = f_symlink, .readlink = f_readlink, .utimens = f_utimens,
    .chmod = f_chmod, .chown = f_chown, .statfs = f_statfs,
};

int main(int count, char **words) {
  root = getenv("FAULT_ROOT");
  control = getenv("FAULT_CONTROL");
  if (!root || !control) return 2;
  umask(0);
  return fuse_main(count, words, &operations, NULL);
}
