//! The attribute that keeps panics inside lambdatotp's Python module.

use proc_macro::TokenStream;
use quote::{ToTokens, quote};
use syn::{Block, Error, ImplItem, Item, ReturnType, Signature, Type, parse_quote};

/// Runs the body of a function, or of every function of an `impl`, inside
/// `python::guard::contained`, so that a panic becomes an `InternalError`. It stands above
/// `#[pyfunction]` or `#[pymethods]`.
///
/// A function that does not return a `PyResult` returns one afterwards, which Python does
/// not see, but Rust callers do.
#[proc_macro_attribute]
pub fn guarded(_: TokenStream, item: TokenStream) -> TokenStream {
    let item = match syn::parse(item) {
        Ok(Item::Fn(mut function)) => {
            guard(&mut function.sig, &mut function.block);
            function.into_token_stream()
        }
        Ok(Item::Impl(mut block)) => {
            for item in &mut block.items {
                if let ImplItem::Fn(function) = item {
                    guard(&mut function.sig, &mut function.block);
                }
            }
            block.into_token_stream()
        }
        Ok(other) => {
            Error::new_spanned(other, "#[guarded] is for a function or an impl").to_compile_error()
        }
        Err(error) => error.to_compile_error(),
    };
    item.into()
}

fn guard(signature: &mut Signature, body: &mut Block) {
    let returned: Type = match &signature.output {
        ReturnType::Default => parse_quote!(()),
        ReturnType::Type(_, returned) => (**returned).clone(),
    };
    let (output, body_of_result) = if is_result(&returned) {
        (returned, body.to_token_stream())
    } else {
        // A closure of its own, for the sake of `return` and `?`.
        let result = quote!({ ::core::result::Result::Ok((|| -> #returned #body)()) });
        (parse_quote!(::pyo3::PyResult<#returned>), result)
    };
    signature.output = parse_quote!(-> #output);
    *body = parse_quote!({ crate::python::guard::contained(|| -> #output #body_of_result) });
}

fn is_result(returned: &Type) -> bool {
    matches!(returned, Type::Path(path)
        if path.path.segments.last().is_some_and(|last| last.ident == "PyResult"))
}
