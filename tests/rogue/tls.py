"""Certificates good and bad, made with the openssl command, and listeners that show them."""

import os
import shutil
import ssl
import subprocess
import tempfile
import warnings

CONFIG = """[ca]
default_ca = it
[it]
dir = {folder}
database = {folder}/index
serial = {folder}/serial
new_certs_dir = {folder}
default_md = sha256
policy = any
unique_subject = no
[any]
commonName = supplied
[authority]
basicConstraints = critical,CA:TRUE
keyUsage = critical,keyCertSign,cRLSign
subjectKeyIdentifier = hash
[here]
subjectAltName = DNS:localhost,IP:127.0.0.1
[there]
subjectAltName = DNS:elsewhere.rogue.example
[req]
distinguished_name = name
[name]
"""
ALWAYS = ("20200101000000Z", "20491231235959Z")
# form: signed by, extensions, validity
LEAVES = {
    "good": ("root", "here", ALWAYS),
    "client": ("root", "here", ALWAYS),
    "expired": ("root", "here", ("20200101000000Z", "20210101000000Z")),
    "future": ("root", "here", ("20480101000000Z", "20491231235959Z")),
    "wrong-host": ("root", "there", ALWAYS),
    "unknown-ca": ("stranger", "here", ALWAYS),
    "chain": ("middle", "here", ALWAYS),
    "self-signed": (None, "here", ALWAYS),
    "old": ("root", "here", ALWAYS),
    "visitor": ("root", "here", ALWAYS),  # the client's certificate
}


class Certificates:
    def __init__(self):
        if not shutil.which("openssl"):
            raise ValueError("no openssl command to make certificates with")
        self.folder = tempfile.mkdtemp(prefix="rogue-tls-")
        self.write("config", CONFIG.format(folder=self.folder))
        self.write("index", "")
        self.write("serial", "1000\n")
        self.issue("root", None, "authority", ALWAYS)
        self.issue("stranger", None, "authority", ALWAYS)
        self.issue("middle", "root", "authority", ALWAYS)
        for name, (by, extensions, validity) in LEAVES.items():
            self.issue(name, by, extensions, validity)

    def remove(self):
        shutil.rmtree(self.folder, ignore_errors=True)

    def path(self, name):
        return os.path.join(self.folder, name)

    def write(self, name, text):
        with open(self.path(name), "w", encoding="utf-8") as file:
            file.write(text)

    def run(self, *command):
        subprocess.run(("openssl",) + command, cwd=self.folder, check=True,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def issue(self, name, by, extensions, validity):
        """name.crt and name.key, signed by `by`, or by itself."""
        self.run("req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                 "-keyout", f"{name}.key", "-out", f"{name}.csr", "-subj", f"/CN=rogue {name}",
                 "-config", "config")
        signer = ("-selfsign", "-keyfile", f"{name}.key") if not by else (
            "-cert", f"{by}.crt", "-keyfile", f"{by}.key")
        self.run("ca", "-batch", "-notext", "-config", "config", "-in", f"{name}.csr",
                 "-out", f"{name}.crt", "-extensions", extensions, "-startdate", validity[0],
                 "-enddate", validity[1], *signer)

    def context(self, form):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.path(f"{form}.crt"), self.path(f"{form}.key"))
        if form == "client":
            context.load_verify_locations(self.path("root.crt"))
            context.verify_mode = ssl.CERT_REQUIRED
        if form == "old":
            with warnings.catch_warnings():  # that it is deprecated is the point
                warnings.simplefilter("ignore", DeprecationWarning)
                context.minimum_version = ssl.TLSVersion.TLSv1
                context.maximum_version = ssl.TLSVersion.TLSv1_1
            context.set_ciphers("ALL:@SECLEVEL=0")
        return context
