//! What a verifier returns: `Enrollment`, `Verification`, `UserStatus`.

use std::time::Duration;

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyTuple};

use super::guard::guarded;
use crate::otp::{Period, RecoveryCode};
use crate::store::Status;
use crate::verifier::{self, Outcome};

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

    /// The secret in base32, to type by hand where there is no camera.
    #[getter]
    fn secret(&self) -> String {
        self.0.uri().secret.to_base32().to_string()
    }

    /// The recovery codes to write down, as many as were requested.
    #[getter]
    fn recovery_codes(&self) -> Vec<String> {
        texts(self.0.recovery_codes())
    }

    /// The key URI (`otpauth://`) in the QR code.
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
    ///     scale: Pixels per module, 1 to 64.
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
    ///     scale: Pixels per module, 1 to 64.
    ///
    /// Raises:
    ///     ValueError: The scale is out of range.
    #[pyo3(signature = (*, scale=8))]
    fn qr_data_uri(&self, scale: u64) -> PyResult<String> {
        Ok(self.0.qr()?.data_uri(scale)?)
    }

    /// The QR code in half-block characters, to print in a terminal.
    ///
    /// Args:
    ///     ansi: Use escape codes for black on white, which scans on any background.
    #[pyo3(signature = (*, ansi=true))]
    fn qr_terminal(&self, ansi: bool) -> PyResult<String> {
        Ok(self.0.qr()?.terminal(ansi))
    }

    fn __repr__(&self) -> String {
        format!("<Enrollment: {:?}>", self.0.user())
    }
}

/// The verdict on a code. It is true when the user may log in.
#[pyclass(frozen, module = "lambdatotp")]
pub(super) struct Verification(pub(super) verifier::Verification);

#[guarded]
#[pymethods]
impl Verification {
    /// "accepted" or "recovered" when the user may log in; otherwise "rejected", or "replayed"
    /// for a code that was used before. Do not show "replayed" to users: it would tell a thief
    /// that the code was right.
    #[getter]
    fn outcome(&self) -> &'static str {
        word(self.0.outcome)
    }

    /// The time step that an accepted code belongs to; None otherwise.
    #[getter]
    fn step(&self) -> Option<u64> {
        self.0.step
    }

    /// Whether this code confirmed the enrollment: it is the first that was accepted.
    #[getter]
    fn first(&self) -> bool {
        self.0.first
    }

    /// How many attempts are left right now. None for a text that cannot be a code: the user
    /// was not looked up.
    #[getter]
    fn attempts_left(&self) -> Option<u32> {
        self.0.attempts_left
    }

    /// How many recovery codes are left; None for a text that cannot be a code.
    #[getter]
    fn recovery_codes_left(&self) -> Option<usize> {
        self.0.recovery_codes_left
    }

    /// Identifies the enrollment. It changes with a new registration and with a confirmed
    /// rotation. None for a text that cannot be a code, and for users of the original
    /// application.
    #[getter]
    fn enrollment_id(&self) -> Option<&str> {
        self.0.enrollment_id.as_deref()
    }

    fn __bool__(&self) -> bool {
        self.0.is_accepted()
    }

    fn __reduce__<'py>(
        &self,
        py: Python<'py>,
    ) -> PyResult<(Bound<'py, PyAny>, Bound<'py, PyTuple>)> {
        let verifier::Verification {
            outcome,
            step,
            first,
            attempts_left,
            recovery_codes_left,
            enrollment_id,
        } = &self.0;
        let make = py.import("lambdatotp._lambdatotp")?.getattr("_verification")?;
        let left = (*attempts_left, *recovery_codes_left);
        let arguments = (word(*outcome), (*step, *first), left, enrollment_id.as_deref());
        Ok((make, arguments.into_pyobject(py)?))
    }

    fn __repr__(&self) -> String {
        format!("<Verification: {}>", word(self.0.outcome))
    }
}

/// A verdict that was pickled.
#[guarded]
#[pyfunction]
#[pyo3(signature = (outcome, code, left, enrollment_id, /))]
pub(super) fn _verification(
    outcome: &str,
    code: (Option<u64>, bool),
    left: (Option<u32>, Option<usize>),
    enrollment_id: Option<String>,
) -> PyResult<Verification> {
    let Some(outcome) = OUTCOMES.into_iter().find(|known| word(*known) == outcome) else {
        return Err(PyValueError::new_err("not a pickled Verification of this version"));
    };
    let ((step, first), (attempts_left, recovery_codes_left)) = (code, left);
    Ok(Verification(verifier::Verification {
        outcome,
        step,
        first,
        attempts_left,
        recovery_codes_left,
        enrollment_id,
    }))
}

const OUTCOMES: [Outcome; 4] =
    [Outcome::Accepted, Outcome::Recovered, Outcome::Replayed, Outcome::Rejected];

fn word(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Accepted => "accepted",
        Outcome::Recovered => "recovered",
        Outcome::Replayed => "replayed",
        Outcome::Rejected => "rejected",
    }
}

/// What an operator can see of a user.
#[pyclass(frozen, module = "lambdatotp")]
pub(super) struct UserStatus(pub(super) verifier::UserStatus);

#[guarded]
#[pymethods]
impl UserStatus {
    /// Identifies the enrollment, as `Verification.enrollment_id` does. If it differs from
    /// that of an earlier code, the user has registered again or changed phones since. None
    /// for users of the original application.
    #[getter]
    fn enrollment_id(&self) -> Option<&str> {
        self.0.stored.enrollment_id.as_deref()
    }

    /// When they were registered, in seconds since 1970; None for users of the original
    /// application.
    #[getter]
    fn registered_at(&self) -> Option<u64> {
        self.0.stored.registered_at
    }

    /// When the user's first code was accepted, in seconds since 1970; None if never.
    #[getter]
    fn confirmed_at(&self) -> Option<u64> {
        self.0.stored.confirmed_at
    }

    /// When the registration expires unless a code is accepted first, in seconds since 1970;
    /// None if it does not expire.
    #[getter]
    fn expires_at(&self) -> Option<u64> {
        self.0.stored.expires_at
    }

    /// When the pending secret expires unless it is confirmed first, in seconds since 1970;
    /// None if there is none.
    #[getter]
    fn rotation_expires_at(&self) -> Option<u64> {
        self.0.stored.rotation_expires_at
    }

    /// Whether the user is locked, until `unlock` or a recovery code.
    #[getter]
    fn locked(&self) -> bool {
        self.0.locked
    }

    /// Misses since the last success.
    #[getter]
    fn misses(&self) -> u64 {
        self.0.stored.misses
    }

    /// How many attempts are left right now.
    #[getter]
    fn attempts_left(&self) -> u32 {
        self.0.attempts_left
    }

    /// Seconds until the next attempt, when none is left; 0 otherwise.
    #[getter]
    fn retry_after(&self) -> u64 {
        self.0.retry_after.as_secs()
    }

    /// How many seconds the last accepted code is ahead of any correct clock: a clock is or
    /// was wrong, and right codes are refused until `unlock`. 0 otherwise.
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
            (
                stored.enrollment_id.as_deref(),
                stored.registered_at,
                stored.confirmed_at,
                stored.expires_at,
                stored.misses,
            ),
            (
                stored.throttle_at,
                stored.recovery_codes,
                stored.sealed_by.as_deref(),
                stored.last_step,
                stored.period.seconds(),
                stored.rotation_expires_at,
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

type Life = (Option<String>, Option<u64>, Option<u64>, Option<u64>, u64);
type Rest = (Option<i64>, usize, Option<String>, Option<u64>, u64, Option<u64>);
type Budget = (bool, u32, u64, u64);

/// A status that was pickled.
#[guarded]
#[pyfunction]
#[pyo3(signature = (life, rest, budget, /))]
pub(super) fn _user_status(life: Life, rest: Rest, budget: Budget) -> PyResult<UserStatus> {
    let (enrollment_id, registered_at, confirmed_at, expires_at, misses) = life;
    let (throttle_at, recovery_codes, sealed_by, last_step, period, rotation_expires_at) = rest;
    let (locked, attempts_left, retry_after, ahead) = budget;
    let period = Period::new(period).map_err(PyErr::from)?;
    let stored = Status {
        enrollment_id,
        registered_at,
        confirmed_at,
        expires_at,
        misses,
        throttle_at,
        recovery_codes,
        sealed_by,
        last_step,
        period,
        rotation_expires_at,
    };
    let retry_after = Duration::from_secs(retry_after);
    let ahead = Duration::from_secs(ahead);
    Ok(UserStatus(verifier::UserStatus { stored, locked, attempts_left, retry_after, ahead }))
}
