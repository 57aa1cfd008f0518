"""The payments job, as every peer gets it.

A peer is one program: `NAME.py INPUT OUTPUT MAX_FILES`. It reads every INPUT/*.json, each one
document `{"payment": [{record}, ...]}` over many lines, explodes `payment`, parses `eventTime`
(`2026-03-29T06:07:47Z`) to `timestamp` in microseconds, takes nested structs apart to columns
(a_b_c), keeps `amount > 0 AND timestamp IS NOT NULL` and writes snappy Parquet below
OUTPUT/date=YYYY-MM-DD/. A peer with micro-batches takes MAX_FILES files in one. All get this
schema, so none infers one, and a thread per core, as lockgate has.
"""

import os
import pathlib
import sys

THREADS = len(os.sched_getaffinity(0))


class _NoPandas:
    """Only chDB's package asks for pandas; where it is there, others take a second to import what
    they do not need. So nobody finds it."""

    @staticmethod
    def find_spec(name, _path=None, _target=None):
        if name == "pandas":
            raise ModuleNotFoundError("not for the benchmark", name=name)


sys.meta_path.insert(0, _NoPandas)

_ISSUER = dict.fromkeys(["type", "principalId", "userName"], "string")
_ATTRIBUTES = dict.fromkeys(["mfaAuthenticated", "creationDate"], "string")
_SESSION = {"attributes": _ATTRIBUTES, "sessionIssuer": _ISSUER}
_IDENTITY = dict.fromkeys(["type", "principalId", "arn", "accountId"], "string")
_STRINGS = [
    "record_id", "eventTime", "eventName", "eventSource", "region", "sourceIPAddress",
    "userAgent", "requestID", "physician_id", "physician_first_name", "physician_last_name",
    "physician_specialty", "recipient_city", "recipient_state", "recipient_zip",
    "manufacturer_name", "nature_of_payment", "form_of_payment",
]  # fmt: skip

# A record: a dict is a struct, a list of one is an array, a tuple is a map with the keys the
# data has, for engines that have no maps.
RECORD = {
    **dict.fromkeys(_STRINGS, "string"),
    "amount": "double",
    "payments": "bigint",
    "disputed": "boolean",
    "product": "string",
    "tags": ("team", "cost-center"),
    "requestParameters": ("batch", "sequence"),
    "resources": [{"type": "string", "id": "string"}],
    "userIdentity": {**_IDENTITY, "sessionContext": _SESSION},
}


def leaves(fields=RECORD, path=()):
    """The columns of the table but `timestamp`: (path in the record, name)."""
    for name, kind in fields.items():
        if isinstance(kind, dict):
            yield from leaves(kind, (*path, name))
        else:
            yield (*path, name), "_".join((*path, name))


def render(kind, struct, array, map_, words):
    """A type in an engine's notation: `struct(fields)`, `array(element)`, `map_(keys)`, words."""
    if isinstance(kind, dict):
        fields = {name: render(field, struct, array, map_, words) for name, field in kind.items()}
        return struct(fields)
    if isinstance(kind, list):
        return array(render(kind[0], struct, array, map_, words))
    return map_(kind) if isinstance(kind, tuple) else words[kind]


def arguments():
    """(directory of documents, directory of the table to make, files in a micro-batch)."""
    source, output, max_files = sys.argv[1:]
    return pathlib.Path(source), pathlib.Path(output), int(max_files)


def has_small_files(source):
    """Whether documents are so small that what a file costs decides."""
    sizes = [file.stat().st_size for file in source.iterdir()]
    return sum(sizes) / len(sizes) < 1_000_000
