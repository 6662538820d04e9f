//! The fast paths of `lambdatotp.pyotp`.
//!
//! Each does what is common and plain, and returns None for everything else: odd
//! types, odd secrets, other hashes, whatever PyOTP would raise an error for. Then
//! the Python code beside it does what PyOTP does. So nothing here raises, and
//! nothing here has to imitate an error.

use std::sync::LazyLock;

use data_encoding::Encoding;
use pyo3::prelude::*;
use pyo3::types::{PyFloat, PyInt, PyString};
use subtle::{ConditionallySelectable, ConstantTimeEq};
use zeroize::Zeroize;

use super::guard::guarded;
use crate::otp::{Algorithm, KeyedMac, lenient_base32};

/// Characters of a secret, and bytes of its key, that fit the stack.
const MAX_SECRET: usize = 128;
const MAX_KEY: usize = MAX_SECRET * 5 / 8;
/// Texts longer than this are equal to nothing in PyOTP.
const MAX_TEXT: usize = 1024;
/// The first second that PyOTP refuses.
const YEAR_10000: f64 = 253_402_300_800.0;
/// A window that wide is computed in Python, where a signal can end it.
const MAX_WINDOW: u64 = 1000;

/// As PyOTP reads it, once its padding is off.
static BASE32: LazyLock<Encoding> = LazyLock::new(|| lenient_base32(""));

/// Decodes a secret that is plain base32 of at least `minimum` bytes, and hands its key
/// to `with`.
fn decoded<T>(secret: &str, minimum: usize, with: impl FnOnce(&[u8]) -> T) -> Option<T> {
    if secret.len() > MAX_SECRET {
        return None;
    }
    // Padding, where there is any, must be what the text needs.
    let plain = secret.trim_end_matches('=');
    if plain.len() != secret.len() && plain.len().next_multiple_of(8) != secret.len() {
        return None;
    }
    let length = BASE32.decode_len(plain.len()).ok().filter(|&length| length >= minimum)?;
    let mut buffer = [0; MAX_KEY];
    let bytes = &mut buffer[..length];
    let result = BASE32.decode_mut(plain.as_bytes(), bytes).ok().map(|_| with(bytes));
    bytes.zeroize();
    result
}

/// Exactly a str, and valid Unicode.
fn text<'a>(value: &'a Bound<'_, PyAny>) -> Option<&'a str> {
    value.cast_exact::<PyString>().ok()?.to_str().ok()
}

/// Exactly an int, and in range.
fn whole<'py, T: for<'a> FromPyObject<'a, 'py>>(value: &Bound<'py, PyAny>) -> Option<T> {
    value.cast_exact::<PyInt>().ok()?.extract().ok()
}

/// How the Python side names the hashes.
const fn hash(algorithm: u16) -> Option<Algorithm> {
    match algorithm {
        1 => Some(Algorithm::Sha1),
        256 => Some(Algorithm::Sha256),
        512 => Some(Algorithm::Sha512),
        _ => None,
    }
}

/// A code of 6 to 10 digits in ASCII, right-aligned.
struct Digits {
    bytes: [u8; 10],
    count: usize,
}

impl Digits {
    fn count(digits: &Bound<'_, PyAny>) -> Option<usize> {
        whole::<usize>(digits).filter(|count| (6..=10).contains(count))
    }

    fn new(mut number: u32, count: usize) -> Self {
        let mut bytes = [b'0'; 10];
        for byte in bytes.iter_mut().rev() {
            *byte = b'0' + (number % 10) as u8;
            number /= 10;
        }
        Self { bytes, count }
    }

    fn as_bytes(&self) -> &[u8] {
        &self.bytes[10 - self.count..]
    }
}

/// How pickle writes an object: a function, and its arguments.
type Reduced<'py> = (Bound<'py, PyAny>, (Py<PyAny>, u16, Option<u8>, Option<u8>, u8));

/// The step a time falls in, for times and intervals that are exactly int or float
/// and int, and in PyOTP's range.
fn step(for_time: &Bound<'_, PyAny>, interval: &Bound<'_, PyAny>) -> Option<u64> {
    let seconds = match for_time.cast_exact::<PyFloat>() {
        Ok(seconds) => seconds.value(),
        Err(_) => whole::<u32>(for_time)?.into(),
    };
    let interval = period(interval)?;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "in range")]
    (0.0..YEAR_10000).contains(&seconds).then(|| seconds as u64 / interval)
}

fn period(interval: &Bound<'_, PyAny>) -> Option<u64> {
    whole(interval).filter(|seconds| (1..=120).contains(seconds))
}

/// A secret that was decoded once, and what was decoded: it answers for that very
/// str object and hash only, so that setting either on an OTP needs no bookkeeping.
#[pyclass(frozen, name = "_PyotpKey", module = "lambdatotp._lambdatotp")]
pub(super) struct PyotpKey {
    secret: Py<PyAny>,
    algorithm: u16,
    mac: KeyedMac,
}

/// Decodes a secret for a hash; None where either is not plain, the secret has fewer bits
/// than that, or the digits or the interval are out of PyOTP's range.
#[guarded]
#[pyfunction]
#[pyo3(signature = (secret, algorithm, digits=None, interval=None, minimum_bits=None, /))]
pub(super) fn _pyotp_key(
    secret: Bound<'_, PyAny>,
    algorithm: u16,
    digits: Option<&Bound<'_, PyAny>>,
    interval: Option<&Bound<'_, PyAny>>,
    minimum_bits: Option<&Bound<'_, PyAny>>,
) -> Option<PyotpKey> {
    if let Some(digits) = digits {
        Digits::count(digits)?;
    }
    if let Some(interval) = interval {
        period(interval)?;
    }
    let hash = hash(algorithm)?;
    let minimum = minimum_bits.map_or(Some(0), whole::<usize>)?.div_ceil(8);
    let mac = decoded(text(&secret)?, minimum, |bytes| KeyedMac::new(bytes, hash))?;
    Some(PyotpKey { secret: secret.unbind(), algorithm, mac })
}

#[guarded]
#[pymethods]
impl PyotpKey {
    /// The code for a counter.
    #[pyo3(signature = (secret, algorithm, digits, counter, /))]
    fn code<'py>(
        &self,
        secret: &Bound<'py, PyAny>,
        algorithm: u16,
        digits: &Bound<'py, PyAny>,
        counter: &Bound<'py, PyAny>,
    ) -> Option<Bound<'py, PyString>> {
        self.mac_of(secret, algorithm).and_then(|mac| shown(mac, digits, whole(counter)?))
    }

    /// The code of a time, some steps away.
    #[pyo3(signature = (secret, algorithm, digits, for_time, interval, offset, /))]
    fn code_at<'py>(
        &self,
        secret: &Bound<'py, PyAny>,
        algorithm: u16,
        digits: &Bound<'py, PyAny>,
        for_time: &Bound<'py, PyAny>,
        interval: &Bound<'py, PyAny>,
        offset: &Bound<'py, PyAny>,
    ) -> Option<Bound<'py, PyString>> {
        let mac = self.mac_of(secret, algorithm)?;
        shown(mac, digits, step(for_time, interval)?.checked_add_signed(whole(offset)?)?)
    }

    /// The first step of a window around a time that has a code, or -1: every step is
    /// computed.
    #[pyo3(signature = (otp, secret, algorithm, digits, for_time, interval, window, /))]
    #[expect(clippy::too_many_arguments, reason = "what an OTP may have had set")]
    fn find(
        &self,
        otp: &Bound<'_, PyAny>,
        secret: &Bound<'_, PyAny>,
        algorithm: u16,
        digits: &Bound<'_, PyAny>,
        for_time: &Bound<'_, PyAny>,
        interval: &Bound<'_, PyAny>,
        window: &Bound<'_, PyAny>,
    ) -> Option<i64> {
        let mac = self.mac_of(secret, algorithm)?;
        let count = Digits::count(digits)?;
        let window = whole::<u64>(window).filter(|&steps| steps <= MAX_WINDOW)?;
        let now = step(for_time, interval)?;
        let first = now.checked_sub(window)?;
        // Other scripts are normalized first, in Python.
        let otp = text(otp).filter(|otp| otp.is_ascii() && otp.len() <= MAX_TEXT)?;
        if otp.len() != count {
            return Some(-1);
        }
        let mut found = -1;
        for step in (first..=now + window).rev() {
            let code = Digits::new(mac.truncated(step), count);
            found.conditional_assign(&step.cast_signed(), code.as_bytes().ct_eq(otp.as_bytes()));
        }
        Some(found)
    }

    /// OTPs can be copied and pickled, and hold their secret in plaintext.
    fn __reduce__<'py>(&self, py: Python<'py>) -> PyResult<Reduced<'py>> {
        let make = py.import("lambdatotp._lambdatotp")?.getattr("_pyotp_key")?;
        // It was long enough once.
        Ok((make, (self.secret.clone_ref(py), self.algorithm, None, None, 0)))
    }

    fn __repr__(&self) -> &'static str {
        "<_PyotpKey>"
    }
}

impl PyotpKey {
    fn mac_of(&self, secret: &Bound<'_, PyAny>, algorithm: u16) -> Option<&KeyedMac> {
        let same = secret.is(&self.secret) && algorithm == self.algorithm;
        same.then_some(&self.mac)
    }
}

/// A code as Python has it.
fn shown<'py>(
    mac: &KeyedMac,
    digits: &Bound<'py, PyAny>,
    counter: u64,
) -> Option<Bound<'py, PyString>> {
    let code = Digits::new(mac.truncated(counter), Digits::count(digits)?);
    Some(PyString::new(digits.py(), std::str::from_utf8(code.as_bytes()).ok()?))
}
