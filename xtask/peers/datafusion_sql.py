"""DataFusion: one COPY. Documents span lines, so files are not cut at line ends. A file of the
table is encoded by one thread: with as many partitions, more threads a file only cost."""

from payments import RECORD, THREADS, arguments, leaves, render
import pyarrow as pa
from datafusion import SessionConfig, SessionContext

source, output, _ = arguments()
record = render(
    RECORD,
    struct=lambda fields: pa.struct(list(fields.items())),
    array=pa.list_,
    map_=lambda _: pa.map_(pa.string(), pa.string()),
    words={"string": pa.string(), "double": pa.float64(), "bigint": pa.int64(), "boolean": pa.bool_()},
)
columns = ", ".join(
    "r" + "".join(f"['{part}']" for part in path) + f' AS "{name}"' for path, name in leaves()
)
config = SessionConfig().with_target_partitions(THREADS)
config = config.set("datafusion.optimizer.repartition_file_scans", "false")
config = config.set("datafusion.execution.parquet.compression", "snappy")
config = config.set("datafusion.execution.parquet.allow_single_file_parallelism", "false")
context = SessionContext(config)
context.register_json("documents", str(source), schema=pa.schema([("payment", pa.list_(record))]))
context.sql(f"""
    COPY (
        SELECT *, to_char("timestamp", '%Y-%m-%d') AS date
        FROM (
            SELECT {columns}, arrow_cast(to_timestamp(r['eventTime']), 'Timestamp(µs)') AS "timestamp"
            FROM (SELECT unnest(payment) AS r FROM documents)
        )
        WHERE amount > 0 AND "timestamp" IS NOT NULL
    ) TO '{output}/' STORED AS PARQUET PARTITIONED BY (date)
""").collect()
