"""One way to expect a refusal, whichever client it comes to.

Every client wraps the gRPC status in an exception of its own; `refused` reads the code back.
"""

import re
from contextlib import contextmanager
from dataclasses import dataclass

import adbc_driver_manager
import grpc
import pyarrow as pa
from pyarrow import flight

ERRORS = (
    grpc.RpcError,
    adbc_driver_manager.Error,
    flight.FlightError,
    pa.ArrowException,
    pa.ArrowKeyError,
    OSError,
)

_GRPC_NAMES = {code.name.replace("_", ""): code.name for code in grpc.StatusCode} | {
    "CANCELED": "CANCELLED"
}
# pyarrow has an exception class for some codes, and the code's words in the text for the others.
_PYARROW_CLASSES = {
    flight.FlightUnauthenticatedError: "UNAUTHENTICATED",
    flight.FlightUnauthorizedError: "PERMISSION_DENIED",
    flight.FlightUnavailableError: "UNAVAILABLE",
    flight.FlightTimedOutError: "DEADLINE_EXCEEDED",
    flight.FlightCancelledError: "CANCELLED",
}


@dataclass
class Failure:
    code: str = ""
    message: str = ""


def failure_of(error: BaseException) -> Failure:
    """The gRPC code's name and the message inside a client's exception."""
    if isinstance(error, grpc.RpcError):
        return Failure(error.code().name, error.details() or "")
    if isinstance(error, adbc_driver_manager.Error):
        # The driver writes Go's name of the code behind the message: "… (InvalidArgument; ExecuteQuery)".
        words = re.findall(r"\((\w+); ", str(error))
        return Failure(_GRPC_NAMES.get(words[-1].upper(), "none") if words else "none", str(error))
    for known, name in _PYARROW_CLASSES.items():
        if isinstance(error, known):
            return Failure(name, str(error))
    words = re.search(r"returned ([\w -]+?) error", str(error))
    name = re.sub(r"\W", "_", words[1].upper()) if words else "none"
    return Failure({"PRECONDITION_FAILED": "FAILED_PRECONDITION"}.get(name, name), str(error))


@contextmanager
def refused(*codes: str, match: str = ""):
    """The block must be refused with one of `codes` and a message that matches; gives the failure."""
    failure = Failure()
    try:
        yield failure
    except ERRORS as error:
        found = failure_of(error)
        failure.code, failure.message = found.code, found.message
        assert failure.code in codes, (
            f"refused with {failure.code} instead of {codes}: {failure.message}"
        )
        assert re.search(match, failure.message, re.IGNORECASE), (
            f"message lacks /{match}/: {failure.message}"
        )
    else:
        raise AssertionError(f"not refused; {codes} expected")
