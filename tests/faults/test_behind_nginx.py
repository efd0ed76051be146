"""Web behind the nginx of deploy/nginx/, where nginx is installed: TLS, limits, whom web believes, what is logged."""

import re
import shutil
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from devserver import programs
from devserver.process import Process
from tests.faults.conftest import House
from tests.support.source_tree import ROOT

pytestmark = [
    pytest.mark.full,
    pytest.mark.skipif(not (shutil.which("nginx") and shutil.which("openssl")), reason="nginx or openssl is missing"),
]
MAIN = """
daemon off;
pid nginx.pid;
error_log error.log;
events {}
http {
    client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path f; uwsgi_temp_path u; scgi_temp_path s;
    include conf.d/*.conf;
}
"""
STRANGER = "192.0.2.66"


class Front:
    """nginx, with the project's configuration at ports and in a folder of its own."""

    def __init__(self, folder: Path, web_port: int) -> None:
        self.folder, self.port, plain = folder, programs.free_port(), programs.free_port()
        (folder / "conf.d").mkdir(parents=True)
        (folder / "nginx.conf").write_text(MAIN)
        moved = {
            r"(?m)^ +listen \[::\].*\n": "",
            "listen 443": f"listen 127.0.0.1:{self.port}",
            "listen 80;": f"listen 127.0.0.1:{plain};",
            "/etc/nginx/tls/": f"{folder}/",
            "/var/log/nginx/": f"{folder}/",
            r"127\.0\.0\.1:800[01]": f"127.0.0.1:{web_port}",
        }
        for name in ("pelcro-orders.conf", "upstream.conf"):
            text = (ROOT / "deploy" / "nginx" / name).read_text()
            for old, new in moved.items():
                text = re.sub(old, new, text)
            (folder / "conf.d" / name).write_text(text)
        subject = ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"]
        files = ["-keyout", f"{folder}/privkey.pem", "-out", f"{folder}/fullchain.pem"]
        command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", *subject, *files]
        subprocess.run(command, check=True, capture_output=True)
        self.argv = [shutil.which("nginx") or "", "-p", str(folder), "-c", "nginx.conf", "-e", "error.log"]
        self.tls = ssl.create_default_context(cafile=f"{folder}/fullchain.pem")
        self.process = Process(
            name="nginx",
            argv=self.argv,
            log=folder / "nginx.log",
            ready_check=lambda: bool(programs.port_problem(self.port)),
        )

    def client(self) -> httpx.Client:
        return httpx.Client(base_url=f"https://127.0.0.1:{self.port}", verify=self.tls, trust_env=False, timeout=40)

    def connect(self) -> ssl.SSLSocket:
        return self.tls.wrap_socket(socket.create_connection(("127.0.0.1", self.port)), server_hostname="127.0.0.1")

    def logged(self) -> str:
        return (self.folder / "access.log").read_text()


@pytest.fixture
def front(house: House, tmp_path: Path) -> Iterator[Front]:
    house.extra["TRUSTED_PROXIES"] = "1"
    house.web()
    front = Front(tmp_path / "nginx", house.stack.port)
    front.process.start()
    yield front
    front.process.stop()


def answer(connection: ssl.SSLSocket) -> str:
    connection.settimeout(40)
    return connection.recv(65536).decode()


def test_nginx_takes_the_configuration(front: Front) -> None:
    checked = subprocess.run([*front.argv, "-t"], capture_output=True, text=True, check=False)
    assert (checked.returncode, "warn" in checked.stderr) == (0, False), checked.stderr


def test_pages_static_files_and_limits_come_through(front: Front, house: House) -> None:
    with front.client() as client:
        page = client.get("/admin/login/")
        static = re.findall(r'(?:src|href)="(/static/[^"]+)"', page.text)
        assert {client.get(path).status_code for path in static[:3]} == {200}
        assert client.get("/metrics").status_code == 404

        form = {"csrfmiddlewaretoken": re.search(r'csrfmiddlewaretoken" value="(\w+)"', page.text)[1]}  # type: ignore[index]
        form |= {"username": "ana", "password": "a guess"}
        origin = {"Origin": house.base_url, "X-Forwarded-For": STRANGER, "X-Forwarded-Proto": "http"}
        client.post("/admin/login/", data=form, headers=origin)
        assert client.get("/pay/a-secret-token/").status_code == 404
        assert client.get("/shop/?q=somebody").status_code == 200

        refused = client.post("/admin/login/", content=b"x" * 2_000_000)
        assert (refused.status_code, "This was not taken" in refused.text) == (413, True)  # by web, in words
        assert client.post("/admin/login/", content=b"x" * 23_000_000).status_code == 413  # by nginx
    assert "a-secret-token" not in front.logged()
    assert "somebody" not in front.logged()
    said = (programs.log_folder(house.folder) / "web.log").read_text()
    assert "Sign-in failed" in said
    assert STRANGER not in said


def test_a_body_that_does_not_arrive_is_given_up(front: Front) -> None:
    with front.connect() as client:
        begun = time.monotonic()
        head = b"POST /admin/login/ HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 5000\r\n\r\n"
        client.sendall(head + b"username=")
        said = answer(client)
        assert " 408 " in said.partition("\n")[0] or not said  # by web in words, or by nginx, which only closes
        assert 15 < time.monotonic() - begun < 30
