//! The component's side of the contract: what [`export!`](crate::export) expands to on
//! `wasm32`. Everything that crosses the boundary is moved, never copied.

#[cfg(target_arch = "wasm32")]
pub use glue::{Slot, bindings, wit_bindgen};

/// Makes the crate a component with this [`Stage`](crate::Stage).
///
/// Expands to nothing except on `wasm32`, so the crate is also an ordinary library.
#[macro_export]
macro_rules! export {
    ($stage:ty) => {
        #[cfg(target_arch = "wasm32")]
        const _: () = {
            struct Component;

            ::std::thread_local! {
                static OPENED: ::std::cell::RefCell<Option<$crate::Opened<$stage>>> =
                    const { ::std::cell::RefCell::new(None) };
            }

            impl $crate::export::Slot for Component {
                type Stage = $stage;

                const CONFIG_SCHEMA: Option<&'static str> = option_env!("LOCKGATE_CONFIG_SCHEMA");

                fn with<R>(f: impl FnOnce(&mut Option<$crate::Opened<$stage>>) -> R) -> R {
                    OPENED.with_borrow_mut(f)
                }
            }

            $crate::export::bindings::export_columnar!(
                Component with_types_in $crate::export::bindings
            );
        };
    };
}

#[cfg(target_arch = "wasm32")]
mod glue {
    use crate::flat::{self, FlatField};
    use crate::{Opened, Stage, config};
    use bindings::exports::lockgate::transform::{columns, stage};
    use bindings::lockgate::transform::types;
    pub use wit_bindgen;

    #[expect(missing_docs, clippy::pedantic, reason = "generated")]
    pub mod bindings {
        wit_bindgen::generate!({
            path: "wit",
            world: "columnar",
            runtime_path: "lockgate_sdk::export::wit_bindgen::rt",
            export_macro_name: "export_columnar",
            pub_export_macro: true,
        });
    }

    /// Where a component keeps its one opened stage.
    pub trait Slot {
        /// The stage.
        type Stage: Stage;
        /// JSON Schema of its config, when the build knows it already.
        const CONFIG_SCHEMA: Option<&'static str>;
        /// Borrows the slot.
        fn with<R>(f: impl FnOnce(&mut Option<Opened<Self::Stage>>) -> R) -> R;
    }

    impl<T: Slot> stage::Guest for T {
        fn describe() -> types::Metadata {
            let about = T::Stage::ABOUT;
            types::Metadata {
                name: about.name.to_owned(),
                version: about.version.to_owned(),
                summary: about.summary.to_owned(),
                docs: about.docs.to_owned(),
                config_schema: match T::CONFIG_SCHEMA {
                    Some(schema) => schema.to_owned(),
                    None => config::schema::<T::Stage>(),
                },
                examples: about.examples.iter().map(|&example| example.to_owned()).collect(),
            }
        }

        fn open(config: String, input: types::Schema) -> Result<types::Plan, types::Error> {
            let input = flat::schema(input.into_iter().map(FlatField::from))?;
            let (opened, plan) = Opened::<T::Stage>::new(&config, &input)?;
            T::with(|slot| *slot = Some(opened));
            Ok(plan.into())
        }
    }

    impl<T: Slot> columns::Guest for T {
        fn process(input: types::Batch) -> Result<types::Output, types::Error> {
            let nodes = input.columns.into_iter().map(crate::Node::from);
            T::with(|slot| match slot {
                Some(opened) => Ok(opened.process(input.rows as usize, input.watermark, nodes)?),
                None => Err(crate::Error::failed("`process` was called before `open`")),
            })
            .map(Into::into)
            .map_err(Into::into)
        }
    }

    impl From<types::Field> for FlatField {
        fn from(field: types::Field) -> Self {
            let types::Field { name, format, nullable, children, metadata } = field;
            Self { name, format, nullable, children, metadata }
        }
    }

    impl From<FlatField> for types::Field {
        fn from(field: FlatField) -> Self {
            let FlatField { name, format, nullable, children, metadata } = field;
            Self { name, format, nullable, children, metadata }
        }
    }

    impl From<types::Array> for crate::Node {
        fn from(array: types::Array) -> Self {
            let types::Array { length, null_count, validity, offsets, data } = array;
            Self { length, null_count, validity, offsets, data }
        }
    }

    impl From<crate::Node> for types::Array {
        fn from(node: crate::Node) -> Self {
            let crate::Node { length, null_count, validity, offsets, data } = node;
            Self { length, null_count, validity, offsets, data }
        }
    }

    impl From<crate::Error> for types::Error {
        fn from(error: crate::Error) -> Self {
            match error {
                crate::Error::Config(message) => Self::Config(message),
                crate::Error::Input(message) => Self::Input(message),
                crate::Error::Failed(message) => Self::Failed(message),
            }
        }
    }

    impl From<crate::Plan> for types::Plan {
        fn from(plan: crate::Plan) -> Self {
            Self {
                reads: plan.reads.into_iter().map(Into::into).collect(),
                rows: plan.rows.into(),
                edits: plan.edits.into_iter().map(Into::into).collect(),
                dependence: plan.dependence.into(),
            }
        }
    }

    impl From<crate::Read> for types::Read {
        fn from(read: crate::Read) -> Self {
            let part = match read.part {
                crate::Part::Full => types::Part::Full,
                crate::Part::Validity => types::Part::Validity,
                crate::Part::Offsets => types::Part::Offsets,
            };
            Self { path: read.path.into(), part }
        }
    }

    impl From<crate::RowShape> for types::RowShape {
        fn from(rows: crate::RowShape) -> Self {
            match rows {
                crate::RowShape::Keep => Self::Keep,
                crate::RowShape::Filter => Self::Filter,
                crate::RowShape::Reindex => Self::Reindex,
                crate::RowShape::Produce => Self::Produce,
                crate::RowShape::Unnest(unnest) => {
                    let element = |element: crate::Element| types::Element {
                        column: element.column.into(),
                        name: element.name,
                    };
                    Self::Unnest(types::Unnest {
                        columns: unnest.columns.into_iter().map(element).collect(),
                        keep_empty: unnest.keep_empty,
                        position: unnest.position,
                    })
                }
            }
        }
    }

    impl From<crate::Edit> for types::Edit {
        fn from(edit: crate::Edit) -> Self {
            match edit {
                crate::Edit::Clear => Self::Clear,
                crate::Edit::Drop(name) => Self::Drop(name),
                crate::Edit::Refer { name, path } => {
                    Self::Refer(types::Reference { name, path: path.into() })
                }
                crate::Edit::Compute(field) => {
                    Self::Compute(flat::nodes(&field).into_iter().map(Into::into).collect())
                }
            }
        }
    }

    impl From<crate::Dependence> for types::Dependence {
        fn from(dependence: crate::Dependence) -> Self {
            match dependence {
                crate::Dependence::Row => Self::Row,
                crate::Dependence::Batch => Self::Batch,
                crate::Dependence::Keyed(paths) => {
                    Self::Keyed(paths.into_iter().map(Into::into).collect())
                }
                crate::Dependence::Sequence => Self::Sequence,
            }
        }
    }

    impl From<crate::RowResult> for types::RowResult {
        fn from(rows: crate::RowResult) -> Self {
            match rows {
                crate::RowResult::Same => Self::Same,
                crate::RowResult::Keep(bitmap) => Self::Keep(bitmap),
                crate::RowResult::Take(rows) => Self::Take(rows),
                crate::RowResult::Produced(rows) => Self::Produced(rows),
            }
        }
    }

    impl From<crate::Rejection> for types::Rejection {
        fn from(rejection: crate::Rejection) -> Self {
            let crate::Rejection { code, message, disposition, rows } = rejection;
            let disposition = match disposition {
                crate::Disposition::Quarantine => types::Disposition::Quarantine,
                crate::Disposition::Note => types::Disposition::Note,
            };
            Self { code, message, disposition, rows }
        }
    }

    impl From<crate::Output> for types::Output {
        fn from(output: crate::Output) -> Self {
            let nodes = output.columns.into_iter().flat_map(|column| column.nodes);
            Self {
                rows: output.rows.into(),
                columns: nodes.map(Into::into).collect(),
                rejections: output.rejections.into_iter().map(Into::into).collect(),
            }
        }
    }
}
