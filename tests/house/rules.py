"""The house's rules that a machine can hold it to. Each takes a House and yields complaints a reader can act on."""

import hashlib
import pathlib
import re
import textwrap

from source import YARD, functions

MAX_FILE_LINES = 500
MAX_FUNCTION_LINES = 70
EXCEPTIONS = "tests/house/exceptions.txt"
CHECKSUMS = "tests/house/examples.sha256"


def exceptions(house, kind):
    """Lines of the list of exceptions: {(words between kind and reason): reason}. '# why' ends each line."""
    path = house.root / EXCEPTIONS
    found = {}
    for line in path.read_text().splitlines() if path.exists() else []:
        words, _, reason = line.partition("#")
        words = words.split()
        if words and words[0] == kind:
            found[tuple(words[1:])] = reason.strip()
    return found


def sizes(house):
    """No file over 500 lines, no function over 70; an exception names its size, and may only shrink."""
    allowed = {key[:-1]: int(key[-1]) for key in exceptions(house, "size")}
    used = set()

    def over(key, what, lines, limit):
        if key in allowed:
            used.add(key)
            if lines > allowed[key]:
                yield f"{what} has {lines} lines; {EXCEPTIONS} allows {allowed[key]}. Exceptions only shrink."
            elif lines < allowed[key]:
                yield f"{what} has {lines} lines now. Write {lines} in {EXCEPTIONS}, or drop its line at {limit} or less."
        elif lines > limit:
            yield f"{what} has {lines} lines; the limit is {limit}. Split it."

    for name in house.files:
        yield from over((name,), name, len(house.text(name).splitlines()), MAX_FILE_LINES)
        for function, first, lines in functions(house.code(name)):
            if lines > MAX_FUNCTION_LINES or (name, function) in allowed:
                yield from over((name, function), f"{name}:{first}: {function}()", lines, MAX_FUNCTION_LINES)
    for key in allowed.keys() - used:
        yield f"{EXCEPTIONS} has a size for {' '.join(key)}, which needs none. Drop the line."


OF_THE_SYSTEM = r"(?<![\w.>:])(?:::)?"  # a call of the C library: not a member, not in a namespace
BANS = {
    "std::mutex": (r"std::(?:recursive_|shared_|timed_|recursive_timed_|shared_timed_)?mutex\b", "thrum::Lock"),
    "std::condition_variable": (r"std::condition_variable", "thrum::Condition"),
    "std::thread": (r"std::j?thread\b|pthread_create", "thrum::Thread, or thrum::to_thread for a blocking call"),
    "std::async": (r"std::(?:async|promise|future|shared_future|packaged_task)\b", "thrum::Future"),
    "std::this_thread": (r"std::this_thread::", "thrum::sleep and thrum::yield"),
    "std::semaphore": (r"std::(?:counting_semaphore|binary_semaphore|latch|barrier)\b", "thrum's own"),
    "thread_local": (r"\bthread_local\b", "a member, or thrum::Local: a fiber is not its worker"),
    "sleep": (r"\bsleep_for\b|" + OF_THE_SYSTEM + r"(?:usleep|nanosleep|clock_nanosleep)\s*\(|(?<![\w:])::sleep\s*\(",
              "thrum::sleep"),
    "poll": (OF_THE_SYSTEM + r"(?:poll|ppoll|select|pselect|epoll_wait|epoll_pwait)\s*\(", "thrum::Descriptor::wait"),
    "getaddrinfo": (OF_THE_SYSTEM + r"(?:getaddrinfo|getnameinfo|gethostbyname\w*|gethostbyaddr\w*)\s*\(",
                    "thrum::resolve, or thrum::to_thread"),
    "waitpid": (OF_THE_SYSTEM + r"(?:waitpid|wait3|wait4|waitid|system|popen|pclose)\s*\(",
                "a pidfd in a thrum::Descriptor, or thrum::to_thread"),
    "flock": (OF_THE_SYSTEM + r"(?:flock|lockf|sigwait|sigwaitinfo|pause)\s*\(", "thrum::to_thread"),
}
NAPS = {"sleep": BANS["sleep"]}


def bans(house):
    """Above threads/internal nobody blocks a worker or knows about operating-system threads."""
    allowed = exceptions(house, "ban")
    used = set()
    for name in house.files:
        floor = house.floor_of(name)
        if name.startswith(("threads/internal/", "testing/")):
            continue
        # A test may use plain threads to show that a call has no colour; but nobody sleeps and hopes.
        test = floor is None or name.endswith(("_test.cpp", "_bench.cpp"))
        for word, (pattern, instead) in (NAPS if test else BANS).items():
            for match in re.finditer(pattern, house.code(name)):
                if (name, word) in allowed:
                    used.add((name, word))
                    continue
                line = house.code(name).count("\n", 0, match.start()) + 1
                yield f"{name}:{line}: {match[0].strip()} is banned here. Use {instead}."
    for key in allowed.keys() - used:
        yield f"{EXCEPTIONS} has a ban for {' '.join(key)}, which needs none. Drop the line."


INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*(?:<([^>\n]*)>|"([^"\n]*)")', re.MULTILINE)


def includes(house):
    """Includes go down and never into another floor's internal/. Every own header is named <thrum/...>."""
    allowed = exceptions(house, "include")
    used = set()
    for name in house.files:
        floor = house.floor_of(name)
        test = name.endswith(("_test.cpp", "_bench.cpp", "_fuzz.cpp", "_fixture.hpp"))
        for match in INCLUDE.finditer(house.code(name)):
            line = house.code(name).count("\n", 0, match.start()) + 1
            where = f"{name}:{line}: includes"
            header = match[1]
            if header is None:
                if name.endswith(".c") or (name, match[2]) in allowed:
                    used.add((name, match[2]))
                    continue
                yield f'{where} "{match[2]}". Write <thrum/...>: a path in quotes goes past the floors.'
                continue
            if not header.startswith("thrum/"):
                continue
            other = header.removeprefix("thrum/").split("/")[0].removesuffix(".hpp")
            if ".." in header.split("/"):
                yield f"{where} <{header}>. Say it without '..'."
            elif "/internal/" in header and other != floor and not name.endswith("_fuzz.cpp"):
                if (name, header) in allowed:
                    used.add((name, header))
                else:
                    yield f"{where} <{header}>. internal/ belongs to the floor '{other}' alone."
            elif floor is not None and other in house.levels:
                if house.levels[other] >= house.levels[floor] and other != floor:
                    yield f"{where} <{header}>, which LAYERS puts beside or above '{floor}'."
            elif floor is not None and not (test and other == "testing"):
                yield f"{where} <{header}>, which is no floor."
    for key in allowed.keys() - used:
        yield f"{EXCEPTIONS} has an include for {' '.join(key)}, which needs none. Drop the line."


def first_lines(house):
    """Line 1 of each file says where you are."""
    for name in (name for name in house.files if not name.endswith(".c")):
        floor = house.floor_of(name)
        place = f"floor {house.levels[floor]}, {floor}" if floor else f"yard, {name.split('/')[0]}"
        if floor == "cli":
            place = "front door, cli"
        expected = f"// thrum/{name}: {place}"
        first = house.text(name).partition("\n")[0]
        if first != expected:
            yield f"{name}:1: must be '{expected}', is '{first}'"


def checksum(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def examples(house):
    """examples/ holds the programs as they were given, to the byte."""
    listed = {}
    for line in (house.root / CHECKSUMS).read_text().splitlines():
        digest, name = line.split()
        listed[name] = digest
    folder = house.root / "examples"
    present = {p.relative_to(folder).as_posix() for p in folder.rglob("*.cpp")}
    for name in sorted(listed.keys() | present):
        if name not in present:
            yield f"examples/{name} is missing"
        elif name not in listed:
            yield f"examples/{name} is not in {CHECKSUMS}"
        elif checksum(folder / name) != listed[name]:
            yield f"examples/{name} was changed; the programs fix the interface, so change the library instead"
    # Where the programs' own home stands beside the clone, the list must be true of it.
    home = house.root.parent / "shared" / "programs"
    for path in sorted(home.rglob("*.cpp")):
        name = path.relative_to(home).as_posix()
        if listed.get(name) != checksum(path):
            yield f"{CHECKSUMS} does not say what {name} is where the programs come from"


DOCUMENTS = ("*.md", "docs/**/*.md")
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
SOURCE = re.compile(r"<!-- from (\S+) -->\n\Z")
LINK = re.compile(r"\[[^\]]*\]\(([^)#\s]+)[^)]*\)")


def quotes(block, text):
    """Whether `block` is consecutive lines of `text`, perhaps moved to the left as a whole."""
    return any("\n" + textwrap.indent(block, " " * indent) in "\n" + text for indent in range(0, 20, 2))


def documents(house):
    """C++ in documents is quoted from compiled files, links lead somewhere, and the papers are there."""
    for name in ("README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "STYLE.md", "CHANGELOG.md", "LICENSE"):
        if not (house.root / name).is_file():
            yield f"{name} is missing"
    names = {p for pattern in DOCUMENTS for p in house.root.glob(pattern)}
    names |= {p for folder in (*house.levels, *YARD) for p in (house.root / folder).rglob("*.md")}
    for path in sorted(names):
        text = path.read_text(encoding="utf-8")
        where = path.relative_to(house.root).as_posix()
        for match in FENCE.finditer(text):
            if match[1] not in ("cpp", "c++", "cxx"):
                continue
            line = text.count("\n", 0, match.start()) + 1
            source = SOURCE.search(text[:match.start()])
            if source is None:
                yield f"{where}:{line}: C++ without '<!-- from FILE -->' on the line before it"
            elif not (house.root / source[1]).is_file():
                yield f"{where}:{line}: quotes {source[1]}, which is not there"
            elif not quotes(match[2], (house.root / source[1]).read_text(encoding="utf-8")):
                yield f"{where}:{line}: is not what {source[1]} says. Quote consecutive lines of it."
        for match in LINK.finditer(FENCE.sub("", text)):
            if not re.match(r"[a-z]+:", match[1]) and not (path.parent / match[1]).exists():
                yield f"{where}: links to {match[1]}, which is not there"


def changelog(house):
    """CHANGELOG.md speaks of the version that CMakeLists.txt builds."""
    version = re.search(r"project\(thrum VERSION ([0-9.]+)", (house.root / "CMakeLists.txt").read_text())[1]
    log = house.root / "CHANGELOG.md"
    if not log.is_file() or not re.search(rf"^## {re.escape(version)}\b", log.read_text(), re.MULTILINE):
        yield f"CHANGELOG.md has no heading '## {version}', the version of CMakeLists.txt"


def packages(house):
    """cmake/packages.txt is the one list of packages: nothing else tells people to install some."""
    listed = house.root / "cmake" / "packages.txt"
    for path in (*house.root.glob("*.md"), house.root / "Makefile", house.root / ".ci" / "run"):
        for number, line in enumerate(path.read_text().splitlines() if path.exists() else [], 1):
            if re.search(r"apt(?:-get)? install", line) and "cmake/packages.txt" not in line:
                yield f"{path.relative_to(house.root)}:{number}: names packages; {listed.name} alone does"


TEST_NAME = re.compile(r"\bTEST(?:_F|_P)?\(\s*(\w+),\s*(\w+)\s*\)")
SHOWN = re.compile(r"[\w./]+_test\.cpp: \w+\.\w+(?:, \w+\.\w+)*")


def shown_by(cell):
    """[(file, test)] of "a_test.cpp: A.b, A.c; d_test.cpp: D.e"; None where it is written otherwise."""
    found = []
    for part in cell.split("; "):
        if not SHOWN.fullmatch(part):
            return None
        name, _, tests = part.partition(": ")
        found += [(name, test) for test in tests.split(", ")]
    return found


def checklists(house):
    """Every row of a floor's CHECKLIST.md ends with tests that exist, or with "not here: " and why."""
    for floor in house.levels:
        path = house.root / floor / "CHECKLIST.md"
        where = f"{floor}/CHECKLIST.md"
        head = False
        for number, line in enumerate(path.read_text().splitlines() if path.exists() else [], 1):
            head, was_head = line.startswith("|"), head
            if not head or not was_head or set(line) <= set("|- "):
                continue
            cell = line.strip("|").split("|")[-1].strip()
            shown = [] if re.match(r"not here: \S", cell) else shown_by(cell)
            if shown is None:
                yield f"{where}:{number}: ends neither with 'FILE_test.cpp: Suite.Test' nor with 'not here: ' and why"
            for name, test in shown or []:
                source = path.parent / name
                if not source.is_file():
                    yield f"{where}:{number}: names {name}, which is not there"
                elif tuple(test.split(".")) not in TEST_NAME.findall(source.read_text(encoding="utf-8")):
                    yield f"{where}:{number}: names {test}, which {name} does not have"


RULES = {rule.__name__: rule for rule in
         (sizes, bans, includes, first_lines, examples, documents, checklists, changelog, packages)}
