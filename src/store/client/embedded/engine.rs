//! The engine itself, and the connector that stands in for the network.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::http::StatusCode;
use aws_smithy_types::body::SdkBody;
use dynoxide::actions::vector_lifecycle::VectorIndexLifecycle;
use dynoxide::storage::Storage;
use dynoxide::{DynoxideError, TableMetadata, actions};
use serde_json::json;

use super::file::{self, Trouble};
use crate::process::{Owned, PerProcess};
use crate::store::StoreError;

/// Where a table is kept: a file, or this process's memory.
const MEMORY: &str = ":memory:";
/// How long a request waits before it tries again for a lock of another process.
const LOCKED_PAUSE: Duration = Duration::from_millis(5);
/// How long a request made by hand may take.
const CALL_TIMEOUT: Duration = Duration::from_secs(8);

/// The engines that a process has open: one a file, and one in memory, so that
/// every verifier of the process sees the same users.
struct Engines {
    open: Mutex<HashMap<PathBuf, Arc<Engine>>>,
    /// Set before SQLite is first called.
    used: AtomicBool,
    /// A parent, or its parent, used SQLite before the fork. Its locks belong to a
    /// process, its mutexes to threads that are gone, and a table in memory would
    /// become two that each accept a code: nothing of it may be touched here.
    inherited: bool,
}

static ENGINES: PerProcess<Engines> = PerProcess::new();

/// One table's home: a file, or this process's memory.
struct Engine {
    /// As the user wrote it, for messages.
    at: String,
    path: PathBuf,
    /// None before the first request. Waiting for it does not hold up a thread, and ends
    /// with the caller.
    open: tokio::sync::Mutex<Option<Open>>,
    /// Another process had the file locked when a request last tried.
    locked: AtomicBool,
}

struct Open {
    storage: Storage,
    sweep_at: Instant,
}

/// The engines of this process: a forked child starts with none.
fn engines() -> Arc<Owned<Engines>> {
    ENGINES.get().unwrap_or_else(|| {
        let inherited = ENGINES
            .inherited()
            .is_some_and(|parent| parent.inherited || parent.used.load(Ordering::SeqCst));
        ENGINES.put(Engines { open: Mutex::default(), used: AtomicBool::new(false), inherited })
    })
}

/// The engine at `at`, with the table made.
async fn open(at: &str, table: &str) -> Result<Arc<Engine>, StoreError> {
    let engine = {
        let engines = engines();
        if engines.inherited {
            return Err(StoreError::Configuration(
                "the embedded table was open when this process was forked, which SQLite does not \
                 survive: make the first call after the fork, or use DynamoDB"
                    .to_owned(),
            ));
        }
        engines.used.store(true, Ordering::SeqCst);
        let path = if at == MEMORY { PathBuf::from(at) } else { file::create(at)? };
        // Poisoned or not: what is in the map works.
        let mut open = engines.open.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(open.entry(path).or_insert_with_key(|path| Arc::new(Engine::new(at, path))))
    };
    let made = engine.run(|storage| make_table(storage, table)).await?;
    made.map_err(|error| file::cannot_open(at, error.error_type()))?;
    Ok(engine)
}

impl Engine {
    fn new(at: &str, path: &Path) -> Self {
        Self {
            at: at.to_owned(),
            path: path.to_owned(),
            open: tokio::sync::Mutex::default(),
            locked: AtomicBool::new(false),
        }
    }

    /// Does `work` on the file. While another process has it locked, tries again, for as
    /// long as the caller waits.
    async fn run<T>(
        &self,
        work: impl Fn(&Storage) -> dynoxide::Result<T>,
    ) -> Result<dynoxide::Result<T>, StoreError> {
        loop {
            let outcome = self.try_once(&mut *self.open.lock().await, &work);
            let locked = matches!(outcome, Err(Trouble::Locked));
            self.locked.store(locked, Ordering::Relaxed);
            match outcome {
                Ok(done) => return Ok(done),
                Err(Trouble::Failed(why)) => return Err(why),
                Err(Trouble::Locked) => tokio::time::sleep(LOCKED_PAUSE).await,
            }
        }
    }

    fn try_once<T>(
        &self,
        open: &mut Option<Open>,
        work: impl Fn(&Storage) -> dynoxide::Result<T>,
    ) -> Result<dynoxide::Result<T>, Trouble> {
        let Open { storage, sweep_at } = match open {
            Some(open) => open,
            None => open.insert(Open { storage: self.connect()?, sweep_at: Instant::now() }),
        };
        let done = self.journaled(storage).and_then(|()| work(storage));
        if let Some(trouble) = done.as_ref().err().and_then(|error| file::trouble(&self.at, error))
        {
            if !storage.conn().is_autocommit() {
                // A transaction that could not be rolled back: its end is the connection's.
                *open = None;
            }
            return Err(trouble);
        }
        if *sweep_at <= Instant::now() {
            *sweep_at += file::SWEEP_EVERY;
            // It may be locked, or full: the next process or the next hour does it.
            drop(file::sweep(storage));
        }
        Ok(done)
    }

    fn connect(&self) -> Result<Storage, Trouble> {
        if self.at == MEMORY {
            return Storage::memory()
                .map_err(|error| Trouble::Failed(file::cannot_open(MEMORY, error)));
        }
        file::open(&self.path, &self.at)
    }

    /// Makes sure that no other program has switched the file to a write-ahead log.
    fn journaled(&self, storage: &Storage) -> dynoxide::Result<()> {
        if self.at == MEMORY { Ok(()) } else { Ok(file::leave_wal(storage.conn())?) }
    }

    /// Answers one DynamoDB request: the HTTP status and the JSON reply.
    async fn answer(&self, operation: &str, body: &[u8]) -> Result<(u16, String), StoreError> {
        let done = self.run(|storage| dispatch(storage, operation, body)).await?;
        Ok(match done {
            Ok(reply) => (200, reply),
            Err(error) => (error.status_code(), error.to_json()),
        })
    }
}

/// Makes the table, if this is its first use. Several processes may start on it at once.
fn make_table(storage: &Storage, table: &str) -> dynoxide::Result<()> {
    let expires = |table: TableMetadata| table.ttl_enabled;
    if storage.table_exists(table)? && storage.get_table_metadata(table)?.is_some_and(expires) {
        return Ok(());
    }
    storage.begin_transaction()?;
    let made = if storage.table_exists(table)? {
        Ok(())
    } else {
        let request = json!({
            "TableName": table,
            "BillingMode": "PAY_PER_REQUEST",
            "KeySchema": [{"AttributeName": "user_id", "KeyType": "HASH"}],
            "AttributeDefinitions": [{"AttributeName": "user_id", "AttributeType": "S"}],
        });
        dispatch(storage, "CreateTable", request.to_string().as_bytes()).map(drop)
    };
    let made = made
        .and_then(|()| storage.update_ttl_config(table, Some("expires_at"), true))
        .and_then(|()| storage.commit());
    if made.is_err() {
        // SQLite may have done it already; the first error is the one to tell.
        drop(storage.rollback());
    }
    made
}

/// Runs one DynamoDB request, JSON in and JSON out.
fn dispatch(storage: &Storage, operation: &str, body: &[u8]) -> dynoxide::Result<String> {
    macro_rules! operations {
        ($($name:literal => $action:ident $(, $more:expr)?;)*) => {
            match operation {
                $($name => {
                    let request = serde_json::from_slice(body).map_err(unreadable)?;
                    // It never waits: SQLite is called on this thread.
                    let done =
                        pollster::block_on(actions::$action::execute(storage, request $(, $more)?));
                    serde_json::to_string(&done?).map_err(unreadable)
                })*
                _ => Err(DynoxideError::ValidationException(format!(
                    "the embedded engine does not support {operation}"
                ))),
            }
        };
    }
    operations! {
        "PutItem" => put_item;
        "UpdateItem" => update_item;
        "DeleteItem" => delete_item;
        "TransactWriteItems" => transact_write_items;
        "GetItem" => get_item;
        "Scan" => scan;
        "CreateTable" => create_table;
        "DescribeTable" => describe_table, &VectorIndexLifecycle::new();
    }
}

/// A parser's message may quote the item: only its kind is kept.
fn unreadable(error: serde_json::Error) -> DynoxideError {
    DynoxideError::SerializationException(format!("{:?} error", error.classify()))
}

/// Stands where the network would: requests go to the engine, on the caller's
/// thread.
#[derive(Clone)]
struct Connector(Arc<Engine>);

impl std::fmt::Debug for Connector {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("embedded::Connector")
    }
}

impl HttpConnector for Connector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let engine = Arc::clone(&self.0);
        HttpConnectorFuture::new(async move {
            let target = request.headers().get("x-amz-target").unwrap_or_default();
            let operation = target.rsplit('.').next().unwrap_or_default();
            let answer = engine.answer(operation, request.body().bytes().unwrap_or_default());
            // Found again by `StoreError::of`.
            let (status, reply) =
                answer.await.map_err(|why| ConnectorError::other(why.into(), None))?;
            let status =
                StatusCode::try_from(status).unwrap_or_else(|_| unreachable!("HTTP statuses"));
            Ok(HttpResponse::new(status, SdkBody::from(reply)))
        })
    }
}

/// The engine at `at`, with the table made, in the place of the network.
pub(crate) async fn connector(at: &str, table: &str) -> Result<SharedHttpConnector, StoreError> {
    Ok(SharedHttpConnector::new(Connector(open(at, table).await?)))
}

/// Whether another process had the file at `at` locked when a request last tried.
pub(crate) fn locked(at: &str) -> bool {
    let Some(engines) = ENGINES.get() else { return false };
    let open = engines.open.lock().unwrap_or_else(PoisonError::into_inner);
    open.values().any(|engine| engine.at == at && engine.locked.load(Ordering::Relaxed))
}

/// One raw DynamoDB request to a table of the engine at `at`: the HTTP status and the JSON
/// reply. For looking at a table by hand; verifiers go through
/// [`Store`](crate::store::Store).
///
/// # Errors
/// [`StoreError::Configuration`] when the file cannot be opened,
/// [`StoreError::Unavailable`] when another process has locked it.
pub async fn call(
    at: &str,
    table: &str,
    operation: &str,
    body: &str,
) -> Result<(u16, String), StoreError> {
    let answer = async { open(at, table).await?.answer(operation, body.as_bytes()).await };
    tokio::time::timeout(CALL_TIMEOUT, answer)
        .await
        .unwrap_or_else(|_| Err(StoreError::Unavailable(format!("{at} is locked"))))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The tests from outside have no disk to fill; SQLite has a limit of its own.
    #[test]
    fn a_full_disk_is_called_one() {
        let name = format!("lambdatotp-full-{}.db", std::process::id());
        let file = std::env::temp_dir().join(name);
        let at = file.to_str().expect("UTF-8");
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
        runtime.expect("a runtime").block_on(async {
            let engine = open(at, "users").await.expect("a new file");
            let put = async |user: String| {
                let item = json!({"user_id": {"S": user}, "filler": {"S": "x".repeat(8000)}});
                let request = json!({"TableName": "users", "Item": item}).to_string();
                engine.answer("PutItem", request.as_bytes()).await
            };
            let limit = async |pages: u32| {
                let open = engine.open.lock().await;
                let connection = open.as_ref().expect("open").storage.conn();
                connection.pragma_update(None, "max_page_count", pages).expect("a number");
            };
            limit(1).await;
            let refused = put("one too many".to_owned()).await.expect_err("no room");
            let why = format!("disk full: there is no room for the embedded table {at}");
            assert_eq!(refused, StoreError::Unavailable(why));
            // Nothing is left half done.
            limit(1000).await;
            assert_eq!(put("the next".to_owned()).await.expect("room").0, 200);
        });
        for side in ["", "-journal"] {
            std::fs::remove_file(format!("{at}{side}")).expect("made here");
        }
    }
}
