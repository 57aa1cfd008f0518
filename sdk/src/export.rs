//! The component's side of the contract: what [`export!`](crate::export) expands to on
//! `wasm32`. Everything that crosses the boundary is moved, never copied.

#[cfg(target_arch = "wasm32")]
pub use glue::{Kept, Slot, bindings, wit_bindgen};

/// Makes the crate a component with this [`Stage`](crate::Stage).
///
/// On every other target the crate is an ordinary library; its tests get one more, from which
/// `lockgate plugin build` takes the JSON Schema of the config.
#[macro_export]
macro_rules! export {
    ($stage:ty) => {
        #[cfg(target_arch = "wasm32")]
        const _: () = {
            struct Component;

            ::std::thread_local! {
                // Lives as long as the instance, so nothing has to drop it.
                static OPENED: ::std::cell::RefCell<$crate::export::Kept<$stage>> =
                    const { ::std::cell::RefCell::new(None) };
            }

            impl $crate::export::Slot for Component {
                type Stage = $stage;

                const CONFIG_SCHEMA: Option<&'static str> = option_env!("LOCKGATE_CONFIG_SCHEMA");

                fn with<R>(f: impl FnOnce(&mut $crate::export::Kept<$stage>) -> R) -> R {
                    OPENED.with_borrow_mut(f)
                }
            }

            $crate::export::bindings::export_columnar!(
                Component with_types_in $crate::export::bindings
            );
        };

        #[cfg(all(test, not(target_arch = "wasm32")))]
        #[test]
        fn lockgate_config_schema() -> ::std::io::Result<()> {
            $crate::testing::write_config_schema::<$stage>()
        }
    };
}

#[cfg(target_arch = "wasm32")]
mod glue {
    use crate::{Opened, Stage, config, flat};
    use bindings::exports::lockgate::transform::{columns, stage};
    use bindings::lockgate::transform::types;
    use std::mem::ManuallyDrop;
    pub use wit_bindgen;

    #[expect(missing_docs, clippy::pedantic, reason = "generated")]
    pub mod bindings {
        wit_bindgen::generate!({
            path: "wit",
            world: "columnar",
            runtime_path: "lockgate_sdk::export::wit_bindgen::rt",
            export_macro_name: "export_columnar",
            pub_export_macro: true,
            // The SDK's own types where they have the contract's shape: nothing to convert.
            with: {
                "lockgate:transform/types@0.1.0/array": crate::Node,
                "lockgate:transform/types@0.1.0/dependence": crate::Dependence,
                "lockgate:transform/types@0.1.0/disposition": crate::Disposition,
                "lockgate:transform/types@0.1.0/element": crate::Element,
                "lockgate:transform/types@0.1.0/error": crate::Error,
                "lockgate:transform/types@0.1.0/field": crate::flat::FlatField,
                "lockgate:transform/types@0.1.0/part": crate::Part,
                "lockgate:transform/types@0.1.0/path": crate::Path,
                "lockgate:transform/types@0.1.0/read": crate::Read,
                "lockgate:transform/types@0.1.0/rejection": crate::Rejection,
                "lockgate:transform/types@0.1.0/row-result": crate::RowResult,
                "lockgate:transform/types@0.1.0/row-shape": crate::RowShape,
                "lockgate:transform/types@0.1.0/unnest": crate::Unnest,
            },
        });
    }

    /// What a component keeps between calls.
    pub type Kept<S> = Option<ManuallyDrop<Opened<S>>>;

    /// Where a component keeps its one opened stage.
    pub trait Slot {
        /// The stage.
        type Stage: Stage;
        /// JSON Schema of its config, when the build knows it already.
        const CONFIG_SCHEMA: Option<&'static str>;
        /// Borrows the slot.
        fn with<R>(f: impl FnOnce(&mut Kept<Self::Stage>) -> R) -> R;
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

        fn open(config: String, input: types::Schema) -> Result<types::Plan, crate::Error> {
            let input = flat::schema(input)?;
            let (opened, plan) = Opened::<T::Stage>::new(&config, &input)?;
            T::with(|slot| *slot = Some(ManuallyDrop::new(opened)));
            Ok(plan.into())
        }
    }

    impl<T: Slot> columns::Guest for T {
        fn process(input: types::Batch) -> Result<types::Output, crate::Error> {
            T::with(|slot| match slot {
                Some(opened) => opened.process(input.rows as usize, input.watermark, input.columns),
                None => Err(crate::Error::failed("`process` was called before `open`")),
            })
            .map(Into::into)
        }
    }

    impl From<crate::Plan> for types::Plan {
        fn from(plan: crate::Plan) -> Self {
            Self {
                reads: plan.reads,
                rows: plan.rows,
                edits: plan.edits.into_iter().map(Into::into).collect(),
                dependence: plan.dependence,
            }
        }
    }

    impl From<crate::Edit> for types::Edit {
        fn from(edit: crate::Edit) -> Self {
            match edit {
                crate::Edit::Clear => Self::Clear,
                crate::Edit::Drop(name) => Self::Drop(name),
                crate::Edit::Refer { name, path } => Self::Refer(types::Reference { name, path }),
                crate::Edit::Compute(field) => Self::Compute(flat::nodes(&field)),
            }
        }
    }

    impl From<crate::Output> for types::Output {
        fn from(output: crate::Output) -> Self {
            let mut computed = output.columns.into_iter().map(|column| column.nodes);
            let mut columns = computed.next().unwrap_or_default();
            computed.for_each(|mut nodes| columns.append(&mut nodes));
            Self { rows: output.rows, columns, rejections: output.rejections }
        }
    }
}
