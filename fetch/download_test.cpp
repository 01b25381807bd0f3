// thrum/fetch/download_test.cpp: floor 5, fetch
// Promise: every URL gets its file, whole and under its own name, or an error that names the URL and the
// cause and nothing on the disk; whatever servers and disks do, the others complete and nothing leaks.
#include <thrum/base/file.hpp>
#include <thrum/fetch/answer_fixture.hpp>
#include <thrum/fetch/download.hpp>
#include <thrum/testing/peers.hpp>
#include <thrum/testing/raw_server.hpp>
#include <thrum/threads.hpp>

#include <gtest/gtest.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstring>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <vector>

namespace thrum::fetch {
namespace {

using namespace std::chrono_literals;
using testing::files_in;
using testing::RawConnection;
using testing::RawServer;
using testing::TemporaryDirectory;

TEST(Download, FilesArriveWholeInTheOrderOfTheUrls) {
    RawServer server(replying([](const std::string& path) { return answer("body of " + path); }));
    TemporaryDirectory folder;
    std::vector<std::string> urls;
    urls.reserve(100);
    for (int i = 0; i < 100; ++i) urls.push_back(server.url() + "/" + std::to_string(i) + ".txt");
    const std::vector<Result> results = download_all(urls, quick(folder));
    ASSERT_EQ(results.size(), 100U);
    for (int i = 0; i < 100; ++i) {
        const Result& result = results[static_cast<std::size_t>(i)];
        const std::string name = std::to_string(i) + ".txt";
        EXPECT_EQ(result.error, "");
        EXPECT_EQ(result.url, urls[static_cast<std::size_t>(i)]);
        EXPECT_EQ(result.path, folder / "got" / name);
        EXPECT_EQ(read_file(result.path), "body of /" + name);
        EXPECT_EQ(result.bytes, 8 + 1 + name.size());
        EXPECT_EQ(result.status, 200);
        EXPECT_EQ(result.attempts, 1);
        EXPECT_LE(result.timing.queued, result.timing.started);
        EXPECT_LE(result.timing.started, result.timing.connected);
        EXPECT_LE(result.timing.connected, result.timing.first_byte);
        EXPECT_LE(result.timing.first_byte, result.timing.end);
    }
    EXPECT_EQ(files_in(folder / "got").size(), 100U);
    // One session: no more connections than threads.
    EXPECT_LE(server.connections(), default_jobs);
}

TEST(Download, NamesakesAreNumberedByTheOrderOfTheirUrls) {
    RawServer server(replying([](const std::string& path) { return answer(path); }));
    TemporaryDirectory folder;
    const auto results =
        download_all({server.url() + "/a/p.jpg", server.url() + "/b/p.jpg", server.url() + "/a/p.jpg",
                      server.url() + "/c/p.jpg?x", server.url() + "/..%2f..%2fetc%2fpasswd"},
                     quick(folder));
    EXPECT_EQ(files_in(folder / "got"),
              (std::set<std::string>{"p.jpg", "p-1.jpg", "p-2.jpg", "_.._etc_passwd"}));
    EXPECT_EQ(read_file(folder / "got" / "p.jpg"), "/a/p.jpg");
    EXPECT_EQ(read_file(folder / "got" / "p-1.jpg"), "/b/p.jpg");
    EXPECT_EQ(read_file(folder / "got" / "p-2.jpg"), "/c/p.jpg?x");
    // The same URL again was fetched once.
    EXPECT_EQ(results[2].same_as, 0U);
    EXPECT_EQ(results[2].path, results[0].path);
    EXPECT_TRUE(results[2].ok());
    EXPECT_EQ(files_in(folder.path()), std::set<std::string>{"got"});
}

// The first answer comes last, and its name still has no number.
TEST(Download, NamesOfServersAreNumberedByTheOrderOfTheirUrlsToo) {
    std::atomic<int> answered = 0;
    Event others_answered;
    RawServer server([&](RawConnection& connection, int) {
        for (std::string request; !(request = connection.read_request()).empty();) {
            const std::string path = path_of(request);
            if (path == "/0") {
                others_answered.wait();
            } else if (++answered == 4) {
                others_answered.set();
            }
            const char* header = path == "/3"
                                     ? "Content-Disposition: attachment; filename=\"../../up.txt\"\r\n"
                                 : path == "/4" ? ""
                                                : "Content-Disposition: attachment; filename=same.txt\r\n";
            connection.send(answer(path, header));
        }
    });
    TemporaryDirectory folder;
    Options options = quick(folder);
    options.content_disposition = true;
    std::vector<std::string> urls;
    urls.reserve(5);
    for (int i = 0; i < 5; ++i) urls.push_back(server.url() + "/" + std::to_string(i));
    for (const Result& result : download_all(urls, options)) EXPECT_EQ(result.error, "");
    const std::filesystem::path got = folder / "got";
    EXPECT_EQ(files_in(got), (std::set<std::string>{"same.txt", "same-1.txt", "same-2.txt", "up.txt", "4"}));
    EXPECT_EQ(read_file(got / "same.txt"), "/0");
    EXPECT_EQ(read_file(got / "same-1.txt"), "/1");
    EXPECT_EQ(read_file(got / "same-2.txt"), "/2");
}

TEST(Download, AFailureIsNamedLeavesNothingAndStopsNobody) {
    const std::string half = "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nonly this";
    RawServer good(replying([](const std::string& path) { return answer(path); }));
    RawServer short_body([&](RawConnection& connection, int) {
        connection.read_request();
        connection.send(half);
    });
    RawServer reset([&](RawConnection& connection, int) {
        connection.read_request();
        connection.send(half);
        connection.reset_at_end();
    });
    RawServer garbage([](RawConnection& connection, int) {
        connection.read_request();
        connection.send("220 this is no web server\r\n\r\n");
    });
    RawServer bomb([](RawConnection& connection, int) {
        connection.read_request();
        connection.send("HTTP/1.1 200 OK\r\n");
        const std::string field = "X-Bomb: " + std::string(4000, 'x') + "\r\n";
        while (connection.send(field)) {
        }
    });
    RawServer missing(replying([](const std::string&) {
        return std::string("HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\n\r\ngone");
    }));
    struct Case {
        std::string url;
        std::string cause;
    };
    const Case cases[] = {
        {short_body.url() + "/short.jpg", "9 of 1000"},
        {reset.url() + "/reset.jpg", "eset"},
        {garbage.url() + "/garbage.jpg", "HTTP"},
        {bomb.url() + "/bomb.jpg", "header"},
        {missing.url() + "/missing.jpg", "404 Not Found"},
        {"http://127.0.0.1:1/refused.jpg", "refused"},
        {"http://no-such-host.invalid/unknown.jpg", "no-such-host.invalid"},
        {"gopher://127.0.0.1/scheme.jpg", "http"},
        {"http://127.0.0.1:99999/port.jpg", "port"},
    };
    TemporaryDirectory folder;
    std::vector<std::string> urls;
    for (const Case& bad : cases) {
        urls.push_back(bad.url);
        urls.push_back(good.url() + "/good-" + std::to_string(urls.size()));
    }
    const auto results = download_all(urls, quick(folder));
    std::set<std::string> expected;
    for (std::size_t i = 0; i < urls.size(); ++i) {
        if (i % 2 == 1) {
            EXPECT_EQ(results[i].error, "");
            expected.insert(results[i].path.filename());
            continue;
        }
        const Case& bad = cases[i / 2];
        EXPECT_NE(results[i].error.find(bad.url), std::string::npos) << bad.url << ": " << results[i].error;
        EXPECT_NE(results[i].error.find(bad.cause), std::string::npos) << bad.url << ": " << results[i].error;
        EXPECT_EQ(results[i].error.find('\n'), std::string::npos);
    }
    EXPECT_EQ(files_in(folder / "got"), expected);
}

// A failure after several attempts says how many there were; and callers may say it in their own words.
TEST(Download, FailuresTellOfTheirAttempts) {
    RawServer busy("HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n");
    TemporaryDirectory folder;
    Options options = quick(folder);
    options.retries = 2;
    options.explain = [](const requests::RequestException& error) { return "in my words: " + error.url(); };
    const std::string refused = "http://127.0.0.1:" + std::to_string(testing::free_port()) + "/";
    const std::vector<Result> results = download_all({busy.url() + "/file", refused}, options);
    EXPECT_EQ(results[0].error, busy.url() + "/file: 503 Busy; gave up after 3 attempts");
    EXPECT_EQ(results[1].error, "in my words: " + refused + "; gave up after 3 attempts");
}

TEST(Download, WhatMayPassIsTriedAgainAndNothingElse) {
    struct Case {
        const char* name;
        std::string first;  // answer; "" cuts the connection
        int attempts;
        int status;
    };
    const Case cases[] = {
        {"503", "HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n", 3, 200},
        {"429", "HTTP/1.1 429 Slower\r\nContent-Length: 0\r\nRetry-After: 0\r\n\r\n", 3, 200},
        {"cut", "HTTP/1.1 200 OK\r\nContent-Length: 99\r\nConnection: close\r\n\r\nhalf", 3, 200},
        {"404", "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", 1, 404},
        {"501", "HTTP/1.1 501 Never\r\nContent-Length: 0\r\n\r\n", 1, 501},
    };
    for (const Case& one : cases) {
        std::atomic<int> requests = 0;
        RawServer server([&](RawConnection& connection, int) {
            while (!connection.read_request().empty()) {
                const bool last = ++requests >= 3;
                connection.send(last ? answer("whole") : one.first);
                if (!last && one.first.find("close") != std::string::npos) return;
            }
        });
        TemporaryDirectory folder;
        Options options = quick(folder);
        options.retries = 2;
        const Result result = download_all({server.url() + "/file"}, options).at(0);
        EXPECT_EQ(result.attempts, one.attempts) << one.name;
        EXPECT_EQ(result.status, one.status) << one.name;
        EXPECT_EQ(result.ok(), one.status == 200) << one.name << result.error;
        EXPECT_EQ(requests, one.attempts) << one.name;
        EXPECT_EQ(result.error.find("attempts"), std::string::npos) << "one attempt is not worth a word";
        if (result.ok()) {
            EXPECT_EQ(read_file(result.path), "whole");
        }
        EXPECT_EQ(files_in(folder / "got").size(), result.ok() ? 1U : 0U);
    }
}

// What README.md shows.
TEST(Download, ReadsAsTheReadmeSays) {
    const std::vector<std::string> urls = {"http://127.0.0.1:1/nobody.jpg"};
    TemporaryDirectory folder;
    const std::filesystem::path pictures = folder / "pictures";
    ::testing::internal::CaptureStdout();
    for (const auto& result : thrum::fetch::download_all(urls, {.folder = pictures, .jobs = 64})) {
        if (!result.ok()) std::printf("%s\n", result.error.c_str());
    }
    EXPECT_NE(::testing::internal::GetCapturedStdout().find("nobody.jpg"), std::string::npos);
}

TEST(Download, WhereTheDiskSaysNo) {
    RawServer server(replying([](const std::string& path) { return answer(path); }));
    TemporaryDirectory folder;
    write_file(folder / "file", "not a folder");
    EXPECT_THROW(download_all({server.url() + "/a"}, {.folder = folder / "file"}), OSError);
    // A folder stands where the file should: the part goes, the folder stays.
    std::filesystem::create_directories(folder / "got/a");
    const Result result = download_all({server.url() + "/a"}, quick(folder)).at(0);
    EXPECT_NE(result.error.find("Is a directory"), std::string::npos) << result.error;
    EXPECT_EQ(files_in(folder / "got"), std::set<std::string>{"a"});
    EXPECT_THROW(download_all({server.url() + "/a", server.url() + "/b"}, {.output = "one"}), Error);
}

// A file system in memory, there as long as this object. Only root may mount one.
class SmallDisk {
public:
    SmallDisk(const std::filesystem::path& where, unsigned long flags, const char* data) : where_(where) {
        std::filesystem::create_directories(where);
        mounted_ = ::mount("tmpfs", where.c_str(), "tmpfs", flags, data) == 0;
    }
    SmallDisk(const SmallDisk&) = delete;
    SmallDisk& operator=(const SmallDisk&) = delete;
    ~SmallDisk() {
        if (mounted_) ::umount2(where_.c_str(), MNT_DETACH);
    }
    bool mounted() const { return mounted_; }

private:
    std::filesystem::path where_;
    bool mounted_;
};

TEST(Download, AFolderThatMayNotBeWritten) {
    RawServer server(replying([](const std::string& path) { return answer(path); }));
    TemporaryDirectory folder;
    const std::filesystem::path got = folder / "got";
    const bool root = ::geteuid() == 0;  // whom only a read-only disk stops
    const SmallDisk disk(got, MS_RDONLY, "size=64k");
    if (root && !disk.mounted()) GTEST_SKIP() << "root may write everywhere, and no disk can be mounted here";
    if (!root) ::chmod(got.c_str(), 0555);
    const Result result = download_all({server.url() + "/a"}, quick(folder)).at(0);
    EXPECT_NE(result.error.find(root ? "Read-only file system" : "Permission denied"), std::string::npos)
        << result.error;
    EXPECT_NE(result.error.find(server.url() + "/a"), std::string::npos) << result.error;
    EXPECT_EQ(files_in(got), std::set<std::string>{});
    if (!root) ::chmod(got.c_str(), 0755);
}

TEST(Download, AFullDiskFailsTheFileThatFilledIt) {
    TemporaryDirectory folder;
    const SmallDisk disk(folder / "got", 0, "size=256k");
    if (!disk.mounted()) GTEST_SKIP() << "a small tmpfs cannot be mounted here: " << std::strerror(errno);
    RawServer server(replying(
        [](const std::string& path) { return answer(std::string(path == "/big" ? 1 << 20 : 1000, 'x')); }));
    Options options = quick(folder);
    options.jobs = 1;
    const auto results = download_all({server.url() + "/big", server.url() + "/small"}, options);
    EXPECT_NE(results[0].error.find("No space left on device"), std::string::npos) << results[0].error;
    EXPECT_NE(results[0].error.find("/big"), std::string::npos) << results[0].error;
    EXPECT_EQ(results[1].error, "");
    EXPECT_EQ(files_in(folder / "got"), std::set<std::string>{"small"});
}

TEST(Download, CancelRemovesWhatIsUnderWayAndKeepsWhatIsWhole) {
    RawServer server([](RawConnection& connection, int) {
        for (std::string request; !(request = connection.read_request()).empty();) {
            if (path_of(request) == "/whole") {
                connection.send(answer("whole"));
            } else {
                connection.send("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nbegun");
                connection.wait_for_close();
            }
        }
    });
    TemporaryDirectory folder;
    Options options = quick(folder);
    options.jobs = 2;
    std::atomic<int> steps = 0;
    Event under_way;
    options.on_progress = [&](const Change& change) {
        if (change.state == State::done || change.more_bytes > 0) ++steps;
        if (steps == 4) under_way.set();
    };
    Thread run([&] {
        download_all({server.url() + "/whole", server.url() + "/a", server.url() + "/b", server.url() + "/c"},
                     options);
    });
    under_way.wait();
    EXPECT_EQ(files_in(folder / "got"), (std::set<std::string>{"whole", "a.part", "b.part"}));
    run.cancel();
    run.join();
    EXPECT_EQ(files_in(folder / "got"), std::set<std::string>{"whole"});
}

TEST(Download, TellsEachStepOnce) {
    RawServer server(replying([](const std::string& path) {
        return path == "/bad" ? std::string("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
                              : answer(path);
    }));
    TemporaryDirectory folder;
    Options options = quick(folder);
    Lock lock;
    std::map<std::size_t, std::string> steps;
    options.on_progress = [&](const Change& change) {
        const std::scoped_lock guard(lock);
        steps[change.index] += change.state == State::connecting ? 'c'
                               : change.state == State::done     ? 'd'
                               : change.state == State::failed   ? 'f'
                               : change.more_bytes > 0           ? '+'
                                                                 : 'r';
        if (change.state == State::running && change.more_bytes == 0) {
            EXPECT_EQ(change.total, 5U);
        }
    };
    download_all({server.url() + "/good", server.url() + "/bad", server.url() + "/good"}, options);
    EXPECT_EQ(steps, (std::map<std::size_t, std::string>{{0, "cr+d"}, {1, "cf"}, {2, "d"}}));
}

TEST(Download, WorksFromAPlainThreadAndLeaksNothing) {
    RawServer server(replying([](const std::string& path) { return answer(path); }));
    TemporaryDirectory folder;
    const auto fetch = [&] {
        std::vector<std::string> urls;
        urls.reserve(51);
        for (int i = 0; i < 50; ++i) urls.push_back(server.url() + "/" + std::to_string(i));
        urls.push_back("http://127.0.0.1:1/refused");
        return download_all(urls, quick(folder));
    };
    fetch();
    const std::size_t descriptors = testing::open_descriptors();
    for (int i = 0; i < 5; ++i) fetch();
    // Those of the server's side close a moment after ours.
    const auto patience = std::chrono::steady_clock::now() + 10s;
    while (testing::open_descriptors() > descriptors && std::chrono::steady_clock::now() < patience) yield();
    EXPECT_LE(testing::open_descriptors(), descriptors);
}

// The main job, on real peers: 200 files from nginx over TLS, the authority taken from the environment.
TEST(Download, TwoHundredFilesFromNginxOverTls) {
    testing::CertificateAuthority authority;
    testing::Nginx nginx({.certificate = authority.issue()});
    std::vector<std::string> urls;
    for (int i = 0; i < 200; ++i) {
        const std::string name = std::to_string(i) + ".bin";
        std::string content;
        for (int block = 0; block <= i * 16; ++block) content += "block " + std::to_string(block * i) + ";";
        write_file(nginx.root() / name, content);
        urls.push_back(nginx.tls_url() + "/" + name);
    }
    TemporaryDirectory folder;
    Options options = quick(folder);
    options.request.ca = authority.certificate();
    for (const Result& result : download_all(urls, options)) {
        ASSERT_EQ(result.error, "");
        EXPECT_EQ(read_file(result.path), read_file(nginx.root() / result.path.filename()));
    }
    // Without the authority, nobody is trusted.
    options.request.ca.clear();
    const Result refused = download_all({urls[0]}, options).at(0);
    EXPECT_NE(refused.error.find("certificate"), std::string::npos) << refused.error;
    EXPECT_EQ(refused.attempts, 1);
}

}  // namespace
}  // namespace thrum::fetch
