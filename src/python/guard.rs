//! No panic leaves the module: each becomes an `InternalError`.
//!
//! A payload may quote what was being worked on, so nobody reads it. What is logged, and
//! what the error says, is the place in the source.

use std::cell::Cell;
use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, Location, catch_unwind, set_hook};
use std::pin::pin;
use std::task::Poll;

use pyo3::PyErrArguments;
use pyo3::prelude::*;
use pyo3::types::PyString;

use super::errors::InternalError;

pub(super) use lambdatotp_macros::guarded;

thread_local! {
    /// Where this thread panicked last.
    static PLACE: Cell<Option<String>> = const { Cell::new(None) };
}

/// Notes the place of each panic, instead of printing its payload. This library's copy of
/// `std` is its own: panics of other extension modules are not affected.
pub(super) fn install() {
    set_hook(Box::new(|panic| {
        // A thread that is ending has no room for it any more.
        let _ = PLACE.try_with(|place| place.set(panic.location().map(shown)));
    }));
}

/// A place in the source, without the folders of the machine that built it.
fn shown(place: &Location<'_>) -> String {
    let file = place.file();
    // ~/.cargo/registry/src/<index>/<crate>/src/lib.rs
    let of_crate = file.split_once("/registry/src/").and_then(|(_, rest)| rest.split_once('/'));
    format!("{}:{}", of_crate.map_or(file, |(_, rest)| rest), place.line())
}

/// A panic that was caught, as an exception's argument.
struct Panicked(String);

impl Panicked {
    /// The last one of this thread.
    fn here() -> Self {
        let place = PLACE.try_with(Cell::take).ok().flatten();
        Self(place.unwrap_or_else(|| "an unknown location".to_owned()))
    }
}

impl From<Panicked> for PyErr {
    fn from(panic: Panicked) -> Self {
        InternalError::new_err(panic)
    }
}

impl PyErrArguments for Panicked {
    /// Python asks for the arguments when it raises the error: the time to log it.
    fn arguments(self, py: Python<'_>) -> Py<PyAny> {
        let message = format!("internal error at {}: this is a bug, please report it", self.0);
        // The error says the same, should the logger fail.
        let _ = log(py, &message);
        PyString::new(py, &message).into_any().unbind()
    }
}

fn log(py: Python<'_>, message: &str) -> PyResult<()> {
    let logger = py.import("logging")?.call_method1("getLogger", ("lambdatotp",))?;
    logger.call_method1("error", ("%s", message)).map(drop)
}

/// Runs the body of a native function. `#[guarded]` puts each of them in here.
pub(super) fn contained<T>(body: impl FnOnce() -> PyResult<T>) -> PyResult<T> {
    let body = || {
        #[cfg(feature = "embedded")]
        injected::panic_if(injected::IN_CALL);
        body()
    };
    catch_unwind(AssertUnwindSafe(body)).unwrap_or_else(|_| Err(Panicked::here().into()))
}

/// The same for a future, which others poll.
pub(super) async fn contained_future<T, E: Into<PyErr>>(
    future: impl Future<Output = Result<T, E>>,
) -> PyResult<T> {
    let mut future = pin!(future);
    poll_fn(|context| {
        let poll = || {
            #[cfg(feature = "embedded")]
            injected::panic_if(injected::IN_FUTURE);
            future.as_mut().poll(context)
        };
        match catch_unwind(AssertUnwindSafe(poll)) {
            Ok(poll) => poll.map_err(Into::into),
            Err(_) => Poll::Ready(Err(Panicked::here().into())),
        }
    })
    .await
}

/// A panic on demand, for tests. The module for Lambda has none of this.
#[cfg(feature = "embedded")]
pub(super) mod injected {
    use std::sync::atomic::{AtomicU8, Ordering};

    use pyo3::prelude::*;

    use super::guarded;

    pub(super) const IN_CALL: u8 = 1;
    pub(super) const IN_FUTURE: u8 = 2;

    static NEXT: AtomicU8 = AtomicU8::new(0);

    pub(super) fn panic_if(place: u8) {
        if NEXT.load(Ordering::Relaxed) == place {
            NEXT.store(0, Ordering::Relaxed);
            panic!("injected, with the secret JBSWY3DPEHPK3PXP");
        }
    }

    /// Makes the next native call panic, or the next future that a native call starts.
    #[guarded]
    #[pyfunction]
    #[pyo3(signature = (*, in_future=false))]
    pub(in super::super) fn _panic_next(in_future: bool) {
        NEXT.store(if in_future { IN_FUTURE } else { IN_CALL }, Ordering::Relaxed);
    }
}
