"""Compares the dependencies between the crates of this workspace with the table in ARCHITECTURE.md.

Also checks that no crate in lambda/ depends on one in local/ outside its tests, and that versions which several crates
share are in the workspace table. Usage: check-dependencies.py
"""

import json
import re
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent
ROW = re.compile(r"^\| `(?P<crate>[\w-]+)` \| `(?P<folder>[\w/-]+)` \| (?P<normal>[^|]*) \| (?P<tests>[^|]*) \|$", re.M)


def names(cell):
    return set(re.findall(r"`([\w-]+)`", cell))


def documented():
    """Folder, dependencies and dependencies of tests by crate, as ARCHITECTURE.md has them."""
    text = (REPOSITORY / "ARCHITECTURE.md").read_text()
    return {row["crate"]: (row["folder"], names(row["normal"]), names(row["tests"])) for row in ROW.finditer(text)}


def actual(packages):
    """The same, as Cargo has them. A dependency of the crate itself is not repeated for its tests."""
    crates = {package["name"] for package in packages}
    table = {}
    for package in packages:
        folder = Path(package["manifest_path"]).parent.relative_to(REPOSITORY).as_posix()
        ours = [dependency for dependency in package["dependencies"] if dependency["name"] in crates]
        normal = {dependency["name"] for dependency in ours if dependency["kind"] != "dev"}
        tests = {dependency["name"] for dependency in ours if dependency["kind"] == "dev"}
        table[package["name"]] = (folder, normal, tests - normal)
    return table


def problems(packages):
    expected, found = documented(), actual(packages)
    for crate in sorted(expected.keys() | found.keys()):
        if expected.get(crate) != found.get(crate):
            yield f"{crate}: expected {expected.get(crate)} as in ARCHITECTURE.md, got {found.get(crate)}"
    for crate, (folder, normal, _) in found.items():
        for dependency in normal:
            if folder.startswith("lambda/") and found[dependency][0].startswith("local/"):
                yield f"{crate}: code that ships must not depend on {dependency}"
    yield from unshared_versions(packages)


def unshared_versions(packages):
    """Versions of registry crates that several manifests repeat."""
    users = defaultdict(set)
    for package in packages:
        manifest = Path(package["manifest_path"]).read_text()
        for dependency in package["dependencies"]:
            name = dependency["name"]
            if re.search(rf'^{re.escape(name)} = ("|\{{ version)', manifest, re.M):
                users[name, dependency["req"]].add(package["name"])
    for (name, _), crates in sorted(users.items()):
        if len(crates) > 1:
            yield f"{name}: its version belongs in [workspace.dependencies], because {', '.join(sorted(crates))} use it"


metadata = subprocess.run(
    ["cargo", "metadata", "--format-version", "1", "--no-deps", "--locked"],
    cwd=REPOSITORY,
    check=True,
    capture_output=True,
    text=True,
)
found = list(problems(json.loads(metadata.stdout)["packages"]))
for problem in found:
    print(f"✗ {problem}", file=sys.stderr)
sys.exit(1 if found else 0)
