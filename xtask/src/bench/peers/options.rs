//! The words after `cargo xtask bench --peers`.

use super::roster::{self, Peer};
use crate::Result;
use crate::bench::{RUNS, scenario, scenario::Scenario};

/// What is measured, and how often.
#[derive(Debug)]
pub(super) struct Options {
    pub(super) peers: Vec<&'static Peer>,
    pub(super) scenarios: Vec<&'static Scenario>,
    pub(super) rounds: usize,
    /// Everybody on everything, often enough: what `docs/benchmarks/` shows.
    pub(super) is_complete: bool,
}

/// Reads `--peers[=NAME,..]`, `--rounds=N` and names of scenarios, in any order.
///
/// # Errors
/// Says what is wrong with a word, and what there is instead.
pub(super) fn parse(words: &[&str]) -> Result<Options> {
    let (mut peers, mut rounds, mut names) = (Vec::new(), RUNS, Vec::new());
    for word in words {
        match word.split_once('=') {
            None if *word == "--peers" => {}
            Some(("--peers", list)) => peers.extend(list.split(',')),
            Some(("--rounds", number)) => {
                let parsed = number.parse().ok().filter(|rounds| *rounds > 0);
                rounds = parsed.ok_or(format!("`{word}`: rounds are a number from 1"))?;
            }
            _ if word.starts_with('-') => {
                let known = "--peers[=NAME,..], --rounds=N";
                return Err(
                    format!("`{word}` is no option of the benchmark; there are {known}").into()
                );
            }
            _ => names.push(*word),
        }
    }
    let peers = roster::named(&peers)?;
    let scenarios = scenario::named(&names)?;
    let is_complete = peers.len() == roster::PEERS.len()
        && scenarios.len() == scenario::SCENARIOS.len()
        && rounds >= RUNS;
    Ok(Options { peers, scenarios, rounds, is_complete })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_further_words_all_peers_run_all_scenarios() {
        let options = parse(&["--peers"]).unwrap();
        assert_eq!(
            (options.peers.len(), options.scenarios.len(), options.rounds),
            (roster::PEERS.len(), 3, 3)
        );
        assert!(options.is_complete);
    }

    #[test]
    fn a_part_is_not_complete() {
        let options = parse(&["small", "--rounds=1", "--peers=duckdb,polars"]).unwrap();
        assert_eq!((options.peers.len(), options.scenarios.len(), options.rounds), (2, 1, 1));
        assert!(!options.is_complete);
        assert!(!parse(&["--peers", "--rounds=2"]).unwrap().is_complete);
        assert!(parse(&["--peers", "--rounds=5"]).unwrap().is_complete);
    }

    #[test]
    fn wrong_words_say_what_there_is() {
        for (word, said) in [
            ("--rounds=0", "a number from 1"),
            ("--rounds", "--rounds=N"),
            ("--peers=", "there are datafusion"),
            ("huge", "there are tiny"),
        ] {
            let error = parse(&["--peers", word]).unwrap_err().to_string();
            assert!(error.contains(said), "{word}: {error}");
        }
    }
}
