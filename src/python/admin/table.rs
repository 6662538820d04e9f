//! The table itself.

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use crate::python::guard::guarded;
use crate::python::runtime::block_on;
use crate::python::verifier::Verifier;
use crate::store::{KeyRing, admin};

/// The table as DynamoDB describes it.
#[pyclass(frozen, get_all, module = "lambdatotp._lambdatotp")]
#[expect(clippy::struct_excessive_bools, reason = "each answers a question of its own")]
pub(in crate::python) struct Table {
    /// As DynamoDB calls it: ACTIVE, CREATING and so on.
    status: String,
    /// Whether it can be used as it is.
    usable: bool,
    /// The key, such as "user_id (S)".
    key: String,
    /// Whether that is the key that lambdatotp needs.
    key_fits: bool,
    /// How many users there are, as DynamoDB counted some hours ago.
    items: i64,
    /// Whether billing is on demand, so that capacity cannot run out.
    on_demand: bool,
    /// Whether a key of AWS KMS encrypts it; otherwise one of DynamoDB's own does.
    kms: bool,
    /// Whether deletion protection is on.
    protected: bool,
    /// Of a global table: whether all its Regions decide as one. In an eventually consistent
    /// one, each decides for itself. None for a table in one Region.
    strong: Option<bool>,
    /// Of a global table: its copies, as DynamoDB lists them. The one that was asked need
    /// not be among them.
    replicas: Vec<Replica>,
    /// How far this machine's clock is ahead of the service's, in milliseconds, give or take
    /// 500; None if the service did not send the time.
    ahead_ms: Option<i64>,
}

/// A copy of a global table.
#[pyclass(frozen, get_all, module = "lambdatotp._lambdatotp")]
#[derive(Clone)]
pub(in crate::python) struct Replica {
    /// Its Region, such as eu-west-1.
    region: String,
    /// As DynamoDB calls it: ACTIVE, CREATING and so on.
    status: String,
    /// Whether it only takes part in decisions, and can be neither read nor written.
    witness: bool,
}

/// Whether a setting is on for a table.
#[pyclass(frozen, eq, hash, rename_all = "UPPERCASE", module = "lambdatotp._lambdatotp")]
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(in crate::python) enum SwitchState {
    /// It is on, or being switched on.
    On,
    /// It is off.
    Off,
    /// It is on, but for another attribute than ours.
    Elsewhere,
    /// The endpoint does not have it, or does not let us see it.
    Unknown,
}

/// A setting that can be switched on for a table.
#[pyclass(frozen, get_all, module = "lambdatotp._lambdatotp")]
pub(in crate::python) struct Switch {
    /// Whether it is on.
    state: SwitchState,
    /// A remark on the state; empty for on and off.
    remark: String,
}

/// A request to DynamoDB, as it would be sent.
#[pyclass(frozen, get_all, module = "lambdatotp._lambdatotp")]
pub(in crate::python) struct TableRequest {
    /// The operation, such as CreateTable.
    operation: String,
    /// Its parameters, as JSON.
    body: String,
}

impl From<admin::Table> for Table {
    fn from(table: admin::Table) -> Self {
        Self {
            status: table.status,
            usable: table.usable,
            key: table.key,
            key_fits: table.key_fits,
            items: table.items,
            on_demand: table.on_demand,
            kms: table.kms,
            protected: table.protected,
            strong: table.strong,
            replicas: table.replicas.into_iter().map(Into::into).collect(),
            ahead_ms: table.ahead_ms,
        }
    }
}

impl From<admin::Replica> for Replica {
    fn from(replica: admin::Replica) -> Self {
        Self { region: replica.region, status: replica.status, witness: replica.witness }
    }
}

impl From<admin::Switch> for Switch {
    fn from(switch: admin::Switch) -> Self {
        let (state, remark) = match switch {
            admin::Switch::On => (SwitchState::On, String::new()),
            admin::Switch::Off => (SwitchState::Off, String::new()),
            admin::Switch::Elsewhere(attribute) => {
                (SwitchState::Elsewhere, format!("it is on for {attribute}"))
            }
            admin::Switch::Unknown(why) => (SwitchState::Unknown, why),
        };
        Self { state, remark }
    }
}

impl From<admin::TableRequest> for TableRequest {
    fn from(request: admin::TableRequest) -> Self {
        Self { operation: request.operation, body: request.body }
    }
}

/// The region that requests go to.
#[guarded]
#[pyfunction]
pub(in crate::python) fn region(py: Python<'_>, verifier: &Verifier) -> PyResult<String> {
    block_on(py, verifier.0.region())
}

/// The table as it is; None if there is none.
#[guarded]
#[pyfunction]
pub(in crate::python) fn describe_table(
    py: Python<'_>,
    verifier: &Verifier,
) -> PyResult<Option<Table>> {
    Ok(block_on(py, verifier.0.describe_table())?.map(Into::into))
}

/// Asks for the table. It can be used once `describe_table` says so.
///
/// Returns:
///     Whether it is new.
#[guarded]
#[pyfunction]
pub(in crate::python) fn create_table(py: Python<'_>, verifier: &Verifier) -> PyResult<bool> {
    block_on(py, verifier.0.create_table())
}

/// Asks for copies of an empty table in other Regions, and that all decide as one. They can
/// be used once `describe_table` says that they are ACTIVE.
///
/// Args:
///     verifier: Whose table.
///     replicas: The other Regions: two, or one with a witness.
///     witness: The Region that only takes part in decisions; None for three full copies.
///
/// Returns:
///     Whether this call did it; otherwise the table is being changed already.
#[guarded]
#[pyfunction]
#[pyo3(signature = (verifier, replicas, witness))]
pub(in crate::python) fn add_replicas(
    py: Python<'_>,
    verifier: &Verifier,
    replicas: Vec<String>,
    witness: Option<&str>,
) -> PyResult<bool> {
    block_on(py, verifier.0.add_replicas(&replicas, witness))
}

/// Switches deletion protection on. Each Region has its own.
#[guarded]
#[pyfunction]
pub(in crate::python) fn switch_protection_on(
    py: Python<'_>,
    verifier: &Verifier,
) -> PyResult<Switch> {
    block_on(py, verifier.0.switch_protection_on()).map(Into::into)
}

/// Whether DynamoDB removes items whose expires_at has passed.
#[guarded]
#[pyfunction]
pub(in crate::python) fn expiry(py: Python<'_>, verifier: &Verifier) -> PyResult<Switch> {
    block_on(py, verifier.0.expiry()).map(Into::into)
}

/// Makes DynamoDB remove items whose expires_at has passed.
#[guarded]
#[pyfunction]
pub(in crate::python) fn switch_expiry_on(py: Python<'_>, verifier: &Verifier) -> PyResult<Switch> {
    block_on(py, verifier.0.switch_expiry_on()).map(Into::into)
}

/// Whether the table can be restored to any second of the last 35 days.
#[guarded]
#[pyfunction]
pub(in crate::python) fn backups(py: Python<'_>, verifier: &Verifier) -> PyResult<Switch> {
    block_on(py, verifier.0.backups()).map(Into::into)
}

/// Switches point-in-time recovery on.
#[guarded]
#[pyfunction]
pub(in crate::python) fn switch_backups_on(
    py: Python<'_>,
    verifier: &Verifier,
) -> PyResult<Switch> {
    block_on(py, verifier.0.switch_backups_on()).map(Into::into)
}

/// The requests that would make the table. Nothing is sent.
///
/// Args:
///     verifier: Whose table.
///     replicas: The other Regions of a global table; empty for one Region.
///     witness: The Region that only takes part in decisions; None for none.
#[guarded]
#[pyfunction]
#[pyo3(signature = (verifier, replicas, witness))]
pub(in crate::python) fn table_requests(
    py: Python<'_>,
    verifier: &Verifier,
    replicas: Vec<String>,
    witness: Option<&str>,
) -> PyResult<Vec<TableRequest>> {
    let requests = block_on(py, verifier.0.table_requests(&replicas, witness))?;
    Ok(requests.into_iter().map(Into::into).collect())
}

/// A new key for the `keys` setting: 256 random bits in base64, with a name before them.
///
/// Raises:
///     ValueError: The name is not 1 to 32 letters, digits, '_' and '-'.
#[guarded]
#[pyfunction]
pub(in crate::python) fn new_key(name: &str) -> PyResult<String> {
    let key = KeyRing::new_key(name)?;
    KeyRing::parse(&key).map_err(PyValueError::new_err)?;
    Ok(key.to_string())
}
