"""Values of our types, read by many threads at once."""

import subprocess
import sys

_MANY = """
import sys, threading
import msgspec
from envbuild.typed import converted, from_json, from_msgpack

sys.setswitchinterval(1e-6)
for number in range(300):
    some = ("b", dict[str, int], msgspec.field(default_factory=dict))
    inner = msgspec.defstruct(f"Inner{number}", [("a", tuple[str, ...]), some])
    outer = msgspec.defstruct(f"Outer{number}", [("one", inner), ("many", tuple[inner, ...]), ("text", str, "")])
    value = outer(inner(("x",)), (inner((), {"k": 1}),))
    packed, text, plain = msgspec.msgpack.encode(value), msgspec.json.encode(value), msgspec.to_builtins(value)
    ways = (lambda: from_msgpack(packed, outer), lambda: from_json(text, outer), lambda: converted(plain, outer))
    barrier, read = threading.Barrier(6), []

    def work(way):
        barrier.wait()
        read.append(way())

    threads = [threading.Thread(target=work, args=(way,)) for way in (*ways, *ways)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert read == [value] * 6
"""


def test_a_type_is_made_ready_by_one_thread() -> None:
    """Whichever form it is first read from, and however many read it: none ends the process."""
    for _ in range(2):
        ran = subprocess.run([sys.executable, "-c", _MANY], capture_output=True, text=True, check=False)
        assert (ran.returncode, ran.stderr) == (0, "")
