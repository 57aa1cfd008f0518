//! Every bad pipeline file in `ui/` has, beside it, exactly what is said of it.
//!
//! `ui/NAME.toml` is loaded and checked, and what is wrong is compared with `ui/NAME.err`. After a change
//! of wording: `UPDATE_EXPECT=1 cargo test --package lockgate-tests --test diagnostics`, and
//! read the difference.

use lockgate::{
    diagnostic::{Diagnostic, Renderer},
    pipeline::{self, Environment},
    run,
};
use lockgate_tests::ENGINE;
use std::{
    env, fs, io,
    path::{Path, PathBuf},
};

/// What `${env:SECRET}` stands for in every case.
const SECRET: &str = "hunter2-the-secret";

/// One variable is set; files are those in `ui/`.
struct Fixed;

impl Environment for Fixed {
    fn variable(&self, name: &str) -> Result<String, String> {
        match name {
            "SECRET" => Ok(SECRET.to_owned()),
            _ => Err(format!("environment variable `{name}` is not set")),
        }
    }

    fn file(&self, path: &str) -> Result<String, String> {
        fs::read_to_string(Path::new("ui").join(path))
            .map_err(|_| format!("cannot read file `{path}`"))
    }
}

/// What is said of a pipeline file, coloured or not.
fn said(path: &Path) -> String {
    let renderer = Renderer { colour: false };
    let checked = pipeline::load_in(path, &Fixed).and_then(|plan| {
        let checked = run::check(&plan, &ENGINE, &lockgate::storage::silent());
        let placed = |failure: Diagnostic| failure.in_file(&plan.text);
        checked.map_err(|failure| vec![plan.secrets.redact_diagnostic(placed(failure))])
    });
    let Err(failures) = checked else { return "nothing is wrong\n".to_owned() };
    let texts: Vec<String> = failures.iter().map(|failure| renderer.render(failure)).collect();
    let code = failures[0].kind.exit_code();
    format!("{}\nexit code {code}\n", texts.join("\n"))
}

/// The files in `ui/` with this extension, sorted.
fn files(extension: &str) -> io::Result<Vec<PathBuf>> {
    let entries: io::Result<Vec<_>> = fs::read_dir("ui")?.collect();
    let paths = entries?.into_iter().map(|entry| entry.path());
    let mut files: Vec<_> =
        paths.filter(|path| path.extension().is_some_and(|found| found == extension)).collect();
    files.sort();
    Ok(files)
}

#[test]
fn every_bad_pipeline_file_gets_the_message_beside_it() {
    let update = env::var_os("UPDATE_EXPECT").is_some();
    let mut different = Vec::new();
    let cases = files("toml").unwrap();
    assert!(cases.len() > 20, "run in the directory `tests`");
    for case in &cases {
        let said = said(case);
        let expected = case.with_extension("err");
        if update {
            fs::write(&expected, &said).unwrap();
        } else if fs::read_to_string(&expected).unwrap_or_default() != said {
            different.push(format!("=== {}\n{said}", case.display()));
        }
    }
    assert!(
        different.is_empty(),
        "{}\nif this is right: UPDATE_EXPECT=1 cargo test --package lockgate-tests --test diagnostics",
        different.join("\n")
    );
}

#[test]
fn no_message_shows_what_a_reference_stands_for() {
    for case in files("toml").unwrap() {
        assert!(!said(&case).contains(SECRET), "{}", case.display());
    }
}

#[test]
fn what_is_expected_belongs_to_a_case() {
    for path in files("err").unwrap() {
        assert!(path.with_extension("toml").exists(), "{} has no case", path.display());
    }
}

#[test]
fn a_pipeline_file_that_is_not_there_is_named() {
    let failures = pipeline::load(Path::new("ui/none.toml")).unwrap_err();
    assert_eq!(failures[0].message, "cannot read the pipeline file `ui/none.toml`");
    let failures = pipeline::load(Path::new("../pipelines/payments")).unwrap_err();
    assert_eq!(failures[0].hints, ["did you mean `../pipelines/payments/pipeline.toml`?"]);
}
