// thrum/fetch/naming_test.cpp: floor 5, fetch
// Promise: whatever a URL or a server suggests, the name is one harmless file name inside our folder, and no
// two files of one run share it.
#include <thrum/fetch/naming.hpp>

#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <vector>

namespace thrum::fetch {
namespace {

using namespace std::string_literals;

struct Case {
    std::string given;
    std::string name;
};

TEST(Naming, UrlGivesItsLastSegmentDecodedOnce) {
    const Case cases[] = {
        {"http://h/a/b.jpg", "b.jpg"},
        {"http://h/b.jpg?size=big/huge.png#part/two", "b.jpg"},
        {"http://h/b.jpg#?x", "b.jpg"},
        {"https://h:8443/caf%C3%A9%20au%20lait.jpg", "café au lait.jpg"},
        {"http://h/%E6%BC%A2%E5%AD%97.png", "漢字.png"},
        {"http://h/a%2520b.jpg", "a%20b.jpg"},
        {"http://h/100%.txt", "100%.txt"},
        {"http://h/a+b.txt", "a+b.txt"},
        {"  http://h/a.txt\n", "a.txt"},
        {"http://h", "index.html"},
        {"http://h?x=/y.jpg", "index.html"},
        {"http://h/", "index.html"},
        {"http://h/folder/", "index.html"},
        {"http://h/a/..", "index.html"},
        {"http://h/a/%2e%2E", "index.html"},
        {"http://h/%2e", "index.html"},
        {"h/a.jpg", "a.jpg"},
        {"", "index.html"},
        // The way out of the folder, in all its spellings.
        {"http://h/..%2f..%2fetc%2fpasswd", "_.._etc_passwd"},
        {"http://h/%2fetc%2fpasswd", "_etc_passwd"},
        {"http://h/..%5c..%5cwindows%5cwin.ini", "_.._windows_win.ini"},
        {"http://h/a\\..\\b.jpg", "b.jpg"},
        {"http://h/..%252f..%252fetc", "%2f..%2fetc"},
        {"http://h/%00passwd", "_passwd"},
        {"http://h/a%00.jpg", "a_.jpg"},
        {"http://h/a%0d%0ab%1b%5b31m.jpg", "a__b_[31m.jpg"},
        {"http://h/%c0%ae%c0%ae%c0%afpasswd", "______passwd"},
        {"http://h/.bashrc", "bashrc"},
        {"http://h/...", "download"},
        {"http://h/%20", "download"},
    };
    for (const auto& [given, name] : cases) EXPECT_EQ(name_from_url(given), name) << given;
}

TEST(Naming, NothingUnsafeIsLeft) {
    const Case cases[] = {
        {"picture.jpg", "picture.jpg"},
        {"", "download"},
        {".", "download"},
        {"..", "download"},
        {". .", "download"},
        {"..hidden", "hidden"},
        {"trailing. ", "trailing"},
        {"-rf", "_-rf"},
        {"a/b", "a_b"},
        {"C:\\boot.ini", "C__boot.ini"},
        {"a<b>c\"d|e?f*g", "a_b_c_d_e_f_g"},
        {"CON", "_CON"},
        {"nul.txt", "_nul.txt"},
        {"Aux .tar.gz", "_Aux .tar.gz"},
        {"com1.jpg", "_com1.jpg"},
        {"com0", "com0"},
        {"LPT9", "_LPT9"},
        {"console.log", "console.log"},
        {"a\x7f", "a_"},
        {"a\u0085"s
         "b",
         "a_b"},
        {"photo_\u202Egpj.exe", "photo__gpj.exe"},
        {"caf\xe9.jpg", "caf_.jpg"},
        {"\xed\xa0\x80", "___"},
        {"\xf4\x90\x80\x80", "____"},
        {"cut\xe2\x82", "cut__"},
    };
    for (const auto& [given, name] : cases) EXPECT_EQ(safe_name(given), name) << given;
}

TEST(Naming, ALongNameKeepsItsExtensionAndItsCharactersWhole) {
    const std::string long_stem(400, 'x');
    EXPECT_EQ(safe_name(long_stem + ".jpg"), std::string(246, 'x') + ".jpg");
    EXPECT_EQ(safe_name(long_stem + ".tar.gz"), std::string(243, 'x') + ".tar.gz");
    EXPECT_EQ(safe_name(long_stem), std::string(250, 'x'));
    EXPECT_EQ(safe_name("a." + long_stem), "a." + std::string(248, 'x'));
    EXPECT_EQ(safe_name(std::string(250, 'x')), std::string(250, 'x'));
    std::string wide;
    for (int i = 0; i < 100; ++i) wide += "漢";
    const std::string cut = safe_name(wide + ".png");
    EXPECT_EQ(cut.size(), 82 * 3 + 4U);
    EXPECT_EQ(cut.substr(cut.size() - 7), "漢.png");
}

// RFC 6266 section 5 and what servers send in spite of it.
TEST(Naming, ContentDispositionSuggestsAName) {
    const Case cases[] = {
        {"Attachment; filename=example.html", "example.html"},
        {"INLINE; FILENAME= \"an example.html\"", "an example.html"},
        {"attachment; filename*= UTF-8''%e2%82%ac%20rates", "€ rates"},
        {"attachment; filename=\"EURO rates\"; filename*=utf-8''%e2%82%ac%20rates", "€ rates"},
        {"attachment; filename*=utf-8'en'%e2%82%ac%20rates; filename=\"EURO rates\"", "€ rates"},
        {"attachment; filename*=iso-8859-1''%A3%20rates", "£ rates"},
        {"attachment; filename=\"quoted \\\"word\\\".txt\"", "quoted _word_.txt"},
        {"attachment; filename=\"semi;colon.txt\"; size=3", "semi;colon.txt"},
        {"attachment; size=3; filename=a.txt", "a.txt"},
        {"attachment; filename=two words.txt; x=y", "two words.txt"},
        {"attachment; filename=first.txt; filename=second.txt", "first.txt"},
        {"attachment;filename=a%20b.txt", "a%20b.txt"},
        {"filename=bare.txt", "bare.txt"},
        {"attachment; filename=\"caf\xe9.jpg\"", "café.jpg"},
        {"attachment; filename=\"café.jpg\"", "café.jpg"},
        {"attachment; filename=\"/etc/passwd\"", "passwd"},
        {"attachment; filename=\"../../etc/passwd\"", "passwd"},
        {"attachment; filename=\"C:\\\\windows\\\\win.ini\"", "win.ini"},
        {"attachment; filename*=UTF-8''..%2F..%2Fetc%2Fpasswd", "passwd"},
        {"attachment; filename=\".bashrc\"", "bashrc"},
        {"attachment; filename=\"a\tb\"", "a_b"},
        // A broken filename* does not hide a good filename.
        {"attachment; filename*=UTF-8''%ff; filename=a.txt", "a.txt"},
        {"attachment; filename*=koi8-r''%c1; filename=a.txt", "a.txt"},
        {"attachment; filename*=nothing; filename=a.txt", "a.txt"},
    };
    for (const auto& [given, name] : cases) EXPECT_EQ(name_from_content_disposition(given), name) << given;
}

TEST(Naming, ContentDispositionMaySuggestNothing) {
    for (const char* value :
         {"", "inline", "attachment", "attachment; filename",
          "attachment; filename=", "attachment; filename=\"\"", "attachment; filename=\"never closed",
          "attachment; =a.txt", "attachment; filename=\"..\"", "attachment; filename=\"a/\"", ";;;",
          "inline; filename*=UTF-8''%ff", "attachment; filename=\"a\\"}) {
        EXPECT_EQ(name_from_content_disposition(value), std::nullopt) << value;
    }
}

TEST(Naming, LaterOnesOfOneNameAreNumberedInOrder) {
    struct Run {
        std::vector<std::string> claimed;
        std::vector<std::string> given;
    };
    const Run runs[] = {
        {{"a.jpg", "b.jpg"}, {"a.jpg", "b.jpg"}},
        {{"a.jpg", "a.jpg", "a.jpg"}, {"a.jpg", "a-1.jpg", "a-2.jpg"}},
        {{"a.tar.gz", "a.tar.gz"}, {"a.tar.gz", "a-1.tar.gz"}},
        {{"README", "README"}, {"README", "README-1"}},
        {{"a-1.jpg", "a.jpg", "a.jpg", "a.jpg"}, {"a-1.jpg", "a.jpg", "a-2.jpg", "a-3.jpg"}},
        {{"a.jpg", "a.jpg", "a-1.jpg"}, {"a.jpg", "a-1.jpg", "a-1-1.jpg"}},
        // A file under construction is called NAME.part: nobody else may be.
        {{"a", "a.part"}, {"a", "a-1.part"}},
        {{"a.part", "a"}, {"a.part", "a-1"}},
    };
    for (const Run& run : runs) {
        NameTable table;
        std::vector<std::string> given;
        for (const std::string& name : run.claimed) given.push_back(table.claim(name));
        EXPECT_EQ(given, run.given);
    }
}

TEST(Naming, ANumberedLongNameStillFits) {
    NameTable table;
    const std::string longest = safe_name(std::string(400, 'x') + ".jpg");
    EXPECT_EQ(table.claim(longest), longest);
    EXPECT_EQ(table.claim(longest), std::string(244, 'x') + "-1.jpg");
}

// The promise over every byte: two hostile bytes before, between and after dots and separators.
TEST(Naming, NoBytesWhateverLeaveTheFolder) {
    for (int first = 0; first < 256; ++first) {
        for (const char second : "./\\-: a%~\x01\x80\xe2\xff"s) {
            const std::string bytes = {static_cast<char>(first), second};
            for (const std::string& raw : {bytes, ".." + bytes, bytes + "..", "../" + bytes + "/.."}) {
                const std::string name = safe_name(raw);
                ASSERT_TRUE(!name.empty() && name[0] != '.' && name[0] != '-') << first << ' ' << int{second};
                ASSERT_EQ(name.find_first_of("/\\\0"s), std::string::npos) << first << ' ' << int{second};
                ASSERT_EQ(std::filesystem::path("folder") / name,
                          (std::filesystem::path("folder") / name).lexically_normal());
                ASSERT_EQ(safe_name(name), name);
            }
        }
    }
}

}  // namespace
}  // namespace thrum::fetch
