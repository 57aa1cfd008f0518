//! Pages, compressed.

use crate::{
    diagnostic::{Diagnostic, Result},
    pipeline::plan::Compression,
};
use bytes::Bytes;
use parquet::{
    basic::{Compression as Codec, ZstdLevel},
    errors::ParquetError,
    file::reader::{ChunkReader, Length},
};
use std::{fmt, io::Read};

/// Room for a chunk that is kept from one row group to the next.
const KEPT_BYTES: usize = 256 << 10;

/// What encoding a page needs for a moment, kept by each encoder so that no page makes it anew.
#[derive(Default)]
pub(in super::super) struct Scratch {
    /// The page before it is compressed.
    pub(super) page: Vec<u8>,
    /// A column chunk that is complete.
    pub(super) chunk: Vec<u8>,
    compressed: Vec<u8>,
    snappy: Option<snap::raw::Encoder>,
    zstd: Option<zstd::bulk::Compressor<'static>>,
}

impl fmt::Debug for Scratch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scratch").field("page", &self.page.len()).finish_non_exhaustive()
    }
}

/// The name of a compression in the file.
pub(super) fn codec(compression: Compression) -> Codec {
    match compression {
        Compression::None => Codec::UNCOMPRESSED,
        Compression::Snappy => Codec::SNAPPY,
        Compression::Zstd => Codec::ZSTD(ZstdLevel::default()),
    }
}

/// A column chunk that is complete, for the Parquet library to take into a file.
#[derive(Clone, Copy, Debug)]
pub(in super::super) struct ChunkBytes<'a>(&'a [u8]);

impl Length for ChunkBytes<'_> {
    fn len(&self) -> u64 {
        self.0.len() as u64
    }
}

impl<'a> ChunkReader for ChunkBytes<'a> {
    type T = &'a [u8];

    fn get_read(&self, start: u64) -> Result<Self::T, ParquetError> {
        let rest = self.0.get(start as usize..);
        rest.ok_or_else(|| ParquetError::EOF("a column chunk is shorter than that".to_owned()))
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes, ParquetError> {
        let mut bytes = vec![0; length];
        self.get_read(start)?.read_exact(&mut bytes)?;
        Ok(bytes.into())
    }
}

impl Scratch {
    /// The chunk that was finished last.
    pub(in super::super) fn chunk(&self) -> ChunkBytes<'_> {
        ChunkBytes(&self.chunk)
    }

    /// Gives back what only large chunks and pages need.
    pub(in super::super) fn shrink(&mut self) {
        for buffer in [&mut self.chunk, &mut self.page, &mut self.compressed] {
            buffer.clear();
            buffer.shrink_to(KEPT_BYTES);
        }
    }

    /// The page, compressed.
    ///
    /// # Errors
    /// Fails when the page has more bytes than the format allows.
    pub(super) fn compress(&mut self, compression: Compression) -> Result<&[u8]> {
        i32::try_from(self.page.len()).map_err(|_| {
            let bytes = self.page.len();
            Diagnostic::data(format!("rows of one page have {bytes} bytes in one column"))
                .hint("a Parquet page has at most 2 GiB; leave such values out in a stage")
        })?;
        let failed = |error: &dyn fmt::Display| {
            Diagnostic::internal("a page cannot be compressed").cause(error)
        };
        match compression {
            Compression::None => return Ok(&self.page),
            Compression::Snappy => {
                self.compressed.resize(snap::raw::max_compress_len(self.page.len()), 0);
                let encoder = self.snappy.get_or_insert_with(snap::raw::Encoder::new);
                let length = encoder.compress(&self.page, &mut self.compressed);
                self.compressed.truncate(length.map_err(|error| failed(&error))?);
            }
            Compression::Zstd => {
                let compressor = match &mut self.zstd {
                    Some(compressor) => compressor,
                    none => {
                        let level = ZstdLevel::default().compression_level();
                        let new = zstd::bulk::Compressor::new(level);
                        none.insert(new.map_err(|error| failed(&error))?)
                    }
                };
                self.compressed.clear();
                self.compressed.reserve(zstd::zstd_safe::compress_bound(self.page.len()));
                compressor
                    .compress_to_buffer(&self.page, &mut self.compressed)
                    .map_err(|error| failed(&error))?;
            }
        }
        Ok(&self.compressed)
    }
}
