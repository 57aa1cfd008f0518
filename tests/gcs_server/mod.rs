//! Google Cloud Storage for tests: the XML calls that `object_store` makes, on one bucket in
//! memory, each atomic. Conditions, least part sizes and paging are those of the real one, pages
//! are smaller.

mod bucket;
mod date;
mod http;

use bucket::{Bucket, Object, Refusal};
use http::{Request, Response};
use std::io::{self, BufReader};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

/// Small, so that listings of tests have several pages.
const PAGE: usize = 20;

/// Serves one bucket of this name until the process ends; gives the address.
///
/// # Errors
/// Fails when there is no free port.
pub fn start(bucket: &'static str) -> io::Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    let content = Arc::new(Mutex::new(Bucket::default()));
    thread::spawn(move || {
        for connection in listener.incoming().flatten() {
            let content = Arc::clone(&content);
            // A connection that breaks concerns its client alone.
            thread::spawn(move || drop(serve(connection, bucket, &content)));
        }
    });
    Ok(address)
}

fn serve(mut connection: TcpStream, name: &str, bucket: &Mutex<Bucket>) -> io::Result<()> {
    connection.set_nodelay(true)?;
    let mut requests = BufReader::new(connection.try_clone()?);
    while let Some(request) = Request::read(&mut requests)? {
        let mut bucket = bucket.lock().unwrap_or_else(PoisonError::into_inner);
        let response = answer(&request, name, &mut bucket);
        drop(bucket);
        response.write(&mut connection, request.method == "HEAD")?;
    }
    Ok(())
}

fn answer(request: &Request, name: &str, bucket: &mut Bucket) -> Response {
    let (named, key) = request.path.split_once('/').unwrap_or((&request.path, ""));
    if named != name {
        return refused(404, "NoSuchBucket");
    }
    let upload = request.query.get("uploadId");
    match (request.method.as_str(), upload) {
        ("GET", None) if key.is_empty() => list(request, bucket),
        ("GET" | "HEAD", None) => get(request, bucket.get(key)),
        ("PUT", Some(upload)) => {
            let number = request.query.get("partNumber").and_then(|it| it.parse().ok());
            let Some(number) = number else { return refused(400, "InvalidArgument") };
            match bucket.put_part(key, upload, number, request.body.clone()) {
                Ok(etag) => Response::new(200, "").header("ETag", etag),
                Err(refusal) => refusal.into(),
            }
        }
        ("PUT", None) => put(request, key, bucket),
        ("POST", Some(upload)) => match bucket.complete(key, upload, &parts(&request.body)) {
            Ok(object) => {
                let etag = element("ETag", &escaped(&object.etag));
                let body = element("CompleteMultipartUploadResult", &etag);
                Response::new(200, body).header("x-goog-generation", object.generation.to_string())
            }
            Err(refusal) => refusal.into(),
        },
        ("POST", None) if request.query.contains_key("uploads") => {
            let id = element("UploadId", &bucket.initiate(key));
            let body = element("InitiateMultipartUploadResult", &id);
            Response::new(200, body)
        }
        ("DELETE", Some(upload)) if bucket.abort(key, upload) => Response::new(204, ""),
        ("DELETE", Some(_)) => refused(404, "NoSuchUpload"),
        ("DELETE", None) if bucket.delete(key) => Response::new(204, ""),
        ("DELETE", None) => refused(404, "NoSuchKey"),
        _ => refused(400, "InvalidArgument"),
    }
}

fn put(request: &Request, key: &str, bucket: &mut Bucket) -> Response {
    let content = match request.headers.get("x-goog-copy-source") {
        None => request.body.clone(),
        Some(source) => {
            let source = http::decoded(source);
            let object = source.split_once('/').and_then(|(_, key)| bucket.get(key));
            let Some(object) = object else { return refused(404, "NoSuchKey") };
            object.content.to_vec()
        }
    };
    let generation = request.headers.get("x-goog-if-generation-match");
    match bucket.put(key, content, generation.and_then(|it| it.parse().ok())) {
        Ok(object) => with_facts(Response::new(200, ""), object),
        Err(refusal) => refusal.into(),
    }
}

fn get(request: &Request, object: Option<&Object>) -> Response {
    let Some(object) = object else { return refused(404, "NoSuchKey") };
    if request.headers.get("if-match").is_some_and(|etag| *etag != object.etag) {
        return refused(412, "PreconditionFailed");
    }
    let whole = object.content.len();
    let Some(range) = request.headers.get("range") else {
        return with_facts(Response::new(200, &object.content[..]), object);
    };
    let (first, last) =
        range.strip_prefix("bytes=").and_then(|it| it.split_once('-')).unwrap_or(("", ""));
    let (first, last): (Option<usize>, Option<usize>) = (first.parse().ok(), last.parse().ok());
    let (start, end) = match (first, last) {
        (Some(first), last) => (first, last.map_or(whole, |last| whole.min(last + 1))),
        (None, last) => (whole.saturating_sub(last.unwrap_or(0)), whole),
    };
    if start >= end {
        return refused(416, "InvalidRange");
    }
    with_facts(Response::new(206, &object.content[start..end]), object)
        .header("Content-Range", format!("bytes {start}-{}/{whole}", end - 1))
}

fn list(request: &Request, bucket: &Bucket) -> Response {
    let asked = |name: &str| request.query.get(name).map_or("", String::as_str);
    let after = match asked("continuation-token") {
        "" => asked("start-after"),
        token => token,
    };
    let limit = asked("max-keys").parse().map_or(PAGE, |limit: usize| limit.min(PAGE));
    let page = bucket.list(asked("prefix"), asked("delimiter"), after, limit);
    let object = |(key, object): &(String, Object)| {
        let (size, modified) = (object.content.len(), date::iso(object.modified));
        let facts = element("Size", &size.to_string()) + &element("LastModified", &modified);
        let names = element("Key", &escaped(key)) + &element("ETag", &escaped(&object.etag));
        element("Contents", &(names + &facts))
    };
    let prefix = |prefix: &String| element("CommonPrefixes", &element("Prefix", &escaped(prefix)));
    let next = |next: &String| element("NextContinuationToken", &escaped(next));
    let found = page.objects.iter().map(object).chain(page.prefixes.iter().map(prefix));
    let parts: Vec<_> = found.chain(page.next.iter().map(next)).collect();
    Response::new(200, element("ListBucketResult", &parts.concat()))
}

fn element(name: &str, content: &str) -> String {
    format!("<{name}>{content}</{name}>")
}

fn with_facts(response: Response, object: &Object) -> Response {
    response
        .header("ETag", &object.etag)
        .header("x-goog-generation", object.generation.to_string())
        .header("Last-Modified", date::http(object.modified))
}

/// The numbers and entity tags in a request to complete an upload.
fn parts(body: &[u8]) -> Vec<(u32, String)> {
    let body = String::from_utf8_lossy(body);
    let within = |text: &str, tag: &str| -> Option<String> {
        let (_, rest) = text.split_once(&format!("<{tag}>"))?;
        let (value, _) = rest.split_once(&format!("</{tag}>"))?;
        Some(value.replace("&quot;", "\""))
    };
    let parts = body.split("<Part>").skip(1);
    parts
        .filter_map(|part| Some((within(part, "PartNumber")?.parse().ok()?, within(part, "ETag")?)))
        .collect()
}

impl From<Refusal> for Response {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Precondition => refused(412, "PreconditionFailed"),
            Refusal::NoSuchUpload => refused(404, "NoSuchUpload"),
            Refusal::InvalidPart => refused(400, "InvalidPart"),
            Refusal::PartTooSmall => refused(400, "EntityTooSmall"),
        }
    }
}

fn refused(status: u16, code: &str) -> Response {
    Response::new(status, format!("<Error><Code>{code}</Code><Message>{code}</Message></Error>"))
}

fn escaped(text: &str) -> String {
    let text = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    text.replace('"', "&quot;").replace('\'', "&apos;")
}
