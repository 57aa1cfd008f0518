//! The project's chores, one verb each: `cargo xtask VERB`.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "talks to the terminal")]
#![expect(unreachable_pub, reason = "files are shared with crates that have a public surface")]

mod bench;
mod chain;
mod command;
mod demo;
mod install;
mod instructions;
mod plugins;
mod proof;
mod rules;
mod setup;
mod stamp;
mod stores;
mod template;
#[path = "../../host/src/cli/plugin/toolchain.rs"]
mod toolchain;
mod wit;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// A chore that failed, and why.
type Result<T = ()> = std::result::Result<T, Box<dyn std::error::Error>>;

const USAGE: &str = "usage: cargo xtask VERB

  demo        run the payments pipeline on its input, with a release build
  test        run every test, with all that they need
  test --stores [s3|az|gs|http|hdfs ..]
              the tests against real stores (default: all), which it installs and starts
  ci          what CI runs: format, lints, rules, docs, licences, tests, instruction counts

  setup       install what is missing to compile plugins to WebAssembly
  plugins     build the standard plugins to target/plugins/*.wasm
  stores [NAME ..]
              start real stores and print what the tests find them by, until interrupted
  check-wit   the contract changes only with its version
  template    build and test a copy of the plugin template
  rules       file length, direction of imports, one door per dependency
  bench [SCENARIO..]
              the payments job on generated data: tiny, small, medium (default: all)
  bench --peers[=NAME,..] [--rounds=N] [SCENARIO..]
              the same beside other engines (default: all, 3 rounds), which it installs;
              all on all takes about 15 minutes and writes docs/benchmarks/
  bench latency
              from the close of a small file to its rows in the table
  bench history
              a micro-batch after 100 and after 100,000 before it
  instructions [--update] [JOB ..]
              count the instructions of small jobs under valgrind and compare them with the
              committed baseline: payments, small-files, cloudtrail (default: all)";

fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let root = root();
    let result = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["setup"] => setup::run(&root).map(drop),
        ["plugins"] => plugins::run(&root),
        ["demo"] => chain::demo(&root),
        ["test"] => chain::test(&root),
        ["test", "--stores", ref stores @ ..] => stores::test(&root, stores),
        ["ci"] => chain::ci(&root),
        ["stores", ref names @ ..] => stores::serve(&root, names),
        ["rules"] => rules::check(&root),
        ["template"] => template::check(&root),
        ["bench", ref scenarios @ ..] => bench::run(&root, scenarios),
        ["instructions", ref words @ ..] => instructions::run(&root, words),
        ["check-wit"] => wit::check(&root),
        [] | ["help" | "--help" | "-h"] => {
            println!("{USAGE}");
            Ok(())
        }
        [verb, ..] => {
            Err(format!("`{verb}` is no verb of xtask, or has too many words\n{USAGE}").into())
        }
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: {error}");
            ExitCode::FAILURE
        }
    }
}

/// The root of the repository.
fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here).to_owned()
}
