"""Spark Structured Streaming: micro-batches and a checkpoint, until no file is left."""

import spark
from payments import arguments

source, output, max_files = arguments()
session = spark.session()
reader = session.readStream.schema(spark.DOCUMENT).option("multiLine", True)
documents = reader.option("maxFilesPerTrigger", max_files).json(str(source))
writer = spark.table(documents).writeStream.partitionBy("date").trigger(availableNow=True)
writer = writer.option("checkpointLocation", str(output.with_name("checkpoint")))
query = writer.format("parquet").start(str(output))
query.awaitTermination()
session.stop()
