"""Receives statsd datagrams on a UDP port, in a thread that costs nothing while nobody sends.

After a datagram it waits a little for those that follow it: Airflow sends in bursts, and each waking up costs more than
reading. The kernel keeps what comes in meanwhile.
"""

import logging
import socket
import threading
from collections.abc import Callable

LARGEST = 65535
BUFFER = 1 << 20
GATHERING = 0.25
"""Seconds; the kernel's buffer holds some hundred datagrams at least."""

log = logging.getLogger("mwaa_local.aws")


def receive(host: str, port: int, take: Callable[[bytes], None]) -> bool:
    """Hand every datagram that comes to `port` from now on to `take`; False if the port is not to be had."""
    receiver = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        receiver.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER)
        receiver.bind((host, port))
    except OSError as error:
        receiver.close()
        log.warning("there will be no metrics of Airflow: UDP port %d cannot be had: %s", port, error)
        return False
    threading.Thread(target=_receive, args=(receiver, take), name="metrics", daemon=True).start()
    return True


def _receive(receiver: socket.socket, take: Callable[[bytes], None]) -> None:
    pause = threading.Event()
    while True:
        datagrams = [receiver.recv(LARGEST)]
        pause.wait(GATHERING)
        try:
            while True:
                datagrams.append(receiver.recv(LARGEST, socket.MSG_DONTWAIT))
        except BlockingIOError:
            for datagram in datagrams:
                take(datagram)
