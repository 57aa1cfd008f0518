//! What a URL does not say about a store.
//!
//! Owns the options; knows nothing of who reads them from where. Credentials are no options:
//! they come from the environment, as each store's own tools take them.

use std::time::Duration;

/// How to reach a store behind a URL. The local file system needs none of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StorageOptions {
    /// URL of the service, where it is not the cloud's own.
    pub endpoint: Option<String>,
    /// Region of the bucket.
    pub region: Option<String>,
    /// Storage account (Azure).
    pub account: Option<String>,
    /// Buckets in the path (`true`, and the default) or in the host name (S3).
    pub path_style: Option<bool>,
    /// No credentials: requests are not signed.
    pub anonymous: bool,
    /// How long a request that fails for now is tried again.
    pub retry_timeout: Duration,
}

impl Default for StorageOptions {
    fn default() -> Self {
        Self {
            endpoint: None,
            region: None,
            account: None,
            path_style: None,
            anonymous: false,
            retry_timeout: Duration::from_mins(3),
        }
    }
}
