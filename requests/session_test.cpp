// thrum/requests/session_test.cpp: floor 4, requests
// What a request says arrives at a real httpbin as it was meant, and its answer comes back.
#include <thrum/http/json.hpp>
#include <thrum/requests/requests.hpp>
#include <thrum/testing/failures.hpp>
#include <thrum/testing/peers.hpp>
#include <thrum/testing/raw_server.hpp>
#include <thrum/threads/thread.hpp>

#include <gtest/gtest.h>

namespace thrum::requests {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;

const std::string& httpbin() {
    static const testing::Httpbin server;
    static const std::string url = server.url();
    return url;
}

// Each verb reaches the server under its name.
TEST(Api, SpeaksEveryVerb) {
    const std::string url = httpbin() + "/anything";
    EXPECT_EQ(get(url).json()["method"], "GET");
    EXPECT_EQ(post(url).json()["method"], "POST");
    EXPECT_EQ(put(url).json()["method"], "PUT");
    EXPECT_EQ(patch(url).json()["method"], "PATCH");
    EXPECT_EQ(del(url).json()["method"], "DELETE");
    EXPECT_EQ(request("trace", url).json()["method"], "TRACE");
    EXPECT_NE(options(url).headers().at("allow").find("PATCH"), std::string::npos);
    const Response headed = head(url);
    EXPECT_EQ(headed.status_code(), 200);
    EXPECT_EQ(headed.content(), "");
    EXPECT_NE(headed.headers().at("Content-Length"), "0");
}

// Parameters join the URL's own query, escaped; the session's come first.
TEST(Session, MergesParams) {
    Session session;
    session.params().add("key", "s");
    const json args =
        session.get(httpbin() + "/get?own=1", {.params = {{"q", "threads & sockets"}, {"n", 2}, {"q", "é"}}})
            .json()["args"];
    EXPECT_EQ(args, json({{"own", "1"}, {"key", "s"}, {"n", "2"}, {"q", {"threads & sockets", "é"}}}));
}

// Each kind of body is sent with its type, which a header of the caller's replaces; two kinds at once are
// refused.
TEST(Session, SendsBodies) {
    Session session;
    const std::string url = httpbin() + "/post";
    const json form = session.post(url, {.data = {{"name", "thrum"}, {"a b", "c&d"}}}).json();
    EXPECT_EQ(form["form"], json({{"name", "thrum"}, {"a b", "c&d"}}));
    EXPECT_EQ(form["headers"]["Content-Type"], "application/x-www-form-urlencoded");
    const json sent = session.post(url, {.json = {{"title", "foo"}, {"done", true}}}).json();
    EXPECT_EQ(sent["json"], json({{"title", "foo"}, {"done", true}}));
    EXPECT_EQ(sent["headers"]["Content-Type"], "application/json");
    EXPECT_EQ(session.post(url, {.json = nullptr}).json()["data"], "null");
    const json raw =
        session.post(url, {.headers = {{"Content-Type", "text/plain"}}, .body = "as it is"}).json();
    EXPECT_EQ(raw["data"], "as it is");
    EXPECT_EQ(raw["headers"]["Content-Type"], "text/plain");
    EXPECT_EQ(session.post(url).json()["headers"]["Content-Length"], "0");
    const std::string large(3 * 1024 * 1024 + 17, 'x');
    EXPECT_EQ(session.post(url, {.body = large}).json()["data"], large);
    EXPECT_THROW(session.post(url, {.data = {{"a", "b"}}, .body = "c"}), RequestException);
    EXPECT_THROW(session.post(url, {.json = "\xff"}), RequestException);
}

// Headers of the request replace those of the session, which replace the defaults.
TEST(Session, MergesHeaders) {
    Session session;
    session.headers()["X-One"] = "session";
    session.headers()["X-Two"] = "session";
    session.headers()["User-Agent"] = "thrum-test";
    const json headers =
        session.get(httpbin() + "/headers", {.headers = {{"x-two", "request"}}}).json()["headers"];
    EXPECT_EQ(headers["X-One"], "session");
    EXPECT_EQ(headers["X-Two"], "request");
    EXPECT_EQ(headers["User-Agent"], "thrum-test");
    EXPECT_EQ(headers["Accept-Encoding"], "gzip, deflate");
    EXPECT_EQ(headers["Accept"], "*/*");
}

// On the wire: the request line, Host first, each field once, the right length.
TEST(Session, WritesTheRequestAsRfc9112Wants) {
    std::string seen;
    const testing::RawServer server([&](testing::RawConnection& connection, int) {
        seen = connection.read_request();
        connection.send("HTTP/1.1 204 No Content\r\n\r\n");
    });
    put(server.url() + "/a?b=c#d", {.headers = {{"Content-Length", "99"}, {"X", "y"}}, .body = "12345"});
    EXPECT_EQ(seen, "PUT /a?b=c HTTP/1.1\r\nHost: 127.0.0.1:" + std::to_string(server.port()) +
                        "\r\nUser-Agent: thrum/0.1.0\r\nAccept-Encoding: gzip, deflate\r\nAccept: */*\r\n"
                        "X: y\r\nContent-Length: 5\r\n\r\n12345");
}

// What could smuggle a second request is refused before anything is sent.
TEST(Session, RefusesToSmuggle) {
    const testing::RawServer server("HTTP/1.1 204 No Content\r\n\r\n");
    EXPECT_THROW(request("GET / HTTP/1.1\r\nX: ", server.url()), InvalidHeader);
    EXPECT_THROW(get(server.url(), {.headers = {{"X", "y\r\nZ: w"}}}), Error);
    EXPECT_THROW(get(server.url(), {.headers = {{"Transfer-Encoding", "chunked"}}}), InvalidHeader);
    EXPECT_THROW(get(server.url(), {.cookies = {{"a", "b; c=d"}}}), InvalidHeader);
    EXPECT_THROW(get(server.url(), {.cookies = {{"a", "b\r\nX: y"}}}), InvalidHeader);
    EXPECT_EQ(server.connections(), 0);
}

// The answer's line, headers and body are all there; 4xx and 5xx are answers until asked to raise.
TEST(Response, TellsWhatTheServerSaid) {
    const Response response = get(httpbin() + "/response-headers?X-Test=one");
    EXPECT_EQ(response.status_code(), 200);
    EXPECT_EQ(response.reason(), "OK");
    EXPECT_TRUE(response.ok());
    EXPECT_EQ(response.headers().at("x-test"), "one");
    EXPECT_EQ(response.url(), httpbin() + "/response-headers?X-Test=one");
    EXPECT_GT(response.elapsed(), 0ns);
    EXPECT_NO_THROW(response.raise_for_status());
    for (const int status : {400, 404, 418, 500, 503}) {
        const Response failed = get(httpbin() + "/status/" + std::to_string(status));
        EXPECT_FALSE(failed.ok());
        try {
            failed.raise_for_status();
            FAIL() << "did not throw for " << status;
        } catch (const HTTPError& error) {
            EXPECT_EQ(error.response().status_code(), status);
            EXPECT_NE(std::string(error.what()).find(failed.url()), std::string::npos);
            EXPECT_NE(std::string(error.what()).find(std::to_string(status)), std::string::npos);
        }
    }
    EXPECT_THROW(get(httpbin() + "/html").json(), JSONDecodeError);
}

// Where there is no JSON, the status and the beginning of the body say why.
TEST(Response, ToldApartFromJson) {
    const testing::RawServer empty("HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n");
    testing::expect_failure<JSONDecodeError>(
        [&] { get(empty.url()).json(); },
        {"GET " + empty.url() +
         "/: the server answered 500 Internal Server Error with an empty body, which is no JSON"});
    const testing::RawServer busy("HTTP/1.1 503 \r\nContent-Length: 9\r\n\r\n<p>Later.");
    testing::expect_failure<JSONDecodeError>(
        [&] { get(busy.url()).json(); },
        {"the server answered 503, and the body is not JSON: ", "; it begins with \"<p>Later.\""});
}

// Cookies that a server sets come back to it in later requests of the session, those of one request only in
// that one.
TEST(Session, KeepsCookies) {
    Session session;
    session.get(httpbin() + "/cookies/set?flavour=oat");
    EXPECT_EQ(session.cookies().get("flavour"), "oat");
    const json seen = session.get(httpbin() + "/cookies", {.cookies = {{"extra", "1"}}}).json()["cookies"];
    EXPECT_EQ(seen, json({{"flavour", "oat"}, {"extra", "1"}}));
    EXPECT_EQ(session.get(httpbin() + "/cookies").json()["cookies"], json({{"flavour", "oat"}}));
    session.get(httpbin() + "/cookies/delete?flavour=");
    EXPECT_TRUE(session.cookies().empty());
    // A function call forgets them, but for the redirects within.
    EXPECT_EQ(get(httpbin() + "/cookies/set?flavour=oat").json()["cookies"], json({{"flavour", "oat"}}));
    EXPECT_EQ(get(httpbin() + "/cookies").json()["cookies"], json::object());
}

// Credentials are taken from the request, else the session, else the URL, and never shown in url() or a
// message.
TEST(Session, Authenticates) {
    const std::string path = "/basic-auth/user/secret";
    EXPECT_EQ(get(httpbin() + path).status_code(), 401);
    EXPECT_EQ(get(httpbin() + path, {.auth = BasicAuth("user", "secret")}).status_code(), 200);
    EXPECT_EQ(get(httpbin() + path, {.auth = BasicAuth("user", "wrong")}).status_code(), 401);
    EXPECT_EQ(get(httpbin() + "/bearer", {.auth = BearerAuth("token")}).json()["token"], "token");
    std::string with_user = httpbin();
    with_user.insert(7, "user:secret@");
    const Response response = get(with_user + path);
    EXPECT_EQ(response.status_code(), 200);
    EXPECT_EQ(response.url(), httpbin() + path);
    try {
        get(with_user + "/status/500").raise_for_status();
        FAIL();
    } catch (const HTTPError& error) {
        EXPECT_EQ(std::string(error.what()).find("secret"), std::string::npos) << error.what();
        EXPECT_NE(std::string(error.what()).find("user:***@"), std::string::npos) << error.what();
    }
}

// Coded bodies come decoded, whichever coding.
TEST(Session, DecodesBodies) {
    EXPECT_EQ(get(httpbin() + "/gzip").json()["gzipped"], true);
    EXPECT_EQ(get(httpbin() + "/deflate").json()["deflated"], true);
    EXPECT_EQ(get(httpbin() + "/gzip", {.stream = true}).json()["gzipped"], true);
}

// text() is UTF-8, also where the server sends Latin-1.
TEST(Response, TextIsUtf8) {
    const testing::RawServer marked(
        "HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\n\xef\xbb\xbf"
        "café");
    EXPECT_EQ(get(marked.url()).text(), "café");
    const testing::RawServer server(
        "HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=\"ISO-8859-1\"\r\nContent-Length: "
        "4\r\n\r\ncaf\xe9");
    const Response response = get(server.url());
    EXPECT_EQ(response.text(), "café");
    EXPECT_EQ(response.content(), "caf\xe9");
}

// A URL that cannot be requested is refused with what to do about it.
TEST(Session, RefusesInvalidUrls) {
    const struct {
        const char* url;
        const char* says;
    } cases[] = {
        {"example.org/path", "https://example.org/path"},
        {"", "is empty; give one"},
        {"//example.org/a", "\"https://example.org/a\""},
        {"http://", "no URL"},
        {"http://[::1/", "no URL"},
        {"http://host:99999/", "no URL"},
        {"ftp://example.org/", "neither http nor https"},
        {"file:///etc/passwd", "neither http nor https"},
    };
    for (const auto& [url, says] : cases) {
        try {
            get(url);
            FAIL() << url;
        } catch (const InvalidURL& error) {
            EXPECT_NE(std::string(error.what()).find(says), std::string::npos) << url << ": " << error.what();
        }
    }
}

// No message shows a password, whatever characters it has and whether the text is a URL or not; a user name
// that stands alone may be a token.
TEST(Session, HidesPasswordsInMessages) {
    for (const char* url :
         {"http://user:secret@host:99999/", "http://user:pa/secret@127.0.0.1:1/",
          "http://user:a?secret@127.0.0.1:1/", "http://user:a#secret@127.0.0.1:1/",
          "http://user:/secret@127.0.0.1:1/", "http://user:#secret@127.0.0.1:1/",
          "http://user:a@b/secret@127.0.0.1:99999/", "ftp://user:secret@host/", "user:secret@host/path",
          "http://secret@127.0.0.1:1/", "http://user:secret@127.0.0.1:1/",
          "http://secret%3Asecret@127.0.0.1:1/", "http://secret%3aa:b@127.0.0.1:1/"}) {
        try {
            get(url);
            ADD_FAILURE() << url << " did not fail";
        } catch (const RequestException& error) {
            EXPECT_EQ(std::string(error.what()).find("secret"), std::string::npos) << error.what();
            EXPECT_EQ(error.url().find("secret"), std::string::npos) << error.url();
        }
        EXPECT_EQ(masked_url(url).find("secret"), std::string::npos) << masked_url(url);
    }
    // What is no password stays to be read.
    EXPECT_EQ(masked_url("http://localhost:8080/@name/x"), "http://localhost:8080/@name/x");
    EXPECT_EQ(masked_url("http://user:secret@host/x"), "http://user:***@host/x");
    EXPECT_EQ(masked_url("http://user:a/b@host/x"), "http://***@host/x");
    // Which URL it was, and why.
    const std::string halved = "http://***@127.0.0.1:1/u";
    testing::expect_failure<InvalidURL>(
        [] { get("http://tok%3Aen:pw@127.0.0.1:1/u"); },
        {"\"" + halved + "\" has a user name with a colon (%3A), which Basic authentication cannot carry"});
    testing::expect_failure<RequestException>([] { BasicAuth("tok:en", "pw"); },
                                              {"the user name holds a colon, which Basic"});
}

// A value that would overflow the stack of whoever walks it is no value; what is deep within reason is.
TEST(Response, BoundsTheDepthOfJson) {
    const auto nested = [](int depth) {
        return std::string(static_cast<std::size_t>(depth), '[') +
               std::string(static_cast<std::size_t>(depth), ']');
    };
    for (const int depth : {http::max_json_depth, http::max_json_depth + 1, 800, 100'000}) {
        const std::string body = nested(depth);
        const testing::RawServer server("HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(body.size()) +
                                        "\r\n\r\n" + body);
        Thread([&] {
            const Response response = get(server.url());
            if (depth > http::max_json_depth) {
                EXPECT_THROW(response.json(), JSONDecodeError) << depth;
            } else {
                EXPECT_EQ(response.json().dump(), body);
            }
        }).join();
    }
}

// An Auth is the last to touch a request; what it may not do is found all the same.
TEST(Session, ChecksWhatAnAuthMade) {
    const testing::RawServer server("HTTP/1.1 204 No Content\r\n\r\n");
    const auto smuggle = [](PreparedRequest& request) {
        request.headers.set("Transfer-Encoding", "chunked");
    };
    EXPECT_THROW(get(server.url(), {.auth = smuggle}), InvalidHeader);
    const auto rename = [](PreparedRequest& request) { request.method = "GET / HTTP/1.1\r\nX: y"; };
    EXPECT_THROW(get(server.url(), {.auth = rename}), InvalidHeader);
    EXPECT_EQ(server.connections(), 0);
}

// What cannot be a request or a setting is refused at once.
TEST(Session, RefusesWhatCannotBe) {
    const testing::RawServer server("HTTP/1.1 204 No Content\r\n\r\n");
    EXPECT_THROW(request("connect", server.url()), InvalidHeader);
    EXPECT_EQ(server.connections(), 0);
    Session session;
    EXPECT_THROW(session.set_max_redirects(-1), RequestException);
    EXPECT_NO_THROW(session.set_max_redirects(0));
}

}  // namespace
}  // namespace thrum::requests
