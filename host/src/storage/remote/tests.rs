//! Services in trouble, played by a small HTTP server that answers by a script.

use super::super::{Created, Notices, Storage, StorageOptions, open_with};
use crate::{diagnostic::Diagnostic, types::InputFile};
use std::{
    fmt::Write as _,
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread,
    time::{Duration, Instant},
};

/// A request: its first line, its head, its body.
#[derive(Clone, Debug)]
struct Request {
    line: String,
    head: String,
    body: Vec<u8>,
}

/// What the server sends, as bytes; then it closes the connection.
type Answer = Vec<u8>;

fn answer(status: &str, headers: &str, body: &str) -> Answer {
    let length = body.len();
    format!(
        "HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n{headers}\r\n{body}"
    )
    .into_bytes()
}

/// Headers of an object that is there.
const OBJECT: &str = "ETag: \"one\"\r\nLast-Modified: Sun, 22 Nov 2026 15:04:05 GMT\r\n";

/// A service whose n-th request is answered by the n-th answer, the last one for ever.
struct Service {
    store: Storage,
    requests: Arc<Mutex<Vec<Request>>>,
    notices: Arc<Mutex<Vec<Diagnostic>>>,
}

impl Service {
    fn new(retry_timeout: Duration, answers: Vec<Answer>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let requests: Arc<Mutex<Vec<Request>>> = Arc::default();
        let seen = Arc::clone(&requests);
        thread::spawn(move || {
            for connection in listener.incoming() {
                let Ok(connection) = connection else { return };
                serve(&connection, &seen, &answers);
            }
        });
        let notices: Arc<Mutex<Vec<Diagnostic>>> = Arc::default();
        let told = Arc::clone(&notices);
        let tell: Notices = Arc::new(move |notice| told.lock().unwrap().push(notice.clone()));
        let endpoint = Some(endpoint);
        let options =
            StorageOptions { endpoint, anonymous: true, retry_timeout, ..Default::default() };
        let store = open_with("s3://bucket/in", &options, &tell).unwrap();
        Self { store, requests, notices }
    }

    fn patient(answers: Vec<Answer>) -> Self {
        Self::new(Duration::from_mins(1), answers)
    }

    fn lines(&self) -> Vec<String> {
        self.requests.lock().unwrap().iter().map(|request| request.line.clone()).collect()
    }

    fn notices(&self) -> Vec<String> {
        self.notices.lock().unwrap().iter().map(ToString::to_string).collect()
    }
}

fn serve(connection: &TcpStream, requests: &Mutex<Vec<Request>>, answers: &[Answer]) {
    let mut reader = BufReader::new(connection);
    let (mut line, mut head) = (String::new(), String::new());
    reader.read_line(&mut line).unwrap();
    while !head.ends_with("\r\n\r\n") && head != "\r\n" {
        if reader.read_line(&mut head).unwrap() == 0 {
            return;
        }
    }
    let head = head.to_ascii_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    let mut body = vec![0; length.map_or(0, |length| length.parse().unwrap())];
    reader.read_exact(&mut body).unwrap();
    let request = Request { line: line.trim().to_owned(), head, body };
    let number = {
        let mut requests = requests.lock().unwrap();
        requests.push(request);
        requests.len() - 1
    };
    let mut writer = connection;
    let _ = writer.write_all(&answers[number.min(answers.len() - 1)]);
}

#[test]
fn a_service_in_trouble_is_asked_again_and_each_wait_is_told() {
    let trouble = || answer("503 Slow Down", "", "later");
    let service = Service::patient(vec![trouble(), trouble(), answer("200 OK", OBJECT, "rows")]);
    assert_eq!(service.store.read("a.json").unwrap().unwrap(), b"rows");
    assert_eq!(service.lines(), ["GET /bucket/in/a.json HTTP/1.1"; 3]);
    let notices = service.notices();
    assert_eq!(notices.len(), 2);
    assert!(notices[0].contains("cannot read `s3://bucket/in/a.json`"), "{notices:?}");
    let hints = &service.notices.lock().unwrap()[0].hints;
    assert!(hints[0].contains("trying again in"), "{hints:?}");
}

#[test]
fn a_service_that_stays_in_trouble_is_given_up_after_the_retry_timeout() {
    let trouble = answer("500 Internal Server Error", "", "no");
    let service = Service::new(Duration::from_millis(500), vec![trouble]);
    let failure = service.store.head("a.json").unwrap_err();
    assert!(failure.causes.iter().any(|cause| cause.contains("tried 3 times")), "{failure:?}");
    assert!(failure.hints[0].contains("nothing committed is lost"), "{failure:?}");
    assert_eq!(service.lines().len(), 3);
}

#[test]
fn a_refusal_for_good_is_told_at_once() {
    let service = Service::patient(vec![answer("403 Forbidden", "", "AccessDenied")]);
    let failure = service.store.list("").unwrap_err();
    assert!(failure.message.contains("cannot list `s3://bucket/in`"), "{failure:?}");
    assert!(failure.hints[0].contains("the right to list"), "{failure:?}");
    assert_eq!(service.lines().len(), 1);
    assert_eq!(service.notices(), [""; 0]);
}

#[test]
fn a_broken_download_is_taken_up_where_it_broke() {
    let whole = "0123456789";
    let mut broken = answer("200 OK", OBJECT, whole);
    broken.truncate(broken.len() - 6);
    let range = format!("{OBJECT}Content-Range: bytes 4-9/10\r\n");
    let rest = answer("206 Partial Content", &range, &whole[4..]);
    let service = Service::patient(vec![broken, rest]);
    let mut text = String::new();
    service.store.open("a.json").unwrap().read_to_string(&mut text).unwrap();
    assert_eq!(text, whole);
    let again = service.requests.lock().unwrap()[1].clone();
    assert!(again.head.contains("range: bytes=4-"), "{again:?}");
    assert!(again.head.contains("if-match: \"one\""), "{again:?}");
}

#[test]
fn an_object_that_changes_during_a_download_is_no_mixture() {
    let mut broken = answer("200 OK", OBJECT, "0123456789");
    broken.truncate(broken.len() - 6);
    let changed = answer("412 Precondition Failed", "", "");
    let service = Service::patient(vec![broken, changed]);
    let mut text = String::new();
    let failure = service.store.open("a.json").unwrap().read_to_string(&mut text).unwrap_err();
    assert!(failure.to_string().contains("changed while it was read"), "{failure}");
}

#[test]
fn small_files_are_there_before_they_are_asked_for() {
    let service =
        Service::patient(vec![answer("503 Slow Down", "", ""), answer("200 OK", OBJECT, "rows")]);
    let file = |name: &str, size_bytes| InputFile {
        path: name.to_owned(),
        size_bytes,
        modified_us: 0,
        etag: Some("one".to_owned()),
    };
    service.store.will_open(&[file("small", 4), file("large", 1 << 40)]);
    let start = Instant::now();
    while service.lines().is_empty() && start.elapsed() < Duration::from_mins(1) {
        thread::sleep(Duration::from_millis(1));
    }
    // The first download failed: whoever opens the file asks again.
    let read = |name: &str| {
        let mut text = String::new();
        service.store.open(name).unwrap().read_to_string(&mut text).unwrap();
        text
    };
    assert_eq!(read("small"), "rows");
    service.store.will_open(&[file("small", 4)]);
    while service.lines().len() < 3 && start.elapsed() < Duration::from_mins(1) {
        thread::sleep(Duration::from_millis(1));
    }
    assert_eq!(read("small"), "rows");
    assert_eq!(service.lines().len(), 3, "it was there");
    assert_eq!(read("small"), "rows");
    assert_eq!(service.lines().len(), 4, "once");
    assert_eq!(service.notices(), [""; 0]);
}

#[test]
fn a_creation_that_failed_but_took_effect_is_ours() {
    for (there, created) in [("ours", Created::New), ("theirs", Created::Exists)] {
        let service = Service::patient(vec![
            answer("500 Internal Server Error", "", ""),
            answer("412 Precondition Failed", "", ""),
            answer("200 OK", OBJECT, there),
        ]);
        assert_eq!(service.store.create("log/0", b"ours").unwrap(), created);
        let first = service.requests.lock().unwrap()[0].clone();
        assert!(first.head.contains("if-none-match: *") && first.body == b"ours", "{first:?}");
        assert!(first.line.starts_with("PUT "), "{first:?}");
    }
}

/// One page of a listing.
fn page(names: &[&str], next: Option<&str>) -> Answer {
    let mut body = "<ListBucketResult>".to_owned();
    body += match next {
        None => "<IsTruncated>false</IsTruncated>",
        Some(_) => "<IsTruncated>true</IsTruncated>",
    };
    if let Some(token) = next {
        write!(body, "<NextContinuationToken>{token}</NextContinuationToken>").unwrap();
    }
    for name in names {
        write!(
            body,
            "<Contents><Key>in/{name}</Key><Size>1</Size>\
             <LastModified>2026-11-22T15:04:05.000Z</LastModified></Contents>"
        )
        .unwrap();
    }
    answer("200 OK", "", &(body + "</ListBucketResult>"))
}

#[test]
fn a_long_listing_that_breaks_goes_on_after_the_last_name() {
    let trouble = || answer("503 Slow Down", "", "later");
    let service = Service::new(
        Duration::from_millis(150),
        vec![page(&["a", "b"], Some("more")), trouble(), trouble(), page(&["c"], None)],
    );
    let names: Vec<_> = service.store.list("").unwrap().into_iter().map(|m| m.path).collect();
    assert_eq!(names, ["a", "b", "c"]);
    let lines = service.lines();
    assert!(lines[1].contains("continuation-token=more"), "{lines:?}");
    assert!(lines[2].contains("start-after=in%2Fb") && lines.len() == 4, "{lines:?}");
}

#[test]
fn two_creations_that_meet_are_no_defeat() {
    let conflict = "<Error><Code>ConditionalRequestConflict</Code></Error>";
    let service =
        Service::patient(vec![answer("409 Conflict", "", conflict), answer("200 OK", OBJECT, "")]);
    assert_eq!(service.store.create("log/0", b"ours").unwrap(), Created::New);
    assert_eq!(service.lines().len(), 2);
}

#[test]
fn options_that_mean_nothing_to_a_store_are_mistakes() {
    let region = StorageOptions { region: Some("eu".into()), ..Default::default() };
    for (url, what) in [
        ("gs://b/x", "`region` in `storage_options` means nothing for `gs://`"),
        ("/data", "`storage_options` mean nothing for the directory `/data`"),
    ] {
        let failure = open_with(url, &region, &super::silent()).unwrap_err();
        assert_eq!(failure.message, what);
    }
    for endpoint in ["127.0.0.1:9000", "http://", "ftp://host"] {
        let options =
            StorageOptions { endpoint: Some(endpoint.into()), ..StorageOptions::default() };
        let failure = open_with("s3://b/x", &options, &super::silent()).unwrap_err();
        assert!(failure.message.contains("is no URL"), "{failure}");
    }
    let plain = StorageOptions::default();
    let keys = open_with("s3://key:secret@bucket/x", &plain, &super::silent()).unwrap_err();
    assert!(!keys.to_string().contains("secret"), "{keys}");
    let with_password = open_with("https://me:secret@host/in/", &plain, &super::silent());
    assert_eq!(with_password.unwrap().root(), "https://host/in");
}
