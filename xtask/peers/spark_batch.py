"""Spark, one batch."""

import spark
from payments import arguments

source, output, _ = arguments()
session = spark.session()
documents = session.read.schema(spark.DOCUMENT).option("multiLine", True).json(str(source))
spark.table(documents).write.partitionBy("date").parquet(str(output))
session.stop()
