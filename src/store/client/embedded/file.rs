//! The engine's SQLite file: how it is made and opened, and what its errors mean.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use dynoxide::DynoxideError;
use dynoxide::storage::Storage;
use dynoxide::storage_backend::sql_builders::{GET_SCHEMA_VERSION, SCHEMA_VERSION};
use rusqlite::{Connection, OpenFlags, OptionalExtension};

use crate::store::StoreError;

/// How long SQLite itself waits for another process's lock. It blocks the thread
/// meanwhile, so longer waits are the engine's.
const LOCK_WAIT: Duration = Duration::from_millis(10);
/// How often expired items are deleted, by all processes together.
pub(super) const SWEEP_EVERY: Duration = Duration::from_hours(1);
/// When they last were, in seconds since 1970: a key of dynoxide's own settings.
const SWEPT_AT: &str = "lambdatotp_swept_at";

/// Why a request to the engine has no answer.
pub(super) enum Trouble {
    /// Another process has the file locked: try again.
    Locked,
    Failed(StoreError),
}

/// Makes the file, readable by its owner only: it holds secrets. SQLite gives its
/// own side files the same mode. A file that is there is left alone.
pub(super) fn create(at: &str) -> Result<PathBuf, StoreError> {
    let mut options = File::options();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    match options.open(at) {
        Err(error) if error.kind() == io::ErrorKind::ReadOnlyFilesystem => Err(read_only(at)),
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(cannot_open(at, error)),
        _ => Path::new(at).canonicalize().map_err(|error| cannot_open(at, error)),
    }
}

pub(super) fn cannot_open(at: &str, why: impl std::fmt::Display) -> StoreError {
    StoreError::Configuration(format!("cannot open the embedded table {at}: {why}"))
}

fn read_only(at: &str) -> StoreError {
    StoreError::Configuration(format!(
        "the embedded table {at} is read-only: give this user write access to the file, and to \
         its folder, where SQLite keeps a journal"
    ))
}

/// Opens the file, and brings its schema up to date.
///
/// `Storage::new` would switch the file to a write-ahead log, which loses commits in the
/// SQLite that is built in (docs/internals.md). So the connection is ours, and takes the place of
/// the one in memory that a `Storage` can be made with.
pub(super) fn open(path: &Path, at: &str) -> Result<Storage, Trouble> {
    let failed = |error: DynoxideError| {
        let other = || Trouble::Failed(cannot_open(at, &error));
        trouble(at, &error).unwrap_or_else(other)
    };
    let failed_in_sqlite = |error| failed(DynoxideError::SqliteError(error));
    let mut storage = Storage::memory().map_err(failed)?;
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let file = Connection::open_with_flags(path, flags)
        .map_err(|error| Trouble::Failed(cannot_open(at, error)))?;
    file.busy_timeout(LOCK_WAIT).map_err(failed_in_sqlite)?;
    leave_wal(&file).map_err(failed_in_sqlite)?;
    // Both are needed for a commit to outlive a power failure: an older journal that
    // comes back would undo it.
    file.pragma_update(None, "synchronous", "FULL").map_err(failed_in_sqlite)?;
    let version = version(&file).map_err(failed_in_sqlite)?;
    let empty = std::mem::replace(storage.conn_mut(), file);
    if version != Version::Current {
        // Nobody else may write between the copy and its return. The lock stays with
        // the connection, and goes with it when something fails.
        let lock = "PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE; COMMIT";
        storage.conn().execute_batch(lock).map_err(failed_in_sqlite)?;
        // Again, now that nobody can change it.
        match self::version(storage.conn()).map_err(failed_in_sqlite)? {
            Version::Current => Ok(()),
            Version::None => storage.restore_from_connection(&empty),
            // Restoring migrates.
            Version::Other => {
                storage.backup_to_memory().and_then(|copy| storage.restore_from_connection(&copy))
            }
            Version::Foreign => {
                let why = "it is another program's SQLite database";
                return Err(Trouble::Failed(cannot_open(at, why)));
            }
        }
        .map_err(failed)?;
        // The lock is given back by the next read.
        let unlock = "PRAGMA locking_mode = NORMAL; SELECT count(*) FROM sqlite_schema";
        storage.conn().execute_batch(unlock).map_err(failed_in_sqlite)?;
    }
    Ok(storage)
}

/// Makes sure that the file has a rollback journal. To switch takes the whole file, so
/// that nobody can be writing to the log.
pub(super) fn leave_wal(file: &Connection) -> rusqlite::Result<()> {
    file.prepare_cached("PRAGMA journal_mode = TRUNCATE")?.query_row([], |_| Ok(()))
}

#[derive(PartialEq)]
enum Version {
    /// A file without anything in it.
    None,
    /// No database of dynoxide's.
    Foreign,
    Current,
    Other,
}

fn version(file: &Connection) -> rusqlite::Result<Version> {
    let tables = "SELECT count(*), total(name = '_config') FROM sqlite_schema";
    let counts = file.query_row(tables, [], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(match counts {
        (0, _) => Version::None,
        (_, 0.0) => Version::Foreign,
        (1_i64.., _) => {
            let found: Option<String> =
                file.query_row(GET_SCHEMA_VERSION, [], |row| row.get(0)).optional()?;
            if found == Some(SCHEMA_VERSION.to_string()) {
                Version::Current
            } else {
                Version::Other
            }
        }
        _ => Version::Foreign,
    })
}

/// Deletes what has expired, as DynamoDB's time to live does, unless somebody did lately.
pub(super) fn sweep(storage: &Storage) -> dynoxide::Result<()> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let select = "SELECT value FROM _config WHERE key = ?1";
    let swept: Option<String> =
        storage.conn().query_row(select, [SWEPT_AT], |row| row.get(0)).optional()?;
    let swept = swept.and_then(|at| at.parse::<u64>().ok());
    // A time far ahead is that of a clock which was wrong.
    if swept.is_some_and(|at| at.abs_diff(now) < SWEEP_EVERY.as_secs()) {
        return Ok(());
    }
    let update = "INSERT OR REPLACE INTO _config (key, value) VALUES (?1, ?2)";
    storage.conn().execute(update, [SWEPT_AT, &now.to_string()])?;
    pollster::block_on(dynoxide::ttl::sweep_expired_items(storage)).map(drop)
}

/// What an error of SQLite means for the file, by its text: dynoxide passes on SQLite's
/// words, and none of its codes. `None` for other errors.
pub(super) fn trouble(at: &str, error: &DynoxideError) -> Option<Trouble> {
    let text = match error {
        DynoxideError::SqliteError(error) => error.to_string(),
        DynoxideError::InternalServerError(text) => text.clone(),
        _ => return None,
    };
    let says = |words: &str| text.contains(words);
    Some(if says("is locked") {
        Trouble::Locked
    } else if says("is full") {
        let why = format!("disk full: there is no room for the embedded table {at}");
        Trouble::Failed(StoreError::Unavailable(why))
    } else if says("I/O error") {
        let why = format!(
            "disk I/O error on the embedded table {at}: is the disk full, or over a quota?"
        );
        Trouble::Failed(StoreError::Unavailable(why))
    } else if says("readonly") || says("unable to open") {
        let there = Path::new(at).exists();
        let moved = || cannot_open(at, "it was moved or deleted");
        Trouble::Failed(if there { read_only(at) } else { moved() })
    } else if says("malformed") {
        let why = format!("the embedded table {at} is damaged: restore a copy of it");
        Trouble::Failed(StoreError::Configuration(why))
    } else {
        return None;
    })
}
