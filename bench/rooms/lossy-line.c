// A line between two TAP devices with a delay and a loss, both ways, for kernels without netem.
// usage: lossy-line NEAR_DEVICE FAR_DEVICE DELAY_MS LOST_PER_MILLION; prints "ready" once both devices are there; ends when its standard input does.
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

enum { MOST_PACKETS = 16384, PACKET = 65600 };

typedef struct {
  uint64_t at; /* when it has crossed the line, in nanoseconds */
  int length;
  unsigned char *bytes;
} packet;

/* The delay is the same for all, so that what came first leaves first: a ring is enough. */
typedef struct {
  packet packets[MOST_PACKETS];
  unsigned first, count;
} way;

static way ways[2];

static uint64_t now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (uint64_t)t.tv_sec * 1000000000ull + t.tv_nsec;
}

static int tap(const char *name) {
  struct ifreq request = {0};
  int device = open("/dev/net/tun", O_RDWR | O_NONBLOCK);
  request.ifr_flags = IFF_TAP | IFF_NO_PI;
  strncpy(request.ifr_name, name, IFNAMSIZ - 1);
  if (device < 0 || ioctl(device, TUNSETIFF, &request) < 0) {
    perror(name);
    exit(1);
  }
  return device;
}

int main(int count, char **words) {
  if (count != 5) return 2;
  int device[2] = {tap(words[1]), tap(words[2])};
  uint64_t delay = strtoull(words[3], NULL, 10) * 1000000ull;
  long lost = atol(words[4]);
  static unsigned char bytes[PACKET];
  srandom(20260105);
  puts("ready");
  fflush(stdout);
  for (;;) {
    uint64_t time = now(), next = time + 50000000ull;
    for (int side = 0; side < 2; side++) {
      way *w = &ways[side];
      while (w->count > 0 && w->packets[w->first].at <= time) {
        packet *p = &w->packets[w->first];
        if (write(device[!side], p->bytes, p->length) < 0) { /* as a full cable loses */
        }
        free(p->bytes);
        w->first = (w->first + 1) % MOST_PACKETS;
        w->count--;
      }
      if (w->count > 0 && w->packets[w->first].at < next) next = w->packets[w->first].at;
    }
    struct pollfd polls[3] = {{device[0], POLLIN, 0}, {device[1], POLLIN, 0}, {0, POLLIN, 0}};
    struct timespec wait = {0, (long)(next > time ? next - time : 0)};
    ppoll(polls, 3, &wait, NULL);
    if (polls[2].revents != 0 && read(0, bytes, sizeof bytes) <= 0) return 0;
    for (int side = 0; side < 2; side++) {
      way *w = &ways[side];
      for (int many = 0; many < 64; many++) {
        int length = read(device[side], bytes, sizeof bytes);
        if (length <= 0) break;
        if (w->count == MOST_PACKETS || random() % 1000000 < lost) continue;
        packet *p = &w->packets[(w->first + w->count++) % MOST_PACKETS];
        p->at = now() + delay;
        p->length = length;
        p->bytes = malloc(length);
        memcpy(p->bytes, bytes, length);
      }
    }
  }
}
