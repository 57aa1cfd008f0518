//! Runs the payments pipeline on its input, in a copy under `target/`, and shows the result.

use crate::{Result, command::run};
use std::path::{Path, PathBuf};
use std::{env, fs, io};

/// Runs the demo with the release build of the host.
///
/// # Errors
/// Fails when the pipeline does.
pub fn demo(root: &Path) -> Result {
    let target = env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from);
    let binary = target.join("release").join(format!("lockgate{}", env::consts::EXE_SUFFIX));
    let here = root.join("target/demo/payments");
    if here.exists() {
        fs::remove_dir_all(&here)?;
    }
    copy(&root.join("pipelines/payments"), &here)?;
    let (binary, pipeline) = (shown(&binary, root), "target/demo/payments/pipeline.toml");
    run(root, &binary, &["run", pipeline, "--available-now"])?;
    let mut files = Vec::new();
    list(&here.join("table"), &mut files)?;
    let files: Vec<_> = files.iter().filter(|(path, _)| is_published(path, &here)).collect();
    let bytes: u64 = files.iter().map(|(_, bytes)| bytes).sum();
    println!("\nthe table: {} Parquet files, {bytes} bytes, among them", files.len());
    for (path, bytes) in files.iter().take(5) {
        println!("  {} ({bytes} bytes)", shown(path, root));
    }
    println!("\nwhat the pipeline has committed:\n  {binary} status {pipeline}");
    println!(
        "the same pipeline, waiting for files in target/demo/payments/input:\n  {binary} run {pipeline}"
    );
    Ok(())
}

/// Parquet files that readers see: the table's own directory of pending files is not among them.
fn is_published(path: &Path, here: &Path) -> bool {
    let inside = path.strip_prefix(here.join("table")).unwrap_or(path);
    !inside.starts_with("_lockgate") && path.extension().is_some_and(|it| it == "parquet")
}

fn shown(path: &Path, root: &Path) -> String {
    path.strip_prefix(root).unwrap_or(path).display().to_string()
}

/// Copies what a pipeline is made of, not what earlier runs left beside it.
fn copy(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to.join("input"))?;
    fs::copy(from.join("pipeline.toml"), to.join("pipeline.toml"))?;
    for entry in fs::read_dir(from.join("input"))? {
        let entry = entry?;
        fs::copy(entry.path(), to.join("input").join(entry.file_name()))?;
    }
    Ok(())
}

fn list(directory: &Path, files: &mut Vec<(PathBuf, u64)>) -> io::Result<()> {
    let mut entries = fs::read_dir(directory)?.collect::<io::Result<Vec<_>>>()?;
    entries.sort_by_key(fs::DirEntry::path);
    for entry in entries {
        let metadata = entry.metadata()?;
        if metadata.is_dir() {
            list(&entry.path(), files)?;
        } else {
            files.push((entry.path(), metadata.len()));
        }
    }
    Ok(())
}
