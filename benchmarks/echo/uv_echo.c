/* An echo server on libuv: a buffer per client, which is read into and written from; what the kernel takes at
 * once (uv_try_write) needs no request. Prints its port. */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

enum { BUFFER = 4096, BACKLOG = 4096 };

struct client {
    uv_tcp_t stream;
    uv_write_t request;
    char buffer[BUFFER];
};

static void closed(uv_handle_t* handle) { free(handle->data); }

static void lend(uv_handle_t* handle, size_t suggested, uv_buf_t* buffer) {
    (void)suggested;
    struct client* client = handle->data;
    *buffer = uv_buf_init(client->buffer, BUFFER);
}

static void received(uv_stream_t* stream, ssize_t size, const uv_buf_t* buffer);

static void written(uv_write_t* request, int status) {
    struct client* client = request->data;
    if (status < 0)
        uv_close((uv_handle_t*)&client->stream, closed);
    else
        uv_read_start((uv_stream_t*)&client->stream, lend, received);
}

static void received(uv_stream_t* stream, ssize_t size, const uv_buf_t* buffer) {
    struct client* client = stream->data;
    if (size == 0) return;
    if (size < 0) {
        uv_close((uv_handle_t*)stream, closed);
        return;
    }
    uv_buf_t back = uv_buf_init(buffer->base, (unsigned)size);
    int sent = uv_try_write(stream, &back, 1);
    if (sent == size) return;
    if (sent < 0 && sent != UV_EAGAIN) {
        uv_close((uv_handle_t*)stream, closed);
        return;
    }
    /* The rest when the kernel takes it; until then nothing is read over it. */
    sent = sent < 0 ? 0 : sent;
    back = uv_buf_init(buffer->base + sent, (unsigned)(size - sent));
    client->request.data = client;
    uv_read_stop(stream);
    uv_write(&client->request, stream, &back, 1, written);
}

static void accepted(uv_stream_t* server, int status) {
    if (status < 0) return;
    struct client* client = malloc(sizeof *client);
    uv_tcp_init(server->loop, &client->stream);
    client->stream.data = client;
    if (uv_accept(server, (uv_stream_t*)&client->stream) != 0) {
        uv_close((uv_handle_t*)&client->stream, closed);
        return;
    }
    uv_tcp_nodelay(&client->stream, 1);
    uv_read_start((uv_stream_t*)&client->stream, lend, received);
}

int main(void) {
    uv_loop_t* loop = uv_default_loop();
    uv_tcp_t server;
    struct sockaddr_in address;
    int length = sizeof address;
    uv_ip4_addr("127.0.0.1", 0, &address);
    uv_tcp_init(loop, &server);
    int error = uv_tcp_bind(&server, (struct sockaddr*)&address, 0);
    if (error == 0) error = uv_listen((uv_stream_t*)&server, BACKLOG, accepted);
    if (error == 0) error = uv_tcp_getsockname(&server, (struct sockaddr*)&address, &length);
    if (error != 0) {
        fprintf(stderr, "uv_echo: cannot listen: %s\n", uv_strerror(error));
        return 1;
    }
    printf("%d\n", ntohs(address.sin_port));
    fflush(stdout);
    return uv_run(loop, UV_RUN_DEFAULT);
}
