"""chDB (ClickHouse in the process): one INSERT into files by partition. Its writer takes blocks as
they were read, and few rows at a time cost it much; a sort, which joins them, costs less."""

from payments import RECORD, THREADS, arguments, has_small_files, leaves, render
import chdb

source, output, _ = arguments()
record = render(
    RECORD,
    struct=lambda fields: "Tuple(" + ", ".join(f"`{n}` {t}" for n, t in fields.items()) + ")",
    array=lambda element: f"Array({element})",
    map_=lambda _: "Map(String, String)",
    words={"string": "Nullable(String)", "double": "Nullable(Float64)",
           "bigint": "Nullable(Int64)", "boolean": "Nullable(Bool)"},
)  # fmt: skip
order = "ORDER BY timestamp" if has_small_files(source) else ""
columns = ", ".join(f"r.{'.'.join(path)} AS `{name}`" for path, name in leaves())
chdb.query(f"""
    INSERT INTO FUNCTION
        file('{output}/date={{_partition_id}}/part.parquet', 'Parquet')
        PARTITION BY formatDateTime(timestamp, '%Y-%m-%d')
    SELECT {columns},
        toDateTime64(parseDateTimeOrNull(r.eventTime, '%Y-%m-%dT%H:%i:%sZ', 'UTC'), 6, 'UTC')
            AS timestamp
    FROM file('{source}/*.json', 'JSONEachRow', 'payment Array({record})')
    ARRAY JOIN payment AS r
    WHERE amount > 0 AND timestamp IS NOT NULL {order}
    SETTINGS max_threads = {THREADS}, max_insert_threads = {THREADS},
        output_format_parquet_compression_method = 'snappy',
        engine_file_truncate_on_insert = 1
""")
