//! Where the table goes: rows split by partition, written to pending Parquet files, published.
//!
//! | step | file | in -> out |
//! |---|---|---|
//! | check | [`bind`] | schema -> warnings, or why not |
//! | split | [`partition`] | partition columns of a batch -> rows per [`PartitionKey`](crate::types::PartitionKey) |
//! | name | [`hive`] | `PartitionKey` -> directory text |
//! | write | [`parquet`] | rows of a partition -> pending files |
//! | set aside | [`quarantine`] | rejected records -> a pending JSONL file |
//! | tell | [`footer`] | a file of the table -> what it says of its origin |
//! | read back | [`rejected`] | quarantine files -> the records in them |
//! | publish | [`publish`] | committed files -> visible |

pub mod bind;
pub mod footer;
pub mod hive;
pub mod parquet;
pub mod partition;
mod partition_value;
pub mod publish;
pub mod quarantine;
pub mod rejected;
