/* load PORT CONNECTIONS REQUESTS [SIZE]: TLS ping-pong of SIZE (512) bytes on all connections at once, from
 * one thread. load PORT handshakes COUNT: so many full handshakes, one after another; resumed: the same with
 * sessions resumed. Prints requests (handshakes) per second. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { EVENTS = 256, LARGEST = 16384 };

struct connection {
    int fd;
    int received;
    SSL* ssl;
};

static SSL_CTX* context;
static struct sockaddr_in address;
static SSL_SESSION* session;
static char block[LARGEST];

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static void die(const char* what) {
    perror(what);
    ERR_print_errors_fp(stderr);
    exit(1);
}

static int remember(SSL* ssl, SSL_SESSION* made) {
    (void)ssl;
    SSL_SESSION_free(session);
    session = made;
    return 1;
}

static void start(struct connection* c, int resume) {
    int one = 1;
    c->fd = socket(AF_INET, SOCK_STREAM, 0);
    if (c->fd < 0 || connect(c->fd, (struct sockaddr*)&address, sizeof address) != 0) die("load: connect");
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    c->ssl = SSL_new(context);
    SSL_set_fd(c->ssl, c->fd);
    if (resume && session != NULL) SSL_set_session(c->ssl, session);
    if (SSL_connect(c->ssl) != 1) die("load: handshake");
}

static void ping(struct connection* c, int size) {
    c->received = 0;
    if (SSL_write(c->ssl, block, size) != size) die("load: write");
}

static void handshakes(int count, int resume) {
    int resumed = 0;
    double begin = now();
    for (int i = 0; i < count; ++i) {
        struct connection c;
        char byte;
        start(&c, resume);
        ping(&c, 1);
        if (SSL_read(c.ssl, &byte, 1) != 1) die("load: read");
        resumed += SSL_session_reused(c.ssl);
        SSL_shutdown(c.ssl);
        SSL_free(c.ssl);
        close(c.fd);
    }
    if (resumed != (resume ? count - 1 : 0)) fprintf(stderr, "load: %d of %d were resumed\n", resumed, count);
    printf("%.0f\n", count / (now() - begin));
}

static void echo(int connections, long requests, int size) {
    struct connection* all = calloc((size_t)connections, sizeof *all);
    int epoll = epoll_create1(0);
    for (int i = 0; i < connections; ++i) {
        start(&all[i], 0);
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = &all[i]};
        epoll_ctl(epoll, EPOLL_CTL_ADD, all[i].fd, &event);
    }
    double begin = now();
    long sent = 0;
    long answered = 0;
    for (; sent < connections && sent < requests; ++sent) ping(&all[sent], size);
    while (answered < requests) {
        struct epoll_event events[EVENTS];
        int count = epoll_wait(epoll, events, EVENTS, 10000);
        if (count == 0) {
            fprintf(stderr, "load: no answer for 10 s\n");
            exit(1);
        }
        for (int i = 0; i < count; ++i) {
            struct connection* c = events[i].data.ptr;
            char buffer[LARGEST];
            int got = SSL_read(c->ssl, buffer, size - c->received);
            if (got <= 0) die("load: read");
            c->received += got;
            if (c->received < size) continue;
            ++answered;
            if (sent < requests) {
                ping(c, size);
                ++sent;
            }
        }
    }
    printf("%.0f\n", (double)requests / (now() - begin));
}

int main(int argc, char** argv) {
    if (argc < 4) return 2;
    signal(SIGPIPE, SIG_IGN);
    address.sin_family = AF_INET;
    address.sin_port = htons((uint16_t)atoi(argv[1]));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    context = SSL_CTX_new(TLS_client_method());
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(context, remember);
    if (strcmp(argv[2], "handshakes") == 0 || strcmp(argv[2], "resumed") == 0) {
        handshakes(atoi(argv[3]), argv[2][0] == 'r');
    } else {
        echo(atoi(argv[2]), atol(argv[3]), argc > 4 ? atoi(argv[4]) : 512);
    }
    return 0;
}
