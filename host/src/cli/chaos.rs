//! `lockgate chaos`: breaks runs of a pipeline on a sample of its data in every way, and tells
//! whether every recovered table is the uninterrupted one.

use super::{Failures, load, run::listen, terminal::Terminal};
use crate::{
    chaos::{self, Difference, Options, Trial, Verdict, Watcher},
    diagnostic::{Diagnostic, Kind},
    run::Stop,
    stage::Engine,
};
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use std::{env, path::PathBuf, sync::Arc};

const AFTER_HELP: &str = "\
What is tried:
  Every storage operation of a run is made to fail, to report failure although it took effect,
  to take long, to answer with an old listing, to be the last before the process dies, before or
  after its effect, or half-way through a write. After each, the pipeline runs again, and the
  table is compared with that of an undisturbed run. All of it once with files renamed in a local
  directory, and once with multipart uploads as on object stores (in memory). Then child
  processes are killed (kill -9) at random moments.

Nothing of yours is touched: the source is listed and copied from; checkpoint and table are not
opened. The temporary place is below $TMPDIR and removed at the end.

Exit codes: 0 every table was the same; 1 one was not; others as `lockgate --help` says";

/// Arguments of `lockgate chaos`.
#[derive(Clone, Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct ChaosArgs {
    /// The pipeline file
    pipeline: PathBuf,
    /// Sample this many files of the source, the oldest first (256 MiB at most)
    #[arg(long, value_name = "N", default_value_t = 9)]
    files: usize,
    /// Sample the newest files instead
    #[arg(long)]
    newest: bool,
    /// Inject at most this many faults, spread evenly over all operations
    #[arg(long, value_name = "N", default_value_t = 1000)]
    faults: u64,
    /// Kill this many child processes
    #[arg(long, value_name = "N", default_value_t = 20)]
    kills: u64,
    /// Decides when child processes are killed [default: drawn]
    #[arg(long, value_name = "NUMBER")]
    seed: Option<u64>,
    /// Try this fault alone, as a difference names it: multipart:stop-after:37
    #[arg(long, value_name = "TRIAL")]
    only: Option<Trial>,
    /// Run as a child, with checkpoint and table below this directory
    #[arg(long, hide = true, requires_all = ["child_source", "child_files"])]
    child: Option<PathBuf>,
    #[arg(long, hide = true)]
    child_source: Option<PathBuf>,
    #[arg(long, hide = true)]
    child_files: Option<u64>,
}

/// Runs `lockgate chaos`.
///
/// # Errors
/// Fails when a table differs, and when nothing can be tried.
pub(super) fn run(args: &ChaosArgs, terminal: &Terminal) -> Result<(), Failures> {
    let plan = load(&args.pipeline, terminal)?;
    let engine = Engine::with_user_cache()?;
    if let (Some(site), Some(source), Some(files)) =
        (&args.child, &args.child_source, args.child_files)
    {
        return Ok(chaos::child(&plan, &engine, source, site, files)?);
    }
    // Signal handlers outlive every scope.
    let stop: &'static Stop = Box::leak(Box::default());
    listen(stop)?;
    let program = env::current_exe().map_err(|error| {
        Diagnostic::internal("cannot find the program that is running").cause(error)
    })?;
    let seed = args.seed.unwrap_or_else(|| uuid::Uuid::new_v4().as_u64_pair().0 >> 32);
    let options = Options {
        files: args.files,
        newest: args.newest,
        faults: args.faults,
        kills: args.kills,
        seed,
        only: args.only,
        program,
    };
    let bar = Bar::new(terminal);
    let talk = terminal.clone();
    let notices = Arc::new(move |notice: &Diagnostic| talk.warn(notice));
    let verdict = chaos::certify(&plan, &engine, &options, &(notices as _), &bar, &stop.finish);
    drop(bar);
    match verdict? {
        Verdict::Same(certificate) => Ok(terminal.data(&certificate.to_string())?),
        Verdict::Differs(difference) => Err(differs(args, &difference).into()),
    }
}

fn differs(args: &ChaosArgs, difference: &Difference) -> Diagnostic {
    let Difference { after, what, again } = difference;
    let newest = if args.newest { " --newest" } else { "" };
    let failure = Diagnostic::new(
        Kind::Internal,
        format!("the table is not the uninterrupted one after {after}"),
    );
    failure
        .cause(what)
        .hint(format!(
            "try it again: lockgate chaos {} --files {}{newest} {again}",
            args.pipeline.display(),
            args.files
        ))
        .hint("this is a bug in lockgate; please report it with this message")
}

/// A bar on a terminal; elsewhere a line for each phase.
struct Bar {
    terminal: Terminal,
    bar: Option<ProgressBar>,
}

impl Bar {
    fn new(terminal: &Terminal) -> Self {
        let bar = terminal.is_interactive().then(|| {
            let style =
                ProgressStyle::with_template("{spinner} {msg} [{bar:30}] {pos}/{len} {eta}")
                    .unwrap_or_else(|_| ProgressStyle::default_bar());
            ProgressBar::new(0).with_style(style.progress_chars("=> "))
        });
        Self { terminal: terminal.clone(), bar }
    }
}

impl Watcher for Bar {
    fn phase(&self, what: &str, steps: u64) {
        match &self.bar {
            Some(bar) => {
                bar.reset();
                bar.set_length(steps);
                bar.set_message(what.to_owned());
            }
            None => self.terminal.talk(&format!("{what} ({steps})")),
        }
    }

    fn step(&self) {
        if let Some(bar) = &self.bar {
            bar.inc(1);
        }
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
