"""cmake/deps installs what is missing and nothing else, and says clearly why it cannot.

Debian's tools are replaced by small scripts that know which packages this imagined machine has, is offered now, and
is offered after an update, and that write down what they are asked.
"""

import os
import pathlib
import shutil
import subprocess
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
TOOLS = ("bash", "env", "dirname", "wc", "grep", "cat")

PACKAGES = """# words
# [build] first
cmake
boost1.81 | boost
# [check] last
clang-14
"""

SCRIPTS = {
    "dpkg-query": 'grep -qx "${@: -1}" has && echo installed',
    "apt-cache": 'echo "$2:"; if grep -qx "$2" offers; then echo "  Candidate: 1.0"; else echo "  Candidate: (none)"; fi',
    "apt-get": 'echo "apt-get $*" >>log; if [ "$1" = update ]; then cat later >>offers; exit 0; fi\n'
               'for word; do case $word in -*|install) ;; *) grep -qx "$word" stale && ! grep -q update log && exit 100;'
               ' echo "$word" >>has;; esac; done',
    "sudo": 'echo sudo >>log; "$@"',
}


class DepsTest(unittest.TestCase):
    def setUp(self):
        temporary = tempfile.TemporaryDirectory(prefix="thrum-deps-")
        self.addCleanup(temporary.cleanup)
        self.folder = pathlib.Path(temporary.name)
        (self.folder / "cmake").mkdir()
        (self.folder / "bin").mkdir()
        shutil.copy(ROOT / "cmake" / "deps", self.folder / "cmake")
        (self.folder / "cmake" / "packages.txt").write_text(PACKAGES)
        for tool in TOOLS:
            (self.folder / "bin" / tool).symlink_to(shutil.which(tool))
        for name, text in SCRIPTS.items():
            self.script(name, text)
        self.script("id", "echo 0")
        self.machine()

    def script(self, name, text):
        path = self.folder / "bin" / name
        path.write_text(f"#!/usr/bin/env bash\n{text}\n")
        path.chmod(0o755)

    def machine(self, has="", offers="", later="", stale=""):
        """The packages installed, offered, offered after an update, and gone from the archive since the last one."""
        for name, words in {"has": has, "offers": offers, "later": later, "stale": stale, "log": ""}.items():
            (self.folder / name).write_text("".join(f"{word}\n" for word in words.split()))

    def deps(self, *groups):
        done = subprocess.run(["bash", "cmake/deps", *groups], cwd=self.folder, text=True, capture_output=True, check=False,
                              env={"PATH": str(self.folder / "bin")})
        log = (self.folder / "log").read_text().splitlines()
        return done.returncode, done.stdout + done.stderr, [line.replace("-q -y --no-install-recommends ", "") for line in log]

    def test_nothing_is_done_when_all_are_there(self):
        self.machine(has="cmake boost1.81 clang-14")
        self.assertEqual(self.deps(), (0, "deps: all packages are installed\n", []))

    def test_only_the_missing_are_installed(self):
        self.machine(has="cmake", offers="cmake boost1.81 boost clang-14")
        code, _, log = self.deps()
        self.assertEqual((code, log), (0, ["apt-get install boost1.81 clang-14"]))
        self.assertEqual(self.deps()[1:2], ("deps: all packages are installed\n",))

    def test_a_group_alone(self):
        self.machine(offers="cmake boost1.81 clang-14")
        self.assertEqual(self.deps("build")[2], ["apt-get install cmake boost1.81"])
        code, said, _ = self.deps("cellar")
        self.assertEqual(code, 2)
        self.assertIn("no group 'cellar'", said)

    def test_the_second_name_serves_where_the_first_is_not_offered(self):
        self.machine(has="cmake clang-14", offers="boost")
        self.assertEqual(self.deps()[2], ["apt-get install boost"])
        self.machine(has="cmake clang-14 boost", offers="boost1.81")
        self.assertEqual(self.deps()[2], [])

    def test_one_update_where_a_package_is_not_offered(self):
        self.machine(later="cmake boost1.81 clang-14")
        self.assertEqual(self.deps()[::2], (0, ["apt-get update -q", "apt-get install cmake boost1.81 clang-14"]))

    def test_one_update_where_the_lists_are_old(self):
        self.machine(has="cmake clang-14", offers="boost1.81", stale="boost1.81")
        install = "apt-get install boost1.81"
        self.assertEqual(self.deps()[::2], (0, [install, "apt-get update -q", install]))

    def test_a_needed_package_that_nobody_offers_is_named(self):
        self.machine(has="cmake clang-14")
        code, said, log = self.deps()
        self.assertEqual((code, log), (1, ["apt-get update -q"]))
        self.assertIn("no package source offers boost1.81", said)

    def test_a_check_package_that_nobody_offers_stops_nothing(self):
        self.machine(has="cmake boost")
        code, said, _ = self.deps()
        self.assertEqual(code, 0)
        self.assertIn("clang-14 is not offered here", said)

    def test_sudo_serves_who_is_not_root(self):
        self.script("id", "echo 1000")
        self.machine(has="cmake clang-14", offers="boost1.81")
        self.assertEqual(self.deps()[::2], (0, ["sudo", "apt-get install boost1.81"]))
        self.machine(has="cmake clang-14", offers="boost1.81")
        (self.folder / "bin" / "sudo").unlink()
        code, said, log = self.deps()
        self.assertEqual((code, log), (1, []))
        self.assertIn("neither root nor sudo. Run as root: apt-get install boost1.81", said)

    def test_another_system_is_told_so(self):
        (self.folder / "bin" / "apt-get").unlink()
        code, said, _ = self.deps()
        self.assertEqual(code, 1)
        self.assertIn("not a Debian system", said)
        self.assertIn("cmake/packages.txt", said)


if __name__ == "__main__":
    unittest.main()
