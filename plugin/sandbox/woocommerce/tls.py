"""Real TLS for the sandbox store: a certificate of an authority of its own, and a tunnel to the plain listener."""

import contextlib
import datetime
import ipaddress
import selectors
import socket
import ssl
import tempfile
import threading
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from plugin.listener import bind

BLOCK = 65_536
WAKE = 0.05  # seconds after which closing is noticed
DAY = datetime.timedelta(days=1)


class Certificates:
    """A folder with `ca.pem` (what a client has to trust) and `server.pem` (key and certificate of localhost)."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="sandbox-tls-")
        self.ca_file = Path(self._folder.name) / "ca.pem"
        self.server_file = Path(self._folder.name) / "server.pem"
        self._make()

    def close(self) -> None:
        """Delete the folder."""
        self._folder.cleanup()

    def _make(self) -> None:
        ca_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
        authority = named("Sandbox authority")
        ca = started(authority, authority, ca_key).add_extension(
            x509.BasicConstraints(ca=True, path_length=0), critical=True
        ).add_extension(key_usage(signs=True), critical=True).add_extension(
            x509.SubjectKeyIdentifier.from_public_key(ca_key.public_key()), critical=False
        ).sign(ca_key, hashes.SHA256())  # fmt: skip
        names = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
        server = started(named("localhost"), authority, key).add_extension(
            x509.SubjectAlternativeName(names), critical=False
        ).add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True).add_extension(
            key_usage(signs=False), critical=True
        ).add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False).add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(ca_key.public_key()), critical=False
        ).sign(ca_key, hashes.SHA256())  # fmt: skip
        self.ca_file.write_bytes(ca.public_bytes(serialization.Encoding.PEM))
        private = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        self.server_file.write_bytes(private + server.public_bytes(serialization.Encoding.PEM))
        self.server_file.chmod(0o600)

    def context(self) -> ssl.SSLContext:
        """What the server's side of a connection needs."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.server_file)
        return context


def named(name: str) -> x509.Name:
    """A certificate's name."""
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def started(subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
    """A certificate with what every one has; valid for a month."""
    now = datetime.datetime.now(datetime.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - DAY)
        .not_valid_after(now + 30 * DAY)
    )


def key_usage(*, signs: bool) -> x509.KeyUsage:
    """What a key is for: signing certificates, or serving."""
    return x509.KeyUsage(
        digital_signature=True, content_commitment=False, key_encipherment=False, data_encipherment=False,
        key_agreement=False, key_cert_sign=signs, crl_sign=signs, encipher_only=False, decipher_only=False,
    )  # fmt: skip


class Tunnel:
    """Takes TLS connections and passes them on to a plain listener, byte for byte: keep-alive and cuts included."""

    def __init__(self, host: str, port: int, target: tuple[str, int], context: ssl.SSLContext) -> None:
        self._target = target
        self._context = context
        self._socket = bind(host, port)
        self.port = int(self._socket.getsockname()[1])
        self._closed = threading.Event()
        self._threads: set[threading.Thread] = set()
        self._accepting = threading.Thread(target=self._accept, name=f"tls-{self.port}", daemon=True)
        self._accepting.start()

    def close(self) -> None:
        """Accept no more and close every connection."""
        self._closed.set()
        self._accepting.join()
        for thread in list(self._threads):
            thread.join()

    def _accept(self) -> None:
        with self._socket:
            self._socket.settimeout(WAKE)
            while not self._closed.is_set():
                try:
                    client, _ = self._socket.accept()
                except TimeoutError:
                    continue
                thread = threading.Thread(target=self._serve, args=(client,), name=f"tls-{self.port}", daemon=True)
                self._threads.add(thread)
                thread.start()

    def _serve(self, client: socket.socket) -> None:
        """One connection. A client that does not trust the certificate, or goes away, is no news."""
        try:
            with client:
                client.settimeout(10)
                with (
                    contextlib.suppress(OSError),  # ssl.SSLError is one
                    self._context.wrap_socket(client, server_side=True) as secure,
                    socket.create_connection(self._target) as plain,
                ):
                    self._pass_on(secure, plain)
        finally:
            self._threads.discard(threading.current_thread())

    def _pass_on(self, secure: ssl.SSLSocket, plain: socket.socket) -> None:
        """Until either side closes."""
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        secure.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with selectors.DefaultSelector() as selector:
            for side in (secure, plain):
                selector.register(side, selectors.EVENT_READ)
            while not self._closed.is_set():
                ready = [secure] if secure.pending() else [key.fileobj for key, _ in selector.select(WAKE)]
                for source, target in ((secure, plain), (plain, secure)):
                    if source not in ready:
                        continue
                    data = source.recv(BLOCK)
                    if not data:
                        return
                    target.sendall(data)
