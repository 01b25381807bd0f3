// thrum/http/static_files_test.cpp: floor 3, http
// A folder is served as it is, and nothing that lies outside of it can be had by any path or link.
#include <thrum/base/file.hpp>
#include <thrum/http/internal/server_fixture.hpp>
#include <thrum/http/internal/static_files.hpp>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

namespace thrum::http {
namespace {

namespace fs = std::filesystem;
using internal::Answer;
using internal::Serving;
using internal::take_answer;

class StaticFilesTest : public testing::Test {
protected:
    StaticFilesTest() {
        std::string name = (fs::temp_directory_path() / "thrum-http-XXXXXX").string();
        if (mkdtemp(name.data()) == nullptr) std::abort();
        base_ = name;
        root_ = base_ / "root";
        fs::create_directories(root_ / "sub/deep");
        fs::create_directories(root_ / "a:b");
        fs::create_directories(root_ / "with");
        write_file(base_ / "secret.txt", "secret");
        write_file(root_ / "a.txt", "0123456789");
        write_file(root_ / "empty", "");
        write_file(root_ / "sp ace.html", "<p>");
        write_file(root_ / "with/index.html", "index");
        write_file(root_ / "sub/<b>&\"x\".txt", "odd");
        fs::create_symlink("a.txt", root_ / "inside");
        fs::create_symlink("../../secret.txt", root_ / "sub/outside");
        fs::create_symlink(base_ / "secret.txt", root_ / "absolute");
        fs::create_symlink("..", root_ / "up");
        fs::create_symlink("/proc/self/root", root_ / "magic");
        mkfifo((root_ / "fifo").c_str(), 0600);
        large_.resize(1'000'003);
        for (std::size_t i = 0; i < large_.size(); ++i) large_[i] = static_cast<char>(i * 31 >> 3);
        write_file(root_ / "large.bin", large_);
        serving_.server.files("/static", root_);
        serving_.server.files("/plain", root_, {.listing = false});
        serving_.start();
    }
    ~StaticFilesTest() override { fs::remove_all(base_); }

    Answer get(std::string_view target, std::string_view fields = {}, std::string_view method = "GET") {
        std::string bytes = serving_.talk(std::string(method) + " " + std::string(target) +
                                          " HTTP/1.1\r\nHost: a\r\n" + std::string(fields) + "\r\n");
        Answer answer = take_answer(bytes, method);
        EXPECT_EQ(bytes, "");
        return answer;
    }

    fs::path base_;
    fs::path root_;
    std::string large_;
    Serving serving_;
};

// Files come byte for byte, with the type their name says; HEAD gives the same head.
TEST_F(StaticFilesTest, ServesFiles) {
    EXPECT_EQ(get("/static/large.bin").body, large_);
    EXPECT_EQ(get("/static/a.txt").body, "0123456789");
    EXPECT_EQ(get("/static/a.txt").headers.get("Content-Type"), "text/plain; charset=utf-8");
    EXPECT_EQ(get("/static/a.txt?v=1").status, 200);
    EXPECT_EQ(get("/s%74atic/%61.txt").body, "0123456789");
    EXPECT_EQ(get("/static/sp%20ace.html").headers.get("Content-Type"), "text/html; charset=utf-8");
    EXPECT_EQ(get("/static/empty").headers.get("Content-Length"), "0");
    EXPECT_EQ(get("/static/inside").body, "0123456789");
    EXPECT_EQ(get("/static/with/").body, "index");
    const Answer head = get("/static/a.txt", "", "HEAD");
    EXPECT_EQ(head.body, "");
    EXPECT_EQ(head.headers.get("Content-Length"), "10");
    EXPECT_EQ(get("/static/a.txt", "", "POST").status, 405);
}

// No spelling of a path and no link leads out of the folder, or to what is no file.
TEST_F(StaticFilesTest, StaysInTheFolder) {
    for (const std::string target : {
             "/static/../secret.txt",
             "/static/%2e%2e/secret.txt",
             "/static/.%2E/secret.txt",
             "/static/sub/../../secret.txt",
             "/static/..%2fsecret.txt",
             "/static/..%5csecret.txt",
             "/static/sub%2f..%2f..%2fsecret.txt",
             "/static/%2fetc%2fpasswd",
             "/static//etc/passwd",
             "/static///secret.txt",
             "/static/./a.txt",
             "/static/a.txt/",
             "/static/a.txt%00.html",
             "/static/a.txt/x",
             "/static/sub/outside",
             "/static/absolute",
             "/static/up/secret.txt",
             "/static/up/",
             "/static/up",
             "/static/magic/etc/passwd",
             "/static/fifo",
             "/static/nothing",
             "/staticx/a.txt",
             "/../secret.txt",
         }) {
        const Answer answer = get(target);
        EXPECT_EQ(answer.status, 404) << target;
        EXPECT_EQ(answer.body, "404 Not Found\n") << target;
    }
    EXPECT_EQ(get("/static/" + std::string(300, 'a')).status, 404);
    ASSERT_EQ(chmod((root_ / "empty").c_str(), 0), 0);
    EXPECT_EQ(get("/static/empty").status, geteuid() == 0 ? 200 : 403);
}

// Without openat2 it is as strict, and refuses links altogether.
TEST_F(StaticFilesTest, StaysInTheFolderOnOldKernels) {
    const UniqueFd root(open(root_.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    for (const char* path : {".", "a.txt", "sub/deep", "with/index.html"}) {
        EXPECT_TRUE(UniqueFd(internal::open_beneath_stepwise(root.get(), path))) << path;
        EXPECT_TRUE(UniqueFd(internal::open_beneath(root.get(), path))) << path;
    }
    for (const char* path :
         {"inside", "absolute", "up/secret.txt", "sub/outside", "magic/etc/passwd", "nothing/x"}) {
        EXPECT_FALSE(UniqueFd(internal::open_beneath_stepwise(root.get(), path))) << path;
    }
}

// A folder has a list of what is in it, escaped, and its address ends in a slash.
TEST_F(StaticFilesTest, ListsFolders) {
    EXPECT_EQ(get("/static").headers.get("Location"), "./static/");
    EXPECT_EQ(get("/static/sub?a=b").status, 301);
    EXPECT_EQ(get("/static/sub?a=b").headers.get("Location"), "./sub/?a=b");
    EXPECT_EQ(get("/static/a:b").headers.get("Location"), "./a:b/");
    const std::string page = get("/static/sub/").body;
    EXPECT_NE(page.find("<a href=\"./%3Cb%3E%26%22x%22.txt\">&lt;b&gt;&amp;&quot;x&quot;.txt</a>"), page.npos)
        << page;
    EXPECT_NE(page.find("<a href=\"./deep/\">deep/</a>"), page.npos) << page;
    EXPECT_NE(page.find("<a href=\"../\">"), page.npos) << page;
    EXPECT_NE(get("/static/").body.find("./sp%20ace.html"), page.npos);
    EXPECT_EQ(get("/plain/sub/").status, 404);
    EXPECT_EQ(get("/plain/with/").body, "index");
}

// A part of a file is given to who asks for one, and for wrong wishes the whole or the reason (RFC 9110 §14).
TEST_F(StaticFilesTest, AnswersRanges) {
    struct Row {
        std::string range;
        int status;
        std::string body;
        std::string content_range;
    };
    const std::vector<Row> rows = {
        {"bytes=0-0", 206, "0", "bytes 0-0/10"},
        {"bytes=2-5", 206, "2345", "bytes 2-5/10"},
        {"bytes=7-", 206, "789", "bytes 7-9/10"},
        {"bytes=7-99", 206, "789", "bytes 7-9/10"},
        {"bytes=-3", 206, "789", "bytes 7-9/10"},
        {"bytes=-99", 206, "0123456789", "bytes 0-9/10"},
        {"Bytes= 1-1 ", 206, "1", "bytes 1-1/10"},
        {"bytes=10-", 416, "416 Range Not Satisfiable\n", "bytes */10"},
        {"bytes=-0", 416, "416 Range Not Satisfiable\n", "bytes */10"},
        {"bytes=5-2", 200, "0123456789", ""},
        {"bytes=", 200, "0123456789", ""},
        {"bytes=-", 200, "0123456789", ""},
        {"bytes=a-b", 200, "0123456789", ""},
        {"bytes=+1-2", 200, "0123456789", ""},
        {"bytes=0-1,3-4", 200, "0123456789", ""},
        {"bytes=99999999999999999999-", 200, "0123456789", ""},
        {"lines=0-1", 200, "0123456789", ""},
    };
    for (const Row& row : rows) {
        const Answer answer = get("/static/a.txt", "Range: " + row.range + "\r\n");
        EXPECT_EQ(answer.status, row.status) << row.range;
        EXPECT_EQ(answer.body, row.body) << row.range;
        EXPECT_EQ(answer.headers.get("Content-Range", ""), row.content_range) << row.range;
    }
    EXPECT_EQ(get("/static/large.bin", "Range: bytes=500000-\r\n").body, large_.substr(500'000));
}

// Who has the file already is told so, and a range of an older file is not mixed with a newer one (RFC 9110
// §13).
TEST_F(StaticFilesTest, ComparesVersions) {
    const Headers headers = get("/static/a.txt").headers;
    const std::string etag = headers.at("ETag");
    const std::string modified = headers.at("Last-Modified");
    EXPECT_EQ(get("/static/a.txt", "If-None-Match: \"x\", " + etag + "\r\n").status, 304);
    EXPECT_EQ(get("/static/a.txt", "If-None-Match: *\r\n").status, 304);
    EXPECT_EQ(get("/static/a.txt", "If-None-Match: \"x\"\r\nIf-Modified-Since: " + modified + "\r\n").status,
              200);
    EXPECT_EQ(get("/static/a.txt", "If-Modified-Since: " + modified + "\r\n").status, 304);
    EXPECT_EQ(get("/static/a.txt", "Range: bytes=1-1\r\nIf-Range: " + etag + "\r\n").status, 206);
    EXPECT_EQ(get("/static/a.txt", "Range: bytes=1-1\r\nIf-Range: \"old\"\r\n").body, "0123456789");
    write_file(root_ / "a.txt", "changed");
    EXPECT_EQ(get("/static/a.txt", "If-None-Match: " + etag + "\r\n").body, "changed");
}

}  // namespace
}  // namespace thrum::http
