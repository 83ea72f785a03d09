"""The proxy's settings, in a real nginx on loopback with the trial certificate of docs/operations.md."""

from __future__ import annotations

import contextlib
import http.client
import http.server
import os
import shutil
import signal
import socket
import ssl
import subprocess
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.ports import free_port
from tests.support.shellblocks import ROOT, block_with

pytestmark = pytest.mark.slow

TEMPLATE = (ROOT / ".docker" / "nginx.conf.template").read_text(encoding="utf-8")
PROXY = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))["services"]["proxy"]
NGINX = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin")
needs_nginx = pytest.mark.skipif(NGINX is None, reason="nginx is not installed")
# Whom the proxy runs as, where the tests may choose; otherwise as the one who tests.
USER = int(PROXY["user"].split(":")[0])


# More than the sockets of both sides hold on loopback.
EXPORT = 10 * 2**20


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    """The folder of docker-compose.yml after the page's step, taken by somebody whose files are private.

    None of pytest's, which another run of it closes to the proxy's user in the middle.
    """
    with tempfile.TemporaryDirectory(prefix="secondread-proxy-") as name:
        made = Path(name)
        script = f"umask 077\n{block_with('openssl req')}"
        subprocess.run(["bash", "-ec", script], cwd=made, check=True, capture_output=True)
        made.chmod(0o711)
        yield made


def rendered(folder: Path, https_port: str, ports: tuple[int, int], portal: int) -> str:
    """As the image's envsubst does it; with this machine's paths and ports for the container's."""
    replaced = {
        "${HTTPS_PORT}": https_port,
        "/dev/stderr": "stderr",
        "/tmp/": f"{folder}/scratch/",
        "/etc/nginx/tls": str(folder / "tls"),
        "listen 8080": f"listen 127.0.0.1:{ports[0]}",
        "listen 8443": f"listen 127.0.0.1:{ports[1]}",
        "web:8000": f"127.0.0.1:{portal}",
        "/var/lib/secondread/media": str(folder / "media"),
    }
    text = TEMPLATE
    for old, new in replaced.items():
        assert old in text
        text = text.replace(old, new)
    return text


def test_image_is_told_the_port_and_replaces_nothing_else() -> None:
    environment, (_, published) = PROXY["environment"], PROXY["ports"]
    assert published == environment["HTTPS_PORT"] + ":8443"
    assert environment["NGINX_ENVSUBST_FILTER"] == "HTTPS_PORT"
    assert TEMPLATE.count("${") == 1
    target = PROXY["volumes"][0].split(":")[1]
    assert target == "/etc/nginx/templates/nginx.conf.template"
    assert PROXY["command"][2] == environment["NGINX_ENVSUBST_OUTPUT_DIR"] + "/nginx.conf"
    assert PROXY["tmpfs"] == ["/tmp:uid=101,gid=101,size=512m"]


def test_key_of_the_trial_can_be_read_by_the_user_of_the_proxy(folder: Path) -> None:
    assert (folder / "tls").stat().st_mode & 0o005 == 0o005
    for name in ("key.pem", "certificate.pem"):
        assert (folder / "tls" / name).stat().st_mode & 0o004
        if os.geteuid() == 0:
            read = subprocess.run(
                ["cat", folder / "tls" / name], user=USER, group=USER, check=True, capture_output=True
            )
            assert read.stdout.startswith(b"-----BEGIN ")


def test_certificate_of_the_trial_is_for_this_machine(folder: Path) -> None:
    context = ssl.create_default_context(cafile=str(folder / "tls" / "certificate.pem"))
    (certificate,) = context.get_ca_certs()
    assert certificate["subjectAltName"] == (("DNS", "localhost"),)


PICTURE = bytes(range(100))
# The portal's answer with which the proxy sends a picture in its place.
HANDED_OVER = {
    "X-Accel-Redirect": "/stored/images/3f/picture.png",
    "Content-Length": "0",
    "Content-Type": "image/png",
    "Cache-Control": "private, no-cache",
    "ETag": '"the-portals-own"',
    "Vary": "Cookie",
    "X-Content-Type-Options": "nosniff",
    "X-Request-ID": "0123456789abcdef0123456789abcdef",
}


@dataclass(frozen=True)
class Proxy:
    """A running nginx, and the headers that the portal behind it was last asked with."""

    http: int
    https: int
    folder: Path
    received: dict[str, str]

    def location(self, path: str, host: str = "localhost") -> str | None:
        asked = http.client.HTTPConnection("127.0.0.1", self.http, timeout=10)
        asked.request("GET", path, headers={"Host": host})
        answer = asked.getresponse()
        answer.read()
        asked.close()
        return answer.headers["Location"] if answer.status == http.HTTPStatus.MOVED_PERMANENTLY else None

    def asked(self, method: str, path: str, number: int) -> list[int]:
        """The answers to so many requests, one behind the other on one connection."""
        context = ssl.create_default_context(cafile=str(self.folder / "tls" / "certificate.pem"))
        asked = http.client.HTTPSConnection("localhost", self.https, timeout=10, context=context)
        told = []
        for _ in range(number):
            asked.request(method, path, body=b"" if method == "POST" else None, headers={"Host": "localhost"})
            answer = asked.getresponse()
            answer.read()
            told.append(answer.status)
            if answer.status == http.HTTPStatus.TOO_MANY_REQUESTS:
                assert answer.headers["Retry-After"] == "10"
        asked.close()
        return told

    def answer(self, method: str, path: str, headers: dict[str, str]) -> tuple[int, dict[str, str], bytes]:
        """Status, headers and body."""
        context = ssl.create_default_context(cafile=str(self.folder / "tls" / "certificate.pem"))
        asked = http.client.HTTPSConnection("localhost", self.https, timeout=10, context=context)
        asked.request(method, path, headers={"Host": "localhost", **headers})
        answer = asked.getresponse()
        body = answer.read()
        asked.close()
        return answer.status, dict(answer.headers.items()), body

    def over_tls(self, headers: dict[str, str]) -> int:
        context = ssl.create_default_context(cafile=str(self.folder / "tls" / "certificate.pem"))
        asked = http.client.HTTPSConnection("localhost", self.https, timeout=10, context=context)
        asked.request("GET", "/cases/", headers=headers)
        answer = asked.getresponse()
        answer.read()
        asked.close()
        return answer.status


@contextlib.contextmanager
def portal_behind(received: dict[str, str]) -> Iterator[int]:
    """A web server that notes what reaches it."""

    class Portal(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path == "/api/v1/export/":
                self.send_response(200)
                self.end_headers()
                self.wfile.write(bytes(EXPORT))
                received[f"export {self.client_address}"] = self.path
                return
            received.update(self.headers.items())
            if self.path == "/cases/seen.png":
                self.send_response(200)
                for name, value in HANDED_OVER.items():
                    self.send_header(name, value)
                self.end_headers()
                return
            if self.command == "POST":
                received[f"form {self.client_address}"] = self.path
                self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def do_HEAD(self) -> None:
            self.do_GET()

        def do_POST(self) -> None:
            self.do_GET()

        def log_message(self, *args: object) -> None:
            """Say nothing."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Portal) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server.server_port
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
def start(folder: Path) -> Iterator[Callable[[str], Proxy]]:
    """Start the proxy with a value of HTTPS_PORT, as the container does: as its user where the tests may."""
    with contextlib.ExitStack() as stack:

        def start_with(https_port: str) -> Proxy:
            assert NGINX
            received: dict[str, str] = {}
            ports = (free_port(), free_port())
            portal = stack.enter_context(portal_behind(received))
            settings = folder / "nginx.conf"
            settings.write_text(rendered(folder, https_port, ports, portal), encoding="utf-8")
            settings.chmod(0o644)
            (folder / "scratch").mkdir(exist_ok=True)
            shed: dict[str, Any] = {}
            if os.geteuid() == 0:
                os.chown(folder / "scratch", USER, USER)
                shed = {"user": USER, "group": USER, "extra_groups": ()}
            command = [NGINX, "-e", "stderr", "-p", str(folder / "scratch"), "-c", str(settings)]
            checked = subprocess.run([*command, "-t"], capture_output=True, text=True, check=False, **shed)
            assert checked.returncode == 0, checked.stderr
            assert "[warn]" not in checked.stderr
            served = subprocess.Popen([*command, "-g", "daemon off;"], stderr=subprocess.DEVNULL, **shed)
            stack.callback(served.wait, 10)
            stack.callback(served.send_signal, signal.SIGTERM)
            wait_for(ports[0])
            return Proxy(*ports, folder, received)

        yield start_with


def wait_for(port: int) -> None:
    for _ in range(200):
        with contextlib.suppress(OSError):
            asked = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
            asked.request("GET", "/health/live/")
            assert asked.getresponse().read() == b"ok\n"
            asked.close()
            return
        time.sleep(0.05)
    raise AssertionError("nginx does not answer")


@needs_nginx
@pytest.mark.parametrize(
    ("https_port", "origin"),
    [
        ("443", "https://localhost"),
        ("8443", "https://localhost:8443"),
        ("1443", "https://localhost:1443"),
        ("127.0.0.1:443", "https://localhost"),
        ("127.0.0.1:8443", "https://localhost:8443"),
    ],
)
def test_way_from_http_to_https_keeps_the_port(
    start: Callable[[str], Proxy], https_port: str, origin: str
) -> None:
    proxy = start(https_port)
    assert proxy.location("/cases/?state=open") == f"{origin}/cases/?state=open"
    # The port of the unprotected address is not the one of the protected one.
    assert proxy.location("/", host=f"localhost:{proxy.http}") == f"{origin}/"


@needs_nginx
def test_proxy_serves_with_the_certificate_and_overwrites_what_a_client_claims(
    start: Callable[[str], Proxy],
) -> None:
    proxy = start("8443")
    claimed = {
        "X-Forwarded-Proto": "http",
        "X-Forwarded-For": "203.0.113.9",
        "X-Forwarded-Host": "evil.example",
        "Forwarded": "for=203.0.113.9",
    }
    assert proxy.over_tls(claimed | {"Host": "localhost:8443"}) == http.HTTPStatus.OK
    assert proxy.received["Host"] == "localhost:8443"
    assert proxy.received["X-Forwarded-Proto"] == "https"
    assert proxy.received["X-Forwarded-For"] == "127.0.0.1"
    assert not {"X-Forwarded-Host", "Forwarded"} & set(proxy.received)


@pytest.fixture
def picture(folder: Path) -> None:
    """One stored picture, and what else lies in the folder of the media."""
    for name in ("images/3f/picture.png", "maps/3f/map.npz"):
        path = folder / "media" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(PICTURE)


@needs_nginx
def test_picture_is_sent_by_the_proxy_with_the_headers_of_the_portal(
    start: Callable[[str], Proxy], picture: None
) -> None:
    proxy = start("8443")
    status, headers, body = proxy.answer("GET", "/cases/seen.png", {})
    assert (status, body) == (200, PICTURE)
    kept = {name: value for name, value in HANDED_OVER.items() if name[:5] not in ("X-Acc", "Conte")}
    assert kept.items() <= headers.items()
    assert headers["Content-Type"] == "image/png"
    assert headers["Content-Length"] == "100"
    assert not {"X-Accel-Redirect", "Last-Modified"} & set(headers)
    status, headers, body = proxy.answer("HEAD", "/cases/seen.png", {})
    assert (status, headers["Content-Length"], body) == (200, "100", b"")


@needs_nginx
@pytest.mark.parametrize(
    ("headers", "status", "body"),
    [
        ({"Range": "bytes=2-5"}, 206, PICTURE[2:6]),
        ({"Range": "bytes=-3"}, 206, PICTURE[-3:]),
        ({"Range": "bytes=100-"}, 416, None),
        # That it has the picture is for the portal to say, which was asked and gave it.
        ({"If-None-Match": '"another"'}, 200, PICTURE),
        ({"If-Modified-Since": "Fri, 01 Jan 2100 00:00:00 GMT"}, 200, PICTURE),
    ],
    ids=["a range", "the end", "no such range", "another picture known", "a date"],
)
def test_part_of_a_picture_is_sent_and_only_the_portal_says_that_it_is_known(
    start: Callable[[str], Proxy], picture: None, headers: dict[str, str], status: int, body: bytes | None
) -> None:
    told = start("8443").answer("GET", "/cases/seen.png", headers)
    assert told[0] == status
    if body is not None:
        assert told[2] == body
        assert told[1].get("Content-Range", "").endswith("/100") is (status == 206)


@needs_nginx
@pytest.mark.parametrize(
    "path",
    ["/stored/images/3f/picture.png", "/stored/images/../maps/3f/map.npz", "/stored//images/3f/picture.png"],
)
def test_stored_picture_has_no_address_for_clients(
    start: Callable[[str], Proxy], picture: None, path: str
) -> None:
    told = start("8443").answer("GET", path, {})
    assert PICTURE not in told[2]
    assert told[0] == 404 or told[2] == b""


@needs_nginx
@pytest.mark.parametrize(
    ("method", "path", "let_pass"),
    [
        ("POST", "/accounts/sign-in/", 31),
        ("POST", "/accounts/password/reset/", 31),
        ("POST", "/accounts/invitation/secret/", 31),
        ("GET", "/api/v1/cases/", 101),
    ],
)
def test_doors_and_rest_are_asked_so_often_and_no_more(
    start: Callable[[str], Proxy], method: str, path: str, let_pass: int
) -> None:
    proxy = start("8443")
    told = proxy.asked(method, path, 3 * let_pass)
    assert told[:let_pass] == [200] * let_pass
    assert 429 in told
    # The pages are there all the while, that of the sign-in too.
    assert proxy.asked("GET", "/accounts/sign-in/", 40) == [200] * 40
    assert proxy.asked("POST", "/cases/AAAA-AAAA/draft/", 40) == [200] * 40


@contextlib.contextmanager
def slow_clients(proxy: Proxy, path: str, number: int) -> Iterator[list[ssl.SSLSocket]]:
    """Clients that have sent one byte of a thousand, and send no more."""
    context = ssl.create_default_context(cafile=str(proxy.folder / "tls" / "certificate.pem"))
    head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\nx"
    with contextlib.ExitStack() as stack:
        clients = []
        for _ in range(number):
            plain = stack.enter_context(socket.create_connection(("localhost", proxy.https), timeout=10))
            client = stack.enter_context(context.wrap_socket(plain, server_hostname="localhost"))
            client.sendall(head.encode())
            clients.append(client)
        yield clients


@needs_nginx
def test_slow_forms_wait_at_the_proxy_and_take_no_thread_of_the_portal(
    start: Callable[[str], Proxy],
) -> None:
    proxy = start("8443")
    with slow_clients(proxy, "/accounts/sign-in/", 40):
        assert proxy.over_tls({"Host": "localhost:8443"}) == http.HTTPStatus.OK
        time.sleep(0.5)
        assert forms_at(proxy) == 0


@needs_nginx
def test_export_that_is_not_read_waits_at_the_proxy_and_takes_no_thread_of_the_portal(
    start: Callable[[str], Proxy],
) -> None:
    proxy = start("8443")
    context = ssl.create_default_context(cafile=str(proxy.folder / "tls" / "certificate.pem"))
    with contextlib.ExitStack() as stack:
        for _ in range(20):
            plain = stack.enter_context(socket.create_connection(("localhost", proxy.https), timeout=10))
            client = stack.enter_context(context.wrap_socket(plain, server_hostname="localhost"))
            client.sendall(b"GET /api/v1/export/ HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert client.recv(12) == b"HTTP/1.1 200"
        deadline = time.monotonic() + 20
        while sum(name.startswith("export ") for name in list(proxy.received)) < 20:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        assert proxy.over_tls({"Host": "localhost:8443"}) == http.HTTPStatus.OK


def forms_at(proxy: Proxy) -> int:
    """How many forms have reached the portal."""
    return sum(name.startswith("form ") for name in list(proxy.received))


@needs_nginx
@pytest.mark.parametrize("path", ["/cases/upload/", "/api/v1/uploads/", "/api/v1/dicomweb/x/studies"])
def test_slow_uploads_leave_half_of_the_threads_to_others(start: Callable[[str], Proxy], path: str) -> None:
    proxy = start("8443")
    with slow_clients(proxy, path, 20) as clients:
        with ThreadPoolExecutor(len(clients)) as at_once:
            told = list(at_once.map(answer_to, clients))
        # Those that are too many are told so at once; the others are waited for.
        assert Counter(told) == {b"HTTP/1.1 503": 12, b"": 8}
        assert forms_at(proxy) == 8
        assert proxy.over_tls({"Host": "localhost:8443"}) == http.HTTPStatus.OK


def answer_to(client: ssl.SSLSocket) -> bytes:
    """The beginning of what it is told within a moment; nothing where it is still listened to."""
    client.settimeout(1)
    with contextlib.suppress(TimeoutError):
        return client.recv(12)
    return b""
