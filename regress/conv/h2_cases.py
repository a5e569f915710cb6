# SPDX-License-Identifier: ISC
"""The abuse corpus of HTTP/2: (name, frames, verdict).  The frames follow a
good preface and SETTINGS.  A verdict is the status that stream 1 gets, "rst
CODE" (a stream error, RFC 9113 5.4.2), "goaway CODE" (a connection error,
5.4.1, and the end), or "nothing"."""

import struct

from h2_tools import (CONT, DATA, END_HEADERS, END_STREAM, GOAWAY, HEADERS,
                      PADDED, PING, PRIO, PRIORITY, PUSH, RST, SETTINGS,
                      WINDOW, data, frame, get, headers, integer, lit, post,
                      pseudo, rst, section, setting, window)

JSON = ("content-type", "application/json")
PROTO, CALM = "goaway PROTOCOL_ERROR", "goaway ENHANCE_YOUR_CALM"
SIZE, CLOSED = "goaway FRAME_SIZE_ERROR", "goaway STREAM_CLOSED"
FLOW, HPACK = "goaway FLOW_CONTROL_ERROR", "goaway COMPRESSION_ERROR"
BAD = "rst PROTOCOL_ERROR"

FRAMES = [
    ("data on stream 0", data(b"x", 0), PROTO),
    ("data on an idle stream", data(b"x", 1), PROTO),
    ("data on an even stream", data(b"x", 2), PROTO),
    ("headers on stream 0", get(stream=0), PROTO),
    ("headers on an even stream", get(stream=2), PROTO),
    ("stream numbers go down", get(stream=3) + get(stream=1), "nothing"),
    ("headers twice on one stream", get() + get(), CLOSED),
    ("push promise from a client",
     frame(PUSH, END_HEADERS, 1, b"\0\0\0\2" + section(pseudo())), PROTO),
    ("reset on stream 0", rst(0), PROTO),
    ("reset of an idle stream", rst(9), PROTO),
    ("short reset", get() + frame(RST, 0, 1, b"\0\0\0"), SIZE),
    ("long reset", get() + frame(RST, 0, 1, b"\0" * 5), SIZE),
    ("short priority", get() + frame(PRIORITY, 0, 1, b"\0" * 4), SIZE),
    ("long priority", get() + frame(PRIORITY, 0, 1, b"\0" * 6), SIZE),
    ("priority on stream 0", frame(PRIORITY, 0, 0, b"\0\0\0\1\x10"), PROTO),
    ("priority is ignored", frame(PRIORITY, 0, 3, b"\0\0\0\1\x10") + get(),
     "200"),
    ("headers with priority", headers(b"\0\0\0\0\x10" + section(pseudo()),
                                      flags=PRIO), "200"),
    ("headers that depend on themselves",
     headers(b"\0\0\0\1\x10" + section(pseudo()), flags=PRIO), PROTO),
    ("headers with half a priority", headers(b"\0\0\0", flags=PRIO), SIZE),
    ("settings on a stream", frame(SETTINGS, 0, 1), PROTO),
    ("settings of five octets", frame(SETTINGS, 0, 0, b"\0" * 5), SIZE),
    ("settings ack with content", frame(SETTINGS, 1, 0, b"\0" * 6), SIZE),
    ("settings ack that nobody waits for",
     frame(SETTINGS, 1) + frame(SETTINGS, 1), PROTO),
    ("enable push 2", setting((2, 2)), PROTO),
    ("initial window 2^31", setting((4, 1 << 31)), FLOW),
    ("max frame size 16383", setting((5, 16383)), PROTO),
    ("max frame size 2^24", setting((5, 1 << 24)), PROTO),
    ("connect protocol 2", setting((8, 2)), PROTO),
    ("unknown setting", setting((0xfa, 1)) + get(), "200"),
    ("ping on a stream", frame(PING, 0, 1, b"\0" * 8), PROTO),
    ("ping of seven octets", frame(PING, 0, 0, b"\0" * 7), SIZE),
    ("ping of nine octets", frame(PING, 0, 0, b"\0" * 9), SIZE),
    ("goaway on a stream", frame(GOAWAY, 0, 1, b"\0" * 8), PROTO),
    ("short goaway", frame(GOAWAY, 0, 0, b"\0" * 7), SIZE),
    ("window of zero, connection", window(0, 0), PROTO),
    ("window of zero, stream", get() + window(1, 0), PROTO),
    ("window of an idle stream", window(9, 1), PROTO),
    ("window of three octets", frame(WINDOW, 0, 0, b"\0" * 3), SIZE),
    ("window of five octets", frame(WINDOW, 0, 0, b"\0" * 5), SIZE),
    ("window overflow, connection", window(0, 0x7fffffff), FLOW),
    ("window overflow, stream",
     post(JSON) + window(1, 0x7fffffff), "rst FLOW_CONTROL_ERROR"),
    ("continuation alone", frame(CONT, END_HEADERS, 1, b""), PROTO),
    ("continuation on stream 0", frame(CONT, END_HEADERS, 0, b""), PROTO),
    ("continuation of a complete head",
     get() + frame(CONT, END_HEADERS, 1, b""), PROTO),
    ("continuation on another stream",
     frame(HEADERS, END_STREAM, 1, section(pseudo())) +
     frame(CONT, END_HEADERS, 3, b""), PROTO),
    ("ping inside a head", frame(HEADERS, END_STREAM, 1, section(pseudo())) +
     frame(PING, 0, 0, b"\0" * 8), PROTO),
    ("data inside a head", frame(HEADERS, 0, 1, section(pseudo())) +
     data(b"x"), PROTO),
    ("headers inside a head", frame(HEADERS, END_STREAM, 1,
                                    section(pseudo())) + get(stream=3),
     PROTO),
    ("unknown frame inside a head",
     frame(HEADERS, END_STREAM, 1, section(pseudo())) + frame(0xfa), PROTO),
    ("data of 16385", post(JSON) + data(b"x" * 16385), SIZE),
    ("headers of 16385", headers(section(pseudo()) + lit("x", "y" * 16384)),
     SIZE),
    ("settings of 16386", frame(SETTINGS, 0, 0, b"\0" * 16386), SIZE),
    ("ping of 2^24-1", frame(PING, 0, 0, b"", (1 << 24) - 1), SIZE),
    ("unknown frame of 16385", frame(0xfa, 0, 0, b"\0" * 16385), SIZE),
    ("unknown frame", frame(0xfa, 0xff, 77, b"what") + get(), "200"),
    ("unknown flags", headers(section(pseudo()), flags=0x50), "200"),
    ("reserved bit of the stream", frame(
        HEADERS, END_STREAM | END_HEADERS, 0x80000001, section(pseudo())),
     "200"),
    ("data padded with its length", post(JSON) + data(b"\5abcd",
                                                      flags=PADDED), PROTO),
    ("data padded without a length", post(JSON) + data(b"", flags=PADDED),
     PROTO),
    ("headers padded too far", headers(b"\xff" + section(pseudo()),
                                       flags=PADDED), PROTO),
    ("headers padded", headers(b"\3" + section(pseudo()) + b"\0\0\0",
                               flags=PADDED), "200"),
    ("data after the end", post(JSON, end=True) + data(b"x"), CLOSED),
    ("trailers after the end", post(JSON) + data(b"{}") + data(b"{}"),
     CLOSED),
    ("data after a reset", post(JSON) + rst(1) + data(b"x") + data(b"y"),
     "nothing"),
    ("window after a reset", get() + rst(1) + window(1, 5), "nothing"),
    ("reset behind a request", get() + rst(1), "nothing"),
    ("altsvc from a client", frame(10, 0, 0, b"\0\0") + get(), "200"),
    ("goaway from the client, then a request",
     frame(GOAWAY, 0, 0, b"\0" * 8) + get(), "200"),
]

HUFFMAN = [
    ("index 0", b"\x80", HPACK),
    ("index behind the tables", b"\xbe", HPACK),
    ("index of 2^32", integer(1 << 32, 7, 0x80), HPACK),
    ("an integer without end", b"\xff" + b"\xff" * 12, HPACK),
    ("name index behind the tables", b"\x7f\x00\x01x", HPACK),
    ("size update above ours", integer(4097, 5, 0x20) + section(pseudo()),
     HPACK),
    ("size update of 0", b"\x20" + section(pseudo()), "200"),
    ("size update of 4096", integer(4096, 5, 0x20) + section(pseudo()),
     "200"),
    ("size update behind a field", section(pseudo()) + b"\x20", HPACK),
    ("name cut short", section(pseudo()) + b"\0\x05ab", HPACK),
    ("value cut short", section(pseudo()) + b"\0\1a\5b", HPACK),
    ("length cut short", section(pseudo()) + b"\0\x7f", HPACK),
    ("huffman padded with zeros", section(pseudo()) + b"\0\1a\x81\x00",
     HPACK),
    ("huffman with EOS", section(pseudo()) + b"\0\1a\x84\xff\xff\xff\xff",
     HPACK),
    ("huffman padded with eight bits", section(pseudo()) +
     b"\0\1a\x82\x1f\xff", HPACK),
    ("huffman", section(pseudo()) + b"\0\1a\x81\x1f", "200"),
    ("empty head", b"", BAD),
]


def without(name, **kw):
    return [(n, v) for n, v in pseudo(**kw) if n != name]


def field(name, value):
    return headers(pseudo() + [(name, value)])


HEADS = [
    ("no method", headers(without(":method")), BAD),
    ("no scheme", headers(without(":scheme")), BAD),
    ("no path", headers(without(":path")), BAD),
    ("no authority, no host", headers(without(":authority")), BAD),
    ("host alone", headers(without(":authority") + [("host", "localhost")]),
     "200"),
    ("two methods", headers([(":method", "GET")] + pseudo()), BAD),
    ("two schemes", headers([(":scheme", "http")] + pseudo()), BAD),
    ("two paths", headers([(":path", "/")] + pseudo()), BAD),
    ("two authorities", headers([(":authority", "localhost")] + pseudo()),
     BAD),
    ("pseudo-field behind a field",
     headers([("a", "b")] + pseudo()), BAD),
    ("status in a request", headers(pseudo() + [(":status", "200")]), BAD),
    ("protocol without CONNECT",
     headers(pseudo() + [(":protocol", "websocket")]), BAD),
    ("unknown pseudo-field", headers(pseudo() + [(":foo", "x")]), BAD),
    ("a lone colon", headers(pseudo() + [(":", "x")]), BAD),
    ("pseudo-field in upper case",
     headers([(":METHOD", "GET")] + without(":method")), BAD),
    ("empty path", get(path=""), BAD),
    ("path without a slash", get(path="healthz/live"), BAD),
    ("path with a host", get(path="http://localhost/healthz/live"), BAD),
    ("asterisk with GET", get(path="*"), BAD),
    ("asterisk with OPTIONS", get(method="OPTIONS", path="*"), "204"),
    ("empty method", get(method=""), BAD),
    ("method with a space", get(method="GET /"), BAD),
    ("method with CRLF", get(method="GET\r\nX: y"), BAD),
    ("unknown method", get(method="BREW"), "501"),
    ("method in lower case", get(method="get"), "501"),
    ("TRACE", get(method="TRACE"), "501"),
    ("CONNECT with a path", get(method="CONNECT"), BAD),
    ("CONNECT", headers([(":method", "CONNECT"),
                         (":authority", "localhost:80")]), "501"),
    ("empty scheme", get(scheme=""), BAD),
    ("scheme of a file", get(scheme="file"), "421"),
    ("https in the clear", get(scheme="https"), "421"),
    ("scheme with CRLF", get(scheme="http\r\n"), BAD),
    ("empty authority", get(host=""), BAD),
    ("authority of nobody", get(host="evil.example"), "421"),
    ("authority with a user", get(host="localhost@evil.example"), "400"),
    ("authority with a path", get(host="localhost/x"), BAD),
    ("authority with a space", get(host="local host"), BAD),
    ("authority with CRLF", get(host="localhost\r\nX: y"), BAD),
    ("authority with a comma", get(host="localhost,evil"), "400"),
    ("authority with a bad port", get(host="localhost:99999"), "400"),
    ("host says something else", get(("host", "evil.example")), BAD),
    ("host says another port", get(("host", "localhost:1")), BAD),
    ("host says the same", get(("host", "LOCALHOST")), "200"),
    ("two hosts", get(("host", "localhost"), ("host", "localhost")), BAD),
    ("empty host", get(("host", "")), BAD),
    ("path with a space", get(path="/a b"), BAD),
    ("path with CRLF", get(path="/\r\nX: y"), BAD),
    ("path with NUL", get(path="/\0"), BAD),
    ("path with a fragment", get(path="/healthz/live#x"), "400"),
    ("path with dots", get(path="/a/../healthz/live"), "400"),
    ("path with encoded dots", get(path="/a/%2e%2e/healthz/live"), "400"),
    ("path with an encoded slash", get(path="/healthz%2flive"), "400"),
    ("path with an encoded NUL", get(path="/healthz%00"), "400"),
    ("path with a bad escape", get(path="/%zz"), "400"),
    ("path with a backslash", get(path="/healthz\\live"), "400"),
    ("path with 8 bits", get(path=b"/\xc3\xa9"), "400"),
    ("path that is not there", get(path="/nothing"), "404"),
    ("path too long", get(path="/" + "a" * 8200), "414"),
    ("query with a bad escape", get(path="/healthz/live?a=%0"), "400"),
    ("name in upper case", field("Accept", "*/*"), BAD),
    ("name with one capital", field("x-A", "b"), BAD),
    ("empty name", field("", "b"), BAD),
    ("name with a space", field("a b", "c"), BAD),
    ("name with a colon", field("a:b", "c"), BAD),
    ("name with CRLF", field("a\r\nb", "c"), BAD),
    ("name with NUL", field("a\0", "c"), BAD),
    ("name with 8 bits", field(b"a\xff", "c"), BAD),
    ("name with _", field("content_length", "5"), "400"),
    ("value with NUL", field("a", "b\0c"), BAD),
    ("value with CR", field("a", "b\rc"), BAD),
    ("value with LF", field("a", "b\nc"), BAD),
    ("value with CRLF and a field", field("a", "b\r\nx: y"), BAD),
    ("value with DEL", field("a", "b\x7f"), BAD),
    ("value with a space in front", field("a", " b"), BAD),
    ("value with a tab behind", field("a", "b\t"), BAD),
    ("value with 8 bits", field("a", b"\xff\x80"), "200"),
    ("connection", field("connection", "close"), BAD),
    ("connection: upgrade", get(("connection", "upgrade"),
                                ("upgrade", "h2c")), BAD),
    ("keep-alive", field("keep-alive", "timeout=5"), BAD),
    ("proxy-connection", field("proxy-connection", "close"), BAD),
    ("transfer-encoding", field("transfer-encoding", "chunked"), BAD),
    ("transfer-encoding of a body",
     post(JSON, ("transfer-encoding", "chunked")) +
     data(b"0\r\n\r\nGET / HTTP/1.1\r\n\r\n"), BAD),
    ("upgrade", field("upgrade", "websocket"), BAD),
    ("te: trailers", field("te", "trailers"), "200"),
    ("te: gzip", field("te", "gzip"), BAD),
    ("te: trailers, gzip", field("te", "trailers, gzip"), BAD),
    ("http2-settings", field("http2-settings", "AAMAAABkAARAAAAA"), "200"),
    ("expect something", field("expect", "200-maybe"), "417"),
    ("encoded content", post(JSON, ("content-encoding", "gzip")) +
     data(b"x"), "415"),
    ("authorization twice", get(("authorization", "Basic a"),
                                ("authorization", "Basic b")), "400"),
    ("content-type twice", post(JSON, JSON, end=True), "400"),
    ("origin twice", get(("origin", "null"), ("origin", "null")), "400"),
    ("range twice", get(("range", "bytes=0-1"), ("range", "bytes=0-1")),
     "400"),
    ("cookie twice", get(("cookie", "a=1"), ("cookie", "b=2")), "200"),
    ("100 fields", headers(pseudo() + [(f"x{i}", "y") for i in range(100)]),
     "200"),
    ("101 fields", headers(pseudo() + [(f"x{i}", "y") for i in range(101)]),
     "431"),
    ("a long field", field("a", "b" * 9000), "431"),
    ("32 KiB of fields in two frames",
     frame(HEADERS, END_STREAM, 1, section(pseudo()) +
           b"".join(lit(f"x{i}", "y" * 340) for i in range(45))) +
     frame(CONT, END_HEADERS, 1,
           b"".join(lit(f"y{i}", "y" * 340) for i in range(45))), "431"),
    ("a head in five frames",
     b"".join(frame(k, f, 1, p) for k, f, p in [
         (HEADERS, END_STREAM, section(pseudo())[:9]),
         (CONT, 0, section(pseudo())[9:20]), (CONT, 0, b""),
         (CONT, 0, section(pseudo())[20:]),
         (CONT, END_HEADERS, lit("a", "b"))]), "200"),
]

BODIES = [
    ("length too small", post(JSON, ("content-length", "1")) + data(b"{}"),
     BAD),
    ("length too large", post(JSON, ("content-length", "3")) + data(b"{}"),
     BAD),
    ("length and no body", post(JSON, ("content-length", "3"), end=True),
     BAD),
    ("length 0 and a body", post(JSON, ("content-length", "0")) +
     data(b"GET / HTTP/1.1\r\n\r\n"), BAD),
    ("length twice", post(JSON, ("content-length", "2"),
                          ("content-length", "2")) + data(b"{}"), BAD),
    ("lengths that differ", post(JSON, ("content-length", "2"),
                                 ("content-length", "3")) + data(b"{}"),
     BAD),
    ("length as a list", post(JSON, ("content-length", "2, 2")) +
     data(b"{}"), BAD),
    ("length with a sign", post(JSON, ("content-length", "+2")) +
     data(b"{}"), BAD),
    ("negative length", post(JSON, ("content-length", "-2")) + data(b"{}"),
     BAD),
    ("length in hex", post(JSON, ("content-length", "0x2")) + data(b"{}"),
     BAD),
    ("length with _", post(JSON, ("content-length", "1_0")) + data(b"{}"),
     BAD),
    ("empty length", post(JSON, ("content-length", "")) + data(b"{}"), BAD),
    ("length with a leading zero", post(JSON, ("content-length", "02"),
                                        path="/healthz/live") +
     data(b"{}"), "400"),
    ("length of 2^64", post(JSON, ("content-length",
                                   "18446744073709551616")) + data(b"{}"),
     BAD),
    ("GET with a length", headers(pseudo() + [("content-length", "2")],
                                  end=False) + data(b"{}"), "400"),
    ("GET with content", headers(pseudo(), end=False) + data(b"{}"), "400"),
    ("GET that ends late", headers(pseudo(), end=False) + data(b""), "200"),
    ("DELETE with content", headers(pseudo(method="DELETE",
                                           path="/api/principal/x"),
                                    end=False) + data(b"{}"), "401"),
    ("content for nobody", post(JSON) + data(b"{}"), "401"),
    ("content nowhere", post(JSON, path="/nothing") + data(b"{}"), "404"),
    ("the wrong method", headers(pseudo(method="PATCH"), end=True), "405"),
    ("trailers", headers(pseudo(), end=False) +
     headers([("x-sum", "1")]), "200"),
    ("trailers with a pseudo-field", headers(pseudo(), end=False) +
     headers([(":path", "/")]), BAD),
    ("trailers without the end", headers(pseudo(), end=False) +
     headers([("x-sum", "1")], end=False), BAD),
    ("trailers with connection", headers(pseudo(), end=False) +
     headers([("connection", "close")]), BAD),
    ("more than the window of a stream", post(JSON, path="/nothing") +
     b"".join(data(b"x" * 16384, end=False) for _ in range(3)), "404"),
]


def many(n, make):
    return b"".join(make(i) for i in range(n))


def nth(i):
    return 2 * i + 1


BOMB = (b"\x40" + b"\1a" + integer(3900, 7) + b"b" * 3900)


def connect(*more, protocol="websocket", path="/jmap/ws", end=False, stream=1,
            **kw):
    """An extended CONNECT (RFC 8441), whose stream stays open."""
    return headers(pseudo(method="CONNECT", path=path, **kw) +
                   [(":protocol", protocol)] + list(more), stream, end)


WS = [("sec-websocket-version", "13"), ("sec-websocket-protocol", "jmap")]

CONNECTS = [
    ("websocket without a login", connect(*WS), "401"),
    ("websocket that ends at once", connect(*WS, end=True), "401"),
    ("websocket and frames of it", connect(*WS) +
     data(b"\x81\x80\0\0\0\0" * 1000, end=False), "401"),
    ("websocket and more than is taken", connect(*WS) +
     b"".join(data(b"\x81\x80\0\0\0\0" * 2730, end=False)
              for _ in range(3)), "401"),
    ("websocket where there is none", connect(*WS, path="/jmap/session"),
     "405"),
    ("websocket where there is nothing", connect(*WS, path="/nothing"),
     "404"),
    ("websocket where health is asked", connect(path="/healthz/live"), "405"),
    ("websocket to an upload", connect(*WS, path="/jmap/upload/a"), "405"),
    ("websocket to the API", connect(*WS, path="/jmap/"), "405"),
    ("websocket to an asterisk", connect(*WS, path="*"), BAD),
    ("websocket to another host", connect(*WS, host="evil.example"), "421"),
    ("websocket with a scheme of its own", connect(*WS, scheme="wss"), "421"),
    ("websocket with a content length", connect(*WS, ("content-length",
                                                      "5")), "400"),
    ("websocket with a content length of 0",
     connect(*WS, ("content-length", "0")), "400"),
    ("websocket that expects 100", connect(*WS, ("expect", "100-continue")),
     "400"),
    ("websocket with upgrade", connect(*WS, ("upgrade", "websocket")), BAD),
    ("websocket with connection", connect(*WS, ("connection", "upgrade")),
     BAD),
    ("websocket with a transfer coding",
     connect(*WS, ("transfer-encoding", "chunked")), BAD),
    ("websocket in another case", connect(*WS, protocol="WebSocket"), "401"),
    ("another protocol", connect(protocol="connect-udp"), "501"),
    ("an empty protocol", connect(protocol=""), BAD),
    ("a protocol like websocket", connect(protocol="websocket "), BAD),
    ("a protocol with CRLF", connect(protocol="websocket\r\nx: y"), BAD),
    ("two protocols", connect((":protocol", "websocket")), BAD),
    ("protocol without a path", connect(path=None), BAD),
    ("protocol without a scheme", connect(scheme=None), BAD),
    ("protocol without an authority", connect(host=None), BAD),
    ("protocol behind a field",
     headers(pseudo(method="CONNECT") + [("a", "b"),
                                         (":protocol", "websocket")]), BAD),
    ("protocol with GET", headers(pseudo() + [(":protocol", "websocket")]),
     BAD),
    ("protocol with POST", headers(pseudo(method="POST") +
                                   [(":protocol", "websocket")]), BAD),
    ("two hosts for a websocket", connect(*WS, ("host", "evil.example")),
     BAD),
    ("trailers of a websocket that was refused", connect(*WS) +
     headers([("a", "b")]), "401"),
    ("a websocket that is reset", connect(*WS) + rst(1), "nothing"),
    ("data behind the end of a websocket", connect(*WS, end=True) +
     data(b"x"), CLOSED),
    ("a window for a websocket of 0", connect(*WS) + window(1, 0), PROTO),
    ("websockets without a login, begun and reset",
     b"".join(connect(*WS, stream=2 * i + 1) + rst(2 * i + 1)
              for i in range(150)), CALM),
    ("more websockets at once than streams may be",
     b"".join(connect(*WS, stream=2 * i + 1) for i in range(80)), "401"),
]

FLOODS = [
    ("rapid reset", many(30, lambda i: get(stream=nth(i)) + rst(nth(i))),
     "nothing"),
    ("rapid reset without end",
     many(120, lambda i: get(stream=nth(i)) + rst(nth(i))), CALM),
    ("more requests than streams at once",
     many(200, lambda i: get(stream=nth(i))), CALM),
    ("made to reset: window",
     many(20, lambda i: post(JSON, path="/healthz/live", stream=nth(i)) +
          window(nth(i), 0x7fffffff)), CALM),
    ("made to reset: two hosts",
     many(20, lambda i: get(("host", "x"), stream=nth(i))), CALM),
    ("made to reset: upper case",
     many(20, lambda i: get(("X", "x"), stream=nth(i))), CALM),
    ("made to reset: length",
     many(20, lambda i: post(("content-length", "1"), stream=nth(i)) +
          data(b"xx", nth(i))), CALM),
    ("a few faults are forgiven",
     many(10, lambda i: get(("X", "x"), stream=nth(i))) +
     get(stream=1001), BAD),
    ("eight continuations", frame(HEADERS, END_STREAM, 1,
                                  section(pseudo())) +
     many(7, lambda i: frame(CONT, 0, 1, lit(f"x{i}", "y"))) +
     frame(CONT, END_HEADERS, 1, b""), "200"),
    ("nine continuations", frame(HEADERS, END_STREAM, 1,
                                 section(pseudo())) +
     many(8, lambda i: frame(CONT, 0, 1, lit(f"x{i}", "y"))) +
     frame(CONT, END_HEADERS, 1, b""), CALM),
    ("empty continuations", frame(HEADERS, END_STREAM, 1,
                                  section(pseudo())) +
     many(50, lambda i: frame(CONT, 0, 1, b"")), CALM),
    ("a head of more than 32 KiB",
     frame(HEADERS, END_STREAM, 1, section(pseudo()) +
           lit("a", "b" * 16000)) +
     frame(CONT, 0, 1, lit("c", "d" * 16000)) +
     frame(CONT, END_HEADERS, 1, lit("e", "f" * 16000)), CALM),
    ("a bomb of indices",
     headers(section(pseudo()) + BOMB + b"\xbe" * 8000), CALM),
    ("a bomb of empty fields",
     headers(section(pseudo()) + b"\x40\1a\0" + b"\xbe" * 12000), CALM),
    ("a small bomb", headers(section(pseudo()) + BOMB + b"\xbe" * 9), "431"),
    ("pings", many(70, lambda i: frame(PING, 0, 0, b"\0" * 8)), CALM),
    ("pings that answer nothing",
     many(101, lambda i: frame(PING, 1, 0, b"\0" * 8)), CALM),
    ("settings", many(70, lambda i: setting((4, 65535))), CALM),
    ("settings that change the window",
     many(70, lambda i: setting((4, 65535 - i))), CALM),
    ("heads of streams that are closed", get(stream=nth(200)) +
     many(110, lambda i: get(stream=nth(i))), CALM),
    ("windows", get(stream=nth(50)) +
     many(110, lambda i: window(0, 1)), CALM),
    ("priorities", many(110, lambda i: frame(
        PRIORITY, 0, nth(i + 1), b"\0\0\0\1\x10")), CALM),
    ("unknown frames", many(110, lambda i: frame(0xfa)), CALM),
    ("empty data", post(JSON, path="/healthz/live") +
     many(110, lambda i: data(b"", end=False)), CALM),
    ("padding alone", post(JSON, path="/healthz/live") +
     many(110, lambda i: data(b"\x20" + b"\0" * 32, end=False,
                              flags=PADDED)), CALM),
    ("goaways", many(110, lambda i: frame(GOAWAY, 0, 0, b"\0" * 8)), CALM),
    ("ends of streams that are closed",
     get() + many(110, lambda i: rst(1)), CALM),
]

CASES = (FRAMES + [(n, headers(b), v) for n, b, v in HUFFMAN] + HEADS +
         BODIES + CONNECTS + FLOODS)

# What comes instead of the preface (RFC 9113 3.4): nothing is answered but
# HTTP/1.1's refusal, or the connection ends.
MAGIC = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
PREFACES = [
    ("another word", MAGIC.replace(b"SM", b"XX") + setting()),
    ("no settings", MAGIC + get()),
    ("a ping first", MAGIC + frame(PING, 0, 0, b"\0" * 8)),
    ("an ack first", MAGIC + frame(SETTINGS, 1)),
    ("settings too long", MAGIC + struct.pack(">I", 20000)[1:] +
     b"\4\0\0\0\0\0" + b"\0" * 100),
    ("HTTP/2.1", MAGIC.replace(b"2.0", b"2.1") + setting()),
    ("a field in it", MAGIC.replace(b"\r\n\r\nSM", b"\r\nHost: a\r\n\r\nSM")),
    ("lower case", MAGIC.lower() + setting()),
    ("settings without it", setting() + get()),
    ("twice", MAGIC + MAGIC + setting()),
]
