"""Which addresses are called, and that a connection goes where the check looked."""

import ssl
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from ecommerce.models import Order
from ecommerce.webhooks import addresses
from ecommerce.webhooks.addresses import AddressRefused, check, is_allowed
from ecommerce.webhooks.sender import Sender
from tests.support.webhook_receiver import Receiver, happen, make_endpoint, server_and_receiver, webhook_receiver

PRIVATE = "is inside a private network, which is not called."


@pytest.mark.parametrize(
    ("address", "refusal"),
    [
        ("http://127.0.0.1/", PRIVATE),
        ("http://127.8.9.10:8000/", PRIVATE),
        ("http://localhost/", PRIVATE),
        ("http://0.0.0.0/", PRIVATE),
        ("http://10.1.2.3/", PRIVATE),
        ("https://172.16.0.1/", PRIVATE),
        ("https://192.168.1.1:8443/", PRIVATE),
        ("http://100.64.0.1/", PRIVATE),
        ("http://169.254.169.254/latest/meta-data", PRIVATE),
        ("http://192.0.0.192/opc/v1/instance", PRIVATE),
        ("http://168.63.129.16/machine", PRIVATE),
        ("http://192.88.99.1/", PRIVATE),
        ("http://[::ffff:168.63.129.16]/", PRIVATE),
        ("http://[3fff::1]/", PRIVATE),
        ("http://224.0.0.1/", PRIVATE),
        ("http://255.255.255.255/", PRIVATE),
        ("http://[::1]/", PRIVATE),
        ("http://[::]/", PRIVATE),
        ("http://[fd00::1]/", PRIVATE),
        ("http://[fe80::1]/", PRIVATE),
        ("http://[fec0::1]/", PRIVATE),
        ("http://[ff02::1]/", PRIVATE),
        ("http://[::ffff:127.0.0.1]/", PRIVATE),
        ("http://[::ffff:10.0.0.1]/", PRIVATE),
        ("http://[::127.0.0.1]/", PRIVATE),
        ("http://[64:ff9b::7f00:1]/", PRIVATE),
        ("http://[2002:7f00:1::]/", PRIVATE),
        ("http://2130706433/", "four decimal numbers"),
        ("http://127.1/", "four decimal numbers"),
        ("http://0x7f.0.0.1/", "four decimal numbers"),
        ("http://0x7f000001/", "four decimal numbers"),
        ("http://127.0.0.1./", "four decimal numbers"),
        ("http://0177.0.0.1/", "This is no address"),
        ("http://１２７.0.0.1/", "This is no address"),
        ("http://127。0。0。1/", PRIVATE),
        ("ftp://example.com/", "begins with https:// or http://"),
        ("file:///etc/passwd", "begins with https:// or http://"),
        ("//example.com/", "begins with https:// or http://"),
        ("http:///hooks", "begins with https:// or http://"),
        ("http://exa mple.com/", "begins with https:// or http://"),
        ("https://ada:secret@example.com/", "Leave user name and password out"),
        ("http://1.1.1.1:22/", "Choose port 80, 443"),
        ("http://1.1.1.1:99999/", "Choose port 80, 443"),
        ("https://no-such-host.invalid/", "is not known"),
    ],
)
def test_an_address_is_refused_with_the_reason(address: str, refusal: str) -> None:
    with pytest.raises(AddressRefused, match=refusal):
        check(address)


@pytest.mark.parametrize("address", ["https://1.1.1.1/hooks", "http://1.1.1.1:8080/", "https://[2606:4700::1111]/"])
def test_an_address_on_the_internet_is_called(address: str) -> None:
    check(address)


def test_a_name_that_ends_in_a_figure_is_a_name() -> None:
    assert addresses.parse("https://hooks1/").host == "hooks1"


def test_a_setting_allows_a_network(settings: Any) -> None:
    settings.WEBHOOK_PRIVATE_ADDRESSES = [ip_network("10.1.0.0/16"), ip_network("fd00::/8")]
    assert is_allowed(ip_address("10.1.2.3"))
    assert is_allowed(ip_address("::ffff:10.1.2.3"))
    assert is_allowed(ip_address("fd00::1"))
    assert not is_allowed(ip_address("10.2.0.1"))
    check("http://10.1.2.3:9000/hooks")


class Names:
    """Answers for the resolver of the Internet: the one thing that has no place on this machine."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *answers: list[str]) -> None:
        self.answers, self.asked = list(answers), 0
        monkeypatch.setattr("socket.getaddrinfo", self)

    def __call__(self, _host: str, port: int, *_family: Any, **_options: Any) -> list[Any]:
        answer = self.answers[min(self.asked, len(self.answers) - 1)]
        self.asked += 1
        return [(2, 1, 6, "", (each, port)) for each in answer]


def test_a_name_with_one_private_address_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    Names(monkeypatch, ["1.1.1.1", "10.0.0.1"])
    with pytest.raises(AddressRefused, match=r"hooks.example.com \(10.0.0.1\) is inside a private network"):
        check("https://hooks.example.com/")


@pytest.mark.django_db
def test_a_name_that_points_elsewhere_after_the_form_was_saved_is_refused(
    sender: Sender, order: Order, monkeypatch: pytest.MonkeyPatch
) -> None:
    with webhook_receiver() as receiver:
        address = f"http://hooks.example.com:{receiver.port}/ok"
        Names(monkeypatch, ["1.1.1.1"], ["127.0.0.1"])
        check(address)
        endpoint = make_endpoint(address)
        happen(order, "fulfilled")
        sender.drain()
    assert receiver.got == []
    assert "hooks.example.com (127.0.0.1) is inside a private network" in endpoint.deliveries.get().error


@pytest.mark.django_db
def test_the_connection_goes_to_the_address_that_was_checked(
    sender: Sender, order: Order, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    settings.WEBHOOK_PRIVATE_ADDRESSES = [ip_network("127.0.0.2/32")]
    with webhook_receiver("127.0.0.2") as receiver:
        # A second look-up would find another machine.
        names = Names(monkeypatch, ["127.0.0.2"], ["127.0.0.1"])
        endpoint = make_endpoint(f"http://hooks.example.com:{receiver.port}/ok")
        happen(order, "fulfilled")
        sender.drain()
    assert (names.asked, endpoint.deliveries.get().status) == (1, "delivered")
    assert receiver.got[0].headers["host"] == f"hooks.example.com:{receiver.port}"


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a folder with an authority and a certificate of hooks.example.com."""
    folder = tmp_path_factory.mktemp("certificates")
    ca_key, key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    authority = _certificate("An authority", ca_key, by=None, by_key=ca_key)
    server = _certificate("hooks.example.com", key, by=authority, by_key=ca_key)
    (folder / "ca.pem").write_bytes(authority.public_bytes(serialization.Encoding.PEM))
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (folder / "server.pem").write_bytes(server.public_bytes(serialization.Encoding.PEM) + private)
    return folder


def _certificate(name: str, key: Any, *, by: x509.Certificate | None, by_key: Any) -> x509.Certificate:
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    day, now = timedelta(days=1), datetime.now(UTC)
    identifier = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    of_issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(by_key.public_key())
    builder = (
        x509.CertificateBuilder(by.subject if by else subject, subject, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - day)
        .not_valid_after(now + day)
        .add_extension(x509.BasicConstraints(ca=by is None, path_length=None), critical=True)
        .add_extension(identifier, critical=False)
        .add_extension(of_issuer, critical=False)
    )
    if by is None:
        usage = x509.KeyUsage(**dict.fromkeys(USAGES, False) | {"key_cert_sign": True, "crl_sign": True})
        builder = builder.add_extension(usage, critical=True)
    else:
        builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
    return builder.sign(by_key, hashes.SHA256())


USAGES = (
    *("digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement"),
    *("key_cert_sign", "crl_sign", "encipher_only", "decipher_only"),
)


@pytest.fixture
def secure_receiver(certificates: Path, loopback_allowed: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificates / "ca.pem"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificates / "server.pem")
    server, receiver = server_and_receiver("127.0.0.1")
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    yield receiver
    server.shutdown()
    server.server_close()


@pytest.mark.django_db
@pytest.mark.parametrize(("name", "status"), [("hooks.example.com", "delivered"), ("other.example.com", "queued")])
def test_tls_is_verified_for_the_name(
    secure_receiver: Receiver, sender: Sender, order: Order, monkeypatch: pytest.MonkeyPatch, name: str, status: str
) -> None:
    Names(monkeypatch, ["127.0.0.1"])
    endpoint = make_endpoint(f"https://{name}:{secure_receiver.port}/ok")
    happen(order, "fulfilled")
    sender.drain()
    delivery = endpoint.deliveries.get()
    assert delivery.status == status
    assert len(secure_receiver.got) == (status == "delivered")
    assert ("CERTIFICATE_VERIFY_FAILED" in delivery.error) == (status == "queued")
