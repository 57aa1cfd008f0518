"""Spark Structured Streaming: micro-batches and a checkpoint, until no file is left. Where these are
small, a shuffle costs less than the files it saves: each date is written by one task."""

import spark
from payments import arguments, has_small_files

source, output, max_files = arguments()
session = spark.session()
reader = session.readStream.schema(spark.DOCUMENT).option("multiLine", True)
documents = reader.option("maxFilesPerTrigger", max_files).json(str(source))
rows = spark.table(documents)
if has_small_files(source):
    rows = rows.repartition("date")
writer = rows.writeStream.partitionBy("date").trigger(availableNow=True)
writer = writer.option("checkpointLocation", str(output.with_name("checkpoint")))
query = writer.format("parquet").start(str(output))
query.awaitTermination()
session.stop()
