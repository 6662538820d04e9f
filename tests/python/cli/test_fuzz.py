"""Whatever is in a file: every row is imported, refused or there already, and none vanishes."""

from __future__ import annotations

import base64
import copy
import csv
import io
import json

import lambdatotp
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lambdatotp import KeyUri, Secret, qr_png
from lambdatotp._lambdatotp import write_transfer
from lambdatotp.cli.formats import readers
from lambdatotp.cli.formats.rows import UnreadableError
from lambdatotp.cli.importing import Importer, Tally

from tests.python.support.exports import DOCUMENTS, KEY, RAW, URI

ROW = st.tuples(
    st.sampled_from([KEY, KEY, KEY, "x", ""]),
    st.text(alphabet='ab ,;=@-\n"é', max_size=12),
)
PARTS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=6)
    | st.sampled_from([KEY, URI, "totp", "hotp", 6, 30, 10**30, "9" * 5000, "\ud800", "steam://x"]),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(st.sampled_from(["secret", "type", "user", "otp", "totp", "data"]), inner),
    max_leaves=6,
)  # fmt: skip
XML = ("<a>", "</a>", "<Key/>", "<KeyPackage>", "</KeyPackage>", "<KeyContainer>",
       "</KeyContainer>", "<!-- -->", "&amp;", "x", "<Data>", "</Data>")  # fmt: skip
QUIET = settings(
    deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)


def read(text, form="auto"):
    data = text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass")
    source = readers.Source(io.BufferedReader(io.BytesIO(data)))
    rows = list(readers.read(source, form))
    for row in rows:
        assert KEY not in repr(row)
        assert KEY not in row.shown
        assert KEY not in (row.problem or "")
    return rows, source


def settled(rows):
    """What would become of rows in an empty table."""
    tally = Tally()
    verifier = lambdatotp.Verifier(embedded=":memory:", table_name="fuzz")
    importer = Importer(verifier, tally, rehearsal=True)
    for row in rows:
        tally.read += 1
        importer.take(row)
    importer.flush()
    assert tally.read == tally.settled == tally.new + tally.same + tally.refused
    assert tally.refused >= sum(row.problem is not None for row in rows)
    return tally


def written(rows):
    """A table as a program writes it; where each row begins, and the text of each."""
    texts = []
    for number, (secret, note) in enumerate(rows):
        line = io.StringIO()
        csv.writer(line, lineterminator="\n").writerow([f"user{number}", secret, note])
        texts.append(line.getvalue())
    return texts


def lines_of(texts):
    line = 2
    for text in texts:
        yield line
        line += text.count("\n")


class TestTables:
    @QUIET
    @given(st.lists(ROW, min_size=1, max_size=12))
    def test_a_row_each(self, rows):
        texts = written(rows)
        read_rows, _ = read("user,secret,note\n" + "".join(texts))
        assert [row.line for row in read_rows] == list(lines_of(texts))
        assert [row.user for row in read_rows] == [f"user{n}" for n in range(len(rows))]
        tally = settled(read_rows)
        assert tally.new == sum(secret == KEY for secret, _ in rows)

    @QUIET
    @given(st.lists(ROW, min_size=2, max_size=12), st.data())
    def test_a_stray_quote_costs_its_own_row(self, rows, data):
        texts = written(rows)
        whole = [n for n, text in enumerate(texts) if '"' not in text]
        if not whole:
            return
        hurt = data.draw(st.sampled_from(whole))
        at = data.draw(st.integers(0, len(texts[hurt]) - 1))
        texts[hurt] = texts[hurt][:at] + '"' + texts[hurt][at:]
        read_rows, _ = read("user,secret,note\n" + "".join(texts))
        good = {row.user for row in read_rows if row.problem is None}
        others = {f"user{n}": n for n, row in enumerate(rows) if row[0] == KEY and n != hurt}
        if not any('"' in text for n, text in enumerate(texts) if n != hurt):
            assert others.keys() <= good
        # With other quotes around, a row may be caught between two, and is told by its line.
        places, told = list(lines_of(texts)), {row.line for row in read_rows}
        for user in others.keys() - good:
            assert places[others[user]] in told
        assert places[hurt] in told

    @QUIET
    @given(st.text(alphabet='ab,;"\n\r\t\0 é\x1c\u2028', max_size=60), st.sampled_from([",", ";"]))
    def test_any_text_in_place_of_rows(self, text, delimiter):
        try:
            rows, _ = read(f"user{delimiter}secret\n{text}\nlast{delimiter}{KEY}\n")
        except UnreadableError:
            return
        assert rows
        settled(rows)
        # What is not read as a row of its own is within a quoted cell, or refused.
        assert '"' in text or rows[-1].user == "last"


class TestDocuments:
    @QUIET
    @pytest.mark.parametrize("form", DOCUMENTS)
    @given(data=st.data())
    def test_one_part_is_replaced(self, form, data):
        document = copy.deepcopy(DOCUMENTS[form][0])
        _, _, refused, without_key = DOCUMENTS[form]
        place, depth = document, data.draw(st.integers(1, 6))
        while True:
            keys = list(place) if isinstance(place, dict) else range(len(place))
            key = data.draw(st.sampled_from(list(keys)))
            depth -= 1
            if not depth or not isinstance(place[key], (dict, list)) or not place[key]:
                break
            place = place[key]
        place[key] = data.draw(PARTS)
        try:
            rows, source = read(json.dumps(document))
        except UnreadableError:
            return
        settled(rows)
        try:
            entries = readers.DOCUMENTS[form].entries(document)
        except (KeyError, TypeError):
            return
        if readers.kind_of(document) == form:
            assert len(rows) + source.without_key == len(entries)
            # One entry was changed, or the list of all of them.
            was = 1 + refused + without_key
            if len(entries) == was and place is not document:
                assert sum(row.problem is not None for row in rows) <= refused + was

    @QUIET
    @given(st.lists(PARTS | st.fixed_dictionaries({"user": PARTS, "secret": PARTS}), max_size=6))
    def test_lines_of_json(self, values):
        lines = [json.dumps(value) for value in values]
        rows, _ = read("\n".join(lines), "jsonl")
        assert [row.line for row in rows] == list(range(1, len(lines) + 1))
        settled(rows)


def document(form):
    return json.dumps(DOCUMENTS[form][0]).encode()


# A whole file of each format there is.
SAMPLES = {
    **{form: document(form) for form in DOCUMENTS},
    "csv": f'user,secret,note,digits\nana,{KEY},"a, b",6\nbob,{KEY},,8\n'.encode(),
    "jsonl": json.dumps({"user": "ana", "secret": KEY, "digits": 8, "last_step": 5}).encode(),
    "uri": f"# mine\n{URI}\notpauth://hotp/bob?secret={KEY}&counter=1\n".encode(),
    "migration": write_transfer([KeyUri(Secret(KEY), "ana", issuer="ACME")]).encode(),
    "oath": f"ana,{'ab' * 20},totp,6,30\nbob,{'cd' * 20},hotp\n".encode(),
    "pskc": b"<KeyContainer><KeyPackage><Key Algorithm='urn:ietf:params:xml:ns:keyprov:pskc:totp'>"
    b"<UserId>ana</UserId><Data><Secret><PlainValue>" + base64.b64encode(RAW)
    + b"</PlainValue></Secret></Data></Key></KeyPackage></KeyContainer>",
    "picture": qr_png(URI),
}  # fmt: skip
BITS = [b"", b'"', b",", b"\n", b"\0", b"\xeb", b"{", b"}", b"[", b"]", b"<", b"&", b"=", b"9" * 20,
        b"null", b"hotp", KEY.encode()]  # fmt: skip


class TestEveryFormat:
    def test_each_has_a_sample(self):
        """So a format that is added without being fuzzed is noticed."""
        assert {*SAMPLES, "auto"} == {*readers.FORMATS}
        for form, sample in SAMPLES.items():
            for told in (form, "auto"):
                rows, _ = read(sample, told)
                assert settled(rows).new, form

    @QUIET
    @pytest.mark.parametrize("form", SAMPLES)
    @given(data=st.data())
    def test_damaged(self, form, data):
        sample = SAMPLES[form]
        for _ in range(data.draw(st.integers(1, 3))):
            first = data.draw(st.integers(0, len(sample)))
            last = data.draw(st.integers(first, min(len(sample), first + 12)))
            sample = sample[:first] + data.draw(st.sampled_from(BITS)) + sample[last:]
        for told in (form, "auto"):
            rows, problem, without_key = [], "", 0
            try:
                rows, source = read(sample, told)
                without_key = source.without_key
            except UnreadableError as error:
                problem = str(error)
            assert rows or problem or without_key
            assert KEY not in problem
            settled(rows)


class TestAnything:
    @QUIET
    @given(st.binary(max_size=80), st.sampled_from(readers.FORMATS))
    def test_bytes(self, content, form):
        try:
            rows, _ = read(content, form)
        except UnreadableError:
            return
        settled(rows)

    @QUIET
    @given(st.lists(st.sampled_from(XML)))
    def test_xml(self, parts):
        try:
            rows, _ = read("<KeyContainer>" + "".join(parts) + "</KeyContainer>")
        except UnreadableError:
            return
        assert len(rows) == parts.count("<KeyPackage>")
        settled(rows)

    @QUIET
    @given(st.lists(st.text(alphabet="otpauh:/l?=&%#;23", max_size=20) | st.just(URI), max_size=6))
    def test_lines_of_key_uris(self, lines):
        rows, _ = read("\n".join(lines), "uri")
        expected = [
            number
            for number, line in enumerate(lines, 1)
            if line.strip() and not line.strip().startswith("#")
        ]
        assert [row.line for row in rows] == expected
        settled(rows)
