#!/usr/bin/env python3
"""Makes the seeds of the targets wire, session and engine: `unshare -rn python3 capture.py`, in this folder.

Changes the routing tables of the namespace that it runs in, and keeps what its kernel says of them: the datagrams as
they came in wire/, and in session/ and engine/ as the acts that waypost_fuzz reads.
"""

import os
import socket
import struct
import subprocess
import sys

WIRE, SESSION, ENGINE = "wire", "session", "engine"
NLM_F_REQUEST, NLM_F_ACK, NLM_F_DUMP = 1, 4, 0x300
GETLINK, GETADDR, GETROUTE, GETNEIGH, GETRULE, GETNETCONF, GETNEXTHOP = 18, 22, 26, 30, 34, 82, 106
# RTNLGRP_: link, neighbour, addresses, routes and rules of both families, netconf of both, next hops.
GROUPS = [1, 3, 5, 7, 8, 9, 11, 19, 24, 25, 32]
KEEP = 4096

# Acts of waypost_fuzz::session.
(DUMP, ROUTE, LOOKUP, SEND_DUMP, SEND, EVENT, ANSWER, ACK, OVERRUN, LOST, DRAINED, TIME, EXPIRE_DUMP, EXPIRE) = range(14)
PORT, SEQUENCE = 1, 2
# Acts of waypost_fuzz::engine.
NEWS, LISTED, BEGIN, END, DOUBTS = range(5)

SETUP = """
link set lo up
link add v0 type veth peer name v1
link add br0 type bridge
link add mv0 link v0 type macvlan mode bridge
link set v0 up
link set v1 up
link set br0 up
addr add 10.1.0.1/24 dev v0
addr add 10.1.0.9/24 dev v0 valid_lft 300 preferred_lft 200
addr add 10.2.0.1/30 peer 10.2.0.2 dev v1
addr add 2001:db8:1::1/64 dev v0 nodad
addr add fe80::99/64 dev v1 nodad
neigh add 10.1.0.2 lladdr 02:00:00:00:00:02 dev v0 nud permanent
neigh add 2001:db8:1::2 lladdr 02:00:00:00:00:03 dev v0 nud reachable
neigh add proxy 10.1.0.77 dev v0
"""

EVENTS = """
route add 10.9.0.0/16 via 10.1.0.2 metric 50 proto static
route append 10.9.0.0/16 via 10.1.0.3 metric 50 proto static
route replace 10.9.0.0/16 via 10.1.0.4 metric 50 proto bird
route add 10.10.0.0/16 nexthop via 10.1.0.2 weight 3 nexthop via 10.1.0.3 dev v0 weight 256
route add 10.11.0.0/16 via inet6 2001:db8:1::2 dev v0 table 1000 mtu lock 1400 advmss 1360 rtt 300ms rto_min 20ms
route add 10.12.0.0/16 dev v0 src 10.1.0.9 congctl lock reno features ecn quickack 1 initcwnd 20 hoplimit 9
route add blackhole 10.13.0.0/16 table 51820 metric 4294967295
route add unreachable 10.14.0.0/16
route add prohibit 10.15.0.0/16 tos 0x10
route add throw 10.16.0.0/16 table 4294967295
route add local 10.17.0.1 dev lo
route add 10.18.0.0/16 via 10.99.0.1 dev v0 onlink
route add 10.19.0.0/16 via 10.1.0.2 realm 5/9
route add 10.20.0.0/16 encap ip id 7 dst 192.0.2.1 via 10.1.0.2 dev v0
route add 10.21.0.0/16 encap seg6 mode encap segs 2001:db8:2::1,2001:db8:2::2 dev v0
route add 2001:db8:9::/48 via 2001:db8:1::2 metric 50 proto ra expires 600 pref high
route append 2001:db8:9::/48 via 2001:db8:1::3 metric 50 proto ra
route add 2001:db8:a::/48 from 2001:db8:b::/48 via 2001:db8:1::2
route add 2001:db8:c::/48 encap seg6local action End.DX6 nh6 2001:db8:1::2 dev v0
route add 2001:db8:d::/48 encap seg6 mode inline segs 2001:db8:2::1 hmac 0 dev v0
route add default via fe80::2 dev v1 pref low mtu 1280
route add default dev v1 metric 900
route add blackhole 2001:db8:e::/48
nexthop add id 1 via 10.1.0.2 dev v0
nexthop add id 2 via 10.1.0.3 dev v0 proto zebra
nexthop add id 3 blackhole
nexthop add id 4 via 2001:db8:1::2 dev v0 onlink
nexthop add id 10 group 1,3/2,9
nexthop add id 11 group 1/2 type resilient buckets 32 idle_timer 60 unbalanced_timer 300
nexthop replace id 2 dev v1
route add 10.30.0.0/16 nhid 10
route add 10.31.0.0/16 nhid 1
route add 2001:db8:30::/48 nhid 4
rule add from 10.1.0.0/16 to 10.9.0.0/16 table 1000 priority 100 tos 0x10
rule add fwmark 0x10/0xf0 iif v0 oif v1 goto 32766 priority 101
rule add not uidrange 0-0 ipproto tcp sport 1000-2000 dport 53 prohibit priority 102
rule add from 2001:db8::/32 lookup main suppress_prefixlength 0 suppress_ifgroup 3 priority 103
rule add l3mdev protocol static priority 104
rule add to 192.0.2.0/24 realms 3/4 nop priority 105
rule del priority 105
neigh del 10.1.0.2 dev v0
neigh replace 10.1.0.5 lladdr 02:00:00:00:00:05 dev v0
addr del 10.1.0.9/24 dev v0
nexthop del id 1
link set v0 mtu 1400
link set v1 down
route del 10.9.0.0/16 metric 50
link del mv0
"""


def ip(line):
    """Runs one command; what a kernel without a feature refuses is left out."""
    words = line.split()
    family = ["-6"] if "2001:" in "".join(words[2:5]) or line.endswith("metric 900") else []
    done = subprocess.run(["ip", *family, *words], capture_output=True, text=True, check=False)
    if done.returncode:
        print("left out:", line, "-", done.stderr.strip(), file=sys.stderr)
    return done.returncode == 0


def opened(groups=()):
    kernel = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0)
    kernel.setsockopt(270, 12, 1)  # NETLINK_GET_STRICT_CHK
    kernel.setsockopt(270, 11, 1)  # NETLINK_EXT_ACK
    kernel.setsockopt(270, 10, 1)  # NETLINK_CAP_ACK
    kernel.bind((0, 0))
    for group in groups:
        kernel.setsockopt(270, 1, group)  # NETLINK_ADD_MEMBERSHIP
    return kernel


def pending(kernel):
    """What there is to be read."""
    while True:
        try:
            yield kernel.recv(32768, socket.MSG_DONTWAIT)
        except BlockingIOError:
            return


def message(kind, flags, payload, sequence=1):
    return struct.pack("=IHHII", 16 + len(payload), kind, flags, sequence, 0) + payload


def messages(datagram):
    while len(datagram) >= 16:
        length = struct.unpack_from("=I", datagram)[0]
        yield datagram[:length]
        datagram = datagram[(length + 3) & ~3 :]


def attribute(kind, data):
    return struct.pack("=HH", 4 + len(data), kind) + data + bytes(-len(data) % 4)


def dump(kind, header):
    """The datagrams of a dump, cut to some messages each so that seeds stay small."""
    kernel = opened()
    kernel.send(message(kind, NLM_F_REQUEST | NLM_F_DUMP, header))
    parts = []
    while not parts or struct.unpack_from("=H", list(messages(parts[-1]))[-1], 4)[0] != 3:
        parts.append(kernel.recv(32768))
    kept = []
    for part in parts:
        small = b""
        for one in messages(part):
            if small and len(small) + len(one) > KEEP:
                kept.append(small)
                small = b""
            small += one + bytes(-len(one) % 4)
        kept.append(small)
    return kept


def exchange(request):
    """What the kernel answers to a request."""
    kernel = opened()
    kernel.send(request)
    return list(pending(kernel))


def write(folder, name, data):
    os.makedirs(folder, exist_ok=True)
    with open(f"{folder}/{name}", "wb") as seed:
        seed.write(data)


def heard_as(act, datagram):
    return bytes([act]) + struct.pack("<H", len(datagram)) + datagram


def given(act, how, datagram, *which):
    return bytes([act, how, *which]) + struct.pack("<H", len(datagram)) + datagram


def dumps():
    kinds = {
        "links": (GETLINK, bytes(16), 1),
        "addresses": (GETADDR, bytes(8), 2),
        "neighbours": (GETNEIGH, bytes(12), 3),
        "nexthops": (GETNEXTHOP, bytes(8), 4),
        "rules4": (GETRULE, b"\2" + bytes(11), 0),
        "rules6": (GETRULE, b"\12" + bytes(11), 0x40),
        "settings4": (GETNETCONF, b"\2", 5),
        "settings6": (GETNETCONF, b"\12", 0x45),
        "routes4": (GETROUTE, b"\2" + bytes(11), 6),
        "routes6": (GETROUTE, b"\12" + bytes(11), 0x46),
    }
    for name, (kind, header, what) in kinds.items():
        parts = dump(kind, header)
        for number, part in enumerate(parts):
            write(WIRE, f"dump-{name}-{number}", part)
        heard = b"".join(given(EVENT, PORT | SEQUENCE, part) for part in parts)
        write(SESSION, f"dump-{name}", bytes([DUMP, what, SEND_DUMP]) + heard)
        write(ENGINE, f"dump-{name}", bytes([BEGIN, what]) + b"".join(heard_as(LISTED, part) for part in parts) + bytes([END, what, 0]))


def changes(told):
    """Requests made of the routes that were told of, with the kernel's answers; then everything lost."""
    new = [one[16:] for datagram in told for one in messages(datagram) if one[4] == 24][:12]
    acts = b"".join(given(ROUTE, number % 6, payload) for number, payload in enumerate(new)) + bytes([SEND])
    acks = bytes([ACK, 0, 0, 0, 0, ACK, 1, 17, 0, 0]) + given(ACK, 2, attribute(1, b"Nexthop has invalid gateway\0"), 101)
    write(SESSION, "changes-answered", acts + acks + bytes([LOST, DRAINED, TIME, 200, EXPIRE]))
    write(SESSION, "changes-lost", acts + bytes([TIME, 60, EXPIRE]) + acts + bytes([SEND, LOST, SEND, DRAINED]))


def lookups():
    where = {"v4": (2, 32, socket.inet_aton("10.10.0.1"), 0), "v6": (10, 128, socket.inet_pton(10, "2001:db8:9::1"), 1)}
    where["none"] = (2, 32, socket.inet_aton("203.0.113.1"), 0)
    for name, (family, length, address, what) in where.items():
        for mode, flags in (("path", 0), ("entry", 0x2000)):
            header = struct.pack("=BBBBBBBBI", family, length, 0, 0, 0, 0, 0, 0, flags)
            answers = exchange(message(GETROUTE, NLM_F_REQUEST | NLM_F_ACK, header + attribute(1, address)))
            write(WIRE, f"lookup-{name}-{mode}", b"".join(answers))
            asked = bytes([LOOKUP, what | (0 if mode == "path" else 16)]) + struct.pack("<H", len(address)) + address
            heard = b"".join(given(ANSWER, PORT | SEQUENCE, answer, 0) for answer in answers)
            write(SESSION, f"lookup-{name}-{mode}", asked + bytes([SEND]) + heard + bytes([DRAINED]))


def main():
    for line in filter(None, SETUP.splitlines()):
        ip(line)
    listener = opened(GROUPS)
    told = []
    for number, line in enumerate(filter(None, EVENTS.splitlines())):
        if line.startswith("addr del"):
            dumps()
            lookups()
        ip(line)
        heard = list(pending(listener))
        told += heard
        if heard:
            write(WIRE, f"event-{number:02}-{'-'.join(line.split()[:2])}", b"".join(heard)[:KEEP])
    write(SESSION, "events", b"".join(given(EVENT, 0, datagram) for datagram in told if len(datagram) < 300))
    news = [heard_as(NEWS, datagram) for datagram in told if len(datagram) < 300]
    write(ENGINE, "events", b"".join(news) + bytes([DOUBTS]))
    for start in range(0, len(news), 8):
        write(ENGINE, f"events-{start:03}", b"".join(news[start : start + 8]))
    listed = dump(GETROUTE, b"\2" + bytes(11))
    storm = bytes([DUMP, 6, DUMP, 1, SEND_DUMP]) + given(EVENT, PORT | SEQUENCE, listed[0]) + given(EVENT, 0, told[0])
    storm += bytes([OVERRUN]) + given(EVENT, 8, b"") + given(EVENT, PORT | SEQUENCE, listed[-1]) + bytes([TIME, 150, EXPIRE_DUMP])
    write(SESSION, "overrun-in-a-dump", storm + bytes([SEND_DUMP, TIME, 101, EXPIRE_DUMP]))
    changes(told)


main()
