//! Where the crate's futures run: one tokio runtime a process.
//!
//! It has no threads of its own. A synchronous call drives it on the caller's
//! thread, with the GIL released; the first awaitable starts one background thread
//! that drives it from then on. A forked child has none of its parent's threads, so
//! it gets a runtime of its own, and the parent's is left alone. That thread leaves results
//! in the letterbox of the loop that awaits them; where a loop cannot watch a socket, as on
//! Windows, pyo3-async-runtimes hands them over instead.

use std::future::pending;
use std::pin::{Pin, pin};
use std::sync::{Arc, Once, PoisonError, RwLock};
use std::task::{Context, Poll};
use std::time::Duration;

#[cfg(unix)]
use pyo3::IntoPyObjectExt;
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use pyo3::sync::{OnceExt, PyOnceLock};
use pyo3_async_runtimes::TaskLocals;
use pyo3_async_runtimes::generic;
use tokio::runtime::{Builder, Runtime};
use tokio::task::{JoinError, JoinHandle};
use tokio::time::timeout;

use super::guard::{contained_future, guarded};
#[cfg(unix)]
use super::letterbox::{Letterbox, Letterboxes};
use crate::process::{Owned, PerProcess};

/// Threads that look up host names and hand results to Python, started on demand.
const MAX_HELPERS: usize = 8;

/// How long a signal may have to wait for its handler.
const PATIENCE: Duration = Duration::from_millis(100);

struct Process {
    runtime: Runtime,
    #[cfg(unix)]
    letterboxes: PyOnceLock<Letterboxes>,
    worker: Once,
    /// Whether results may still be handed to Python. Held while one is, so that
    /// the interpreter does not go away under it.
    open: RwLock<bool>,
}

static PROCESS: PerProcess<Process> = PerProcess::new();

fn process() -> PyResult<Arc<Owned<Process>>> {
    if let Some(process) = PROCESS.get() {
        return Ok(process);
    }
    let runtime = Builder::new_current_thread()
        .enable_io()
        .enable_time()
        .thread_name("lambdatotp-helper")
        .max_blocking_threads(MAX_HELPERS)
        .build()
        .map_err(|error| PyRuntimeError::new_err(format!("cannot start tokio: {error}")))?;
    Ok(PROCESS.put(Process {
        runtime,
        #[cfg(unix)]
        letterboxes: PyOnceLock::new(),
        worker: Once::new(),
        open: RwLock::new(true),
    }))
}

/// Runs a future to its end on this thread; other Python threads continue meanwhile.
///
/// Python runs signal handlers on its main thread only, and only between its own
/// instructions. So a call there that takes longer looks after them now and then. A handler
/// that raises ends the call, and drops the future.
pub(super) fn block_on<T, E>(
    py: Python<'_>,
    future: impl Future<Output = Result<T, E>> + Send,
) -> PyResult<T>
where
    T: Send,
    E: Send + Into<PyErr>,
{
    let process = process()?;
    let mut future = pin!(contained_future(future));
    let mut run_for_a_while =
        || py.detach(|| process.runtime.block_on(async { timeout(PATIENCE, &mut future).await }));
    if let Ok(result) = run_for_a_while() {
        return result;
    }
    if !handles_signals(py)? {
        return py.detach(|| process.runtime.block_on(future));
    }
    loop {
        py.check_signals()?;
        if let Ok(result) = run_for_a_while() {
            return result;
        }
    }
}

/// Whether this is Python's main thread.
fn handles_signals(py: Python<'_>) -> PyResult<bool> {
    let threading = py.import("threading")?;
    let main = threading.call_method0("main_thread")?.getattr("ident")?;
    threading.call_method0("get_ident")?.eq(main)
}

/// Starts a future and returns an asyncio future for its result. Cancelling that
/// one drops this one, at its next point of waiting.
pub(super) fn awaitable<'py, T, E>(
    py: Python<'py>,
    future: impl Future<Output = Result<T, E>> + Send + 'static,
) -> PyResult<Bound<'py, PyAny>>
where
    T: for<'a> IntoPyObject<'a> + Send + 'static,
    E: Into<PyErr> + 'static,
{
    let process = process()?;
    let driver = Arc::clone(&process);
    let mut started = Ok(());
    // With the GIL given up while waiting: another thread may be in here, importing.
    process.worker.call_once_py_attached(py, || {
        let thread = std::thread::Builder::new().name("lambdatotp".to_owned());
        let spawned = thread.spawn(move || driver.runtime.block_on(pending::<()>()));
        started = spawned
            .map_err(|error| PyRuntimeError::new_err(format!("cannot start a thread: {error}")))
            .and_then(|_| {
                let at_exit = wrap_pyfunction!(close, py)?;
                py.import("atexit")?.call_method1("register", (at_exit,)).map(drop)
            });
    });
    started?;
    let event_loop = get_running_loop(py).map_err(|error| {
        if !error.is_instance_of::<PyRuntimeError>(py) {
            return error;
        }
        // trio, or none at all.
        PyRuntimeError::new_err(
            "lambdatotp's coroutines need a running asyncio event loop: under trio, call the \
             synchronous method in a thread (trio.to_thread.run_sync)",
        )
    })?;
    #[cfg(unix)]
    if let Some(letterbox) =
        process.letterboxes.get_or_try_init(py, || Letterboxes::new(py))?.of(&event_loop)?
    {
        return by_letterbox(&process, &letterbox, &event_loop, future);
    }
    let locals = TaskLocals::new(event_loop);
    let future = contained_future(future);
    generic::future_into_py_with_locals::<Worker, _, T>(py, locals, future)
}

fn get_running_loop(py: Python<'_>) -> PyResult<Bound<'_, PyAny>> {
    static GET: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    GET.import(py, "asyncio", "get_running_loop")?.call0()
}

#[cfg(unix)]
fn by_letterbox<'py, T, E>(
    process: &Process,
    letterbox: &Bound<'py, Letterbox>,
    event_loop: &Bound<'py, PyAny>,
    future: impl Future<Output = Result<T, E>> + Send + 'static,
) -> PyResult<Bound<'py, PyAny>>
where
    T: for<'a> IntoPyObject<'a> + Send + 'static,
    E: Into<PyErr> + 'static,
{
    Letterbox::expect(letterbox, event_loop, |slot, number| {
        let task = process.runtime.spawn(async move {
            let result = contained_future(future).await;
            slot.put(number, Box::new(move |py| result?.into_py_any(py)));
        });
        task.abort_handle()
    })
}

/// At the interpreter's exit: results that arrive from now on reach nobody.
#[guarded]
#[pyfunction]
fn close(py: Python<'_>) {
    // In a forked child that never awaited, there is nothing to close.
    if let Some(process) = PROCESS.get() {
        // A result that is being handed over needs the GIL to finish.
        py.detach(|| *process.open.write().unwrap_or_else(PoisonError::into_inner) = false);
    }
}

/// Our runtime, as `pyo3-async-runtimes` wants to see it. Its own tokio runtime is
/// made once and for ever, which no fork survives.
struct Worker;

struct Task(JoinHandle<()>);

struct TaskError(JoinError);

impl generic::JoinError for TaskError {
    fn is_panic(&self) -> bool {
        self.0.is_panic()
    }

    fn into_panic(self) -> Box<dyn std::any::Any + Send + 'static> {
        self.0.into_panic()
    }
}

impl Future for Task {
    type Output = Result<(), TaskError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0).poll(context).map_err(TaskError)
    }
}

impl generic::Runtime for Worker {
    type JoinError = TaskError;
    type JoinHandle = Task;

    fn spawn<F>(future: F) -> Task
    where
        F: Future<Output = ()> + Send + 'static,
    {
        Task(running().runtime.spawn(future))
    }

    fn spawn_blocking<F>(function: F) -> Task
    where
        F: FnOnce() + Send + 'static,
    {
        let process = running();
        let task = Arc::clone(&process);
        Task(process.runtime.spawn_blocking(move || {
            let open = task.open.read().unwrap_or_else(PoisonError::into_inner);
            if *open {
                function();
            }
        }))
    }
}

/// The runtime that [`awaitable`] has made sure of.
fn running() -> Arc<Owned<Process>> {
    process().expect("made by awaitable() before")
}

tokio::task_local! {
    static LOCALS: TaskLocals;
}

impl generic::ContextExt for Worker {
    fn scope<F, R>(locals: TaskLocals, future: F) -> Pin<Box<dyn Future<Output = R> + Send>>
    where
        F: Future<Output = R> + Send + 'static,
    {
        Box::pin(LOCALS.scope(locals, future))
    }

    fn get_task_locals() -> Option<TaskLocals> {
        LOCALS.try_with(Clone::clone).ok()
    }
}
