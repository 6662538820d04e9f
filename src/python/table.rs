//! The table itself, for the command line.

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use super::guard::guarded;
use super::runtime::block_on;
use super::verifier::Verifier;
use crate::store::{KeyRing, Part, Switch, creation_requests};

/// The region that requests go to.
#[guarded]
#[pyfunction]
pub(super) fn _region(py: Python<'_>, verifier: &Verifier) -> PyResult<String> {
    block_on(py, verifier.0.store().region())
}

/// The table as it is, or None.
#[guarded]
#[pyfunction]
pub(super) fn _describe_table<'py>(
    py: Python<'py>,
    verifier: &Verifier,
) -> PyResult<Option<Bound<'py, PyDict>>> {
    let Some(table) = block_on(py, verifier.0.store().describe_table())? else { return Ok(None) };
    let dict = PyDict::new(py);
    dict.set_item("status", table.status)?;
    dict.set_item("key", table.key)?;
    dict.set_item("key_fits", table.key_fits)?;
    dict.set_item("items", table.items)?;
    dict.set_item("on_demand", table.on_demand)?;
    dict.set_item("kms", table.kms)?;
    dict.set_item("protected", table.protected)?;
    dict.set_item("ahead_ms", table.ahead_ms)?;
    Ok(Some(dict))
}

/// Asks for the table; tells whether it is new.
#[guarded]
#[pyfunction]
pub(super) fn _create_table(py: Python<'_>, verifier: &Verifier) -> PyResult<bool> {
    block_on(py, verifier.0.store().create_table())
}

/// Reads "expiry" or "backups", or switches it on: whether it is on, and what there is
/// to say about it.
#[guarded]
#[pyfunction]
#[pyo3(signature = (verifier, what, *, on=false))]
pub(super) fn _switch(
    py: Python<'_>,
    verifier: &Verifier,
    what: &str,
    on: bool,
) -> PyResult<(Option<bool>, String)> {
    let store = verifier.0.store();
    let switch = match (what, on) {
        ("expiry", false) => block_on(py, store.expiry()),
        ("expiry", true) => block_on(py, store.switch_expiry_on()),
        ("backups", false) => block_on(py, store.backups()),
        ("backups", true) => block_on(py, store.switch_backups_on()),
        _ => return Err(PyValueError::new_err("use expiry or backups")),
    }?;
    Ok(match switch {
        Switch::On => (Some(true), String::new()),
        Switch::Off => (Some(false), String::new()),
        Switch::Elsewhere(attribute) => (Some(false), format!("it is on for {attribute}")),
        Switch::Unknown(why) => (None, why),
    })
}

/// The requests that would make the table, as pairs of operation and JSON.
#[guarded]
#[pyfunction]
pub(super) fn _table_requests(py: Python<'_>, table_name: &str) -> PyResult<Vec<(String, String)>> {
    block_on(py, creation_requests(table_name))
}

/// Seals one page: where the next one begins, how many were sealed and how many were
/// already, and why others could not be.
#[guarded]
#[pyfunction]
pub(super) fn _reseal(
    py: Python<'_>,
    verifier: &Verifier,
    after: Option<&str>,
    segment: i32,
    segments: i32,
    limit: i32,
) -> PyResult<(Option<String>, usize, usize, Vec<String>)> {
    let store = verifier.0.store();
    let part = Part { after, segment: (segment, segments), limit };
    let page = block_on(py, store.reseal(part))?;
    Ok((page.next, page.sealed, page.already, page.refused))
}

/// A new key for the `keys` setting.
#[guarded]
#[pyfunction]
pub(super) fn _new_key(name: &str) -> PyResult<String> {
    let key = KeyRing::new_key(name)?;
    KeyRing::parse(&key).map_err(PyValueError::new_err)?;
    Ok(key.to_string())
}
