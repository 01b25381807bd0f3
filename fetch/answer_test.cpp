// thrum/fetch/answer_test.cpp: floor 5, fetch
// Promise: what lies on the disk is the file as it lies on the server, or nothing; and what is no file is
// said to be none, by the names of all URLs it took to learn that.
#include <thrum/base/file.hpp>
#include <thrum/fetch/answer_fixture.hpp>
#include <thrum/fetch/download.hpp>
#include <thrum/sockets/address.hpp>
#include <thrum/testing/deflate.hpp>
#include <thrum/testing/process.hpp>
#include <thrum/testing/raw_server.hpp>

#include <gtest/gtest.h>
#include <netdb.h>

#include <filesystem>
#include <optional>
#include <string>

namespace thrum::fetch {
namespace {

using namespace std::chrono_literals;
using testing::RawConnection;
using testing::RawServer;
using testing::TemporaryDirectory;

// Servers send a coding that nobody asked for, such as x-gzip for an archive: its bytes are the file. Who
// asks for one in so many words gets it undone.
TEST(Answer, SavesTheBytesAsSent) {
    const std::string archive = testing::deflate_all("the archive's files");
    for (const char* coding : {"gzip", "x-gzip", "br", "gzip, gzip"}) {
        RawServer server(answer(archive, "Content-Encoding: " + std::string(coding) + "\r\n"));
        TemporaryDirectory folder;
        std::optional<std::uint64_t> total;
        Options options = quick(folder);
        options.on_progress = [&total](const Change& change) {
            if (change.total) total = change.total;
        };
        const Result result = download_all({server.url() + "/a.tar.gz"}, options).at(0);
        EXPECT_EQ(result.error, "") << coding;
        EXPECT_EQ(read_file(result.path), archive) << coding;
        EXPECT_EQ(total, archive.size()) << coding;
    }
    RawServer server(answer(archive, "Content-Encoding: gzip\r\n"));
    TemporaryDirectory folder;
    Options options = quick(folder);
    options.request.headers.add("Accept-Encoding", "gzip");
    EXPECT_EQ(read_file(download_all({server.url() + "/a"}, options).at(0).path), "the archive's files");
}

// An answer of success that is no whole file does not replace one.
TEST(Answer, APartOrNothingIsNoFile) {
    const auto partial = [](const std::string& range) {
        return "HTTP/1.1 206 Partial Content\r\nContent-Length: 4\r\n" + range + "\r\npart";
    };
    struct Case {
        std::string answer;
        std::string error;  // empty where it is a file
    };
    const std::string wanted = "), and all of it was asked for";
    const std::string part = "206 Partial Content: the server sent a part of the file (";
    const Case cases[] = {
        {partial("Content-Range: bytes 0-3/4\r\n"), ""},
        {partial("Content-Range: bytes 0-3/5\r\n"), part + "bytes 0-3/5" + wanted},
        {partial("Content-Range: bytes 1-4/5\r\n"), part + "bytes 1-4/5" + wanted},
        {partial("Content-Range: bytes 0-3/*\r\n"), part + "bytes 0-3/*" + wanted},
        {partial("Content-Range: bytes 0-18446744073709551615/0\r\n"),
         part + "bytes 0-18446744073709551615/0" + wanted},
        {partial(""), part + "it does not say which" + wanted},
        {"HTTP/1.1 204 No Content\r\n\r\n", "204 No Content: the answer holds no file"},
        {"HTTP/1.1 205 Reset Content\r\nContent-Length: 0\r\n\r\n",
         "205 Reset Content: the answer holds no file"},
    };
    for (const Case& one : cases) {
        RawServer server(one.answer);
        TemporaryDirectory folder;
        std::filesystem::create_directory(folder / "got");
        write_file(folder / "got/file", "from before");
        const std::string url = server.url() + "/file";
        const Result result = download_all({url}, quick(folder)).at(0);
        EXPECT_EQ(result.error, one.error.empty() ? "" : url + ": " + one.error);
        EXPECT_EQ(read_file(folder / "got/file"), one.error.empty() ? "part" : "from before") << one.answer;
    }
    RawServer server(partial("Content-Range: bytes 1-4/5\r\n"));
    TemporaryDirectory folder;
    Options options = quick(folder);
    options.request.headers.add("Range", "bytes=1-4");
    EXPECT_EQ(download_all({server.url() + "/file"}, options).at(0).error, "") << "a part was asked for";
}

// The URL that was asked for, and the one that failed.
TEST(Answer, FailuresAfterARedirectNameBothUrls) {
    RawServer server(replying([](const std::string& path) -> std::string {
        const char* const status = path == "/old" ? "302 Found\r\nLocation: /new" : "404 Not Found";
        return "HTTP/1.1 " + std::string(status) + "\r\nContent-Length: 0\r\n\r\n";
    }));
    TemporaryDirectory folder;
    EXPECT_EQ(download_all({server.url() + "/old"}, quick(folder)).at(0).error,
              server.url() + "/new, redirected from " + server.url() + "/old: 404 Not Found");
}

// A name that is not there stays so; a name server that did not answer may do so in a second.
TEST(Answer, OnlyUnknownNamesAreFinal) {
    struct Case {
        int code;
        int attempts;
    };
    for (const auto& [code, attempts] : {Case{EAI_NONAME, 1}, Case{EAI_NODATA, 1}, Case{EAI_AGAIN, 3}}) {
        TemporaryDirectory folder;
        Options options = quick(folder);
        options.retries = 2;
        // Fails in the place of the look-up.
        options.request.auth = [code = code](requests::PreparedRequest&) {
            try {
                throw AddressError(code, "cannot resolve it");
            } catch (const AddressError&) {
                std::throw_with_nested(requests::ConnectionError("no address"));
            }
        };
        EXPECT_EQ(download_all({"http://a.example/"}, options).at(0).attempts, attempts) << code;
    }
}

}  // namespace
}  // namespace thrum::fetch
