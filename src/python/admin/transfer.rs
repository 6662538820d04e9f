//! Google Authenticator's transfers.

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use crate::otp::{KEYS_A_PAYLOAD, Migration};
use crate::python::guard::guarded;
use crate::python::otp::KeyUri;

/// One key of a transfer.
#[pyclass(frozen, get_all, module = "lambdatotp._lambdatotp")]
pub(in crate::python) struct TransferKey {
    /// The key; None for one that no code can be made of.
    key: Option<Py<KeyUri>>,
    /// Why there is none.
    problem: Option<String>,
}

/// One QR code of a transfer, taken apart.
#[pyclass(frozen, get_all, module = "lambdatotp._lambdatotp")]
pub(in crate::python) struct Transfer {
    /// Which of the transfer's QR codes this is, from 0.
    batch_index: u32,
    /// How many QR codes the transfer has.
    batch_size: u32,
    /// The number that the QR codes of one transfer share.
    batch_id: i32,
    /// Its keys.
    keys: Vec<Py<TransferKey>>,
}

/// Reads the text of one of Google Authenticator's QR codes (otpauth-migration://).
///
/// Raises:
///     ValueError: It is not one.
#[guarded]
#[pyfunction]
pub(in crate::python) fn read_transfer(py: Python<'_>, text: &str) -> PyResult<Transfer> {
    let migration = Migration::parse(text)?;
    let keys = migration.keys.into_iter().map(|read| {
        let (key, problem) = match read {
            Ok(key) => (Some(Py::new(py, KeyUri(key))?), None),
            Err(error) => (None, Some(error.to_string())),
        };
        Py::new(py, TransferKey { key, problem })
    });
    Ok(Transfer {
        keys: keys.collect::<PyResult<_>>()?,
        batch_index: migration.batch_index,
        batch_size: migration.batch_size,
        batch_id: migration.batch_id,
    })
}

/// Writes a transfer of one QR code.
///
/// Args:
///     keys: 1 to MAX_TRANSFER_KEYS of them.
///
/// Raises:
///     ValueError: Too many keys or none, or one that the format cannot hold.
#[guarded]
#[pyfunction]
pub(in crate::python) fn write_transfer(keys: Vec<PyRef<'_, KeyUri>>) -> PyResult<String> {
    if keys.is_empty() || keys.len() > KEYS_A_PAYLOAD {
        return Err(PyValueError::new_err("a transfer holds 1 to 10 keys"));
    }
    let keys: Vec<_> = keys.iter().map(|key| key.0.clone()).collect();
    Ok(Migration::write(&keys)?.to_string())
}
