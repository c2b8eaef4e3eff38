"""Makes sealed handles with a server's own key, to test what a signature alone cannot guard.

A ticket is a sealed handle, a token is one as text. It is version (1 byte), HMAC-SHA256 of version and message (32 bytes), message.
"""

import base64
import hashlib
import hmac

from harness import wire

_HEAD_BYTES = 33


def seal(message: bytes, key: bytes) -> bytes:
    version = b"\x01"
    return version + hmac.new(key, version + message, hashlib.sha256).digest() + message


def message_of(sealed: bytes) -> bytes:
    return sealed[_HEAD_BYTES:]


def with_field(message: bytes, number: int, value) -> bytes:
    """The message with one field set anew: protobuf readers take the last of a singular field."""
    return message + wire.field(number, value)


def expired(sealed: bytes, key: bytes) -> bytes:
    """The same handle, truly signed, but its time (field 2) was over in 1970."""
    return seal(with_field(message_of(sealed), 2, 1), key)


def unseal_text(token: str) -> bytes:
    return base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))


def seal_text(sealed: bytes) -> str:
    return base64.urlsafe_b64encode(sealed).decode().rstrip("=")
