//! Arguments as Python passes them. Errors name the argument, and quote no value.

use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyInt, PyString};

use super::errors::{ConfigurationError, InvalidLabelError, InvalidUserError};
use super::guard::guarded;
use super::otp::Secret;
use crate::otp;
use crate::verifier::Label;

/// An argument of the wrong type.
fn wrong_type(name: &str, wanted: &str, value: &Bound<'_, PyAny>) -> PyErr {
    let given = value.get_type().name();
    let given = given.as_ref().map_or("that", |name| name.to_str().unwrap_or("that"));
    PyTypeError::new_err(format!("{name} must be {wanted}, not {given}"))
}

fn text<'a, 'py>(name: &str, value: &'a Bound<'py, PyAny>) -> PyResult<&'a Bound<'py, PyString>> {
    value.cast().map_err(|_| wrong_type(name, "a str", value))
}

/// A user id. A str may hold surrogates, which no UTF-8 has.
pub(super) struct User(pub(super) String);

#[guarded]
impl<'a, 'py> FromPyObject<'a, 'py> for User {
    type Error = PyErr;

    fn extract(value: Borrowed<'a, 'py, PyAny>) -> PyResult<Self> {
        let problem = |_| InvalidUserError::new_err("invalid user: it is not valid Unicode");
        Ok(Self(text("user", &value)?.to_str().map_err(problem)?.to_owned()))
    }
}

/// What somebody typed. A text that is not even Unicode cannot be a code, which is not an
/// error.
pub(super) struct Typed<'a>(pub(super) &'a str);

#[guarded]
impl<'a, 'py> FromPyObject<'a, 'py> for Typed<'a> {
    type Error = PyErr;

    fn extract(value: Borrowed<'a, 'py, PyAny>) -> PyResult<Self> {
        match <&str>::extract(value) {
            Ok(typed) => Ok(Self(typed)),
            Err(_) => text("code", &value).map(|_| Self("")),
        }
    }
}

/// A secret: a `Secret`, or its base32 text.
pub(super) struct SecretKey(pub(super) otp::Secret);

#[guarded]
impl<'a, 'py> FromPyObject<'a, 'py> for SecretKey {
    type Error = PyErr;

    fn extract(value: Borrowed<'a, 'py, PyAny>) -> PyResult<Self> {
        if let Ok(text) = value.cast::<PyString>() {
            return Ok(Self(text.to_str().unwrap_or("\0").parse()?));
        }
        match value.cast::<Secret>() {
            Ok(secret) => Ok(Self(secret.get().0.clone())),
            Err(_) => Err(wrong_type("secret", "a Secret or a base32 str", &value)),
        }
    }
}

/// How an authenticator app is to show an account.
pub(super) fn label(
    account_name: Option<&Bound<'_, PyAny>>,
    issuer: Option<&Bound<'_, PyAny>>,
) -> PyResult<Label> {
    let read = |name, value: Option<&Bound<'_, PyAny>>| {
        let Some(value) = value else { return Ok(None) };
        let problem =
            |_| InvalidLabelError::new_err(format!("invalid {name}: it is not valid Unicode"));
        Ok::<_, PyErr>(Some(text(name, value)?.to_str().map_err(problem)?.to_owned()))
    };
    Ok(Label { account_name: read("account_name", account_name)?, issuer: read("issuer", issuer)? })
}

/// A number of recovery codes. A negative one is as wrong as one that is too large.
pub(super) fn size(count: i64) -> usize {
    usize::try_from(count).unwrap_or(usize::MAX)
}

/// What a setting has to be in Python.
#[derive(Clone, Copy)]
pub(super) enum Kind {
    Text,
    Whole,
    Seconds,
    Path,
}

/// A setting as the environment would give it, so that both are read the same way.
///
/// # Errors
/// `TypeError`, or `ConfigurationError` for a text that is not valid Unicode: nothing is
/// replaced in it, and nothing of it is in the error.
pub(super) fn setting(name: &str, kind: Kind, value: &Bound<'_, PyAny>) -> PyResult<String> {
    let unreadable =
        || ConfigurationError::new_err(format!("invalid {name}: it is not valid UTF-8"));
    match kind {
        Kind::Text => text(name, value)?.to_str().map(str::to_owned).map_err(|_| unreadable()),
        Kind::Whole => match value.cast::<PyInt>() {
            Ok(number) => number.str()?.extract(),
            // NumPy's, say.
            Err(_) => match value.extract::<i64>() {
                Ok(number) => Ok(number.to_string()),
                Err(_) => Err(wrong_type(name, "an int", value)),
            },
        },
        Kind::Seconds => match value.extract::<f64>() {
            Ok(seconds) => Ok(seconds.to_string()),
            Err(_) if value.cast::<PyInt>().is_ok() => Ok(f64::INFINITY.to_string()),
            Err(_) => Err(wrong_type(name, "a number", value)),
        },
        Kind::Path => {
            let path = value.py().import("os")?.call_method1("fspath", (value,));
            let path = path.map_err(|_| wrong_type(name, "a str or a path", value))?;
            match path.cast::<PyBytes>() {
                Ok(path) => String::from_utf8(path.as_bytes().to_vec()).map_err(|_| unreadable()),
                Err(_) => setting(name, Kind::Text, &path),
            }
        }
    }
}
