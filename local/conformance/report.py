"""Writes docs/conformance.md: every case of every suite, and how each target did.

Fails if the gateway or the stand-in fails a case; and writes nothing if results are missing, unknown, or without a reason.
Usage: report.py FOLDER DOCUMENT. The folder has a file <suite>.jsonl for each suite: README.md has the format
"""

import json
import re
import sys
from collections import Counter
from pathlib import Path

CONFORMANCE = Path(__file__).resolve().parent

# The suites in the order of the document: the name, the heading, what it is, and its targets.
SUITES = {
    "receiver": (
        "Receiver of remote write 2.0",
        "The [suite](https://github.com/prometheus/compliance/tree/{commit}/remotewrite/receiver) of the Prometheus project, "
        "sent to the gateway at a function URL, which writes to Cortex with AMP's limits: remote write 1.0, and in a second "
        "run 2.0. The suite also takes 400 where it expects a success; such cases count as not applicable here.",
        ["gateway", "gateway 2.0", "prometheus", "cortex"],
    ),
    "engine": (
        "Rules of the engine",
        "The same requests to Cortex, the engine of AMP, and to the [stand-in](../local/amp), with which the tests of this "
        "repository work: statuses, texts, and what is stored. Cortex is compared with what was recorded of it, the stand-in with Cortex.",
        ["stand-in", "cortex"],
    ),
    "otlp": (
        "OTLP",
        "Random metrics of all types, in the same requests to the gateway and to the OTLP receiver of Prometheus 3. The same "
        "series and values are stored, but for the differences that are listed.",
        ["gateway"],
    ),
    "sender-1.0-prometheus": (
        "Sender of remote write 1.0, to Prometheus",
        "Each MUST and SHOULD of the [specification](https://prometheus.io/docs/specs/prw/remote_write_spec/), of the requests "
        "that the gateway sends.",
        ["gateway"],
    ),
    "sender-1.0-cortex": ("Sender of remote write 1.0, to Cortex", "The same with Cortex as the receiver.", ["gateway"]),
    "sender-2.0-prometheus": (
        "Sender of remote write 2.0, to Prometheus",
        "Each MUST and SHOULD of the [specification](https://prometheus.io/docs/specs/prw/remote_write_spec_2_0/), of the "
        "requests that the gateway sends.",
        ["gateway"],
    ),
    "sender-2.0-cortex": ("Sender of remote write 2.0, to Cortex", "The same with Cortex as the receiver.", ["gateway"]),
}

# The columns in their order, and the module with the version. Ours must not fail.
TARGETS = {
    "gateway": ("gateway", None),
    "gateway 2.0": ("gateway, writing 2.0", None),
    "stand-in": ("stand-in", None),
    "prometheus": ("Prometheus", ("prometheus", "github.com/prometheus/prometheus")),
    "cortex": ("Cortex", ("cortex", "github.com/cortexproject/cortex")),
}
OURS = ["gateway", "gateway 2.0", "stand-in"]

# The results in the order of the totals, and how the list of their reasons begins.
RESULTS = {
    "passed": None,
    "differs": "Differs on purpose, because:",
    "not applicable": "Not applicable, because:",
    "failed": None,
}


def pinned(module, pattern):
    """What the first group of the pattern matches in a module's file."""
    return re.search(pattern, (CONFORMANCE / module / "go.mod").read_text())[1]


def heading(target):
    """The name of a target, with its version. Modules of Prometheus 3.16 have the version 0.316."""
    name, module = TARGETS[target]
    if not module:
        return name
    version = pinned(module[0], rf"{re.escape(module[1])} v([\d.]+)")
    return f"{name} " + re.sub(r"^0[.]3(\d\d)[.]", r"3.\1.", version)


def targets_of(rows):
    return [target for target in TARGETS if any(row["target"] == target for row in rows)]


def cell(row, clauses):
    result, clause = row["result"], row["clause"]
    return f"{result} ({clauses[result].index(clause) + 1})" if RESULTS[result] else result


def counted(count, result):
    return f"{count} differ" if result == "differs" and count > 1 else f"{count} {result}"


def total(rows):
    counts = Counter(row["result"] for row in rows)
    return ", ".join(counted(counts[result], result) for result in RESULTS if counts[result])


def table(head, rows):
    yield f"| {' | '.join(head)} |"
    yield "|---" * len(head) + "|"
    for row in rows:
        yield f"| {' | '.join(row)} |"
    yield ""


def totals(suites):
    """How many cases of each suite each target passed."""
    targets = targets_of([row for rows in suites.values() for row in rows])
    rows = [
        [SUITES[suite][0], *(total([row for row in rows if row["target"] == target]) for target in targets)]
        for suite, rows in suites.items()
    ]
    return table(["suite", *map(heading, targets)], rows)


def escaped(text):
    return re.sub(r"([|<>*`\\])", r"\\\1", text)


def section(suite, rows):
    title, text, targets = SUITES[suite]
    text = text.format(commit=pinned("receiver", r"receiver v[\d.]+-\d+-(\w+)"))
    cases = {}
    for row in rows:
        cases.setdefault(row["case"], {})[row["target"]] = row
    clauses = {result: list(dict.fromkeys(row["clause"] for row in rows if row["result"] == result)) for result in RESULTS}
    yield f"## {title}\n\n{text}\n"
    for result, beginning in RESULTS.items():
        if beginning and clauses[result]:
            yield f"{beginning}\n"
            yield "\n".join(f"{number}. {clause[0].upper()}{clause[1:]}." for number, clause in enumerate(clauses[result], start=1)) + "\n"
    yield from table(
        [f"{len(cases)} cases", *map(heading, targets)],
        [[escaped(case), *(cell(results[target], clauses) for target in targets)] for case, results in cases.items()],
    )


def problems(suites):
    """What keeps the results from being a document."""
    for suite, rows in suites.items():
        if suite not in SUITES or not rows:
            yield f"{suite}: expected results of a suite of {', '.join(SUITES)}, got {len(rows)}"
            continue
        targets = SUITES[suite][2]
        counts = Counter((row["case"], row["target"]) for row in rows)
        for case in dict.fromkeys(row["case"] for row in rows):
            for target in targets:
                if counts[case, target] != 1:
                    yield f"{suite}: {case}: {target}: expected one result, got {counts[case, target]}"
        for row in rows:
            if row["target"] not in targets:
                yield f"{suite}: {row['case']}: expected a target of {', '.join(targets)}, got {row['target']}"
            if row["result"] not in RESULTS:
                yield f"{suite}: {row['case']}: expected a result of {', '.join(RESULTS)}, got {row['result']}"
            elif bool(RESULTS[row["result"]]) != bool(row["clause"]):
                yield f"{suite}: {row['case']}: {row['result']}: expected a reason only where it differs, got '{row['clause']}'"


def failures(suites):
    for suite, rows in suites.items():
        for row in rows:
            if row["result"] == "failed" and row["target"] in OURS:
                yield f"{suite}: {row['case']}: {row['target']} failed"


def text_of(suites):
    yield "# Conformance\n"
    yield "`npm run conformance` writes this file, and fails if a case of the gateway or of the stand-in fails.\n"
    yield from totals(suites)
    for suite, rows in suites.items():
        yield from section(suite, rows)


def main():
    folder, document = map(Path, sys.argv[1:])
    suites = {suite: [] for suite in SUITES}
    for line in (line for file in sorted(folder.glob("*.jsonl")) for line in file.read_text().splitlines()):
        row = json.loads(line)
        suites.setdefault(row["suite"], []).append(row)
    found = list(problems(suites))
    if found:
        sys.exit("\n".join(found))
    # A document that is there stays whole if this cannot be written.
    temporary = document.with_suffix(".new")
    temporary.write_text("\n".join(text_of(suites)).rstrip() + "\n")
    temporary.replace(document)
    found = list(failures(suites))
    if found:
        sys.exit("\n".join(found))


main()
