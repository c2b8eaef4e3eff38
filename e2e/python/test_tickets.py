"""Tickets, tokens and handles: forged, cut, expired, of another user or for another use, they open nothing."""

import itertools

import pytest

from harness import forgery, raw_grpc, wire
from harness.failures import refused
from harness.raw_grpc import login

REFUSED = ("UNAUTHENTICATED", "PERMISSION_DENIED", "INVALID_ARGUMENT")

pytestmark = pytest.mark.allow_log("WARN", r"(?i)authenticat|token|ticket|handle|denied|refus|sign")


def test_a_forged_ticket_is_refused_wherever_a_bit_was_flipped(secured_server):
    with login(secured_server, "uli") as raw:
        ticket = raw_grpc.ticket_of(raw.info(wire.query("select 1 as a")))
        assert raw_grpc.read_table(raw.get(ticket)).to_pydict() == {"a": [1]}
        for at, bit in zip(range(len(ticket)), itertools.cycle(range(8)), strict=False):
            forged = ticket[:at] + bytes([ticket[at] ^ 1 << bit]) + ticket[at + 1 :]
            with refused(*REFUSED):
                raw.get(forged)


def test_a_truncated_or_extended_ticket_is_refused(secured_server):
    with login(secured_server, "uli") as raw:
        handle = raw_grpc.ticket_of(raw.info(wire.query("select 1")))
        for length in range(0, len(handle), 3):
            with refused(*REFUSED):
                raw.get(handle[:length])
        for tail in (b"\0", handle):
            with refused(*REFUSED):
                raw.get(handle + tail)


def test_a_ticket_of_another_user_is_refused(secured_server):
    with login(secured_server, "uli") as uli, login(secured_server, "vera") as vera:
        for command in (wire.query("select 'mine'"), wire.tables()):
            ticket = raw_grpc.ticket_of(uli.info(command))
            with refused("PERMISSION_DENIED", "UNAUTHENTICATED") as failure:
                vera.get(ticket)
            assert "mine" not in failure.message


def test_an_admins_ticket_gives_a_reader_nothing(secured_server):
    with login(secured_server, "ada") as ada, login(secured_server, "rex") as rex:
        ticket = raw_grpc.ticket_of(ada.info(wire.query("select 1")))
        with refused("PERMISSION_DENIED", "UNAUTHENTICATED"):
            rex.get(ticket)


def test_a_prepared_statement_of_another_user_is_refused(secured_server):
    request = wire.command("ActionCreatePreparedStatementRequest", "select 1")
    with login(secured_server, "uli") as uli, login(secured_server, "vera") as vera:
        handle = wire.one(wire.unwrap(uli.action("CreatePreparedStatement", request)[0]), 1)
        with refused("PERMISSION_DENIED", "UNAUTHENTICATED", "NOT_FOUND"):
            vera.info(wire.prepared_query(handle))


def test_a_transaction_of_another_user_is_refused(secured_server, name):
    begin = wire.command("ActionBeginTransactionRequest")
    with login(secured_server, "uli") as uli, login(secured_server, "vera") as vera:
        transaction = wire.one(wire.unwrap(uli.action("BeginTransaction", begin)[0]), 1)
        with refused("PERMISSION_DENIED", "UNAUTHENTICATED", "NOT_FOUND", "INVALID_ARGUMENT"):
            vera.info(wire.query(f"create table {name} (i int)", transaction))
        with refused("PERMISSION_DENIED", "UNAUTHENTICATED", "NOT_FOUND", "INVALID_ARGUMENT"):
            vera.action(
                "EndTransaction", wire.command("ActionEndTransactionRequest", transaction, 1)
            )
        uli.action("EndTransaction", wire.command("ActionEndTransactionRequest", transaction, 2))


def test_an_expired_ticket_is_refused(secured_server):
    with login(secured_server, "uli") as raw:
        ticket = raw_grpc.ticket_of(raw.info(wire.query("select 1")))
        old = forgery.expired(ticket, secured_server.key)
        with refused("FAILED_PRECONDITION", *REFUSED, match="expired"):
            raw.get(old)


def test_an_expired_token_is_unauthenticated(secured_server):
    with login(secured_server, "uli") as raw:
        sealed = forgery.unseal_text(raw.metadata["authorization"].removeprefix("Bearer "))
        raw.metadata["authorization"] = "Bearer " + forgery.seal_text(
            forgery.expired(sealed, secured_server.key)
        )
        with refused("UNAUTHENTICATED", match="expired"):
            raw.info(wire.query("select 1"))


def test_a_token_is_no_ticket_and_a_ticket_no_token(secured_server):
    with login(secured_server, "uli") as raw:
        ticket = raw_grpc.ticket_of(raw.info(wire.query("select 1")))
        token = raw.metadata["authorization"].removeprefix("Bearer ")
        with refused(*REFUSED):
            raw.get(forgery.unseal_text(token))
        raw.metadata["authorization"] = "Bearer " + forgery.seal_text(ticket)
        with refused(*REFUSED):
            raw.info(wire.query("select 1"))


def test_a_token_signed_with_another_key_is_refused(secured_server):
    with login(secured_server, "uli") as raw:
        message = forgery.message_of(
            forgery.unseal_text(raw.metadata["authorization"].removeprefix("Bearer "))
        )
        raw.metadata["authorization"] = "Bearer " + forgery.seal_text(
            forgery.seal(message, b"k" * 64)
        )
        with refused("UNAUTHENTICATED", "PERMISSION_DENIED"):
            raw.info(wire.query("select 1"))
