//! What `plugin new` writes: the template crate under its new name, and the SDK beside it.
//!
//! Everything is embedded, so that a new plugin needs nothing but this binary and the crates
//! that the SDK itself is made of; the lock file pins those to the versions tested here (cargo
//! drops what else is in it on the first build).

/// A file of a new crate: its path below the crate's directory, and its content.
pub(super) type File = (String, String);

/// Names in the template, in the forms that a crate name takes.
const CRATE: &str = "my-filter";
const MODULE: &str = "my_filter";
const TYPE: &str = "MyFilter";

include!(concat!(env!("OUT_DIR"), "/plugin_template.rs"));

const LOCK: &str = include_str!("../../../../Cargo.lock");

/// The files of a crate of this name.
pub(super) fn files(name: &str) -> Vec<File> {
    let renamed = |text: &str| {
        text.replace(CRATE, name)
            .replace(MODULE, &module_name(name))
            .replace(TYPE, &type_name(name))
    };
    let template = TEMPLATE.iter().map(|(path, content)| ((*path).to_owned(), renamed(content)));
    let sdk =
        SDK.iter().map(|(path, content)| (format!("lockgate-sdk/{path}"), (*content).to_owned()));
    template.chain(sdk).chain([("Cargo.lock".to_owned(), LOCK.to_owned())]).collect()
}

fn module_name(name: &str) -> String {
    name.replace('-', "_")
}

fn type_name(name: &str) -> String {
    let capitalised = |word: &str| {
        let mut chars = word.chars();
        chars.next().into_iter().flat_map(char::to_uppercase).chain(chars).collect::<String>()
    };
    name.split('-').map(capitalised).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_crate_the_sdk_and_a_lock_file_are_there() {
        let files = files("x");
        for path in [
            "Cargo.toml",
            "Cargo.lock",
            "README.md",
            ".gitignore",
            "src/lib.rs",
            "lockgate-sdk/Cargo.toml",
            "lockgate-sdk/wit/transform.wit",
        ] {
            assert!(
                files.iter().any(|(file, content)| file == path && !content.is_empty()),
                "{path}"
            );
        }
        assert!(files.iter().any(|(file, _)| file.starts_with("cases/")));
        assert!(!files.iter().any(|(file, _)| file.contains("template")));
    }

    #[test]
    fn the_crate_is_renamed_in_every_form() {
        let files = files("keep-big-ones");
        let text = |path: &str| files.iter().find(|(p, _)| p == path).unwrap().1.clone();
        assert!(text("Cargo.toml").contains("name = \"keep-big-ones\""));
        assert!(text("src/lib.rs").contains("lockgate_sdk::export!(KeepBigOnes);"));
        let own = files.iter().filter(|(path, _)| !path.starts_with("lockgate-sdk/"));
        for (path, content) in own {
            for old in [CRATE, MODULE, TYPE] {
                assert!(!content.contains(old), "{old} is left in {path}");
            }
        }
    }

    #[test]
    fn the_guide_shows_the_template() {
        let (_, stage) = TEMPLATE.iter().find(|(path, _)| *path == "src/lib.rs").unwrap();
        let (stage, _) = stage.split_once("\n#[cfg(test)]").unwrap();
        let guide = include_str!("../../../../docs/plugin-guide.md");
        assert!(
            guide.contains(stage.trim_end()),
            "copy sdk/template/src/lib.rs to docs/plugin-guide.md"
        );
    }
}
