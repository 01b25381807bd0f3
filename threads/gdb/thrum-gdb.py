"""gdb commands for programs that use thrum: every thrum thread, and its stack.

    (gdb) source PREFIX/share/thrum/thrum-gdb.py
    (gdb) info thrum-threads
    (gdb) thrum-thread 7 bt

Works on a live process that is stopped and on a core file. x86-64; needs thrum's debugging information.
"""

import gdb

INTERNAL = "thrum::internal::"
HEADER_BYTES = 32  # StackHeader::size
RED_ZONE = 128     # of switch.hpp


def read(type_name, address):
    return gdb.Value(address).cast(gdb.lookup_type(INTERNAL + type_name).pointer()).dereference()


def atomic(value):
    """What a std::atomic holds: of integers and enumerations, of pointers, of bool."""
    for names in (("_M_i",), ("_M_b", "_M_p"), ("_M_base", "_M_i")):
        found = value
        try:
            for name in names:
                found = found[name]
            return found
        except gdb.error:
            continue
    return value


def variable(name):
    symbol = gdb.lookup_global_symbol(INTERNAL + name) or gdb.lookup_static_symbol(INTERNAL + name)
    if symbol is None:
        raise gdb.GdbError("this program has no debugging information of thrum")
    return symbol.value()


def headers():
    """Where the StackHeader of each stack lies: of those in slabs, then of those that have a size of their own."""
    slab = atomic(variable("first_stack_slab"))
    while int(slab) != 0:
        for i in range(int(slab["count"])):
            colour = (int(slab["number"]) + i) % 32 * 64
            yield int(slab["base"]) + (i + 1) * int(slab["stack_size"]) - colour - HEADER_BYTES
        slab = slab["next"]
    single = variable("first_single_stack")
    while int(single) != 0:
        yield int(single)
        single = single["next"]


def fibers():
    """Every fiber that has not ended, found as threads/internal/registry.hpp does."""
    fiber_type = gdb.lookup_type(INTERNAL + "Fiber")
    for header in headers():
        if int(read("StackHeader", header)["references"]) == 0:
            continue
        place = (header - fiber_type.sizeof) // fiber_type.alignof * fiber_type.alignof
        fiber = read("Fiber", place)
        if not bool(atomic(fiber["finished_"])):
            yield fiber


def name_of(fiber):
    name = fiber["name_"]["_M_dataplus"]["_M_p"].string()
    return name or f"Thread-{id_of(fiber)}"


def id_of(fiber):
    return int(atomic(fiber["id"]))


def state_of(fiber):
    word = str(atomic(fiber["word_"])).rpartition("::")[2]
    if word not in ("armed", "shielded"):
        return "ready or running" if int(atomic(fiber["worker"])) != 0 else "not started"
    kind = atomic(fiber["waits_for_"])
    text = "waits on " + (kind.string() if int(kind) != 0 else "something")
    thing = int(atomic(fiber["waits_on_"]))
    return text.replace("%", str(thing)) if "%" in text else f"{text} {thing:#x}" if thing else text


class InfoThreads(gdb.Command):
    """List the threads of thrum that have not ended: id, name, and what each waits on."""

    def __init__(self):
        super().__init__("info thrum-threads", gdb.COMMAND_STATUS)

    def invoke(self, argument, from_tty):
        for fiber in fibers():
            print(f"{id_of(fiber):6}  {name_of(fiber)}  {state_of(fiber)}")


class ThrumThread(gdb.Command):
    """thrum-thread ID [COMMAND]: run COMMAND (bt, where none is given) with the registers of a parked thread."""

    def __init__(self):
        super().__init__("thrum-thread", gdb.COMMAND_STACK)

    def invoke(self, argument, from_tty):
        words = argument.split(None, 1)
        if not words or not words[0].isdigit():
            raise gdb.GdbError("usage: thrum-thread ID [COMMAND]")
        for fiber in fibers():
            if id_of(fiber) == int(words[0]):
                return self.look(fiber, words[1] if len(words) > 1 else "bt")
        raise gdb.GdbError(f"there is no thrum thread {words[0]}; 'info thrum-threads' lists them")

    @staticmethod
    def look(fiber, command):
        saved = int(fiber["context"]["stack_pointer_"])
        long_type = gdb.lookup_type("unsigned long")
        frame = gdb.Value(saved).cast(long_type.pointer())
        registers = {"rip": int(frame[0]), "rbp": int(frame[1]), "rsp": saved + 2 * long_type.sizeof + RED_ZONE}
        gdb.execute("select-frame 0", to_string=True)
        before = {name: int(gdb.parse_and_eval(f"(unsigned long)${name}")) for name in registers}
        try:
            for name, value in registers.items():
                gdb.execute(f"set ${name} = {value}", to_string=True)
            gdb.execute(command)
        finally:
            gdb.execute("select-frame 0", to_string=True)
            for name, value in before.items():
                gdb.execute(f"set ${name} = {value}", to_string=True)


InfoThreads()
ThrumThread()
