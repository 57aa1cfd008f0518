//! The payments job as a pipeline file, beside a directory `input` of generated documents.

/// The text of the file, of micro-batches of at most so many files.
pub(crate) fn text(max_files_per_trigger: u64) -> String {
    TEXT.replace("MAX_FILES", &max_files_per_trigger.to_string())
}

const TEXT: &str = r#"[pipeline]
name = "bench-payments"

[source]
path = "../input/*.json"
max_files_per_trigger = MAX_FILES
rescued_column = false

[[source.schema.payment]]
record_id = "string"
eventTime = "string"
eventName = "string"
eventSource = "string"
region = "string"
sourceIPAddress = "string"
userAgent = "string"
requestID = "string"
physician_id = "string"
physician_first_name = "string"
physician_last_name = "string"
physician_specialty = "string"
recipient_city = "string"
recipient_state = "string"
recipient_zip = "string"
manufacturer_name = "string"
nature_of_payment = "string"
form_of_payment = "string"
amount = "double"
payments = "bigint"
disputed = "boolean"
product = "string"
tags = "map<string, string>"
requestParameters = "map<string, string>"
resources = "array<struct<type: string, id: string>>"

[source.schema.payment.userIdentity]
type = "string"
principalId = "string"
arn = "string"
accountId = "string"

[source.schema.payment.userIdentity.sessionContext]
attributes = "struct<mfaAuthenticated: string, creationDate: string>"
sessionIssuer = "struct<type: string, principalId: string, userName: string>"

[checkpoint]
path = "state"

[[stage]]
plugin = "explode"
config = { column = "payment", into = "record" }

[[stage]]
plugin = "timestamp-parse"
config = { column = "record.eventTime", format = "yyyy-MM-dd'T'HH:mm:ssX", into = "timestamp", on_error = "quarantine" }

[[stage]]
plugin = "flatten"
config = { column = "record" }

[[stage]]
plugin = "filter"
config = { where = "amount > 0 AND timestamp IS NOT NULL" }

[sink]
path = "table"
partition_by = ["date"]
compression = "snappy"

[sink.derive]
date = "date(timestamp)"
"#;
