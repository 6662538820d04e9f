//! The engine itself, and the connector that stands in for the network.

use std::collections::HashMap;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use aws_sdk_dynamodb::config::SharedHttpClient;
use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, SharedHttpConnector, http_client_fn,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::http::StatusCode;
use aws_smithy_types::body::SdkBody;
use dynoxide::{Database, DynoxideError};
use serde_json::json;

use crate::process::{Owned, PerProcess};
use crate::store::StoreError;

/// Where a table is kept: a file, or this process's memory.
const MEMORY: &str = ":memory:";

/// The engines that a process has open: one a file, and one in memory, so that
/// every verifier of the process sees the same users.
struct Engines {
    open: Mutex<HashMap<PathBuf, Database>>,
    /// Set before SQLite is first called.
    used: AtomicBool,
    /// A parent, or its parent, used SQLite before the fork. Its locks belong to a
    /// process, its mutexes to threads that are gone, and a table in memory would
    /// become two that each accept a code: nothing of it may be touched here.
    inherited: bool,
}

static ENGINES: PerProcess<Engines> = PerProcess::new();

fn failed(why: impl std::fmt::Display) -> StoreError {
    StoreError::Configuration(format!("cannot open the embedded table: {why}"))
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
fn open(at: &str, table: &str) -> Result<Database, StoreError> {
    let engines = engines();
    if engines.inherited {
        return Err(StoreError::Configuration(
            "the embedded table was open when this process was forked, which SQLite does not \
             survive: make the first call after the fork, or use DynamoDB"
                .to_owned(),
        ));
    }
    engines.used.store(true, Ordering::SeqCst);
    let problem = |error: io::Error| failed(format!("{at}: {error}"));
    let memory = at == MEMORY;
    let path = if memory { PathBuf::from(at) } else { private_file(at).map_err(problem)? };
    // Poisoned or not: what is in the map works.
    let mut open = engines.open.lock().unwrap_or_else(PoisonError::into_inner);
    // SQLite's locks cover transactions, but not the making of a database, which
    // several processes may start on at once. The lock is on the folder: to open
    // and close the file itself would drop SQLite's locks on it.
    let folder = path.parent().filter(|_| !memory).map(File::open).transpose().map_err(problem)?;
    folder.as_ref().map(File::lock).transpose().map_err(problem)?;
    let database = if let Some(database) = open.get(&path) {
        database.clone()
    } else {
        let opened = match path.to_str() {
            _ if memory => Database::memory(),
            Some(name) => Database::new(name),
            None => return Err(failed("its path is not UTF-8")),
        };
        opened.map_err(|error| match error {
            DynoxideError::SqliteError(error) => failed(format!("{at}: {error}")),
            other => failed(format!("{at}: {}", other.error_type())),
        })?
    };
    ensure_table(&database, table)?;
    open.insert(path, database.clone());
    Ok(database)
}

/// Makes the file, readable by its owner only: it holds secrets. SQLite gives its
/// own side files the same mode. A file that is there is left alone.
fn private_file(at: &str) -> io::Result<PathBuf> {
    let mut options = File::options();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    match options.open(at) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        _ => Path::new(at).canonicalize(),
    }
}

/// Makes the table, if this is the first use of the file.
fn ensure_table(database: &Database, table: &str) -> Result<(), StoreError> {
    let request = json!({
        "TableName": table,
        "BillingMode": "PAY_PER_REQUEST",
        "KeySchema": [{"AttributeName": "user_id", "KeyType": "HASH"}],
        "AttributeDefinitions": [{"AttributeName": "user_id", "AttributeType": "S"}],
    });
    match dispatch(database, "CreateTable", request.to_string().as_bytes()) {
        Ok(_) | Err(DynoxideError::ResourceInUseException(_)) => Ok(()),
        Err(error) => Err(failed(error.error_type())),
    }
}

/// Runs one DynamoDB request, JSON in and JSON out.
fn dispatch(database: &Database, operation: &str, body: &[u8]) -> dynoxide::Result<String> {
    macro_rules! operations {
        ($($name:literal => $method:ident,)*) => {
            match operation {
                $($name => {
                    let request = serde_json::from_slice(body).map_err(unreadable)?;
                    serde_json::to_string(&database.$method(request)?).map_err(unreadable)
                })*
                _ => Err(DynoxideError::ValidationException(format!(
                    "the embedded engine does not do {operation}"
                ))),
            }
        };
    }
    operations! {
        "PutItem" => put_item,
        "UpdateItem" => update_item,
        "DeleteItem" => delete_item,
        "GetItem" => get_item,
        "Scan" => scan,
        "CreateTable" => create_table,
        "DescribeTable" => describe_table,
    }
}

/// A parser's message may quote the item: only its kind is kept.
fn unreadable(error: serde_json::Error) -> DynoxideError {
    DynoxideError::SerializationException(format!("{:?} error", error.classify()))
}

/// Stands where the network would: requests go to the engine, on the caller's
/// thread.
#[derive(Clone)]
struct Connector(Database);

impl std::fmt::Debug for Connector {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("embedded::Connector")
    }
}

impl Connector {
    fn answer(&self, operation: &str, body: &[u8]) -> (u16, String) {
        match dispatch(&self.0, operation, body) {
            Ok(reply) => (200, reply),
            Err(error) => (error.status_code(), error.to_json()),
        }
    }
}

impl HttpConnector for Connector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let target = request.headers().get("x-amz-target").unwrap_or_default();
        let operation = target.rsplit('.').next().unwrap_or_default();
        let (status, reply) = self.answer(operation, request.body().bytes().unwrap_or_default());
        let status = StatusCode::try_from(status).unwrap_or_else(|_| unreachable!("HTTP statuses"));
        HttpConnectorFuture::ready(Ok(HttpResponse::new(status, SdkBody::from(reply))))
    }
}

/// The engine at `at`, with the table made, as an HTTP client.
pub(crate) fn http_client(at: &str, table: &str) -> Result<SharedHttpClient, StoreError> {
    let database = open(at, table)?;
    let connector = SharedHttpConnector::new(Connector(database));
    Ok(http_client_fn(move |_, _| connector.clone()))
}

/// One raw DynamoDB request to a table of the engine at `at`: the HTTP status and the JSON
/// reply. For looking at a table by hand; verifiers go through
/// [`Store`](crate::store::Store).
///
/// # Errors
/// [`StoreError::Configuration`] when the file cannot be opened.
pub fn call(
    at: &str,
    table: &str,
    operation: &str,
    body: &str,
) -> Result<(u16, String), StoreError> {
    Ok(Connector(open(at, table)?).answer(operation, body.as_bytes()))
}
