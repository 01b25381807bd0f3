// thrum/testing/peers.hpp: yard, testing
// Real servers to talk to: nginx, and httpbin under gunicorn, each on a free loopback port.
#pragma once

#include <thrum/testing/certificates.hpp>
#include <thrum/testing/network.hpp>
#include <thrum/testing/process.hpp>

#include <cstdint>
#include <optional>
#include <string>

namespace thrum::testing {

struct NginxOptions {
    std::optional<Certificate> certificate = {};  // serves https too where given
    std::string server_lines = {};                // more configuration inside `server { }`
    std::string http_lines = {};                  // more configuration inside `http { }`
};

// nginx serving the folder root(), which starts empty. Throws Error with nginx's own words when it does not
// start.
class Nginx {
public:
    explicit Nginx(const NginxOptions& options = {});

    // Put files here.
    std::filesystem::path root() const { return folder_ / "root"; }
    std::uint16_t port() const noexcept { return port_; }
    std::uint16_t tls_port() const noexcept { return tls_port_; }
    // "http://127.0.0.1:PORT" and "https://localhost:PORT", without a last slash.
    std::string url() const { return "http://127.0.0.1:" + std::to_string(port_); }
    std::string tls_url() const { return "https://localhost:" + std::to_string(tls_port_); }
    std::string access_log() const;

private:
    TemporaryDirectory folder_;
    std::uint16_t port_ = 0;
    std::uint16_t tls_port_ = 0;
    std::optional<Process> process_;
};

// httpbin, the echo service, with kept-alive connections and eight threads.
class Httpbin {
public:
    Httpbin();

    std::uint16_t port() const noexcept { return port_; }
    // "http://127.0.0.1:PORT", without a last slash.
    std::string url() const { return "http://127.0.0.1:" + std::to_string(port_); }

private:
    TemporaryDirectory folder_;
    std::uint16_t port_ = 0;
    std::optional<Process> process_;
};

}  // namespace thrum::testing
