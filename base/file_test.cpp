// thrum/base/file_test.cpp: floor 0, base
#include <thrum/base/errors.hpp>
#include <thrum/base/file.hpp>

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <string>

namespace thrum {
namespace {

namespace fs = std::filesystem;

class Files : public testing::Test {
protected:
    Files() {
        std::string pattern = (fs::temp_directory_path() / "thrum-file-XXXXXX").string();
        folder_ = ::mkdtemp(pattern.data());
    }
    ~Files() override { fs::remove_all(folder_); }
    fs::path operator/(const char* name) const { return folder_ / name; }

    fs::path folder_;
};

template <class Failure, class Call>
std::string message_of(Call call) {
    try {
        call();
    } catch (const Failure& error) {
        return error.what();
    }
    return "nothing was thrown";
}

// Under its name a file is whole or not there, and no part stays.
TEST_F(Files, WholeOrNotThere) {
    const fs::path path = *this / "a";
    {
        AtomicFile file(path);
        file.write("half");
        EXPECT_FALSE(fs::exists(path));
        EXPECT_TRUE(fs::exists(file.part_path()));
    }
    EXPECT_TRUE(fs::is_empty(folder_));
    write_file(path, "old");
    AtomicFile file(path);
    file.write("new");
    EXPECT_EQ(read_file(path), "old");
    file.commit();
    EXPECT_EQ(read_file(path), "new");
    EXPECT_FALSE(fs::exists(file.part_path()));
}

// Two writers of one name never mix: the second is told so, and the first is whole. A part of a crash is no
// obstacle.
TEST_F(Files, OneWriterAtATime) {
    const fs::path path = *this / "b";
    AtomicFile first(path);
    first.write("first");
    EXPECT_NE(
        message_of<FileExistsError>([&] { AtomicFile second(path); }).find("another download is writing it"),
        std::string::npos);
    first.commit();
    EXPECT_EQ(read_file(path), "first");
    write_file(*this / "c.part", "left behind by a crash");
    write_file(*this / "c", "x");
    EXPECT_EQ(read_file(*this / "c"), "x");
}

// Devices, pipes and folders are not replaced by files, and a pipe in the part's place is not waited for.
TEST_F(Files, OnlyFilesAreReplaced) {
    ASSERT_EQ(::mkfifo((*this / "pipe").c_str(), 0600), 0);
    EXPECT_NE(message_of<OSError>([&] { write_file(*this / "pipe", "x"); }).find("name a file"),
              std::string::npos);
    EXPECT_TRUE(fs::is_fifo(*this / "pipe"));
    EXPECT_THROW(write_file(folder_, "x"), OSError);
    ASSERT_EQ(::mkfifo((*this / "d.part").c_str(), 0600), 0);
    EXPECT_THROW(write_file(*this / "d", "x"), OSError);
    EXPECT_FALSE(fs::exists(*this / "d"));
}

// Failures name the path and the cause.
TEST_F(Files, FailuresNameThePath) {
    EXPECT_EQ(message_of<FileNotFoundError>([&] { read_file(*this / "none"); }),
              "cannot read " + (*this / "none").string() + ": No such file or directory");
    EXPECT_EQ(message_of<FileNotFoundError>([&] { write_file(*this / "no/where", "x"); }),
              "cannot write " + (*this / "no/where.part").string() + ": No such file or directory");
}

}  // namespace
}  // namespace thrum
