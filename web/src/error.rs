//! What does a page see when something fails? `{code, message}` with a closed set of codes.

use shared::{engine::EngineError, package::PackageError};
use wasm_bindgen::{JsCast, JsValue};

/// A failure on its way to the page.
#[derive(Debug, serde::Serialize)]
pub struct WebError {
    code: Code,
    pub message: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Code {
    /// A file of the package could not be fetched.
    PackageUnreachable,
    /// A file of the package is not what the manifest says.
    PackageCorrupt,
    /// The package is of a format that this bundle does not read.
    PackageVersion,
    /// There is no usable GPU, or this bundle has no support for one.
    WebgpuUnavailable,
    /// The engine failed while building or answering.
    EngineFailed,
    /// The page asked for something that makes no sense.
    BadRequest,
}

impl WebError {
    pub fn new(code: Code, message: impl ToString) -> Self {
        Self { code, message: message.to_string() }
    }
}

/// What JavaScript threw, in its own words where it has some.
pub fn reason(thrown: &JsValue, otherwise: &str) -> String {
    let error = thrown.dyn_ref::<js_sys::Error>();
    error.map_or_else(|| otherwise.to_owned(), |error| String::from(error.message()))
}

impl From<PackageError> for WebError {
    fn from(error: PackageError) -> Self {
        let code = match error {
            PackageError::Version { .. } | PackageError::UnknownTemplate { .. } => Code::PackageVersion,
            _ => Code::PackageCorrupt,
        };
        Self::new(code, error)
    }
}

impl From<EngineError> for WebError {
    fn from(error: EngineError) -> Self {
        let code = match error {
            EngineError::Weights(_) => Code::PackageCorrupt,
            EngineError::UnknownItem { .. } => Code::BadRequest,
            _ => Code::EngineFailed,
        };
        Self::new(code, error)
    }
}

impl From<serde_wasm_bindgen::Error> for WebError {
    fn from(error: serde_wasm_bindgen::Error) -> Self {
        Self::new(Code::BadRequest, error)
    }
}

impl From<WebError> for JsValue {
    fn from(error: WebError) -> Self {
        // Two strings always become an object; the message alone is better than nothing.
        serde_wasm_bindgen::to_value(&error).unwrap_or_else(|_| JsValue::from_str(&error.message))
    }
}
