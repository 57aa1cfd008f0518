//! The peers: which engines, which program of `xtask/peers/` runs each, in which version.

use crate::Result;

/// An engine that does the payments job, too.
#[derive(Debug)]
pub(super) struct Peer {
    /// What it is called on the command line.
    pub(super) word: &'static str,
    /// What it is called in the report.
    pub(super) name: &'static str,
    /// Its package of Python.
    package: &'static str,
    /// Its file in `xtask/peers/`, without `.py`.
    pub(super) program: &'static str,
    pub(super) needs_java: bool,
    /// What it does not do as the others; may be empty.
    pub(super) note: &'static str,
}

impl Peer {
    const fn new(word: &'static str, name: &'static str, program: &'static str) -> Self {
        Self { word, name, package: word, program, needs_java: false, note: "" }
    }

    const fn spark(word: &'static str, name: &'static str, program: &'static str) -> Self {
        let package = "pyspark";
        Self { package, needs_java: true, ..Self::new(word, name, program) }
    }

    const fn with_note(self, note: &'static str) -> Self {
        Self { note, ..self }
    }

    /// The version that is installed.
    pub(super) fn version(&self) -> &'static str {
        let package = |line: &&str| line.split("==").next() == Some(self.package);
        packages().find(package).and_then(|line| line.split_once("==")).map_or("?", |pin| pin.1)
    }
}

/// All of them, in the order of a round.
pub(super) const PEERS: [Peer; 7] = [
    Peer::new("datafusion", "DataFusion", "datafusion_sql"),
    Peer::new("duckdb", "DuckDB", "duckdb_sql"),
    Peer::new("polars", "Polars", "polars_lazy"),
    Peer::new("chdb", "chDB", "chdb_sql"),
    Peer::new("daft", "Daft", "daft_lazy")
        .with_note("its JSON reader has no maps: gets their keys in the schema, writes structs"),
    Peer::spark("spark", "Spark batch", "spark_batch"),
    Peer::spark("spark-streaming", "Spark Structured Streaming", "spark_streaming")
        .with_note("checkpoint and commit per micro-batch, as lockgate"),
];

/// The peers of these words; none: all.
///
/// # Errors
/// Says which there are when a word is none of them.
pub(super) fn named(words: &[&str]) -> Result<Vec<&'static Peer>> {
    if let Some(word) = words.iter().find(|word| PEERS.iter().all(|peer| peer.word != **word)) {
        let known = PEERS.each_ref().map(|peer| peer.word).join(", ");
        return Err(format!("`{word}` is no peer of the benchmark; there are {known}").into());
    }
    let wanted = |peer: &&Peer| words.is_empty() || words.contains(&peer.word);
    Ok(PEERS.iter().filter(wanted).collect())
}

/// What pip installs, each with its exact version.
pub(super) fn packages() -> impl Iterator<Item = &'static str> {
    let lines = include_str!("../../../peers/requirements.txt").lines();
    lines.filter(|line| !line.is_empty() && !line.starts_with('#'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_peer_has_a_program_and_an_exact_version() {
        let programs = concat!(env!("CARGO_MANIFEST_DIR"), "/peers");
        for peer in &PEERS {
            let program = format!("{programs}/{}.py", peer.program);
            assert!(std::fs::exists(&program).unwrap(), "{program}");
            let is_number = |part: &str| part.parse::<u32>().is_ok();
            assert!(peer.version().split('.').all(is_number), "{}: {}", peer.name, peer.version());
        }
        assert!(packages().all(|line| line.contains("==")));
    }

    #[test]
    fn peers_are_found_by_word_and_a_wrong_word_says_which_there_are() {
        assert_eq!(named(&[]).unwrap().len(), PEERS.len());
        assert_eq!(named(&["spark"]).unwrap().len(), 1);
        let error = named(&["hadoop"]).unwrap_err().to_string();
        assert!(error.contains("`hadoop`") && error.contains("spark-streaming"), "{error}");
    }
}
