//! The machine that figures were taken on, without its name.

use crate::{Result, command};
use std::{fs, path::Path, thread};

/// What a reader needs to know of the machine and the day.
pub(super) struct Machine {
    pub(super) processor: String,
    pub(super) cores: usize,
    pub(super) memory_gib: f64,
    pub(super) kernel: String,
    /// UTC, `YYYY-MM-DD`.
    pub(super) date: String,
    /// Of the tree that was measured.
    pub(super) commit: String,
}

impl Machine {
    /// Asks the kernel, the clock and git.
    ///
    /// # Errors
    /// Fails where there is no `/proc`, `date` or git.
    pub(super) fn here(root: &Path) -> Result<Self> {
        let field = |file: &str, name: &str| -> Result<String> {
            Ok(value(&fs::read_to_string(file)?, name).unwrap_or("unknown").to_owned())
        };
        let memory = field("/proc/meminfo", "MemTotal")?;
        let kibibytes: f64 = memory.trim_end_matches(" kB").parse().unwrap_or_default();
        let said = |program: &str, words: &[&str]| -> Result<String> {
            Ok(command::output(root, program, words)?.trim().to_owned())
        };
        Ok(Self {
            processor: field("/proc/cpuinfo", "model name")?,
            cores: thread::available_parallelism()?.get(),
            memory_gib: kibibytes / 1_048_576.0,
            kernel: said("uname", &["-sr"])?,
            date: said("date", &["-u", "+%F"])?,
            commit: said("git", &["describe", "--always", "--dirty", "--exclude=*"])?,
        })
    }
}

/// The first value of this name in lines of `NAME: VALUE`.
fn value<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let mut fields = text.lines().filter_map(|line| line.split_once(':'));
    fields.find(|(key, _)| key.trim() == name).map(|(_, value)| value.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_of_proc_are_found_by_name() {
        let text = "processor\t: 0\nmodel name\t: Some CPU: 2 GHz\nmodel name\t: other\n";
        assert_eq!(value(text, "model name"), Some("Some CPU: 2 GHz"));
        assert_eq!(value(text, "flags"), None);
    }
}
