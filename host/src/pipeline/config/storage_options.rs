//! `storage_options` as written: what a URL does not say.

use super::super::quantity::TimeSpan;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// How to reach a store behind a URL. Credentials come from the environment, as the store's
/// own tools take them.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct StorageOptions {
    /// URL of the service, where it is not the cloud's own (S3, GCS, Azure).
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"http://127.0.0.1:9000")]
    pub endpoint: Option<String>,
    /// Region of the bucket (S3). Default: from the environment, or `us-east-1`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"eu-central-1")]
    pub region: Option<String>,
    /// Storage account (Azure). Default: from the URL or the environment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// Bucket in the path rather than in the host name (S3). Default: yes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path_style: Option<bool>,
    /// Send requests without credentials (S3, GCS, Azure).
    pub anonymous: bool,
    /// How long a request that fails for now is tried again, with growing waits, before the
    /// pipeline stops.
    pub retry_timeout: TimeSpan,
}

impl Default for StorageOptions {
    fn default() -> Self {
        Self {
            endpoint: None,
            region: None,
            account: None,
            path_style: None,
            anonymous: false,
            retry_timeout: TimeSpan(Duration::from_mins(3)),
        }
    }
}
