"""Polars, streaming engine. It reads a document over many lines only eagerly, so two threads
read files into a source that the engine pulls from."""

import os

from payments import RECORD, THREADS, arguments, leaves, render

os.environ["POLARS_MAX_THREADS"] = str(THREADS)

import concurrent.futures as futures

import polars as pl
from polars.io.plugins import register_io_source

source, output, _ = arguments()
record = render(
    RECORD,
    struct=pl.Struct,
    array=pl.List,
    map_=lambda _: pl.Map(pl.String, pl.String),
    words={"string": pl.String, "double": pl.Float64, "bigint": pl.Int64, "boolean": pl.Boolean},
)
schema = pl.Schema({"payment": pl.List(record)})


def batches():
    """Files of about 2 MB together: a frame of few rows costs the engine as much as one of many."""
    batch, size = [], 0
    for file in sorted(source.iterdir()):
        batch.append(file)
        size += file.stat().st_size
        if size >= 2_000_000:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def read(files):
    """A frame of the documents; many small ones are decoded faster as a column of text."""
    if len(files) <= 2:
        return pl.concat([pl.read_json(file, schema=schema) for file in files])
    texts = pl.Series("text", [file.read_text() for file in files])
    return texts.str.json_decode(pl.Struct(schema)).struct.unnest()


def documents(with_columns, predicate, n_rows, batch_size):
    """One frame a batch, read ahead by the threads."""
    with futures.ThreadPoolExecutor(THREADS) as pool:
        yield from pool.map(read, batches())


def column(path, name):
    value = pl.col("payment")
    for part in path:
        value = value.struct.field(part)
    return value.alias(name)


time = pl.col("eventTime").str.to_datetime("%Y-%m-%dT%H:%M:%SZ", time_unit="us", strict=False)
(
    register_io_source(documents, schema=schema)
    .explode("payment")
    .select(column(path, name) for path, name in leaves())
    .with_columns(time.alias("timestamp"))
    .filter((pl.col("amount") > 0) & pl.col("timestamp").is_not_null())
    .with_columns(pl.col("timestamp").dt.date().alias("date"))
    .sink_parquet(
        pl.PartitionBy(output, key="date", include_key=False),
        compression="snappy", mkdir=True, maintain_order=False, engine="streaming",
    )
)
