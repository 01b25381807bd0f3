// thrum/requests/internal/context.cpp: floor 4, requests
// From the errors of sockets to those of requests, in words that say what to do.
#include <thrum/base/descriptor_shortage.hpp>
#include <thrum/base/text.hpp>
#include <thrum/requests/errors.hpp>
#include <thrum/requests/internal/context.hpp>
#include <thrum/sockets/address.hpp>
#include <thrum/sockets/tls.hpp>

#include <cstdio>
#include <exception>

namespace thrum::requests::internal {

namespace {

std::string seconds_text(std::chrono::nanoseconds duration) {
    char text[32];
    std::snprintf(text, sizeof text, "%g s", std::chrono::duration<double>(duration).count());
    return text;
}

template <class Exception>
[[noreturn]] void throw_as(const Context& context, const std::string& what) {
    std::throw_with_nested(Exception(message(context, what), context.url));
}

[[noreturn]] void throw_timeout(const Context& context, Phase phase, const TimeoutError& cause) {
    const Limits& limits = context.limits;
    if (std::chrono::steady_clock::now() >= context.deadline) {
        throw_as<Timeout>(context, "not done within " + seconds_text(limits.total) +
                                       ", the total timeout; raise it where so much is to be expected");
    }
    if (phase == Phase::connect) {
        throw_as<ConnectTimeout>(context, "no connection within " + seconds_text(limits.connect) +
                                              ", the connect timeout (" + cause.what() +
                                              "); is the address right, and does a firewall let it through?");
    }
    if (phase == Phase::handshake) {
        throw_as<ConnectTimeout>(context, "connected, but the TLS handshake was not done within " +
                                              seconds_text(limits.connect) +
                                              ", the connect timeout; does the port speak TLS?");
    }
    if (phase == Phase::send) {
        throw_as<Timeout>(context,
                          "the server took no bytes for " + seconds_text(limits.read) + ", the read timeout");
    }
    throw_as<ReadTimeout>(context, "no bytes came for " + seconds_text(limits.read) +
                                       ", the read timeout; raise it for a server that thinks long");
}

// The error below names the options of its own floor; those of this one are known only here.
std::string with_own_advice(const TLSError& error) {
    if (!error.is_untrusted()) return error.what();
    return std::string(error.reason()) +
           "; if you trust it, give its certificate as the option .ca or in SSL_CERT_FILE; for public sites "
           "install ca-certificates";
}

}  // namespace

std::string shown(const http::Url& url) {
    std::string text = url.without_credentials().to_string();
    if (!url.has_credentials()) return text;
    // A second "@" later on: who knows where the password ends.
    if (const std::size_t at = text.rfind('@'); at != text.npos) {
        const std::size_t begin = text.find("//") + 2;
        return text.replace(begin, at - begin, "***");
    }
    // A name without a password is a token as often as not, and so is one that holds a colon.
    const bool is_name =
        !url.password().empty() && percent_decode(url.username()).find(':') == std::string::npos;
    const std::string who = is_name ? url.username() + ":***@" : "***@";
    return text.insert(text.find("//") + 2, who);
}

std::string message(const Context& context, std::string_view what) {
    std::string text = context.method + " " + context.url;
    if (!context.redirected_from.empty()) text.append(", redirected from ").append(context.redirected_from);
    return text.append(": ").append(what);
}

void rethrow_for(const Context& context, Phase phase, Deadline outer) {
    try {
        throw;
    } catch (const TimeoutError& error) {
        if (std::chrono::steady_clock::now() >= outer) {
            std::throw_with_nested(TimeoutError(message(
                context, std::string("the Timeout scope around the request ended (") + error.what() + ")")));
        }
        throw_timeout(context, phase, error);
    } catch (const TLSError& error) {
        throw_as<SSLError>(context, with_own_advice(error));
    } catch (const OSError& error) {
        const bool is_short = is_out_of_descriptors(error.code());
        throw_as<ConnectionError>(
            context, error.what() + std::string(is_short ? descriptor_advice : std::string_view()));
    }
}

}  // namespace thrum::requests::internal
