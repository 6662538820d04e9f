//! Results on their way to an event loop.
//!
//! The background thread never takes the GIL: it leaves a result in the letterbox of the
//! loop that waits for it, and wakes the loop by a byte in a socket if the box was empty.
//! The loop then takes everything that is there, however much it is.

use std::collections::HashMap;
use std::io::{Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use pyo3::exceptions::{PyNotImplementedError, PyOSError};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::PyDict;
use tokio::task::AbortHandle;

use super::guard::guarded;

/// A result, which the loop makes into a Python object.
type Letter = Box<dyn FnOnce(Python<'_>) -> PyResult<Py<PyAny>> + Send>;

/// The slot of a letterbox: all that the background thread sees of it.
pub(super) struct Slot {
    /// Results that the loop has yet to take, by the numbers of their futures.
    arrived: Mutex<Vec<(u64, Letter)>>,
    /// The loop watches one end; the first result of several is announced at the other.
    watched: UnixStream,
    bell: UnixStream,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Slot {
    fn new() -> std::io::Result<Self> {
        let (watched, bell) = UnixStream::pair()?;
        watched.set_nonblocking(true)?;
        bell.set_nonblocking(true)?;
        Ok(Self { arrived: Mutex::default(), watched, bell })
    }

    /// Leaves a result, from any thread.
    pub(super) fn put(&self, number: u64, letter: Letter) {
        let first = {
            let mut arrived = lock(&self.arrived);
            arrived.push((number, letter));
            arrived.len() == 1
        };
        if first {
            // The one error there can be is a full socket, which wakes the loop as well.
            let _ = (&self.bell).write(&[0]);
        }
    }

    fn take(&self) -> Vec<(u64, Letter)> {
        // The bytes first: a result that comes after them brings another one.
        let mut bytes = [0; 64];
        while (&self.watched).read(&mut bytes).is_ok_and(|read| read == bytes.len()) {}
        std::mem::take(&mut *lock(&self.arrived))
    }
}

/// An asyncio future that waits for a result, and the task that will bring it.
struct Expected {
    future: Py<PyAny>,
    task: AbortHandle,
}

/// What a loop waits for, by number.
#[derive(Default)]
struct Waiting {
    last: u64,
    expected: HashMap<u64, Expected>,
}

/// The letterbox of an event loop, which calls it when there is something in it.
#[pyclass(frozen, module = "lambdatotp._lambdatotp")]
pub(super) struct Letterbox {
    slot: Arc<Slot>,
    waiting: Mutex<Waiting>,
    /// A forked child inherits its parent's loop, and must leave the parent's results alone.
    process: u32,
}

#[guarded]
#[pymethods]
impl Letterbox {
    /// Hands over what has arrived.
    fn __call__(&self, py: Python<'_>) -> PyResult<()> {
        if self.process != std::process::id() {
            return Ok(());
        }
        for (number, letter) in self.slot.take() {
            let Some(Expected { future, .. }) = self.no_longer(number) else { continue };
            let future = future.into_bound(py);
            if future.call_method0(intern!(py, "done"))?.is_truthy()? {
                continue;
            }
            match letter(py) {
                Ok(value) => future.call_method1(intern!(py, "set_result"), (value,))?,
                Err(error) => {
                    future.call_method1(intern!(py, "set_exception"), (error.into_value(py),))?
                }
            };
        }
        Ok(())
    }
}

impl Letterbox {
    /// Makes a future of the loop for the result of a task, which `start` starts: it is given
    /// the slot to leave the result in, and the number to leave it under.
    pub(super) fn expect<'py>(
        this: &Bound<'py, Self>,
        event_loop: &Bound<'py, PyAny>,
        start: impl FnOnce(Arc<Slot>, u64) -> AbortHandle,
    ) -> PyResult<Bound<'py, PyAny>> {
        let py = this.py();
        let future = event_loop.call_method0(intern!(py, "create_future"))?;
        let number = {
            let mut waiting = lock(&this.get().waiting);
            waiting.last += 1;
            waiting.last
        };
        let ending = Ending { letterbox: this.clone().unbind(), number };
        future.call_method1(intern!(py, "add_done_callback"), (ending,))?;
        let task = start(Arc::clone(&this.get().slot), number);
        let expected = Expected { future: future.clone().unbind(), task };
        // The loop, whose thread this is, takes no result before.
        lock(&this.get().waiting).expected.insert(number, expected);
        Ok(future)
    }

    fn no_longer(&self, number: u64) -> Option<Expected> {
        lock(&self.waiting).expected.remove(&number)
    }

    /// Ends every task: the loop is closed, and takes no result any more.
    fn give_up(&self) {
        let expected = std::mem::take(&mut lock(&self.waiting).expected);
        for Expected { task, .. } in expected.values() {
            task.abort();
        }
    }
}

/// What a future calls when it is done: ends the task of one that was cancelled.
#[pyclass(frozen, module = "lambdatotp._lambdatotp")]
struct Ending {
    letterbox: Py<Letterbox>,
    number: u64,
}

#[guarded]
#[pymethods]
impl Ending {
    fn __call__(&self, _future: &Bound<'_, PyAny>) {
        // A result that was handed over is not expected any more.
        if let Some(Expected { task, .. }) = self.letterbox.get().no_longer(self.number) {
            task.abort();
        }
    }
}

/// The letterboxes of a process, by their loops.
pub(super) struct Letterboxes(Py<PyAny>);

impl Letterboxes {
    pub(super) fn new(py: Python<'_>) -> PyResult<Self> {
        // A loop takes its letterbox along, and the letterbox its sockets.
        Ok(Self(py.import("weakref")?.call_method0("WeakKeyDictionary")?.unbind()))
    }

    /// The letterbox of a loop; `None` where the loop cannot watch a socket.
    pub(super) fn of<'py>(
        &self,
        event_loop: &Bound<'py, PyAny>,
    ) -> PyResult<Option<Bound<'py, Letterbox>>> {
        let py = event_loop.py();
        let boxes = self.0.bind(py);
        let found = boxes.call_method1(intern!(py, "get"), (event_loop, false))?;
        if found.is_none() {
            return Ok(None);
        }
        if let Ok(letterbox) = found.cast_into::<Letterbox>() {
            return Ok(Some(letterbox));
        }
        self.forget_closed_loops(py)?;
        let slot = Slot::new().map_err(|error| {
            PyOSError::new_err(format!(
                "cannot create the socket that wakes the event loop: {error}"
            ))
        })?;
        let watched = slot.watched.as_raw_fd();
        let (slot, waiting, process) = (Arc::new(slot), Mutex::default(), std::process::id());
        let letterbox = Bound::new(py, Letterbox { slot, waiting, process })?;
        match event_loop.call_method1(intern!(py, "add_reader"), (watched, &letterbox)) {
            Ok(_) => {
                boxes.set_item(event_loop, &letterbox)?;
                Ok(Some(letterbox))
            }
            // As on Windows.
            Err(error) if error.is_instance_of::<PyNotImplementedError>(py) => {
                boxes.set_item(event_loop, py.None())?;
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// Lets go of closed loops and of their sockets: what was awaited when a loop was closed
    /// would hold on to them.
    fn forget_closed_loops(&self, py: Python<'_>) -> PyResult<()> {
        let boxes = self.0.bind(py);
        let known = PyDict::new(py);
        known.call_method1("update", (boxes,))?;
        for (event_loop, found) in known {
            if event_loop.call_method0("is_closed")?.is_truthy()? {
                boxes.call_method1("pop", (event_loop, py.None()))?;
                if let Ok(letterbox) = found.cast_into::<Letterbox>() {
                    letterbox.get().give_up();
                }
            }
        }
        Ok(())
    }
}
