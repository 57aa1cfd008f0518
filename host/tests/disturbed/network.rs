//! Connections that break: in the middle of a file, before an answer, for a while, for ever. A
//! run goes on where it can, says what it waits for, and loses no row.

use super::job::{Job, Table, said};
use std::{
    fmt::Write as _,
    io::{BufRead, BufReader, Write as _},
    net::TcpListener,
    process::Output,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

const PIPELINE: &str = "[pipeline]\nname = \"night\"\n\
     [source]\npath = \"s3://bucket/in/*.json\"\nschema = { id = \"bigint\", note = \"string\" }\n\
     storage_options = { endpoint = \"ENDPOINT\", anonymous = true, retry_timeout = \"3s\" }\n\
     [checkpoint]\npath = \"state\"\n[sink]\npath = \"table\"\n";

const TIMES: &str = "ETag: \"one\"\r\nLast-Modified: Sun, 22 Nov 2026 15:04:05 GMT\r\n";

/// A file large enough that it is read as it comes: some 5 MB.
fn large() -> String {
    (0..110).fold(String::new(), |text, part| text + &Job::records(part * 1_000))
}

fn listing(size: usize) -> String {
    format!(
        "<ListBucketResult><IsTruncated>false</IsTruncated><Contents><Key>in/0.json</Key><Size>{size}</Size>\
         <LastModified>2026-11-22T15:04:05.000Z</LastModified><ETag>\"one\"</ETag></Contents></ListBucketResult>"
    )
}

/// Where a request wants to read from; `None` when it asks for no range.
fn range_start(head: &str) -> Option<usize> {
    let range = head.lines().find_map(|line| line.strip_prefix("range: bytes="))?;
    range.split('-').next()?.trim().parse().ok()
}

/// The file from `start` on, of which the connection brings `sent` bytes before it breaks.
fn part(file: &str, start: usize, sent: usize, is_range: bool) -> Vec<u8> {
    let (due, all) = (file.len() - start, file.len());
    let mut head = String::from(if is_range {
        "HTTP/1.1 206 Partial Content\r\n"
    } else {
        "HTTP/1.1 200 OK\r\n"
    });
    write!(head, "Content-Length: {due}\r\nConnection: close\r\n{TIMES}").unwrap();
    if is_range {
        write!(head, "Content-Range: bytes {start}-{}/{all}\r\n", all - 1).unwrap();
    }
    head.push_str("\r\n");
    [head.as_bytes(), &file.as_bytes()[start..start + sent.min(due)]].concat()
}

/// Runs a job whose source is at this URL.
fn run(endpoint: &str) -> (Job, Output) {
    let job = Job::new(0);
    job.write("pipeline.toml", PIPELINE.replace("ENDPOINT", endpoint));
    let done = job.run();
    (job, done)
}

/// The table of the same file read from a disk.
fn undisturbed(file: &str) -> Table {
    let job = Job::new(0);
    job.write("input/0.json", file);
    assert!(job.run().status.success());
    job.table()
}

/// Starts a service that answers each request by its head, in lower case; gives its URL.
fn serve(mut answer: impl FnMut(&str) -> Vec<u8> + Send + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    thread::spawn(move || {
        for mut connection in listener.incoming().flatten() {
            let mut reader = BufReader::new(connection.try_clone().unwrap());
            let mut head = String::new();
            while !head.ends_with("\r\n\r\n")
                && reader.read_line(&mut head).is_ok_and(|read| read > 0)
            {}
            let _ = connection.write_all(&answer(&head.to_ascii_lowercase()));
        }
    });
    url
}

/// A service with one file, whose n-th connection brings `sent(n)` bytes of it.
fn breaking(
    file: &str,
    mut sent: impl FnMut(usize) -> usize + Send + 'static,
) -> (String, Arc<AtomicUsize>) {
    let (file, reads) = (file.to_owned(), Arc::new(AtomicUsize::new(0)));
    let counted = Arc::clone(&reads);
    let endpoint = serve(move |head| {
        if head.contains("list-type") {
            let listing = listing(file.len());
            let length = listing.len();
            let head =
                format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n");
            return [head, listing].concat().into_bytes();
        }
        let number = counted.fetch_add(1, Ordering::Relaxed);
        let start = range_start(head);
        part(&file, start.unwrap_or(0), sent(number), start.is_some())
    });
    (endpoint, reads)
}

#[test]
fn a_connection_that_breaks_in_the_middle_of_a_file_is_taken_up_where_it_broke() {
    let file = large();
    let (endpoint, reads) = breaking(&file, |number| 700_001 * (number % 2 + 1));
    let (job, done) = run(&endpoint);
    assert!(done.status.success(), "{}", said(&done));
    assert!(reads.load(Ordering::Relaxed) > 3, "it did break");
    assert_eq!(job.table(), undisturbed(&file));
}

#[test]
fn connections_that_bring_nothing_are_given_up_in_the_end() {
    let file = large();
    let (endpoint, reads) = breaking(&file, |number| if number == 0 { 1_000 } else { 0 });
    let (job, done) = run(&endpoint);
    let told = said(&done);
    assert_eq!(done.status.code(), Some(5), "{told}");
    assert!(told.contains("trying again in") && told.contains("retry_timeout"), "{told}");
    assert!(reads.load(Ordering::Relaxed) < 50, "it waits longer and longer");
    assert!(job.table().is_empty());
}

#[test]
fn a_service_that_does_not_answer_is_named_and_the_next_run_reads_everything() {
    // A port that nobody listens on.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap();
    drop(listener);
    let (job, done) = run(&format!("http://{port}"));
    let told = said(&done);
    assert_eq!(done.status.code(), Some(5), "{told}");
    assert!(told.contains("warning: cannot list `s3://bucket/in`"), "{told}");
    assert!(told.contains("tried ") && told.contains("nothing committed is lost"), "{told}");
    let file = large();
    let (endpoint, _) = breaking(&file, |_| usize::MAX);
    job.write("pipeline.toml", PIPELINE.replace("ENDPOINT", &endpoint));
    assert!(job.run().status.success());
    assert_eq!(job.table(), undisturbed(&file));
}
