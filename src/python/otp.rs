//! The building blocks, for those who keep their own storage.

use std::hash::{BuildHasher, Hash, RandomState};
use std::sync::LazyLock;
use std::time::{SystemTime, UNIX_EPOCH};

use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyInt, PyString, PyType};

use super::arguments::{SecretKey, Typed};
use super::guard::guarded;
use crate::otp::{self, Algorithm, Code, Digits, Factor, Period};

/// A time in whole seconds since 1970.
struct UnixTime(u64);

impl UnixTime {
    fn now() -> Self {
        Self(SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs())
    }
}

#[guarded]
impl<'a, 'py> FromPyObject<'a, 'py> for UnixTime {
    type Error = PyErr;

    fn extract(value: Borrowed<'a, 'py, PyAny>) -> PyResult<Self> {
        // Most are an int: by way of a float object it takes longer.
        if let Ok(whole) = value.cast_exact::<PyInt>()
            && let Ok(seconds) = whole.extract()
        {
            return Ok(Self(seconds));
        }
        match value.extract::<f64>()? {
            // Whole seconds; the cast saturates.
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked")]
            seconds if seconds >= 0.0 && seconds.is_finite() => Ok(Self(seconds as u64)),
            _ => Err(PyValueError::new_err(
                "a time is a number of seconds since 1970, and cannot be negative",
            )),
        }
    }
}

fn window(steps: u64) -> PyResult<u64> {
    if steps > 100 {
        return Err(PyValueError::new_err("a window has at most 100 steps on each side"));
    }
    Ok(steps)
}

/// What hashes here are keyed with: a hash of a secret must not tell it.
static HASH_KEY: LazyLock<RandomState> = LazyLock::new(RandomState::new);

fn hash(value: impl Hash) -> u64 {
    HASH_KEY.hash_one(value)
}

fn not_pickled(name: &str) -> PyErr {
    PyTypeError::new_err(format!(
        "a {name} cannot be pickled, because that would write its secret in plaintext: keep the \
         secret sealed, and create the {name} from it where you need it"
    ))
}

/// A shared key of 80 to 1024 bits. Its repr and str show nothing; comparison takes
/// constant time.
///
/// Args:
///     base32: RFC 4648 base32 in any case; spaces, hyphens and padding are ignored.
///
/// Raises:
///     InvalidSecretError: Not base32, or too short or too long.
#[pyclass(frozen, module = "lambdatotp")]
pub(super) struct Secret(pub(super) otp::Secret);

#[guarded]
#[pymethods]
impl Secret {
    #[new]
    #[pyo3(signature = (base32, /))]
    fn new(base32: SecretKey) -> Self {
        Self(base32.0)
    }

    /// A new secret of 160 bits (RFC 4226 section 4), straight from the operating
    /// system's generator on each call.
    ///
    /// Raises:
    ///     LambdaTotpError: The operating system gave no random bytes.
    #[classmethod]
    fn generate(_: &Bound<'_, PyType>) -> PyResult<Self> {
        Ok(Self(otp::Secret::generate()?))
    }

    /// A secret from raw bytes.
    ///
    /// Args:
    ///     raw: The key, 10 to 128 bytes.
    ///
    /// Raises:
    ///     InvalidSecretError: Any other length.
    #[classmethod]
    #[pyo3(signature = (raw, /))]
    fn from_bytes(_: &Bound<'_, PyType>, raw: &[u8]) -> PyResult<Self> {
        Ok(Self(otp::Secret::from_bytes(raw)?))
    }

    /// Base32 in capitals, without padding: the form to type by hand.
    #[getter]
    fn base32(&self) -> String {
        self.0.to_base32().to_string()
    }

    /// The length in bits.
    #[getter]
    fn bits(&self) -> usize {
        self.0.bits()
    }

    /// The raw key.
    fn __bytes__<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, self.0.as_bytes())
    }

    fn __eq__(&self, other: &Bound<'_, PyAny>) -> bool {
        other.cast::<Self>().is_ok_and(|other| other.get().0 == self.0)
    }

    /// By value; the hash is keyed anew in each process, and tells nothing of the secret.
    fn __hash__(&self) -> u64 {
        self.hashed()
    }

    /// Immutable: a copy is the object itself.
    fn __copy__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    fn __deepcopy__(slf: Py<Self>, _memo: &Bound<'_, PyAny>) -> Py<Self> {
        slf
    }

    fn __reduce_ex__(&self, _protocol: &Bound<'_, PyAny>) -> PyResult<()> {
        Err(not_pickled("Secret"))
    }

    fn __repr__(&self) -> String {
        format!("<Secret: {} bits>", self.0.bits())
    }
}

/// Time-based one-time passwords, RFC 6238.
///
/// Checking codes alone does not keep an intruder out: also refuse used codes (`last_step`)
/// and limit the guesses. `lambdatotp.verify` does both.
///
/// Args:
///     secret: A `Secret`, or its base32 text.
///     digits: Length of a code: 6, 7 or 8.
///     period: How long a code is shown, in seconds: 1 to 120.
///     algorithm: "SHA1", "SHA256" or "SHA512".
///
/// Raises:
///     InvalidSecretError: The secret is not usable.
///     ValueError: Another argument is out of range.
#[pyclass(frozen, module = "lambdatotp")]
pub(super) struct Totp(pub(super) otp::Totp);

#[guarded]
#[pymethods]
impl Totp {
    #[new]
    #[pyo3(signature = (secret, *, digits=6, period=30, algorithm="SHA1"))]
    fn new(secret: SecretKey, digits: u64, period: u64, algorithm: &str) -> PyResult<Self> {
        let (algorithm, digits) = (algorithm.parse::<Algorithm>()?, Digits::new(digits)?);
        Ok(Self(otp::Totp::with(secret.0, algorithm, digits, Period::new(period)?)))
    }

    /// The code for the current time.
    fn now<'py>(&self, py: Python<'py>) -> Bound<'py, PyString> {
        PyString::new(py, self.0.code_at(UnixTime::now().0).as_str())
    }

    /// The code for a given time.
    ///
    /// Args:
    ///     unix_seconds: The time, in seconds since 1970.
    ///
    /// Raises:
    ///     ValueError: The time is before 1970, or not finite.
    #[pyo3(signature = (unix_seconds, /))]
    fn at<'py>(&self, py: Python<'py>, unix_seconds: UnixTime) -> Bound<'py, PyString> {
        PyString::new(py, self.0.code_at(unix_seconds.0).as_str())
    }

    /// The step T (RFC 6238 section 4.2) that a time falls in.
    ///
    /// Args:
    ///     unix_seconds: The time, in seconds since 1970; by default now.
    ///
    /// Raises:
    ///     ValueError: The time is before 1970, or not finite.
    #[pyo3(signature = (unix_seconds=None, /))]
    fn step_at(&self, unix_seconds: Option<UnixTime>) -> u64 {
        self.0.step_at(unix_seconds.unwrap_or_else(UnixTime::now).0)
    }

    /// The code for a step.
    ///
    /// Args:
    ///     step: The number of whole periods since 1970: T of RFC 6238 section 4.2.
    #[pyo3(signature = (step, /))]
    fn code_for_step<'py>(&self, py: Python<'py>, step: u64) -> Bound<'py, PyString> {
        PyString::new(py, self.0.code_for_step(step).as_str())
    }

    /// Looks for the step that a code belongs to, in constant time.
    ///
    /// Args:
    ///     code: What the user typed or pasted, digits in any script; white space, dashes
    ///         and invisible characters are dropped.
    ///     at: Seconds since 1970; by default now.
    ///     window: Steps allowed on each side of the current one, 0 to 100.
    ///     last_step: The last step accepted: only later ones match.
    ///
    /// Returns:
    ///     The step, or None when no step matches. Store it, and pass it as
    ///     `last_step` the next time: RFC 6238 section 5.2 forbids accepting a code
    ///     twice.
    ///
    /// Raises:
    ///     TypeError: The code is not a str.
    ///     ValueError: The time or the window is out of range.
    #[pyo3(signature = (code, *, at=None, window=1, last_step=None))]
    fn verify(
        &self,
        code: Typed<'_>,
        at: Option<UnixTime>,
        window: u64,
        last_step: Option<u64>,
    ) -> PyResult<Option<u64>> {
        let (seconds, window) = (at.unwrap_or_else(UnixTime::now).0, self::window(window)?);
        Ok(Code::parse(code.0)
            .and_then(|code| self.0.verify_after(&code, seconds, window, last_step)))
    }

    /// Length of a code.
    #[getter]
    fn digits(&self) -> u8 {
        self.0.digits().get()
    }

    /// How long a code is shown, in seconds.
    #[getter]
    fn period(&self) -> u64 {
        self.0.period().seconds()
    }

    /// The hash: "SHA1", "SHA256" or "SHA512".
    #[getter]
    fn algorithm(&self) -> &'static str {
        self.0.algorithm().as_str()
    }

    /// The shared key.
    #[getter]
    fn secret(&self) -> Secret {
        Secret(self.0.secret().clone())
    }

    fn __eq__(&self, other: &Bound<'_, PyAny>) -> bool {
        other.cast::<Self>().is_ok_and(|other| other.get().0 == self.0)
    }

    /// By value; the hash is keyed anew in each process, and tells nothing of the secret.
    fn __hash__(&self) -> u64 {
        self.hashed()
    }

    /// Immutable: a copy is the object itself.
    fn __copy__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    fn __deepcopy__(slf: Py<Self>, _memo: &Bound<'_, PyAny>) -> Py<Self> {
        slf
    }

    fn __reduce_ex__(&self, _protocol: &Bound<'_, PyAny>) -> PyResult<()> {
        Err(not_pickled("Totp"))
    }

    fn __repr__(&self) -> String {
        let (digits, period) = (self.0.digits().get(), self.0.period().seconds());
        format!("<Totp: {digits} digits, {period} s, {}>", self.0.algorithm())
    }
}

/// Counter-based one-time passwords, RFC 4226.
///
/// Args:
///     secret: A `Secret`, or its base32 text.
///     digits: Length of a code: 6, 7 or 8.
///     algorithm: "SHA1", "SHA256" or "SHA512".
///
/// Raises:
///     InvalidSecretError: The secret is not usable.
///     ValueError: Another argument is out of range.
#[pyclass(frozen, module = "lambdatotp")]
pub(super) struct Hotp(otp::Hotp);

#[guarded]
#[pymethods]
impl Hotp {
    #[new]
    #[pyo3(signature = (secret, *, digits=6, algorithm="SHA1"))]
    fn new(secret: SecretKey, digits: u64, algorithm: &str) -> PyResult<Self> {
        Ok(Self(otp::Hotp::with(secret.0, algorithm.parse()?, Digits::new(digits)?)))
    }

    /// The code for a value of the counter.
    ///
    /// Args:
    ///     counter: The moving factor of RFC 4226 section 5.1.
    #[pyo3(signature = (counter, /))]
    fn at<'py>(&self, py: Python<'py>, counter: u64) -> Bound<'py, PyString> {
        PyString::new(py, self.0.code(counter).as_str())
    }

    /// Looks for the counter that a code belongs to, in constant time.
    ///
    /// Args:
    ///     code: What the user typed or pasted, digits in any script; white space, dashes
    ///         and invisible characters are dropped.
    ///     counter: The first value that is not used up.
    ///     look_ahead: How many values after it to try, 0 to 100 (RFC 4226 section
    ///         7.4).
    ///
    /// Returns:
    ///     The value, or None when none matches. Store it plus one, and pass that as
    ///     `counter` the next time.
    ///
    /// Raises:
    ///     TypeError: The code is not a str.
    ///     ValueError: `look_ahead` is out of range.
    #[pyo3(signature = (code, counter, *, look_ahead=0))]
    fn verify(&self, code: Typed<'_>, counter: u64, look_ahead: u64) -> PyResult<Option<u64>> {
        let look_ahead = window(look_ahead)?;
        Ok(Code::parse(code.0).and_then(|code| self.0.verify(&code, counter, look_ahead)))
    }

    /// Length of a code.
    #[getter]
    fn digits(&self) -> u8 {
        self.0.digits().get()
    }

    /// The hash: "SHA1", "SHA256" or "SHA512".
    #[getter]
    fn algorithm(&self) -> &'static str {
        self.0.algorithm().as_str()
    }

    /// The shared key.
    #[getter]
    fn secret(&self) -> Secret {
        Secret(self.0.secret().clone())
    }

    fn __eq__(&self, other: &Bound<'_, PyAny>) -> bool {
        other.cast::<Self>().is_ok_and(|other| other.get().0 == self.0)
    }

    /// By value; the hash is keyed anew in each process, and tells nothing of the secret.
    fn __hash__(&self) -> u64 {
        self.hashed()
    }

    /// Immutable: a copy is the object itself.
    fn __copy__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    fn __deepcopy__(slf: Py<Self>, _memo: &Bound<'_, PyAny>) -> Py<Self> {
        slf
    }

    fn __reduce_ex__(&self, _protocol: &Bound<'_, PyAny>) -> PyResult<()> {
        Err(not_pickled("Hotp"))
    }

    fn __repr__(&self) -> String {
        format!("<Hotp: {} digits, {}>", self.0.digits().get(), self.0.algorithm())
    }
}

/// A key URI (`otpauth://`), the text of an authenticator app's QR code.
///
/// Args:
///     secret: A `Secret`, or its base32 text.
///     account_name: The account's name, as the app shows it.
///     issuer: The service's name, as the app shows it.
///     digits: Length of a code: 6, 7 or 8.
///     algorithm: "SHA1", "SHA256" or "SHA512".
///     period: TOTP: how long a code is shown, in seconds; 30 when left out.
///     counter: HOTP: the counter of the next code. Makes this a `hotp` URI.
///
/// Raises:
///     InvalidSecretError: The secret is not usable.
///     ValueError: Another argument is out of range, or both `period` and `counter`
///         are given.
#[pyclass(frozen, module = "lambdatotp")]
pub(super) struct KeyUri(pub(super) otp::KeyUri);

#[guarded]
#[pymethods]
impl KeyUri {
    #[new]
    #[pyo3(signature = (
        secret, account_name, *, issuer=None, digits=6, algorithm="SHA1", period=None, counter=None
    ))]
    fn new(
        secret: SecretKey,
        account_name: String,
        issuer: Option<String>,
        digits: u64,
        algorithm: &str,
        period: Option<u64>,
        counter: Option<u64>,
    ) -> PyResult<Self> {
        let factor = match (period, counter) {
            (None, None) => Factor::Totp(Period::default()),
            (Some(seconds), None) => Factor::Totp(Period::new(seconds)?),
            (None, Some(counter)) => Factor::Hotp(counter),
            (Some(_), Some(_)) => {
                return Err(PyValueError::new_err("pass a period (TOTP) or a counter (HOTP)"));
            }
        };
        Ok(Self(otp::KeyUri {
            factor,
            issuer: issuer.filter(|issuer| !issuer.is_empty()),
            account_name,
            secret: secret.0,
            algorithm: algorithm.parse()?,
            digits: Digits::new(digits)?,
        }))
    }

    /// Reads a key URI, strictly: a parameter given twice, out of range or not known is
    /// refused, except those that only change how an app shows the key (`image`, `color`, ...).
    ///
    /// Args:
    ///     uri: The text of a QR code, `otpauth://totp/...` or `otpauth://hotp/...`.
    ///
    /// Raises:
    ///     ValueError: Not a key URI; InvalidSecretError, a kind of it, for its secret.
    #[classmethod]
    #[pyo3(signature = (uri, /))]
    fn parse(_: &Bound<'_, PyType>, uri: &str) -> PyResult<Self> {
        Ok(Self(uri.parse()?))
    }

    /// The URI as text. It holds the secret: show it to its owner only.
    #[getter]
    fn uri(&self) -> String {
        self.0.to_uri().to_string()
    }

    /// The shared key.
    #[getter]
    fn secret(&self) -> Secret {
        Secret(self.0.secret.clone())
    }

    /// The account's name.
    #[getter]
    fn account_name(&self) -> &str {
        &self.0.account_name
    }

    /// The service's name, or None.
    #[getter]
    fn issuer(&self) -> Option<&str> {
        self.0.issuer.as_deref()
    }

    /// Length of a code.
    #[getter]
    fn digits(&self) -> u8 {
        self.0.digits.get()
    }

    /// The hash: "SHA1", "SHA256" or "SHA512".
    #[getter]
    fn algorithm(&self) -> &'static str {
        self.0.algorithm.as_str()
    }

    /// TOTP: how long a code is shown, in seconds. None for HOTP.
    #[getter]
    fn period(&self) -> Option<u64> {
        match self.0.factor {
            Factor::Totp(period) => Some(period.seconds()),
            Factor::Hotp(_) => None,
        }
    }

    /// HOTP: the counter of the next code. None for TOTP.
    #[getter]
    fn counter(&self) -> Option<u64> {
        match self.0.factor {
            Factor::Totp(_) => None,
            Factor::Hotp(counter) => Some(counter),
        }
    }

    fn __eq__(&self, other: &Bound<'_, PyAny>) -> bool {
        other.cast::<Self>().is_ok_and(|other| other.get().0 == self.0)
    }

    /// By value; the hash is keyed anew in each process, and tells nothing of the secret.
    fn __hash__(&self) -> u64 {
        self.hashed()
    }

    /// Immutable: a copy is the object itself.
    fn __copy__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    fn __deepcopy__(slf: Py<Self>, _memo: &Bound<'_, PyAny>) -> Py<Self> {
        slf
    }

    fn __reduce_ex__(&self, _protocol: &Bound<'_, PyAny>) -> PyResult<()> {
        Err(not_pickled("KeyUri"))
    }

    fn __repr__(&self) -> String {
        let factor = match self.0.factor {
            Factor::Totp(_) => "totp",
            Factor::Hotp(_) => "hotp",
        };
        format!("<KeyUri: {factor}, {:?}>", self.0.account_name)
    }
}

impl Secret {
    fn hashed(&self) -> u64 {
        hash(self.0.as_bytes())
    }
}

impl Totp {
    fn hashed(&self) -> u64 {
        let totp = &self.0;
        let (digits, period) = (totp.digits().get(), totp.period().seconds());
        hash((totp.secret().as_bytes(), totp.algorithm().as_str(), digits, period))
    }
}

impl Hotp {
    fn hashed(&self) -> u64 {
        let hotp = &self.0;
        hash((hotp.secret().as_bytes(), hotp.algorithm().as_str(), hotp.digits().get()))
    }
}

impl KeyUri {
    fn hashed(&self) -> u64 {
        let uri = &self.0;
        let shown = (&uri.issuer, &uri.account_name, uri.factor);
        hash((uri.secret.as_bytes(), uri.algorithm.as_str(), uri.digits.get(), shown))
    }
}
