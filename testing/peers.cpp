// thrum/testing/peers.cpp: yard, testing
// The peers' configuration. Each is tried on a few ports, since a free port may be taken before the peer
// binds it.
#include <thrum/base/errors.hpp>
#include <thrum/base/file.hpp>
#include <thrum/testing/peers.hpp>

namespace thrum::testing {

namespace fs = std::filesystem;

namespace {

constexpr int port_attempts = 3;

std::string nginx_configuration(const fs::path& folder, std::uint16_t port, std::uint16_t tls_port,
                                const NginxOptions& options) {
    const std::string at = folder.string();
    std::string text =
        "daemon off;\nmaster_process off;\npid " + at + "/pid;\nerror_log " + at + "/error.log;\n";
    text += "events { worker_connections 4096; }\nhttp {\naccess_log " + at + "/access.log;\n";
    for (const char* kind : {"client_body", "proxy", "fastcgi", "uwsgi", "scgi"}) {
        text += std::string(kind) + "_temp_path " + at + "/" + kind + ";\n";
    }
    text += "types { image/jpeg jpg; application/json json; text/plain txt; text/html html; }\n";
    text += "keepalive_requests 1000000;\nsendfile on;\ntcp_nopush on;\n" + options.http_lines;
    text += "server {\nlisten 127.0.0.1:" + std::to_string(port) + ";\n";
    if (options.certificate) {
        text += "listen 127.0.0.1:" + std::to_string(tls_port) + " ssl;\nssl_certificate " +
                options.certificate->certificate.string() + ";\nssl_certificate_key " +
                options.certificate->key.string() + ";\nssl_session_cache shared:tls:1m;\n";
    }
    return text + "root " + at + "/root;\n" + options.server_lines + "}\n}\n";
}

// What a peer said before it gave up, for the message of the error.
std::string said(const fs::path& log) { return fs::exists(log) ? ":\n" + read_file(log) : std::string(); }

}  // namespace

Nginx::Nginx(const NginxOptions& options) : folder_("thrum-nginx") {
    // Started by root, nginx serves as another user, who must be able to enter the folder.
    fs::permissions(folder_.path(), fs::perms(0755));
    fs::create_directory(root());
    for (int attempt = 1;; ++attempt) {
        port_ = free_port();
        tls_port_ = options.certificate ? free_port() : 0;
        write_file(folder_ / "nginx.conf", nginx_configuration(folder_.path(), port_, tls_port_, options));
        const std::string program = fs::exists("/usr/sbin/nginx") ? "/usr/sbin/nginx" : "nginx";
        process_.emplace(std::vector<std::string>{program, "-p", folder_.path(), "-e", folder_ / "error.log",
                                                  "-c", folder_ / "nginx.conf"},
                         ProcessOptions{.output = folder_ / "output"});
        try {
            wait_until_listens(port_, *process_);
            // It listens on one after the other, and tries again for a while where a port is taken.
            if (options.certificate) wait_until_listens(tls_port_, *process_);
            return;
        } catch (const Error& error) {
            if (attempt == port_attempts) {
                throw Error(std::string("nginx did not start (Debian package nginx): ") + error.what() +
                            said(folder_ / "error.log") + said(folder_ / "output"));
            }
        }
    }
}

std::string Nginx::access_log() const { return read_file(folder_ / "access.log"); }

Httpbin::Httpbin() : folder_("thrum-httpbin") {
    for (int attempt = 1;; ++attempt) {
        port_ = free_port();
        // Debian's own interpreter, which sees Debian's packages whatever PATH says.
        process_.emplace(
            std::vector<std::string>{"/usr/bin/python3", "-m", "gunicorn", "httpbin:app", "-b",
                                     "127.0.0.1:" + std::to_string(port_), "-k", "gthread", "--threads", "8",
                                     "--keep-alive", "30", "--graceful-timeout", "1", "--worker-tmp-dir",
                                     folder_.path()},
            ProcessOptions{.output = folder_ / "output", .folder = folder_.path()});
        try {
            wait_until_listens(port_, *process_);
            return;
        } catch (const Error& error) {
            if (attempt == port_attempts) {
                throw Error(
                    std::string(
                        "httpbin did not start (Debian packages python3-httpbin, python3-gunicorn): ") +
                    error.what() + said(folder_ / "output"));
            }
        }
    }
}

}  // namespace thrum::testing
