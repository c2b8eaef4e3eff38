#!/usr/bin/env python3
"""Fails when a file of the repository ties it to one machine or one package mirror.

Looks for absolute paths of somebody's home or checkout, and for addresses of package registries:
which registry is used is the business of each user's own configuration.
"""

import re
import subprocess
import sys
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent

RULES = {
    "path of one machine": r"(?<![\w.~})-])/(?:root|work|(?:home|Users)/[\w.-]+)/[\w.]",
    "module outside the repository": r"#\[path\s*=\s*\"/",
    "address of a package registry": r"(?:https?|sparse\+https?)://[^\s\"'/]*"
    r"(?:pypi\.|pythonhosted\.|npmjs\.|npmmirror\.|yarnpkg\.|crates\.io|rsproxy\.|jfrog\.)"
    r"|https?://[^\s\"']+/simple(?![\w.-])|https?://[^\s\"'/]*\b(?:artifactory|nexus|verdaccio|devpi)\b",
    "cargo registry other than crates.io": r"\bregistry\+(?!https://github\.com/rust-lang/"
    r"crates\.io-index[\"\s])https?://",
    "registry setting": r"--(?:extra-)?index-url|^\s*(?:extra-)?index-url\s*="
    r"|^\s*replace-with\s*=|^\s*registry\s*=\s*[\"']?https?:",
}


def files() -> list[Path]:
    # Also what is not yet added: it is cheaper to hear of it before the commit.
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(command, cwd=PROJECT, check=True, capture_output=True).stdout
    return [Path(name) for name in sorted(set(names.decode().split("\0"))) if name]


def main() -> None:
    rules = {what: re.compile(rule, re.MULTILINE) for what, rule in RULES.items()}
    if len(PROJECT.parts) > 2:
        rules["path of this checkout"] = re.compile(re.escape(str(PROJECT)))
    found = 0
    for name in files():
        path = PROJECT / name
        if not path.is_file():  # deleted but not yet committed
            continue
        text = path.read_bytes().decode("utf-8", "replace")
        for what, rule in rules.items():
            for hit in rule.finditer(text):
                line = text.count("\n", 0, hit.start()) + 1
                print(f"{name}:{line}: {what}: {hit.group().strip()}", file=sys.stderr)
                found += 1
    if found:
        sys.exit(f"hygiene: {found} found")


if __name__ == "__main__":
    main()
