//! A file of the source as uncompressed text, and what stopped it early.

use crate::{
    diagnostic::{Diagnostic, Kind, Result},
    storage::Storage,
};
use flate2::read::MultiGzDecoder;
use std::{
    error::Error,
    fmt,
    io::{self, Cursor, Read},
    path::Path,
};

/// Damage to a compressed file: what precedes it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Damage {
    pub(super) code: &'static str,
    pub(super) message: String,
}

/// The text of one file.
pub(super) struct Input {
    reader: Box<dyn Read + Send>,
    codec: Codec,
    path: String,
    steps: Steps,
    /// Text that may still come.
    left: u64,
    /// Set once the file turned out to be damaged; it then reads as ended.
    pub(super) damage: Option<Damage>,
}

impl fmt::Debug for Input {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Input")
            .field("path", &self.path)
            .field("codec", &self.codec)
            .finish_non_exhaustive()
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Codec {
    Plain,
    Gzip,
    Zstd,
}

const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];
const ZSTD_MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];

impl Codec {
    /// Told by the first bytes; by the extension where there are too few of them.
    fn of(path: &str, head: &[u8]) -> Self {
        let extension = Path::new(path).extension().and_then(|extension| extension.to_str());
        let cut = |magic: &[u8]| !head.is_empty() && magic.starts_with(head);
        if head.starts_with(&GZIP_MAGIC) || (extension == Some("gz") && cut(&GZIP_MAGIC)) {
            Self::Gzip
        } else if head.starts_with(&ZSTD_MAGIC) || (extension == Some("zst") && cut(&ZSTD_MAGIC)) {
            Self::Zstd
        } else {
            Self::Plain
        }
    }
}

/// A failure of the store, told apart from one of the decompressor above it.
#[derive(Debug)]
struct StoreFailure(io::Error);

impl fmt::Display for StoreFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Error for StoreFailure {}

/// The bytes as stored.
struct Stored(Box<dyn Read + Send>);

impl Read for Stored {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer).map_err(|error| match error.kind() {
            io::ErrorKind::Interrupted => error,
            _ => io::Error::other(StoreFailure(error)),
        })
    }
}

/// Text that a decompressor is asked for at once.
const STEP_BYTES: usize = 16 << 10;

/// A decompressor's text, step by step.
///
/// What a decompressor has given when it meets damage depends on how it was asked and how its
/// input came. A replay must find the same rows, so both are always the same here.
#[derive(Default)]
struct Steps {
    text: Vec<u8>,
    given: usize,
}

/// Reads that fill the buffer unless the file ends.
struct Full(Stored);

impl Read for Full {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut filled = 0;
        while filled < buffer.len() {
            match self.0.read(&mut buffer[filled..]) {
                Ok(0) => break,
                Ok(length) => filled += length,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(filled)
    }
}

impl Input {
    /// Opens a file, of which at most so much text is read if it is compressed.
    ///
    /// # Errors
    /// Fails when the store refuses to open or read it.
    pub(super) fn open(storage: &Storage, path: &str, most_bytes: u64) -> Result<Self> {
        let mut stored = Stored(storage.open(path)?);
        let mut head = Vec::with_capacity(4);
        let failed = |error: io::Error| read_failed(path, &error);
        stored.by_ref().take(4).read_to_end(&mut head).map_err(failed)?;
        let codec = Codec::of(path, &head);
        let head = Cursor::new(head);
        let reader: Box<dyn Read + Send> = match codec {
            Codec::Plain => Box::new(head.chain(stored)),
            Codec::Gzip => Box::new(MultiGzDecoder::new(head.chain(Full(stored)))),
            Codec::Zstd => Box::new(zstd::Decoder::new(head.chain(Full(stored))).map_err(failed)?),
        };
        let left = if codec == Codec::Plain { u64::MAX } else { most_bytes };
        let (path, steps) = (path.into(), Steps::default());
        Ok(Self { reader, codec, path, steps, left, damage: None })
    }

    /// Reads on; 0 at the end, which may be where the file is damaged.
    ///
    /// # Errors
    /// Fails when the store does.
    pub(super) fn read(&mut self, buffer: &mut [u8]) -> Result<usize> {
        if self.codec == Codec::Plain {
            return self.step(buffer);
        }
        if self.steps.given == self.steps.text.len() {
            let mut text = std::mem::take(&mut self.steps.text);
            text.resize(STEP_BYTES, 0);
            let length = self.step(&mut text)?;
            text.truncate(length);
            self.steps = Steps { text, given: 0 };
        }
        let text = &self.steps.text[self.steps.given..];
        let length = text.len().min(buffer.len());
        buffer[..length].copy_from_slice(&text[..length]);
        self.steps.given += length;
        Ok(length)
    }

    fn step(&mut self, buffer: &mut [u8]) -> Result<usize> {
        // Where nothing is left, one byte more tells a file that ends here from a longer one.
        let most = buffer.len().min(usize::try_from(self.left.max(1)).unwrap_or(usize::MAX));
        loop {
            match self.reader.read(&mut buffer[..most]) {
                Ok(length) if length as u64 > self.left => {
                    self.damage.get_or_insert_with(Damage::bomb);
                    return Ok(0);
                }
                Ok(length) => {
                    self.left -= length as u64;
                    return Ok(length);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error)
                    if error
                        .get_ref()
                        .is_some_and(<dyn Error + Send + Sync>::is::<StoreFailure>) =>
                {
                    return Err(read_failed(&self.path, &error));
                }
                Err(error) => {
                    self.damage.get_or_insert_with(|| self.codec.damage(&error));
                    return Ok(0);
                }
            }
        }
    }

    /// Skips bytes; fewer when the text ends before.
    ///
    /// # Errors
    /// Fails when the store does.
    pub(super) fn skip(&mut self, mut bytes: u64) -> Result<()> {
        let mut scratch = vec![0; 64 << 10];
        while bytes > 0 {
            let most = scratch.len().min(usize::try_from(bytes).unwrap_or(usize::MAX));
            match self.read(&mut scratch[..most])? {
                0 => break,
                length => bytes -= length as u64,
            }
        }
        Ok(())
    }
}

impl Damage {
    fn bomb() -> Self {
        let message = "the file gives too much text for its size; what precedes was read \
                       (if it is honest, raise `max_decompression_ratio`)";
        Self { code: "decompression-bomb", message: message.into() }
    }
}

impl Codec {
    fn damage(self, error: &io::Error) -> Damage {
        let cut = error.kind() == io::ErrorKind::UnexpectedEof;
        let (code, what) = match (self, cut) {
            (Self::Gzip, true) => ("truncated-gzip", "the gzip file ends in the middle"),
            (Self::Zstd, true) => ("truncated-zstd", "the zstd file ends in the middle"),
            (Self::Zstd, false) => ("corrupt-zstd", "the zstd file is damaged"),
            (Self::Gzip | Self::Plain, _) => ("corrupt-gzip", "the gzip file is damaged"),
        };
        Damage { code, message: format!("{what}; what precedes was read ({error})") }
    }
}

fn read_failed(path: &str, error: &io::Error) -> Diagnostic {
    let doing = format!("cannot read input file `{path}`");
    let failure = error.get_ref().and_then(|error| error.downcast_ref::<StoreFailure>());
    // What the store said keeps its hints.
    let said =
        failure.and_then(|StoreFailure(error)| error.get_ref()?.downcast_ref::<Diagnostic>());
    match said {
        Some(said) => said.clone().context(doing),
        None => Diagnostic::new(Kind::Storage, doing).cause(error),
    }
}

/// Opens a file for [`infer`](crate::source::schema::infer): its text, uncompressed, up to
/// where it is damaged.
///
/// # Errors
/// Fails when the store refuses.
pub fn open_text(storage: &Storage, path: &str) -> Result<Box<dyn Read + Send>> {
    Ok(Box::new(Text(Input::open(storage, path, u64::MAX)?)))
}

/// Opens a file as text, uncompressed; where it is damaged, or gives more text than this,
/// reading fails.
///
/// # Errors
/// Fails when the store refuses.
pub fn open_whole(storage: &Storage, path: &str, most_bytes: u64) -> Result<Box<dyn Read + Send>> {
    Ok(Box::new(Whole(Input::open(storage, path, most_bytes)?)))
}

struct Text(Input);

struct Whole(Input);

impl Read for Text {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer).map_err(io::Error::other)
    }
}

impl Read for Whole {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.0.read(buffer).map_err(io::Error::other)?;
        match &self.0.damage {
            Some(damage) if length == 0 => Err(io::Error::other(damage.message.clone())),
            _ => Ok(length),
        }
    }
}
