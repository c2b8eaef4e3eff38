"""A disk that is soon full."""

import resource
import subprocess
from contextlib import contextmanager
from pathlib import Path

DISK_BYTES = 24 << 20


@contextmanager
def small_disk(directory: Path):
    """Makes `directory` a small disk for one program; gives the options for its `Program`.

    The disk is a tmpfs in a mount namespace of its own, held open by a sleeping process. Where
    namespaces are forbidden, a limit on the size of files makes the same writes fail.
    """
    mount = f"mount -t tmpfs -o size={DISK_BYTES} none '{directory}' && echo up && exec sleep 600"
    holder = subprocess.Popen(
        ["unshare", "--map-root-user", "--mount", "sh", "-c", mount],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        if holder.stdout.readline() == "up\n":
            enter = [
                "nsenter",
                "--preserve-credentials",
                "--user",
                "--mount",
                "--target",
                str(holder.pid),
                "--",
            ]
            yield {"prefix": enter}
        else:
            yield {
                "before_exec": lambda: resource.setrlimit(
                    resource.RLIMIT_FSIZE, (DISK_BYTES, DISK_BYTES)
                )
            }
    finally:
        holder.kill()
        holder.wait()
        holder.stdout.close()
