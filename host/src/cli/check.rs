//! `lockgate check`: what is wrong with a pipeline, and what every stage makes of its input.

use super::{Failures, load, schema_tree::schema_tree, terminal::Terminal};
use crate::{
    diagnostic::{Diagnostic, KeyPath},
    run::{self, Checked},
    stage::Engine,
};
use clap::Args;
use std::{path::PathBuf, sync::Arc};

/// Arguments of `lockgate check`.
#[derive(Clone, Debug, Args)]
pub(super) struct CheckArgs {
    /// The pipeline file
    pipeline: PathBuf,
}

/// Runs `lockgate check`.
///
/// # Errors
/// Everything that is wrong with the pipeline file, or the first stage that refuses.
pub(super) fn run(args: &CheckArgs, terminal: &Terminal) -> Result<(), Failures> {
    let plan = load(&args.pipeline, terminal)?;
    let checked = run::check(&plan, &Engine::with_user_cache()?, &terminal.notices())?;
    for (summary, stage) in checked.stages.iter().zip(&plan.stages) {
        for warning in &summary.warnings {
            let warning =
                Diagnostic::from_plugin(warning, &stage.key.name("config"), &stage.config);
            terminal.warn(&warning);
        }
    }
    for warning in &checked.warnings {
        terminal.warn(&Diagnostic::config(warning.as_str()).at(&KeyPath::default().name("sink")));
    }
    terminal.data(&tree(&checked))?;
    let count = plan.stages.len();
    let stages = if count == 1 { "stage" } else { "stages" };
    terminal.talk(&format!("nothing is wrong with `{}`: {count} {stages}", plan.name));
    Ok(())
}

/// The schema after the source, after every stage, and of the files.
fn tree(checked: &Checked) -> String {
    let source = if checked.inferred { "source (inferred)" } else { "source" };
    let mut steps = vec![(source.to_owned(), Arc::clone(&checked.source))];
    steps
        .extend(checked.stages.iter().map(|stage| (stage.name.clone(), Arc::clone(&stage.schema))));
    steps.push(("files of the table".to_owned(), Arc::clone(&checked.files)));
    schema_tree(&steps)
}
