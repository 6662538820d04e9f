//! Many users at once.

use pyo3::prelude::*;

use crate::python::guard::guarded;
use crate::python::otp::Totp;
use crate::python::results::UserStatus;
use crate::python::runtime::block_on;
use crate::python::verifier::Verifier;
use crate::store::StoreError;
use crate::store::admin::{self, ImportedUser, Listed, PageRequest};
use crate::verifier::{VerifierError, admin as verifier_admin};

/// A user's history, as far as it moves with them to another table: codes stay used up, misses
/// stay counted, and recovery codes keep working. None means that there is no such value.
#[pyclass(frozen, get_all, module = "lambdatotp._lambdatotp")]
pub(in crate::python) struct UserState {
    /// When they were registered, in seconds since 1970.
    registered_at: Option<u64>,
    /// When a code was first accepted, in seconds since 1970.
    confirmed_at: Option<u64>,
    /// When the registration expires unless a code is accepted first, in seconds since 1970.
    expires_at: Option<u64>,
    /// The last step accepted.
    last_step: Option<u64>,
    /// Misses since the last success.
    misses: Option<u64>,
    /// When the attempt budget is full again, in milliseconds since 1970.
    throttle_at: Option<i64>,
    /// The same for attempts with recovery codes, which versions before the second edition
    /// of the protocol charged.
    recovery_at: Option<i64>,
    /// The hashes of the recovery codes that are left.
    recovery: Vec<String>,
    /// The rotation in progress.
    pending: Option<Py<Pending>>,
}

/// The secret of a rotation that nobody has confirmed yet. Its repr shows none of it.
#[pyclass(frozen, get_all, module = "lambdatotp._lambdatotp")]
pub(in crate::python) struct Pending {
    /// The secret, and how codes are made of it.
    totp: Py<Totp>,
    /// When it expires, in seconds since 1970.
    expires_at: u64,
}

#[guarded]
#[pymethods]
impl Pending {
    #[new]
    #[pyo3(signature = (totp, expires_at))]
    fn new(totp: Py<Totp>, expires_at: u64) -> Self {
        Self { totp, expires_at }
    }

    fn __repr__(&self) -> String {
        format!("<Pending: until {}>", self.expires_at)
    }
}

#[guarded]
#[pymethods]
impl UserState {
    #[new]
    #[pyo3(signature = (
        *, registered_at=None, confirmed_at=None, expires_at=None, last_step=None, misses=None,
        throttle_at=None, recovery_at=None, recovery=Vec::new(), pending=None
    ))]
    #[expect(clippy::too_many_arguments, reason = "all optional, all by name")]
    fn new(
        registered_at: Option<u64>,
        confirmed_at: Option<u64>,
        expires_at: Option<u64>,
        last_step: Option<u64>,
        misses: Option<u64>,
        throttle_at: Option<i64>,
        recovery_at: Option<i64>,
        recovery: Vec<String>,
        pending: Option<Py<Pending>>,
    ) -> Self {
        Self {
            registered_at,
            confirmed_at,
            expires_at,
            last_step,
            misses,
            throttle_at,
            recovery_at,
            recovery,
            pending,
        }
    }
}

impl UserState {
    fn of(py: Python<'_>, state: admin::UserState) -> PyResult<Self> {
        let pending = state.pending.map(|admin::Pending { totp, expires_at }| {
            Py::new(py, Pending { totp: Py::new(py, Totp(totp))?, expires_at })
        });
        Ok(Self {
            registered_at: state.registered_at,
            confirmed_at: state.confirmed_at,
            expires_at: state.expires_at,
            last_step: state.last_step,
            misses: state.misses,
            throttle_at: state.throttle_at,
            recovery_at: state.recovery_at,
            recovery: state.recovery,
            pending: pending.transpose()?,
        })
    }
}

impl From<&UserState> for admin::UserState {
    fn from(state: &UserState) -> Self {
        Self {
            registered_at: state.registered_at,
            confirmed_at: state.confirmed_at,
            expires_at: state.expires_at,
            last_step: state.last_step,
            misses: state.misses,
            throttle_at: state.throttle_at,
            recovery_at: state.recovery_at,
            recovery: state.recovery.clone(),
            pending: state.pending.as_ref().map(|pending| {
                let pending = pending.get();
                let totp = pending.totp.get().0.clone();
                admin::Pending { totp, expires_at: pending.expires_at }
            }),
        }
    }
}

/// A user with everything that moves with them to another table, the secret included.
/// Its repr shows the user id alone.
#[pyclass(frozen, module = "lambdatotp._lambdatotp")]
pub(in crate::python) struct StoredUser {
    user: String,
    totp: Py<Totp>,
    state: Py<UserState>,
    /// One for all tries of an import, so that none takes an earlier one's write for another's.
    id: String,
}

#[guarded]
#[pymethods]
impl StoredUser {
    #[new]
    #[pyo3(signature = (user, totp, state))]
    fn new(user: String, totp: Py<Totp>, state: Py<UserState>) -> PyResult<Self> {
        let id = admin::import_id().map_err(VerifierError::from)?;
        Ok(Self { user, totp, state, id })
    }

    /// The user id.
    #[getter]
    fn user(&self) -> &str {
        &self.user
    }

    /// The secret, and how codes are made of it.
    #[getter]
    fn totp(&self, py: Python<'_>) -> Py<Totp> {
        self.totp.clone_ref(py)
    }

    /// What else moves with them.
    #[getter]
    fn state(&self, py: Python<'_>) -> Py<UserState> {
        self.state.clone_ref(py)
    }

    fn __repr__(&self) -> String {
        format!("<StoredUser: {:?}>", self.user)
    }
}

impl From<&StoredUser> for ImportedUser {
    fn from(user: &StoredUser) -> Self {
        Self {
            user: user.user.clone(),
            totp: user.totp.get().0.clone(),
            state: user.state.get().into(),
            id: user.id.clone(),
        }
    }
}

/// One user of a page.
#[pyclass(frozen, get_all, module = "lambdatotp._lambdatotp")]
pub(in crate::python) struct ListedUser {
    /// The user id.
    user: String,
    /// What is known of them; None if they cannot be read.
    status: Option<Py<UserStatus>>,
    /// Why they cannot be read.
    problem: Option<String>,
}

/// A page of users, without their secrets.
#[pyclass(frozen, get_all, module = "lambdatotp._lambdatotp")]
pub(in crate::python) struct TablePage {
    /// Where the next page begins; None at the end.
    next: Option<String>,
    /// The users, in DynamoDB's order: of their keys' hashes.
    users: Vec<Py<ListedUser>>,
}

/// A page of users with everything that moves with them.
#[pyclass(frozen, get_all, module = "lambdatotp._lambdatotp")]
pub(in crate::python) struct ExportPage {
    /// Where the next page begins; None at the end.
    next: Option<String>,
    /// The users that could be read.
    users: Vec<Py<StoredUser>>,
    /// What could not be read, and why.
    problems: Vec<String>,
}

/// A user whose id is invalid.
#[pyclass(frozen, get_all, module = "lambdatotp._lambdatotp")]
pub(in crate::python) struct UnusableUser {
    /// The id.
    user: String,
    /// Why it is invalid.
    problem: &'static str,
}

/// Which users of a page can log in, and which cannot.
#[pyclass(frozen, get_all, module = "lambdatotp._lambdatotp")]
pub(in crate::python) struct Survey {
    /// Where the next page begins; None at the end.
    next: Option<String>,
    /// Users whom the original application wrote, and who can log in.
    original: usize,
    /// Users whom lambdatotp wrote, and who can log in.
    registered: usize,
    /// How many of all of these have a sealed secret.
    sealed: usize,
    /// Who cannot log in with a right code, and why: what cannot be read, and whose last
    /// accepted code is in the future.
    problems: Vec<String>,
    /// Users whose id is invalid.
    unusable: Vec<Py<UnusableUser>>,
}

/// The result of sealing the secrets of a page.
#[pyclass(frozen, get_all, module = "lambdatotp._lambdatotp")]
pub(in crate::python) struct Resealed {
    /// Where the next page begins; None at the end.
    next: Option<String>,
    /// Secrets that were sealed now.
    sealed: usize,
    /// Secrets that were already sealed with the first key.
    already: usize,
    /// What could not be sealed, and why.
    refused: Vec<String>,
}

/// The outcome of importing one user.
#[pyclass(frozen, eq, hash, rename_all = "UPPERCASE", module = "lambdatotp._lambdatotp")]
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(in crate::python) enum ImportOutcome {
    /// Written; or, in a rehearsal, would be.
    New,
    /// There already, with the very same secret.
    Same,
    /// Not written, and never will be as it is.
    Refused,
    /// No answer from the table: ask again.
    Unavailable,
}

/// The outcome of importing one user, and the reason.
#[pyclass(frozen, get_all, module = "lambdatotp._lambdatotp")]
pub(in crate::python) struct Imported {
    /// What became of them.
    outcome: ImportOutcome,
    /// Why they were refused, or why there is no answer; empty otherwise.
    problem: String,
}

impl TryFrom<Result<admin::Imported, VerifierError>> for Imported {
    type Error = PyErr;

    fn try_from(answer: Result<admin::Imported, VerifierError>) -> PyResult<Self> {
        let (outcome, problem) = match answer {
            Ok(admin::Imported::New) => (ImportOutcome::New, String::new()),
            Ok(admin::Imported::Same) => (ImportOutcome::Same, String::new()),
            Ok(admin::Imported::Other) => (
                ImportOutcome::Refused,
                "the user is already registered, with another secret or other parameters"
                    .to_owned(),
            ),
            Ok(admin::Imported::Unreadable(error)) => (ImportOutcome::Refused, error.to_string()),
            Err(VerifierError::Store(error @ StoreError::Unavailable(_))) => {
                (ImportOutcome::Unavailable, error.to_string())
            }
            // Whatever is wrong with the table is wrong for every user.
            Err(VerifierError::Store(error)) => return Err(error.into()),
            Err(error) => (ImportOutcome::Refused, error.to_string()),
        };
        Ok(Self { outcome, problem })
    }
}

/// Reads one page of users, without their secrets.
///
/// Args:
///     verifier: Whose table.
///     after: The `next` of the previous page; None for the first page.
///     limit: The most users to read.
#[guarded]
#[pyfunction]
#[pyo3(signature = (verifier, after, *, limit))]
pub(in crate::python) fn list_users(
    py: Python<'_>,
    verifier: &Verifier,
    after: Option<&str>,
    limit: i32,
) -> PyResult<TablePage> {
    let page = block_on(py, verifier.0.list(PageRequest::of_all(after, limit)))?;
    let users = page.users.into_iter().map(|Listed { user, read }| {
        let (status, problem) = match read {
            Ok(status) => (Some(Py::new(py, UserStatus(status))?), None),
            Err(error) => (None, Some(error.to_string())),
        };
        Py::new(py, ListedUser { user, status, problem })
    });
    Ok(TablePage { users: users.collect::<PyResult<_>>()?, next: page.next })
}

/// Reads one page of users with everything that moves with them, their secrets included.
///
/// Args:
///     verifier: Whose table.
///     after: The `next` of the previous page; None for the first page.
///     limit: The most users to read.
#[guarded]
#[pyfunction]
#[pyo3(signature = (verifier, after, *, limit))]
pub(in crate::python) fn export_users(
    py: Python<'_>,
    verifier: &Verifier,
    after: Option<&str>,
    limit: i32,
) -> PyResult<ExportPage> {
    let page = block_on(py, verifier.0.export(PageRequest::of_all(after, limit)))?;
    let (mut users, mut problems) = (Vec::with_capacity(page.users.len()), Vec::new());
    for Listed { user, read } in page.users {
        match read {
            Ok(stored) => {
                let totp = Py::new(py, Totp(stored.record.totp))?;
                let state = Py::new(py, UserState::of(py, stored.state)?)?;
                users.push(Py::new(py, StoredUser::new(user, totp, state)?)?);
            }
            Err(error) => problems.push(error.to_string()),
        }
    }
    Ok(ExportPage { next: page.next, users, problems })
}

/// Reads one page of users as a login would, and changes nothing.
///
/// Args:
///     verifier: Whose table.
///     after: The `next` of the previous page; None for the first page.
///     limit: The most users to read.
#[guarded]
#[pyfunction]
#[pyo3(signature = (verifier, after, *, limit))]
pub(in crate::python) fn survey_users(
    py: Python<'_>,
    verifier: &Verifier,
    after: Option<&str>,
    limit: i32,
) -> PyResult<Survey> {
    let survey = block_on(py, verifier.0.survey(PageRequest::of_all(after, limit)))?;
    let unusable = survey.unusable.into_iter().map(|found| {
        let verifier_admin::UnusableUser { user, problem } = found;
        Py::new(py, UnusableUser { user, problem })
    });
    Ok(Survey {
        next: survey.next,
        original: survey.original,
        registered: survey.registered,
        sealed: survey.sealed,
        problems: survey.problems,
        unusable: unusable.collect::<PyResult<_>>()?,
    })
}

/// Removes a user whose id is invalid, which `Verifier.delete` refuses.
///
/// Raises:
///     UserNotFoundError: There is no such user, or their id is valid.
#[guarded]
#[pyfunction]
pub(in crate::python) fn delete_unusable(
    py: Python<'_>,
    verifier: &Verifier,
    user: &str,
) -> PyResult<()> {
    block_on(py, verifier.0.delete_unusable(user))
}

/// Imports users, each as a whole or not at all, and never over an existing one.
///
/// Args:
///     verifier: Into whose table.
///     users: The users.
///     rehearsal: Write nothing, and tell what would become of them.
///
/// Returns:
///     The outcome of each user, in the same order.
#[guarded]
#[pyfunction]
#[pyo3(signature = (verifier, users, *, rehearsal=false))]
pub(in crate::python) fn import_users(
    py: Python<'_>,
    verifier: &Verifier,
    users: Vec<PyRef<'_, StoredUser>>,
    rehearsal: bool,
) -> PyResult<Vec<Imported>> {
    let users = users.iter().map(|user| ImportedUser::from(&**user)).collect();
    let import = async { Ok::<_, VerifierError>(verifier.0.import(users, rehearsal).await) };
    block_on(py, import)?.into_iter().map(Imported::try_from).collect()
}

/// Seals the secrets of one page of users with the first key, while logins continue.
///
/// Args:
///     verifier: Whose table.
///     after: The `next` of the previous page; None for the first page.
///     limit: The most users to read.
///     segment: Which of the segments, from 0.
///     segments: How many segments the table is read in, side by side.
#[guarded]
#[pyfunction]
#[pyo3(signature = (verifier, after, *, limit, segment=0, segments=1))]
pub(in crate::python) fn reseal_users(
    py: Python<'_>,
    verifier: &Verifier,
    after: Option<&str>,
    limit: i32,
    segment: i32,
    segments: i32,
) -> PyResult<Resealed> {
    let request = PageRequest { after, limit, segment, segments };
    let page = block_on(py, verifier.0.reseal(request))?;
    Ok(Resealed {
        next: page.next,
        sealed: page.sealed,
        already: page.already,
        refused: page.refused,
    })
}
