//! QR pictures of any text.

use pyo3::prelude::*;
use pyo3::types::PyBytes;

use super::guard::guarded;
use crate::qr::Qr;

/// A QR code as a stand-alone SVG document, one unit per module, black on white.
///
/// Args:
///     text: The text to encode.
///
/// Raises:
///     ValueError: The text is empty, or longer than 2953 bytes.
#[guarded]
#[pyfunction]
#[pyo3(signature = (text, /))]
pub(super) fn qr_svg(text: &str) -> PyResult<String> {
    Ok(Qr::new(text)?.svg())
}

/// A QR code as a PNG file, one bit per pixel.
///
/// Args:
///     text: The text to encode.
///     scale: Pixels per module, 1 to 64.
///
/// Raises:
///     ValueError: The text is empty or longer than 2953 bytes, or the scale is out
///         of range.
#[guarded]
#[pyfunction]
#[pyo3(signature = (text, /, *, scale=8))]
pub(super) fn qr_png<'py>(
    py: Python<'py>,
    text: &str,
    scale: u64,
) -> PyResult<Bound<'py, PyBytes>> {
    Ok(PyBytes::new(py, &Qr::new(text)?.png(scale)?))
}

/// A QR code as a `data:image/png;base64,` URI, for an `<img>`: no other server sees
/// it.
///
/// Args:
///     text: The text to encode.
///     scale: Pixels per module, 1 to 64.
///
/// Raises:
///     ValueError: The text is empty or longer than 2953 bytes, or the scale is out
///         of range.
#[guarded]
#[pyfunction]
#[pyo3(signature = (text, /, *, scale=8))]
pub(super) fn qr_data_uri(text: &str, scale: u64) -> PyResult<String> {
    Ok(Qr::new(text)?.data_uri(scale)?)
}

/// A QR code in half-block characters, to print in a terminal.
///
/// Args:
///     text: The text to encode.
///     ansi: Use escape codes for black on white, which scans on any background. Without them,
///         the code is drawn for light text on a dark background.
///
/// Raises:
///     ValueError: The text is empty, or longer than 2953 bytes.
#[guarded]
#[pyfunction]
#[pyo3(signature = (text, /, *, ansi=true))]
pub(super) fn qr_terminal(text: &str, ansi: bool) -> PyResult<String> {
    Ok(Qr::new(text)?.terminal(ansi))
}

/// As `qr_terminal`, drawn smaller where the terminal has fewer rows than it takes.
#[cfg(feature = "admin")]
#[guarded]
#[pyfunction]
pub(super) fn _qr_terminal_within(text: &str, rows: usize) -> PyResult<String> {
    Ok(Qr::terminal_within(text, rows)?)
}
