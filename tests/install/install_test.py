"""An installed thrum is whole: find_package and pkg-config lead a stranger's project to it, and the programs of
examples/ compile against it unchanged, all warnings being errors.

Installs this build into a temporary prefix, moves the prefix (a package that knew its first place would break), and
builds outside the house.
"""

import os
import pathlib
import shutil
import subprocess
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ["THRUM_BINARY_DIR"])
CXX = os.environ.get("THRUM_CXX", "c++")
JOBS = os.environ.get("JOBS", str(os.cpu_count()))
WARNINGS = ["-Wall", "-Wextra", "-Werror"]
NOT_YET = {"venv/create_and_run"}  # see examples/CMakeLists.txt


def run(*command, **options):
    done = subprocess.run([str(word) for word in command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          check=False, **options)
    return done.returncode, done.stdout


class InstallTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.temporary = tempfile.TemporaryDirectory(prefix="thrum-install-")
        cls.addClassCleanup(cls.temporary.cleanup)
        cls.folder = pathlib.Path(cls.temporary.name)
        first = cls.folder / "first"
        code, said = run("cmake", "--install", BUILD, "--prefix", first)
        if code:
            raise AssertionError(said)
        cls.prefix = cls.folder / "prefix"
        first.rename(cls.prefix)
        floors = [l for l in (ROOT / "LAYERS").read_text().splitlines() if l and not l.startswith("#")]
        cls.floors = [f for line in floors for f in line.split() if f != "cli"]

    def succeeds(self, *command, **options):
        code, said = run(*command, **options)
        self.assertEqual(code, 0, said)
        return said

    def configure(self, source, *arguments):
        build = self.folder / f"build-{source.name}"
        return build, run("cmake", "-G", "Ninja", "-S", source, "-B", build, f"-DCMAKE_PREFIX_PATH={self.prefix}",
                          f"-DCMAKE_CXX_COMPILER={CXX}", "-DCMAKE_BUILD_TYPE=Debug",
                          # Warnings of our headers count, too.
                          "-DCMAKE_NO_SYSTEM_FROM_IMPORTED=ON", *arguments)

    def test_the_programs_compile_unchanged(self):
        outside = self.folder / "programs"
        shutil.copytree(ROOT / "examples", outside)
        build, (code, said) = self.configure(outside)
        self.assertEqual(code, 0, said)
        self.succeeds("cmake", "--build", build, "-j", JOBS)
        for source in (ROOT / "examples").rglob("*.cpp"):
            program = source.relative_to(ROOT / "examples").with_suffix("")
            if program.as_posix() not in NOT_YET:
                self.assertTrue(os.access(build / program, os.X_OK), f"{program} was not built")

    def test_every_floor_is_a_target(self):
        outside = self.folder / "targets"
        outside.mkdir()
        for floor in self.floors:
            (outside / f"{floor}.cpp").write_text(f"#include <thrum/{floor}.hpp>\nint main() {{}}\n")
        (outside / "CMakeLists.txt").write_text(
            "cmake_minimum_required(VERSION 3.25)\nproject(outside LANGUAGES CXX)\n"
            f"find_package(thrum 0.1 CONFIG REQUIRED COMPONENTS {' '.join(self.floors)})\n"
            f"foreach(floor {' '.join(self.floors)})\nadd_executable(${{floor}} ${{floor}}.cpp)\n"
            "target_link_libraries(${floor} thrum::${floor})\n"
            f"target_compile_options(${{floor}} PRIVATE {' '.join(WARNINGS)})\nendforeach()\n")
        build, (code, said) = self.configure(outside)
        self.assertEqual(code, 0, said)
        self.succeeds("cmake", "--build", build, "-j", JOBS)

    def test_an_unknown_component_is_named(self):
        outside = self.folder / "unknown"
        outside.mkdir()
        (outside / "CMakeLists.txt").write_text(
            "cmake_minimum_required(VERSION 3.25)\nproject(outside LANGUAGES CXX)\n"
            "find_package(thrum CONFIG REQUIRED COMPONENTS cellar)\n")
        _, (code, said) = self.configure(outside)
        self.assertNotEqual(code, 0)
        self.assertIn("thrum has no floor called 'cellar'.", said)

    def test_no_installed_file_knows_the_source(self):
        for path in self.prefix.rglob("*"):
            self.assertFalse(path.is_symlink() and not path.exists(), f"{path} leads nowhere")
            if path.suffix in (".cmake", ".pc", ".hpp"):
                text = path.read_text()
                for place in (ROOT, BUILD):
                    self.assertNotIn(f"{place}/", text, path)

    def test_no_header_of_tests_is_installed(self):
        self.assertEqual([], list(self.prefix.rglob("*_fixture.hpp")))

    def flags(self, module):
        return self.succeeds("pkg-config", "--cflags", "--libs", module, env=self.pkg_config_environment()).split()

    def pkg_config_environment(self):
        found = next(self.prefix.rglob("thrum.pc"))
        return {**os.environ, "PKG_CONFIG_PATH": str(found.parent)}

    def test_pkg_config_finds_every_floor(self):
        for module in ("thrum", *(f"thrum-{floor}" for floor in self.floors)):
            roots = [os.path.normpath(word[2:]) for word in self.flags(module) if word.startswith("-I")]
            self.assertIn(str(self.prefix / "include"), roots)
            self.succeeds("pkg-config", "--exact-version=0.1.0", module, env=self.pkg_config_environment())

    def test_pkg_config_builds_a_program(self):
        program = self.folder / "program"
        self.succeeds(CXX, "-std=c++20", *WARNINGS, ROOT / "examples/requests/get_json.cpp", "-o", program,
                      *self.flags("thrum-requests"))

    def test_the_command_is_installed(self):
        said = self.succeeds(self.prefix / "bin" / "thrum", "--version")
        self.assertIn("0.1.0", said)

    def test_manual_pages_and_completions_are_installed(self):
        share = self.prefix / "share"
        for name in ("man/man1/thrum.1", "man/man1/thrum-get.1", "bash-completion/completions/thrum",
                     "zsh/site-functions/_thrum", "fish/vendor_completions.d/thrum.fish"):
            self.assertIn("thrum", (share / name).read_text())


if __name__ == "__main__":
    unittest.main()
