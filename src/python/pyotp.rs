//! The fast paths of `lambdatotp.pyotp`.
//!
//! Each does what is common and plain, and returns None for everything else: odd
//! types, odd secrets, other hashes, whatever PyOTP would raise an error for. Then
//! the Python code beside it does what PyOTP does. So nothing here raises, and
//! nothing here has to imitate an error.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::ops::RangeInclusive;
use std::sync::LazyLock;

use data_encoding::Encoding;
use percent_encoding::{AsciiSet, percent_decode_str, utf8_percent_encode};
use pyo3::prelude::*;
use pyo3::types::{PyFloat, PyInt, PyString};
use subtle::{ConditionallySelectable, ConstantTimeEq};
use zeroize::Zeroize;

use super::guard::guarded;
use crate::otp::{Algorithm, ESCAPED, KeyedMac, lenient_base32};
use crate::random;

/// Characters of a secret, and bytes of its key, that fit the stack.
const MAX_SECRET: usize = 128;
const MAX_KEY: usize = MAX_SECRET * 5 / 8;
/// PyOTP refuses shorter keys: 112 bits.
const MIN_KEY: usize = 14;
/// Texts longer than this are equal to nothing in PyOTP.
const MAX_TEXT: usize = 1024;
/// The first second that PyOTP refuses.
const YEAR_10000: f64 = 253_402_300_800.0;
/// A window that wide is computed in Python, where a signal can end it.
const MAX_WINDOW: u64 = 1000;

/// As PyOTP reads it, once its padding is off.
static BASE32: LazyLock<Encoding> = LazyLock::new(|| lenient_base32(""));

/// Decodes a secret that is plain base32 of at least 112 bits, and hands its key to
/// `with`.
fn decoded<T>(secret: &str, with: impl FnOnce(&[u8]) -> T) -> Option<T> {
    if secret.len() > MAX_SECRET {
        return None;
    }
    // Padding, where there is any, must be what the text needs.
    let plain = secret.trim_end_matches('=');
    if plain.len() != secret.len() && plain.len().next_multiple_of(8) != secret.len() {
        return None;
    }
    let length = BASE32.decode_len(plain.len()).ok().filter(|&length| length >= MIN_KEY)?;
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
type Reduced<'py> = (Bound<'py, PyAny>, (Py<PyAny>, u16));

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

/// Decodes a secret for a hash; None where either is not plain, or the digits or the
/// interval are out of PyOTP's range.
#[guarded]
#[pyfunction]
#[pyo3(signature = (secret, algorithm, digits=None, interval=None, /))]
pub(super) fn _pyotp_key(
    secret: Bound<'_, PyAny>,
    algorithm: u16,
    digits: Option<&Bound<'_, PyAny>>,
    interval: Option<&Bound<'_, PyAny>>,
) -> Option<PyotpKey> {
    if let Some(digits) = digits {
        Digits::count(digits)?;
    }
    if let Some(interval) = interval {
        period(interval)?;
    }
    let hash = hash(algorithm)?;
    let mac = decoded(text(&secret)?, |bytes| KeyedMac::new(bytes, hash))?;
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

    /// OTPs can be copied and pickled, and hold their secret in the open.
    fn __reduce__<'py>(&self, py: Python<'py>) -> PyResult<Reduced<'py>> {
        let make = py.import("lambdatotp._lambdatotp")?.getattr("_pyotp_key")?;
        Ok((make, (self.secret.clone_ref(py), self.algorithm)))
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

/// Characters from an alphabet of 32 or 16, a byte of randomness each.
#[guarded]
#[pyfunction]
#[pyo3(signature = (length, chars, /))]
pub(super) fn _pyotp_random<'py>(
    py: Python<'py>,
    length: &Bound<'py, PyAny>,
    chars: &Bound<'py, PyAny>,
) -> Option<Bound<'py, PyString>> {
    let alphabet = text(chars)?.as_bytes();
    // A power of two, so that no character is likelier than another.
    if !matches!(alphabet, b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567" | b"ABCDEF0123456789") {
        return None;
    }
    let length = whole::<usize>(length)?;
    let mut buffer = [0_u8; MAX_SECRET];
    let characters = buffer.get_mut(..length)?;
    random::fill(characters).ok()?;
    for character in characters.iter_mut() {
        *character = alphabet[usize::from(*character) % alphabet.len()];
    }
    let made = PyString::new(py, std::str::from_utf8(characters).ok()?);
    characters.zeroize();
    Some(made)
}

/// What Python's `quote(text)` leaves as it is; [`ESCAPED`] is its `quote(text, safe="")`.
const ESCAPED_BUT_SLASH: &AsciiSet = &ESCAPED.remove(b'/');

/// A key URI: `hotp` with a counter, `totp` with a period.
#[guarded]
#[pyfunction]
#[pyo3(signature = (secret, name, issuer, algorithm, digits, period, counter, /))]
pub(super) fn _pyotp_uri(
    secret: &Bound<'_, PyAny>,
    name: &Bound<'_, PyAny>,
    issuer: &Bound<'_, PyAny>,
    algorithm: u16,
    digits: &Bound<'_, PyAny>,
    period: &Bound<'_, PyAny>,
    counter: &Bound<'_, PyAny>,
) -> Option<String> {
    let (secret, name) = (text(secret)?, text(name)?);
    let issuer = if issuer.is_none() { None } else { Some(text(issuer)?) };
    let algorithm = hash(algorithm)?;
    let digits: i64 = whole(digits)?;
    let kind = if counter.is_none() { "totp" } else { "hotp" };
    let mut uri = String::with_capacity(192);
    // Writing to a String cannot fail.
    let _ = write!(uri, "otpauth://{kind}/");
    if let Some(issuer) = issuer {
        uri.extend(utf8_percent_encode(issuer, ESCAPED_BUT_SLASH));
        uri.push(':');
    }
    uri.extend(utf8_percent_encode(name, ESCAPED_BUT_SLASH));
    uri.push_str("?secret=");
    uri.extend(utf8_percent_encode(secret, ESCAPED));
    if let Some(issuer) = issuer {
        uri.push_str("&issuer=");
        uri.extend(utf8_percent_encode(issuer, ESCAPED));
    }
    if !counter.is_none() {
        let _ = write!(uri, "&counter={}", whole::<i64>(counter)?);
    }
    if algorithm != Algorithm::Sha1 {
        let _ = write!(uri, "&algorithm={algorithm}");
    }
    if digits != 6 {
        let _ = write!(uri, "&digits={digits}");
    }
    if !period.is_none() {
        let period: i64 = whole(period)?;
        if period != 30 {
            let _ = write!(uri, "&period={period}");
        }
    }
    Some(uri)
}

/// A key URI's parts: secret, name, issuer, hash, digits, period, counter. Only a
/// HOTP has a counter.
type Parts<'py> = (
    Bound<'py, PyString>,
    Bound<'py, PyString>,
    Option<Bound<'py, PyString>>,
    u16,
    i64,
    i64,
    Option<i64>,
);

/// Reads a key URI as it usually is: ASCII, every parameter once and in range.
#[guarded]
#[pyfunction]
#[pyo3(signature = (uri, /))]
pub(super) fn _pyotp_parse<'py>(uri: &Bound<'py, PyAny>) -> Option<Parts<'py>> {
    let py = uri.py();
    let uri = text(uri)?;
    // What Python's URL parser strips, cuts off or looks at twice is for Python.
    let plain = |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'#' | b'[' | b']' | b'\\');
    if !uri.bytes().all(plain) {
        return None;
    }
    let rest = uri.strip_prefix("otpauth://")?;
    let (hotp, rest) = match rest.split_at_checked(5)? {
        ("totp/", rest) => (false, rest),
        ("hotp/", rest) => (true, rest),
        _ => return None,
    };
    let (label, query) = rest.split_once('?')?;
    let (mut issuer, name) = match label.split_once(':') {
        None => (None, unquoted(label)?),
        Some(("", _)) => return None,
        Some((issuer, name)) => (Some(unquoted(issuer)?), unquoted(name)?),
    };
    let (mut secret, mut bits, mut digits, mut period, mut counter) =
        (None, None, None, None, None);
    let mut issuer_given = false;
    for pair in query.split('&') {
        let (key, value) = pair.split_once('=').filter(|(_, value)| !value.is_empty())?;
        let repeated = match key {
            "secret" => secret.replace(spaced(value)?).is_some(),
            "issuer" => {
                let value = spaced(value)?;
                // Two issuers that differ are an error in PyOTP.
                if issuer.as_ref().is_some_and(|issuer| *issuer != value) {
                    return None;
                }
                issuer = Some(value);
                std::mem::replace(&mut issuer_given, true)
            }
            "algorithm" => {
                let named = match value {
                    "SHA1" => 1,
                    "SHA256" => 256,
                    "SHA512" => 512,
                    _ => return None,
                };
                bits.replace(named).is_some()
            }
            "digits" => digits.replace(number(value, 6..=8)?).is_some(),
            // A period in a HOTP, or a counter in a TOTP, is an error in PyOTP.
            "period" if !hotp => period.replace(number(value, 1..=120)?).is_some(),
            "counter" if hotp => counter.replace(number(value, 0..=i64::MAX)?).is_some(),
            "period" | "counter" | "encoder" => return None,
            key => key.contains(['%', '+']),
        };
        if repeated {
            return None;
        }
    }
    let shown = |text: Cow<'_, str>| PyString::new(py, &text);
    Some((
        shown(secret?),
        shown(name),
        issuer.map(shown),
        bits.unwrap_or(1),
        digits.unwrap_or(6),
        period.unwrap_or(30),
        hotp.then(|| counter.unwrap_or(0)),
    ))
}

/// Python's `unquote`, where every percent sign starts an escape and the result is
/// UTF-8.
fn unquoted(text: &str) -> Option<Cow<'_, str>> {
    let mut rest = text.as_bytes();
    while let Some(at) = rest.iter().position(|&byte| byte == b'%') {
        let escape = rest.get(at + 1..at + 3)?;
        if !escape.iter().all(u8::is_ascii_hexdigit) {
            return None;
        }
        rest = &rest[at + 3..];
    }
    percent_decode_str(text).decode_utf8().ok()
}

/// The same with `+` for a space, as in forms.
fn spaced(text: &str) -> Option<Cow<'_, str>> {
    if !text.contains('+') {
        return unquoted(text);
    }
    Some(unquoted(&text.replace('+', " "))?.into_owned().into())
}

/// A number as everybody writes it, in a range; Python's `int` reads more.
fn number(text: &str, range: RangeInclusive<i64>) -> Option<i64> {
    let plain = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|number| plain && range.contains(number))
}
