"""Every rule of the house can fail: a sample that breaks it draws the complaint, its sound twin draws none."""

import pathlib
import tempfile
import textwrap
import unittest

import rules
from source import House, blank, functions

LAYERS = "# floors\nbase\nthreads\nsockets\nfetch venv\n"


class RulesTest(unittest.TestCase):
    def complaints(self, rule, files):
        """What `rule` says of a tree that holds `files`."""
        with tempfile.TemporaryDirectory(prefix="thrum-house-") as folder:
            # One level down, so that the sample has no programs beside it.
            root = pathlib.Path(folder) / "clone"
            for name, text in {"LAYERS": LAYERS, **files}.items():
                path = root / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(textwrap.dedent(text))
            return list(rules.RULES[rule](House(root)))

    def sound(self, rule, files):
        self.assertEqual(self.complaints(rule, files), [])

    def broken(self, rule, files, *words):
        found = self.complaints(rule, files)
        self.assertEqual(len(found), 1, found)
        for word in words:
            self.assertIn(word, found[0])

    # --- sizes

    @staticmethod
    def function(lines, name="f"):
        return f"void {name}() {{\n" + "    g();\n" * (lines - 2) + "}\n"

    def test_sizes(self):
        self.sound("sizes", {"base/a.cpp": "//\n" * 500})
        self.broken("sizes", {"base/a.cpp": "//\n" * 501}, "base/a.cpp has 501 lines", "Split it")
        self.sound("sizes", {"base/a.cpp": self.function(70)})
        self.broken("sizes", {"base/a.cpp": self.function(71)}, "base/a.cpp:1: f()", "71 lines")
        self.broken("sizes", {"base/a.cpp": "namespace a {\nclass B {\n" + self.function(71) + "};\n}\n"}, ":3: f()")

    def test_sizes_that_are_excepted_only_shrink(self):
        over = {"base/a.cpp": self.function(80)}
        listed = rules.EXCEPTIONS
        self.sound("sizes", {**over, listed: "size base/a.cpp f 80  # a table\n"})
        self.broken("sizes", {**over, listed: "size base/a.cpp f 79  # a table\n"}, "only shrink")
        self.broken("sizes", {**over, listed: "size base/a.cpp f 81  # a table\n"}, "Write 80")
        self.broken("sizes", {"base/a.cpp": "", listed: "size base/a.cpp f 80  # gone\n"}, "Drop the line")

    def test_functions_are_found(self):
        cases = {
            "int f(int a = {}) {\n  return a;\n}\n": [("f", 1, 3)],
            "struct A {\n  A() : a_{1} {\n  }\n  int a_;\n};\n": [("A", 2, 2)],
            "namespace n {\nint table[] = {\n1,\n2,\n};\nvoid f() {\n}\n}\n": [("f", 6, 2)],
            "TEST(A, b) {\n  auto l = [] {\n  };\n}\n": [("TEST", 1, 4)],
            "template <class T>\nvoid f(T t) {\n}\n": [("f", 1, 3)],
            "enum class E : int { a, b };\nvoid f() {}\n": [("f", 2, 1)],
            "#define M(x) { x\nvoid f() {\n}\n": [("f", 2, 2)],
            'extern "C" {\nvoid f() {\n}\n}\n': [("f", 2, 2)],
        }
        for code, expected in cases.items():
            with self.subTest(code):
                self.assertEqual(list(functions(blank(code))), expected)

    def test_blanking_keeps_lines(self):
        text = 'a; // "x\nb = "// no\\"t";\n/* c\n */ d = \'"\'; e = 100\'000;\nR"(\n{)" f;\n#include <thrum/base.hpp>\n'
        code = blank(text)
        self.assertEqual(code.count("\n"), text.count("\n"))
        for kept in ("a;", "b = ", "d = ", "e = 100'000;", "f;", "<thrum/base.hpp>"):
            self.assertIn(kept, code)
        for gone in ("x", "no", "c", "{"):
            self.assertNotIn(gone, code.replace("#include", ""))

    # --- bans

    BANNED = [
        "std::mutex m;", "std::shared_mutex m;", "std::condition_variable_any c;", "std::thread t(f);",
        "std::jthread t(f);", "auto f = std::async(g);", "std::promise<int> p;", "std::this_thread::yield();",
        "thread_local int i;", "::poll(&p, 1, -1);", "select(1, a, b, c, d);", "epoll_wait(e, v, 1, -1);",
        "usleep(1);", "::sleep(1);", "nanosleep(&t, nullptr);", "getaddrinfo(a, b, c, &d);", "::waitpid(p, &s, 0);",
        "popen(c, m);", "std::binary_semaphore s{0};", "flock(fd, LOCK_EX);",
    ]
    FREE = [
        "// std::mutex is not for us", 'say("std::thread");', "thrum::sleep(1s);", "descriptor.poll(1);",
        "waiter->select(2);", "std::scoped_lock guard(lock);", "resolver::getaddrinfo(a);", "int poll_count = 1;",
    ]

    def test_bans(self):
        for line in self.BANNED:
            with self.subTest(line):
                self.broken("bans", {"sockets/a.cpp": f"void f() {{\n{line}\n}}\n"}, "sockets/a.cpp:2:", "banned here. Use")
                self.sound("bans", {"threads/internal/a.cpp": line})
                self.broken("bans", {"threads/a.hpp": line}, "threads/a.hpp:1:")
        for line in self.FREE:
            with self.subTest(line):
                self.sound("bans", {"sockets/a.cpp": line})

    def test_tests_may_use_threads_but_not_sleep(self):
        self.sound("bans", {"sockets/a_test.cpp": "std::thread t(f);", "benchmarks/a.cpp": "std::mutex m;"})
        self.broken("bans", {"sockets/a_test.cpp": "std::this_thread::sleep_for(1s);"}, "sleep_for is banned")
        self.broken("bans", {"tests/a.cpp": "usleep(1000);"}, "usleep( is banned")

    def test_banned_words_that_are_excepted_must_be_there(self):
        listed = {rules.EXCEPTIONS: "ban sockets/resolver.cpp getaddrinfo  # on a thread of to_thread\n"}
        self.sound("bans", {**listed, "sockets/resolver.cpp": "::getaddrinfo(a, b, c, &d);"})
        self.broken("bans", {**listed, "sockets/resolver.cpp": "\n"}, "Drop the line")

    # --- includes

    def test_includes(self):
        cases = [
            ("threads/a.cpp", "#include <thrum/base.hpp>\n#include <thrum/threads/b.hpp>\n#include <vector>", None),
            ("threads/a.cpp", "#include <thrum/threads/internal/b.hpp>", None),
            ("threads/a_test.cpp", "#include <thrum/testing/process.hpp>", None),
            ("threads/a_fixture.hpp", "#include <thrum/testing/process.hpp>", None),
            ("threads/a.cpp", "// #include <thrum/venv.hpp>", None),
            ("fuzz/a_fuzz.cpp", "#include <thrum/http/internal/b.hpp>", None),
            ("threads/a.cpp", "#include <thrum/testing/process.hpp>", "is no floor"),
            ("base/a.cpp", "#include <thrum/threads.hpp>", "'base'"),
            ("base/a.cpp", "#  include <thrum/threads/lock.hpp>", "beside or above"),
            ("fetch/a.cpp", "#include <thrum/venv.hpp>", "beside or above"),
            ("sockets/a.cpp", "#include <thrum/threads/internal/b.hpp>", "internal/ belongs"),
            ("tests/a.cpp", "#include <thrum/threads/internal/b.hpp>", "internal/ belongs"),
            ("base/a.cpp", '#include "../threads/lock.hpp"', "in quotes"),
            ("base/a.cpp", "#include <thrum/base/../threads/lock.hpp>", "without '..'"),
        ]
        for name, text, complaint in cases:
            with self.subTest(text):
                if complaint is None:
                    self.sound("includes", {name: text})
                else:
                    self.broken("includes", {name: text}, f"{name}:1:", complaint)

    # --- first lines

    def test_first_lines(self):
        self.sound("first_lines", {"threads/a.hpp": "// thrum/threads/a.hpp: floor 1, threads\n",
                                   "testing/b.cpp": "// thrum/testing/b.cpp: yard, testing\n"})
        for first in ("#pragma once", "// thrum/threads/b.hpp: floor 1, threads", "// thrum/threads/a.hpp: floor 2, threads", ""):
            with self.subTest(first):
                self.broken("first_lines", {"threads/a.hpp": first + "\n"}, "threads/a.hpp:1:", "floor 1, threads")

    # --- examples

    def test_examples(self):
        digest = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"  # of nothing
        listed = {rules.CHECKSUMS: f"{digest}  threads/a.cpp\n"}
        self.sound("examples", {**listed, "examples/threads/a.cpp": ""})
        self.broken("examples", {**listed, "examples/threads/a.cpp": "\n"}, "was changed")
        self.broken("examples", listed, "is missing")
        self.broken("examples", {**listed, "examples/threads/a.cpp": "", "examples/threads/b.cpp": ""}, "not in")

    # --- documents

    PAPERS = {name: "" for name in
              ("README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "STYLE.md", "CHANGELOG.md", "LICENSE")}

    def document(self, text):
        return {**self.PAPERS, "examples/a.cpp": "int a;\nint b;\nint c;\nif (a) {\n    f();\n      g();\n}\n", "base/README.md": text}

    def test_documents(self):
        quote = "<!-- from examples/a.cpp -->\n```cpp\nint b;\nint c;\n```\n"
        self.sound("documents", self.document(quote + "[base](../base/README.md) [far](https://example.org/)\n"))
        self.sound("documents", self.document(quote.replace("int b;\nint c;\n", "f();\n  g();\n")))
        self.broken("documents", self.document(quote.replace("int b;\nint c;\n", "f();\ng();\n")), "is not what")
        self.sound("documents", self.document("```sh\nmake test\n```\n"))
        self.broken("documents", self.document(quote.replace("int b;\n", "")
                                               .replace("int c", "int d")), "is not what examples/a.cpp says")
        self.broken("documents", self.document(quote.replace("int b;", "nt a;")), "is not what")
        self.broken("documents", self.document("```cpp\nint b;\n```\n"), "without '<!-- from FILE -->'")
        self.broken("documents", self.document(quote.replace("a.cpp", "z.cpp")), "which is not there")
        self.broken("documents", self.document("[gone](gone.md)\n"), "links to gone.md")
        papers = self.document("")
        del papers["LICENSE"]
        self.broken("documents", papers, "LICENSE is missing")

    # --- checklists

    def checklist(self, cell):
        return {"sockets/a_test.cpp": "TEST(A, B) {}\nTEST_F(C,\n       D) {}\n", "base/e_test.cpp": "TEST(E, F) {}\n",
                "sockets/CHECKLIST.md": f"# all\n\n| what | shown by |\n|---|---|\n| it works | {cell} |\n\nAnd | more\n"}

    def test_checklists(self):
        for cell in ("a_test.cpp: A.B", "a_test.cpp: A.B, C.D; ../base/e_test.cpp: E.F", "not here: not Linux"):
            with self.subTest(cell):
                self.sound("checklists", self.checklist(cell))
        for cell, words in (("a_test.cpp: A.D", "a_test.cpp does not have"), ("z_test.cpp: A.B", "z_test.cpp, which is not"),
                            ("A.B", "ends neither"), ("a_test.cpp: A", "ends neither"), ("", "ends neither"),
                            ("not here: ", "ends neither"), ("a_test.cpp: A.B, C.E", "names C.E")):
            with self.subTest(cell):
                self.broken("checklists", self.checklist(cell), "sockets/CHECKLIST.md:5: ", words)

    # --- changelog, packages

    def test_changelog(self):
        build = {"CMakeLists.txt": "project(thrum VERSION 1.2.3 LANGUAGES CXX)\n"}
        self.sound("changelog", {**build, "CHANGELOG.md": "# Changes\n\n## 1.2.3 (unreleased)\n"})
        self.broken("changelog", {**build, "CHANGELOG.md": "## 1.2.2\n"}, "'## 1.2.3'")
        self.broken("changelog", build, "'## 1.2.3'")

    def test_packages(self):
        self.sound("packages", {"README.md": "make deps\n"})
        self.broken("packages", {"README.md": "sudo apt install cmake g++\n"}, "README.md:1:")

    def test_every_rule_has_its_sample(self):
        for rule in rules.RULES:
            self.assertTrue(hasattr(self, f"test_{rule}"), rule)


if __name__ == "__main__":
    unittest.main()
