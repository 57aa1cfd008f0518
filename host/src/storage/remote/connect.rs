//! From a URL and options to a service.
//!
//! Owns how each service is addressed and where its credentials come from (the environment);
//! knows nothing of what is asked of it.
//!
//! | URL | service | root |
//! |---|---|---|
//! | `s3://bucket/in`, `s3a://bucket/in` | S3, or what speaks like it | `in` in the bucket |
//! | `gs://bucket/in` | Google Cloud Storage | `in` in the bucket |
//! | `az://container/in` | Azure Blob Storage, of the account in the options or the environment | `in` in the container |
//! | `abfss://container@account.dfs.core.windows.net/in` | the same, with the account | `in` in the container |
//! | `http://host/in`, `https://host/in` | a WebDAV server | that collection |
//! | `hdfs://name:9000/in` | HDFS, with the feature `hdfs` | that directory |

#[cfg(feature = "hdfs")]
use super::call::runtime;
use super::{
    super::{Notices, Storage, StorageOptions},
    Appear, Remote,
};
use crate::diagnostic::{Diagnostic, Result};
#[cfg(feature = "hdfs")]
use hdfs_native_object_store::HdfsObjectStoreBuilder;
use object_store::{
    ClientConfigKey, ClientOptions, Error, ObjectStore, RetryConfig, StaticCredentialProvider,
    aws::{AmazonS3Builder, AmazonS3ConfigKey},
    azure::{AzureConfigKey, MicrosoftAzureBuilder},
    gcp::{GcpCredential, GoogleCloudStorageBuilder, GoogleConfigKey},
    http::HttpBuilder,
    multipart::MultipartStore,
    path::Path,
};
use std::sync::Arc;

/// Schemes that lead to a service.
pub(in crate::storage) const SCHEMES: [&str; 10] =
    ["s3", "s3a", "gs", "az", "azure", "abfs", "abfss", "http", "https", "hdfs"];

/// A download may take long; silence is noticed by [`super::reader`] and [`super::call`].
const NO_TIMEOUT: &str = "365 days";

/// Parts of one file on their way at once.
const PARTS_AT_ONCE: usize = 2;

/// A URL, taken apart.
struct Address<'a> {
    url: &'a str,
    scheme: String,
    /// Bucket, container or host.
    authority: &'a str,
    path: &'a str,
}

/// Opens the store at a URL; nothing is asked of the service yet.
///
/// # Errors
/// Fails when the URL or an option does not suit the service.
pub(in crate::storage) fn open(
    url: &str,
    options: &StorageOptions,
    notices: &Notices,
) -> Result<Storage> {
    let (scheme, rest) = url.split_once("://").unwrap_or(("", url));
    let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
    let path = path.trim_end_matches('/');
    let address = Address { url, scheme: scheme.to_ascii_lowercase(), authority, path };
    if authority.is_empty() {
        return Err(Diagnostic::config(format!("`{url}` names no bucket or host"))
            .hint("a URL is `s3://bucket/directory`, for example"));
    }
    check(&address, options)?;
    let prefix = match address.scheme.as_str() {
        "http" | "https" => Path::from_url_path(path),
        _ => Path::parse(path),
    };
    let prefix = prefix.map_err(|error| {
        Diagnostic::config(format!("`{url}` has a path that cannot be used")).cause(error)
    })?;
    let (store, appear) = connect(&address, options).map_err(|error| {
        Diagnostic::config(format!("cannot use `{}`", name(&address))).cause(error)
    })?;
    Ok(Arc::new(Remote::new(store, appear, prefix, name(&address), options, notices)?))
}

/// Options that mean nothing to a service are mistakes.
fn check(address: &Address<'_>, options: &StorageOptions) -> Result<()> {
    let scheme = address.scheme.as_str();
    let (s3, azure) =
        (matches!(scheme, "s3" | "s3a"), matches!(scheme, "az" | "azure" | "abfs" | "abfss"));
    let endpoint = s3 || azure || scheme == "gs";
    if address.authority.contains('@') && (s3 || scheme == "gs") {
        return Err(Diagnostic::config(format!("a `{scheme}://` URL names a bucket, nothing before it"))
            .hint("credentials come from the environment: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or GOOGLE_APPLICATION_CREDENTIALS"));
    }
    if let Some(endpoint) = options.endpoint.as_deref().filter(|url| !is_http(url)) {
        return Err(Diagnostic::config(format!("the endpoint `{endpoint}` is no URL"))
            .hint("write it with its scheme: `http://127.0.0.1:9000`, `https://s3.example.com`"));
    }
    for (option, set, means) in [
        ("endpoint", options.endpoint.is_some(), endpoint),
        ("region", options.region.is_some(), s3),
        ("path_style", options.path_style.is_some(), s3),
        ("account", options.account.is_some(), azure),
        ("anonymous", options.anonymous, endpoint),
    ] {
        if set && !means {
            return Err(Diagnostic::config(format!(
                "`{option}` in `storage_options` means nothing for `{scheme}://`"
            ))
            .hint("remove it"));
        }
    }
    Ok(())
}

/// How a person names the store: without a password.
fn name(address: &Address<'_>) -> String {
    let Address { scheme, authority, path, .. } = address;
    let http = scheme.starts_with("http");
    let host = authority.rsplit_once('@').filter(|_| http).map_or(*authority, |(_, host)| host);
    format!("{scheme}://{host}/{path}").trim_end_matches('/').to_owned()
}

type Connected = (Arc<dyn ObjectStore>, Appear);

fn connect(address: &Address<'_>, options: &StorageOptions) -> Result<Connected, Error> {
    match address.scheme.as_str() {
        "s3" | "s3a" => s3(address, options),
        "gs" => gcs(address, options),
        "http" | "https" => http(address),
        "hdfs" => hdfs(address),
        _ => azure(address, options),
    }
}

fn s3(address: &Address<'_>, options: &StorageOptions) -> Result<Connected, Error> {
    let mut builder = AmazonS3Builder::from_env()
        .with_bucket_name(address.authority)
        .with_config(AmazonS3ConfigKey::Client(ClientConfigKey::Timeout), NO_TIMEOUT)
        .with_retry(no_retry());
    if let Some(endpoint) = &options.endpoint {
        builder = builder.with_endpoint(endpoint);
    }
    if let Some(endpoint) = builder.get_config_value(&AmazonS3ConfigKey::Endpoint) {
        if !is_http(&endpoint) {
            let source = format!(
                "the endpoint in the environment, `{endpoint}`, lacks `http://` or `https://`"
            );
            return Err(Error::Generic { store: "S3", source: source.into() });
        }
        builder = builder.with_allow_http(is_plain(&endpoint));
    }
    if let Some(region) = &options.region {
        builder = builder.with_region(region);
    }
    if let Some(path_style) = options.path_style {
        builder = builder.with_virtual_hosted_style_request(!path_style);
    }
    if options.anonymous {
        builder = builder.with_skip_signature(true);
    }
    Ok(multipart(builder.build()?))
}

fn gcs(address: &Address<'_>, options: &StorageOptions) -> Result<Connected, Error> {
    let mut builder = GoogleCloudStorageBuilder::from_env()
        .with_bucket_name(address.authority)
        .with_config(GoogleConfigKey::Client(ClientConfigKey::Timeout), NO_TIMEOUT)
        .with_retry(no_retry());
    if let Some(endpoint) = &options.endpoint {
        builder = builder.with_base_url(endpoint);
        let allowed = is_plain(endpoint).to_string();
        builder = builder.with_config(GoogleConfigKey::Client(ClientConfigKey::AllowHttp), allowed);
    }
    if options.anonymous {
        // Writes take a token even where nothing is signed: an empty one asks nobody for it.
        let nobody = StaticCredentialProvider::new(GcpCredential { bearer: String::new() });
        builder = builder.with_skip_signature(true).with_credentials(Arc::new(nobody));
    }
    Ok(multipart(builder.build()?))
}

fn azure(address: &Address<'_>, options: &StorageOptions) -> Result<Connected, Error> {
    let mut builder = MicrosoftAzureBuilder::from_env()
        .with_config(AzureConfigKey::Client(ClientConfigKey::Timeout), NO_TIMEOUT)
        .with_retry(no_retry());
    builder = match address.authority.split_once('@') {
        Some(_) => builder.with_url(address.url),
        None => builder.with_container_name(address.authority),
    };
    if let Some(account) = &options.account {
        builder = builder.with_account(account);
    }
    if let Some(endpoint) = &options.endpoint {
        builder = builder.with_endpoint(endpoint.clone()).with_allow_http(is_plain(endpoint));
    }
    if options.anonymous {
        builder = builder.with_skip_signature(true);
    }
    Ok(multipart(builder.build()?))
}

fn http(address: &Address<'_>) -> Result<Connected, Error> {
    let client = ClientOptions::new().with_allow_http(true).with_timeout_disabled();
    // Collections that are missing are made below what the client takes for the root only.
    let server = format!("{}://{}/", address.scheme, address.authority);
    let builder = HttpBuilder::new().with_url(server).with_client_options(client);
    Ok((Arc::new(builder.with_retry(no_retry()).build()?), Appear::Rename))
}

#[cfg(feature = "hdfs")]
fn hdfs(address: &Address<'_>) -> Result<Connected, Error> {
    let name_node = format!("hdfs://{}", address.authority);
    let runtime = runtime().map_err(|failure| Error::NotSupported { source: failure.into() })?;
    let builder = HdfsObjectStoreBuilder::new().with_url(name_node);
    let store = builder.with_io_runtime(runtime.handle().clone()).build()?;
    Ok((Arc::new(store), Appear::Rename))
}

#[cfg(not(feature = "hdfs"))]
fn hdfs(_address: &Address<'_>) -> Result<Connected, Error> {
    let source = "this build of lockgate speaks no HDFS: build it with `--features hdfs`".into();
    Err(Error::NotSupported { source })
}

fn multipart<S: ObjectStore + MultipartStore>(store: S) -> Connected {
    let store = Arc::new(store);
    let uploads = Arc::clone(&store) as Arc<dyn MultipartStore>;
    (store, Appear::Multipart { uploads, parts_at_once: PARTS_AT_ONCE })
}

/// Requests are repeated by [`super::call`], which says so.
fn no_retry() -> RetryConfig {
    RetryConfig { max_retries: 0, ..RetryConfig::default() }
}

/// Whether an endpoint is a URL with a scheme and a host.
fn is_http(endpoint: &str) -> bool {
    let rest = endpoint.split_once("://");
    rest.is_some_and(|(scheme, rest)| {
        (scheme.eq_ignore_ascii_case("http") || scheme.eq_ignore_ascii_case("https"))
            && !rest.trim_matches('/').is_empty()
    })
}

/// Whether an endpoint is spoken to without TLS.
fn is_plain(endpoint: &str) -> bool {
    endpoint.to_ascii_lowercase().starts_with("http://")
}
