"""Ways out over the network. All aim at a listener that the test opens on its own loopback."""

import socket
from collections.abc import Iterator

import pytest
from batches import Laboratory, only_step
from notebook_samples import LOOPS, NET, SETUP, notebook
from step_samples import step

WAYS = {
    "TCP": "socket.create_connection(('127.0.0.1', {tcp}), 3).sendall(b'out')",
    "UDP": "socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'out', ('127.0.0.1', {udp}))",
    "IPv6": "socket.create_connection(('::1', {tcp}), 3).sendall(b'out')",
    "names": "socket.getaddrinfo('localhost', {tcp})",
    "a listener of its own": "socket.create_server(('127.0.0.1', 0))",
}


@pytest.fixture
def listeners() -> Iterator[tuple[socket.socket, socket.socket]]:
    with (
        socket.create_server(("127.0.0.1", 0)) as tcp,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp,
    ):
        udp.bind(("127.0.0.1", 0))
        tcp.settimeout(0.1)
        udp.settimeout(0.1)
        yield tcp, udp


@pytest.mark.parametrize("way", [way for way in WAYS if way != "names"])
@pytest.mark.parametrize("form", ["definition", "notebook"])
def test_no_way_out(
    laboratory: Laboratory, listeners: tuple[socket.socket, socket.socket], way: str, form: str
) -> None:
    tcp, udp = listeners
    ports = {"tcp": tcp.getsockname()[1], "udp": udp.getsockname()[1]}
    code = f"import socket\n{WAYS[way].format(**ports)}\n"
    if form == "definition":
        scorecard = laboratory.attack({"step_1.py": code + step()})
        fault = only_step(scorecard).fault
        assert fault is not None
        assert (fault.owner, fault.stage) == ("submission", "import")
        assert "Address family not supported" in fault.message
    else:
        cells = [SETUP, NET, LOOPS, "fit(Net(), 1)", code]
        scorecard = laboratory.attack({"Step_1.ipynb": notebook(*cells)})
        (told,) = only_step(scorecard).failed_cells
        assert "Address family not supported" in told
    for listener in listeners:
        with pytest.raises(TimeoutError):
            listener.accept() if listener is tcp else listener.recv(10)
