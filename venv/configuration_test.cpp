// thrum/venv/configuration_test.cpp: floor 5, venv
#include <thrum/base/file.hpp>
#include <thrum/venv/configuration.hpp>
#include <thrum/venv/errors.hpp>
#include <thrum/venv/internal/temporary_folder.hpp>
#include <thrum/venv/process.hpp>

#include <gtest/gtest.h>

namespace thrum::venv {
namespace {

// Lines are read as site.py reads them: keys in any case, blanks around, the last of two wins, others passed
// over.
TEST(Configuration, Parse) {
    const Configuration configuration = parse_configuration(
        "HOME = /usr/bin\r\n\n# comment\nversion=3.11.2\rprompt = 'a=b'\n  Include-System-Site-Packages  =  "
        "true \n= x\n"
        "version = 3.11.3\nlast = no newline");
    const Configuration expected = {{"home", "/usr/bin"},
                                    {"version", "3.11.3"},
                                    {"prompt", "'a=b'"},
                                    {"include-system-site-packages", "true"},
                                    {"", "x"},
                                    {"last", "no newline"}};
    EXPECT_EQ(configuration, expected);
    EXPECT_EQ(value_of(configuration, "home"), "/usr/bin");
    EXPECT_EQ(value_of(configuration, "none"), "");
    EXPECT_TRUE(parse_configuration("").empty());
    EXPECT_TRUE(parse_configuration(std::string_view("\0\0\xff", 3)).empty());
}

// A folder that is no environment is told so, with the way out; other troubles stay what they are.
TEST(Configuration, ReadOfNoEnvironment) {
    const internal::TemporaryFolder folder;
    try {
        read_configuration(folder.path());
        FAIL();
    } catch (const NotAnEnvironmentError& error) {
        EXPECT_EQ(error.what(),
                  folder.path().string() +
                      " is not a virtual environment: it has no pyvenv.cfg; make one with thrum venv");
    }
    EXPECT_THROW(read_configuration("/nowhere"), NotAnEnvironmentError);
    EXPECT_THROW(read_configuration("/dev/null"), NotAnEnvironmentError);
    std::filesystem::create_directory(folder.path() / "pyvenv.cfg");
    EXPECT_THROW(read_configuration(folder.path()), OSError);
}

// python_repr() is what Python's repr() says, asked here.
TEST(Configuration, ReprIsPythons) {
    for (const std::string text :
         {"", "demo", "it's", "\"quoted\"", "it's \"both\"", "back\\slash", "a\nb\rc\td", "\x01\x1f\x7f",
          "\u0080\u009f\u00a1", "ünïcode 🐍", "\u2028\u2029", "'\\'"}) {
        const CompletedProcess result =
            run_process({"/usr/bin/python3", "-I", "-c",
                         "import sys; sys.stdout.buffer.write(repr(sys.argv[1]).encode())", text});
        EXPECT_EQ(python_repr(text), result.output) << result.errors;
    }
    EXPECT_EQ(python_repr("a\xff\xc3(\xed\xa0\x80\xc0\xaf\xf5"),
              "'a\\xff\\xc3(\\xed\\xa0\\x80\\xc0\\xaf\\xf5'");
}

// What people read stays on its line, whatever is in it.
TEST(Configuration, OnOneLine) {
    EXPECT_EQ(on_one_line("plain 'text' ü"), "plain 'text' ü");
    EXPECT_EQ(on_one_line("a\nhome = /x\r\t\xff\u2028"), "a\\nhome = /x\\r\\t\\xff\\u2028");
}

// What Python would read back differently is not written.
TEST(Configuration, ConfigurationValues) {
    for (const char* good : {"", "/usr/bin", "/a b/c", "/ü", "/a=b"})
        EXPECT_TRUE(is_configuration_value(good)) << good;
    for (const char* bad :
         {"/a\n", "/a\nb", "/a\rb", " /a", "/a ", "/a\t", "/\xff", "/\xe2\x82", "/\xf4\x90\x80\x80"}) {
        EXPECT_FALSE(is_configuration_value(bad)) << bad;
    }
}

}  // namespace
}  // namespace thrum::venv
