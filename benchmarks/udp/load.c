/* load PORT PID IN_FLIGHT DATAGRAMS SIZE: so many datagrams in flight at a time to the UDP echo server of
 * that process, in batches of 64. Prints datagrams per second and the server's processor time in microseconds
 * per datagram (/proc/PID/schedstat of each of its threads). What is lost is sent again after 0.1 s. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

enum { BATCH = 64, LARGEST = 2048 };

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

/* Seconds that all threads of the process have run. */
static double spent(const char* pid) {
    char path[400];
    double sum = 0;
    snprintf(path, sizeof path, "/proc/%s/task", pid);
    DIR* tasks = opendir(path);
    if (tasks == NULL) return 0;
    for (struct dirent* entry; (entry = readdir(tasks)) != NULL;) {
        if (entry->d_name[0] == '.') continue;
        snprintf(path, sizeof path, "/proc/%s/task/%s/schedstat", pid, entry->d_name);
        FILE* file = fopen(path, "r");
        double nanoseconds = 0;
        if (file != NULL && fscanf(file, "%lf", &nanoseconds) == 1) sum += nanoseconds / 1e9;
        if (file != NULL) fclose(file);
    }
    closedir(tasks);
    return sum;
}

int main(int argc, char** argv) {
    if (argc != 6) return 2;
    long window = atol(argv[3]);
    long wanted = atol(argv[4]);
    static char buffer[LARGEST];
    size_t size = (size_t)atoi(argv[5]) < LARGEST ? (size_t)atoi(argv[5]) : LARGEST;
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)atoi(argv[1])),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    if (fd < 0 || connect(fd, (struct sockaddr*)&address, sizeof address) != 0) {
        perror("load: connect");
        return 1;
    }
    static struct iovec bytes[BATCH];
    static struct mmsghdr messages[BATCH];
    for (int i = 0; i < BATCH; ++i) {
        bytes[i] = (struct iovec){buffer, size};
        messages[i].msg_hdr = (struct msghdr){.msg_iov = &bytes[i], .msg_iovlen = 1};
    }
    double processor = spent(argv[2]);
    double start = now();
    long in_flight = 0;
    for (long answered = 0; answered < wanted;) {
        while (in_flight < window) {
            long count = window - in_flight < BATCH ? window - in_flight : BATCH;
            int went = sendmmsg(fd, messages, (unsigned)count, 0);
            if (went <= 0) break;
            in_flight += went;
        }
        struct pollfd readable = {fd, POLLIN, 0};
        if (poll(&readable, 1, 100) == 0) {
            in_flight = 0;
            continue;
        }
        int got = recvmmsg(fd, messages, BATCH, MSG_DONTWAIT, NULL);
        if (got < 0) continue;
        answered += got;
        in_flight -= got;
    }
    double seconds = now() - start;
    processor = spent(argv[2]) - processor;
    printf("%.0f %.3f\n", (double)wanted / seconds, processor * 1e6 / (double)wanted);
    return 0;
}
