"""An S3 store on loopback, for `pprofd: ship`: objects in memory, and signatures checked as Amazon's
documentation of AWS signature version 4 says, by Python's own HMAC."""
import hashlib
import hmac
import re
import threading
import urllib.parse

from .ship import Backend, target

REGION, ACCESS_KEY, SECRET_KEY = "eu-central-1", "AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"


def signature(method, path, query, headers, signed, body_hash, *, secret, region):
    """Of a request; `headers`: names in small letters; `signed`: those of them that count, in their order."""
    canonical = "\n".join([
        method, path, query, *(f"{name}:{' '.join(headers[name].split())}" for name in signed), "", ";".join(signed),
        body_hash])
    date = headers["x-amz-date"]
    scope = f"{date[:8]}/{region}/s3/aws4_request"
    text = "\n".join(["AWS4-HMAC-SHA256", date, scope, hashlib.sha256(canonical.encode()).hexdigest()])
    key = b"AWS4" + secret.encode()
    for part in [*scope.split("/"), text]:
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return key.hex()


def fault(received, *, secret=SECRET_KEY, region=REGION):
    """(status, S3's code) of what is wrong with a request's signature; None: it is right."""
    headers = {name.lower(): value for name, value in received.headers.items()}
    form = re.fullmatch(r"AWS4-HMAC-SHA256 Credential=([^/]+)/(\d{8})/([^/]+)/s3/aws4_request, SignedHeaders=([a-z0-9;-]+), "
                        r"Signature=([0-9a-f]{64})", headers.get("authorization", ""))
    if not form:
        return 403, "AccessDenied"
    access_key, date, there, signed = form[1], form[2], form[3], form[4].split(";")
    if access_key != ACCESS_KEY:
        return 403, "InvalidAccessKeyId"
    if there != region:
        return 400, "AuthorizationHeaderMalformed"
    if headers["x-amz-content-sha256"] != hashlib.sha256(received.body).hexdigest():
        return 400, "XAmzContentSHA256Mismatch"
    # What is sent of these must be signed, and what is signed must have been sent.
    needed = {"host"} | {name for name in headers if name.startswith("x-amz-")}
    if not needed <= set(signed) <= set(headers) or signed != sorted(signed) or headers["x-amz-date"][:8] != date:
        return 403, "AccessDenied"
    wanted = signature(received.method, received.raw_path, "", headers, signed, headers["x-amz-content-sha256"],
                       secret=secret, region=region)
    return None if hmac.compare_digest(wanted, form[5]) else (403, "SignatureDoesNotMatch")


def error(status, code):
    return status, {"Content-Type": "application/xml"}, f"<Error><Code>{code}</Code></Error>".encode()


class Store(Backend):
    """Takes PUTs of objects; `before(received)` may answer first. `objects`: {bucket/key: bytes}."""

    def __init__(self, before=lambda received: None, **more):
        self.objects, self.puts = {}, []
        self.before = before
        self._lock = threading.Lock()
        super().__init__(self._put, **more)

    def _put(self, received):
        if answered := self.before(received):
            return answered
        if wrong := fault(received):
            return error(*wrong)
        key = urllib.parse.unquote(received.raw_path).removeprefix("/")
        with self._lock:
            self.objects[key] = received.body
            self.puts.append(key)
        return 200, {"ETag": '"x"'}, b""

    def target(self, name="s3", **more):
        return s3_target(name, self.url, **more)


def s3_target(name, url, *, bucket="profiles", region=REGION, prefix="", access_key=ACCESS_KEY, secret_key=SECRET_KEY,
              session_token="", **more):
    return target(name, "s3", url, bucket=bucket, region=region, prefix=prefix, access_key=access_key,
                  secret_key=secret_key, session_token=session_token, **more)
