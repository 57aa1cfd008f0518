//! The tests of SQL on FHIR v2 whose paths are plain names: `forEach` is an explode,
//! `forEachOrNull` one that keeps empty lists, `unionAll` the rows of several branches.
//!
//! <https://github.com/FHIR/sql-on-fhir-v2>, MIT.

use super::{Value, data, exploded, text, unordered, value_at};

struct Case {
    file: &'static str,
    title: &'static str,
    branches: &'static [Branch],
}

struct Branch {
    stages: &'static [&'static str],
    /// Name in the expected rows, and path in ours.
    select: &'static [(&'static str, &'static str)],
}

const fn foreach(title: &'static str, branches: &'static [Branch]) -> Case {
    Case { file: "foreach", title, branches }
}

/// Lists that no resource of the files has, but views speak of.
const TYPES: &[(&str, &str)] = &[("identifier", "array<struct<value: string>>")];

const NAME: &str = r#"{"column": "name"}"#;
const NAME_OR_NULL: &str = r#"{"column": "name", "keep_empty": true}"#;
const IDENTIFIER: &str = r#"{"column": "identifier"}"#;
const IDENTIFIER_OR_NULL: &str = r#"{"column": "identifier", "keep_empty": true}"#;
const CONTACT: &str = r#"{"column": "contact"}"#;
const CONTACT_OR_NULL: &str = r#"{"column": "contact", "keep_empty": true}"#;
/// A path of `FHIRPath` goes through lists; `telecom` has one element wherever it is.
const TELECOM: &str = r#"{"column": "contact.telecom", "keep_empty": true}"#;
const GIVEN: &str = r#"{"column": "contact.name.given"}"#;

const FAMILIES: &[(&str, &str)] = &[("id", "id"), ("family", "name.family")];
const VALUES: &[(&str, &str)] = &[("id", "id"), ("value", "identifier.value")];
const GIVEN_NAMES: &[(&str, &str)] =
    &[("id", "id"), ("name", "given"), ("contact_type", "telecom.system")];
const WITH_COLLECTION: &[(&str, &str)] =
    &[("id", "id"), ("last_name", "name.family"), ("first_name", "name.given")];

const CASES: &[Case] = &[
    foreach("forEach: normal", &[Branch { stages: &[NAME], select: FAMILIES }]),
    foreach("forEachOrNull: basic", &[Branch { stages: &[NAME_OR_NULL], select: FAMILIES }]),
    foreach("forEach: empty", &[Branch { stages: &[IDENTIFIER], select: VALUES }]),
    foreach(
        "forEach: two on the same level",
        &[Branch {
            stages: &[CONTACT, NAME],
            select: &[("cont_family", "contact.name.family"), ("pat_family", "name.family")],
        }],
    ),
    foreach(
        "forEach: two on the same level (empty result)",
        &[Branch { stages: &[IDENTIFIER, NAME], select: FAMILIES }],
    ),
    foreach(
        "forEachOrNull: null case",
        &[Branch { stages: &[IDENTIFIER_OR_NULL], select: VALUES }],
    ),
    foreach(
        "forEach and forEachOrNull on the same level",
        &[Branch {
            stages: &[IDENTIFIER_OR_NULL, NAME],
            select: &[("id", "id"), ("family", "name.family"), ("value", "identifier.value")],
        }],
    ),
    foreach(
        "nested forEach",
        &[Branch { stages: &[CONTACT, TELECOM, GIVEN], select: GIVEN_NAMES }],
    ),
    foreach(
        "nested forEach: select & column",
        &[Branch { stages: &[CONTACT, TELECOM, GIVEN], select: GIVEN_NAMES }],
    ),
    foreach(
        "forEachOrNull & unionAll on the same level",
        &[
            Branch {
                stages: &[CONTACT_OR_NULL],
                select: &[("id", "id"), ("name", "contact.name.family")],
            },
            Branch { stages: &[CONTACT, GIVEN], select: &[("id", "id"), ("name", "given")] },
        ],
    ),
    foreach(
        "forEach & unionAll on the same level",
        &[
            Branch { stages: &[CONTACT], select: &[("id", "id"), ("name", "contact.name.family")] },
            Branch { stages: &[CONTACT, GIVEN], select: &[("id", "id"), ("name", "given")] },
        ],
    ),
    foreach(
        "forEach & unionAll & column & select on the same level",
        &[
            Branch {
                stages: &[CONTACT, TELECOM],
                select: &[
                    ("id", "id"),
                    ("name", "contact.name.family"),
                    ("tel_system", "telecom.system"),
                    ("gender", "contact.gender"),
                ],
            },
            Branch {
                stages: &[CONTACT, TELECOM, GIVEN],
                select: &[
                    ("id", "id"),
                    ("name", "given"),
                    ("tel_system", "telecom.system"),
                    ("gender", "contact.gender"),
                ],
            },
        ],
    ),
    foreach(
        "forEachOrNull & unionAll & column & select on the same level",
        &[
            Branch {
                stages: &[CONTACT_OR_NULL, TELECOM],
                select: &[
                    ("id", "id"),
                    ("name", "contact.name.family"),
                    ("tel_system", "telecom.system"),
                    ("gender", "contact.gender"),
                ],
            },
            Branch {
                stages: &[CONTACT, TELECOM, GIVEN],
                select: &[
                    ("id", "id"),
                    ("name", "given"),
                    ("tel_system", "telecom.system"),
                    ("gender", "contact.gender"),
                ],
            },
        ],
    ),
    Case {
        file: "collection",
        title: "collection = false relative to forEach parent",
        branches: &[Branch { stages: &[NAME], select: WITH_COLLECTION }],
    },
    Case {
        file: "collection",
        title: "collection = false relative to forEachOrNull parent",
        branches: &[Branch { stages: &[NAME], select: WITH_COLLECTION }],
    },
];

#[test]
fn rows_are_those_that_sql_on_fhir_expects() {
    let Some(dir) = data("sql-on-fhir-tests") else { return };
    for case in CASES {
        let file: Value = text(&dir.join(format!("{}.json", case.file))).parse().unwrap();
        let resources = file["resources"].as_array().unwrap();
        let tests = file["tests"].as_array().unwrap();
        let test = tests.iter().find(|test| test["title"] == case.title).unwrap();
        let mut actual = Vec::new();
        for Branch { stages, select } in case.branches {
            for row in exploded(resources, TYPES, stages) {
                let member =
                    |(name, path): &(&str, &str)| ((*name).to_owned(), value_at(&row, path));
                actual.push(select.iter().map(member).collect::<Value>());
            }
        }
        let expected = test["expect"].as_array().unwrap().clone();
        assert_eq!(unordered(actual), unordered(expected), "{}", case.title);
    }
    println!("{} cases of SQL on FHIR pass", CASES.len());
}
