//! `lockgate run`: runs a pipeline until its trigger is done or a signal asks it to stop.

use super::{
    Failures, load,
    progress::{Listener, ProgressArgs},
    terminal::Terminal,
};
use crate::{
    diagnostic::{Diagnostic, Kind, Result},
    metrics::Observer as _,
    pipeline::{config, plan::Trigger},
    run::{Run, Stop},
    stage::Engine,
};
use clap::Args;
use signal_hook::{
    consts::{SIGINT, SIGTERM},
    low_level,
};
use std::{
    path::{Path, PathBuf},
    sync::atomic::Ordering,
};

/// Arguments of `lockgate run`.
#[derive(Clone, Debug, Args)]
pub(super) struct RunArgs {
    /// The pipeline file
    pipeline: PathBuf,
    /// One micro-batch, then stop
    #[arg(long, group = "when")]
    once: bool,
    /// Micro-batches until nothing is left to read, then stop
    #[arg(long, group = "when")]
    available_now: bool,
    /// A micro-batch as soon as a file arrives, for ever
    #[arg(long, group = "when")]
    on_arrival: bool,
    #[command(flatten)]
    progress: ProgressArgs,
}

/// Runs `lockgate run`.
///
/// # Errors
/// What stopped the pipeline. What was committed before stays.
pub(super) fn run(args: &RunArgs, terminal: &Terminal) -> Result<(), Failures> {
    let plan = load(&args.pipeline, terminal)?;
    let listener = args.progress.listener(terminal)?;
    listener.on_rejected(format!(
        "what was rejected and why: lockgate quarantine list {}",
        args.pipeline.display()
    ));
    let engine = Engine::with_user_cache()?;
    // Signal handlers outlive every scope.
    let stop: &'static Stop = Box::leak(Box::default());
    listen(stop)?;
    let mut run = Run::new(&plan, stop, &listener.notices())?;
    if args.once {
        run.trigger = Trigger::Once;
    } else if args.available_now {
        run.trigger = Trigger::AvailableNow;
    } else if args.on_arrival && !matches!(plan.trigger, Trigger::OnArrival(_)) {
        run.trigger = Trigger::OnArrival(config::Trigger::DEFAULT_POLL_INTERVAL);
    }
    remark_missing(&run, &listener);
    let is_endless = matches!(run.trigger, Trigger::Interval(_) | Trigger::OnArrival(_));
    run.run(&engine, &listener)?;
    let is_abandoned = stop.abandon.load(Ordering::Relaxed);
    if is_abandoned || (stop.is_asked() && !is_endless) {
        let failure = Diagnostic::new(Kind::Interrupted, "interrupted before the work was done");
        return Err(failure.hint("run it again: it goes on where it stopped").into());
    }
    if listener.batches() == 0 && !stop.is_asked() {
        listener.remark(&format!(
            "no new files match `{}` below {}",
            plan.source.pattern, plan.source.root
        ));
    }
    Ok(())
}

/// A source that is not there may be about to appear, or be mistyped.
fn remark_missing(run: &Run<'_>, listener: &Listener) {
    let directory = Path::new(run.stores.source.root());
    if directory.is_absolute() && !directory.exists() {
        let directory = directory.display();
        listener
            .remark(&format!("there is no `{directory}` yet: nothing is read until it is there"));
    }
}

/// The first signal lets the micro-batch at hand finish; the second gives it up; the third ends
/// the process on the spot, also while it waits for a store, as safely as a crash would.
///
/// # Errors
/// Fails when the system takes no handler.
pub(super) fn listen(stop: &'static Stop) -> Result<()> {
    for signal in [SIGINT, SIGTERM] {
        let ask = move || {
            if !stop.finish.swap(true, Ordering::Relaxed) {
                say(FINISHING);
            } else if stop.abandon.swap(true, Ordering::Relaxed) {
                low_level::exit(i32::from(Kind::Interrupted.exit_code()));
            }
        };
        // SAFETY: the handler only touches atomics that live for ever and calls `write` and
        // `_exit`, which are async-signal-safe, and cannot panic.
        let registered = unsafe { low_level::register(signal, ask) };
        registered
            .map_err(|error| Diagnostic::internal("cannot listen for signals").cause(error))?;
    }
    Ok(())
}

/// What the first signal is answered by.
const FINISHING: &[u8] =
    b"finishing the micro-batch at hand; once more gives it up, a third time ends at once\n";

/// Says something from within a signal handler.
fn say(text: &[u8]) {
    // SAFETY: the pointer and the length are those of a slice that lives for ever; `write` is
    // async-signal-safe, and there is nobody to tell when it fails.
    let _ = unsafe { libc::write(libc::STDERR_FILENO, text.as_ptr().cast(), text.len()) };
}
