// thrum/requests/redirect_test.cpp: floor 4, requests
// Redirects lead where they should, with what may go along and nothing else.
#include <thrum/requests/requests.hpp>
#include <thrum/testing/failures.hpp>
#include <thrum/testing/network.hpp>
#include <thrum/testing/raw_server.hpp>
#include <thrum/threads/deadline.hpp>

#include <gtest/gtest.h>

#include <mutex>
#include <string>

namespace thrum::requests {
namespace {

// A server that answers paths with redirects, and keeps the requests it saw.
class Redirector {
public:
    std::string answer_for(const std::string& target) const {
        for (const auto& [path, status, location] : routes) {
            if (target == path) {
                return "HTTP/1.1 " + std::to_string(status) + " Moved\r\nLocation: " + location +
                       "\r\nContent-Length: 4\r\n\r\nmove";
            }
        }
        return "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ndone";
    }

    struct Route {
        std::string path;
        int status;
        std::string location;
    };
    std::vector<Route> routes = {};
    std::vector<std::string> seen() {
        const std::lock_guard guard(mutex_);
        return seen_;
    }
    std::string last() { return seen().back(); }

    testing::RawServer server = testing::RawServer([this](testing::RawConnection& connection, int) {
        for (;;) {
            const std::string request = connection.read_request();
            if (request.empty()) return;
            {
                const std::lock_guard guard(mutex_);
                seen_.push_back(request);
            }
            const std::size_t begin = request.find(' ') + 1;
            connection.send(answer_for(request.substr(begin, request.find(' ', begin) - begin)));
        }
    });

private:
    std::mutex mutex_;
    std::vector<std::string> seen_;
};

bool holds(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

// Method and body after each status, as Python's requests has them.
TEST(Redirect, RewritesTheMethod) {
    const struct {
        int status;
        const char* method;
        const char* then;
        bool with_body;
    } cases[] = {
        {301, "GET", "GET", false},  {301, "POST", "GET", false}, {301, "PUT", "PUT", true},
        {302, "POST", "GET", false}, {302, "PUT", "GET", false},  {302, "DELETE", "GET", false},
        {303, "POST", "GET", false}, {303, "PUT", "GET", false},  {307, "POST", "POST", true},
        {307, "PUT", "PUT", true},   {308, "POST", "POST", true}, {308, "DELETE", "DELETE", true},
    };
    for (const auto& [status, method, then, with_body] : cases) {
        Redirector peer;
        peer.routes = {{"/from", status, "/to"}};
        const bool is_get = std::string(method) == "GET";
        Session session;
        const Response response = session.request(method, peer.server.url() + "/from",
                                                  {.headers = {{"Content-Type", "text/plain"}},
                                                   .body = is_get ? std::optional<std::string>() : "body"});
        const std::string what = std::to_string(status) + " " + method;
        EXPECT_TRUE(peer.last().starts_with(std::string(then) + " /to ")) << what << '\n' << peer.last();
        EXPECT_EQ(holds(peer.last(), "\r\n\r\nbody"), with_body) << what;
        if (!is_get) {
            EXPECT_EQ(holds(peer.last(), "Content-Type"), with_body) << what;
            EXPECT_EQ(holds(peer.last(), "Content-Length: 4"), with_body) << what;
        }
        ASSERT_EQ(response.history().size(), 1U);
        EXPECT_EQ(response.history()[0].status_code(), status);
        EXPECT_EQ(response.history()[0].url(), peer.server.url() + "/from");
        EXPECT_EQ(response.history()[0].content(), "move");
        EXPECT_EQ(response.url(), peer.server.url() + "/to");
        EXPECT_EQ(peer.server.connections(), 1) << "the redirect's connection is used again";
    }
}

// CVE-2023-45803 of urllib3: a body outlived the change of the method, and went to whom the redirect named.
// Here a GET or HEAD whose method does not change loses its body too.
TEST(Redirect, Cve202345803DropsTheBody) {
    const struct {
        int status;
        const char* method;
        bool with_body;
    } cases[] = {{303, "GET", false},  {302, "GET", false},   {301, "GET", false}, {303, "POST", false},
                 {301, "POST", false}, {302, "PATCH", false}, {307, "GET", true},  {308, "GET", true},
                 {301, "PUT", true},   {303, "HEAD", false},  {301, "HEAD", false}};
    for (const auto& [status, method, with_body] : cases) {
        Redirector first;
        Redirector second;
        first.routes = {{"/from", status, second.server.url() + "/to"}};
        const bool is_head = std::string(method) == "HEAD";
        // The Redirector answers HEAD with a body; what comes of that is another matter.
        try {
            request(method, first.server.url() + "/from",
                    {.headers = {{"Content-Type", "text/plain"}, {"content-md5", "x"}, {"Digest", "y"}},
                     .body = "secret",
                     .timeout = std::chrono::seconds(5),
                     .allow_redirects = true});
        } catch (const RequestException& error) {
            EXPECT_TRUE(is_head) << error.what();
        }
        const std::string what = std::to_string(status) + " " + method;
        ASSERT_EQ(second.seen().size(), 1U) << what;
        EXPECT_EQ(holds(second.last(), "secret"), with_body) << what << '\n' << second.last();
        for (const char* name : {"Content-Type", "content-md5", "Digest"})
            EXPECT_EQ(holds(second.last(), name), with_body) << what << ' ' << name;
    }
}

// What a server writes into Location is quoted without its password.
TEST(Redirect, HidesPasswordsInMessages) {
    Redirector peer;
    for (const char* location :
         {"http://user:secret@[oops/", "ftp://user:secret@127.0.0.1/",
          "http://user:a/secret@127.0.0.1:99999/", "http://user:secret@127.0.0.1:1/x"}) {
        peer.routes = {{"/a", 302, location}};
        Session session;
        for (const int most : {0, 5}) {
            session.set_max_redirects(most);
            try {
                session.get(peer.server.url() + "/a");
                ADD_FAILURE() << location;
            } catch (const RequestException& error) {
                EXPECT_FALSE(holds(error.what(), "secret")) << error.what();
            }
        }
    }
}

// HEAD stays where it is unless told otherwise, and stays HEAD; GET can be told to stay.
TEST(Redirect, IsFollowedOnlyWhereWanted) {
    // As a server answers HEAD: the length of a body that is not sent.
    testing::RawServer server([](testing::RawConnection& connection, int) {
        for (std::string request; !(request = connection.read_request()).empty();) {
            connection.send(holds(request, " /from ")
                                ? "HTTP/1.1 302 Found\r\nLocation: /to\r\nContent-Length: 0\r\n\r\n"
                                : "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nX-Method: " +
                                      request.substr(0, request.find(' ')) + "\r\n\r\n");
        }
    });
    const std::string url = server.url() + "/from";
    EXPECT_EQ(head(url).status_code(), 302);
    EXPECT_EQ(head(url, {.allow_redirects = true}).headers().at("X-Method"), "HEAD");
    const Response stayed = get(url, {.allow_redirects = false});
    EXPECT_EQ(stayed.status_code(), 302);
    EXPECT_TRUE(stayed.is_redirect());
    EXPECT_TRUE(stayed.history().empty());
}

// Location may be relative in every way, and the fragment stays unless there is a new one.
TEST(Redirect, ResolvesLocation) {
    Redirector peer;
    const std::string base = peer.server.url();
    peer.routes = {{"/a/b", 302, "c?d=e"},
                   {"/a/c?d=e", 302, "../f"},
                   {"/f", 302, base + "/g"},
                   {"/g", 302, "//127.0.0.1:" + std::to_string(peer.server.port()) + "/h"},
                   {"/i", 302, "/j#new"}};
    const Response response = get(base + "/a/b#old");
    EXPECT_EQ(response.url(), base + "/h#old");
    EXPECT_EQ(response.history().size(), 4U);
    EXPECT_EQ(get(base + "/i#old").url(), base + "/j#new");
}

// A circle ends with an error that says so, after exactly the limit.
TEST(Redirect, IsBounded) {
    Redirector peer;
    peer.routes = {{"/a", 302, "/b"}, {"/b", 302, "/a"}};
    EXPECT_THROW(get(peer.server.url() + "/a"), TooManyRedirects);
    EXPECT_EQ(peer.seen().size(), static_cast<std::size_t>(default_max_redirects) + 1);
    Session session;
    session.set_max_redirects(1);
    peer.routes = {{"/one", 302, "/done"}, {"/two", 302, "/one"}};
    EXPECT_EQ(session.get(peer.server.url() + "/one").status_code(), 200);
    EXPECT_THROW(session.get(peer.server.url() + "/two"), TooManyRedirects);
}

// Who asked for one URL and failed at another learns of both, in circles too.
TEST(Redirect, FailuresNameWhereItBegan) {
    Redirector peer;
    const std::string nowhere = "http://127.0.0.1:" + std::to_string(testing::free_port()) + "/x";
    peer.routes = {{"/a", 302, "/b"}, {"/b", 302, nowhere}, {"/c", 302, "/d"}, {"/d", 302, "/c"}};
    const std::string url = peer.server.url();
    const auto refused = testing::expect_failure<ConnectionError>(
        [&] { get(url + "/a"); }, {"GET " + nowhere + ", redirected from " + url + "/a: cannot connect"});
    ASSERT_TRUE(refused);
    EXPECT_EQ(refused->url(), nowhere);
    testing::expect_failure<TooManyRedirects>(
        [&] { get(url + "/c"); }, {"GET " + url + "/c, redirected from " + url + "/c: more than"});
    std::string with_user = url;
    with_user.insert(7, "user:secret@");
    testing::expect_failure<ConnectionError>([&] { get(with_user + "/b"); },
                                             {"redirected from http://user:***@"});
}

// Another port is another origin: neither credentials nor cookies written for the first one go there, not
// even on the way back.
TEST(Redirect, StripsCredentialsForAnotherOrigin) {
    Redirector first;
    Redirector second;
    first.routes = {{"/away", 307, second.server.url() + "/seen"},
                    {"/round", 307, second.server.url() + "/back"}};
    second.routes = {{"/back", 307, first.server.url() + "/again"}};
    const Options options = {.headers = {{"Proxy-Authorization", "hush"}},
                             .auth = BasicAuth("user", "secret"),
                             .cookies = {{"own", "secret"}}};
    for (const char* path : {"/away", "/round"}) {
        Session session;
        session.get(first.server.url() + path, options);
        EXPECT_TRUE(holds(first.seen()[0], "Authorization: Basic "));
        EXPECT_TRUE(holds(first.seen()[0], "Cookie: own=secret"));
        EXPECT_FALSE(holds(second.last(), "uthorization")) << second.last();
        EXPECT_FALSE(holds(second.last(), "Cookie")) << second.last();
    }
    EXPECT_TRUE(holds(first.last(), "GET /again "));
    EXPECT_FALSE(holds(first.last(), "uthorization"));
    // Those of a header, of the session and of the URL no less.
    Session session;
    session.set_auth(BearerAuth("secret"));
    session.get(first.server.url() + "/away");
    EXPECT_FALSE(holds(second.last(), "uthorization"));
    get(first.server.url() + "/away", {.headers = {{"Authorization", "secret"}, {"Cookie", "a=secret"}}});
    EXPECT_FALSE(holds(second.last(), "secret"));
    std::string url = first.server.url();
    get(url.insert(7, "user:secret@") + "/away");
    EXPECT_FALSE(holds(second.last(), "uthorization"));
}

// Within one origin they stay.
TEST(Redirect, KeepsCredentialsWithinTheOrigin) {
    Redirector peer;
    peer.routes = {{"/a", 302, "/b"}};
    get(peer.server.url() + "/a", {.auth = BasicAuth("user", "secret"), .cookies = {{"own", "1"}}});
    EXPECT_TRUE(holds(peer.last(), "Authorization: Basic "));
    EXPECT_TRUE(holds(peer.last(), "Cookie: own=1"));
}

// Redirects lead to http and https only, and to what is a URL.
TEST(Redirect, DoesNotLeaveHttp) {
    Redirector peer;
    peer.routes = {
        {"/a", 302, "file:///etc/passwd"}, {"/b", 302, "ftp://127.0.0.1/"}, {"/c", 302, "http://[oops/"}};
    for (const char* path : {"/a", "/b", "/c"})
        EXPECT_THROW(get(peer.server.url() + path), InvalidURL) << path;
}

// A redirect whose body drips or never comes is not waited for; the answer it leads to is.
TEST(Redirect, DrainsForAShortTime) {
    testing::RawServer server([](testing::RawConnection& connection, int) {
        for (std::string request; !(request = connection.read_request()).empty();) {
            if (!holds(request, " /from ")) {
                connection.send("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ndone");
                continue;
            }
            connection.send("HTTP/1.1 302 Found\r\nLocation: /to\r\nContent-Length: 100\r\n\r\nx");
            connection.wait_for_close();
            return;
        }
    });
    // Without the bound, the read timeout would end the drain as well, but not before the total one.
    const Timeouts timeouts = {std::chrono::seconds(10), std::chrono::seconds(30), std::chrono::seconds(30)};
    EXPECT_EQ(get(server.url() + "/from", {.timeout = timeouts}).content(), "done");
    EXPECT_EQ(server.connections(), 2);
    // The caller's own scope still ends it as the caller's.
    const thrum::Timeout scope(std::chrono::milliseconds(20));
    EXPECT_THROW(get(server.url() + "/from", {.timeout = timeouts}), TimeoutError);
}

// A redirect's body is read within bounds: a long one costs the connection, not the download.
TEST(Redirect, DrainsWithinBounds) {
    testing::RawServer server([](testing::RawConnection& connection, int) {
        for (std::string request; !(request = connection.read_request()).empty();) {
            if (!holds(request, " /from ")) {
                connection.send("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ndone");
                continue;
            }
            connection.send("HTTP/1.1 302 Found\r\nLocation: /to\r\nContent-Length: 1000000000000\r\n\r\n");
            while (connection.send(std::string(65536, 'x'))) {
            }
            return;
        }
    });
    const Response response = get(server.url() + "/from");
    EXPECT_EQ(response.content(), "done");
    EXPECT_EQ(server.connections(), 2);
}

}  // namespace
}  // namespace thrum::requests
