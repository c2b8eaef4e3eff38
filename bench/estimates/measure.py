"""What one statement took, in a process of its own: `measure.py DATABASE [VIEW …]`, the statement on stdin, a line of JSON on stdout.

Memory is what DuckDB's buffer manager had, as a second connection saw it every few milliseconds, over what it had before; what was
spilled counts, too. Bytes read are what the process read from files. A database that is to be written to is named with `rw:` before it.
"""

import json
import sys
import threading
import time

import duckdb

EVERY_SECONDS = 0.003
# What DuckDB keeps because there is room, and gives back when there is none.
CACHES = ("BASE_TABLE", "EXTERNAL_FILE_CACHE", "OBJECT_CACHE", "METADATA")


def bytes_read() -> int:
    with open("/proc/self/io") as file:
        return int(file.readline().split()[1])


def look(connection) -> dict[str, int]:
    rows = connection.execute(
        "select tag, memory_usage_bytes + temporary_storage_bytes from duckdb_memory()"
    )
    return dict(rows.fetchall())


def main() -> None:
    database, *setup = sys.argv[1:]
    sql = sys.stdin.read()
    is_written = database.startswith("rw:")
    read_only = database != ":memory:" and not is_written
    connection = duckdb.connect(database.removeprefix("rw:"), read_only=read_only)
    for statement in ("set threads = 2", "set memory_limit = '12GB'", *setup):
        connection.execute(statement)
    # What reading a result needs is read ahead of it.
    list(connection.execute("select 1").to_arrow_reader(1))
    watcher = connection.cursor()
    before = look(watcher)
    peaks, done = {"all": 0, "held": 0, "tags": {}}, threading.Event()

    def watch() -> None:
        while not done.wait(EVERY_SECONDS):
            now = {tag: max(used - before[tag], 0) for tag, used in look(watcher).items()}
            held = sum(used for tag, used in now.items() if tag not in CACHES)
            peaks["all"] = max(peaks["all"], sum(now.values()))
            if held > peaks["held"]:
                peaks["held"] = held
                peaks["tags"] = {tag: used for tag, used in now.items() if used}

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    begun, read = time.monotonic(), bytes_read()
    rows = result_bytes = 0
    for batch in connection.execute(sql).to_arrow_reader(65536):
        rows += batch.num_rows
        result_bytes += batch.nbytes
    seconds, read = time.monotonic() - begun, bytes_read() - read
    done.set()
    thread.join()
    print(
        json.dumps(
            {
                "peak": peaks["all"],
                "held": peaks["held"],
                "tags": peaks["tags"],
                "read": read,
                "rows": rows,
                "output": result_bytes,
                "seconds": round(seconds, 3),
            }
        )
    )


main()
