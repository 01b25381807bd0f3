/* load PORT send|receive|relay [OWN_PORT]: the other end of a large transfer (../load.h). `send`: takes all
 * that the server sends. `receive`: sends so many bytes and waits for the end. `relay`: does both, and waits
 * at OWN_PORT for the server's connection. For each number of bytes it prints megabytes per second. */
#define _GNU_SOURCE
#include <thrum/benchmarks/load.h>

#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/wait.h>

enum { PIECE = 1 << 20 };

static struct sockaddr_in address;
static int zeros;

/* Sent from the page cache and thrown away uncopied (MSG_TRUNC, tcp(7)): the load must not be the slower end.
 */
static void give(int fd, long bytes) {
    while (bytes > 0) {
        off_t from = 0;
        ssize_t went = sendfile(fd, zeros, &from, (size_t)(bytes < PIECE ? bytes : PIECE));
        if (went <= 0) die("load: sendfile");
        bytes -= went;
    }
    shutdown(fd, SHUT_WR);
}

static long take(int fd) {
    static char buffer[PIECE];
    long bytes = 0;
    for (;;) {
        ssize_t size = recv(fd, buffer, sizeof buffer, MSG_TRUNC);
        if (size < 0) die("load: recv");
        if (size == 0) return bytes;
        bytes += size;
    }
}

static int listening(const char* port) {
    struct sockaddr_in own = loopback(port);
    int one = 1;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(fd, (struct sockaddr*)&own, sizeof own) != 0 || listen(fd, 1) != 0) die("load: listen");
    return fd;
}

static void expect(long got, long wanted) {
    if (got == wanted) return;
    fprintf(stderr, "load: %ld bytes came, not %ld\n", got, wanted);
    exit(1);
}

static void run(const char* mode, int listener, long bytes) {
    int fd = connected(&address);
    if (strcmp(mode, "send") == 0) {
        expect(take(fd), bytes);
    } else if (strcmp(mode, "receive") == 0) {
        give(fd, bytes);
        expect(take(fd), 0);
    } else {
        pid_t child = fork();
        if (child == 0) {
            give(fd, bytes);
            _exit(0);
        }
        int taken = accept(listener, NULL, NULL);
        expect(take(taken), bytes);
        close(taken);
        waitpid(child, NULL, 0);
        expect(take(fd), 0);
    }
    close(fd);
}

int main(int argc, char** argv) {
    if (argc < 3) return 2;
    address = loopback(argv[1]);
    zeros = memfd_create("zeros", 0);
    if (zeros < 0 || ftruncate(zeros, PIECE) != 0) die("load: memfd_create");
    int listener = argc > 3 ? listening(argv[3]) : -1;
    ready();
    for (long bytes; (bytes = asked()) > 0;) {
        uint64_t start = now();
        run(argv[2], listener, bytes);
        printf("%.0f\n", (double)bytes / 1e6 / seconds_since(start));
        fflush(stdout);
    }
    return 0;
}
