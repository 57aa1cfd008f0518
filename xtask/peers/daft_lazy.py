"""Daft, native runner. Its JSON reader has no maps: they are read as structs of their keys.
Rows are collected to batches, for few at a time cost its writer much."""

from payments import RECORD, THREADS, arguments, leaves, render
import daft
from daft import DataType, col
from daft.functions import strftime, to_datetime

source, output, _ = arguments()
record = render(
    RECORD,
    struct=DataType.struct,
    array=DataType.list,
    map_=lambda keys: DataType.struct(dict.fromkeys(keys, DataType.string())),
    words={"string": DataType.string(), "double": DataType.float64(),
           "bigint": DataType.int64(), "boolean": DataType.bool()},
)  # fmt: skip


def column(path, name):
    value = col("payment")
    for part in path:
        value = value.get(part)
    return value.alias(name)


daft.set_runner_native(num_threads=THREADS)
daft.set_execution_config(maintain_order=False)
time = to_datetime(col("eventTime"), "%Y-%m-%dT%H:%M:%SZ").cast(DataType.timestamp("us"))
documents = daft.read_json(
    f"{source}/*.json", infer_schema=False, schema={"payment": DataType.list(record)}
)
rows = (
    documents.explode("payment")
    .into_batches(8192)
    .select(*(column(path, name) for path, name in leaves()))
    .with_column("timestamp", time)
    .where((col("amount") > 0) & col("timestamp").not_null())
    .with_column("date", strftime(col("timestamp"), "%Y-%m-%d"))
)
rows.write_parquet(str(output), compression="snappy", partition_cols=["date"])
