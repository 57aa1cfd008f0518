//! Where the table goes: rows split by partition, written to pending Parquet files, published.
//!
//! | step | file | in -> out |
//! |---|---|---|
//! | split | [`partition`] | partition columns of a batch -> rows per [`PartitionKey`](crate::types::PartitionKey) |
//! | name | [`hive`] | `PartitionKey` -> directory text |

mod bind;
pub mod hive;
pub mod partition;
mod partition_value;
