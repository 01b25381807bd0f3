"""Reads the house's C++ for the rules: which files there are, and their code without comments and strings."""

import functools
import pathlib
import re

YARD = ("testing", "tests", "benchmarks", "fuzz")


class House:
    """A source tree: the real one, or a sample made by a self-test."""

    def __init__(self, root):
        self.root = pathlib.Path(root)

    @functools.cached_property
    def levels(self):
        """{floor: level}, lowest first, as LAYERS says."""
        lines = [l for l in (self.root / "LAYERS").read_text().splitlines() if l and not l.startswith("#")]
        return {name: level for level, line in enumerate(lines) for name in line.split()}

    @functools.cached_property
    def files(self):
        """Every .hpp, .cpp and .c of the floors and the yard, relative to the root; not examples/."""
        found = []
        for folder in (*self.levels, *YARD):
            for path in sorted((self.root / folder).rglob("*")):
                if path.suffix in (".hpp", ".cpp", ".c") and path.is_file():
                    found.append(path.relative_to(self.root).as_posix())
        return found

    @functools.lru_cache(maxsize=None)
    def text(self, name):
        return (self.root / name).read_text(encoding="utf-8")

    @functools.lru_cache(maxsize=None)
    def code(self, name):
        return blank(self.text(name))

    def floor_of(self, name):
        """The floor a file belongs to; None in the yard."""
        first = name.split("/", 1)[0]
        return first if first in self.levels else None


TOKEN = re.compile(
    r"""//(?:[^\n\\]|\\.)*                            # a line comment
      | /\*.*?\*/                                   # a block comment
      | (?P<include>^[ \t]*\#[ \t]*include[^\n]*)   # kept: its <...> is no string
      | R"(?P<mark>[^()\s\\]{0,16})\(.*?\)(?P=mark)"  # a raw string
      | "(?:[^"\\\n]|\\.)*"                         # a string
      | (?<![0-9A-Fa-f])'(?:[^'\\\n]|\\.)+'         # a character; not the ' of 100'000
    """,
    re.VERBOSE | re.DOTALL | re.MULTILINE)


def blank(text):
    """`text` with comments and the inside of strings replaced by spaces; every line keeps its number."""
    def spaces(match):
        if match["include"]:
            return match[0]
        return re.sub(r"[^\n]", " ", match[0])
    return TOKEN.sub(spaces, text)


NOT_A_FUNCTION = re.compile(r"^(?:(?:inline|export|extern|typedef|static|const|constexpr|template\s*<.*>)\s*)*"
                            r"(?:namespace|class|struct|union|enum)\b", re.DOTALL)


def functions(code):
    """Yields (name, first line, number of lines) of every outermost function body in blanked code."""
    code = re.sub(r"^[ \t]*#(?:[^\n\\]|\\.)*", lambda m: re.sub(r"[^\n]", " ", m[0]), code, flags=re.MULTILINE | re.DOTALL)
    transparent = 0   # open namespaces and classes
    depth = 0         # braces since the function began
    begin = 0         # where the present declaration begins
    parentheses = 0   # a brace inside parentheses, such as a default argument, opens no body
    for at, character in enumerate(code):
        if depth:
            if character == "{":
                depth += 1
            elif character == "}":
                depth -= 1
                # "A() : a_{1}, b_{2} {": these braces were an initialiser's, the body comes yet.
                if depth == 0 and not re.match(r"\s*[{,]", code[at + 1:at + 200]):
                    head = code[begin:body]
                    if "(" in head:
                        start = begin + len(head) - len(head.lstrip())
                        first = code.count("\n", 0, start) + 1
                        lines = code.count("\n", start, at) + 1
                        names = re.findall(r"([~\w]+|operator\S+)\s*(?=\()", head)
                        yield (names[0] if names else "?"), first, lines
                    begin = at + 1
        elif character == "(":
            parentheses += 1
        elif character == ")":
            parentheses -= 1
        elif parentheses > 0:
            continue
        elif character == "{":
            head = re.sub(r"^(?:\s|\[\[.*?\]\]|(?:public|private|protected)\s*:(?!:))+", "", code[begin:at])
            if NOT_A_FUNCTION.match(head) or head.strip() == "" and transparent == 0 or re.match(r"extern\s*$", head):
                transparent += 1
                begin = at + 1
            else:
                depth, body = 1, at
        elif character == "}":
            transparent -= 1
            begin = at + 1
        elif character == ";":
            begin = at + 1
