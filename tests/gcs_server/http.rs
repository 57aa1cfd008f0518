//! HTTP/1.1 as far as the test server needs it: requests with a length, connections that stay.
//!
//! Knows nothing of buckets.

use std::collections::BTreeMap;
use std::io::{self, BufRead, Read, Write};

/// A request, decoded.
pub(super) struct Request {
    pub(super) method: String,
    /// Percent-decoded, without the slash it starts with.
    pub(super) path: String,
    /// Percent-decoded.
    pub(super) query: BTreeMap<String, String>,
    /// By name in lower case.
    pub(super) headers: BTreeMap<String, String>,
    pub(super) body: Vec<u8>,
}

/// An answer. Its length is added when it is written.
pub(super) struct Response {
    pub(super) status: u16,
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) body: Vec<u8>,
}

impl Response {
    pub(super) fn new(status: u16, body: impl Into<Vec<u8>>) -> Self {
        Self { status, headers: Vec::new(), body: body.into() }
    }

    pub(super) fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// Writes the answer, its body left out for `HEAD`.
    pub(super) fn write(&self, to: &mut impl Write, is_head: bool) -> io::Result<()> {
        let mut head =
            format!("HTTP/1.1 {} -\r\nContent-Length: {}\r\n", self.status, self.body.len());
        for (name, value) in &self.headers {
            head.extend([name, ": ", value.as_str(), "\r\n"]);
        }
        head.push_str("\r\n");
        let body = if is_head { &[][..] } else { &self.body[..] };
        to.write_all(&[head.as_bytes(), body].concat())?;
        to.flush()
    }
}

impl Request {
    /// The next request of a connection; `None` when the client has closed it.
    pub(super) fn read(from: &mut impl BufRead) -> io::Result<Option<Self>> {
        let Some(first) = line(from)? else { return Ok(None) };
        let mut words = first.split(' ');
        let (Some(method), Some(target)) = (words.next(), words.next()) else {
            return Err(io::Error::other(format!("no request: {first}")));
        };
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let mut headers = BTreeMap::new();
        while let Some(line) = line(from)?.filter(|line| !line.is_empty()) {
            if let Some((name, value)) = line.split_once(':') {
                headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
            }
        }
        let length = headers.get("content-length").and_then(|it| it.parse().ok()).unwrap_or(0);
        let mut body = vec![0; length];
        from.read_exact(&mut body)?;
        let pairs = query.split('&').filter(|pair| !pair.is_empty());
        let query = pairs.map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decoded(&name.replace('+', " ")), decoded(&value.replace('+', " ")))
        });
        Ok(Some(Self {
            method: method.to_owned(),
            path: decoded(path.trim_start_matches('/')),
            query: query.collect(),
            headers,
            body,
        }))
    }
}

fn line(from: &mut impl BufRead) -> io::Result<Option<String>> {
    let mut line = String::new();
    let read = from.take(64 << 10).read_line(&mut line)?;
    Ok((read > 0).then(|| line.trim_end().to_owned()))
}

/// Percent-decoded; what is no UTF-8 then is replaced.
pub(super) fn decoded(text: &str) -> String {
    let mut bytes = text.bytes();
    let mut decoded = Vec::new();
    while let Some(byte) = bytes.next() {
        let digit = |byte: Option<u8>| byte.and_then(|byte| char::from(byte).to_digit(16));
        if byte != b'%' {
            decoded.push(byte);
        } else if let (Some(high), Some(low)) = (digit(bytes.next()), digit(bytes.next())) {
            decoded.push((high * 16 + low) as u8);
        }
    }
    String::from_utf8_lossy(&decoded).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_of_one_connection_are_told_apart() {
        let sent = "PUT /b/a%2Fb%25?partNumber=1&uploadId=x%2By HTTP/1.1\r\nContent-Length: 4\r\n\
                    X-Goog-If-Generation-Match: 0\r\n\r\nbody\
                    GET /b?list-type=2&prefix=a+b HTTP/1.1\r\n\r\n";
        let mut connection = sent.as_bytes();
        let put = Request::read(&mut connection).unwrap().unwrap();
        assert_eq!((put.method.as_str(), put.path.as_str()), ("PUT", "b/a/b%"));
        assert_eq!(put.query["uploadId"], "x+y");
        assert_eq!(put.headers["x-goog-if-generation-match"], "0");
        assert_eq!(put.body, b"body");
        let list = Request::read(&mut connection).unwrap().unwrap();
        assert_eq!(list.query["prefix"], "a b");
        assert!(Request::read(&mut connection).unwrap().is_none());
    }
}
