// thrum/benchmarks/udp/thrum_mmsg.cpp: yard, benchmarks
// A UDP echo server on thrum's batches, on a free port, which it prints.
#include <thrum/sockets.hpp>
#include <thrum/threads.hpp>

#include <cstdio>

int main() {
    thrum::Thread serving([] {
        thrum::Socket socket(AF_INET, SOCK_DGRAM);
        socket.bind({"127.0.0.1", 0});
        std::printf("%d\n", socket.getsockname().port());
        std::fflush(stdout);
        thrum::DatagramBatch batch;
        for (;;) {
            socket.recv_batch(batch);
            socket.send_batch(batch);
        }
    });
    serving.join();
}
