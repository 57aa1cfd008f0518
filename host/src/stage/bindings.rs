//! The contract as Rust types, generated from `wit/`.

#![expect(missing_docs, reason = "generated; the contract documents itself")]

wasmtime::component::bindgen!({
    path: "../wit",
    world: "columnar",
    ownership: Borrowing { duplicate_if_necessary: true },
    require_store_data_send: true,
});
