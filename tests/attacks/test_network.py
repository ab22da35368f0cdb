"""Ways out over the network. All aim at listeners that the test opens on its own loopback."""

import re
import socket
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from batches import Laboratory
from forms import FORMS, Form, Told, calling, name_of

FAMILY = "Address family not supported"
REFUSED = "Operation not permitted"

WAYS = {
    "TCP": ("socket.create_connection(('127.0.0.1', places['tcp']), 3).sendall(b'out')", FAMILY),
    "UDP": ("socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'out', ('127.0.0.1', places['udp']))", FAMILY),
    "IPv6": ("socket.create_connection(('::1', places['tcp']), 3).sendall(b'out')", FAMILY),
    "a socket to look up names": ("socket.socket(socket.AF_INET, socket.SOCK_DGRAM, socket.IPPROTO_UDP)", FAMILY),
    "a listener of its own": ("socket.create_server(('127.0.0.1', 0))", FAMILY),
    "packets of its own": ("socket.socket(socket.AF_PACKET, socket.SOCK_RAW)", FAMILY),
    "the kernel's routes": ("socket.socket(socket.AF_NETLINK, socket.SOCK_RAW)", FAMILY),
    "the machine around": ("socket.socket(socket.AF_VSOCK, socket.SOCK_STREAM)", FAMILY),
    "the kernel's ciphers": ("socket.socket(socket.AF_ALG, socket.SOCK_SEQPACKET)", FAMILY),
    "a socket by its number": ("call('socket', 2, 1, 0)", FAMILY),
    "a socket by a longer number": ("call('socket', 2 + (1 << 32), 1, 0)", FAMILY),
    "a socket of io_uring": ("call('io_uring_setup', 1, ctypes.create_string_buffer(120))", REFUSED),
    "Unix: connect": ("unix(socket.SOCK_STREAM).connect(places['stream'])", REFUSED),
    "Unix: connect in a thread of the kernel's": ("in_another(lambda: unix(socket.SOCK_STREAM).connect(places['stream']))", REFUSED),
    "Unix: connect to datagrams": ("unix(socket.SOCK_DGRAM).connect(places['datagram'])", REFUSED),
    "Unix: sendto": ("unix(socket.SOCK_DGRAM).sendto(b'out', places['datagram'])", REFUSED),
    "Unix: sendmsg": ("unix(socket.SOCK_DGRAM).sendmsg([b'out'], [], 0, places['datagram'])", REFUSED),
    "Unix without a path: connect": ("unix(socket.SOCK_STREAM).connect(places['abstract stream'])", REFUSED),
    "Unix without a path: sendto": ("unix(socket.SOCK_DGRAM).sendto(b'out', places['abstract datagram'])", REFUSED),
    "Unix without a path: sendmsg": ("unix(socket.SOCK_DGRAM).sendmsg([b'out'], [], 0, places['abstract datagram'])", REFUSED),
    "Unix: an open file handed over": ("socket.send_fds(socket.socketpair()[0], [b'out'], [0])", REFUSED),
}  # fmt: skip

START = '''
import socket

def unix(kind):
    return socket.socket(socket.AF_UNIX, kind)

def in_another(attack):
    """Do it in a thread that a notebook's process had before any submitted code, if there is one."""
    if "get_ipython" not in globals():
        return attack()
    from concurrent.futures import Future
    done = Future()
    def do():
        try:
            done.set_result(attack())
        except BaseException as error:
            done.set_exception(error)
    get_ipython().kernel.iopub_thread.schedule(do)
    done.result(20)
'''

Listeners = dict[str, socket.socket]


@pytest.fixture(scope="module")
def listeners() -> Iterator[Listeners]:
    """Two of the network, and of Unix two in a folder and two without a path."""
    stream, datagram = socket.SOCK_STREAM, socket.SOCK_DGRAM
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        folder.chmod(0o755)
        bound = {
            "tcp": (socket.AF_INET, stream, ("127.0.0.1", 0)),
            "udp": (socket.AF_INET, datagram, ("127.0.0.1", 0)),
            "stream": (socket.AF_UNIX, stream, str(folder / "stream")),
            "datagram": (socket.AF_UNIX, datagram, str(folder / "datagram")),
            "abstract stream": (socket.AF_UNIX, stream, f"\0{folder}/stream"),
            "abstract datagram": (socket.AF_UNIX, datagram, f"\0{folder}/datagram"),
        }
        opened = {}
        for name, (family, kind, address) in bound.items():
            opened[name] = stack.enter_context(socket.socket(family, kind))
            opened[name].bind(address)
            opened[name].setblocking(False)
            if kind is stream:
                opened[name].listen()
            if isinstance(address, str) and not address.startswith("\0"):
                Path(address).chmod(0o777)
        yield opened


@pytest.fixture(scope="module", params=FORMS, ids=name_of)
def told(request: pytest.FixtureRequest, laboratory: Laboratory, listeners: Listeners) -> Told:
    form: Form = request.param
    names = {name: each.getsockname() for name, each in listeners.items()}
    places = {n: at[1] if n in ("tcp", "udp") else at for n, at in names.items()}
    start = f"{calling('socket', 'io_uring_setup')}{START}places = {places}\n"
    return form(laboratory, {way: f"{start}{code}\n" for way, (code, _) in WAYS.items()})


@pytest.mark.parametrize("way", WAYS)
def test_there_is_no_way_out(told: Told, way: str) -> None:
    assert re.search(WAYS[way][1], told[way]), told[way]


def test_nobody_who_listens_hears_anything(told: Told, listeners: Listeners) -> None:
    for name, listener in listeners.items():
        with pytest.raises(BlockingIOError):
            listener.accept() if name.endswith(("tcp", "stream")) else listener.recv(10)
