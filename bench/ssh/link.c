// A line of a given rate and delay between this machine and itself: a relay of TCP connections in user space, for kernels without netem.
// usage: link TARGET_PORT ROUND_TRIP_MS MBIT_PER_SECOND; prints the port that it listens on; ends when its standard input does.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { PIECE = 65536, MOST_PAIRS = 256, MOST_WAITING = 6 * 1024 * 1024 };

typedef struct piece {
  struct piece *next;
  uint64_t at; /* when its last byte has crossed the line, in nanoseconds */
  size_t length, done;
  char bytes[PIECE];
} piece;

typedef struct {
  piece *first, *last;
  size_t waiting;
  int from, to; /* sockets; -1 once closed */
  int ended;    /* the sender has said its last */
} way;

static way ways[2 * MOST_PAIRS];
static int used[MOST_PAIRS];
static uint64_t busy[2], delay, mbit;

static uint64_t now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (uint64_t)t.tv_sec * 1000000000ull + t.tv_nsec;
}

static void die(const char *what) {
  perror(what);
  exit(1);
}

static void plain(int fd) {
  int one = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
}

static void end_pair(int pair) {
  for (int n = 2 * pair; n < 2 * pair + 2; n++) {
    for (piece *p = ways[n].first; p;) {
      piece *next = p->next;
      free(p);
      p = next;
    }
  }
  close(ways[2 * pair].from);
  close(ways[2 * pair].to);
  memset(&ways[2 * pair], 0, 2 * sizeof(way));
  used[pair] = 0;
}

static void join_pair(int near, int port) {
  struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port)};
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  int far = socket(AF_INET, SOCK_STREAM, 0), pair = 0;
  while (pair < MOST_PAIRS && used[pair]) pair++;
  if (pair == MOST_PAIRS || connect(far, (struct sockaddr *)&to, sizeof to) < 0) {
    close(near);
    close(far);
    return;
  }
  plain(near);
  plain(far);
  used[pair] = 1;
  ways[2 * pair] = (way){.from = near, .to = far};
  ways[2 * pair + 1] = (way){.from = far, .to = near};
}

/* Reads what has come and says when each piece will have crossed: one after the other over a line that all connections share. */
static int take(way *w, int direction) {
  piece *p = malloc(sizeof *p);
  ssize_t got = recv(w->from, p->bytes, PIECE, 0);
  if (got <= 0) {
    free(p);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return 1;
    w->ended = 1;
    return got == 0;
  }
  uint64_t at = now();
  if (busy[direction] < at) busy[direction] = at;
  busy[direction] += (uint64_t)got * 8000 / mbit;
  p->at = busy[direction] + delay;
  p->length = got;
  p->done = 0;
  p->next = 0;
  if (w->last) w->last->next = p;
  else w->first = p;
  w->last = p;
  w->waiting += got;
  return 1;
}

/* Gives on what has crossed. */
static int give(way *w, uint64_t t) {
  while (w->first && w->first->at <= t) {
    piece *p = w->first;
    ssize_t sent = send(w->to, p->bytes + p->done, p->length - p->done, MSG_NOSIGNAL);
    if (sent < 0) return errno == EAGAIN || errno == EINTR;
    p->done += sent;
    w->waiting -= sent;
    if (p->done < p->length) return 1;
    w->first = p->next;
    if (!w->first) w->last = 0;
    free(p);
  }
  return 1;
}

int main(int count, char **words) {
  if (count != 4) return 2;
  int target = atoi(words[1]);
  delay = strtoull(words[2], 0, 10) * 500000ull;
  mbit = strtoull(words[3], 0, 10);
  struct sockaddr_in at = {.sin_family = AF_INET};
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof at;
  int door = socket(AF_INET, SOCK_STREAM, 0);
  if (bind(door, (struct sockaddr *)&at, size) < 0 || listen(door, 64) < 0) die("listen");
  getsockname(door, (struct sockaddr *)&at, &size);
  printf("%d\n", ntohs(at.sin_port));
  fflush(stdout);
  for (;;) {
    struct pollfd polled[2 + 4 * MOST_PAIRS] = {{.fd = 0, .events = POLLIN}, {.fd = door, .events = POLLIN}};
    int which[2 + 4 * MOST_PAIRS], many = 2;
    uint64_t t = now(), next = t + 100000000ull;
    for (int pair = 0; pair < MOST_PAIRS; pair++) {
      if (!used[pair]) continue;
      int over = 0;
      for (int n = 2 * pair; n < 2 * pair + 2; n++) {
        way *w = &ways[n];
        if (!give(w, t)) over = 1;
        if (w->ended == 1 && !w->first) {
          shutdown(w->to, SHUT_WR);
          w->ended = 2;
        }
        if (w->first && w->first->at > t && w->first->at < next) next = w->first->at;
      }
      if (over || (ways[2 * pair].ended == 2 && ways[2 * pair + 1].ended == 2)) {
        end_pair(pair);
        continue;
      }
      for (int n = 2 * pair; n < 2 * pair + 2; n++) {
        way *w = &ways[n];
        if (!w->ended && w->waiting < MOST_WAITING) {
          which[many] = n;
          polled[many++] = (struct pollfd){.fd = w->from, .events = POLLIN};
        }
        if (w->first && w->first->at <= t) {
          which[many] = -1;
          polled[many++] = (struct pollfd){.fd = w->to, .events = POLLOUT};
        }
      }
    }
    t = now();
    uint64_t wait = next > t ? next - t : 0;
    struct timespec limit = {wait / 1000000000ull, wait % 1000000000ull};
    if (ppoll(polled, many, &limit, 0) < 0 && errno != EINTR) die("poll");
    char byte;
    if (polled[0].revents && read(0, &byte, 1) <= 0) return 0;
    for (int n = 2; n < many; n++) {
      if (!(polled[n].revents & (POLLIN | POLLHUP | POLLERR)) || which[n] < 0) continue;
      if (used[which[n] / 2] && !take(&ways[which[n]], which[n] % 2)) end_pair(which[n] / 2);
    }
    if (polled[1].revents) {
      int near = accept(door, 0, 0);
      if (near >= 0) join_pair(near, target);
    }
  }
}
