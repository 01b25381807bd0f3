// thrum/requests/session.cpp: floor 4, requests
// A request from its options to its answer, through redirects.
#include <thrum/requests/internal/prepare.hpp>
#include <thrum/requests/internal/redirect.hpp>
#include <thrum/requests/internal/response_state.hpp>
#include <thrum/requests/session.hpp>

namespace thrum::requests {

namespace {

using internal::Job;
using internal::ResponseState;

// Unless the caller wrote a Cookie field.
void add_cookies(PreparedRequest& request, const CookieJar& jar, const std::string& own) {
    if (request.headers.contains("Cookie")) return;
    std::string cookies = jar.header_for(request.url);
    if (!own.empty()) cookies.append(cookies.empty() ? "" : "; ").append(own);
    if (!cookies.empty()) request.headers.set("Cookie", cookies);
}

void keep_cookies(ResponseState& state, const http::Url& url, CookieJar& jar) {
    for (const std::string_view line : state.headers.get_all("Set-Cookie")) {
        if (!state.cookies) state.cookies = std::make_unique<CookieJar>();
        state.cookies->store(url, line);
        jar.store(url, line);
    }
}

}  // namespace

struct Session::State {
    internal::Defaults defaults;
    CookieJar cookies;
    // Bodies that are still being read hold it too.
    std::shared_ptr<internal::Pool> pool = std::make_shared<internal::Pool>();
};

Session::Session() : state_(std::make_unique<State>()) {
    state_->defaults.headers = internal::default_headers();
}
Session::Session(Session&&) noexcept = default;
Session& Session::operator=(Session&&) noexcept = default;
Session::~Session() = default;

Response Session::request(std::string_view method, std::string_view url, const Options& options) {
    return send(method, url, options, state_->cookies);
}

Response Session::send(std::string_view method, std::string_view url, const Options& options,
                       CookieJar& jar) {
    Job job = internal::prepare(state_->defaults, method, url, options);
    PreparedRequest& request = job.request;
    std::vector<Response> history;
    for (;;) {
        add_cookies(request, jar, job.cookies);
        job.auth(request);
        internal::check_framing(request);
        auto state =
            std::make_shared<ResponseState>(internal::exchange(state_->pool, request, job.trust, job.context),
                                            job.context, request.url, options);
        keep_cookies(*state, request.url, jar);
        if (!job.allow_redirects || !internal::is_redirect(state->status, state->headers)) {
            state->history = std::move(history);
            if (!options.stream) state->load();
            return Response(std::move(state));
        }
        if (history.size() >= static_cast<std::size_t>(state_->defaults.max_redirects)) {
            throw TooManyRedirects(
                message(job.context,
                        "more than " + std::to_string(history.size()) + " redirects, the last to " +
                            internal::shown_location(request.url, state->headers.get("Location", "")) +
                            "; do they go in a circle?"),
                job.context.url);
        }
        state->drain();
        if (!internal::follow(request, state->status, state->headers, job.context)) {
            job.auth = Auth();
            job.cookies.clear();
        }
        if (history.empty()) job.context.redirected_from = job.context.url;
        job.context.method = request.method;
        job.context.url = internal::shown(request.url);
        history.emplace_back(std::move(state));
    }
}

http::Headers& Session::headers() noexcept { return state_->defaults.headers; }
Pairs& Session::params() noexcept { return state_->defaults.params; }
CookieJar& Session::cookies() noexcept { return state_->cookies; }
void Session::set_auth(Auth auth) { state_->defaults.auth = std::move(auth); }
void Session::set_timeout(Timeouts timeout) { state_->defaults.timeout = timeout; }
void Session::set_verify(bool verify) { state_->defaults.trust.verify = verify; }
void Session::set_ca(std::filesystem::path ca) { state_->defaults.trust.ca = std::move(ca); }
void Session::set_cert(ClientCertificate cert) { state_->defaults.trust.cert = std::move(cert); }
void Session::set_max_redirects(int count) {
    if (count < 0) {
        throw RequestException("set_max_redirects(" + std::to_string(count) +
                               "): a count is 0 or more; 0 refuses every redirect");
    }
    state_->defaults.max_redirects = count;
}
void Session::close() { state_->pool->clear(); }
std::size_t Session::idle_connections() const { return state_->pool->idle(); }

}  // namespace thrum::requests
