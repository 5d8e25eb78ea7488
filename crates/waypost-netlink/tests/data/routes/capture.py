#!/usr/bin/env python3
"""Writes what this kernel says of routes and next-hop objects, byte for byte, as the text format that README.md describes.

Run in a network namespace of its own:  unshare -rn ./capture.py > kernel.hex
"""

import ipaddress
import os
import socket
import struct
import subprocess
import sys

NEWROUTE, GETROUTE, GETNEXTHOP = 24, 26, 106
DUMP = 0x301
INET, INET6 = 2, 10


def ip(command, quiet=False):
    return subprocess.run(["ip", *command.split()], check=False, capture_output=quiet).returncode == 0


def open_socket(groups=()):
    link = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE)
    link.setsockopt(270, 12, 1)  # NETLINK_GET_STRICT_CHK
    link.bind((0, 0))
    for group in groups:
        link.setsockopt(270, 1, group)  # NETLINK_ADD_MEMBERSHIP
    return link


def messages(datagram):
    while datagram:
        length, kind = struct.unpack_from("=IH", datagram)
        yield kind, datagram[:length]
        datagram = datagram[(length + 3) & ~3 :]


def ask(kind, flags, payload):
    """Every message that answers one request."""
    link = open_socket()
    link.send(struct.pack("=IHHII", 16 + len(payload), kind, flags, 1, 0) + payload)
    answers = []
    while True:
        for kind, message in messages(link.recv(65536)):
            if kind == 3:
                return answers
            if kind == 2:
                error = struct.unpack_from("=i", message, 16)[0]
                if error:
                    print(f"# the kernel refused: {os.strerror(-error)}")
                return answers
            answers.append(message)
            if not flags & 0x300:
                return answers


def unstamped(message):
    """The message without its sequence number and port, which differ from run to run."""
    return message[:8] + bytes(8) + message[16:]


def state():
    routes = [
        message
        for family in (INET, INET6)
        for message in ask(GETROUTE, DUMP, struct.pack("=BBBBBBBBI", family, 0, 0, 0, 0, 0, 0, 0, 0))
    ]
    objects = ask(GETNEXTHOP, DUMP, bytes(8))
    return [unstamped(message) for message in routes + objects]


def show(label, message):
    print(f"{label} {unstamped(message).hex()}")


def drain(link):
    said = []
    while True:
        try:
            said += [message for _, message in messages(link.recv(65536, socket.MSG_DONTWAIT))]
        except BlockingIOError:
            return said


def run(command, undo=None):
    """Runs one command; writes its events and what the dumps have more than before."""
    drain(events)
    before = state()
    print(f"\n> ip {command}")
    if not ip(command):
        print("# refused here")
        return
    for message in drain(events):
        show("event", message)
    for message in state():
        if message not in before:
            show("dump", message)
    if undo:
        print(f"> ip {undo}")
        drain(events)
        ip(undo)
        for message in drain(events):
            show("event", message)


def attribute(kind, data):
    return (struct.pack("=HH", 4 + len(data), kind) + data).ljust((4 + len(data) + 3) & ~3, b"\0")


def lookup(words, address, flags=0, **attributes):
    """Asks for the way to an address, as `ip route get` with these words would."""
    print(f"\n> ip {words}")
    packed = ipaddress.ip_address(address).packed
    family, bits = (INET, 32) if len(packed) == 4 else (INET6, 128)
    source = bits if "src" in attributes else 0
    payload = struct.pack("=BBBBBBBBI", family, bits, source, 0, 0, 0, 0, 0, flags)
    numbers = {"dst": 1, "src": 2, "iif": 3, "oif": 4, "mark": 16, "uid": 25}
    for name, value in {"dst": packed, **attributes}.items():
        payload += attribute(numbers[name], value if isinstance(value, bytes) else struct.pack("=I", value))
    for message in ask(GETROUTE, 0x5, payload):
        show("answer", message)


def prepare():
    ip("link set lo up")
    ip("link add w0 type veth peer name w1")
    ip("link add w2 type veth peer name w3")
    for name in ("w0", "w1", "w2", "w3"):
        subprocess.run(["sysctl", "-qw", f"net.ipv6.conf.{name}.addr_gen_mode=1"], check=False)
        ip(f"link set {name} up")
    ip("addr add 10.0.0.2/24 dev w0")
    ip("addr add 10.0.1.2/24 dev w2")
    ip("addr add 2001:db8::2/64 dev w0 nodad")
    ip("addr add fe80::2/64 dev w0 nodad")


ROUTES = """
route add 10.1.0.0/16 via 10.0.0.1
route add default via 10.0.0.1 dev w0 proto dhcp src 10.0.0.2 metric 100
route add 10.1.0.0/16 dev w0 scope link proto static
route add 10.1.0.0/16 via 10.0.0.1 tos 0x10 metric 4294967295 table 51820
route add 10.1.0.0/16 via 10.0.0.1 table 256
route add 10.1.0.0/16 via 10.0.0.1 table 4294967295
route add 10.1.0.0/16 via 192.0.2.1 dev w0 onlink
route add 10.1.0.0/16 via inet6 fe80::1 dev w0
route add 10.1.0.0/16 via 10.0.0.1 realms 3/7
route add 10.1.0.0/16 via 10.0.0.1 mtu lock 1400 window 1000 rtt 100ms rttvar 50ms ssthresh 10 cwnd 20 advmss 1360 reordering 5
route add 10.1.0.0/16 via 10.0.0.1 cwnd lock 20 hoplimit 64 initcwnd 10 features ecn rto_min 250ms initrwnd 30 quickack 1
route add 10.1.0.0/16 via 10.0.0.1 congctl lock cubic fastopen_no_cookie 1
route add 10.1.0.0/16 via 10.0.0.1 ttl-propagate enabled
route add 10.1.0.0/16 nexthop via 10.0.0.1 weight 1 nexthop via 10.0.1.1 weight 256
route add 10.1.0.0/16 nexthop via inet6 fe80::1 dev w0 weight 2 realms 1/2 nexthop dev w2 weight 3 nexthop via 192.0.2.1 dev w2 onlink
route add 10.1.0.0/16 mtu 1300 nexthop encap seg6 mode encap segs 2001:db8::9 dev w0 nexthop via 10.0.1.1
route add blackhole 10.1.0.0/16
route add unreachable 10.1.0.0/16 metric 5
route add prohibit 10.1.0.0/16 realm 9
route add throw 10.1.0.0/16 table 100
route add local 10.1.0.0/16 dev lo
route add broadcast 10.1.0.255 dev w0
route add multicast 239.0.0.0/8 dev w0
route add anycast 10.1.0.0/16 dev w0
route add 10.1.0.0/16 encap mpls 100/200 via 10.0.0.1
route add 10.1.0.0/16 encap seg6 mode encap segs 2001:db8::9,2001:db8::a dev w0
route add 10.1.0.0/16 encap ip id 7 dst 192.0.2.1 ttl 9 dev w0
route add 10.1.0.0/16 encap ip6 id 7 dst 2001:db8::9 dev w0
-6 route add 2001:db8:1::/48 via 2001:db8::1
-6 route add default via fe80::1 dev w0 proto ra metric 100 pref high
-6 route add 2001:db8:1::/48 via fe80::1 dev w0 pref low mtu lock 1280 hoplimit 9
-6 route add 2001:db8:1::/48 dev w0 expires 3600
-6 route add 2001:db8:1::/48 from 2001:db8:2::/48 via fe80::1 dev w0
-6 route add 2001:db8:1::/48 via fe80::1 dev w0 src 2001:db8::2 table 51820
-6 route add 2001:db8:1::/48 via 2001:db8:ffff::1 dev w0 onlink
-6 route add 2001:db8:1::/48 nexthop via fe80::1 dev w0 weight 2 nexthop via fe80::2 dev w2 weight 5
-6 route add unreachable 2001:db8:1::/48
-6 route add blackhole 2001:db8:1::/48 metric 7
-6 route add prohibit 2001:db8:1::/48
-6 route add throw 2001:db8:1::/48 table 100
-6 route add local 2001:db8:1::1 dev lo
-6 route add anycast 2001:db8:1::2 dev w0
-6 route add multicast ff05::/16 dev w0
-6 route add 2001:db8:1::/48 encap seg6 mode encap segs 2001:db8::9 dev w0
-6 route add 2001:db8:1::/48 encap seg6local action End dev w0
-6 route add 2001:db8:1::/48 encap mpls 16 via fe80::1 dev w0
-6 route add 2001:db8:1::/48 encap ioam6 mode inline trace prealloc type 0x800000 ns 0 size 12 dev w0
"""

OBJECTS = """
nexthop add id 1 via 10.0.0.1 dev w0 proto static
nexthop add id 2 via 10.0.1.1 dev w2
nexthop add id 3 dev w0
nexthop add id 4 blackhole
nexthop add id 5 via 192.0.2.1 dev w0 onlink
nexthop add id 6 via fe80::1 dev w0
nexthop add id 7 via 10.0.0.9 fdb
nexthop add id 8 encap seg6 mode encap segs 2001:db8::9 dev w0
nexthop add id 9 encap mpls 100 via 10.0.0.1 dev w0
nexthop add id 20 group 1/2,256
nexthop add id 21 group 1,10/2 type resilient buckets 32 idle_timer 60 unbalanced_timer 300
nexthop add id 22 group 7 fdb
nexthop add id 23 group 6,200
route add 10.1.0.0/16 nhid 1
route add 10.2.0.0/16 nhid 20 table 300
route add 10.3.0.0/16 nhid 4
-6 route add 2001:db8:1::/48 nhid 6
-6 route add 2001:db8:2::/48 nhid 23
nexthop replace id 1 via 10.0.0.3 dev w0
nexthop del id 20
nexthop del id 6
"""


def changes():
    """Notices by what was done, not by what the route says."""
    run("route add 10.4.0.0/16 via 10.0.0.1")
    run("route append 10.4.0.0/16 via 10.0.0.3")
    run("route prepend 10.4.0.0/16 via 10.0.0.4")
    run("route replace 10.4.0.0/16 via 10.0.0.5")
    run("route change 10.4.0.0/16 via 10.0.0.6")
    run("route del 10.4.0.0/16 via 10.0.0.3")
    run("-6 route add 2001:db8:4::/48 via fe80::1 dev w0")
    run("-6 route append 2001:db8:4::/48 via fe80::3 dev w0 proto static")
    run("-6 route prepend 2001:db8:4::/48 via fe80::4 dev w0")
    run("-6 route replace 2001:db8:4::/48 via fe80::5 dev w0")
    run("-6 route append 2001:db8:4::/48 via fe80::6 dev w0")
    run("-6 route del 2001:db8:4::/48 via fe80::5 dev w0")
    run("link set w3 down")
    run("link set w2 down")


def lookups():
    index = socket.if_nametoindex
    local = bytes([10, 0, 0, 2])
    lookup("route get 10.0.0.9 mark 7 uid 0", "10.0.0.9", flags=0x1000, mark=7, uid=0)
    lookup("route get fibmatch 10.0.0.9", "10.0.0.9", flags=0x3000)
    lookup("route get 10.0.0.9 from 10.0.0.2 oif w0", "10.0.0.9", flags=0x1000, src=local, oif=index("w0"))
    lookup("route get 127.0.0.1", "127.0.0.1", flags=0x1000)
    lookup("route get 10.0.0.2 from 10.0.0.1 iif w0", "10.0.0.2", flags=0x1000, src=bytes([10, 0, 0, 1]), iif=index("w0"))
    lookup("-6 route get 2001:db8::9 mark 7", "2001:db8::9", mark=7)
    lookup("-6 route get fibmatch 2001:db8::9", "2001:db8::9", flags=0x2000)
    lookup("-6 route get ::1", "::1")


prepare()
events = open_socket(groups=(7, 11, 32))
print(f"# Linux {os.uname().release.split('-')[0]}, {os.uname().machine}, {sys.byteorder}-endian")
for index, name in socket.if_nameindex():
    print(f"# interface {index} {name}")
print("\n> ip route show table all")
for message in state():
    show("dump", message)
for line in ROUTES.strip().splitlines():
    run(line, undo=line.replace(" add ", " del "))
for line in OBJECTS.strip().splitlines():
    run(line)
changes()
run("addr add 10.0.9.2/24 dev w0")
lookups()
