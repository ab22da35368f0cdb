"""What the kernel is not to be asked: other rights, other walls, other processes, its own corners."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator

import pytest
from batches import Laboratory
from forms import FORMS, Form, Told, calling, name_of

from harness.collect.sandbox import syscalls

TOKEN = "a-token-of-the-instructor"

REFUSED = "Operation not permitted"
ELSEWHERE = f"{REFUSED}|Permission denied|No such process|No such file|nothing there"

START = f"""
import fcntl, glob, os, resource, signal, subprocess, termios
from pathlib import Path
{calling("capget", "clone", "clone3", "prctl", *syscalls.REFUSED)}

def rights():
    header, data = ctypes.create_string_buffer(b"\\x22\\x05\\x08\\x20" + bytes(4)), (ctypes.c_uint32 * 6)()
    call("capget", header, data)
    return sum(data[place] | data[place + 1] | data[place + 2] for place in (0, 3))

"""

ATTACKS = {
    "walls: a user space of its own": ("call('unshare', 0x10000000)", REFUSED),
    "walls: a file system of its own": ("call('unshare', 0x20000)", REFUSED),
    "walls: a process in a user space of its own": ("call('clone', 0x10000000 | 17, 0, 0, 0, 0)", REFUSED),
    "walls: a process by the newer call": ("call('clone3', ctypes.create_string_buffer((0x10000000).to_bytes(8, 'little') + bytes(80)), 88)", "Function not implemented"),
    "walls: the walls of another": ("call('setns', 0, 0)", REFUSED),
    "walls: another root": ("os.chroot('.')", REFUSED),
    "walls: a mount": ("call('mount', b'none', b'.', b'tmpfs', 0, 0)", REFUSED),
    "walls: a tree that was mounted": ("call('open_tree', -100, b'/', 1)", REFUSED),
    "walls: the mount of /proc again": ("subprocess.run(['mount', '-t', 'proc', 'proc', '.'], check=True)", "CalledProcessError|No such file"),
    "walls: another program's numbers": ("call('personality', 0x0040000)", REFUSED),
    "walls: every call that is refused": ("left = []\nfor name in NUMBERS:\n    if name not in ('capget', 'clone', 'clone3', 'prctl'):\n        try:\n            call(name, -1, -1, -1, -1, -1, -1)\n        except PermissionError:\n            continue\n        except OSError:\n            pass\n        left.append(name)\nassert left, 'nothing there'\n", "nothing there"),
    "rights: root": ("assert 0 in (os.getuid(), os.geteuid(), os.getgid(), os.getegid()), 'nothing there'", "nothing there"),
    "rights: groups of root": ("assert 0 in os.getgroups(), 'nothing there'", "nothing there"),
    "rights: to become root": ("os.setuid(0)", f"{REFUSED}|Invalid argument"),
    "rights: capabilities": ("assert rights() & ~(1 << 2), 'nothing there'", "nothing there"),
    "rights: of a setuid program": ("assert call('prctl', 39, 0, 0, 0, 0) != 1, 'nothing there'", "nothing there"),
    "rights: su": ("subprocess.run(['su', '-c', 'true'], check=True, capture_output=True, stdin=subprocess.DEVNULL, timeout=20)", "CalledProcessError|No such file|Permission denied"),
    "rights: more processes": ("resource.setrlimit(resource.RLIMIT_NPROC, (100_000, 100_000))", "not allowed to raise|Operation not permitted|exceed"),
    "rights: more memory": ("resource.setrlimit(resource.RLIMIT_DATA, (2**40, 2**40))", "not allowed to raise|Operation not permitted|exceed"),
    "rights: to be spared when memory runs out": ("number = os.open('/proc/self/oom_score_adj', os.O_WRONLY)\nos.write(number, b'-1000')", "Permission denied"),
    "rights: to come before others": ("os.nice(-5)", REFUSED),
    "rights: the real time": ("os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))", REFUSED),
    "rights: the clock": ("__import__('time').clock_settime(0, 0)", REFUSED),
    "the grader: its environment": ("found = []\nfor path in glob.glob('/proc/[0-9]*/environ') + ['/proc/1/environ', f\"/proc/{places['grader']}/environ\", f'/proc/{os.getppid()}/environ', '/proc/self/environ']:\n    try:\n        found.append(Path(path).read_bytes())\n    except OSError:\n        continue\nassert any(places['token'] in each for each in [*found, repr(os.environ).encode()]), 'nothing there'", "nothing there"),
    "the grader: its command line": ("found = []\nfor path in glob.glob('/proc/[0-9]*/cmdline') + [f\"/proc/{places['grader']}/cmdline\"]:\n    try:\n        found.append(Path(path).read_bytes())\n    except OSError:\n        continue\nassert any(b'pytest' in each or places['token'] in each for each in found), 'nothing there'", "nothing there"),
    "the grader: its open files": ("os.listdir(f\"/proc/{places['grader']}/fd\")", ELSEWHERE),
    "the grader: its memory": ("os.open(f\"/proc/{places['grader']}/mem\", os.O_RDONLY)", ELSEWHERE),
    "the grader: its memory by another call": ("call('process_vm_readv', places['grader'], ctypes.create_string_buffer(16), 1, ctypes.create_string_buffer(16), 1, 0)", REFUSED),
    "the grader: its steps": ("call('ptrace', 16, places['grader'], 0, 0)", REFUSED),
    "the grader: its place among others": ("os.setpriority(os.PRIO_PROCESS, places['grader'], 19)", ELSEWHERE),
    "the grader: its limits": ("resource.prlimit(places['grader'], resource.RLIMIT_CPU, (1, 1))", ELSEWHERE),
    "the grader: its end": ("os.kill(places['grader'], 0)", ELSEWHERE),
    "the grader: its end, gently": ("os.kill(places['grader'], signal.SIGTERM)", ELSEWHERE),
    "the grader: its group's end": ("os.killpg(places['group'], 0)", ELSEWHERE),
    "the grader: its signals by another call": ("signal.pidfd_send_signal(os.pidfd_open(places['grader']), 0)", ELSEWHERE),
    "the parent: its memory": ("call('process_vm_writev', os.getppid(), ctypes.create_string_buffer(16), 1, ctypes.create_string_buffer(16), 1, 0)", REFUSED),
    "the parent: its steps": ("call('ptrace', 16, os.getppid(), 0, 0)", REFUSED),
    "the parent: its limits": ("resource.prlimit(os.getppid(), resource.RLIMIT_CPU, (1, 1))", ELSEWHERE),
    "the parent: its open files": ("call('pidfd_getfd', os.pidfd_open(os.getppid()), 0, 0)", REFUSED),
    "the first process: its memory": ("os.write(os.open('/proc/1/mem', os.O_RDWR), b'')", ELSEWHERE),
    "the terminal: a line typed": ("fcntl.ioctl(os.open('/dev/tty', os.O_RDWR), termios.TIOCSTI, b'x')", "No such device|No such file|Permission denied|Operation not permitted"),
    "the terminal: by standard input": ("fcntl.ioctl(0, termios.TIOCSTI, b'x')", "Inappropriate ioctl|Bad file descriptor|Operation not permitted|Input/output error|Invalid argument"),
    "memory that nobody counts": ("os.memfd_create('hidden')", REFUSED),
}  # fmt: skip


@pytest.fixture(scope="module")
def token() -> Iterator[str]:
    """A secret in this process's environment, before any child starts; and on a command line."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HARNESS_TOKEN", TOKEN)
        patch.setenv("GITHUB_TOKEN", TOKEN)
        yield TOKEN


@pytest.fixture(scope="module", params=FORMS, ids=name_of)
def told(request: pytest.FixtureRequest, laboratory: Laboratory, token: str) -> Iterator[Told]:
    form: Form = request.param
    # Not this process itself: a signal that came would end all tests.
    waits = [sys.executable, "-c", "input()", token]
    with subprocess.Popen(waits, stdin=subprocess.PIPE, start_new_session=True) as grader:
        places = {"grader": grader.pid, "group": grader.pid, "token": token.encode()}
        start = f"{START}places = {places}\n"
        told = form(laboratory, {name: f"{start}{code}\n" for name, (code, _) in ATTACKS.items()})
        assert grader.poll() is None
        assert os.getpriority(os.PRIO_PROCESS, grader.pid) == os.getpriority(os.PRIO_PROCESS, 0)
        yield told
        grader.communicate(b"\n")


@pytest.mark.parametrize("attack", ATTACKS)
def test_the_kernel_refuses(told: Told, attack: str) -> None:
    assert re.search(ATTACKS[attack][1], told[attack]), told[attack]
