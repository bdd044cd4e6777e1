/*
 * A file system that passes everything through to a folder and makes the faults that its control file asks for.
 *
 *   FAULT_ROOT=/backing FAULT_CONTROL=/file FAULT_LOG=/log fault-fs /mount -f -o allow_other,attr_timeout=0,entry_timeout=0
 *
 * Each call appends a line to the log: OPERATION ERRNO INODE OFFSET BYTES PATH (a rename or link: its new name).
 * Nothing is really synced: what no fsync has covered, or a failed one has, is remembered as not being on the medium.
 *
 * Lines of the control file, read again whenever it changes:
 *   fail OPERATION ERRNO FROM COUNT   calls FROM … FROM+COUNT-1 of an operation, counted since the file changed, fail (COUNT 0: all from FROM)
 *   fail_at read|write ERRNO OFFSET   a read or write that covers the offset fails
 *   flip_at read|write OFFSET [COUNT] one bit of the byte at the offset is turned over on its way, COUNT times (0: always)
 *   only TEXT                         the four words above hold only for paths that contain the text
 *   space BYTES                       so many more bytes can be written before ENOSPC
 *   slow MICROSECONDS                 before each read and write
 *   stall                             every call waits until the word is gone
 *   read_only                         what would change anything fails with EROFS
 *   non_atomic_rename                 the new name is gone for a second during a rename that replaces
 *   no_link                           hard links fail with EPERM
 *   quota BYTES                       as space, but statfs goes on to tell of room
 *   cut_listing COUNT                 folders list their first COUNT entries only, without an error
 *   lose_unsynced                     once: what is not on the medium becomes zeros, as after a power cut
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
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

enum operation { GETATTR, OPEN, CREATE, READ, WRITE, FSYNC, FLUSH, RENAME, LINK, UNLINK, MKDIR, RMDIR, TRUNCATE, UTIMENS, CHMOD, CHOWN, READDIR, STATFS, SYMLINK, OPERATIONS };
static const char *names[OPERATIONS] = {"getattr", "open", "create", "read", "write", "fsync", "flush", "rename", "link", "unlink",
                                        "mkdir", "rmdir", "truncate", "utimens", "chmod", "chown", "readdir", "statfs", "symlink"};

struct plan {
  struct { int error; long from, count; } fail[OPERATIONS];
  struct { int error; long offset; } fail_at[2];
  struct { long offset, count; } flip_at[2];
  char only[100];
  long space, slow, cut_listing;
  int stall, read_only, non_atomic_rename, no_link, quota, lose_unsynced;
};

static const char *root, *control;
static struct plan plan;
static struct timespec plan_time;
static ino_t plan_inode;
static long calls[OPERATIONS], written, flips[2];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int log_file = -1;

/* What of each file is not on the medium: written since the last fsync (dirty), or covered by a failed one (doomed, however often it is repeated). */
struct range { off_t from, to; };
struct ranges { struct range *at; size_t count, room; };
struct unsynced { ino_t inode; dev_t device; int file; struct ranges dirty, doomed; struct unsynced *next; };
static struct unsynced *unsynced[4096];
static pthread_mutex_t unsynced_lock = PTHREAD_MUTEX_INITIALIZER;

static void add_range(struct ranges *to, off_t from, off_t end) {
  size_t first = 0, last;
  while (first < to->count && to->at[first].to < from) first++;
  for (last = first; last < to->count && to->at[last].from <= end; last++) {
    if (to->at[last].from < from) from = to->at[last].from;
    if (to->at[last].to > end) end = to->at[last].to;
  }
  if (last == first) {
    if (to->count == to->room) to->at = realloc(to->at, (to->room = to->room * 2 + 4) * sizeof *to->at);
    memmove(to->at + first + 1, to->at + first, (to->count - first) * sizeof *to->at);
    to->count++;
  } else {
    memmove(to->at + first + 1, to->at + last, (to->count - last) * sizeof *to->at);
    to->count -= last - first - 1;
  }
  to->at[first] = (struct range){from, end};
}

/* A page that is written again is dirty again, and the next fsync brings it to the medium. */
static void take_range(struct ranges *of, off_t from, off_t end) {
  struct ranges rest = {0};
  for (size_t n = 0; n < of->count; n++) {
    struct range one = of->at[n];
    if (one.from < from) add_range(&rest, one.from, one.to < from ? one.to : from);
    if (one.to > end) add_range(&rest, one.from > end ? one.from : end, one.to);
  }
  free(of->at);
  *of = rest;
}

static struct unsynced **place_of(int file, ino_t *inode, dev_t *device) {
  struct stat seen;
  if (fstat(file, &seen) < 0) return NULL;
  *inode = seen.st_ino, *device = seen.st_dev;
  struct unsynced **at = &unsynced[seen.st_ino % 4096];
  while (*at && ((*at)->inode != seen.st_ino || (*at)->device != seen.st_dev)) at = &(*at)->next;
  return at;
}

static void note_write(int file, off_t from, off_t end) {
  ino_t inode; dev_t device;
  pthread_mutex_lock(&unsynced_lock);
  struct unsynced **at = place_of(file, &inode, &device);
  if (at) {
    if (!*at) {
      char path[64];
      snprintf(path, sizeof path, "/proc/self/fd/%d", file);
      int own = open(path, O_RDWR);
      if (own >= 0) {
        *at = calloc(1, sizeof **at);
        (*at)->inode = inode, (*at)->device = device, (*at)->file = own;
      }
    }
    if (*at) take_range(&(*at)->doomed, from, end), add_range(&(*at)->dirty, from, end);
  }
  pthread_mutex_unlock(&unsynced_lock);
}

static void forget(struct unsynced **at) {
  struct unsynced *gone = *at;
  *at = gone->next;
  close(gone->file);
  free(gone->dirty.at), free(gone->doomed.at), free(gone);
}

static void note_sync(int file, int failed) {
  ino_t inode; dev_t device;
  pthread_mutex_lock(&unsynced_lock);
  struct unsynced **at = place_of(file, &inode, &device);
  if (at && *at) {
    struct unsynced *one = *at;
    if (failed)
      for (size_t n = 0; n < one->dirty.count; n++) add_range(&one->doomed, one->dirty.at[n].from, one->dirty.at[n].to);
    one->dirty.count = 0;
    if (!one->doomed.count) forget(at);
  }
  pthread_mutex_unlock(&unsynced_lock);
}

static void zero(int file, const struct ranges *of) {
  static const char nothing[65536];
  struct stat seen;
  if (fstat(file, &seen) < 0) return;
  for (size_t n = 0; n < of->count; n++)
    for (off_t at = of->at[n].from; at < of->at[n].to && at < seen.st_size;) {
      off_t end = of->at[n].to < seen.st_size ? of->at[n].to : seen.st_size;
      size_t size = end - at < (off_t)sizeof nothing ? (size_t)(end - at) : sizeof nothing;
      ssize_t put = pwrite(file, nothing, size, at);
      if (put <= 0) break;
      at += put;
    }
}

static void lose_unsynced(void) {
  pthread_mutex_lock(&unsynced_lock);
  for (size_t bucket = 0; bucket < 4096; bucket++)
    while (unsynced[bucket]) {
      zero(unsynced[bucket]->file, &unsynced[bucket]->dirty);
      zero(unsynced[bucket]->file, &unsynced[bucket]->doomed);
      forget(&unsynced[bucket]);
    }
  pthread_mutex_unlock(&unsynced_lock);
}

static int logged(enum operation operation, int result, int file, off_t offset, size_t bytes, const char *path) {
  if (log_file < 0) return result;
  struct stat seen = {0};
  char line[4400];
  if (file >= 0) fstat(file, &seen);
  else if (path) { char p[4096]; snprintf(p, sizeof p, "%s%s", root, path); if (lstat(p, &seen) < 0) seen.st_ino = 0; }
  int length = snprintf(line, sizeof line, "%s %d %lu %ld %zu %s\n", names[operation], result < 0 ? -result : 0, (unsigned long)seen.st_ino, (long)offset, bytes, path ? path : "");
  if (length > 0 && write(log_file, line, (size_t)(length < (int)sizeof line ? length : (int)sizeof line - 1)) < 0) return result;
  return result;
}

static int operation_named(const char *name) {
  for (int at = 0; at < OPERATIONS; at++)
    if (!strcmp(name, names[at])) return at;
  return -1;
}

static void read_plan(void) {
  FILE *file = fopen(control, "r");
  char line[200], word[40], name[40];
  struct plan fresh = {.space = -1, .cut_listing = -1, .fail_at = {{0, -1}, {0, -1}}, .flip_at = {{-1, 0}, {-1, 0}}};
  if (!file) return;
  while (fgets(line, sizeof line, file)) {
    long a = 0, b = 0, c = 0;
    if (sscanf(line, "%39s", word) != 1) continue;
    if (!strcmp(word, "fail") && sscanf(line, "%*s %39s %ld %ld %ld", name, &a, &b, &c) >= 2) {
      int at = operation_named(name);
      if (at >= 0) fresh.fail[at].error = (int)a, fresh.fail[at].from = b, fresh.fail[at].count = c;
    } else if (!strcmp(word, "fail_at") && sscanf(line, "%*s %39s %ld %ld", name, &a, &b) == 3) {
      fresh.fail_at[name[0] == 'w'].error = (int)a, fresh.fail_at[name[0] == 'w'].offset = b;
    } else if (!strcmp(word, "flip_at") && sscanf(line, "%*s %39s %ld %ld", name, &a, &b) >= 2) {
      fresh.flip_at[name[0] == 'w'].offset = a, fresh.flip_at[name[0] == 'w'].count = b;
    } else if (!strcmp(word, "only")) sscanf(line, "%*s %99s", fresh.only);
    else if (!strcmp(word, "cut_listing")) sscanf(line, "%*s %ld", &fresh.cut_listing);
    else if (!strcmp(word, "lose_unsynced")) fresh.lose_unsynced = 1;
    else if (!strcmp(word, "quota")) sscanf(line, "%*s %ld", &fresh.space), fresh.quota = 1;
    else if (!strcmp(word, "space")) sscanf(line, "%*s %ld", &fresh.space);
    else if (!strcmp(word, "slow")) sscanf(line, "%*s %ld", &fresh.slow);
    else if (!strcmp(word, "stall")) fresh.stall = 1;
    else if (!strcmp(word, "read_only")) fresh.read_only = 1;
    else if (!strcmp(word, "non_atomic_rename")) fresh.non_atomic_rename = 1;
    else if (!strcmp(word, "no_link")) fresh.no_link = 1;
  }
  fclose(file);
  plan = fresh;
  memset(calls, 0, sizeof calls);
  memset(flips, 0, sizeof flips);
  written = 0;
  if (plan.lose_unsynced) lose_unsynced();
}

static int concerned(const char *path) { return !plan.only[0] || (path && strstr(path, plan.only)); }

/* Looks the plan up anew and says what this call of the operation has to answer: 0 or an errno. */
static int planned(enum operation operation, const char *path) {
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
  long number = concerned(path) ? ++calls[operation] : 0;
  if (number && plan.fail[operation].error && number >= plan.fail[operation].from &&
      (plan.fail[operation].count == 0 || number < plan.fail[operation].from + plan.fail[operation].count))
    error = plan.fail[operation].error;
  long slow = operation == READ || operation == WRITE ? plan.slow : 0;
  pthread_mutex_unlock(&lock);
  if (slow) usleep((useconds_t)slow);
  return error;
}

#define BACKING(to, path) char to[4096]; snprintf(to, sizeof to, "%s%s", root, path)
#define PLANNED(operation, path) { int error = planned(operation, path); if (error) return logged(operation, -error, -1, 0, 0, path); }
#define CHANGES(operation, path) if (plan.read_only) return logged(operation, -EROFS, -1, 0, 0, path)
#define RESULT(operation, call, file, path) return logged(operation, (call) < 0 ? -errno : 0, file, 0, 0, path)

/* A file or folder that is open: the path is the one that it was opened by, since a removed file has none. */
struct handle { int file, writes; char path[]; };
#define HANDLE(info) ((struct handle *)(uintptr_t)(info)->fh)

static void keep(int file, const char *path, struct fuse_file_info *info) {
  struct handle *handle = malloc(sizeof *handle + strlen(path) + 1);
  handle->file = file;
  handle->writes = (info->flags & O_ACCMODE) != O_RDONLY;
  strcpy(handle->path, path);
  info->fh = (uintptr_t)handle;
}

static int opened(enum operation operation, int file, const char *path, struct fuse_file_info *info) {
  if (file < 0) return logged(operation, -errno, -1, 0, 0, path);
  keep(file, path, info);
  info->direct_io = 1;
  return logged(operation, 0, file, 0, 0, path);
}

static int f_getattr(const char *path, struct stat *to, struct fuse_file_info *info) {
  if (info && info->fh && HANDLE(info)->file >= 0) {
    PLANNED(GETATTR, HANDLE(info)->path);
    return fstat(HANDLE(info)->file, to) < 0 ? -errno : 0;
  }
  if (!path) path = HANDLE(info)->path;
  BACKING(p, path); PLANNED(GETATTR, path);
  return lstat(p, to) < 0 ? -errno : 0;
}
static int f_opendir(const char *path, struct fuse_file_info *info) { keep(-1, path, info); return 0; }
static int f_releasedir(const char *path, struct fuse_file_info *info) { (void)path; free(HANDLE(info)); return 0; }
static int f_readdir(const char *path, void *buffer, fuse_fill_dir_t fill, off_t offset, struct fuse_file_info *info, enum fuse_readdir_flags flags) {
  (void)offset; (void)flags;
  path = HANDLE(info)->path;
  BACKING(p, path); PLANNED(READDIR, path);
  long told = 0;
  DIR *folder = opendir(p);
  if (!folder) return -errno;
  for (struct dirent *entry; (entry = readdir(folder));) {
    struct stat kind = {.st_ino = entry->d_ino, .st_mode = (mode_t)entry->d_type << 12};
    if (plan.cut_listing >= 0 && entry->d_name[0] != '.' && told++ >= plan.cut_listing) continue;
    fill(buffer, entry->d_name, &kind, 0, 0);
  }
  closedir(folder);
  return logged(READDIR, 0, -1, 0, 0, path);
}
static int f_open(const char *path, struct fuse_file_info *info) {
  BACKING(p, path); PLANNED(OPEN, path);
  if ((info->flags & O_ACCMODE) != O_RDONLY) CHANGES(OPEN, path);
  return opened(OPEN, open(p, info->flags & ~O_APPEND), path, info);
}
static int f_create(const char *path, mode_t mode, struct fuse_file_info *info) {
  BACKING(p, path); PLANNED(CREATE, path); CHANGES(CREATE, path);
  return opened(CREATE, open(p, info->flags | O_CREAT, mode), path, info);
}
static int covers(long at, off_t offset, size_t size) { return at >= offset && at < offset + (long)size; }
static int flips_now(int writing, off_t offset, size_t size, const char *path) {
  if (!covers(plan.flip_at[writing].offset, offset, size) || !concerned(path)) return 0;
  return plan.flip_at[writing].count == 0 || flips[writing]++ < plan.flip_at[writing].count;
}
static int f_read(const char *path, char *to, size_t size, off_t offset, struct fuse_file_info *info) {
  struct handle *handle = HANDLE(info);
  path = handle->path;
  int error = planned(READ, path);
  if (error) return logged(READ, -error, handle->file, offset, size, path);
  if (plan.fail_at[0].error && covers(plan.fail_at[0].offset, offset, size) && concerned(path))
    return logged(READ, -plan.fail_at[0].error, handle->file, offset, size, path);
  ssize_t got = pread(handle->file, to, size, offset);
  if (got < 0) return -errno;
  if (flips_now(0, offset, (size_t)got, path)) to[plan.flip_at[0].offset - offset] ^= 4;
  return logged(READ, (int)got, handle->file, offset, (size_t)got, path);
}
static int f_write(const char *path, const char *from, size_t size, off_t offset, struct fuse_file_info *info) {
  struct handle *handle = HANDLE(info);
  path = handle->path;
  int error = planned(WRITE, path);
  if (error || plan.read_only) return logged(WRITE, error ? -error : -EROFS, handle->file, offset, size, path);
  if (plan.fail_at[1].error && covers(plan.fail_at[1].offset, offset, size) && concerned(path))
    return logged(WRITE, -plan.fail_at[1].error, handle->file, offset, size, path);
  if (plan.space >= 0 && written + (long)size > plan.space) {
    if (written >= plan.space) return logged(WRITE, -ENOSPC, handle->file, offset, size, path);
    size = (size_t)(plan.space - written);
  }
  ssize_t put = pwrite(handle->file, from, size, offset);
  if (put < 0) return logged(WRITE, -errno, handle->file, offset, size, path);
  written += put;
  if (flips_now(1, offset, (size_t)put, path)) {
    char turned = from[plan.flip_at[1].offset - offset] ^ 4;
    if (pwrite(handle->file, &turned, 1, plan.flip_at[1].offset) < 0) return -errno;
  }
  note_write(handle->file, offset, offset + put);
  return logged(WRITE, (int)put, handle->file, offset, (size_t)put, path);
}
static int f_fsync(const char *path, int data, struct fuse_file_info *info) {
  (void)path; (void)data;
  struct handle *handle = HANDLE(info);
  int error = planned(FSYNC, handle->path);
  note_sync(handle->file, error);
  return logged(FSYNC, -error, handle->file, 0, 0, handle->path);
}
static int f_fsyncdir(const char *path, int data, struct fuse_file_info *info) {
  (void)data;
  path = HANDLE(info)->path;
  PLANNED(FSYNC, path);
  return logged(FSYNC, 0, -1, 0, 0, path);
}
/* An error at close() is the last word about data that was not synced: it is not on the medium either. Who only reads hears of none, as with NFS. */
static int f_flush(const char *path, struct fuse_file_info *info) {
  (void)path;
  struct handle *handle = HANDLE(info);
  if (!handle->writes) return 0;
  int error = planned(FLUSH, handle->path);
  if (error) note_sync(handle->file, error);
  return logged(FLUSH, -error, handle->file, 0, 0, handle->path);
}
static int f_release(const char *path, struct fuse_file_info *info) {
  (void)path; close(HANDLE(info)->file); free(HANDLE(info)); return 0;
}
static int f_truncate(const char *path, off_t size, struct fuse_file_info *info) {
  if (info && info->fh) {
    struct handle *handle = HANDLE(info);
    PLANNED(TRUNCATE, handle->path); CHANGES(TRUNCATE, handle->path);
    RESULT(TRUNCATE, ftruncate(handle->file, size), handle->file, handle->path);
  }
  BACKING(p, path); PLANNED(TRUNCATE, path); CHANGES(TRUNCATE, path);
  RESULT(TRUNCATE, truncate(p, size), -1, path);
}
static int f_unlink(const char *path) { BACKING(p, path); PLANNED(UNLINK, path); CHANGES(UNLINK, path); RESULT(UNLINK, unlink(p), -1, path); }
static int f_mkdir(const char *path, mode_t mode) { BACKING(p, path); PLANNED(MKDIR, path); CHANGES(MKDIR, path); RESULT(MKDIR, mkdir(p, mode), -1, path); }
static int f_rmdir(const char *path) { BACKING(p, path); PLANNED(RMDIR, path); CHANGES(RMDIR, path); RESULT(RMDIR, rmdir(p), -1, path); }
static int f_rename(const char *path, const char *to, unsigned flags) {
  BACKING(p, path); BACKING(q, to); PLANNED(RENAME, path); CHANGES(RENAME, path);
  if (plan.non_atomic_rename && !(flags & 1)) { unlink(q); sleep(1); }
  RESULT(RENAME, renameat2(AT_FDCWD, p, AT_FDCWD, q, flags), -1, to);
}
static int f_link(const char *path, const char *to) {
  BACKING(p, path); BACKING(q, to); PLANNED(LINK, path); CHANGES(LINK, path);
  if (plan.no_link) return logged(LINK, -EPERM, -1, 0, 0, to);
  RESULT(LINK, link(p, q), -1, to);
}
static int f_symlink(const char *target, const char *path) { BACKING(p, path); PLANNED(SYMLINK, path); CHANGES(SYMLINK, path); RESULT(SYMLINK, symlink(target, p), -1, path); }
static int f_readlink(const char *path, char *to, size_t size) {
  BACKING(p, path);
  ssize_t got = readlink(p, to, size - 1);
  if (got < 0) return -errno;
  to[got] = 0;
  return 0;
}
static int f_utimens(const char *path, const struct timespec times[2], struct fuse_file_info *info) {
  if (info && info->fh) {
    struct handle *handle = HANDLE(info);
    PLANNED(UTIMENS, handle->path); CHANGES(UTIMENS, handle->path);
    RESULT(UTIMENS, futimens(handle->file, times), handle->file, handle->path);
  }
  BACKING(p, path); PLANNED(UTIMENS, path); CHANGES(UTIMENS, path);
  RESULT(UTIMENS, utimensat(AT_FDCWD, p, times, AT_SYMLINK_NOFOLLOW), -1, path);
}
static int f_chmod(const char *path, mode_t mode, struct fuse_file_info *info) {
  if (info && info->fh) {
    struct handle *handle = HANDLE(info);
    PLANNED(CHMOD, handle->path); CHANGES(CHMOD, handle->path);
    RESULT(CHMOD, fchmod(handle->file, mode), handle->file, handle->path);
  }
  BACKING(p, path); PLANNED(CHMOD, path); CHANGES(CHMOD, path);
  RESULT(CHMOD, chmod(p, mode), -1, path);
}
static int f_chown(const char *path, uid_t user, gid_t group, struct fuse_file_info *info) {
  if (info && info->fh) {
    struct handle *handle = HANDLE(info);
    PLANNED(CHOWN, handle->path); CHANGES(CHOWN, handle->path);
    RESULT(CHOWN, fchown(handle->file, user, group), handle->file, handle->path);
  }
  BACKING(p, path); PLANNED(CHOWN, path); CHANGES(CHOWN, path);
  RESULT(CHOWN, lchown(p, user, group), -1, path);
}
static int f_statfs(const char *path, struct statvfs *to) {
  BACKING(p, path); PLANNED(STATFS, path);
  if (statvfs(p, to) < 0) return -errno;
  if (plan.space >= 0 && !plan.quota) to->f_bavail = to->f_bfree = written < plan.space ? (fsblkcnt_t)((plan.space - written) / (long)to->f_frsize) : 0;
  return 0;
}
static void *f_init(struct fuse_conn_info *connection, struct fuse_config *config) {
  (void)connection;
  config->use_ino = 1;
  config->hard_remove = 1;
  config->nullpath_ok = 1;
  config->attr_timeout = config->entry_timeout = config->negative_timeout = 0;
  return NULL;
}

static const struct fuse_operations operations = {
    .init = f_init, .getattr = f_getattr, .opendir = f_opendir, .releasedir = f_releasedir, .readdir = f_readdir, .open = f_open, .create = f_create, .read = f_read, .write = f_write,
    .fsync = f_fsync, .fsyncdir = f_fsyncdir, .flush = f_flush, .release = f_release, .truncate = f_truncate, .unlink = f_unlink,
    .mkdir = f_mkdir, .rmdir = f_rmdir, .rename = f_rename, .link = f_link, .symlink = f_symlink, .readlink = f_readlink,
    .utimens = f_utimens, .chmod = f_chmod, .chown = f_chown, .statfs = f_statfs,
};

int main(int count, char **words) {
  struct rlimit files;
  root = getenv("FAULT_ROOT");
  control = getenv("FAULT_CONTROL");
  if (!root || !control) return 2;
  if (getenv("FAULT_LOG")) log_file = open(getenv("FAULT_LOG"), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  if (!getrlimit(RLIMIT_NOFILE, &files)) {
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
  }
  umask(0);
  return fuse_main(count, words, &operations, NULL);
}
