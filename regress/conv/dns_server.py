# SPDX-License-Identifier: ISC
"""A name server on loopback, by UDP, that answers what a test wants: names
maps (name, type) to a list of records, or to a function of the question that
gives the datagrams to send."""

import socket
import struct
import threading

A, CNAME, AAAA = 1, 5, 28


def name(text):
    return b"".join(bytes([len(x)]) + x.encode()
                    for x in text.split(".")) + b"\0"


def asked(query):
    """The question, without what may follow it (RFC 6891)."""
    at = 12
    while query[at]:
        at += query[at] + 1
    return query[12:at + 5]


def answer(query, records=(), rcode=0, flags=0x8180, ident=None,
           question=None):
    """records: (owner, type, ttl, data); a CNAME's data is a name."""
    head = struct.pack("!6H", struct.unpack("!H", query[:2])[0]
                       if ident is None else ident, flags | rcode, 1,
                       len(records), 0, 0)
    out = head + (asked(query) if question is None else question)
    for owner, kind, ttl, data in records:
        if kind == CNAME:
            data = name(data)
        elif kind == A:
            data = socket.inet_aton(data)
        else:
            data = socket.inet_pton(socket.AF_INET6, data)
        out += name(owner) + struct.pack("!HHIH", kind, 1, ttl, len(data))
        out += data
    return out


class Dns:
    def __init__(self, names, address="127.0.0.1"):
        self.names, self.asked = names, []
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.bind((address, 0))
        self.port = self.sock.getsockname()[1]
        threading.Thread(target=self.loop, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.sock.close()

    def line(self):
        return "127.0.0.1:%d" % self.port

    def loop(self):
        while True:
            try:
                query, peer = self.sock.recvfrom(1000)
            except OSError:
                return
            labels, at = [], 12
            while query[at]:
                labels.append(query[at + 1:at + 1 + query[at]].decode())
                at += query[at] + 1
            kind = struct.unpack("!H", query[at + 1:at + 3])[0]
            key = (".".join(labels).lower(), kind)
            self.asked.append((key, query[:2], peer[1]))
            what = self.names.get(key, [])
            if callable(what):
                what = what(query)
            else:
                what = [answer(query, what, 0 if any(
                    k[0] == key[0] for k in self.names) else 3)]
            for datagram in what:
                self.sock.sendto(datagram, peer)
