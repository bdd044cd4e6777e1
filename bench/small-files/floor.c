/* The floor under a verified copy of small files: the system calls that it cannot do without, made by two threads, and nothing else. */

#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#define THREADS 2
#define PACK 1000
#define TMPFS 0x01021994

struct folder {
  char *path;
  int from, to;
  mode_t mode;
  struct timespec times[2];
};
struct file {
  char *name;
  int folder;
};

static struct folder *folders;
static struct file *files;
static int folder_count, file_count, folder_room, file_room;
static int source_root, target_root, is_durable;
static atomic_int next_file;
static volatile uint64_t sum;

static void fail(const char *what, const char *name) {
  fprintf(stderr, "floor: %s %s: %s\n", what, name, strerror(errno));
  exit(1);
}

static void *grown(void *rows, int count, int *room, size_t bytes) {
  if (count < *room) return rows;
  *room = *room == 0 ? 1024 : *room * 2;
  rows = realloc(rows, *room * bytes);
  if (rows == NULL) fail("make room for", "names");
  return rows;
}

static int open_folder(int root, const char *path) {
  int fd = openat(root, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (fd < 0) fail("open", path);
  return fd;
}

/* Lists a tree and makes its folders and symlinks at the target. */
static void list(const char *path) {
  folders = grown(folders, folder_count, &folder_room, sizeof *folders);
  int at = folder_count++;
  struct folder one = {.path = strdup(path)};
  one.from = open_folder(source_root, path);
  if (strcmp(path, ".") != 0 && mkdirat(target_root, path, 0755) < 0) fail("make", path);
  one.to = open_folder(target_root, path);
  struct stat facts;
  if (fstat(one.from, &facts) < 0) fail("look at", path);
  one.mode = facts.st_mode & 07777;
  one.times[0] = one.times[1] = facts.st_mtim;
  folders[at] = one;
  DIR *names = fdopendir(dup(one.from));
  if (names == NULL) fail("list", path);
  for (struct dirent *entry; (entry = readdir(names)) != NULL;) {
    if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) continue;
    /* A copy plans by size and time, so that each name is looked at once before anything is opened. */
    if (fstatat(one.from, entry->d_name, &facts, AT_SYMLINK_NOFOLLOW) < 0) fail("look at", entry->d_name);
    if (S_ISDIR(facts.st_mode)) {
      char below[4096];
      snprintf(below, sizeof below, "%s/%s", path, entry->d_name);
      list(below);
    } else if (S_ISLNK(facts.st_mode)) {
      char text[4096];
      ssize_t length = readlinkat(one.from, entry->d_name, text, sizeof text - 1);
      if (length < 0) fail("read", entry->d_name);
      text[length] = 0;
      if (symlinkat(text, one.to, entry->d_name) < 0) fail("make", entry->d_name);
    } else if (S_ISREG(facts.st_mode)) {
      files = grown(files, file_count, &file_room, sizeof *files);
      files[file_count++] = (struct file){.name = strdup(entry->d_name), .folder = at};
    }
  }
  closedir(names);
}

/* As cheap as a hash that reads everything can be: four lanes of multiply and rotate. */
static uint64_t hash(const unsigned char *bytes, size_t length) {
  uint64_t lanes[4] = {1, 2, 3, 4}, word;
  size_t at = 0;
  for (; at + 32 <= length; at += 32)
    for (int n = 0; n < 4; n++) {
      memcpy(&word, bytes + at + 8 * n, 8);
      lanes[n] = (lanes[n] ^ word) * 0x9E3779B185EBCA87u;
      lanes[n] = lanes[n] << 31 | lanes[n] >> 33;
    }
  for (; at < length; at++) lanes[0] = (lanes[0] ^ bytes[at]) * 0x9E3779B185EBCA87u;
  return lanes[0] ^ lanes[1] ^ lanes[2] ^ lanes[3];
}

static void read_all(int fd, unsigned char *to, size_t length, const char *name) {
  for (size_t done = 0; done < length;) {
    ssize_t count = pread(fd, to + done, length - done, done);
    if (count <= 0) fail("read", name);
    done += count;
  }
}

static size_t room = 1 << 20;

static void copy(const struct file *file, unsigned char **buffers) {
  const struct folder *folder = &folders[file->folder];
  char aside[512];
  snprintf(aside, sizeof aside, ".%s.partial", file->name);
  int from = openat(folder->from, file->name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
  if (from < 0) fail("open", file->name);
  struct stat before, after;
  if (fstat(from, &before) < 0) fail("look at", file->name);
  size_t length = before.st_size;
  if (length > room) fail("hold all of", file->name);
  read_all(from, buffers[0], length, file->name);
  int to = openat(folder->to, aside, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, before.st_mode & 0777);
  if (to < 0) fail("make", aside);
  for (size_t done = 0; done < length;) {
    ssize_t count = pwrite(to, buffers[0] + done, length - done, done);
    if (count < 0) fail("write", aside);
    done += count;
  }
  sum += hash(buffers[0], length);
  if (fstat(from, &after) < 0 || after.st_size != before.st_size) fail("trust", file->name);
  int back = openat(folder->to, aside, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
  if (back < 0) fail("open again", aside);
  read_all(back, buffers[1], length, aside);
  if (memcmp(buffers[0], buffers[1], length) != 0) fail("read back the same from", aside);
  /* Its inode is what tells after a crash whose file has the final name. */
  if (fstat(back, &after) < 0) fail("look at", aside);
  close(back);
  struct timespec times[2] = {before.st_mtim, before.st_mtim};
  if (futimens(to, times) < 0) fail("set the time of", aside);
  close(to);
  close(from);
}

static void publish(const struct file *file) {
  char aside[512];
  snprintf(aside, sizeof aside, ".%s.partial", file->name);
  int to = folders[file->folder].to;
  if (renameat2(to, aside, to, file->name, 1) < 0) fail("publish", file->name);
}

/* Pack after pack: copied, made durable where the place is a disk, published, made durable again. */
static void *work(void *none) {
  unsigned char *buffers[2] = {malloc(room), malloc(room)};
  for (;;) {
    int from = atomic_fetch_add(&next_file, PACK);
    if (from >= file_count) break;
    int end = from + PACK < file_count ? from + PACK : file_count;
    for (int at = from; at < end; at++) copy(&files[at], buffers);
    if (is_durable && syncfs(target_root) < 0) fail("make durable", "the target");
    for (int at = from; at < end; at++) publish(&files[at]);
  }
  return none;
}

int main(int count, char **values) {
  if (count != 3) return fprintf(stderr, "usage: floor SOURCE TARGET\n"), 2;
  source_root = open_folder(AT_FDCWD, values[1]);
  if (mkdir(values[2], 0755) < 0 && errno != EEXIST) fail("make", values[2]);
  target_root = open_folder(AT_FDCWD, values[2]);
  struct statfs place;
  if (fstatfs(target_root, &place) < 0) fail("look at", values[2]);
  is_durable = place.f_type != TMPFS;
  list(".");
  pthread_t threads[THREADS];
  for (int n = 0; n < THREADS; n++)
    if (pthread_create(&threads[n], NULL, work, NULL) != 0) fail("start", "a thread");
  for (int n = 0; n < THREADS; n++) pthread_join(threads[n], NULL);
  for (int at = folder_count - 1; at >= 0; at--)
    if (fchmod(folders[at].to, folders[at].mode) < 0 || futimens(folders[at].to, folders[at].times) < 0) fail("finish", folders[at].path);
  if (is_durable && syncfs(target_root) < 0) fail("make durable", "the target");
  return 0;
}
