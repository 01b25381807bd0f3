"""check.py RULE...: holds this tree to the rules named; to all of rules.py without a name."""

import pathlib
import sys

from rules import RULES
from source import House


def main(names):
    house = House(pathlib.Path(__file__).resolve().parents[2])
    complaints = [f"{name}: {complaint}" for name in names or RULES for complaint in RULES[name](house)]
    print("\n".join(complaints) or "nothing to say")
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
