//! Many users at once, for the command line.

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList};

use super::guard::guarded;
use super::otp::KeyUri;
use super::results::UserStatus;
use super::runtime::block_on;
use super::verifier::Verifier;
use crate::otp::{Digits, Migration, OtpError, Period, Secret, Totp};
use crate::store::{Enrolled, History, Imported, Newcomer, Part, StoreError};
use crate::verifier::{self, VerifierError};

/// What a page tells of the users that could not be read.
type Problems = Vec<String>;

const WRONG_TYPE: &str = "an attribute has the wrong type, or is missing";

/// Every attribute of a user from elsewhere, as a dict.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
struct Row {
    user: String,
    secret: String,
    #[pyo3(default)]
    algorithm: Option<String>,
    #[pyo3(default)]
    digits: Option<u64>,
    #[pyo3(default)]
    period: Option<u64>,
    #[pyo3(default)]
    registered_at: Option<u64>,
    #[pyo3(default)]
    confirmed_at: Option<u64>,
    #[pyo3(default)]
    expires_at: Option<u64>,
    #[pyo3(default)]
    last_step: Option<u64>,
    #[pyo3(default)]
    misses: Option<u64>,
    #[pyo3(default)]
    throttle_at: Option<i64>,
    #[pyo3(default)]
    recovery_at: Option<i64>,
    #[pyo3(default)]
    recovery: Option<Vec<String>>,
}

impl TryFrom<Row> for Newcomer {
    type Error = OtpError;

    fn try_from(row: Row) -> Result<Self, OtpError> {
        let secret: Secret = row.secret.parse()?;
        let algorithm = row.algorithm.map(|text| text.parse()).transpose()?.unwrap_or_default();
        let digits = row.digits.map(Digits::new).transpose()?.unwrap_or_default();
        let period = row.period.map(Period::new).transpose()?.unwrap_or_default();
        Ok(Self {
            user: row.user,
            totp: Totp::with(secret, algorithm, digits, period),
            history: History {
                registered_at: row.registered_at,
                confirmed_at: row.confirmed_at,
                expires_at: row.expires_at,
                last_step: row.last_step,
                misses: row.misses,
                throttle_at: row.throttle_at,
                recovery_at: row.recovery_at,
                recovery: row.recovery.unwrap_or_default(),
            },
        })
    }
}

/// Takes in users, given as dicts. Answers in their order: "new", "same", or "refused" and
/// "unavailable" with why. In a rehearsal nothing is written.
#[guarded]
#[pyfunction]
#[pyo3(signature = (verifier, rows, *, rehearsal=false))]
pub(super) fn _import(
    py: Python<'_>,
    verifier: &Verifier,
    rows: &Bound<'_, PyList>,
    rehearsal: bool,
) -> PyResult<Vec<(&'static str, String)>> {
    let mut answers = Vec::with_capacity(rows.len());
    let (mut places, mut users) = (Vec::new(), Vec::new());
    for row in rows {
        // What Python says of a wrong type could quote it.
        let read = row.extract::<Row>().map_err(|_| WRONG_TYPE.to_owned());
        match read.and_then(|row| Newcomer::try_from(row).map_err(|error| error.to_string())) {
            Err(why) => answers.push(("refused", why)),
            Ok(user) => {
                places.push(answers.len());
                users.push(user);
                answers.push(("unavailable", String::new()));
            }
        }
    }
    let import = async { Ok::<_, VerifierError>(verifier.0.import(users, rehearsal).await) };
    for (place, answer) in places.into_iter().zip(block_on(py, import)?) {
        answers[place] = match answer {
            Ok(Imported::New) => ("new", String::new()),
            Ok(Imported::Same) => ("same", String::new()),
            Ok(Imported::Other) => (
                "refused",
                "the user is there already, with another secret or other parameters".to_owned(),
            ),
            Ok(Imported::Unreadable(error)) => ("refused", error.to_string()),
            Err(VerifierError::Store(error @ StoreError::Unavailable(_))) => {
                ("unavailable", error.to_string())
            }
            // Whatever is wrong with the table is wrong for every user.
            Err(VerifierError::Store(error)) => return Err(error.into()),
            Err(error) => ("refused", error.to_string()),
        };
    }
    Ok(answers)
}

/// One page of users: where the next one begins, and of each the status, or why there is
/// none.
#[guarded]
#[pyfunction]
#[expect(clippy::type_complexity, reason = "a page, as Python sees it")]
pub(super) fn _list(
    py: Python<'_>,
    verifier: &Verifier,
    after: Option<&str>,
    limit: i32,
) -> PyResult<(Option<String>, Vec<(String, Option<UserStatus>, Option<String>)>)> {
    let page = block_on(py, verifier.0.list(Part::of_all(after, limit)))?;
    let users = page.users.into_iter().map(|(user, read)| match read {
        Ok(status) => (user, Some(UserStatus(status)), None),
        Err(error) => (user, None, Some(error.to_string())),
    });
    Ok((page.next, users.collect()))
}

/// Reads one page as a login would: where the next one begins; how many users the original
/// application wrote, how many lambdatotp wrote, how many of all are sealed; what cannot be
/// read; and the ids that no call accepts, each with why.
#[guarded]
#[pyfunction]
#[expect(clippy::type_complexity, reason = "a page, as Python sees it")]
pub(super) fn _survey(
    py: Python<'_>,
    verifier: &Verifier,
    after: Option<&str>,
    limit: i32,
) -> PyResult<(Option<String>, usize, usize, usize, Problems, Vec<(String, &'static str)>)> {
    let page = block_on(py, verifier.0.store().users(Part::of_all(after, limit)))?;
    let (mut original, mut ours, mut sealed, mut problems) = (0, 0, 0, Problems::new());
    let mut unusable = Vec::new();
    for (user, read) in page.users {
        if let Some(why) = verifier::Verifier::unusable_id(&user) {
            unusable.push((user, why));
            continue;
        }
        match read {
            Ok((record, _)) => {
                match record.enrolled {
                    Enrolled::Legacy(_) => original += 1,
                    Enrolled::Id(_) => ours += 1,
                }
                sealed += usize::from(record.sealed_by.is_some());
            }
            Err(error) => problems.push(error.to_string()),
        }
    }
    Ok((page.next, original, ours, sealed, problems, unusable))
}

/// Removes a user whose id no call accepts.
#[guarded]
#[pyfunction]
pub(super) fn _delete_unusable(py: Python<'_>, verifier: &Verifier, user: &str) -> PyResult<()> {
    block_on(py, verifier.0.delete_unusable(user))
}

/// One page of users as dicts that `_import` takes, their secrets included: where the next
/// one begins, the users, and what cannot be read.
#[guarded]
#[pyfunction]
pub(super) fn _export<'py>(
    py: Python<'py>,
    verifier: &Verifier,
    after: Option<&str>,
    limit: i32,
) -> PyResult<(Option<String>, Vec<Bound<'py, PyDict>>, Problems)> {
    let page = block_on(py, verifier.0.store().users(Part::of_all(after, limit)))?;
    let (mut users, mut problems) = (Vec::with_capacity(page.users.len()), Problems::new());
    for (user, read) in page.users {
        match read {
            Ok((record, history)) => users.push(exported(py, &user, &record.totp, &history)?),
            Err(error) => problems.push(error.to_string()),
        }
    }
    Ok((page.next, users, problems))
}

fn exported<'py>(
    py: Python<'py>,
    user: &str,
    totp: &Totp,
    history: &History,
) -> PyResult<Bound<'py, PyDict>> {
    let dict = PyDict::new(py);
    dict.set_item("user", user)?;
    dict.set_item("secret", totp.secret().to_base32().as_str())?;
    dict.set_item("algorithm", totp.algorithm().as_str())?;
    dict.set_item("digits", totp.digits().get())?;
    dict.set_item("period", totp.period().seconds())?;
    set_if_there(&dict, "registered_at", history.registered_at)?;
    set_if_there(&dict, "confirmed_at", history.confirmed_at)?;
    set_if_there(&dict, "expires_at", history.expires_at)?;
    set_if_there(&dict, "last_step", history.last_step)?;
    set_if_there(&dict, "misses", history.misses)?;
    set_if_there(&dict, "throttle_at", history.throttle_at)?;
    set_if_there(&dict, "recovery_at", history.recovery_at)?;
    if !history.recovery.is_empty() {
        dict.set_item("recovery", &history.recovery)?;
    }
    Ok(dict)
}

fn set_if_there<'py, T: IntoPyObject<'py>>(
    dict: &Bound<'py, PyDict>,
    name: &str,
    value: Option<T>,
) -> PyResult<()> {
    value.map_or(Ok(()), |value| dict.set_item(name, value))
}

/// Reads Google Authenticator's transfer: which part it is, of how many, the number that the
/// parts share, and its keys, in place of a bad one why.
#[guarded]
#[pyfunction]
#[expect(clippy::type_complexity, reason = "a payload, as Python sees it")]
pub(super) fn _read_migration(
    text: &str,
) -> PyResult<(u32, u32, i32, Vec<(Option<KeyUri>, Option<String>)>)> {
    let Migration { keys, part: (part, parts), together } = Migration::parse(text)?;
    let keys = keys.into_iter().map(|key| match key {
        Ok(key) => (Some(KeyUri(key)), None),
        Err(error) => (None, Some(error.to_string())),
    });
    Ok((part, parts, together, keys.collect()))
}

/// Writes Google Authenticator's transfer, up to 10 keys.
#[guarded]
#[pyfunction]
pub(super) fn _write_migration(keys: Vec<PyRef<'_, KeyUri>>) -> PyResult<String> {
    if keys.is_empty() || keys.len() > crate::otp::KEYS_A_PAYLOAD {
        return Err(PyValueError::new_err("a transfer holds 1 to 10 keys"));
    }
    let keys: Vec<_> = keys.iter().map(|key| key.0.clone()).collect();
    Ok(Migration::write(&keys)?.to_string())
}
