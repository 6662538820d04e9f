//! What a verifier returns: `Enrollment`, `Verification`, `UserStatus`.

use std::time::Duration;

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyTuple};

use super::guard::guarded;
use crate::otp::{Period, RecoveryCode};
use crate::store::Status;
use crate::verifier;

/// As users write them down.
pub(super) fn texts(codes: &[RecoveryCode]) -> Vec<String> {
    codes.iter().map(|code| code.to_text().to_string()).collect()
}

/// A new user's secret, to be shown to its owner once. Its repr shows none of it.
#[pyclass(frozen, module = "lambdatotp")]
pub(super) struct Enrollment(pub(super) verifier::Enrollment);

#[guarded]
#[pymethods]
impl Enrollment {
    /// The user id.
    #[getter]
    fn user(&self) -> &str {
        self.0.user()
    }

    /// The secret in base32, to type by hand where no camera is.
    #[getter]
    fn secret(&self) -> String {
        self.0.uri().secret.to_base32().to_string()
    }

    /// The recovery codes, to be written down; as many as were asked for.
    #[getter]
    fn recovery_codes(&self) -> Vec<String> {
        texts(self.0.recovery_codes())
    }

    /// The key URI (`otpauth://`) that the QR code says.
    #[getter]
    fn uri(&self) -> String {
        self.0.uri().to_uri().to_string()
    }

    /// The QR code as a stand-alone SVG document.
    fn qr_svg(&self) -> PyResult<String> {
        Ok(self.0.qr()?.svg())
    }

    /// The QR code as a PNG file.
    ///
    /// Args:
    ///     scale: Pixels a module, 1 to 64.
    ///
    /// Raises:
    ///     ValueError: The scale is out of range.
    #[pyo3(signature = (*, scale=8))]
    fn qr_png<'py>(&self, py: Python<'py>, scale: u64) -> PyResult<Bound<'py, PyBytes>> {
        Ok(PyBytes::new(py, &self.0.qr()?.png(scale)?))
    }

    /// The QR code as a `data:image/png;base64,` URI, for an `<img>`.
    ///
    /// Args:
    ///     scale: Pixels a module, 1 to 64.
    ///
    /// Raises:
    ///     ValueError: The scale is out of range.
    #[pyo3(signature = (*, scale=8))]
    fn qr_data_uri(&self, scale: u64) -> PyResult<String> {
        Ok(self.0.qr()?.data_uri(scale)?)
    }

    /// The QR code in half-block characters, to be printed in a terminal.
    ///
    /// Args:
    ///     ansi: Set black on white by escape codes, which scans on every background.
    #[pyo3(signature = (*, ansi=true))]
    fn qr_terminal(&self, ansi: bool) -> PyResult<String> {
        Ok(self.0.qr()?.terminal(ansi))
    }

    fn __repr__(&self) -> String {
        format!("<Enrollment: {:?}>", self.0.user())
    }
}

/// The verdict on a code. It is true when the user may come in.
#[pyclass(frozen, module = "lambdatotp")]
pub(super) struct Verification(pub(super) verifier::Verification);

#[guarded]
#[pymethods]
impl Verification {
    /// "accepted" or "recovered" when the user may come in; "rejected", or "replayed"
    /// for a code that was used before, when not. To tell users of "replayed" would tell
    /// a thief that a code was right.
    #[getter]
    fn outcome(&self) -> &'static str {
        outcome(&self.0)
    }

    /// How many recovery codes are left, after one was used; None otherwise.
    #[getter]
    fn recovery_codes_left(&self) -> Option<usize> {
        match self.0 {
            verifier::Verification::Recovered { left } => Some(left),
            _ => None,
        }
    }

    fn __bool__(&self) -> bool {
        self.0.is_accepted()
    }

    fn __reduce__<'py>(
        &self,
        py: Python<'py>,
    ) -> PyResult<(Bound<'py, PyAny>, (&'static str, u64))> {
        let number = match self.0 {
            verifier::Verification::Accepted { step } => step,
            verifier::Verification::Recovered { left } => left as u64,
            _ => 0,
        };
        let make = py.import("lambdatotp._lambdatotp")?.getattr("_verification")?;
        Ok((make, (outcome(&self.0), number)))
    }

    fn __repr__(&self) -> String {
        format!("<Verification: {}>", outcome(&self.0))
    }
}

/// A verdict that was pickled: its outcome, and the step or how many codes are left.
#[guarded]
#[pyfunction]
#[pyo3(signature = (outcome, number, /))]
pub(super) fn _verification(outcome: &str, number: u64) -> PyResult<Verification> {
    Ok(Verification(match outcome {
        "accepted" => verifier::Verification::Accepted { step: number },
        "recovered" => verifier::Verification::Recovered {
            left: usize::try_from(number).unwrap_or(usize::MAX),
        },
        "replayed" => verifier::Verification::Replayed,
        "rejected" => verifier::Verification::Rejected,
        _ => return Err(PyValueError::new_err("not a pickled Verification of this version")),
    }))
}

fn outcome(verdict: &verifier::Verification) -> &'static str {
    match verdict {
        verifier::Verification::Accepted { .. } => "accepted",
        verifier::Verification::Recovered { .. } => "recovered",
        verifier::Verification::Replayed => "replayed",
        verifier::Verification::Rejected => "rejected",
    }
}

/// What an operator can see of a user.
#[pyclass(frozen, module = "lambdatotp")]
pub(super) struct UserStatus(pub(super) verifier::UserStatus);

#[guarded]
#[pymethods]
impl UserStatus {
    /// When they were registered, in seconds since 1970; None for users of the original
    /// application.
    #[getter]
    fn registered_at(&self) -> Option<u64> {
        self.0.stored.registered_at
    }

    /// When a code of theirs was first accepted, in seconds since 1970; None if never.
    #[getter]
    fn confirmed_at(&self) -> Option<u64> {
        self.0.stored.confirmed_at
    }

    /// When the registration lapses if no code is accepted before, in seconds since
    /// 1970; None if it does not.
    #[getter]
    fn expires_at(&self) -> Option<u64> {
        self.0.stored.expires_at
    }

    /// Whether no code is looked at until an unlock or a recovery code.
    #[getter]
    fn locked(&self) -> bool {
        self.0.locked
    }

    /// Misses since the last success.
    #[getter]
    fn misses(&self) -> u64 {
        self.0.stored.misses
    }

    /// Attempts that would be granted at once.
    #[getter]
    fn attempts_left(&self) -> u32 {
        self.0.attempts_left
    }

    /// Seconds until the next attempt, when none is left; 0 otherwise.
    #[getter]
    fn retry_after(&self) -> u64 {
        self.0.retry_after.as_secs()
    }

    /// Seconds by which the last accepted code is beyond what a right clock can have accepted: a
    /// clock is or was wrong, and right codes are refused until `unlock`. 0 otherwise.
    #[getter]
    fn ahead(&self) -> u64 {
        self.0.ahead.as_secs()
    }

    /// How many recovery codes are left.
    #[getter]
    fn recovery_codes_left(&self) -> usize {
        self.0.stored.recovery_codes
    }

    /// The name of the key that seals the secret; None for a plaintext secret.
    #[getter]
    fn sealed_by(&self) -> Option<&str> {
        self.0.stored.sealed_by.as_deref()
    }

    fn __reduce__<'py>(
        &self,
        py: Python<'py>,
    ) -> PyResult<(Bound<'py, PyAny>, Bound<'py, PyTuple>)> {
        let stored = &self.0.stored;
        let make = py.import("lambdatotp._lambdatotp")?.getattr("_user_status")?;
        let arguments = (
            (stored.registered_at, stored.confirmed_at, stored.expires_at, stored.misses),
            (
                stored.throttle_at,
                stored.recovery_codes,
                stored.sealed_by.as_deref(),
                stored.last_step,
                stored.period.seconds(),
            ),
            (
                self.0.locked,
                self.0.attempts_left,
                self.0.retry_after.as_secs(),
                self.0.ahead.as_secs(),
            ),
        );
        Ok((make, arguments.into_pyobject(py)?))
    }

    fn __repr__(&self) -> String {
        let locked = if self.0.locked { "locked" } else { "not locked" };
        format!("<UserStatus: {locked}, {} attempts left>", self.0.attempts_left)
    }
}

type Life = (Option<u64>, Option<u64>, Option<u64>, u64);
type Rest = (Option<i64>, usize, Option<String>, Option<u64>, u64);
type Budget = (bool, u32, u64, u64);

/// A status that was pickled.
#[guarded]
#[pyfunction]
#[pyo3(signature = (life, rest, budget, /))]
pub(super) fn _user_status(life: Life, rest: Rest, budget: Budget) -> PyResult<UserStatus> {
    let (registered_at, confirmed_at, expires_at, misses) = life;
    let (throttle_at, recovery_codes, sealed_by, last_step, period) = rest;
    let (locked, attempts_left, retry_after, ahead) = budget;
    let period = Period::new(period).map_err(PyErr::from)?;
    let stored = Status {
        registered_at,
        confirmed_at,
        expires_at,
        misses,
        throttle_at,
        recovery_codes,
        sealed_by,
        last_step,
        period,
    };
    let retry_after = Duration::from_secs(retry_after);
    let ahead = Duration::from_secs(ahead);
    Ok(UserStatus(verifier::UserStatus { stored, locked, attempts_left, retry_after, ahead }))
}
