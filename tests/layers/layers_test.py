"""LAYERS is held to: an upward include does not compile, an upward link does not configure.

Each case builds a small house of its own out of the real cmake/ and LAYERS, breaks one rule, and expects the one
message that names it. Beside it stands the control: the same house with that protection taken out must go through,
so the refusal is known to come from it.
"""

import json
import os
import pathlib
import shlex
import shutil
import subprocess
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ["THRUM_BINARY_DIR"])
CXX = os.environ.get("THRUM_CXX", "c++")


def floors():
    """The floors of LAYERS as {name: level}."""
    lines = [l for l in (ROOT / "LAYERS").read_text().splitlines() if l and not l.startswith("#")]
    return {name: level for level, line in enumerate(lines) for name in line.split()}


class House:
    """base, threads, fetch and venv with one room each, ready to be broken."""

    def __init__(self, folder):
        self.folder = folder
        shutil.copytree(ROOT / "cmake", folder / "cmake")
        shutil.copy(ROOT / "LAYERS", folder)
        self.links = {"base": "", "threads": "base", "fetch": "base threads", "venv": "base threads"}
        self.extra = ""
        for floor in self.links:
            (folder / floor).mkdir()
            self.write(f"{floor}/{floor}.hpp", f"#pragma once\nint {floor}_room();\n")
            self.write(f"{floor}/{floor}.cpp", f"#include <thrum/{floor}.hpp>\nint {floor}_room() {{ return 1; }}\n")

    def write(self, name, text):
        (self.folder / name).write_text(text)

    def edit(self, name, old, new):
        text = (self.folder / name).read_text()
        assert old in text, f"{name} no longer has: {old}"
        self.write(name, text.replace(old, new))

    def configure(self):
        for floor, links in self.links.items():
            self.write(f"{floor}/CMakeLists.txt", f"thrum_floor({floor} LINKS {links})\n")
        subdirectories = "".join(f"add_subdirectory({floor})\n" for floor in self.links)
        self.write("CMakeLists.txt", f"""cmake_minimum_required(VERSION 3.25)
project(house LANGUAGES CXX)
list(APPEND CMAKE_MODULE_PATH ${{CMAKE_CURRENT_SOURCE_DIR}}/cmake)
include(ThrumSettings)
include(ThrumFloors)
{subdirectories}{self.extra}
thrum_check_layers()
""")
        return self.run("cmake", "-G", "Ninja", "-S", self.folder, "-B", self.folder / "build",
                        f"-DCMAKE_CXX_COMPILER={CXX}", "-DCMAKE_CXX_COMPILER_WORKS=1", "-DCMAKE_BUILD_TYPE=Debug")

    def build(self, target="all"):
        return self.run("cmake", "--build", self.folder / "build", "--target", target)

    @staticmethod
    def run(*command):
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
        # CMake breaks its messages into lines as it likes.
        return done.returncode, " ".join(done.stdout.split())


class LayersTest(unittest.TestCase):
    def setUp(self):
        self.temporary = tempfile.TemporaryDirectory(prefix="thrum-layers-")
        self.addCleanup(self.temporary.cleanup)
        self.house = House(pathlib.Path(self.temporary.name))

    def passes(self, result):
        self.assertEqual(result[0], 0, result[1])

    def fails(self, result, message):
        self.assertNotEqual(result[0], 0, f"went through, but should have said: {message}")
        self.assertIn(message, result[1])

    def share_include_root(self):
        """Takes the include protection out: one root holds all floors."""
        self.house.edit("cmake/ThrumFloors.cmake", "${PROJECT_BINARY_DIR}/include/${name}",
                        "${PROJECT_BINARY_DIR}/include/all")

    def test_a_sound_house_goes_through(self):
        self.house.write("threads/down.cpp", "#include <thrum/base.hpp>\n#include <thrum/base/base.hpp>\n")
        self.passes(self.house.configure())
        self.passes(self.house.build())

    # (from, header, floor): upward, sideways, and upward past the umbrella.
    INCLUDES = [
        ("base", "thrum/threads.hpp"),
        ("base", "thrum/threads/threads.hpp"),
        ("threads", "thrum/venv.hpp"),
        ("fetch", "thrum/venv.hpp"),
    ]

    def test_an_upward_include_does_not_compile(self):
        for floor, header in self.INCLUDES:
            self.house.write(f"{floor}/upward.cpp", f"#include <{header}>\n")
            self.passes(self.house.configure())
            code, said = self.house.build()
            self.assertNotEqual(code, 0, f"{floor} could include <{header}>")
            self.assertRegex(said, f"{header}'?:? (No such file or directory|file not found)")
            (self.house.folder / floor / "upward.cpp").unlink()

    def test_the_include_is_refused_by_the_roots(self):
        self.share_include_root()
        for floor, header in self.INCLUDES:
            self.house.write(f"{floor}/upward.cpp", f"#include <{header}>\n")
        self.passes(self.house.configure())
        self.passes(self.house.build())

    def test_an_upward_link_does_not_configure(self):
        for floor, link in (("base", "threads"), ("threads", "venv"), ("fetch", "base venv")):
            before = self.house.links[floor]
            self.house.links[floor] = link
            named = link.split()[-1]
            self.fails(self.house.configure(), f"Floor '{floor}' may not link '{named}': LAYERS puts it beside or above.")
            self.house.links[floor] = before

    # Ways to link later on, past thrum_floor.
    LATER = [
        "target_link_libraries(thrum_base PRIVATE thrum::threads)",
        "target_link_libraries(thrum_base PUBLIC thrum_threads)",
        "target_link_libraries(thrum_base INTERFACE thrum::threads)",
        "target_link_libraries(thrum_base PRIVATE $<$<CONFIG:Debug>:thrum::threads>)",
    ]

    def test_an_upward_link_made_later_does_not_configure(self):
        for line in self.LATER:
            with self.subTest(line):
                self.house.extra = line
                self.fails(self.house.configure(), "Floor 'base' may not link 'threads': LAYERS puts it beside or above.")

    def test_the_link_is_refused_by_the_check(self):
        self.house.edit("cmake/ThrumFloors.cmake", "    if(NOT other LESS own)", "    if(FALSE)")
        self.house.extra = "\n".join(self.LATER)
        self.passes(self.house.configure())

    def test_the_later_link_is_refused_by_the_last_check(self):
        self.house.edit("cmake/ThrumFloors.cmake", "function(thrum_check_layers)", "function(thrum_check_layers)\nreturn()")
        self.house.extra = "\n".join(self.LATER)
        self.passes(self.house.configure())

    def test_a_floor_must_stand_in_layers(self):
        self.house.edit("LAYERS", "threads\n", "strands\n")
        self.fails(self.house.configure(), "LAYERS does not name both 'threads' and 'base'.")

    def test_every_header_compiles_alone(self):
        # The presets build this target along with everything else.
        target = "all_verify_interface_header_sets"
        self.passes(self.house.configure())
        self.passes(self.house.build(target))
        self.house.write("base/base.cpp", "#include <string>\n#include <thrum/base/needy.hpp>\nint base_room() { return 1; }\n")
        self.house.write("base/needy.hpp", "#pragma once\nstd::string needy();\n")
        self.passes(self.house.configure())
        self.passes(self.house.build())
        self.fails(self.house.build(target), "needy.hpp")
        for preset in json.loads((ROOT / "CMakePresets.json").read_text())["buildPresets"]:
            if preset["name"] in ("dev", "release", "clang"):
                self.assertIn(target, preset["targets"], preset["name"])

    def test_every_real_floor_sees_itself_and_what_is_beneath(self):
        """The same promise for the tree itself, with the very flags its sources are compiled with."""
        levels = floors()
        commands = json.loads((BUILD / "compile_commands.json").read_text())
        checked = 0
        for floor, level in levels.items():
            command = next((c for c in commands if pathlib.Path(c["file"]).parent == ROOT / floor
                            and "_test" not in c["file"]), None)
            if command is None:
                continue
            probe = "".join(f"#if __has_include(<thrum/{f}.hpp>) || __has_include(<thrum/{f}/{f}.hpp>)\nsees_{f}\n#endif\n"
                            for f in levels)
            words = shlex.split(command["command"])
            flags = [word for before, word in zip([""] + words, words)
                     if word.startswith(("-I", "-isystem")) or before in ("-I", "-isystem")]
            # Without the system's own folders: a thrum installed there is not what is asked about.
            done = subprocess.run([CXX, *flags, "-nostdinc", "-nostdinc++", "-std=c++20", "-E", "-P",
                                   "-x", "c++", "-"], input=probe, cwd=command["directory"],
                                  capture_output=True, text=True, check=True)
            seen = {word[len("sees_"):] for word in done.stdout.split()}
            allowed = {f for f, other in levels.items() if other < level or f == floor}
            self.assertLessEqual(seen, allowed, f"{floor} sees floors beside or above it")
            self.assertIn(floor, seen)
            checked += 1
        self.assertGreater(checked, 0)


if __name__ == "__main__":
    unittest.main()
