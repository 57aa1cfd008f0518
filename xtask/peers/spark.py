"""The job in Spark, and a session for it."""

from payments import RECORD, THREADS, leaves, render
from pyspark.sql import SparkSession
from pyspark.sql import functions as f

_RECORD = render(
    RECORD,
    struct=lambda fields: "struct<" + ", ".join(f"`{n}`: {t}" for n, t in fields.items()) + ">",
    array=lambda element: f"array<{element}>",
    map_=lambda _: "map<string, string>",
    words={name: name for name in ["string", "double", "bigint", "boolean"]},
)
DOCUMENT = f"payment array<{_RECORD}>"


def session():
    """A thread per core and no web server. Files count as what they are, not 4 MB each, so that few tasks
    write few files; files are listed without a job of their own; and a run of seconds never earns
    back what the optimising compiler takes."""
    builder = SparkSession.builder.master(f"local[{THREADS}]")
    for key, value in {
        "spark.driver.memory": "4g",
        "spark.ui.enabled": "false",
        "spark.sql.session.timeZone": "UTC",
        "spark.sql.shuffle.partitions": str(THREADS),
        "spark.sql.files.openCostInBytes": "65536",
        "spark.sql.sources.parallelPartitionDiscovery.threshold": "10000",
        "spark.driver.extraJavaOptions": "-XX:+UseParallelGC -XX:TieredStopAtLevel=1",
        "spark.sql.parquet.compression.codec": "snappy",
        "spark.sql.parquet.outputTimestampType": "TIMESTAMP_MICROS",
    }.items():
        builder = builder.config(key, value)
    spark = builder.getOrCreate()
    spark.sparkContext.setLogLevel("ERROR")
    return spark


def table(documents):
    """Documents to rows of the table."""
    records = documents.select(f.explode("payment").alias("r"))
    columns = [f.col("r." + ".".join(path)).alias(name) for path, name in leaves()]
    time = f.try_to_timestamp("r.eventTime", f.lit("yyyy-MM-dd'T'HH:mm:ssX"))
    rows = records.select(*columns, time.alias("timestamp"))
    rows = rows.where("amount > 0 AND timestamp IS NOT NULL")
    return rows.withColumn("date", f.to_date("timestamp"))
