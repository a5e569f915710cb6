# SPDX-License-Identifier: ISC
"""coverage.tsv names, for everything the RFCs of JMAP define, the test that
shows it.  Columns, between tabs: the RFC, the kind of thing, its name, the
test as file::name (conversations in this folder, t_*.c in regress/unit).
Here the table is held against the sources: every method, property,
condition, comparator, error and capability that the server has must have a
row, every row a test that exists.  What a row says of a test a reader has to
judge; what is missing, nobody has to look for."""

import pathlib
import re

import pytest

HERE = pathlib.Path(__file__).resolve().parent
JMAP = HERE.parents[1] / "worker" / "jmap"
KINDS = {"method", "argument", "response", "property", "filter", "sort",
         "error", "set-error", "request-error", "limit", "capability",
         "session", "rule"}


def rows():
    for n, line in enumerate((HERE / "coverage.tsv").read_text().split("\n"),
                             1):
        if line and not line.startswith("#"):
            yield n, line.split("\t")


def have(kind):
    return {f[2] for _, f in rows() if len(f) == 4 and f[1] == kind}


def source(name):
    return re.sub(r"/\*.*?\*/", "", (JMAP / name).read_text(), flags=re.S)


def entries(struct):
    """{type: names} of the tables of a struct that a jmap_type uses."""
    member = {"jmap_prop": "props", "jmap_cond": "conds",
              "jmap_order": "orders"}[struct]
    out = {}
    for f in sorted(JMAP.glob("*.c")):
        text = source(f.name)
        tables = {name: re.findall(r'\{\s*"([^"]+)"', body) for name, body in
                  re.findall(r"struct " + struct +
                             r"\s+(\w+)\[\] = \{(.*?)\n\};", text, re.S)}
        for body in re.findall(r"const struct jmap_type\s+\w+ = \{(.*?)\n\};",
                               text, re.S):
            name = re.search(r'\.name = "(\w+)"', body)
            table = re.search(r"\.%s = (\w+)," % member, body)
            if name and table and table[1] in tables:
                out[name[1]] = tables[table[1]]
    assert out, struct
    # names that begin with _ are the store's own, no client has them
    return {f"{t} {p}" for t, names in out.items() for p in names
            if p[0] != "_"}


def test_rows_are_whole():
    seen = set()
    for n, fields in rows():
        assert len(fields) == 4, f"line {n}"
        assert all(f.strip() == f and f for f in fields), f"line {n}"
        assert fields[1] in KINDS, f"line {n}: {fields[1]}"
        assert tuple(fields) not in seen, f"line {n}: twice"
        seen.add(tuple(fields))
    assert len(seen) > 300


def test_every_named_test_exists():
    texts = {}
    for n, fields in rows():
        file, _, name = fields[3].partition("::")
        if file not in texts:
            where = HERE / file if file.endswith(".py") else \
                HERE.parent / "unit" / file
            assert where.exists(), f"line {n}: no {file}"
            texts[file] = where.read_text()
        form = rf"^def {re.escape(name)}\(" if file.endswith(".py") else \
            rf"^{re.escape(name)}\(void \*\*"
        assert re.search(form, texts[file], re.M), f"line {n}: {fields[3]}"


def test_every_method_has_a_row():
    names = set(re.findall(r'^\t\{ "([A-Z]\w+/\w+)"', source("jmap_table.c"),
                           re.M))
    assert len(names) >= 18
    assert names - have("method") == set()


@pytest.mark.parametrize("struct, kind", [
    ("jmap_prop", "property"), ("jmap_cond", "filter"),
    ("jmap_order", "sort")])
def test_every_property_condition_and_comparator_has_a_row(struct, kind):
    assert entries(struct) - have(kind) == set()


def test_every_error_has_a_row():
    names = set(re.findall(r'^E\(\w+, "(\w+)"\)', source("jmap_error.c"),
                           re.M))
    assert len(names) > 30
    assert names - have("error") - have("set-error") == set()


def test_every_problem_of_a_request_has_a_row():
    text = source("jmap_error.c")
    types = set(re.findall(r'URN "(\w+)"', text))
    limits = set(re.findall(r'"(max[A-Z]\w+)"', text))
    assert types - have("request-error") == set()
    assert limits - have("limit") == set()


def test_every_capability_has_a_row():
    urns = set(re.findall(r'\{ "(urn:[\w:.-]+|https:[^"]+)"',
                          source("jmap_session.c")))
    assert urns - have("capability") == set()
