/* load PORT CONNECTIONS SIZE: TLS ping-pong of SIZE bytes on all connections at once, from one thread
 * (../load.h). load PORT handshakes: full handshakes, one after another; load PORT resumed: the same with
 * sessions resumed. For each number of requests (handshakes) it prints how many there were in a second. */
#define _GNU_SOURCE
#include <thrum/benchmarks/load.h>

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <signal.h>

enum { LARGEST = 16384, WARM_UP = 200, WARM_UP_HANDSHAKES = 50 };

struct connection {
    int fd;
    int received;
    SSL* ssl;
};

static SSL_CTX* context;
static struct sockaddr_in address;
static SSL_SESSION* session;
static char block[LARGEST];
static struct connection* all;
static int connections;
static int size;
static int epoll;
static int resume;

static void give_up(const char* what) {
    ERR_print_errors_fp(stderr);
    die(what);
}

static int remember(SSL* ssl, SSL_SESSION* made) {
    (void)ssl;
    SSL_SESSION_free(session);
    session = made;
    return 1;
}

static void start(struct connection* c) {
    c->fd = connected(&address);
    c->ssl = SSL_new(context);
    SSL_set_fd(c->ssl, c->fd);
    if (resume && session != NULL) SSL_set_session(c->ssl, session);
    if (SSL_connect(c->ssl) != 1) give_up("load: handshake");
}

static void ping(struct connection* c, int bytes) {
    c->received = 0;
    if (SSL_write(c->ssl, block, bytes) != bytes) give_up("load: write");
}

static void handshakes(long count) {
    for (long i = 0; i < count; ++i) {
        struct connection c;
        char byte;
        int knew = session != NULL;
        start(&c);
        ping(&c, 1);
        if (SSL_read(c.ssl, &byte, 1) != 1) give_up("load: read");
        if (SSL_session_reused(c.ssl) != (resume && knew))
            fprintf(stderr, "load: resumed, or not, against its task\n");
        SSL_shutdown(c.ssl);
        SSL_free(c.ssl);
        close(c.fd);
    }
}

static void echo(long requests) {
    long sent = 0;
    long answered = 0;
    for (; sent < connections && sent < requests; ++sent) ping(&all[sent], size);
    while (answered < requests) {
        struct epoll_event events[EVENTS];
        int count = events_of(epoll, events);
        for (int i = 0; i < count; ++i) {
            struct connection* c = events[i].data.ptr;
            char buffer[LARGEST];
            int got = SSL_read(c->ssl, buffer, size - c->received);
            if (got <= 0) give_up("load: read");
            c->received += got;
            if (c->received < size) continue;
            ++answered;
            if (sent < requests) {
                ping(c, size);
                ++sent;
            }
        }
    }
}

static void connect_all(void) {
    all = calloc((size_t)connections, sizeof *all);
    epoll = epoll_create1(0);
    for (int i = 0; i < connections; ++i) {
        start(&all[i]);
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = &all[i]};
        epoll_ctl(epoll, EPOLL_CTL_ADD, all[i].fd, &event);
    }
}

int main(int argc, char** argv) {
    if (argc < 3) return 2;
    signal(SIGPIPE, SIG_IGN);
    address = loopback(argv[1]);
    context = SSL_CTX_new(TLS_client_method());
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(context, remember);
    resume = strcmp(argv[2], "resumed") == 0;
    connections = atoi(argv[2]);
    size = argc > 3 ? atoi(argv[3]) : 1;
    void (*const run)(long) = connections > 0 ? echo : handshakes;
    if (connections > 0) connect_all();
    run(connections > 0 ? WARM_UP : WARM_UP_HANDSHAKES);
    ready();
    for (long count; (count = asked()) > 0;) {
        uint64_t began = now();
        run(count);
        printf("%.0f\n", (double)count / seconds_since(began));
        fflush(stdout);
    }
    return 0;
}
