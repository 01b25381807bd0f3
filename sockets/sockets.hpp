// thrum/sockets/sockets.hpp: floor 2, sockets
// Everything on the sockets floor.
#pragma once

#include <thrum/sockets/address.hpp>
#include <thrum/sockets/ancillary.hpp>
#include <thrum/sockets/buffered_stream.hpp>
#include <thrum/sockets/connection.hpp>
#include <thrum/sockets/datagram_batch.hpp>
#include <thrum/sockets/relay.hpp>
#include <thrum/sockets/resolver.hpp>
#include <thrum/sockets/server.hpp>
#include <thrum/sockets/server_statistics.hpp>
#include <thrum/sockets/socket.hpp>
#include <thrum/sockets/socket_options.hpp>
#include <thrum/sockets/stream.hpp>
#include <thrum/sockets/tls.hpp>
#include <thrum/sockets/udp_server.hpp>
#include <thrum/sockets/zerocopy.hpp>
