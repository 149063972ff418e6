"""Statsd clients that imports make in the launcher get a socket of their own in each role.

A role closes what the launcher had open: a client would go on with the number of its socket, which may soon be that of
the connection to the database. And names of metrics are checked for less. Runs on Python 3.7 and up.
"""

import functools
import socket
import weakref

_clients = weakref.WeakSet()


def watch_clients(udp):
    """Remember every statsd client that is made from now on, of the module `statsd.client.udp`."""
    make = udp.StatsClient.__init__

    def remember(client, *args, **kwargs):
        make(client, *args, **kwargs)
        keep_local(client)
        _clients.add(client)

    udp.StatsClient.__init__ = remember


def remember_name_handler(modules):
    """Have Airflow look up once who checks names: for each metric anew, that is most of what it costs."""
    for name in ("airflow.stats", "airflow.metrics.validators"):
        module = modules.get(name)
        look_up = getattr(module, "get_current_handler_stat_name_func", None)
        if look_up is not None:
            module.get_current_handler_stat_name_func = functools.lru_cache(maxsize=None)(look_up)


def renew_sockets():
    """Give each client a new socket; the old one is closed already, and its number not to be closed again."""
    for client in list(_clients):
        family = client._sock.family
        client._sock.detach()
        client._sock = socket.socket(family, socket.SOCK_DGRAM)
        keep_local(client)


def keep_local(client):
    """Have a client that sends to this machine take nothing from others: unbound, its socket is open to all of them."""
    host = client._addr[0]
    if host == "::1" or host.startswith("127."):
        client._sock.bind((host, 0))
