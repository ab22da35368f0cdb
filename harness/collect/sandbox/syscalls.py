"""What a process behind a wall may not ask of the kernel: filters of seccomp, as its programs.

The trusted side makes them, since libseccomp takes a while to be found; the process loads them.
Must not know files or paths.
"""

from __future__ import annotations

import errno
import socket
import tempfile
from functools import cache
from typing import Any

LIBSECCOMP = "sudo apt install libseccomp2"
"""What mends a wall where no filter can be made."""

REFUSED = (
    # Other processes of the same user, and their memory.
    *("kcmp", "pidfd_getfd", "process_madvise", "process_vm_readv", "process_vm_writev", "ptrace"),
    *("migrate_pages", "move_pages"),
    # Objects that all processes of a user share.
    *("mq_open", "mq_unlink", "msgget", "semget", "shmget"),
    *("add_key", "keyctl", "request_key"),
    # Files past any path.
    *("name_to_handle_at", "open_by_handle_at"),
    # Memory that is no process's, so that no limit counts it.
    *("memfd_create", "memfd_secret"),
    # Walls of one's own, which open ways into the kernel that are closed without.
    *("chroot", "fsconfig", "fsmount", "fsopen", "fspick", "mount", "mount_setattr", "move_mount"),
    *("open_tree", "pivot_root", "setns", "umount2", "unshare"),
    # Parts of the kernel that nothing here needs, and where its holes were found. io_uring would
    # also open sockets unseen by a filter.
    *("bpf", "fanotify_init", "io_uring_enter", "io_uring_register", "io_uring_setup"),
    *("lookup_dcookie", "perf_event_open", "personality", "userfaultfd", "vmsplice"),
    # The machine itself.
    *("acct", "adjtimex", "clock_adjtime", "clock_settime", "delete_module", "finit_module"),
    *("init_module", "kexec_file_load", "kexec_load", "quotactl", "reboot", "settimeofday"),
    *("sethostname", "setdomainname", "swapoff", "swapon", "syslog", "vhangup"),
)

NEWER = {"process_madvise": 440, "mount_setattr": 442, "memfd_secret": 447, "fchmodat2": 452}
"""Numbers, the same on all processors, of calls that an older libseccomp does not know."""

OF_ONESELF = (
    ("prlimit64", 0, 0),
    *(("setpriority", 0, 0), ("setpriority", 1, 0)),
    *(("ioprio_set", 0, 1), ("ioprio_set", 1, 0)),
)
"""Calls that may change the calling process alone: the argument of this place must be this."""

SCHEDULED = ("sched_setaffinity", "sched_setattr", "sched_setparam", "sched_setscheduler")
"""The same, but libraries call them with a thread's own number: they seem to succeed."""

ELSEWHERE = ("connect", "sendmsg", "sendmmsg")
"""Ways to a socket that somebody else listens to: a session's bus would run what it is told."""

SIGNALS = ("kill", "tkill", "tgkill", "rt_sigqueueinfo", "rt_tgsigqueueinfo", "pidfd_send_signal")

UNHEARD = (
    *("chmod", "chown", "fchmod", "fchmodat", "fchmodat2", "fchown", "fchownat", "lchown"),
    *("futimesat", "utime", "utimensat", "utimes"),
    *("fremovexattr", "fsetxattr", "lremovexattr", "lsetxattr", "removexattr", "setxattr"),
)
"""Changes of a file's rights, owner and times. Landlock knows none of them, so that the files of
whoever grades are open to them; they seem to succeed and do nothing, since honest code that unpacks
an archive asks for them."""

NAMESPACES = (0x80, 0x20000, 0x2000000, 0x4000000, 0x8000000, 0x10000000, 0x20000000, 0x40000000)
"""Flags of `clone` that make a namespace, from linux/sched.h."""


@cache
def around_all() -> bytes:
    """For every process inside: no sockets but those of Unix, and nothing of `REFUSED`."""
    import pyseccomp as seccomp

    filter_ = _filter(REFUSED)
    no_socket = seccomp.ERRNO(errno.EAFNOSUPPORT)
    filter_.add_rule(no_socket, "socket", seccomp.Arg(0, seccomp.NE, socket.AF_UNIX))
    refused = seccomp.ERRNO(errno.EPERM)
    for flag in NAMESPACES:
        filter_.add_rule(refused, "clone", seccomp.Arg(0, seccomp.MASKED_EQ, flag, flag))
    # Its flags lie in memory, where no filter sees them; without it libraries take clone.
    filter_.add_rule(seccomp.ERRNO(errno.ENOSYS), "clone3")
    for name, argument, own in OF_ONESELF:
        filter_.add_rule(refused, name, seccomp.Arg(argument, seccomp.NE, own))
    for name in SCHEDULED:
        filter_.add_rule(seccomp.ERRNO(0), name, seccomp.Arg(0, seccomp.NE, 0))
    return _program(filter_)


@cache
def around_submitted(signals: bool, rights: bool) -> bytes:
    """Besides, for a process with submitted code: no way to a socket that others listen to.

    Args:
        signals: whether it may send signals: where nothing else keeps those inside, it may not.
        rights: whether it may change files' rights: where it sees files of others, it may not.
    """
    import pyseccomp as seccomp

    filter_ = _filter(ELSEWHERE if signals else (*ELSEWHERE, *SIGNALS))
    for name in () if rights else UNHEARD:
        filter_.add_rule(seccomp.ERRNO(0), _number(name))
    refused = seccomp.ERRNO(errno.EPERM)
    filter_.add_rule(refused, "sendto", seccomp.Arg(4, seccomp.NE, 0))
    return _program(filter_)


@cache
def around_graphs() -> bytes:
    """Besides, for a process that runs a foreign graph: nothing of others, and no processes."""
    import pyseccomp as seccomp

    refused = (*ELSEWHERE, *SIGNALS, "execve", "execveat", "fork", "vfork")
    filter_ = _filter(refused)
    thread = 0x10000
    no_thread = seccomp.Arg(0, seccomp.MASKED_EQ, thread, 0)
    filter_.add_rule(seccomp.ERRNO(errno.EPERM), "clone", no_thread)
    return _program(filter_)


def _filter(refused: tuple[str, ...]) -> Any:
    import pyseccomp as seccomp

    filter_ = seccomp.SyscallFilter(defaction=seccomp.ALLOW)
    for name in refused:
        filter_.add_rule(seccomp.ERRNO(errno.EPERM), _number(name))
    return filter_


def _number(name: str) -> int:
    """The number of a system call; below -1 for another processor's, which seccomp passes over."""
    import pyseccomp as seccomp

    number: int = seccomp.resolve_syscall(seccomp.Arch.NATIVE, name)
    return NEWER.get(name, number) if number == -1 else number


def _program(filter_: Any) -> bytes:
    """The filter as instructions of the kernel's, eight bytes each."""
    with tempfile.TemporaryFile() as file:
        filter_.export_bpf(file)
        file.seek(0)
        return file.read()
