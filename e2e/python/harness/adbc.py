"""Plain ADBC connections, with bounds on every call."""

from adbc_driver_flightsql import DatabaseOptions, dbapi

CALL_SECONDS = 30
_BOUNDS = (DatabaseOptions.TIMEOUT_FETCH, DatabaseOptions.TIMEOUT_QUERY, DatabaseOptions.TIMEOUT_UPDATE)


def connect(server_or_uri, user=None, password=None, *, autocommit=True, seconds=CALL_SECONDS, **options):
    """A connection as an ordinary script makes one; close it (`with`)."""
    settings = {bound.value: str(float(seconds)) for bound in _BOUNDS}
    if user is not None:
        settings |= {"username": user, "password": password or ""}
    uri = server_or_uri if isinstance(server_or_uri, str) else server_or_uri.uri
    return dbapi.connect(uri, db_kwargs=settings | options, autocommit=autocommit)


def login(server, user):
    """A connection as one of the server's users."""
    return connect(server, user, server.users[user])


def table(connection, sql, parameters=None):
    """All rows as an Arrow table."""
    with connection.cursor() as cursor:
        return cursor.execute(sql, parameters).fetch_arrow_table()


def rows(connection, sql, parameters=None):
    """All rows as tuples."""
    with connection.cursor() as cursor:
        return cursor.execute(sql, parameters).fetchall()


def value(connection, sql, parameters=None):
    """The one value of a one-row, one-column result."""
    ((only,),) = rows(connection, sql, parameters)
    return only


def run(connection, sql, parameters=None):
    """Runs a statement for its effect; returns the count of affected rows."""
    with connection.cursor() as cursor:
        return cursor.execute(sql, parameters).rowcount


def script(connection, sql):
    """Runs a statement by the update call, without preparing it first."""
    with connection.cursor() as cursor:
        cursor.executescript(sql)


def ingest(connection, name, data, mode="create", **target):
    """Bulk insert; returns the count of rows."""
    with connection.cursor() as cursor:
        return cursor.adbc_ingest(name, data, mode, **target)
